//! How it was built: what the stage asks for, and every way of not being that.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[path = "making/keyless.rs"]
mod holders;
#[path = "../../attest/tests/common/instance.rs"]
mod instance;
mod making;

use holders::{Keyless, statement};
use instance::{NOW, claim, holder_params};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_attest::write::cosign_signature_statement;
use lockgate_judge::check_settings;
use lockgate_model::case::{Image, Revocation, TrustedKey};
use lockgate_model::keyring::{Role, Subject};
use lockgate_model::{Answer, Decision, Digest, Effect, Outcome, Timestamp};
use making::attestation;
use rcgen::{CertificateParams, SanType};
use serde_json::{Value, json};

const V1: &str = "https://slsa.dev/provenance/v1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const BUILDER: &str = "https://github.com/actions/runner/github-hosted";

/// What GitHub's builder says.
fn predicate() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {
                "ref": "refs/heads/main", "repository": "https://github.com/acme/web", "path": ".github/workflows/release.yml"}},
            "internalParameters": {"github": {"event_name": "push"}},
            "resolvedDependencies": [
                {"uri": "git+https://github.com/acme/web@refs/heads/main", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {"builder": {"id": BUILDER}, "metadata": {"invocationId": "https://github.com/acme/web/actions/runs/1"}},
    })
}

fn settings() -> Value {
    json!({
        "builders": [{
            "id": BUILDER, "signedBy": {"identities": ["ci"]}, "level": 2,
            "buildTypes": ["https://actions.github.io/buildtypes/workflow/v1"],
        }],
        "sources": ["https://github.com/acme/{service}"],
        "refs": ["refs/heads/main", "refs/tags/*"],
        "minLevel": 2,
        "parameters": ["/workflow"],
        "pinnedMaterials": true,
    })
}

fn certificate() -> CertificateParams {
    let mut params = holder_params();
    params.custom_extensions.push(claim(13, COMMIT));
    params
}

/// A Case that asks for provenance, with this one.
fn case(predicate: &Value) -> Keyless {
    let mut keyless = Keyless::bare();
    keyless.making.record.gates = [("provenance".into(), settings())].into();
    keyless.attest(&certificate(), V1, predicate);
    keyless
}

fn set(keyless: &mut Keyless, pointer: &str, value: Value) {
    let settings = keyless.making.record.gates.get_mut("provenance").unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    settings.pointer_mut(parent).unwrap()[name] = value;
}

fn codes(decision: &Decision) -> Vec<&str> {
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate != "route").unwrap();
    verdict.findings.iter().map(|found| found.code.as_str()).collect()
}

#[test]
fn what_the_stage_asks_for_passes() {
    let decision = case(&predicate()).making.decide();
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "provenance").unwrap();
    assert!(verdict.summary.contains("https://github.com/acme/web@0123456789ab"), "{}", verdict.summary);
    let relied = |prefix: &str| verdict.relied_on.iter().any(|one| one.to_string().starts_with(prefix));
    assert!(relied("identity:ci@") && relied("sigstore:public@") && relied("evidence:"));
    // A bad one beside a good one is told, and does not block.
    let mut keyless = case(&predicate());
    let mut other = predicate();
    other["runDetails"]["builder"]["id"] = json!("https://elsewhere.example");
    keyless.attest(&certificate(), V1, &other);
    assert_eq!(keyless.making.decide().outcome, Outcome::Proceed);
}

/// What is spoilt, the code that must be told, and the outcome.
type Spoilt = (&'static str, &'static str, Outcome, fn(&mut Value));

#[test]
fn what_was_built_otherwise_must_be_built_again() {
    use Outcome::{Pause, Rework};
    let spoilt: [Spoilt; 15] = [
        ("another builder", "provenance.builder", Rework, |said| {
            said["runDetails"]["builder"]["id"] = json!("https://elsewhere.example/builder");
        }),
        ("one whose name begins alike", "provenance.builder", Rework, |said| {
            said["runDetails"]["builder"]["id"] = json!(format!("{BUILDER}.evil.example"));
        }),
        ("another type of build", "provenance.build-type", Rework, |said| {
            said["buildDefinition"]["buildType"] = json!("https://example.com/by-hand");
        }),
        ("another repository", "provenance.source", Rework, |said| {
            said["buildDefinition"]["externalParameters"]["workflow"]["repository"] =
                json!("https://github.com/acme/web-fork");
        }),
        ("no source", "provenance.source", Rework, |said| {
            said["buildDefinition"]["externalParameters"] = json!({});
            said["buildDefinition"]["resolvedDependencies"] =
                json!([{"uri": "pkg:deb/x", "digest": {"sha256": "0".repeat(64)}}]);
        }),
        ("another branch", "provenance.ref", Rework, |said| {
            said["buildDefinition"]["externalParameters"]["workflow"]["ref"] = json!("refs/heads/feature");
        }),
        ("a ref that only begins so", "provenance.ref", Rework, |said| {
            said["buildDefinition"]["externalParameters"]["workflow"]["ref"] = json!("refs/heads/main-2");
        }),
        ("another repository than the certificate's", "provenance.certificate-differs", Rework, |said| {
            let workflow = &mut said["buildDefinition"]["externalParameters"]["workflow"];
            workflow["repository"] = json!("https://github.com/acme/shop");
        }),
        ("another commit than the certificate's", "provenance.certificate-differs", Rework, |said| {
            said["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = json!("f".repeat(40));
        }),
        ("a parameter", "provenance.parameter", Rework, |said| {
            said["buildDefinition"]["externalParameters"]["inputs"] = json!({"debug": "true"});
        }),
        ("a material that is not pinned", "provenance.materials", Rework, |said| {
            said["buildDefinition"]["resolvedDependencies"]
                .as_array_mut()
                .unwrap()
                .push(json!({"uri": "docker.io/library/golang:1"}));
        }),
        ("no materials", "provenance.materials", Rework, |said| {
            said["buildDefinition"]["resolvedDependencies"] = json!([]);
        }),
        ("nothing that can be read", "provenance.not-counted", Pause, |said| *said = json!({"builder": 1})),
        ("no builder", "provenance.not-counted", Pause, |said| {
            said["runDetails"]["builder"]["id"] = json!("");
        }),
        ("no build type", "provenance.not-counted", Pause, |said| {
            said["buildDefinition"].as_object_mut().unwrap().remove("buildType");
        }),
    ];
    for (what, code, outcome, spoil) in spoilt {
        let mut said = predicate();
        spoil(&mut said);
        let decision = case(&said).making.decide();
        assert!(codes(&decision).contains(&code), "{what}: {decision:#?}");
        assert_eq!(decision.outcome, outcome, "{what}: {decision:#?}");
    }
}

/// What is spoilt about the Case, and the code that must be told.
type Asked = (&'static str, &'static str, fn(&mut Keyless));

#[test]
fn what_is_asked_for_and_not_said_does_not_pass() {
    let spoilt: [Asked; 11] = [
        ("a higher level", "provenance.level", |one| set(one, "/minLevel", json!(3))),
        ("a build without network", "provenance.not-hermetic", |one| set(one, "/hermetic", json!(true))),
        ("the source of another service", "provenance.source", |one| {
            one.making.record.service = "shop".parse().unwrap();
        }),
        ("another identity", "provenance.not-counted", |one| {
            one.identity().subject = Subject::Exact("ann@acme.example".into());
        }),
        ("a revoked identity", "provenance.identity-revoked", |one| {
            let at = Timestamp::from_unix(NOW + 9);
            one.identity().standing.revoked = Some(Revocation { at, compromised_since: None });
        }),
        ("an identity of another role", "provenance.identity-other-role", |one| {
            one.identity().standing.duty.as_mut().unwrap().roles = [Role::Releaser].into();
        }),
        ("an identity for another stage", "provenance.identity-other-stage", |one| {
            one.identity().standing.duty.as_mut().unwrap().stages = "prod".parse().unwrap();
        }),
        ("an identity that is not there", "provenance.identity-unusable", |one| {
            one.identity().name = "other".into();
        }),
        ("a root that cannot be read", "provenance.trust-unusable", |one| {
            one.making.record.sigstore[0].root = one.making.inputs.insert("{}");
        }),
        ("another claim", "provenance.not-counted", |one| {
            set(one, "/builders/0/signedBy/claims", json!({"runner-environment": "github-hosted"}));
        }),
        ("evidence that is gone", "provenance.input-missing", |one| {
            one.making.record.evidence[0].blobs = vec![Digest::of(b"gone")];
        }),
    ];
    for (what, code, spoil) in spoilt {
        let mut keyless = case(&predicate());
        spoil(&mut keyless);
        let decision = keyless.making.decide();
        assert_ne!(decision.outcome, Outcome::Proceed, "{what}");
        assert!(codes(&decision).contains(&code), "{what}: {decision:#?}");
    }
    // A signature says nothing about how it was built, and neither does a statement of another type.
    for kind in ["https://sigstore.dev/cosign/sign/v1", "https://example.com/provenance/v1"] {
        let mut keyless = case(&predicate());
        keyless.making.record.evidence.clear();
        keyless.attest(&certificate(), kind, &predicate());
        let decision = keyless.making.decide();
        assert!(codes(&decision).contains(&"provenance.missing"), "{kind}: {decision:#?}");
    }
}

#[test]
fn a_workflow_signs_only_for_itself() {
    // A statement that names a trusted workflow as its builder, signed by another one.
    let workflow = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator.yml@refs/tags/v2";
    let judged = |subject: &str| {
        let mut said = predicate();
        said["runDetails"]["builder"]["id"] = json!(workflow);
        let mut keyless = case(&said);
        keyless.making.record.evidence.clear();
        keyless.identity().subject = Subject::Glob("https://github.com/**".into());
        set(&mut keyless, "/builders/0/id", json!(workflow));
        let mut params = certificate();
        params.subject_alt_names = vec![SanType::URI(subject.try_into().unwrap())];
        keyless.attest(&params, V1, &said);
        keyless.making.decide()
    };
    assert_eq!(judged(workflow).outcome, Outcome::Proceed);
    let other = judged("https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main");
    assert!(codes(&other).contains(&"provenance.certificate-differs"), "{other:#?}");
    assert_eq!(other.outcome, Outcome::Rework);
}

#[test]
fn each_image_of_an_index_is_covered() {
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    let judged = |about: &[Digest]| {
        let mut keyless = case(&predicate());
        keyless.making.record.evidence.clear();
        let config = keyless.making.record.images[0].config;
        let image = |manifest| Image {
            platform: String::new(),
            manifest,
            config,
            inventory: None,
            base: None,
            by_word: vec![],
        };
        keyless.making.record.images = vec![image(one), image(two)];
        for digest in about {
            let bundle = keyless.bundle(&certificate(), &statement(digest, V1, &predicate()), &[]);
            let artifact = keyless.making.record.artifact.clone();
            let mut about = artifact.clone();
            about.digest = *digest;
            keyless.making.record.artifact = about;
            keyless.attach(&bundle);
            keyless.making.record.artifact = artifact;
        }
        keyless.making.decide()
    };
    let artifact = case(&predicate()).making.record.artifact.digest;
    let answer = |decision: &Decision| {
        decision.verdicts.iter().find(|verdict| verdict.gate == "provenance").unwrap().answer
    };
    assert_eq!(answer(&judged(&[artifact])), Answer::Pass);
    assert_eq!(answer(&judged(&[one, two])), Answer::Pass);
    let half = judged(&[one]);
    assert_eq!(answer(&half), Answer::Fail);
    assert!(half.verdicts.iter().any(|verdict| {
        verdict
            .findings
            .iter()
            .any(|found| found.code == "provenance.missing" && found.title.contains("nothing that counts"))
    }));
    // A statement about another image, attached here, is about nothing.
    assert_eq!(answer(&judged(&[Digest::of(b"three")])), Answer::Fail);
}

#[test]
fn the_source_was_reviewed_by_two() {
    let judged = |levels: &[&str], commit: &str, result: &str, properties: &[&str]| {
        let mut keyless = case(&predicate());
        let asked = json!({"min": 4, "properties": properties, "signedBy": {"identities": ["ci"]}});
        set(&mut keyless, "/sourceLevel", asked);
        keyless.say(&certificate(), &summary(levels, commit, result));
        let decision = keyless.making.decide();
        let told = codes(&decision).contains(&"provenance.source-level");
        assert_eq!(told, decision.outcome != Outcome::Proceed, "{decision:#?}");
        decision.outcome
    };
    let four = ["SLSA_SOURCE_LEVEL_4", "ORG_SOURCE_SIGNED"];
    assert_eq!(judged(&four, COMMIT, "PASSED", &["ORG_SOURCE_SIGNED"]), Outcome::Proceed);
    assert_eq!(judged(&four, COMMIT, "FAILED", &[]), Outcome::Pause);
    assert_eq!(judged(&four, &"f".repeat(40), "PASSED", &[]), Outcome::Pause);
    assert_eq!(judged(&["SLSA_SOURCE_LEVEL_3"], COMMIT, "PASSED", &[]), Outcome::Pause);
    assert_eq!(judged(&["SLSA_BUILD_LEVEL_4"], COMMIT, "PASSED", &[]), Outcome::Pause);
    assert_eq!(judged(&["SLSA_SOURCE_LEVEL_4"], COMMIT, "PASSED", &["ORG_SOURCE_SIGNED"]), Outcome::Pause);
}

/// What a source-track summary says of a commit.
fn summary(levels: &[&str], commit: &str, result: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/verification_summary/v1",
        "subject": [{"digest": {"gitCommit": commit}}],
        "predicate": {
            "verifier": {"id": "https://example.com/source"}, "timeVerified": "2026-01-01T00:00:00Z",
            "resourceUri": "git+https://github.com/acme/web", "policy": {"uri": "https://example.com/policy"},
            "verificationResult": result, "verifiedLevels": levels,
        },
    })
}

#[test]
fn a_review_counts_by_whom_it_is_asked_of_and_for_its_commit() {
    let four = ["SLSA_SOURCE_LEVEL_4"];
    let asked = json!({"min": 4, "signedBy": {"identities": ["ci"]}});
    // By somebody else.
    let mut keyless = case(&predicate());
    set(&mut keyless, "/sourceLevel", asked.clone());
    let mut params = certificate();
    params.subject_alt_names = vec![SanType::URI("https://elsewhere.example/job".try_into().unwrap())];
    keyless.say(&params, &summary(&four, COMMIT, "PASSED"));
    assert!(codes(&keyless.making.decide()).contains(&"provenance.source-level"));
    // Two say to have built it, from two commits: one review is of one of them.
    let mut other = predicate();
    let second = "f".repeat(40);
    other["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = json!(second);
    let mut keyless = case(&predicate());
    set(&mut keyless, "/sourceLevel", asked);
    keyless.attest(&holder_params(), V1, &other);
    keyless.say(&certificate(), &summary(&four, COMMIT, "PASSED"));
    assert!(codes(&keyless.making.decide()).contains(&"provenance.source-level"));
    keyless.say(&certificate(), &summary(&four, &second, "PASSED"));
    assert_eq!(keyless.making.decide().outcome, Outcome::Proceed);
}

const REBUILDER: &str = "https://rebuild.example/builder";
const REBUILD_JOB: &str = "https://rebuild.example/job@refs/heads/main";

/// Two builders: GitHub's and the one that builds again.
fn two_builders() -> Value {
    json!({"builders": [
        {"id": BUILDER, "signedBy": {"identities": ["ci"]}},
        {"id": REBUILDER, "signedBy": {"identities": ["rebuilder"]}},
    ]})
}

/// A Case that asks for agreement, which was built, and built again by `subject` whose identity `owner` has.
fn rebuilt(asked: Value, owner: &str, about_other: bool, subject: &str) -> Decision {
    let mut keyless = case(&predicate());
    keyless.making.record.gates = [("reproducibility".into(), asked)].into();
    let mut rebuilder = keyless.identity().clone();
    rebuilder.name = "rebuilder".into();
    rebuilder.subject = Subject::Exact(REBUILD_JOB.into());
    rebuilder.standing.duty.as_mut().unwrap().owner = owner.into();
    keyless.making.record.identities.push(rebuilder);
    let mut params = holder_params();
    params.subject_alt_names = vec![SanType::URI(subject.try_into().unwrap())];
    let mut said = predicate();
    said["runDetails"]["builder"]["id"] = json!(REBUILDER);
    let artifact = keyless.making.record.artifact.digest;
    let about = if about_other { Digest::of(b"other bytes") } else { artifact };
    keyless.say(&params, &statement(&about, V1, &said));
    keyless.making.decide()
}

#[test]
fn what_cannot_be_looked_at_pauses_though_builders_agree() {
    let mut asked = two_builders();
    let third = json!({"id": "https://third.example/builder", "signedBy": {"keys": ["gone"]}});
    asked["builders"].as_array_mut().unwrap().push(third);
    let decision = rebuilt(asked, "rebuilders", false, REBUILD_JOB);
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "reproducibility").unwrap();
    assert_eq!((decision.outcome, verdict.answer), (Outcome::Pause, Answer::Unknown), "{decision:#?}");
    let told = verdict.findings.iter().find(|found| found.code == "reproducibility.key-unusable").unwrap();
    assert_eq!(told.effect, Effect::Pause, "{told:?}");
}

#[test]
fn independent_builders_agree() {
    let asked = two_builders();
    let subject = REBUILD_JOB;
    let judged =
        |owner: &str, about_other: bool, subject: &str| rebuilt(asked.clone(), owner, about_other, subject);
    let good = judged("rebuilders", false, subject);
    assert_eq!(good.outcome, Outcome::Proceed, "{good:#?}");
    // The same people, other bytes, somebody else.
    for bad in [
        judged("the web team", false, subject),
        judged("rebuilders", true, subject),
        judged("rebuilders", false, "https://rebuild.example/other"),
    ] {
        assert_eq!(bad.outcome, Outcome::Pause, "{bad:#?}");
        assert!(codes(&bad).contains(&"reproducibility.too-few"), "{bad:#?}");
    }
    let gate = |settings: Value| check_settings("reproducibility", &settings).unwrap_err().path;
    assert_eq!(gate(json!({"builders": []})), "builders");
    let mut one = asked.clone();
    one["required"] = json!(3);
    assert_eq!(gate(one), "required");
}

#[test]
fn settings_are_read_strictly() {
    for (pointer, value, path) in [
        ("/builders", json!([]), "builders"),
        ("/builders/0/level", json!(4), "builders[0].level"),
        ("/builders/0/id", json!("**"), "builders[0].id"),
        ("/builders/0/signedBy", json!({}), "builders[0].signedBy"),
        (
            "/builders/0/signedBy/claims",
            json!({"build-trigger": ""}),
            "builders[0].signedBy.claims.build-trigger",
        ),
        ("/minLevel", json!(0), "minLevel"),
        ("/sources", json!([""]), "sources"),
        ("/parameters", json!(["workflow"]), "parameters"),
        ("/sourceLevel", json!({"min": 5, "signedBy": {"role": "builder"}}), "sourceLevel.min"),
        ("/sourceLevl", json!({}), "sourceLevl"),
    ] {
        let mut keyless = Keyless::bare();
        keyless.making.record.gates = [("provenance".into(), settings())].into();
        set(&mut keyless, pointer, value);
        let error = check_settings("provenance", &keyless.making.record.gates["provenance"]).unwrap_err();
        assert_eq!(error.path, path, "{}", error.message);
    }
    assert!(check_settings("provenance", &settings()).is_ok());
}

#[test]
fn what_one_gate_examined_is_not_what_another_asks() {
    // Both gates look at the same evidence: each for the keys that it asks for.
    let judged = |signature: &str, provenance: &str| {
        let mut keyless = Keyless::bare();
        let making = &mut keyless.making;
        let artifact = making.record.artifact.clone();
        let other = SigningKey::generate().unwrap();
        let file = making.inputs.insert(other.public().to_pem());
        making.record.keys.push(TrustedKey::plain("other", file));
        for said in [cosign_signature_statement(&artifact), Statement::about(&artifact, V1, predicate())] {
            let evidence = attestation(&mut making.inputs, &artifact, &making.key, &said);
            making.record.evidence.push(evidence);
        }
        let builders = json!([{"id": BUILDER, "signedBy": {"keys": [provenance]}}]);
        making.record.gates = [
            ("signature".into(), json!({"keys": [signature]})),
            ("provenance".into(), json!({"builders": builders})),
        ]
        .into();
        let decision = making.decide();
        let answers = decision.verdicts.iter().filter(|verdict| verdict.gate != "route");
        answers.map(|verdict| verdict.answer == Answer::Pass).collect::<Vec<_>>()
    };
    assert_eq!(judged("build", "build"), [true, true]);
    assert_eq!(judged("build", "other"), [true, false]);
    assert_eq!(judged("other", "build"), [false, true]);
}
