//! Evidence that recorded Decisions saw and that is gone: the ledger remembers it, whatever a registry or a table says, and
//! only an entry makes it forget. Lockgate's own verdicts and proofs are outside of this, however many there are.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_attest::vsa::PREDICATE_TYPE as SUMMARY;
use lockgate_attest::write::cosign_bundle;
use lockgate_engine::evidence::{State, forget, list};
use lockgate_engine::judge::{Recorded, judge};
use lockgate_engine::promote::promote;
use lockgate_engine::replay::replay;
use lockgate_engine::sign::{Form, attest, sign};
use lockgate_engine::workspace::KeyFile;
use lockgate_engine::{Workspace, ledger};
use lockgate_model::evidence::{Attachment, VERDICT, fallback_tag};
use lockgate_model::oci::{EMPTY_JSON, Manifest, media};
use lockgate_model::ports::Upload;
use lockgate_model::route::Stage;
use lockgate_model::{Answer, Descriptor, Digest, Effect, Finding, Outcome, Route, Timestamp, limits};
use serde_json::{Value, json};
use sim::{Fault, Plan};
use world::World;

mod sim;
mod world;

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const WITHHELD: &str = "vulnerability.evidence-withheld";

/// A world whose stages hear the key of `security`.
struct Shop {
    world: World,
    security: SigningKey,
    workspace: Workspace,
}

impl Shop {
    async fn new() -> Self {
        let world = World::new().await;
        let security = SigningKey::generate().unwrap();
        let workspace = hearing(&world, &security, &Plan::none()).await;
        Self { world, security, workspace }
    }

    async fn judge(&self) -> Recorded {
        judge(&self.workspace, &World::request("staging")).await.unwrap()
    }

    /// Judges, and expects the outcome and as many findings about what is gone.
    async fn expect(&self, outcome: Outcome, gone: usize, what: &str) -> Recorded {
        let recorded = self.judge().await;
        assert_eq!(recorded.decision.outcome, outcome, "{what}: {:#?}", recorded.decision);
        assert_eq!(withheld(&recorded).len(), gone, "{what}: {:#?}", recorded.decision);
        recorded
    }

    /// Attaches VEX that says so; the manifest that carries it.
    async fn vex(&self, key: &SigningKey, form: Form, status: &str, day: u32) -> Digest {
        let image = "oci:dev/web:1".parse().unwrap();
        let at = Timestamp::from_unix(1_780_000_000);
        let document = vex(status, day);
        let statement = |artifact: &Descriptor| Statement::about(artifact, OPENVEX, document.clone());
        attest(&self.workspace.reach, &image, key, &[form], at, statement).await.unwrap().manifests[0].digest
    }

    async fn verified(&self) -> Vec<String> {
        let report = ledger::verify(&*self.workspace.store, &World::verifier(), &[]).await.unwrap();
        report.problems.into_iter().map(|problem| problem.what).collect()
    }

    /// Takes a manifest out of the layout of a stage, as its owner can.
    fn hide(&self, stage: &str, manifest: Digest) -> Value {
        let path = self.world.folder().join(stage).join("web/index.json");
        let before: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut index = before.clone();
        let list = index["manifests"].as_array_mut().unwrap();
        let there = list.len();
        list.retain(|one| one["digest"] != json!(manifest));
        assert!(list.len() < there, "{manifest} is not listed");
        std::fs::write(path, index.to_string()).unwrap();
        before
    }

    fn restore(&self, stage: &str, index: &Value) {
        let path = self.world.folder().join(stage).join("web/index.json");
        std::fs::write(path, index.to_string()).unwrap();
    }
}

async fn hearing(world: &World, security: &SigningKey, plan: &std::sync::Arc<Plan>) -> Workspace {
    let mut workspace = world.process(plan).await;
    let pem = security.public().to_pem().into();
    workspace.keys.push(KeyFile { name: "security".into(), pem, valid_from: None, valid_until: None });
    let gates = BTreeMap::from([
        ("signature".to_owned(), json!({"keys": ["build", "security"]})),
        ("vulnerability".to_owned(), json!({"vex": {"keys": ["security"]}})),
    ]);
    let stage = |name: &str, gates| Stage {
        name: name.parse().unwrap(),
        registry: format!("oci:{name}").parse().unwrap(),
        gates,
    };
    let stages = [stage("dev", BTreeMap::new()), stage("staging", gates.clone()), stage("prod", gates)];
    workspace.route = Route::new(stages.into()).unwrap();
    workspace
}

fn vex(status: &str, day: u32) -> Value {
    json!({
        "@context": OPENVEX, "@id": "https://example.com/vex/1", "author": "Ann", "version": 1,
        "timestamp": format!("2026-06-{day:02}T00:00:00Z"),
        "statements": [{
            "vulnerability": {"name": "CVE-2026-1"}, "products": [{"@id": "pkg:apk/alpine/zlib"}],
            "status": status, "justification": "vulnerable_code_not_in_execute_path",
        }],
    })
}

fn withheld(recorded: &Recorded) -> Vec<&Finding> {
    let findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.filter(|one| one.code.ends_with(".evidence-withheld")).collect()
}

#[tokio::test]
async fn hidden_vex_pauses_until_an_entry_forgets_it() {
    let shop = Shop::new().await;
    let first = shop.expect(Outcome::Proceed, 0, "nothing was seen before").await;
    let seen = first.case.record.seen.as_ref().unwrap();
    assert_eq!((seen.decisions, seen.withheld.len()), (0, 0));
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    shop.expect(Outcome::Proceed, 0, "it is there").await;
    let index = shop.hide("dev", vex);
    let paused = shop.expect(Outcome::Pause, 1, "it is hidden").await;
    let [told] = withheld(&paused)[..] else { panic!() };
    assert_eq!((told.code.as_str(), told.subject.as_str()), (WITHHELD, vex.to_string().as_str()));
    let again = shop.expect(Outcome::Pause, 1, "a Case without it does not make it forgotten").await;
    let promoted = promote(&shop.workspace, &World::request("staging"), None).await.unwrap();
    assert!(promoted.copied.is_none());
    shop.restore("dev", &index);
    shop.expect(Outcome::Proceed, 0, "it is there again").await;
    shop.hide("dev", vex);

    for reason in ["", " \n"] {
        let error = forget(&shop.workspace, vex, reason).await.unwrap_err();
        assert!(error.to_string().contains("a reason must be given"), "{error}");
    }
    let long = "x".repeat(limits::REASON_CHARS + 1);
    assert!(forget(&shop.workspace, vex, &long).await.is_err());
    let never = forget(&shop.workspace, Digest::of(b"never"), "x").await.unwrap_err();
    assert!(never.to_string().contains("no recorded Decision saw it"), "{never}");
    let image = "oci:dev/web:1".parse().unwrap();
    let state = |pieces: lockgate_engine::evidence::Pieces| {
        pieces.evidence.iter().find(|piece| piece.evidence == vex).map(|piece| piece.state)
    };
    assert_eq!(state(list(&shop.workspace, &image).await.unwrap()), Some(State::Gone));
    let forgotten = forget(&shop.workspace, vex, " it was about another build ").await.unwrap();
    assert_eq!((forgotten.len(), forgotten[0].reason.as_str()), (1, "it was about another build"));
    assert!(forget(&shop.workspace, vex, "again").await.is_err(), "nobody saw it since");
    assert_eq!(state(list(&shop.workspace, &image).await.unwrap()), Some(State::Forgotten));
    let after = shop.expect(Outcome::Proceed, 0, "it was forgotten").await;
    assert_eq!(after.case.record.seen.as_ref().unwrap().forgotten.len(), 1);
    // Seen again, it counts again.
    shop.restore("dev", &index);
    shop.expect(Outcome::Proceed, 0, "it is back").await;
    shop.hide("dev", vex);
    let last = shop.expect(Outcome::Pause, 1, "it is hidden again").await;

    assert_eq!(shop.verified().await, Vec::<String>::new());
    assert!(!shop.workspace.store.rebuild().await.unwrap(), "the tables are what the entries give");
    assert_eq!(shop.workspace.store.forgotten(Some(&shop.world.image)).await.unwrap().len(), 1);
    for recorded in [&first, &paused, &again, &after, &last] {
        let replayed = replay(&shop.workspace, &recorded.digest.to_string()).await.unwrap();
        assert!(replayed.identical());
    }
}

#[tokio::test]
async fn what_was_seen_below_is_missed_above() {
    let shop = Shop::new().await;
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    let promoted = promote(&shop.workspace, &World::request("staging"), None).await.unwrap();
    assert!(promoted.copied.is_some(), "{:#?}", promoted.recorded.decision);
    shop.hide("staging", vex);
    let recorded = judge(&shop.workspace, &World::request("prod")).await.unwrap();
    assert_eq!(recorded.decision.outcome, Outcome::Pause, "{:#?}", recorded.decision);
    assert_eq!(withheld(&recorded)[0].code, WITHHELD);
    assert_eq!(shop.verified().await, Vec::<String>::new());
}

#[tokio::test]
async fn signatures_that_are_gone_are_told_and_hold_nothing_up() {
    let shop = Shop::new().await;
    let image = "oci:dev/web:1".parse().unwrap();
    let at = Timestamp::from_unix(1_780_000_001);
    let signed = sign(&shop.workspace.reach, &image, &shop.security, &[Form::Bundle], at).await.unwrap();
    shop.expect(Outcome::Proceed, 0, "it is there").await;
    shop.hide("dev", signed.manifests[0].digest);
    let recorded = shop.expect(Outcome::Proceed, 1, "it is gone, and another one does").await;
    assert_eq!(withheld(&recorded)[0].effect, Effect::Advise);
}

#[tokio::test]
async fn a_tag_to_which_something_is_added_loses_nothing() {
    let shop = Shop::new().await;
    let image = "oci:dev/web:1".parse().unwrap();
    let at = Timestamp::from_unix(1_780_000_001);
    for day in 10..14 {
        let first = shop.vex(&shop.security, Form::Legacy, "affected", day).await;
        sign(&shop.workspace.reach, &image, &shop.security, &[Form::Legacy], at).await.unwrap();
        shop.expect(Outcome::Proceed, 0, "each version of the tag has what the one before had").await;
        // The same words as a referrer are the same words.
        if day == 13 {
            shop.vex(&shop.security, Form::Bundle, "affected", day).await;
            shop.expect(Outcome::Proceed, 0, "in both forms").await;
            shop.hide("dev", first);
            shop.expect(Outcome::Proceed, 0, "in one of them").await;
        }
    }
}

#[tokio::test]
async fn what_nobody_known_signed_is_nobodys_loss() {
    let shop = Shop::new().await;
    let stranger = SigningKey::generate().unwrap();
    let mut hidden = Vec::new();
    for day in 1..5 {
        hidden.push(shop.vex(&stranger, Form::Bundle, "affected", day).await);
    }
    shop.expect(Outcome::Proceed, 0, "they are there").await;
    for one in hidden {
        shop.hide("dev", one);
    }
    let recorded = shop.expect(Outcome::Proceed, 0, "they are gone").await;
    assert_eq!(recorded.case.record.withheld().count(), 0);
}

#[tokio::test]
async fn a_workspace_that_trusts_nobody_makes_nothing_forgotten() {
    let mut shop = Shop::new().await;
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    shop.judge().await;
    shop.hide("dev", vex);
    let keys = std::mem::take(&mut shop.workspace.keys);
    let without = shop.judge().await;
    assert_eq!(without.case.record.withheld().count(), 0, "nobody is known");
    shop.workspace.keys = keys;
    shop.expect(Outcome::Pause, 1, "it is remembered all the same").await;
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_told_as_that() {
    let shop = Shop::new().await;
    shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    shop.judge().await;
    // The fallback tag names something that is no list.
    let path = shop.world.folder().join("dev/web/index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let image = index["manifests"][0].clone();
    let mut tagged = image;
    tagged["annotations"] = json!({"org.opencontainers.image.ref.name": fallback_tag(&shop.world.image)});
    index["manifests"].as_array_mut().unwrap().push(tagged);
    std::fs::write(path, index.to_string()).unwrap();
    let recorded = shop.judge().await;
    assert_eq!(recorded.case.record.withheld().count(), 0);
    let unknown = |verdict: &lockgate_model::Verdict| verdict.answer == Answer::Unknown;
    assert!(recorded.decision.verdicts.iter().filter(|one| unknown(one)).count() >= 2);
}

#[tokio::test]
async fn a_table_that_hides_what_was_seen_is_noticed() {
    let shop = Shop::new().await;
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    shop.judge().await;
    shop.hide("dev", vex);
    // The owner of the database hides the Decisions for a moment.
    let run = |statement: &'static str| {
        let path = shop.world.database();
        async move {
            let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(
                &sqlx::sqlite::SqliteConnectOptions::new().filename(path),
            )
            .await
            .unwrap();
            sqlx::raw_sql(statement).execute(&mut database).await.unwrap();
        }
    };
    run("CREATE TABLE hidden AS SELECT * FROM decisions; DELETE FROM decisions;").await;
    shop.expect(Outcome::Proceed, 0, "it was deceived").await;
    run("INSERT INTO decisions SELECT * FROM hidden; DROP TABLE hidden;").await;
    let problems = shop.verified().await;
    assert!(problems.iter().any(|what| what.contains("looked at 0 of the 1 Decisions")), "{problems:#?}");

    // A row without an entry forgets nothing.
    let shop = Shop::new().await;
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    shop.judge().await;
    shop.hide("dev", vex);
    shop.expect(Outcome::Pause, 1, "it is hidden").await;
    forget(&shop.workspace, vex, "withdrawn").await.unwrap();
    let path = shop.world.database();
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(
        &sqlx::sqlite::SqliteConnectOptions::new().filename(path),
    )
    .await
    .unwrap();
    sqlx::raw_sql("UPDATE forgotten SET seq = 2, row = replace(row, 'withdrawn', 'x')")
        .execute(&mut database)
        .await
        .unwrap();
    let error = judge(&shop.workspace, &World::request("staging")).await.unwrap_err();
    assert!(error.to_string().contains("a table differs from entry"), "{error}");
}

#[tokio::test]
async fn forgetting_that_fails_or_happens_unheard_is_asked_for_again() {
    for fault in [Fault::Failed, Fault::FailedButPersisted] {
        let shop = Shop::new().await;
        let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
        shop.judge().await;
        shop.hide("dev", vex);
        let plan = Plan::new(0, fault);
        let dying = hearing(&shop.world, &shop.security, &plan).await;
        assert!(forget(&dying, vex, "withdrawn").await.is_err());
        assert!(plan.struck());
        let again = forget(&shop.workspace, vex, "withdrawn").await;
        assert_eq!(again.is_ok(), fault == Fault::Failed, "{again:?}");
        shop.expect(Outcome::Proceed, 0, "it is forgotten, once").await;
        assert_eq!(shop.workspace.store.forgotten(None).await.unwrap().len(), 1);
        assert_eq!(shop.verified().await, Vec::<String>::new());
    }
}

/// What says that it is a verdict or a proof of ours, and is not.
fn forged(artifact: &Descriptor, number: usize, key: &SigningKey) -> Upload {
    let created = Timestamp::from_unix(1_900_000_000 + i64::try_from(number).unwrap());
    let (manifest, blobs) = if number.is_multiple_of(3) {
        let proof = format!("proof {number}").into_bytes();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::OCI_MANIFEST.into()),
            artifact_type: Some(media::LEDGER_PROOF.into()),
            config: Descriptor::of(media::OCI_EMPTY, EMPTY_JSON),
            layers: vec![Descriptor::of(media::LEDGER_PROOF, &proof)],
            subject: Some(artifact.bare()),
            annotations: BTreeMap::from([(
                "org.opencontainers.image.created".to_owned(),
                created.to_string(),
            )]),
        };
        (serde_json::to_vec(&manifest).unwrap(), vec![EMPTY_JSON.to_vec(), proof])
    } else {
        let statement = Statement::about(artifact, SUMMARY, json!({"number": number}));
        let mut made = cosign_bundle(artifact, key, &statement, created).unwrap();
        if number % 3 == 1 {
            made = made.annotated(VERDICT, "staging").unwrap();
        }
        (made.manifest, made.blobs)
    };
    Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: manifest.into(),
        blobs: blobs.into_iter().map(Into::into).collect(),
    }
}

#[tokio::test]
async fn imitations_of_our_own_neither_lock_the_service_nor_hide_evidence() {
    let shop = Shop::new().await;
    let vex = shop.vex(&shop.security, Form::Bundle, "affected", 10).await;
    let first = shop.judge().await;
    let artifact = first.case.record.artifact.clone();
    let web = "oci:dev/web".parse().unwrap();
    // A summary by a key that is known is evidence, and stays so among its imitations.
    let statement = Statement::about(&artifact, SUMMARY, json!({"by": "security"}));
    let made = cosign_bundle(&artifact, &shop.security, &statement, Timestamp::from_unix(0)).unwrap();
    let real = Upload {
        media_type: media::OCI_MANIFEST.into(),
        manifest: made.manifest.into(),
        blobs: made.blobs.into_iter().map(Into::into).collect(),
    };
    let real = shop.workspace.reach.registry.push(&web, &real).await.unwrap().digest;
    let before = shop.judge().await.case.record.evidence;
    assert!(before.iter().any(|one| one.manifest.digest == real));
    let stranger = SigningKey::generate().unwrap();
    for number in 0..300 {
        let upload = forged(&artifact, number, &stranger);
        shop.workspace.reach.registry.push(&web, &upload).await.unwrap();
    }
    let after = shop.expect(Outcome::Proceed, 0, "three hundred imitations").await;
    assert_eq!(after.case.record.evidence, before, "the evidence is what it was");
    assert!(after.case.record.gaps.is_empty());
    assert!(before.iter().any(|one| one.manifest.digest == vex));
    let promoted = promote(&shop.workspace, &World::request("staging"), None).await.unwrap();
    assert!(promoted.copied.is_some());
    // What hides among them is missed as ever.
    shop.hide("dev", vex);
    shop.expect(Outcome::Pause, 1, "hidden among imitations").await;
    // More evidence than is read still fails closed, whoever attached it.
    let document = |number: usize| vex_document(number);
    for number in 0..limits::EVIDENCE_PER_ARTIFACT {
        let statement = Statement::about(&artifact, OPENVEX, document(number));
        let made = cosign_bundle(&artifact, &stranger, &statement, Timestamp::from_unix(0)).unwrap();
        let upload = Upload {
            media_type: media::OCI_MANIFEST.into(),
            manifest: made.manifest.into(),
            blobs: made.blobs.into_iter().map(Into::into).collect(),
        };
        shop.workspace.reach.registry.push(&web, &upload).await.unwrap();
    }
    let recorded = shop.judge().await;
    assert!(!recorded.case.record.gaps.is_empty() && recorded.decision.outcome != Outcome::Proceed);
}

fn vex_document(number: usize) -> Value {
    let mut document = vex("affected", 10);
    document["@id"] = json!(format!("https://example.com/vex/{number}"));
    document
}

#[tokio::test]
async fn promoting_the_same_artifact_again_and_again_locks_nothing() {
    const TIMES: usize = 200;
    let shop = Shop::new().await;
    let mut again = World::request("staging");
    for time in 0..TIMES {
        again.as_of = again.as_of.plus_seconds(60);
        let promoted = promote(&shop.workspace, &again, None).await.unwrap();
        assert!(promoted.copied.is_some(), "{time}: {:#?}", promoted.recorded.decision);
    }
    let up = promote(&shop.workspace, &World::request("prod"), None).await.unwrap();
    assert!(up.copied.is_some(), "{:#?}", up.recorded.decision);
    assert!(up.recorded.case.record.evidence.len() < 8, "verdicts and proofs are no evidence");
    let staging = "oci:staging/web".parse().unwrap();
    let attached = shop.workspace.reach.registry.attached(&staging, &shop.world.image).await.unwrap();
    let referrers = attached.iter().filter(|(how, _)| *how == Attachment::Referrer).count();
    assert!(referrers <= limits::OWN_ATTACHMENTS + 8, "{referrers}");
}
