//! Tables of contents of layers, in the formats that runtimes read, and layers that name them.
#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest};
use lockgate_scan::layer::toc::TocRef;
use lockgate_scan::{analyse_verified, merge};

/// The keys of annotations that name a TOC, and the media type of the layer.
const NAMED: [(&str, &str); 3] = [
    ("io.github.containers.zstd-chunked.manifest-checksum", media::OCI_LAYER),
    ("containerd.io/snapshot/stargz/toc.digest", media::OCI_LAYER_ZSTD),
    ("containerd.io/snapshot/stargz/toc.digest", media::OCI_LAYER_GZIP),
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes everything")
}

fuzz_target!(|bytes: &[u8]| {
    // The tar that a document is compared with stands before it.
    let at = bytes.iter().position(|byte| *byte == b'{').unwrap_or_default() / 512 * 512;
    let (tar, document) = bytes.split_at(at);
    for (key, media_type) in NAMED {
        let (stored, checksum) = match media_type {
            media::OCI_LAYER => (zstd(document), Digest::of(&zstd(document))),
            media::OCI_LAYER_ZSTD => (zstd(document), Digest::of(document)),
            _ => (gzip(bytes), Digest::of(document)),
        };
        let mut named = Descriptor::of(media_type, tar);
        named.annotations.insert(key.to_owned(), checksum.to_string());
        let tocs = TocRef::of(&named).into_iter().map(|toc| {
            let _place = (toc.place(bytes.len() as u64), toc.by_footer(bytes, u64::MAX));
            let read = toc.read(&stored);
            (toc, read)
        });
        let layer =
            Descriptor { annotations: named.annotations.clone(), ..Descriptor::of(media::OCI_LAYER, tar) };
        if let Ok(content) = analyse_verified(tar, &layer, None, tocs.collect()) {
            let _inventory = merge(&[(layer, content)]);
        }
    }
});
