//! `status` and `history`: what stages hold, and how it got there.

use std::collections::BTreeSet;

use lockgate_model::Service;
use serde_json::json;

use super::DONE;
use super::args::{Global, History, Output, Status};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate status`
pub(super) async fn status(global: &Global, around: &Surroundings, args: &Status) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let service = args.service.as_deref().map(str::parse::<Service>).transpose()?;
    let store = &session.workspace.store;
    let mut held = std::collections::BTreeMap::new();
    for release in store.releases(service.as_ref()).await? {
        held.insert((release.service.clone(), release.stage.clone()), release);
    }
    let held: Vec<_> = held.into_values().collect();
    let mut open = store.promotions(service.as_ref()).await?;
    open.retain(|row| row.state == lockgate_model::projection::PromotionState::Open);
    match global.output {
        Output::Json => show::json(&json!({"held": held, "open": open})),
        Output::Table => show::status(&session.workspace.route, &held, &open),
    }
    Ok(DONE)
}

/// `lockgate history`
pub(super) async fn history(global: &Global, around: &Surroundings, args: &History) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let service: Service = args.service.parse()?;
    let store = &session.workspace.store;
    let decisions = store.decisions(Some(&service)).await?;
    let promotions = store.promotions(Some(&service)).await?;
    let releases = store.releases(Some(&service)).await?;
    let alerts = store.alerts(Some(&service)).await?;
    let artifacts: BTreeSet<_> = decisions.iter().map(|row| row.artifact).collect();
    let mut forgotten = store.forgotten(None).await?;
    forgotten.retain(|row| artifacts.contains(&row.what.artifact));
    match global.output {
        Output::Json => {
            show::json(&json!({
                "decisions": decisions,
                "promotions": promotions,
                "releases": releases,
                "alerts": alerts,
                "forgotten": forgotten,
            }));
        }
        Output::Table if decisions.is_empty() => say!("Nothing was recorded about {service}."),
        Output::Table => show::history(&service, &decisions, &promotions, &releases, &alerts, &forgotten),
    }
    Ok(DONE)
}
