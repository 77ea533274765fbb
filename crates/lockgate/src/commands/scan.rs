//! `scan`: list an image's packages and what a feed says about them.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use lockgate_engine::scan::{self, Scanned};
use lockgate_model::ports::FeedBytes;
use lockgate_model::{Digest, Outcome, Severity, Timestamp};
use lockgate_scan::Match;
use lockgate_scan::baseline::Baseline;
use serde::Serialize;

use super::DONE;
use super::args::{Global, Output, ReportTo, Scan};
use crate::failure::Failure;
use crate::report::{Subject, report};
use crate::session::{Session, Surroundings, timestamp};
use crate::show;
use crate::sources::LaidOut;

/// `lockgate scan`: exit code 0 when everything could be read and was asked of somebody, 3 when something could not be
/// answered, 4 when `--fail-on` was reached. What a match means for a stage is for `judge` to say.
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Scan) -> Result<u8, Failure> {
    let laid_out = around.lay_out(&args.image)?;
    let named = laid_out.as_ref().map(LaidOut::reference);
    let reference = around.reference(named.as_ref().unwrap_or(&args.image))?;
    let feed = feed(global, around, args).await?;
    let scanned = scan::scan(&around.reach(global)?, &reference, feed).await?;
    let at = timestamp(SystemTime::now());
    let subject =
        Subject { reference: &args.image, scanned: &scanned, at, most_days: Some(args.max_feed_age_days) };
    let unanswered = subject.unanswered();
    let mut printed = false;
    for ReportTo { format, file } in &args.report {
        let text = report(*format, &subject);
        if let Some(file) = file {
            std::fs::write(file, text).map_err(|error| Failure::file(file, &error))?;
        } else {
            printed = true;
            show::lines(&text);
        }
    }
    if let (Some(file), Some(until), Some(reason)) = (&args.baseline, args.until, &args.reason) {
        write_baseline(file, &subject, until, reason)?;
    }
    match global.output {
        _ if printed => {}
        Output::Json => show::json(&Answer { scanned: &scanned, unanswered: &unanswered }),
        Output::Table => show::scanned(&subject, &unanswered, args.all),
    }
    Ok(code(&scanned, &unanswered, args.fail_on))
}

/// What is printed for machines.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    scanned: &'a Scanned,
    /// What could not be answered, for people: exit code 3.
    unanswered: &'a [String],
}

/// Writes the vulnerabilities as a baseline. Who signs it answers for them.
fn write_baseline(file: &Path, subject: &Subject<'_>, until: Timestamp, reason: &str) -> Result<(), Failure> {
    let vulnerabilities = subject.scanned.images.iter().flat_map(|image| {
        let package = |vulnerability: &Match| image.inventory.as_ref()?.packages.get(vulnerability.package);
        image.matches.iter().filter_map(move |vulnerability| Some((package(vulnerability)?, vulnerability)))
    });
    let made = Baseline::of(vulnerabilities, subject.at, until, reason).map_err(|why| {
        let help = "give --until a day within a year from now, and --reason a text";
        Failure::told(format!("the baseline would never count: {why}"), help)
    })?;
    let text = made.to_json().map_err(|error| Failure::told(error.to_string(), ""))?;
    std::fs::write(file, text).map_err(|error| Failure::file(file, &error))
}

/// What could not be answered weighs more than what was found.
fn code(scanned: &Scanned, unanswered: &[String], fail_on: Option<Severity>) -> u8 {
    let vulnerabilities = scanned.images.iter().flat_map(|image| &image.matches);
    let worst = vulnerabilities
        .map(
            |vulnerability| {
                if vulnerability.known_exploited { Severity::Critical } else { vulnerability.severity }
            },
        )
        .max();
    if !unanswered.is_empty() {
        Outcome::Pause.exit_code()
    } else if fail_on.is_some_and(|least| worst >= Some(least)) {
        Outcome::Rework.exit_code()
    } else {
        DONE
    }
}

/// The feed asked for, or the one imported last where there is a workspace; outside of one, none.
async fn feed(
    global: &Global,
    around: &Surroundings,
    args: &Scan,
) -> Result<Option<(Arc<dyn FeedBytes>, Digest)>, Failure> {
    if args.feed.is_none() && !around.has_workspace(global) {
        return Ok(None);
    }
    let session = Session::open(global, around).await?;
    let row = match &args.feed {
        Some(prefix) => session.feed(prefix).await?,
        None => match session.workspace.store.feeds().await?.pop() {
            Some(row) => row,
            None => return Ok(None),
        },
    };
    Ok(Some((session.workspace.feeds.open(&row.feed).await?, row.feed)))
}
