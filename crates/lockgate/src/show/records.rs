//! What is recorded: stages, histories, entries, verification.

use std::collections::BTreeMap;

use lockgate_engine::ledger::Report;
use lockgate_model::keyring::Revoking;
use lockgate_model::projection::{
    AlertRow, DecisionRow, ForgottenRow, PromotionRow, PromotionState, ReleaseRow,
};
use lockgate_model::{Entry, Event, KeyringChange, Route, Service};

use super::out::{Colour, Line};
use super::table::table;

/// Prints what each stage holds, and what is under way.
pub fn status(route: &Route, held: &[ReleaseRow], open: &[PromotionRow]) {
    say!("{route}");
    if held.is_empty() {
        say!("No stage holds anything yet.");
    } else {
        let cells: Vec<_> = held
            .iter()
            .map(|row| {
                let tag = row.tag.clone().unwrap_or_else(|| "-".to_owned());
                vec![
                    row.service.to_string(),
                    row.stage.to_string(),
                    tag,
                    row.artifact.short(),
                    row.at.to_string(),
                    row.actor.clone(),
                ]
            })
            .collect();
        table(&["service", "stage", "tag", "artifact", "since", "by"], &cells);
    }
    for row in open {
        say!(
            "under way: {} to {} since {} (decision {}); `lockgate recover` finishes it if its process died",
            row.intent.service,
            row.intent.to,
            row.at,
            row.intent.decision.short()
        );
    }
}

/// Prints everything that happened to a service, in the ledger's order.
pub fn history(
    service: &Service,
    decisions: &[DecisionRow],
    promotions: &[PromotionRow],
    releases: &[ReleaseRow],
    alerts: &[AlertRow],
    forgotten: &[ForgottenRow],
) {
    let mut lines: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in decisions {
        let what = format!("judged for {}: {}", row.to, row.outcome);
        lines.insert(
            row.seq,
            vec![row.at.to_string(), what, row.artifact.short(), row.decision.short(), row.actor.clone()],
        );
    }
    for row in promotions {
        let state = match row.state {
            PromotionState::Open => " (under way)",
            PromotionState::Done => "",
            PromotionState::Undone => " (given up)",
        };
        let what = format!("promotion to {} begun{state}", row.intent.to);
        let artifact = row.intent.artifact.digest.short();
        lines.insert(
            row.seq,
            vec![row.at.to_string(), what, artifact, row.intent.decision.short(), row.actor.clone()],
        );
    }
    for row in releases {
        let what = format!("released in {}", row.stage);
        lines.insert(
            row.seq,
            vec![row.at.to_string(), what, row.artifact.short(), row.decision.short(), row.actor.clone()],
        );
    }
    for AlertRow { seq, at, actor, alert } in alerts {
        let more = alert.codes.len().saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" +{more}") };
        let code = alert.codes.first().map_or("", String::as_str);
        let what = format!("alert for {}: {code}{more}", alert.to);
        let (artifact, decision) = (alert.artifact.short(), alert.decision.short());
        lines.insert(*seq, vec![at.to_string(), what, artifact, decision, actor.clone()]);
    }
    for ForgottenRow { seq, at, actor, what } in forgotten {
        let said = format!("evidence {} forgotten", what.evidence.short());
        let (artifact, decision) = (what.artifact.short(), what.decision.short());
        lines.insert(*seq, vec![at.to_string(), said, artifact, decision, actor.clone()]);
    }
    say!("{service}");
    let cells: Vec<_> = lines
        .into_iter()
        .map(|(seq, mut cells)| {
            cells.insert(0, seq.to_string());
            cells
        })
        .collect();
    table(&["entry", "at", "what", "artifact", "decision", "by"], &cells);
}

/// Prints entries of the ledger.
pub fn entries(entries: &[(u64, Entry)]) {
    let cells: Vec<_> = entries
        .iter()
        .map(|(seq, entry)| {
            vec![seq.to_string(), entry.at.to_string(), entry.actor.clone(), event(&entry.event)]
        })
        .collect();
    table(&["entry", "at", "by", "what"], &cells);
}

fn event(event: &Event) -> String {
    match event {
        Event::LedgerOpened { origin } => format!("ledger {origin} opened"),
        Event::FeedImported(import) => {
            format!("feed {} imported: {} advisories", import.feed.short(), import.advisories)
        }
        Event::Decided(decided) => format!(
            "{} {} judged for {}: {} (decision {})",
            decided.service,
            decided.artifact.short(),
            decided.to,
            decided.outcome,
            decided.decision.short()
        ),
        Event::PromotionIntended(intent) => {
            format!(
                "promotion of {} to {} begun (decision {})",
                intent.service,
                intent.to,
                intent.decision.short()
            )
        }
        Event::PromotionCompleted { decision } => {
            format!("promotion of decision {} completed", decision.short())
        }
        Event::PromotionUndone { decision, reason } => {
            format!("promotion of decision {} given up: {reason}", decision.short())
        }
        Event::Keyring(change) => keyring(change),
        Event::EvidenceForgotten(what) => format!(
            "evidence {} of {} forgotten: {}",
            what.evidence.short(),
            what.artifact.short(),
            what.reason
        ),
        Event::Alert(alert) => format!(
            "alert: {} {} halted on the way to {} (decision {}): {}",
            alert.service,
            alert.artifact.short(),
            alert.to,
            alert.decision.short(),
            alert.codes.join(", ")
        ),
    }
}

fn keyring(change: &KeyringChange) -> String {
    let since = |revoking: &Revoking| match revoking.compromised_since {
        Some(since) => format!(", compromised since {since}"),
        None => String::new(),
    };
    match change {
        KeyringChange::Added(member) => format!(
            "{} added to the keyring: {} of {} for {}",
            member.name,
            member.duty.roles_text(),
            member.duty.owner,
            member.duty.stages
        ),
        KeyringChange::Rotated(rotated) => {
            format!("{} rotated to {}; both count until {}", rotated.old, rotated.new, rotated.overlap_until)
        }
        KeyringChange::Retired { name } => format!("{name} retired"),
        KeyringChange::RevocationProposed(revoking) => {
            format!("proposed to revoke {}{}: {}", revoking.name, since(revoking), revoking.reason)
        }
        KeyringChange::Revoked(revoking) => {
            format!("{} revoked{}: {}", revoking.name, since(revoking), revoking.reason)
        }
    }
}

/// Prints what verification found.
pub fn verified(report: &Report) {
    say!(
        "{} entries, root {}, {} checkpoints, {} pieces of content",
        report.size,
        report.root,
        report.checkpoints,
        report.contents
    );
    if report.problems.is_empty() {
        Line::default().coloured("The ledger is whole.", Colour::Green).print();
    }
    for problem in &report.problems {
        let entry = problem.entry.map_or("ledger".to_owned(), |entry| format!("entry {entry}"));
        let line = Line::default().coloured("damaged:", Colour::Red);
        line.text(format_args!(" {entry}: {}", problem.what)).print();
    }
}
