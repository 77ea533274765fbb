//! Images whose layers name a table of contents (TOC): one that does not say what the layer's tar says keeps the image from
//! passing, wherever what is known of the layer comes from.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::Write;

use lockgate_engine::judge::{Recorded, judge};
use lockgate_engine::scan::scan;
use lockgate_engine::sign::{Form, sign};
use lockgate_model::oci::media;
use lockgate_model::{Answer, Descriptor, Digest, Outcome, Timestamp};
use serde_json::{Value, json};
use sim::Plan;
use world::World;

mod sim;
mod world;

const INSTALLED: &str = "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"), ("lib/apk/db/installed", INSTALLED)]
}

/// A layer of eStargz whose TOC has these entries; its diff_id, and the digest of the TOC.
fn layer(entries: &[(&str, &str)]) -> (Vec<u8>, Digest, Digest) {
    let entry = |(path, text): &(&str, &str)| {
        let digest = Digest::of(text.as_bytes());
        json!({"type": "reg", "name": path, "mode": 0o644, "size": text.len(), "digest": digest})
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    let toc = json!({"version": 1, "entries": entries}).to_string();
    let (mut first, last) = (world::tar(&files()), world::tar(&[("stargz.index.json", toc.as_str())]));
    // Without the two blocks of zeros that end it.
    first.truncate(first.len() - 1024);
    let mut blob = world::gzip(&first);
    let offset = blob.len();
    blob.extend(world::gzip(&last));
    blob.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0]);
    blob.extend(b"SG\x16\0");
    write!(blob, "{offset:016x}STARGZ").unwrap();
    blob.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    (blob, Digest::of(&[first, last].concat()), Digest::of(toc.as_bytes()))
}

/// Judges an image of that layer, whose manifest names a TOC of that digest.
async fn judged(world: &World, (blob, diff_id): (&[u8], Digest), toc: Option<Digest>) -> Recorded {
    let workspace = world.process(&Plan::none()).await;
    let upload = world::naming(world::upload(&[(blob.to_vec(), diff_id)], BTreeMap::new()), toc);
    let (repository, reach) = ("oci:dev/web".parse().unwrap(), &workspace.reach);
    let image = reach.registry.push(&repository, &upload).await.unwrap();
    reach.registry.tag(&repository, "1", &image).await.unwrap();
    let (reference, at) = ("oci:dev/web:1".parse().unwrap(), Timestamp::from_unix(1_780_000_000));
    sign(reach, &reference, &world.build, &[Form::Bundle], at).await.unwrap();
    let recorded = judge(&workspace, &World::request("staging")).await.unwrap();
    reach.later.done().await;
    recorded
}

fn told(recorded: &Recorded) -> String {
    let verdicts = recorded.decision.verdicts.iter();
    let verdict = verdicts.into_iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    assert_eq!(verdict.answer, Answer::Unknown, "{verdict:#?}");
    format!("{verdict:?}")
}

#[tokio::test]
async fn a_package_in_the_toc_alone_does_not_pass() {
    let world = World::new().await;
    let vulnerable = "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\nP:x\nV:9\nA:x86_64\nL:MIT\n\n";
    let mut entries = files();
    entries[1].1 = vulnerable;
    let (blob, diff_id, toc) = layer(&entries);
    let recorded = judged(&world, (&blob, diff_id), Some(toc)).await;
    assert_eq!(recorded.decision.outcome, Outcome::Pause);
    assert!(told(&recorded).contains("table of contents does not say what its tar says"));
    // The same layer, in an image whose readers all unpack the tar: what was kept does not speak of the TOC.
    let bare = judged(&world, (&blob, diff_id), None).await;
    assert_eq!(bare.decision.outcome, Outcome::Proceed, "{:#?}", bare.decision);
    // And back: it was compared before.
    told(&judged(&world, (&blob, diff_id), Some(toc)).await);
}

#[tokio::test]
async fn a_layer_that_is_known_is_compared_with_each_toc() {
    let world = World::new().await;
    let (blob, diff_id, toc) = layer(&files());
    let bare = judged(&world, (&blob, diff_id), None).await;
    let honest = judged(&world, (&blob, diff_id), Some(toc)).await;
    assert_eq!(honest.decision.outcome, Outcome::Proceed, "{:#?}", honest.decision);
    assert_eq!(honest.case.record.images[0].inventory, bare.case.record.images[0].inventory);
    // Another image names another TOC of the same layer.
    let other = judged(&world, (&blob, diff_id), Some(Digest::of(b"other"))).await;
    assert!(told(&other).contains("another digest than the annotation says"));
    let again = judged(&world, (&blob, diff_id), Some(toc)).await;
    assert_eq!(again.decision.outcome, Outcome::Proceed);
}

#[tokio::test]
async fn a_scan_tells_of_a_toc_too() {
    let world = World::new().await;
    let (blob, diff_id, toc) = layer(&files()[..1]);
    judged(&world, (&blob, diff_id), Some(toc)).await;
    let workspace = world.process(&Plan::none()).await;
    let scanned = scan(&workspace.reach, &"oci:dev/web:1".parse().unwrap(), None).await.unwrap();
    let unread = &scanned.images[0].inventory.as_ref().unwrap().unread;
    assert!(unread.len() == 1 && unread[0].path == "lib/apk/db/installed", "{unread:?}");
    assert_eq!(unread[0].layer, Descriptor::of(media::OCI_LAYER_GZIP, &blob).digest);
}
