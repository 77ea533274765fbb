//! The index of 100 000 inventories of 300 packages each, made in batches, and asked about a step of 500 advisories. Half of
//! the packages of an inventory are of the 500 that nearly everybody has, the others of 20 000.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a benchmark may panic, and measures time"
)]

use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lockgate_model::inventory::{Confidence, Package};
use lockgate_model::{Digest, Inventory, Timestamp};
use lockgate_scan::feed::touched;
use lockgate_scan::inventories::{Batch, Covered, InventoryIndex, Subject, write_index};
use lockgate_scan::{Feed, FeedBuilder};
use lockgate_store::FeedFile;
use serde_json::json;
use xtask::parts;

const INVENTORIES: u64 = 100_000;
const PACKAGES: usize = 300;
const COMMON: u64 = 500;
const POOL: u64 = 20_000;
const ADVISORIES: u64 = 500;
const RUNS: usize = 20;

/// Numbers that are the same in each run (Knuth, MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn main() {
    let mut numbers = Numbers(1);
    let (mut making, mut file, mut batch) = (Duration::ZERO, None, Batch::default());
    let mut inventory = Inventory { packages: vec![package(); PACKAGES], ..Inventory::default() };
    for at in 0..INVENTORIES {
        for (place, package) in inventory.packages.iter_mut().enumerate() {
            let number = numbers.below(if place % 2 == 0 { COMMON } else { POOL });
            package.name = format!("package-{number}");
        }
        let digest = Digest::of(&at.to_le_bytes());
        let start = Instant::now();
        batch.add(Subject { artifact: digest, inventory: digest }, &inventory);
        if batch.is_full() || at + 1 == INVENTORIES {
            file = Some(written(file.as_ref(), &std::mem::take(&mut batch), at + 1));
        }
        making += start.elapsed();
    }
    let file = file.unwrap();
    println!(
        "inventories: {INVENTORIES} of {PACKAGES} packages indexed in {:.1} s, {} MB, peak memory {} MiB",
        making.as_secs_f64(),
        file.metadata().unwrap().len() / 1_000_000,
        parts::peak_memory() >> 10
    );
    let start = Instant::now();
    let mut one = Batch::default();
    let new = Subject { artifact: Digest::of(b"new"), inventory: Digest::of(b"new") };
    one.add(new, &inventory);
    let file = written(Some(&file), &one, INVENTORIES + 1);
    println!("inventories: one more added in {:?}", start.elapsed());
    let (old, new) = (feed(0, &mut numbers), feed(ADVISORIES, &mut numbers));
    let (mut opening, mut asking, mut found) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        let start = Instant::now();
        let index = opened(&file);
        opening.push(start.elapsed());
        let start = Instant::now();
        let keys = touched(&old, &new).unwrap().into_keys().collect();
        found = index.having(&keys).unwrap().len();
        asking.push(start.elapsed());
    }
    println!(
        "inventories: opened in {:?}, a step of {ADVISORIES} advisories answered in {:?}: {found} inventories, peak memory {} MiB",
        median(opening),
        median(asking),
        parts::peak_memory() >> 10
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn package() -> Package {
    Package {
        ecosystem: "Debian:12".into(),
        name: String::new(),
        version: "1".into(),
        source: None,
        architecture: String::new(),
        purl: String::new(),
        licenses: vec![],
        layer: Digest::of(b"l"),
        layer_index: 0,
        path: "/x".into(),
        cataloger: "x".into(),
        installed_by: String::new(),
        confidence: Confidence::Recorded,
    }
}

fn opened(file: &File) -> InventoryIndex {
    let file = FeedFile::new("index", file.try_clone().unwrap()).unwrap();
    InventoryIndex::open(Arc::new(file)).unwrap()
}

fn written(old: Option<&File>, batch: &Batch, size: u64) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, &mut file);
    let old = old.map(opened);
    write_index(old.as_ref(), batch, Covered { size, last: None }, &mut out).unwrap();
    out.flush().unwrap();
    drop(out);
    file
}

/// Advisories about so many of the packages that few have.
fn feed(count: u64, numbers: &mut Numbers) -> Feed {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    for at in 0..count {
        let name = format!("package-{}", COMMON + numbers.below(POOL - COMMON));
        let record = json!({"id": format!("A-{at}"), "modified": "2026-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": "Debian:12", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]});
        builder.add("x", Cursor::new(record.to_string())).unwrap();
    }
    Feed::open(Arc::new(Bytes::from(builder.finish().unwrap().0))).unwrap()
}
