//! What others signed decides whether an image with a vulnerability may climb: only by a key that the stage names, and
//! the same bytes whenever it is judged again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_engine::Workspace;
use lockgate_engine::blast_radius::{Suspicion, measure};
use lockgate_engine::judge::judge;
use lockgate_engine::promote::promote;
use lockgate_engine::replay::replay;
use lockgate_engine::sign::{Form, attest};
use lockgate_engine::workspace::KeyFile;
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::Upload;
use lockgate_model::route::Stage;
use lockgate_model::{Descriptor, Effect, Outcome, Route, Timestamp};
use serde_json::{Value, json};
use sim::Plan;
use world::{World, layer, upload};

mod sim;
mod world;

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";

/// A world whose image has a vulnerability, and whose stage hears the key of `security`.
async fn with_a_vulnerability(world: &World, security: &SigningKey) -> Workspace {
    let mut workspace = world.process(&Plan::none()).await;
    let mut feed = lockgate_scan::FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    let record = json!({
        "id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "database_specific": {"severity": "HIGH"},
        "affected": [{
            "package": {"ecosystem": "Alpine:v3.22", "name": "musl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.5-r11"}]}],
        }],
    });
    feed.source(world::fetched());
    feed.add("feed", std::io::Cursor::new(record.to_string())).unwrap();
    let feed = std::sync::Arc::new(bytes::Bytes::from(feed.finish().unwrap().0));
    lockgate_engine::feed::import(&workspace, feed, lockgate_engine::feed::Import::default()).await.unwrap();
    let pem = security.public().to_pem().into();
    workspace.keys.push(KeyFile { name: "security".into(), pem, valid_from: None, valid_until: None });
    let gates = BTreeMap::from([
        ("signature".to_owned(), json!({"keys": ["build"]})),
        ("vulnerability".to_owned(), json!({"vex": {"keys": ["security"]}})),
    ]);
    let stage = |name: &str, gates| Stage {
        name: name.parse().unwrap(),
        registry: format!("oci:{name}").parse().unwrap(),
        gates,
    };
    workspace.route = Route::new(vec![stage("dev", BTreeMap::new()), stage("staging", gates)]).unwrap();
    workspace
}

fn vex() -> Value {
    json!({
        "@context": OPENVEX, "@id": "https://example.com/vex/1", "author": "Ann", "version": 1,
        "timestamp": "2026-09-01T00:00:00Z",
        "statements": [{
            "vulnerability": {"name": "CVE-2026-1"}, "products": [{"@id": "pkg:apk/alpine/musl@1.2.5-r10"}],
            "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path",
        }],
    })
}

async fn attach(workspace: &Workspace, key: &SigningKey, form: Form) {
    let image = "oci:dev/web:1".parse().unwrap();
    let at = Timestamp::from_unix(1_780_000_000);
    let statement = |artifact: &Descriptor| Statement::about(artifact, OPENVEX, vex());
    attest(&workspace.reach, &image, key, &[form], at, statement).await.unwrap();
}

/// Attaches the document as it is.
async fn attach_unsigned(workspace: &Workspace, artifact: &Descriptor) {
    let document = serde_json::to_vec(&vex()).unwrap();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::OCI_MANIFEST.into()),
        artifact_type: Some("application/vnd.openvex+json".into()),
        config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
        layers: vec![Descriptor::of("application/vnd.openvex+json", &document)],
        subject: Some(artifact.bare()),
        annotations: BTreeMap::new(),
    };
    let upload = Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: serde_json::to_vec(&manifest).unwrap().into(),
        blobs: vec![EMPTY_JSON.into(), document.into()],
    };
    workspace.reach.registry.push(&"oci:dev/web".parse().unwrap(), &upload).await.unwrap();
}

#[tokio::test]
async fn only_vex_by_a_named_key_lets_a_vulnerability_climb() {
    let world = World::new().await;
    let security = SigningKey::generate().unwrap();
    let workspace = with_a_vulnerability(&world, &security).await;
    let request = World::request("staging");
    let first = judge(&workspace, &request).await.unwrap();
    assert_eq!(first.decision.outcome, Outcome::Rework, "{:#?}", first.decision);

    attach_unsigned(&workspace, &first.case.record.artifact).await;
    attach(&workspace, &SigningKey::generate().unwrap(), Form::Bundle).await;
    attach(&workspace, &SigningKey::generate().unwrap(), Form::Legacy).await;
    let refused = judge(&workspace, &request).await.unwrap();
    assert_eq!(refused.decision.outcome, Outcome::Rework, "{:#?}", refused.decision);
    let findings = refused.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let told: Vec<_> = findings.filter(|one| one.code == "vulnerability.vex-not-counted").collect();
    assert_eq!(told.len(), 3, "{told:#?}");

    for form in [Form::Bundle, Form::Legacy] {
        attach(&workspace, &security, form).await;
    }
    let promoted = promote(&workspace, &request, None).await.unwrap();
    let decision = &promoted.recorded.decision;
    assert_eq!(decision.outcome, Outcome::Proceed, "{decision:#?}");
    let mut findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let vulnerability = findings.find(|one| one.code == "vulnerability.known").unwrap();
    assert_eq!(
        (vulnerability.effect, vulnerability.details["vex"].as_str()),
        (Effect::Advise, "not_affected")
    );
    assert_eq!(
        (vulnerability.details["vex-author"].as_str(), vulnerability.details["vex-key"].as_str()),
        ("Ann", "security")
    );

    // Were that key stolen, the one Decision that rests on it falls, for the vulnerability that it marked.
    let at = Timestamp::from_unix(1_790_000_000);
    let stolen = Suspicion { key: security.public().id(), at, compromised_since: None };
    let radius = measure(&workspace, &stolen).await.unwrap();
    let [fallen] = radius.decisions.as_slice() else { panic!("{radius:#?}") };
    assert_eq!(
        (fallen.decision, fallen.falls, fallen.again),
        (promoted.recorded.digest, true, Outcome::Rework)
    );
    assert_eq!(fallen.findings, ["vulnerability.known"]);

    for recorded in [&first.digest, &refused.digest, &promoted.recorded.digest] {
        let again = replay(&workspace, &recorded.to_string()).await.unwrap();
        assert!(again.identical(), "{recorded}");
    }
}

#[tokio::test]
async fn packages_of_a_signed_bill_of_materials_are_asked_about() {
    let world = World::new().await;
    let security = SigningKey::generate().unwrap();
    let mut workspace = with_a_vulnerability(&world, &security).await;
    let settings = json!({"declared": "judge", "sboms": {"keys": ["security"]}});
    let mut stages: Vec<_> = workspace.route.stages().to_vec();
    stages[1].gates.insert("vulnerability".to_owned(), settings);
    workspace.route = Route::new(stages).unwrap();
    // What our own scan sees has no vulnerability.
    let release = layer(&[
        ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n"),
        ("lib/apk/db/installed", "P:zlib\nV:1.3.1-r2\nA:x86_64\nL:Zlib\n\n"),
    ]);
    let registry = &workspace.reach.registry;
    let web = "oci:dev/web".parse().unwrap();
    let pushed = registry.push(&web, &upload(&[release], BTreeMap::new())).await.unwrap();
    registry.tag(&web, "1", &pushed).await.unwrap();
    let image = "oci:dev/web:1".parse().unwrap();
    let at = Timestamp::from_unix(1_780_000_000);
    lockgate_engine::sign::sign(&workspace.reach, &image, &world.build, &[Form::Bundle], at).await.unwrap();
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"purl": "pkg:apk/alpine/musl@1.2.5-r10?distro=3.22.0"},
    ]});
    let statement =
        |artifact: &Descriptor| Statement::about(artifact, "https://cyclonedx.org/bom", bom.clone());
    let request = World::request("staging");

    let stranger = SigningKey::generate().unwrap();
    attest(&workspace.reach, &image, &stranger, &[Form::Bundle], at, statement).await.unwrap();
    let before = judge(&workspace, &request).await.unwrap();
    assert_eq!(before.decision.outcome, Outcome::Proceed, "{:#?}", before.decision);
    for form in [Form::Bundle, Form::Legacy] {
        attest(&workspace.reach, &image, &security, &[form], at, statement).await.unwrap();
        let recorded = judge(&workspace, &request).await.unwrap();
        assert_eq!(recorded.decision.outcome, Outcome::Rework, "{:#?}", recorded.decision);
        let mut findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        let vulnerability = findings.find(|one| one.code == "vulnerability.known").unwrap();
        assert_eq!(
            (vulnerability.subject.as_str(), vulnerability.details["sbom-key"].as_str()),
            ("musl 1.2.5-r10", "security")
        );
        // The extract is what the feed says of what was found and what was declared.
        let again = replay(&workspace, &recorded.digest.to_string()).await.unwrap();
        assert!(again.identical() && again.extract_confirmed == Some(true), "{:?}", again.extract_confirmed);
    }
}

#[tokio::test]
async fn vulnerabilities_say_which_layers_brought_them() {
    const DATABASE: &str = "P:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\n\n";
    let world = World::new().await;
    let workspace = with_a_vulnerability(&world, &SigningKey::generate().unwrap()).await;
    let release = ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n");
    let below = [layer(&[release]), layer(&[("lib/apk/db/installed", DATABASE)])];
    // The application's layer writes the database again: the base brought musl all the same.
    let database = format!("{DATABASE}P:curl\nV:8.0.0-r0\nA:x86_64\nL:MIT\n\n");
    let above = layer(&[("lib/apk/db/installed", &database)]);
    let registry = &workspace.reach.registry;
    let base =
        registry.push(&"oci:dev/base".parse().unwrap(), &upload(&below, BTreeMap::new())).await.unwrap();
    let [first, second] = below;
    let (elsewhere, digest) = (Descriptor::of(media::OCI_MANIFEST, b"x").digest, base.digest);
    for (name, digest, layers, expected) in [
        ("oci:dev/base", digest, [&first, &second, &above], Some(("base image", 2))),
        // What cannot be compared, or is not so, is not believed: the lowest layer has no package.
        ("oci:dev/base", elsewhere, [&first, &second, &above], None),
        ("oci:dev/base", digest, [&first, &above, &second], None),
        ("oci:other/base", digest, [&first, &second, &above], None),
        ("registry.example.com/base", digest, [&first, &second, &above], None),
        // The lowest layer has the database.
        ("oci:dev/base", digest, [&second, &first, &above], Some(("lowest layers", 1))),
    ] {
        let annotations = BTreeMap::from([
            ("org.opencontainers.image.base.name".to_owned(), name.to_owned()),
            ("org.opencontainers.image.base.digest".to_owned(), digest.to_string()),
        ]);
        let image = upload(&layers.map(Clone::clone), annotations);
        let pushed = registry.push(&"oci:dev/web".parse().unwrap(), &image).await.unwrap();
        registry.tag(&"oci:dev/web".parse().unwrap(), "1", &pushed).await.unwrap();
        let recorded = judge(&workspace, &World::request("staging")).await.unwrap();
        let base = recorded.case.record.images[0].base.as_ref();
        let mut findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
        let vulnerability = findings.find(|one| one.code == "vulnerability.known").unwrap();
        let said = vulnerability.details.get("origin").map(|origin| (origin.as_str(), base.unwrap().layers));
        assert_eq!(said, expected, "{name} {digest}");
        assert!(replay(&workspace, &recorded.digest.to_string()).await.unwrap().identical());
    }
}
