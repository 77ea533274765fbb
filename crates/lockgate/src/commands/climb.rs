//! `judge` and `promote`: may an image climb, and let it.

use lockgate_engine::gather::Request;
use lockgate_engine::judge::{self, Recorded};
use lockgate_engine::promote;
use lockgate_model::reference::{Target, checked_tag};
use lockgate_model::{Outcome, Service};
use serde_json::json;

use super::args::{Climb, Global, Judge, Output, Promote};
use crate::failure::Failure;
use crate::session::{Session, Surroundings};
use crate::show;

/// `lockgate judge`
pub(super) async fn judge(global: &Global, around: &Surroundings, args: &Judge) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let feed = match &args.feed {
        Some(prefix) => Some(session.feed(prefix).await?.feed),
        None => None,
    };
    let request = request(&session, &args.climb)?;
    let recorded = judge::judge_with(&session.workspace, &request, feed).await?;
    tell(global, &args.climb, &recorded, None);
    Ok(recorded.decision.outcome.exit_code())
}

/// `lockgate promote`
pub(super) async fn promote(global: &Global, around: &Surroundings, args: &Promote) -> Result<u8, Failure> {
    let session = Session::open(global, around).await?;
    let tag = args.tag.clone().map(checked_tag).transpose()?;
    let request = request(&session, &args.climb)?;
    let promoted = promote::promote(&session.workspace, &request, tag).await?;
    tell(global, &args.climb, &promoted.recorded, Some(promoted.copied.is_some()));
    Ok(promoted.recorded.decision.outcome.exit_code())
}

fn request(session: &Session, args: &Climb) -> Result<Request, Failure> {
    let (service, target) = service_and_target(&args.image)?;
    Ok(Request { service, target, to: args.to.clone(), as_of: session.workspace.clock.now() })
}

/// `SERVICE:TAG` or `SERVICE@DIGEST`.
fn service_and_target(image: &str) -> Result<(Service, Target), Failure> {
    let (service, target) = if let Some((service, digest)) = image.split_once('@') {
        let service = service.split_once(':').map_or(service, |(service, _tag)| service);
        (service, Target::Digest(digest.parse().map_err(lockgate_model::reference::ReferenceError::from)?))
    } else if let Some((service, tag)) = image.split_once(':') {
        (service, Target::Tag(checked_tag(tag.to_owned())?))
    } else {
        return Err(Failure::told(
            format!("`{image}` names no tag and no digest"),
            "write SERVICE:TAG or SERVICE@sha256:..., where SERVICE is the repository's name in every stage",
        ));
    };
    Ok((service.parse()?, target))
}

fn tell(global: &Global, args: &Climb, recorded: &Recorded, promoted: Option<bool>) {
    match global.output {
        Output::Json => show::json(&json!({
            "decision": recorded.digest,
            "entry": recorded.appended.seq,
            "promoted": promoted,
            "record": recorded.decision,
        })),
        Output::Table => {
            show::decision(&recorded.digest, &recorded.decision, args.all);
            let (to, short) = (&recorded.decision.to, recorded.digest.short());
            match (recorded.decision.outcome, promoted) {
                (Outcome::Proceed, Some(_)) => {
                    say!("{to} now holds it. Entry {} of the ledger.", recorded.appended.seq);
                }
                (Outcome::Proceed, None) => say!("It can be promoted to {to}; nothing was promoted."),
                _ => say!("Nothing was promoted. `lockgate explain {short}` says what to do."),
            }
        }
    }
}
