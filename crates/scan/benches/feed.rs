//! A feed of 200 000 advisories: made, opened, and asked about 6 000 packages. The advisories are the arena's, and as many
//! of them again under other names as are missing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark may panic, and measures time"
)]

#[path = "../tests/layouts/mod.rs"]
mod layouts;

use std::fs::File;
use std::io::{BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use layouts::layout;
use lockgate_model::{Inventory, Timestamp};
use lockgate_scan::{Feed, FeedBuilder};
use lockgate_store::FeedFile;
use serde_json::Value;
use xtask::parts;

/// As many records as make 200 000 advisories: some are withdrawn, and some are of several sources.
const RECORDS: usize = 240_000;
const PACKAGES: usize = 6_000;
const RUNS: usize = 20;

fn main() {
    let Ok(arena) = parts::arena() else {
        println!("feed: skipped, ../shared/arena is not here");
        return;
    };
    let text = records(&arena);
    let (mut spool, mut out) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let start = Instant::now();
    let mut builder = FeedBuilder::spooled(Spool(BufWriter::new(&mut spool)), Timestamp::from_unix(i64::MAX));
    builder.add("records", Cursor::new(&text)).unwrap();
    let mut writer = BufWriter::new(&mut out);
    let (digest, summary) = builder.write(&mut writer).unwrap();
    writer.flush().unwrap();
    drop(writer);
    println!(
        "feed: {} advisories made in {:.2} s, {} MB, peak memory with the {} MB of records {} MiB",
        summary.header.advisories,
        start.elapsed().as_secs_f64(),
        out.metadata().unwrap().len() / 1_000_000,
        text.len() / 1_000_000,
        parts::peak_memory() >> 10
    );
    let inventory = inventory(&arena);
    let (mut opened, mut matched, mut planned) = (Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut upgrades) = (0, 0);
    for _ in 0..RUNS {
        let file = FeedFile::new("feed", out.try_clone().unwrap()).unwrap();
        let start = Instant::now();
        let feed = Feed::open(Arc::new(file)).unwrap();
        opened.push(start.elapsed());
        let start = Instant::now();
        let answer = feed.matches(&inventory).unwrap();
        matched.push(start.elapsed());
        found = answer.matches.len();
        let start = Instant::now();
        upgrades =
            feed.plan(&inventory, &answer, None).unwrap().groups.iter().map(|one| one.upgrades.len()).sum();
        planned.push(start.elapsed());
    }
    println!("feed {}: opened in {:?}", digest.short(), median(opened));
    println!(
        "feed: {} packages matched in {:?}, {found} vulnerabilities; {upgrades} upgrades planned in {:?}",
        inventory.packages.len(),
        median(matched),
        median(planned)
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Lines of records.
fn records(arena: &std::path::Path) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(arena.join("advisories")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.to_string_lossy().ends_with(".osv.jsonl.zst")) {
        let text = zstd::stream::decode_all(File::open(path).unwrap()).unwrap();
        lines.extend(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    let real = lines.len();
    for copy in 0.. {
        if lines.len() >= RECORDS {
            break;
        }
        let mut value: Value = serde_json::from_slice(&lines[copy % real]).unwrap();
        value["id"] = format!("COPY-{copy}-{}", value["id"].as_str().unwrap()).into();
        for affected in value["affected"].as_array_mut().unwrap() {
            let name = format!("copy-{copy}-{}", affected["package"]["name"].as_str().unwrap_or_default());
            affected["package"]["name"] = name.into();
        }
        lines.push(value.to_string().into_bytes());
    }
    lines.join(&b'\n')
}

/// The packages of real images, and the same in other versions until there are enough.
fn inventory(arena: &std::path::Path) -> Inventory {
    let images = ["node-meta", "distroless", "java-meta", "apk-meta"];
    let mut whole = layout(&arena.join("images/distroless")).unwrap();
    whole.packages =
        images.iter().flat_map(|image| layout(&arena.join("images").join(image)).unwrap().packages).collect();
    let real = whole.packages.len();
    for index in real..PACKAGES {
        let mut package = whole.packages[index % real].clone();
        package.version = format!("{}.{}", index / real, package.version);
        whole.packages.push(package);
    }
    whole
}

/// A file of records that wait.
struct Spool<'a>(BufWriter<&'a mut File>);

impl Write for Spool<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Spool<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for Spool<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0.get_mut().read(bytes)
    }
}
