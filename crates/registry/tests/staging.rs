//! Staging: bytes wait in an upload that is not closed. Nobody can read them before they are committed, and a source that lies
//! leaves nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use faulty::{Act, CARELESS, Faulty, PLAIN, registries, registry};
use images::{image, noise};
use lockgate_model::ports::{PortError, Registry, Staged};
use lockgate_model::{Descriptor, Digest};
use lockgate_registry::Registries;

mod faulty;
mod images;

fn right() -> Faulty {
    registry(PLAIN, |_| Act::Right)
}

/// Pushes an image of one layer to `from`, and stages the layer in `to`.
async fn stage(
    registries: &Registries,
    from: &Faulty,
    to: &Faulty,
    layer: &[u8],
) -> Result<Option<Box<dyn Staged>>, PortError> {
    let source = from.repository("web");
    registries.push(&source, &image(&[layer.to_vec()], None)).await.unwrap();
    let blob = Descriptor::of("application/vnd.oci.image.layer.v1.tar", layer);
    let stream = registries.blob(&source, &blob).await?;
    registries.stage(&source, &to.repository("copy"), &blob, stream).await
}

#[tokio::test]
async fn what_is_staged_is_nowhere_until_it_is_committed() {
    let layer = noise(9 << 20);
    let digest = Digest::of(&layer);
    let (from, to) = (right(), right());
    let registries = registries(&[&from, &to]);
    let staged = stage(&registries, &from, &to, &layer).await.unwrap().unwrap();
    assert_eq!((to.blob("copy", &digest), to.count("PATCH", "uploads")), (None, 1));
    staged.commit().await.unwrap();
    assert_eq!(to.blob("copy", &digest), Some(layer.clone()));
    // What is there already is not sent again, and small blobs and those of one registry are copied anyhow.
    assert!(stage(&registries, &from, &to, &layer).await.unwrap().is_none());
    assert!(stage(&registries, &from, &to, &noise(10)).await.unwrap().is_none());
    assert!(stage(&registries, &from, &from, &noise(9 << 20)).await.unwrap().is_none());
    assert_eq!(to.count("PATCH", "uploads"), 1);
}

#[tokio::test]
async fn what_is_abandoned_is_gone() {
    let layer = noise(9 << 20);
    let (from, to) = (right(), right());
    let registries = registries(&[&from, &to]);
    let staged = stage(&registries, &from, &to, &layer).await.unwrap().unwrap();
    staged.abandon().await.unwrap();
    assert_eq!((to.count("DELETE", "uploads"), to.count("PUT", "uploads")), (1, 0));
    assert_eq!(to.blob("copy", &Digest::of(&layer)), None);
}

#[tokio::test]
async fn a_lying_source_stages_nothing_even_in_a_careless_target() {
    let layer = noise(9 << 20);
    let name = Digest::of(&layer).to_string();
    let from = registry(PLAIN, move |request| if request.is("GET", &name) { Act::Flip } else { Act::Right });
    let to = registry(CARELESS, |_| Act::Right);
    let registries = registries(&[&from, &to]);
    assert!(stage(&registries, &from, &to, &layer).await.is_err());
    assert_eq!((to.count("PUT", "uploads"), to.blob("copy", &Digest::of(&layer))), (0, None));
}

#[tokio::test]
async fn a_target_that_breaks_or_sends_elsewhere_is_an_error() {
    let layer = noise(9 << 20);
    for break_at in ["PATCH", "POST"] {
        let from = right();
        let to = registry(PLAIN, move |request| {
            if request.is(break_at, "uploads") {
                Act::Answer("500 Internal Server Error", vec![], vec![])
            } else {
                Act::Right
            }
        });
        let registries = registries(&[&from, &to]);
        assert!(stage(&registries, &from, &to, &layer).await.is_err(), "{break_at}");
    }
    let from = right();
    let to = registry(PLAIN, |request| {
        if request.is("POST", "uploads") {
            Act::Answer("202 Accepted", vec![("Location", "http://127.0.0.1:1/x".to_owned())], vec![])
        } else {
            Act::Right
        }
    });
    let registries = registries(&[&from, &to]);
    let error = stage(&registries, &from, &to, &layer).await.err().unwrap();
    assert!(error.reason.contains("another place"), "{error}");
}
