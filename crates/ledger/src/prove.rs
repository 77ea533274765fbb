//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2), made from any source of subtree
//! hashes and verified from nothing but hashes (RFC 9162, sections 2.1.3.2 and 2.1.4.2).

use crate::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};

/// Gives the root of complete subtrees: `level` 0 are leaves, `index` counts subtrees of that level.
pub trait HashReader {
    /// Why a hash cannot be had.
    type Error;

    /// The root of the 2^level leaves that begin at `index * 2^level`.
    fn hash(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of a tree with these leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        many => {
            let (left, right) = many.split_at(split(many.len() as u64).try_into().unwrap_or(0));
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The largest power of two below `size`, for sizes above one.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The hashes that lead from leaf `index` to the root of a tree of `size` entries; none when there is no such
/// leaf.
pub fn prove_inclusion<R: HashReader>(
    index: u64,
    size: u64,
    reader: &R,
) -> Result<Option<Vec<Hash>>, R::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push((middle, end));
            end = middle;
        } else {
            path.push((start, middle));
            start = middle;
        }
    }
    path.reverse();
    path.into_iter().map(|(start, end)| range_root(start, end, reader)).collect::<Result<_, _>>().map(Some)
}

/// The hashes that show that the tree of `old` entries is the beginning of that of `new` entries; none when
/// it cannot be.
pub fn prove_consistency<R: HashReader>(
    old: u64,
    new: u64,
    reader: &R,
) -> Result<Option<Vec<Hash>>, R::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push((middle, end));
            end = middle;
        } else {
            path.push((start, middle));
            start = middle;
        }
    }
    if start != 0 {
        path.push((start, end));
    }
    path.reverse();
    path.into_iter().map(|(start, end)| range_root(start, end, reader)).collect::<Result<_, _>>().map(Some)
}

/// The root over the leaves from `start` to before `end`; `start` is where such a subtree may begin.
fn range_root<R: HashReader>(start: u64, end: u64, reader: &R) -> Result<Hash, R::Error> {
    let size = end - start;
    if size.is_power_of_two() {
        let level = size.ilog2();
        return reader.hash(u8::try_from(level).unwrap_or(u8::MAX), start >> level);
    }
    let middle = start + split(size);
    Ok(node_hash(&range_root(start, middle, reader)?, &range_root(middle, end, reader)?))
}

/// Whether `proof` leads from `entry` at `index` to `root` of a tree of `size` entries.
pub fn verify_inclusion(entry: &[u8], index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    verify_leaf(&leaf_hash(entry), index, size, proof, root)
}

/// As [`verify_inclusion`], for a leaf hash.
pub fn verify_leaf(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `old` entries with `old_root` is the beginning of the tree of `new`
/// entries with `new_root`.
pub fn verify_consistency(old: u64, new: u64, proof: &[Hash], old_root: &Hash, new_root: &Hash) -> bool {
    if old == new {
        return proof.is_empty() && old_root == new_root && (old > 0 || *old_root == EMPTY_ROOT);
    }
    if old > new {
        return false;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == EMPTY_ROOT;
    }
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut from_old, mut from_new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == *old_root && from_new == *new_root
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the trees of tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Leaves in memory.
    struct Leaves(Vec<Hash>);

    impl HashReader for Leaves {
        type Error = std::convert::Infallible;

        fn hash(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
            let (start, width) = ((index << level) as usize, 1usize << level);
            Ok(root_of(&self.0[start..start + width]))
        }
    }

    fn tree(size: u64) -> Leaves {
        Leaves((0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect())
    }

    #[test]
    fn every_proof_of_every_small_tree_verifies() {
        for size in 1..40u64 {
            let leaves = tree(size);
            let root = root_of(&leaves.0);
            for index in 0..size {
                let Ok(proof) = prove_inclusion(index, size, &leaves);
                assert!(verify_inclusion(&index.to_le_bytes(), index, size, &proof.unwrap(), &root));
            }
            for old in 0..=size {
                let Ok(proof) = prove_consistency(old, size, &leaves);
                let old_root = root_of(&leaves.0[..old as usize]);
                assert!(verify_consistency(old, size, &proof.unwrap(), &old_root, &root), "{old} {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_inclusion_proof_does_not_verify(
            size in 1u64..300, index in any::<u64>(), what in 0u8..5, at in any::<usize>(), bit in 0u32..8,
        ) {
            let index = index % size;
            let leaves = tree(size);
            let root = root_of(&leaves.0);
            let Ok(proof) = prove_inclusion(index, size, &leaves);
            let (mut proof, mut root, mut entry, mut index, size) =
                (proof.unwrap(), root, index.to_le_bytes(), index, size);
            match what {
                0 => root[at % 32] ^= 1 << bit,
                1 => entry[at % 8] ^= 1 << bit,
                2 if !proof.is_empty() => { let n = at % proof.len(); proof[n][at % 32] ^= 1 << bit; }
                3 => proof.push([0; 32]),
                _ => index += size,
            }
            prop_assert!(!verify_inclusion(&entry, index, size, &proof, &root));
        }

        #[test]
        fn a_changed_consistency_proof_does_not_verify(
            new in 2u64..300, old in any::<u64>(), what in 0u8..4, at in any::<usize>(), bit in 0u32..8,
        ) {
            let old = 1 + old % (new - 1);
            let leaves = tree(new);
            let (mut old_root, mut new_root) = (root_of(&leaves.0[..old as usize]), root_of(&leaves.0));
            let Ok(proof) = prove_consistency(old, new, &leaves);
            let mut proof = proof.unwrap();
            match what {
                0 => old_root[at % 32] ^= 1 << bit,
                1 => new_root[at % 32] ^= 1 << bit,
                2 => { let n = at % proof.len(); proof[n][at % 32] ^= 1 << bit; }
                _ => { proof.pop(); }
            }
            prop_assert!(!verify_consistency(old, new, &proof, &old_root, &new_root));
        }
    }
}
