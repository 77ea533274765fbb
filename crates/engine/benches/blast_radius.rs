//! What a stolen key has let through: 1 000 recorded promotions in the real store, half of them by the key, each dated by
//! a timestamp authority, half of those before the theft.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::{Duration, Instant};

use lockgate_engine::blast_radius::{Suspicion, measure};
use lockgate_engine::keyring;
use lockgate_model::Timestamp;
use promotions::{Signer, Wanted, record};
use sim::Plan;
use world::World;

#[path = "../tests/promotions/mod.rs"]
mod promotions;
#[path = "../tests/sim/mod.rs"]
mod sim;
#[path = "../tests/world/mod.rs"]
mod world;

const PROMOTIONS: usize = 1_000;
const SERVICES: usize = 41;
const RUNS: usize = 7;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

async fn run() {
    let world = World::new().await;
    let mut workspace = world.process(&Plan::none()).await;
    workspace.keys.clear();
    let stolen = Signer::builder(&workspace, "stolen").await;
    let other = Signer::builder(&workspace, "other").await;
    let instance = promotions::instance::Instance::new();
    let start = Instant::now();
    for number in 0..PROMOTIONS {
        let by = if number % 2 == 0 { [&stolen] } else { [&other] };
        let wanted = Wanted {
            service: format!("service-{}", number % SERVICES),
            number,
            to: "staging",
            signers: &by,
            required: 1,
            below: None,
            at: Timestamp::from_unix(1_780_000_000 + i64::try_from(number).unwrap() * 3_600),
            stamped_by: Some(&instance),
        };
        record(&workspace, &wanted).await;
    }
    println!("recorded {PROMOTIONS} promotions in {:?}", start.elapsed());
    let suspicion = Suspicion {
        key: stolen.id(),
        at: Timestamp::from_unix(1_790_000_000),
        compromised_since: Some(Timestamp::from_unix(1_780_000_000 + 500 * 3_600)),
    };
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let radius = measure(&workspace, &suspicion).await.unwrap();
        times.push(start.elapsed());
        assert_eq!(radius.decisions.len(), PROMOTIONS / 2);
        assert_eq!(radius.fallen().count(), PROMOTIONS / 4);
    }
    times.sort();
    println!(
        "blast radius of a key in {PROMOTIONS} promotions, half of them by it: median {:?}, slowest {:?} of {RUNS}",
        times.get(RUNS / 2).unwrap_or(&Duration::ZERO),
        times.last().unwrap_or(&Duration::ZERO)
    );
    let start = Instant::now();
    let revoked = keyring::revoke(&workspace, "stolen", suspicion.compromised_since, "stolen").await.unwrap();
    println!(
        "revoked and recorded in {:?}: {} Releases run by it",
        start.elapsed(),
        revoked.blast_radius.releases.len()
    );
}
