//! A Case that says something else than its bytes does not proceed, whoever closed it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use lockgate_model::case::{AttestationChild, Image};
use lockgate_model::evidence::{Attachment, Companion};
use lockgate_model::oci::{Index, Manifest, Platform, media};
use lockgate_model::{Answer, Descriptor, Digest};
use making::Making;
use serde_json::json;

mod making;

type Change = fn(&mut Making);

/// What the route gate finds.
fn route(making: &Making) -> (Answer, String) {
    let decision = making.decide();
    let route = decision.verdicts.iter().find(|verdict| verdict.gate == "route").unwrap();
    (route.answer, route.findings.iter().map(|one| [&one.code, " ", &one.title, "\n"].concat()).collect())
}

fn unknown(making: &Making, said: &str) {
    let (answer, told) = route(making);
    assert_eq!(answer, Answer::Unknown, "{said}: {told}");
    assert!(told.contains(said), "{said}: {told}");
}

fn manifest(making: &Making) -> Manifest {
    serde_json::from_slice(making.inputs.get(&making.record.artifact.digest).unwrap()).unwrap()
}

/// An index of the image, and of an attestation.
fn indexed() -> Making {
    let mut making = Making::new();
    let mut image = making.record.artifact.clone();
    image.platform =
        Some(Platform { architecture: "amd64".into(), os: "linux".into(), variant: None, os_version: None });
    let statement = making.inputs.insert("{}");
    let config = json!({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": [statement]}});
    let config = serde_json::to_vec(&config).unwrap();
    let attestation = Manifest {
        config: Descriptor::of(media::OCI_CONFIG, &config),
        layers: vec![Descriptor::new(media::IN_TOTO, statement, 2)],
        ..manifest(&making)
    };
    let attestation = serde_json::to_vec(&attestation).unwrap();
    let mut child = Descriptor::of(media::OCI_MANIFEST, &attestation);
    child.platform = Some(Platform {
        architecture: "unknown".into(),
        os: "unknown".into(),
        variant: None,
        os_version: None,
    });
    let (config, manifest) = (making.inputs.insert(config), making.inputs.insert(attestation));
    making.record.attestations = vec![AttestationChild { manifest, config }];
    let index = Index {
        schema_version: 2,
        media_type: Some(media::OCI_INDEX.into()),
        artifact_type: None,
        manifests: vec![image, child],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    let index = serde_json::to_vec(&index).unwrap();
    making.record.artifact = Descriptor::of(media::OCI_INDEX, &index);
    making.inputs.insert(index);
    making.record.evidence.clear();
    making
}

#[test]
fn what_the_record_says_is_held_against_the_bytes() {
    assert_eq!(route(&Making::new()).0, Answer::Pass, "{}", route(&Making::new()).1);
    assert_eq!(route(&indexed()).0, Answer::Pass, "{}", route(&indexed()).1);
    let changes: [(&str, Change); 10] = [
        ("was not looked at", |making| making.record.attestations.clear()),
        ("looked at twice", |making| {
            making.record.images[0].manifest = making.record.attestations[0].manifest;
        }),
        ("names no image", |making| making.record.images.clear()),
        ("is not one of", |making| {
            making
                .record
                .attestations
                .push(AttestationChild { manifest: Digest::of(b"x"), config: Digest::of(b"x") });
        }),
        ("could be run", |making| {
            let image: Image = making.record.images.remove(0);
            making.record.images.push(Image {
                manifest: making.record.attestations[0].manifest,
                config: making.record.attestations[0].config,
                ..image.clone()
            });
            making.record.attestations =
                vec![AttestationChild { manifest: image.manifest, config: image.config }];
        }),
        ("twice", |making| making.record.images.push(making.record.images[0].clone())),
        ("names another config", |making| making.record.images[0].config = Digest::of(b"x")),
        ("could be run", |making| making.record.attestations[0].config = Digest::of(b"x")),
        ("missing", |making| {
            let inputs = std::mem::take(&mut making.inputs);
            let gone = making.record.images[0].config;
            for (_, bytes) in inputs.iter().filter(|(digest, _)| **digest != gone) {
                making.inputs.insert(bytes.clone());
            }
        }),
        ("malformed", |making| making.record.artifact.media_type = media::DOCKER_LIST.into()),
    ];
    for (said, change) in changes {
        let mut making = indexed();
        change(&mut making);
        unknown(&making, said);
    }
}

#[test]
fn what_travels_cannot_run_whatever_the_record_says() {
    let mut making = Making::new();
    let subject = making.record.artifact.digest;
    let image = Companion::new(subject, Attachment::Referrer, making.record.artifact.clone());
    making.record.companions = vec![image.clone()];
    unknown(&making, "would travel");
    making.record.companions[0].stays_behind = Some("it could be run".into());
    let (answer, told) = route(&making);
    assert!(answer == Answer::Pass && told.contains("route.stays-behind"), "{told}");
    making.record.companions =
        vec![Companion { manifest: Descriptor::of(media::OCI_MANIFEST, b"gone"), ..image }];
    unknown(&making, "cannot be read");
}

#[test]
fn names_of_accounts_are_looked_up_and_told() {
    let mut making = Making::new();
    for (user, code) in
        [("app", Some("policy.account-unknown")), ("65532:0", Some("policy.root-group")), ("65532", None)]
    {
        making.set_config(&json!({"architecture": "amd64", "os": "linux", "config": {"User": user}}));
        let decision = making.decide();
        let policy = decision.verdicts.iter().find(|verdict| verdict.gate == "policy").unwrap();
        let told: Vec<_> = policy
            .findings
            .iter()
            .map(|one| one.code.as_str())
            .filter(|code| code.starts_with("policy.account") || code.starts_with("policy.root-"))
            .collect();
        assert_eq!(told, code.into_iter().collect::<Vec<_>>(), "{user}: {policy:#?}");
    }
}
