//! Files of advisories, as an import reads them; what it makes of them opens, and a delta of it is proven.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use lockgate_model::Timestamp;
use lockgate_model::Digest;
use lockgate_scan::{Feed, FeedBuilder};
use lockgate_scan::feed::delta;

fuzz_target!(|bytes: &[u8]| {
    let mut builder = FeedBuilder::new();
    let _added = builder.add("x", Cursor::new(bytes), Timestamp::from_unix(0));
    let (made, summary) = builder.finish().expect("memory takes every feed");
    let digest = Digest::of(&made);
    let feed = Feed::open(std::sync::Arc::new(bytes::Bytes::from(made))).expect("what was made opens");
    assert_eq!(feed.advisories().filter(Result::is_ok).count() as u64, summary.header.advisories);
    let (empty, _) = FeedBuilder::new().finish().expect("memory takes every feed");
    let from = Digest::of(&empty);
    let empty = Feed::open(std::sync::Arc::new(bytes::Bytes::from(empty))).expect("an empty feed opens");
    let step = delta(from, &empty, digest, &feed).expect("sound feeds have a delta");
    step.apply(&empty, std::io::sink()).expect("the delta makes the feed");
});
