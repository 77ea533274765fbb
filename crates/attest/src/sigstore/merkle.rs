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
