//! That a leaf is in a tree (RFC 6962, section 2.1.1, checked as RFC 9162, section 2.1.3.2, says).

use aws_lc_rs::digest::{Context, SHA256};

use crate::limits;

/// A hash of the tree.
pub(crate) type Node = [u8; 32];

fn hash(prefix: u8, parts: &[&[u8]]) -> Node {
    let mut context = Context::new(&SHA256);
    context.update(&[prefix]);
    for part in parts {
        context.update(part);
    }
    let mut node = [0; 32];
    node.copy_from_slice(context.finish().as_ref());
    node
}

/// The hash of a leaf.
pub(crate) fn leaf(content: &[u8]) -> Node {
    hash(0, &[content])
}

/// Whether `proof` shows that the leaf `leaf` stands at `index` in the tree of `size` leaves with the root `root`.
pub(crate) fn includes(leaf: Node, index: u64, size: u64, proof: &[Node], root: &Node) -> bool {
    if index >= size || proof.len() > limits::PROOF_HASHES {
        return false;
    }
    let (mut index, mut last, mut node) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            node = hash(1, &[sibling, &node]);
            while index & 1 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            node = hash(1, &[&node, sibling]);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    last == 0 && node == *root
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test reads files")]
mod tests {
    use data_encoding::BASE64;
    use proptest::prelude::*;
    use serde_json::Value;
    use xtask::parts::{arena_signing, or_skip};

    use super::*;

    fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    /// RFC 6962 proofs of the transparency-dev project, right ones and mutations that must fail.
    #[test]
    fn proofs_of_others() {
        let Some(arena) = or_skip(arena_signing(), "proofs_of_others") else { return };
        let (mut right, mut wrong) = (0, 0);
        for path in files(&arena.join("merkle-inclusion")) {
            let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let node = |value: &Value| {
                let bytes = BASE64.decode(value.as_str().unwrap_or_default().as_bytes()).unwrap();
                Node::try_from(bytes).ok()
            };
            let proof: Option<Vec<_>> = case["proof"].as_array().into_iter().flatten().map(node).collect();
            let (index, size) = (case["leafIdx"].as_u64().unwrap(), case["treeSize"].as_u64().unwrap());
            let answer = match (node(&case["leafHash"]), node(&case["root"]), proof) {
                (Some(leaf), Some(root), Some(proof)) => includes(leaf, index, size, &proof, &root),
                _ => false,
            };
            let expected = !case["wantErr"].as_bool().unwrap();
            assert_eq!(answer, expected, "{}", path.display());
            if expected { right += 1 } else { wrong += 1 }
        }
        assert!(right >= 3 && wrong >= 50, "{right} {wrong}");
    }

    /// The root of a tree, and the proof for one of its leaves, by the definition (RFC 6962, section 2.1).
    fn by_definition(leaves: &[Node], index: usize) -> (Node, Vec<Node>) {
        if let [only] = leaves {
            return (*only, vec![]);
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (inside, other) = if index < split { (left, right) } else { (right, left) };
        let (root, mut proof) = by_definition(inside, index % split);
        let (sibling, _) = by_definition(other, 0);
        proof.push(sibling);
        let root = if index < split { hash(1, &[&root, &sibling]) } else { hash(1, &[&sibling, &root]) };
        (root, proof)
    }

    proptest! {
        #[test]
        fn includes_what_is_in_it_and_nothing_else(size in 1usize..70, index in 0usize..70, other in 0u64..80, bit in 0usize..256) {
            let index = index % size;
            let leaves: Vec<_> = (0..size).map(|n| leaf(&n.to_be_bytes())).collect();
            let (root, proof) = by_definition(&leaves, index);
            let (place, count) = (u64::try_from(index).unwrap(), u64::try_from(size).unwrap());
            prop_assert!(includes(leaves[index], place, count, &proof, &root));
            prop_assert!(other == place || !includes(leaves[index], other, count, &proof, &root));
            let mut flipped = root;
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!includes(leaves[index], place, count, &proof, &flipped));
            prop_assert!(!includes(leaf(b"other"), place, count, &proof, &root));
            let longer = [&proof[..], &[root]].concat();
            prop_assert!(!includes(leaves[index], place, count, &longer, &root));
            if let [.., _] = proof.as_slice() {
                prop_assert!(!includes(leaves[index], place, count, &proof[..proof.len() - 1], &root));
            }
        }
    }
}
