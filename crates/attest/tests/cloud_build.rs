//! Google Cloud Build's provenance, as `gcloud` prints it. Google's key is not at hand: what can be said without it is
//! said here, and what cannot is in `docs/conformance.md`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use common::{files, name, read};
use data_encoding::{BASE64, BASE64URL};
use lockgate_attest::predicate::{Predicate, Provenance};
use lockgate_attest::statement::Statement;
use lockgate_model::Digest;
use serde_json::Value;
use xtask::parts::{self, or_skip};

/// What an envelope says about the image of its document, by the checks that need no key.
fn said(envelope: &Value, image: &Digest) -> Result<Provenance, String> {
    let payload = envelope["payload"].as_str().unwrap().as_bytes();
    let payload = BASE64.decode(payload).or_else(|_| BASE64URL.decode(payload));
    let payload = payload.map_err(|error| error.to_string())?;
    let statement = Statement::read(&payload)?;
    if !statement.is_about(image) {
        return Err("about another image".to_owned());
    }
    let signatures = envelope["signatures"].as_array().unwrap();
    let signed = |one: &Value| !one["sig"].as_str().unwrap_or_default().is_empty();
    if !signatures.iter().any(signed) {
        return Err("not signed".to_owned());
    }
    match Predicate::read(&statement) {
        Ok(Predicate::Provenance(provenance)) => Ok(*provenance),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn cloud_build() {
    let Some(arena) = or_skip(parts::arena_signing(), "cloud_build") else { return };
    let (mut read_ones, mut refused) = (0, 0);
    for path in files(&arena.join("slsa-gcb")) {
        // One is no JSON at all, on purpose; one is a digest.
        let Ok(document) = serde_json::from_slice::<Value>(&read(&path)) else { continue };
        let image = document["image_summary"]["digest"].as_str().and_then(|text| text.parse::<Digest>().ok());
        let (Some(image), Some(list)) = (image, document["provenance_summary"]["provenance"].as_array())
        else {
            continue;
        };
        let version = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let builder = format!("https://cloudbuild.googleapis.com/GoogleHostedWorker@{version}");
        let place = name(&path);
        for provenance in list {
            let envelope = &provenance["envelope"];
            let answer = said(envelope, &image);
            if place.contains("mismatch-payload-digest") || place.contains("mismatch-summary-digest") {
                assert_eq!(answer, Err("about another image".to_owned()), "{place}");
                refused += 1;
            } else if place.contains("no-signature") || place.ends_with("empty-signature.json") {
                assert_eq!(answer, Err("not signed".to_owned()), "{place}");
                refused += 1;
            } else if place.contains("mismatch-payload-builderid") && version == "v0.2" {
                // Its subject was changed together with its builder.
                assert_eq!(answer, Err("about another image".to_owned()), "{place}");
                refused += 1;
            } else {
                let wrong = ["mismatch", "invalid", "no-", "empty-"].iter().any(|word| place.contains(word));
                let provenance = match answer {
                    Ok(provenance) => provenance,
                    Err(why) => {
                        assert!(wrong, "{place}: {why}");
                        refused += 1;
                        continue;
                    }
                };
                let forged = place.contains("mismatch-payload-builderid");
                assert_eq!(provenance.builder == builder, !forged, "{place}: {}", provenance.builder);
                assert!(provenance.started < provenance.finished, "{place}");
                let bucket =
                    provenance.source.as_ref().is_some_and(|source| source.repository.starts_with("gs://"));
                assert!(bucket || provenance.entry_point.as_deref() == Some("cloudbuild.yaml"), "{place}");
                read_ones += 1;
            }
        }
    }
    assert!(read_ones >= 25 && refused >= 6, "{read_ones} {refused}");
}
