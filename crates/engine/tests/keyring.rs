//! The keyring in use: rotation without an outage, rules in the store, alerts, and what a stolen key has let through.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lockgate_attest::keys::SigningKey;
use lockgate_engine::blast_radius::{Suspicion, measure};
use lockgate_engine::promote::promote;
use lockgate_engine::sign::{Form, sign};
use lockgate_engine::{Workspace, keyring, ledger, replay};
use lockgate_model::blast_radius::BlastRadius;
use lockgate_model::keyring::{Credential, Revoking, Role, Rotated, State};
use lockgate_model::ports::Clock;
use lockgate_model::projection::{Conflict, PromotionState};
use lockgate_model::route::Stage;
use lockgate_model::{
    Digest, Entry, Event, KeyringChange, Outcome, Route, Timestamp, canon, keyring::Refusal,
};
use promotions::{Signer, Wanted, add, member, record};
use serde_json::json;
use sim::Plan;
use world::World;

mod promotions;
mod sim;
mod world;

/// A clock that is set.
struct At(i64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        day(self.0)
    }
}

/// So many days after the world's beginning.
fn day(day: i64) -> Timestamp {
    Timestamp::from_unix(1_790_000_000).plus_seconds(day * 86_400)
}

/// A process on that day, of someone, with a keyring instead of keys in the file.
async fn process(world: &World, on: i64, actor: &str) -> Workspace {
    let mut workspace = world.process(&Plan::none()).await;
    workspace.keys.clear();
    workspace.actor = actor.into();
    workspace.clock = Arc::new(At(on));
    let gates = BTreeMap::from([("signature".to_owned(), json!({"role": "builder"}))]);
    let stage = |name: &str, gates| Stage {
        name: name.parse().unwrap(),
        registry: format!("oci:{name}").parse().unwrap(),
        gates,
    };
    workspace.route = Route::new(vec![
        stage("dev", BTreeMap::new()),
        stage("staging", gates.clone()),
        stage("prod", gates),
    ])
    .unwrap();
    workspace
}

async fn try_promote(workspace: &Workspace, to: &str) -> (Outcome, Vec<String>, Digest) {
    let mut request = World::request(to);
    request.as_of = workspace.clock.now();
    let recorded = promote(workspace, &request, None).await.unwrap().recorded;
    let findings = recorded.decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let codes = findings.map(|finding| finding.code.clone()).collect();
    (recorded.decision.outcome, codes, recorded.digest)
}

async fn whole(world: &World) {
    let store = world.store().await;
    let report = ledger::verify(&*store, &World::verifier(), &[]).await.unwrap();
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    assert!(!store.rebuild().await.unwrap(), "the tables are what the entries give");
}

#[tokio::test]
async fn a_key_is_rotated_without_an_outage() {
    let world = World::new().await;
    let first = process(&world, 0, "ann").await;
    add(&first, "build", "ci", Role::Builder, &world.build).await;
    let (outcome, _, before) = try_promote(&first, "staging").await;
    assert_eq!(outcome, Outcome::Proceed);

    // Day 10: a new key comes beside the old one; what the old one signed goes on climbing.
    let rotating = process(&world, 10, "ann").await;
    let next = SigningKey::generate().unwrap();
    let Credential::Key { id, pem } = keyring::credential(next.public().to_pem().as_bytes()).unwrap() else {
        panic!("a key is no identity")
    };
    let rotated = Rotated {
        old: "build".into(),
        new: "build-2".into(),
        id,
        pem,
        valid_until: None,
        overlap_until: day(20),
    };
    keyring::change(&rotating, KeyringChange::Rotated(rotated)).await.unwrap();
    for (on, to) in [(10, "prod"), (19, "staging")] {
        let (outcome, codes, _) = try_promote(&process(&world, on, "ann").await, to).await;
        assert_eq!((outcome, codes), (Outcome::Proceed, vec![]), "day {on}");
    }

    // Day 20: the old one has retired, and says so; with the new one's signature it goes on.
    let after = process(&world, 20, "ann").await;
    let (outcome, codes, _) = try_promote(&after, "prod").await;
    assert_eq!(outcome, Outcome::Pause);
    assert!(codes.contains(&"signature.key-retired".to_owned()), "{codes:?}");
    let image = "oci:dev/web:1".parse().unwrap();
    sign(&after.reach, &image, &next, &[Form::Bundle], day(20)).await.unwrap();
    assert_eq!(try_promote(&after, "staging").await.0, Outcome::Proceed);

    // Day 50: what was decided before the rotation is decided so again, byte for byte.
    let later = process(&world, 50, "ann").await;
    let replayed = replay::replay(&later, &before.hex()).await.unwrap();
    assert!(replayed.identical() && replayed.recorded.outcome == Outcome::Proceed);
    whole(&world).await;
}

#[tokio::test]
async fn what_the_rules_forbid_is_refused_in_the_ledger_itself() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    add(&workspace, "build", "ci", Role::Builder, &world.build).await;
    let before = workspace.store.head().await.unwrap();
    let refused = async |change: KeyringChange| {
        // Straight to the ledger: no use case looks first.
        let entry = Entry::new(day(0), "ann", Event::Keyring(change));
        match workspace.ledger.append_one(entry, vec![]).await.unwrap_err() {
            ledger::LedgerError::Refused(Conflict::Keyring(refusal)) => refusal,
            other => panic!("{other}"),
        }
    };
    let twin = member("twin", "bob", Role::Builder, &world.build);
    assert!(matches!(refused(KeyringChange::Added(Box::new(twin))).await, Refusal::Known { .. }));
    let other = SigningKey::generate().unwrap();
    let ends = member("ends", "ci", Role::Releaser, &other);
    assert!(matches!(refused(KeyringChange::Added(Box::new(ends))).await, Refusal::NotApart { .. }));
    let revoking = Revoking {
        name: "build".into(),
        compromised_since: None,
        reason: "stolen".into(),
        blast_radius: None,
    };
    assert!(matches!(refused(KeyringChange::Revoked(revoking)).await, Refusal::SecondPerson { .. }));
    assert_eq!(workspace.store.head().await.unwrap(), before);
    whole(&world).await;
    // The key of the file, under whatever name.
    let file = lockgate_engine::workspace::KeyFile {
        name: "other".into(),
        pem: world.build.public().to_pem().into(),
        valid_from: None,
        valid_until: None,
    };
    let mut both = process(&world, 0, "ann").await;
    both.keys = vec![file];
    let error = promote(&both, &World::request("staging"), None).await.unwrap_err().to_string();
    assert!(error.contains("in the keyring too, as `build`"), "{error}");
}

#[tokio::test]
async fn of_two_people_one_proposes_and_the_other_revokes() {
    let world = World::new().await;
    let ann = process(&world, 5, "ann").await;
    add(&ann, "build", "ci", Role::Builder, &world.build).await;
    assert_eq!(try_promote(&ann, "staging").await.0, Outcome::Proceed);
    let error = keyring::revoke(&ann, "build", Some(day(1)), "stolen").await.unwrap_err();
    assert!(matches!(error.conflict(), Some(Conflict::Keyring(Refusal::SecondPerson { .. }))), "{error}");
    assert!(error.help().unwrap().contains("--propose"));
    let bob = process(&world, 5, "bob").await;
    assert!(keyring::confirm(&bob, "build").await.unwrap_err().to_string().contains("nobody has proposed"));
    keyring::propose(&ann, "build", Some(day(1)), "stolen").await.unwrap();
    assert!(keyring::confirm(&ann, "build").await.unwrap_err().to_string().contains("someone else"));
    let revoked = keyring::confirm(&bob, "build").await.unwrap();
    let radius = revoked.blast_radius;
    assert_eq!(radius.fallen().count(), 1);
    let row = keyring::member(&bob, "build").await.unwrap();
    assert_eq!(row.state(day(5)), State::Revoked);
    // What is recorded is what was told.
    let recorded = row.revoked.unwrap();
    assert_eq!((recorded.said.actor.as_str(), recorded.what.reason.as_str()), ("bob", "stolen"));
    let bytes = bob.store.blob(&recorded.what.blast_radius.unwrap()).await.unwrap().unwrap();
    assert_eq!(canon::from_bytes::<BlastRadius>(&bytes).unwrap(), radius);
    // And nothing climbs by it any more; whoever watches the ledger sees that it was tried.
    let (outcome, codes, decision) = try_promote(&bob, "prod").await;
    assert_eq!(outcome, Outcome::Pause);
    assert!(codes.contains(&"signature.key-revoked".to_owned()));
    let alerts = bob.store.alerts(Some(&"web".parse().unwrap())).await.unwrap();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].alert.decision, alerts[0].actor.as_str()), (decision, "bob"));
    assert!(alerts[0].alert.codes.contains(&"signature.key-revoked".to_owned()));
    whole(&world).await;
}

#[tokio::test]
async fn a_decision_from_before_a_revocation_authorises_nothing_after_it() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let one = Signer::builder(&workspace, "one").await;
    let _other = Signer::builder(&workspace, "other").await;
    let wanted = Wanted {
        service: "web".into(),
        number: 1,
        to: "staging",
        signers: &[&one],
        required: 1,
        below: None,
        at: day(0),
        stamped_by: None,
    };
    let judged = record(&workspace, &wanted).await;
    // The same intent again, of a Case that was closed before the key was revoked.
    keyring::revoke(&workspace, "one", None, "stolen").await.unwrap();
    let row = workspace.store.promotions(None).await.unwrap().remove(0);
    let event = Event::PromotionIntended(Box::new(row.intent));
    let error = workspace.ledger.append_one(Entry::new(day(0), "ann", event), vec![]).await.unwrap_err();
    let conflict = match error {
        ledger::LedgerError::Refused(conflict) => conflict,
        other => panic!("{other}"),
    };
    assert!(matches!(conflict, Conflict::KeyringChanged { decision, .. } if decision == judged.decision));
}

/// Twelve services in two stages, by three keys; then one of the keys is stolen.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn the_blast_radius_is_exact() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let a = Signer::builder(&workspace, "a").await;
    let b = Signer::builder(&workspace, "b").await;
    let c = Signer::builder(&workspace, "c").await;
    let (mut falls, mut stands, mut through, mut good) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    let (by_a, by_b, by_c, by_both, by_all) = ([&a], [&b], [&c], [&a, &b], [&a, &b, &c]);
    for number in 0..12_usize {
        let service = format!("service-{number}");
        let want = |number, to, signers, required, below| Wanted {
            service: service.clone(),
            number,
            to,
            signers,
            required,
            below,
            at: day(i64::try_from(number).unwrap()),
            stamped_by: None,
        };
        // Something good was there before, of every second service.
        if number % 2 == 0 {
            let before = record(&workspace, &want(number + 100, "staging", &by_b, 1, None)).await;
            good.insert(service.clone(), before.artifact);
        }
        let (signers, required): (&[&Signer], usize) = match number % 4 {
            0 => (&by_a, 1),
            1 => (&by_b, 1),
            2 => (&by_all, 2),
            _ => (&by_both, 2),
        };
        let staged = record(&workspace, &want(number, "staging", signers, required, None)).await;
        match number % 4 {
            0 | 3 => falls.insert(staged.decision),
            2 => stands.insert(staged.decision),
            _ => true,
        };
        // It goes on to prod by another's signature: only the way there was by the stolen key.
        let released = record(&workspace, &want(number, "prod", &by_c, 1, Some(staged.decision))).await;
        match number % 4 {
            0 | 3 => through.insert(released.decision),
            2 => stands.insert(released.decision),
            _ => true,
        };
    }
    let suspicion = Suspicion { key: a.id(), at: day(50), compromised_since: Some(day(6)) };
    let radius = measure(&workspace, &suspicion).await.unwrap();
    assert_eq!(radius.names, ["a".to_owned()].into());
    let fallen = |through: bool| -> BTreeSet<Digest> {
        radius.fallen().filter(|one| one.through.is_some() == through).map(|one| one.decision).collect()
    };
    assert_eq!(fallen(false), falls);
    assert_eq!(fallen(true), through);
    let standing: BTreeSet<_> =
        radius.decisions.iter().filter(|one| !one.falls).map(|one| one.decision).collect();
    assert_eq!(standing, stands);
    assert_eq!(radius.decisions.len(), falls.len() + through.len() + stands.len());
    assert!(radius.decisions.iter().all(|one| one.promotion == Some(PromotionState::Done)));
    assert!(radius.decisions.is_sorted_by_key(|one| one.seq));
    // Running: both stages of the nine services that it touched.
    assert_eq!(radius.releases.len(), 18);
    for running in &radius.releases {
        let number: usize = running.service.as_str().trim_start_matches("service-").parse().unwrap();
        assert_eq!(running.falls, number % 4 != 2, "{running:?}");
        let expected = good
            .get(running.service.as_str())
            .filter(|_| running.falls && running.stage.as_str() == "staging");
        assert_eq!(running.last_good.as_ref(), expected, "{running:?}");
        assert_eq!(running.command().is_some(), expected.is_some());
    }
    // A key that nobody relied on touches nothing; a dry run writes nothing.
    let size = workspace.store.head().await.unwrap().size;
    assert_eq!(radius.ledger_size, size);
    let nobody = Suspicion { key: Digest::of(b"nobody"), ..suspicion };
    assert!(measure(&workspace, &nobody).await.unwrap().decisions.is_empty());
    // The real thing gives the same, and records it.
    let revoked = keyring::revoke(&workspace, "a", Some(day(-1)), "stolen").await.unwrap();
    assert_eq!(revoked.appended.seq, size);
    assert_eq!(revoked.blast_radius.decisions, radius.decisions);
    whole(&world).await;
}

/// A thousand promotions, half of them by a key that is stolen in the middle of them. A timestamp authority has dated the
/// signatures: what it proves to be older stays, all else that the key let through falls, and nothing else.
#[tokio::test]
async fn a_drill_on_a_thousand_promotions() {
    const PROMOTIONS: usize = 1_000;
    const SERVICES: usize = 40;
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let stolen = Signer::builder(&workspace, "stolen").await;
    let other = Signer::builder(&workspace, "other").await;
    let instance = promotions::instance::Instance::new();
    let hour = |number: usize| Timestamp::from_unix(1_780_000_000 + i64::try_from(number).unwrap() * 3_600);
    let (mut older, mut later, mut undated) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for number in 0..PROMOTIONS {
        let by = if number % 2 == 0 { [&stolen] } else { [&other] };
        let wanted = Wanted {
            service: format!("service-{}", number / 2 % SERVICES),
            number,
            to: "staging",
            signers: &by,
            required: 1,
            below: None,
            at: hour(number),
            stamped_by: (number % 10 != 0).then_some(&instance),
        };
        let decision = record(&workspace, &wanted).await.decision;
        match (number % 2, number % 10) {
            (0, 0) => undated.insert(decision),
            (0, _) if number < PROMOTIONS / 2 => older.insert(decision),
            (0, _) => later.insert(decision),
            _ => true,
        };
    }
    let since = Some(hour(PROMOTIONS / 2));
    let revoked = keyring::revoke(&workspace, "stolen", since, "stolen").await.unwrap();
    let radius = revoked.blast_radius;
    let fallen: BTreeSet<_> = radius.fallen().map(|one| one.decision).collect();
    let touched: BTreeSet<_> = radius.decisions.iter().map(|one| one.decision).collect();
    assert_eq!((older.len(), later.len(), undated.len()), (200, 200, 100));
    assert_eq!(fallen, later.union(&undated).copied().collect());
    assert_eq!(touched, fallen.union(&older).copied().collect());
    // Each service's last release was by the other key: nothing of what runs has to do with it.
    assert!(radius.releases.is_empty(), "{:?}", radius.releases);
    // The replay of what was recorded before is what it was.
    let first = radius.decisions.first().unwrap();
    assert!(replay::replay(&workspace, &first.decision.to_string()).await.unwrap().identical());
}

/// Of two signers each was enough. When both were stolen, neither stands in for the other, and what fell with the first
/// is not called good when the second falls.
#[tokio::test]
async fn a_key_that_was_revoked_before_saves_nothing() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let a = Signer::builder(&workspace, "a").await;
    let b = Signer::builder(&workspace, "b").await;
    let c = Signer::builder(&workspace, "c").await;
    let (by_a, by_b, by_c, by_both) = ([&a], [&b], [&c], [&a, &b]);
    let want = |number, signers| Wanted {
        service: "web".into(),
        number,
        to: "staging",
        signers,
        required: 1,
        below: None,
        at: day(0),
        stamped_by: None,
    };
    let good = record(&workspace, &want(1, &by_c)).await;
    let first = record(&workspace, &want(2, &by_a)).await;
    let both = record(&workspace, &want(3, &by_both)).await;
    let last = record(&workspace, &want(4, &by_b)).await;
    let fallen = |radius: &BlastRadius| radius.fallen().map(|one| one.decision).collect::<Vec<_>>();
    let radius = keyring::revoke(&workspace, "a", None, "stolen").await.unwrap().blast_radius;
    assert_eq!(fallen(&radius), [first.decision]);
    let radius = keyring::revoke(&workspace, "b", None, "stolen").await.unwrap().blast_radius;
    assert_eq!(fallen(&radius), [both.decision, last.decision]);
    assert_eq!(radius.names, ["b".to_owned()].into());
    assert_eq!(radius.releases.len(), 1);
    assert_eq!(radius.releases[0].last_good, Some(good.artifact));
    // Asked again about the first, what has become of the second is known.
    let suspicion = Suspicion { key: a.id(), at: day(9), compromised_since: Some(day(5)) };
    let radius = measure(&workspace, &suspicion).await.unwrap();
    assert_eq!(fallen(&radius), [first.decision, both.decision]);
    whole(&world).await;
}

#[tokio::test]
async fn what_cannot_be_judged_again_falls() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let a = Signer::builder(&workspace, "a").await;
    let b = Signer::builder(&workspace, "b").await;
    let both = [&a, &b];
    let wanted = |number| Wanted {
        service: "web".into(),
        number,
        to: "staging",
        signers: &both,
        required: 1,
        below: None,
        at: day(0),
        stamped_by: None,
    };
    let one = record(&workspace, &wanted(1)).await;
    let two = record(&workspace, &wanted(2)).await;
    let suspicion = Suspicion { key: a.id(), at: day(50), compromised_since: None };
    assert_eq!(measure(&workspace, &suspicion).await.unwrap().fallen().count(), 0);
    let rows = workspace.store.decisions(None).await.unwrap();
    let case = rows.iter().find(|row| row.decision == one.decision).unwrap().case;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    // The Case of the one is gone; of the other the Decision itself, which may have relied on any key.
    for (gone, fallen) in [(case, vec![one.decision]), (two.decision, vec![one.decision, two.decision])] {
        let delete = sqlx::query("DELETE FROM content WHERE digest = ?").bind(gone.as_bytes().to_vec());
        delete.execute(&mut database).await.unwrap();
        let radius = measure(&workspace, &suspicion).await.unwrap();
        let fell: Vec<_> = radius.fallen().map(|touched| touched.decision).collect();
        assert_eq!(fell, fallen);
        let unreadable = ["blast-radius.unreadable".to_owned()];
        assert!(radius.fallen().all(|touched| touched.findings == unreadable));
    }
}

/// Whatever people say, in whatever order, what the ledger took folds to the table, and the table can be derived again.
#[tokio::test]
async fn any_history_folds_and_rebuilds_to_the_same_keyring() {
    let world = World::new().await;
    let workspace = process(&world, 0, "ann").await;
    let keys: Vec<SigningKey> = (0..6).map(|_| SigningKey::generate().unwrap()).collect();
    let names = ["a", "b", "c", "d", "e", "f"];
    let roles = [Role::Builder, Role::Releaser, Role::Approver];
    // A fixed sequence that jumps about (Numerical Recipes' linear congruential generator).
    let mut state = 7_u32;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 16).unwrap() % below
    };
    let mut folded = lockgate_model::Keyring::default();
    let (mut taken, mut refused) = (0, 0);
    for step in 0..150 {
        let name = names[next(6)];
        let revoking = Revoking {
            name: name.into(),
            compromised_since: Some(day(i64::try_from(next(40)).unwrap() - 20)),
            reason: "r".into(),
            blast_radius: None,
        };
        let change = match next(6) {
            0 | 1 => {
                let owner = ["ann", "bob"][next(2)];
                KeyringChange::Added(Box::new(member(name, owner, roles[next(3)], &keys[next(6)])))
            }
            2 => {
                let public = keys[next(6)].public();
                KeyringChange::Rotated(Rotated {
                    old: name.into(),
                    new: names[next(6)].into(),
                    id: public.id(),
                    pem: public.to_pem(),
                    valid_until: None,
                    overlap_until: day(i64::try_from(next(20)).unwrap()),
                })
            }
            3 if step > 100 => KeyringChange::Retired { name: name.into() },
            4 => KeyringChange::RevocationProposed(revoking),
            _ => KeyringChange::Revoked(revoking),
        };
        let actor = ["ann", "bob"][next(2)];
        let entry = Entry::new(day(step / 20), actor, Event::Keyring(change.clone()));
        let seq = workspace.store.head().await.unwrap().size;
        let said = lockgate_model::keyring::Said { seq, at: entry.at, actor: actor.into() };
        let fold = folded.apply(&said, &change);
        match workspace.ledger.append_one(entry, vec![]).await {
            Ok(appended) => assert_eq!((appended.seq, fold.is_ok()), (seq, true)),
            Err(ledger::LedgerError::Refused(Conflict::Keyring(refusal))) => assert_eq!(fold, Err(refusal)),
            Err(other) => panic!("{other}"),
        }
        if workspace.store.head().await.unwrap().size > seq { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 15 && refused > 15, "{taken} {refused}");
    assert_eq!(workspace.store.keyring().await.unwrap(), folded);
    whole(&world).await;
    assert_eq!(world.store().await.keyring().await.unwrap(), folded);
}

/// A file of the version before has no table for the keyring: it gets one, and goes on.
#[tokio::test]
async fn a_ledger_of_the_version_before_is_brought_up() {
    let world = World::new().await;
    assert_eq!(try_promote(&process(&world, 0, "ann").await, "staging").await.0, Outcome::Pause);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    // As it was: what is new gone, and only the entries that were known then.
    for statement in [
        "DROP TABLE keyring",
        "DROP TABLE alerts",
        "DROP TABLE forgotten",
        "DROP INDEX decisions_by_artifact",
        "ALTER TABLE decisions DROP COLUMN artifact",
        "DELETE FROM entries WHERE seq > 2",
        "DELETE FROM checkpoints WHERE size > 3",
        "PRAGMA user_version = 1",
    ] {
        sqlx::raw_sql(statement).execute(&mut database).await.unwrap();
    }
    drop(database);
    let store = world.store().await;
    assert_eq!(store.keyring().await.unwrap().rows().count(), 0);
    assert!(!store.tables_differ().await.unwrap());
    assert_eq!(store.decisions_of(&world.image).await.unwrap().len(), 1);
    // And a file of a version to come is left alone.
    let mut database = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 4").execute(&mut database).await.unwrap();
    let refused = lockgate_store::SqliteStore::open(world.database()).await.unwrap_err();
    assert!(refused.to_string().contains("schema 4"), "{refused}");
}
