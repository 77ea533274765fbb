//! Judging: each finding has a case; the same Case gives the same bytes; nothing malformed proceeds, and nothing panics.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::semicolon_if_nothing_returned,
    reason = "a test may panic"
)]

mod making;

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_attest::keys::SigningKey;
use lockgate_judge::{decide, explain};
use lockgate_model::case::{Gap, Held, TrustedKey};
use lockgate_model::inventory::{Confidence, Distribution, Unread};
use lockgate_model::oci::{Index, media};
use lockgate_model::{
    Answer, Case, CaseRecord, Descriptor, Digest, Inputs, Inventory, Outcome, Package, canon,
};
use making::{Making, answer, at, codes, covered, inventory, package, signature, spoilt};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_good_case_proceeds_and_says_what_it_rests_on() {
    let decision = Making::new().decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let relied: Vec<_> = decision.verdicts.iter().flat_map(|verdict| &verdict.relied_on).collect();
    for kind in ["key:build@", "evidence:", "feed:", "policy:"] {
        assert!(relied.iter().any(|one| one.to_string().starts_with(kind)), "{kind}: {relied:?}");
    }
    assert!(explain::plan(&decision).is_empty());
}

#[test]
fn route_findings() {
    spoilt(Outcome::Pause, "route.not-released", |making| making.record.from_guarded = true);
    let mut making = Making::new();
    making.record.from_guarded = true;
    making.record.release = Some(Held { decision: Digest::of(b"d"), since: making.record.as_of });
    assert_eq!(making.decide().outcome, Outcome::Proceed);
    // The images that were looked at are not the artifact's.
    spoilt(Outcome::Pause, "route.closure", |making| making.record.images.clear());
    spoilt(Outcome::Pause, "route.closure", |making| {
        making.record.images[0].config = making.inputs.insert(r#"{"config": {"User": "7"}}"#);
    });
    spoilt(Outcome::Pause, "route.closure", |making| {
        let child = Descriptor::new(media::OCI_MANIFEST, making.record.images[0].manifest, 1);
        let other = Descriptor::new(media::OCI_MANIFEST, Digest::of(b"never looked at"), 1);
        let index = Index {
            schema_version: 2,
            media_type: Some(media::OCI_INDEX.into()),
            artifact_type: None,
            manifests: vec![child, other],
            subject: None,
            annotations: BTreeMap::new(),
        };
        let index = serde_json::to_vec(&index).unwrap();
        making.record.artifact = Descriptor::of(media::OCI_INDEX, &index);
        making.inputs.insert(index);
        making.record.evidence = vec![signature(&mut making.inputs, &making.record.artifact, &making.key)];
    });
}

#[test]
fn signature_findings() {
    spoilt(Outcome::Pause, "signature.missing", |making| making.record.evidence.clear());
    spoilt(Outcome::Pause, "signature.untrusted", |making| {
        let other = SigningKey::generate().unwrap();
        making.record.evidence = vec![signature(&mut making.inputs, &making.record.artifact, &other)];
    });
    spoilt(Outcome::Pause, "signature.key-expired", |making| {
        making.record.keys[0].standing.valid_until = Some(making.record.as_of);
    });
    spoilt(Outcome::Pause, "signature.key-not-yet-valid", |making| {
        making.record.keys[0].standing.valid_from = Some(making.record.as_of.plus_seconds(1));
    });
    spoilt(Outcome::Pause, "signature.key-unusable", |making| making.record.keys.clear());
    spoilt(Outcome::Pause, "signature.key-unusable", |making| {
        making.record.keys[0].file = making.inputs.insert("x")
    });
    spoilt(Outcome::Pause, "signature.settings", |making| {
        making.record.gates.insert("signature".into(), json!({"keys": ["build"], "required": 0}));
    });
    // One key under two names is one signer.
    spoilt(Outcome::Pause, "signature.too-few", |making| {
        let twin = TrustedKey { name: "twin".into(), ..making.record.keys[0].clone() };
        making.record.keys.push(twin);
        making.record.gates.insert("signature".into(), json!({"keys": ["build", "twin"], "required": 2}));
    });
    // A signature on an image of the artifact is none on the artifact.
    spoilt(Outcome::Pause, "signature.missing", |making| {
        let other = Descriptor::of(media::OCI_MANIFEST, b"other");
        making.record.evidence = vec![signature(&mut making.inputs, &other, &making.key)];
    });
    spoilt(Outcome::Pause, "signature.input-missing", |making| {
        making.record.evidence[0].blobs = vec![Digest::of(b"gone")]
    });
    // The window includes its first instant.
    let mut making = Making::new();
    making.record.keys[0].standing.valid_from = Some(making.record.as_of);
    assert_eq!(making.decide().outcome, Outcome::Proceed);
}

#[test]
fn vulnerability_findings() {
    spoilt(Outcome::Rework, "vulnerability.known", |making| {
        making.set_advisory("high", &["1.3.1-r3"], false)
    });
    spoilt(Outcome::Pause, "vulnerability.known", |making| making.set_advisory("high", &[], false));
    spoilt(Outcome::Proceed, "vulnerability.known", |making| {
        making.set_advisory("medium", &["1.3.1-r3"], false)
    });
    spoilt(Outcome::Rework, "vulnerability.known", |making| making.set_advisory("low", &["1.3.1-r3"], true));
    spoilt(Outcome::Proceed, "vulnerability.known", |making| {
        making.set_advisory("high", &[], false);
        making.record.gates.insert("vulnerability".into(), json!({"unfixed": "advise"}));
    });
    let mut making = Making::new();
    making.set_advisory("critical", &["1.3.1-r2"], false);
    assert_eq!(making.decide().outcome, Outcome::Proceed, "the fix is installed");
    spoilt(Outcome::Pause, "vulnerability.no-feed", |making| making.record.feed = None);
    spoilt(Outcome::Pause, "vulnerability.feed-old", |making| {
        let mut old = covered();
        old.origin.fetched = Some(at("2026-10-01T00:00:00Z"));
        making.set_coverage("Alpine:v3.22", Some(old));
    });
    spoilt(Outcome::Pause, "vulnerability.input-missing", |making| {
        making.record.feed.as_mut().unwrap().extract = Digest::of(b"gone");
    });
    spoilt(Outcome::Pause, "vulnerability.unread", |making| making.record.images[0].inventory = None);
    spoilt(Outcome::Pause, "vulnerability.unread", |making| {
        let mut inventory = inventory();
        inventory.unread =
            vec![Unread { layer: Digest::of(b"l"), path: "/x".into(), reason: "too large".into() }];
        making.set_inventory(&inventory);
    });
    spoilt(Outcome::Pause, "vulnerability.uncomparable", |making| {
        making.set_advisory("high", &["not a version"], false);
    });
    spoilt(Outcome::Pause, "vulnerability.settings", |making| {
        making.record.gates.insert("vulnerability".into(), json!({"failOn": "never"}));
    });
    spoilt(Outcome::Proceed, "vulnerability.nothing-found", |making| {
        making.set_inventory(&Inventory { analyser: "2026-1".into(), ..Inventory::default() });
        making.record.policies.retain(|policy| policy.path != "support-date.rego");
    });
}

#[test]
fn what_nobody_answers_for_pauses() {
    spoilt(Outcome::Pause, "vulnerability.uncovered", |making| {
        making.set_coverage("Alpine:v3.22", None);
    });
    // No public source has advisories of these.
    spoilt(Outcome::Proceed, "vulnerability.uncovered", |making| {
        let mut inventory = inventory();
        let nix = Package {
            ecosystem: "Nix".into(),
            purl: "pkg:nix/a@1".into(),
            cataloger: "nix".into(),
            ..package("a", "1")
        };
        inventory.packages.push(nix);
        making.set_inventory(&inventory);
    });
    // What let everything pass that nobody was asked about is refused, and its successor named.
    let refused = spoilt(Outcome::Pause, "vulnerability.settings", |making| {
        making.set_coverage("Alpine:v3.22", None);
        making.record.gates.insert("vulnerability".into(), json!({"uncovered": "advise"}));
    });
    let verdict = refused.verdicts.iter().find(|one| one.gate == "vulnerability").unwrap();
    assert!(verdict.summary.contains("coverage"), "{}", verdict.summary);
    let ends = |making: &mut Making, day: &str| {
        let ends = [("alpine:3.22.1".to_owned(), at(day))];
        making.record.feed.as_mut().unwrap().end_of_life = ends.into();
    };
    spoilt(Outcome::Pause, "vulnerability.end-of-life", |making| ends(making, "2026-11-23T12:00:00Z"));
    let mut making = Making::new();
    ends(&mut making, "2026-11-23T12:00:01Z");
    assert_eq!(making.decide().outcome, Outcome::Proceed, "it ends in a second");
}

#[test]
fn lock_files_advise_and_vendors_answer_for_their_packages() {
    let with = |making: &mut Making, change: fn(&mut Package)| {
        let mut inventory = inventory();
        change(&mut inventory.packages[1]);
        making.set_inventory(&inventory);
        making.set_advisory("high", &["1.3.1-r3"], false);
    };
    let declared = |package: &mut Package| package.confidence = Confidence::Declared;
    spoilt(Outcome::Proceed, "vulnerability.known", |making| with(making, declared));
    spoilt(Outcome::Rework, "vulnerability.known", |making| {
        with(making, declared);
        making.record.gates.insert("vulnerability".into(), json!({"declared": "judge"}));
    });
    spoilt(Outcome::Rework, "vulnerability.known", |making| {
        with(making, declared);
        making.set_advisory("low", &["1.3.1-r3"], true);
    });
    let mut making = Making::new();
    with(&mut making, |package| package.installed_by = "zlib".into());
    assert!(!codes(&making.decide()).contains(&"vulnerability.known"), "the distribution answers for it");
    // A package of the distribution that it never speaks of: its own ecosystem's advisories count, and the finding says so.
    let silent = spoilt(Outcome::Rework, "vulnerability.known", |making| {
        with(making, |package| package.installed_by = "python3-zlib".into());
    });
    let found = silent.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut known = found.filter(|finding| finding.code == "vulnerability.known");
    assert!(known.all(|finding| finding.details.contains_key("vendor-silent")));
}

#[test]
fn sample_policies() {
    let config = |user: &str, base: Option<&str>| {
        let labels =
            base.map(|base| json!({"org.opencontainers.image.base.name": base})).unwrap_or(json!({}));
        json!({"architecture": "amd64", "os": "linux", "config": {"User": user, "Labels": labels}})
    };
    spoilt(Outcome::Rework, "policy.runs-as-root", |making| {
        making.set_config(&config("", Some("alpine:3.22")))
    });
    spoilt(Outcome::Rework, "policy.runs-as-root", |making| {
        making.set_config(&config("0:0", Some("alpine:3.22")))
    });
    spoilt(Outcome::Rework, "policy.base-moves", |making| {
        making.set_config(&config("1", Some("alpine:latest")))
    });
    spoilt(Outcome::Rework, "policy.base-moves", |making| {
        making.set_config(&config("1", Some("r.io:5000/alpine")))
    });
    spoilt(Outcome::Proceed, "policy.base-not-named", |making| making.set_config(&config("1", None)));
    spoilt(Outcome::Rework, "policy.license-denied", |making| {
        let mut inventory = inventory();
        inventory.packages[0].licenses = vec!["MIT OR AGPL-3.0-only".into()];
        making.set_inventory(&inventory);
    });
    spoilt(Outcome::Rework, "policy.out-of-support", |making| {
        let mut inventory = inventory();
        inventory.distribution =
            Some(Distribution { id: "debian".into(), version: "11".into(), codename: String::new() });
        making.set_inventory(&inventory);
    });
}

const RULE: &str = "package p\n\n# METADATA\n# title: T\n# description: D\n# custom:\n#   code: p.c\n#   owner: o\n#   remediation: r\n";

#[test]
fn policies_that_cannot_be_evaluated_are_unknown() {
    for body in [
        "deny contains msg if {\n\tmsg := \n}\n",
        "deny contains msg if {\n\tnope(1)\n\tmsg := \"x\"\n}\n",
        "deny contains msg if {\n\thttp.send({\"url\": \"x\"})\n\tmsg := \"x\"\n}\n",
        "deny contains msg if {\n\ttime.now_ns() > 0\n\tmsg := \"x\"\n}\n",
        "deny contains 1 if {\n\ttrue\n}\n",
    ] {
        let decision =
            spoilt(Outcome::Pause, "policy.broken", |making| making.set_policy(&format!("{RULE}{body}")));
        assert_eq!(answer(&decision, "policy"), Answer::Unknown);
    }
    spoilt(Outcome::Pause, "policy.broken", |making| making.set_policy("deny contains 1 if true\n"));
    spoilt(Outcome::Pause, "policy.none", |making| making.record.policies.clear());
    spoilt(Outcome::Pause, "policy.no-package", |making| {
        making.record.gates.insert("policy".into(), json!({"packages": ["not.there"]}));
    });
    spoilt(Outcome::Pause, "policy.settings", |making| {
        making.record.gates.insert("policy".into(), json!({"package": []}));
    });
    for recursion in ["a if b\n\nb if a\n\n", "f(x) := f(x + 1)\n\na if f(1) == 2\n\n"] {
        let text = format!("{RULE}deny contains \"x\" if a\n\n{recursion}");
        spoilt(Outcome::Pause, "policy.broken", |making| making.set_policy(&text));
    }
    // Work without end is stopped by counting, and so the same everywhere.
    let endless = "list := [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]\n\ndeny contains \"x\" if {\n\tcount({1 | some a in list; some b in list; some c in list; some d in list; some e in list; some f in list; some g in list; some h in list; a == \"never\"}) > 0\n}\n";
    let text = endless.replacen("deny", &format!("{}deny", RULE.trim_start_matches("package p\n\n")), 1);
    spoilt(Outcome::Pause, "policy.broken", |making| making.set_policy(&format!("package p\n\n{text}")));
}

#[test]
fn policies_pause_and_warn() {
    let says = |word: &str| format!("{RULE}{word} contains \"m\" if true\n");
    spoilt(Outcome::Pause, "p.c", |making| making.set_policy(&says("pause")));
    spoilt(Outcome::Proceed, "p.c", |making| making.set_policy(&says("warn")));
    spoilt(Outcome::Rework, "p.c", |making| making.set_policy(&says("deny")));
}

#[test]
fn gaps_editions_and_gates_that_are_not_known_are_unknown() {
    for gate in ["route", "signature", "vulnerability", "policy"] {
        let gap = Gap { gate: gate.into(), subject: "s".into(), reason: "r".into(), remediation: "m".into() };
        let code = format!("{gate}.input-missing");
        let decision = spoilt(Outcome::Pause, &code, |making| making.record.gaps = vec![gap]);
        assert_eq!(answer(&decision, gate), Answer::Unknown);
    }
    spoilt(Outcome::Pause, "edition.unknown", |making| making.record.edition = "1999-1".into());
    spoilt(Outcome::Pause, "gates.none", |making| making.record.gates.clear());
    let decision = spoilt(Outcome::Pause, "gates.unknown", |making| {
        making.record.gates.insert("signatur".into(), json!({}));
    });
    let blocking = codes(&decision).into_iter().filter(|code| *code != "vulnerability.coverage");
    assert!(blocking.count() == 1);
}

#[test]
fn the_same_case_gives_the_same_bytes_on_many_threads() {
    let mut making = Making::new();
    making.set_advisory("high", &["1.3.1-r3"], false);
    let case = Case { record: making.record, inputs: making.inputs };
    let expected = canon::to_bytes(&decide(&case)).unwrap();
    std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..8).map(|_| scope.spawn(|| canon::to_bytes(&decide(&case)).unwrap())).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), expected);
        }
    });
}

#[test]
fn the_order_in_which_things_were_found_says_nothing() {
    let making = Making::new();
    let mut record = making.record.clone();
    record.policies.reverse();
    record.evidence.reverse();
    record.sort();
    let mut sorted = making.record.clone();
    sorted.sort();
    assert_eq!(record.encode().unwrap(), sorted.encode().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever one input is replaced by, under the digest of what it was: its bytes are then missing, and nothing
    /// proceeds; whatever it is replaced by under its own digest never panics.
    #[test]
    fn no_input_can_be_taken_away_or_spoilt(which in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let making = Making::new();
        let names = making.record.inputs();
        let gone = names[which.index(names.len())];
        let mut inputs = Inputs::new();
        for (digest, content) in making.inputs.iter().filter(|(digest, _)| **digest != gone) {
            prop_assert_eq!(inputs.insert(content.clone()), *digest);
        }
        let case = Case { record: making.record.clone(), inputs: inputs.clone() };
        prop_assert!(decide(&case).outcome != Outcome::Proceed, "{}", gone);
        // The same place in the record, now naming other bytes.
        let other = inputs.insert(Bytes::from(bytes));
        let text = String::from_utf8(canon::to_bytes(&making.record).unwrap()).unwrap();
        let record: CaseRecord = serde_json::from_str(&text.replace(&gone.to_string(), &other.to_string())).unwrap();
        let _decision = decide(&Case { record, inputs });
    }
}
