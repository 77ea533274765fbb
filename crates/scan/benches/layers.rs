//! Where the time of a cold scan goes, beside the floor: what inflating the layers and hashing both their forms takes alone,
//! which no scanner that verifies what it reads can save. The images are made by `../shared/arena/build-images`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark may panic, and measures time"
)]

use std::io::{BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use lockgate_model::{Descriptor, Digest, Hasher};
use lockgate_scan::{analyse, merge};
use serde_json::Value;
use xtask::parts;

/// Each figure is the best of so many: the others have more of the machine's noise in them.
const RUNS: usize = 3;

fn main() {
    let Ok(built) = parts::built_images() else {
        println!("layers: skipped, build the images with `../shared/arena/build-images build all`");
        return;
    };
    for image in ["trixie-base", "gorust", "py-vuln", "web-big"] {
        let layers = layers(&built.join("images").join(image));
        told(image, &layers);
    }
}

/// The layers of a layout's only image, with their diff_ids.
fn layers(folder: &Path) -> Vec<(Descriptor, Digest, Vec<u8>)> {
    let blob = |digest: &Value| {
        let hex = digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
        std::fs::read(folder.join("blobs/sha256").join(hex)).unwrap()
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let index = json(&std::fs::read(folder.join("index.json")).unwrap());
    let manifest = json(&blob(&index["manifests"][0]["digest"]));
    let config = json(&blob(&manifest["config"]["digest"]));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let of = |(layer, diff_id): (&Value, &Value)| {
        let bytes = blob(&layer["digest"]);
        let descriptor = Descriptor::of(layer["mediaType"].as_str().unwrap(), &bytes);
        (descriptor, diff_id.as_str().unwrap().parse().unwrap(), bytes)
    };
    manifest["layers"].as_array().unwrap().iter().zip(diff_ids).map(of).collect()
}

fn best(mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..RUNS).map(|_| once()).min().unwrap()
}

/// Calls `visit` with the plain bytes of a layer, piece by piece.
fn inflated(bytes: &[u8], mut visit: impl FnMut(&[u8])) {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(128 << 10, bytes));
    let mut piece = vec![0; 128 << 10];
    loop {
        match decoder.read(&mut piece).unwrap() {
            0 => return,
            read => visit(&piece[..read]),
        }
    }
}

fn told(image: &str, layers: &[(Descriptor, Digest, Vec<u8>)]) {
    let (mut plain_bytes, blobs) = (0, layers.iter().map(|(_, _, bytes)| bytes));
    let inflating = best(|| {
        plain_bytes = 0;
        blobs.clone().for_each(|bytes| inflated(bytes, |piece| plain_bytes += piece.len()));
    });
    let compressed = best(|| {
        std::hint::black_box(blobs.clone().map(|bytes| Digest::of(bytes)).collect::<Vec<_>>());
    });
    let piece = vec![7; 128 << 10];
    let plain = best(|| {
        let mut hasher = Hasher::new();
        (0..plain_bytes / piece.len()).for_each(|_| hasher.update(&piece));
        std::hint::black_box(hasher.finish());
    });
    let mut contents = Vec::new();
    let analysing = best(|| {
        let read = layers.iter().map(|(layer, diff_id, bytes)| {
            (layer.clone(), analyse(&bytes[..], layer, Some(diff_id)).unwrap())
        });
        contents = read.collect();
    });
    let mut inventory = None;
    let merging = best(|| inventory = Some(merge(&contents)));
    let writing = best(|| drop(std::hint::black_box(serde_json::to_vec(&inventory).unwrap())));
    let floor = (inflating + compressed + plain) / 2;
    println!("layers of {image}: {} MB plain", plain_bytes / 1_000_000);
    println!(
        "  inflate {inflating:.2?}, sha256 of the blobs {compressed:.2?}, of what is in them {plain:.2?}"
    );
    println!("  floor on two processors (half of these) {floor:.2?}");
    println!(
        "  read and analysed one layer after another, hashing beside it {analysing:.2?}, laid over each other {merging:.2?}, \
         written as JSON {writing:.2?}"
    );
}
