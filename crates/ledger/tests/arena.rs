//! The Merkle vectors of others, and a whole log that another program wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use lockgate_ledger::{Checkpoint, Edge, Hash, VerifierKey, verify_consistency, verify_leaf};
use serde_json::Value;
use xtask::parts::{self, or_skip};

fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

fn hash(value: &Value) -> Option<Hash> {
    BASE64.decode(value.as_str()?.as_bytes()).ok()?.try_into().ok()
}

/// A root; some vectors have any bytes there, of which only equality counts.
fn root(value: &Value) -> Option<Hash> {
    let bytes = BASE64.decode(value.as_str()?.as_bytes()).ok()?;
    Some(bytes.as_slice().try_into().unwrap_or_else(|_| *lockgate_model::Digest::of(&bytes).as_bytes()))
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(vec![]), |list| list.iter().map(hash).collect())
}

fn vectors(family: &str, verifies: impl Fn(&Value) -> Option<bool>) {
    let Some(arena) = or_skip(parts::arena_signing(), family) else { return };
    let files = files(&arena.join(family));
    assert!(files.len() > 50, "{}", files.len());
    for file in files {
        let vector: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let expected = !vector["wantErr"].as_bool().unwrap_or(false);
        assert_eq!(verifies(&vector).unwrap_or(false), expected, "{}", file.display());
    }
}

#[test]
fn inclusion() {
    vectors("merkle-inclusion", |vector| {
        let (index, size) = (vector["leafIdx"].as_u64()?, vector["treeSize"].as_u64()?);
        let proof = hashes(&vector["proof"])?;
        Some(verify_leaf(&hash(&vector["leafHash"])?, index, size, &proof, &hash(&vector["root"])?))
    });
}

#[test]
fn consistency() {
    vectors("merkle-consistency", |vector| {
        let (old, new) = (vector["size1"].as_u64()?, vector["size2"].as_u64()?);
        let proof = hashes(&vector["proof"])?;
        Some(verify_consistency(old, new, &proof, &root(&vector["root1"])?, &root(&vector["root2"])?))
    });
}

#[test]
fn a_log_that_another_program_wrote() {
    let Some(arena) = or_skip(parts::arena_signing(), "tlog-tessera") else { return };
    let script = std::fs::read_to_string(arena.join("tlog-tessera/build_log.sh.txt")).unwrap();
    let log = arena.join("tlog-tessera/testdata/log");
    let key = script.split("LOG_PUBLIC_KEY=\"").nth(1).unwrap().split('"').next().unwrap();
    let key: VerifierKey = key.parse().unwrap();
    let mut edge = Edge::new();
    for size in 1..=15 {
        // Entries come in bundles, each after its length.
        let bundle = std::fs::read(log.join(format!("tile/entries/000.p/{size}"))).unwrap();
        let (mut rest, mut last) = (bundle.as_slice(), Vec::new());
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            last = rest[2..2 + length].to_vec();
            rest = &rest[2 + length..];
        }
        edge.append(&last);
        let note = std::fs::read_to_string(log.join(format!("checkpoint.{size}"))).unwrap();
        let checkpoint = Checkpoint::open(&note, &key).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (size, edge.root()));
    }
}
