//! What the targets that read advisories have in common.

use std::io::Cursor;
use std::sync::Arc;

use lockgate_model::{Digest, Timestamp};
use lockgate_scan::feed::delta;
use lockgate_scan::{Feed, FeedBuilder};

/// The instant of every import: the last that there is, so that no date is in the future.
const NOW: Timestamp = Timestamp::LAST;

/// Imports a file: what is made of it opens, is whole, and a delta of it is proven.
pub fn import(bytes: &[u8]) {
    let mut builder = FeedBuilder::new(NOW);
    let _added = builder.add("x", Cursor::new(bytes));
    let (made, summary) = builder.finish().expect("memory takes every feed");
    let digest = Digest::of(&made);
    let feed = opened(made);
    assert_eq!(feed.advisories().filter(Result::is_ok).count() as u64, summary.header.advisories);
    let (from, empty) = empty();
    let step = delta(from, &empty, digest, &feed).expect("sound feeds have a delta");
    step.apply(&empty, Cursor::new(Vec::new()), std::io::sink()).expect("the delta makes the feed");
}

/// Imports a document of which `bytes` are the part between `before` and `after`: so that a fuzzer need not find what
/// stands around it.
pub fn import_within(before: &str, bytes: &[u8], after: &str) {
    import(&[before.as_bytes(), bytes, after.as_bytes()].concat());
}

/// A feed of nothing, and its digest.
pub fn empty() -> (Digest, Feed) {
    let (bytes, _) = FeedBuilder::new(NOW).finish().expect("memory takes every feed");
    (Digest::of(&bytes), opened(bytes))
}

fn opened(bytes: Vec<u8>) -> Feed {
    Feed::open(Arc::new(bytes::Bytes::from(bytes))).expect("what was made opens")
}
