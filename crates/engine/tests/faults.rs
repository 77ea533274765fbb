//! The fault matrix of a promotion: each effect fails, or happens and is reported as failed; the next process recovers;
//! nothing is lost, and nothing is promoted twice.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;

use lockgate_engine::promote::promote;
use lockgate_engine::{ledger, recover};
use lockgate_model::Outcome;
use lockgate_model::projection::{Conflict, PromotionState};
use sim::{Fault, Plan};
use world::World;

mod sim;
mod world;

/// Effects of one promotion: commit of the Decision, commit of the intent, copy, push of verdict and proof, tag, commit
/// of the completion.
const EFFECTS: usize = 7;

#[tokio::test]
async fn a_promotion_has_the_effects_that_the_matrix_plays() {
    let world = World::new().await;
    let plan = Plan::none();
    let promoted = promote(&world.process(&plan).await, &World::request("staging"), None).await.unwrap();
    assert_eq!(promoted.recorded.decision.outcome, Outcome::Proceed, "{:#?}", promoted.recorded.decision);
    assert_eq!(plan.effects(), EFFECTS);
}

#[tokio::test]
async fn every_effect_failed_and_failed_but_persisted() {
    for fault in [Fault::Failed, Fault::FailedButPersisted] {
        for at in 0..EFFECTS {
            play(at, fault).await;
        }
    }
}

async fn play(at: usize, fault: Fault) {
    let world = World::new().await;
    let plan = Plan::new(at, fault);
    let dying = world.process(&plan).await;
    let first = promote(&dying, &World::request("staging"), None).await;
    assert!(plan.struck(), "{at} {fault:?}");
    assert!(first.is_err(), "{at} {fault:?}");
    drop(dying);

    // The next process finishes what was announced; what was not announced is asked for again.
    let next = world.process(&Plan::none()).await;
    for row in recover::open(&next).await.unwrap() {
        recover::finish(&next, &row.intent).await.unwrap();
    }
    if next.store.releases(None).await.unwrap().is_empty() {
        promote(&next, &World::request("staging"), None).await.unwrap();
    }
    consistent(&world, 1, &format!("{at} {fault:?}")).await;
    // And the way goes on.
    promote(&next, &World::request("prod"), None).await.unwrap();
    consistent(&world, 2, &format!("{at} {fault:?}, prod")).await;
}

/// The ledger is whole; there are `releases`, each by its own Decision; both ends hold the artifact with everything.
async fn consistent(world: &World, releases: usize, what: &str) {
    let workspace = world.process(&Plan::none()).await;
    let report = ledger::verify(&*workspace.store, &World::verifier(), &[]).await.unwrap();
    assert!(report.problems.is_empty(), "{what}: {:#?}", report.problems);
    let rows = workspace.store.releases(None).await.unwrap();
    assert_eq!(rows.len(), releases, "{what}");
    let permits: BTreeSet<_> = rows.iter().map(|row| row.decision).collect();
    assert_eq!(permits.len(), releases, "{what}: a permit was used twice");
    assert!(recover::open(&workspace).await.unwrap().is_empty(), "{what}");
    let registry = &workspace.reach.registry;
    let mut below = registry.attached(&"oci:dev/web".parse().unwrap(), &world.image).await.unwrap().len();
    for row in rows {
        let tagged = registry.resolve(&row.repository, "1").await.unwrap().unwrap();
        assert_eq!(tagged.digest, world.image, "{what}");
        let here = registry.attached(&row.repository, &world.image).await.unwrap().len();
        assert_eq!(here, below + 2, "{what}: verdict and proof are attached once in {}", row.stage);
        below = here;
    }
}

#[tokio::test]
async fn an_interrupted_promotion_can_be_given_up_until_its_tag_has_moved() {
    let world = World::new().await;
    // The copy fails: the tag has not moved.
    let dying = world.process(&Plan::new(2, Fault::Failed)).await;
    promote(&dying, &World::request("staging"), None).await.unwrap_err();
    let next = world.process(&Plan::none()).await;
    let open = recover::open(&next).await.unwrap();
    let decision = open[0].intent.decision;
    recover::undo(&next, &decision.hex(), "the build was wrong").await.unwrap();
    let rows = next.store.promotions(None).await.unwrap();
    assert_eq!(rows[0].state, PromotionState::Undone);
    assert!(next.store.releases(None).await.unwrap().is_empty());
    assert!(recover::undo(&next, &decision.hex(), "again").await.is_err());
    // A permit that was given up is used.
    let error = recover::finish(&next, &open[0].intent).await.unwrap_err();
    assert!(matches!(error.conflict(), Some(Conflict::NotOpen(_))), "{error}");

    let world = World::new().await;
    let dying = world.process(&Plan::new(5, Fault::FailedButPersisted)).await;
    promote(&dying, &World::request("staging"), None).await.unwrap_err();
    let next = world.process(&Plan::none()).await;
    let decision = recover::open(&next).await.unwrap()[0].intent.decision;
    let error = recover::undo(&next, &decision.hex(), "too late").await.unwrap_err().to_string();
    assert!(error.contains("already names the artifact"), "{error}");
}

/// What is carried out is what was judged, whatever the announcement names.
#[tokio::test]
async fn an_intent_that_names_another_artifact_is_not_carried_out() {
    let world = World::new().await;
    let dying = world.process(&Plan::new(2, Fault::Failed)).await;
    promote(&dying, &World::request("staging"), None).await.unwrap_err();
    let next = world.process(&Plan::none()).await;
    let mut intent = recover::open(&next).await.unwrap().remove(0).intent;
    let dev = "oci:dev/web".parse().unwrap();
    let attached = next.reach.registry.attached(&dev, &world.image).await.unwrap();
    // It is there, whole, and can be copied; nobody judged it.
    let judged = std::mem::replace(&mut intent.artifact, attached[0].1.bare());
    let error = recover::finish(&next, &intent).await.unwrap_err().to_string();
    assert!(error.contains("it names the artifact") && error.contains("was judged"), "{error}");
    assert!(next.reach.registry.resolve(&intent.target, "1").await.unwrap().is_none());
    assert!(next.store.releases(None).await.unwrap().is_empty());
    intent.artifact = judged;
    recover::finish(&next, &intent).await.unwrap();
    consistent(&world, 1, "the artifact that was judged").await;
}

#[tokio::test]
async fn of_two_processes_one_wins_and_the_other_is_told() {
    let world = World::new().await;
    let (one, two) = (world.process(&Plan::none()).await, world.process(&Plan::none()).await);
    let (to_one, to_two) = (World::request("staging"), World::request("staging"));
    let (first, second) = tokio::join!(promote(&one, &to_one, None), promote(&two, &to_two, None));
    for result in [&first, &second] {
        if let Err(error) = result {
            assert!(
                matches!(error.conflict(), Some(Conflict::PromotionOpen { .. } | Conflict::PermitSpent(_))),
                "{error}"
            );
        }
    }
    let won = [&first, &second].iter().filter(|result| result.is_ok()).count();
    assert!(won >= 1);
    let releases = one.store.releases(None).await.unwrap();
    assert_eq!(releases.len(), won);
    let permits: BTreeSet<_> = releases.iter().map(|row| row.decision).collect();
    assert_eq!(permits.len(), won);
}
