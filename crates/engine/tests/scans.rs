//! What is kept of images makes the next scan faster, and never another one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_engine::scan::scan;
use lockgate_engine::workspace::Reach;
use lockgate_model::ports::{LayerCache, Pending};
use lockgate_model::{Digest, Inventory};
use sim::Plan;
use world::{World, layer, upload};

mod sim;
mod world;

/// Keeps nothing, and gives bytes that are whole and mean nothing.
struct Nonsense;

impl LayerCache for Nonsense {
    fn get<'a>(&'a self, _: &'a Digest, _: &'a str) -> Pending<'a, Option<Bytes>> {
        Box::pin(async { Ok(Some(Bytes::from_static(b"\x02nonsense"))) })
    }

    fn put<'a>(&'a self, _: &'a Digest, _: &'a str, _: Bytes) -> Pending<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// A layer with the database of these packages of Alpine.
fn packages(names: &[&str]) -> (Vec<u8>, Digest) {
    let stanza = |name: &&str| format!("P:{name}\nV:1.0-r0\nA:x86_64\n\n");
    let database = names.iter().map(stanza).collect::<Vec<_>>().concat();
    layer(&[("lib/apk/db/installed", &database)])
}

async fn inventory(reach: &Reach, layers: &[(Vec<u8>, Digest)]) -> Inventory {
    let repository = "oci:dev/web".parse().unwrap();
    let pushed = reach.registry.push(&repository, &upload(layers, BTreeMap::new())).await.unwrap();
    let reference = format!("oci:dev/web@{}", pushed.digest).parse().unwrap();
    let mut scanned = scan(reach, &reference, None).await.unwrap();
    assert!(scanned.unread.is_empty(), "{:?}", scanned.unread);
    reach.later.done().await;
    scanned.images.remove(0).inventory.unwrap()
}

fn kept(world: &World) -> usize {
    let folder = std::fs::read_dir(world.folder().join("layers")).unwrap().next().unwrap().unwrap();
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[tokio::test]
async fn what_is_kept_is_written_after_the_answer_and_serves_the_next_image() {
    let world = World::new().await;
    let reach = world.process(&Plan::none()).await.reach;
    let layers = [packages(&["a"]), packages(&["a", "b"]), packages(&["a", "c"])];
    let first = inventory(&reach, &layers[..2]).await;
    // Two layers, what is left of the lower one, and the inventory.
    assert_eq!(kept(&world), 4);
    assert_eq!(inventory(&reach, &layers[..2]).await, first);
    assert_eq!(kept(&world), 4);
    let next = inventory(&reach, &layers).await;
    // One layer, what is left of the two below it, and the inventory.
    assert_eq!(kept(&world), 7);
    let names: Vec<_> = next.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    let fresh = forgetful(&reach);
    assert_eq!(inventory(&fresh, &layers).await, next);
}

/// The same way to images, that finds nothing kept.
fn forgetful(reach: &Reach) -> Reach {
    Reach::new(reach.registry.clone(), Arc::new(Nonsense), reach.progress.clone(), reach.later.clone())
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_is_made_again() {
    let world = World::new().await;
    let reach = world.process(&Plan::none()).await.reach;
    let layers = [packages(&["a"]), packages(&["a", "b"]), packages(&["a", "c"])];
    inventory(&reach, &layers[..2]).await;
    let expected = inventory(&forgetful(&reach), &layers).await;
    let folder = std::fs::read_dir(world.folder().join("layers")).unwrap().next().unwrap().unwrap().path();
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(inventory(&reach, &layers).await, expected, "{}", path.display());
    }
}
