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
use lockgate_attest::predicate::{Predicate, PredicateError, Provenance};
use lockgate_attest::reading::Reading;
use lockgate_attest::statement::Statement;
use lockgate_model::Digest;
use serde_json::{Value, json};
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

// Indices as text.

fn recipe(index: &Value) -> Result<Box<Provenance>, PredicateError> {
    read_recipe(index, Reading::NEWEST)
}

fn read_recipe(index: &Value, reading: Reading) -> Result<Box<Provenance>, PredicateError> {
    let mut recipe = json!({"type": "https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1", "entryPoint": "cloudbuild.yaml"});
    if !index.is_null() {
        recipe["definedInMaterial"] = index.clone();
    }
    let material = |name: &str| json!({"uri": format!("https://github.com/acme/{name}"), "digest": {"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}});
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1", "subject": [], "predicateType": "https://slsa.dev/provenance/v0.1",
        "predicate": {"builder": {"id": "b"}, "recipe": recipe, "materials": [material("a"), material("b")]},
    });
    let statement = Statement::read(&serde_json::to_vec(&statement).unwrap()).unwrap();
    match Predicate::read_as(&statement, reading)? {
        Predicate::Provenance(read) => Ok(read),
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_the_recipe_is_defined() {
    let source = |index: Value| recipe(&index).unwrap().source.map(|source| source.repository);
    for (index, repository) in [
        (Value::Null, Some("https://github.com/acme/a")),
        (json!(0), Some("https://github.com/acme/a")),
        (json!("0"), Some("https://github.com/acme/a")),
        (json!(1), Some("https://github.com/acme/b")),
        (json!("1"), Some("https://github.com/acme/b")),
        (json!(2), None),
        (json!("2"), None),
        (json!("9223372036854775807"), None),
        (json!(-1), None),
        (json!("-1"), None),
    ] {
        assert_eq!(source(index.clone()).as_deref(), repository, "{index}");
    }
    let wrong = [
        json!("-2"),
        json!(-2),
        json!(""),
        json!(" 1"),
        json!("1 "),
        json!("01"),
        json!("+1"),
        json!("1.0"),
        json!(1.0),
        json!(0.5),
        json!("1e0"),
        json!("0x1"),
        json!("one"),
        json!(true),
        json!([1]),
        json!({"value": 1}),
        json!("-0"),
        json!("9223372036854775808"),
        json!("\u{661}"),
        json!("1\n"),
    ];
    for index in &wrong {
        assert!(matches!(recipe(index), Err(PredicateError::Malformed { .. })), "{index}");
    }
    // Recorded Cases: numbers alone, and the words of then.
    assert!(read_recipe(&json!(1), Reading::First).is_ok());
    let why = read_recipe(&json!("1"), Reading::First).unwrap_err().to_string();
    assert!(why.contains(r#"invalid type: string "1", expected usize"#), "{why}");
}
