//! The keyring, and what relied on a key of it.

use lockgate_model::Timestamp;
use lockgate_model::blast_radius::BlastRadius;
use lockgate_model::keyring::{Credential, MemberRow, RevokingSaid, State};
use lockgate_model::projection::PromotionState;

use super::out::{Colour, Line};
use super::table::table;

/// Decisions shown of a blast radius; more are counted.
const DECISIONS: usize = 50;

/// Prints members of the keyring.
pub fn members(rows: &[&MemberRow], now: Timestamp) {
    if rows.is_empty() {
        say!(
            "The keyring has none. `lockgate key add` and `lockgate identity add` add some; --all shows those that no longer count."
        );
        return;
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let duty = &row.member.duty;
            vec![
                row.name().to_owned(),
                row.state(now).to_string(),
                duty.roles_text(),
                duty.stages.to_string(),
                duty.owner.clone(),
                row.counts_until().map_or("-".to_owned(), |until| until.to_string()),
                credential(row),
            ]
        })
        .collect();
    table(&["name", "state", "roles", "stages", "owner", "until", "what"], &cells);
}

fn credential(row: &MemberRow) -> String {
    match &row.member.credential {
        Credential::Key { id, .. } => id.short(),
        Credential::Identity { issuer, subject } => format!("{subject} of {issuer}"),
    }
}

/// Prints one member, with everything that was said about it.
pub fn member(row: &MemberRow, now: Timestamp) {
    let duty = &row.member.duty;
    let state = row.state(now);
    let colour = if state == State::Usable { Colour::Green } else { Colour::Yellow };
    Line::of(format_args!("{}  ", row.name())).coloured(&state.to_string(), colour).print();
    match &row.member.credential {
        Credential::Key { id, .. } => say!("  key       {id}"),
        Credential::Identity { issuer, subject } => {
            say!("  issuer    {issuer}");
            say!("  subject   {subject}");
        }
    }
    say!("  owner     {}", duty.owner);
    say!("  roles     {}", duty.roles_text());
    say!("  stages    {}", duty.stages);
    let from = row.member.valid_from.map_or("the beginning".to_owned(), |from| from.to_string());
    let until = row.member.valid_until.map_or("further notice".to_owned(), |until| until.to_string());
    say!("  valid     from {from} until {until}");
    if let Some(days) = duty.rotate_every_days {
        say!("  cadence   every {days} days, in use since {}", row.in_use_since());
    }
    say!("  added     {} by {} (entry {})", row.added.at, row.added.actor, row.added.seq);
    if let Some(old) = &row.replaces {
        say!("  replaces  {old}");
    }
    if let Some(new) = &row.replaced_by {
        say!("  replaced  by {new}");
    }
    if let Some(at) = row.retired_at {
        say!("  retired   {at}");
    }
    if let Some(proposed) = &row.proposed {
        say!("  proposed  to revoke it{}", revoking(proposed));
        say!("            someone else confirms: lockgate key revoke {} --confirm", row.name());
    }
    if let Some(revoked) = &row.revoked {
        say!("  revoked  {}", revoking(revoked));
    }
}

fn revoking(said: &RevokingSaid) -> String {
    let since = said.what.compromised_since;
    let since = since.map_or("not believed at all".to_owned(), |since| format!("compromised since {since}"));
    format!(
        " {} by {} (entry {}): {since}; {}",
        said.said.at, said.said.actor, said.said.seq, said.what.reason
    )
}

/// Prints what relied on a key, what of it falls, and what to do about the Releases.
pub fn blast_radius(radius: &BlastRadius) {
    let names: Vec<_> = radius.names.iter().map(String::as_str).collect();
    let name = if names.is_empty() { "no Decision relied on it".to_owned() } else { names.join(", ") };
    let since = radius
        .compromised_since
        .map_or("not believed at all".to_owned(), |at| format!("compromised since {at}"));
    say!("{} ({name}), {since}", radius.key.short());
    let fallen = radius.fallen().count();
    let promoted = radius.decisions.iter().filter(|one| one.promotion == Some(PromotionState::Done)).count();
    say!(
        "{} Decisions and {promoted} Promotions relied on it, in {} entries; {fallen} Decisions no longer trusted",
        radius.decisions.len(),
        radius.ledger_size
    );
    if radius.decisions.is_empty() {
        return;
    }
    let cells: Vec<_> = radius.decisions.iter().take(DECISIONS).map(touched).collect();
    table(&["entry", "recorded", "service", "to", "artifact", "decision", "again", "why"], &cells);
    if radius.decisions.len() > DECISIONS {
        say!("and {} more; --output json shows them all", radius.decisions.len() - DECISIONS);
    }
    if let Some(since) = radius.compromised_since {
        let before = radius.fallen().filter(|one| one.at < since).count();
        if before > 0 {
            say!(
                "{before} of those that are no longer trusted were recorded before {since}: no trusted time in them says so, but this ledger saw their signatures earlier."
            );
        }
    }
    for one in radius.fallen().filter(|one| one.promotion == Some(PromotionState::Open)) {
        let line = Line::default().coloured("no longer trusted, in progress:", Colour::Red);
        line.text(format_args!(" {} to {}", one.service, one.to)).print();
        say!("  lockgate recover --undo {} --reason TEXT", one.decision.short());
    }
    for running in &radius.releases {
        let tag = running.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let what = format!("{}{tag} in {} ({})", running.service, running.stage, running.artifact.short());
        if !running.falls {
            say!("still trusted: {what}");
            continue;
        }
        Line::default().coloured(STILL_THERE, Colour::Red).text(format_args!(" {what}")).print();
        match running.command() {
            Some(command) => say!("  {command}"),
            None => {
                say!("  no trusted earlier release: rebuild it, sign it with another key, and promote it");
            }
        }
    }
}

/// What a stage holds by a Decision that is no longer trusted.
const STILL_THERE: &str = "no longer trusted, still deployed:";

fn touched(one: &lockgate_model::blast_radius::Touched) -> Vec<String> {
    let why = match (one.through, one.findings.as_slice()) {
        (Some(below), []) => format!("through {}", below.short()),
        (_, []) => "enough other signatures".to_owned(),
        (_, findings) => findings.join(", "),
    };
    let again = if one.falls { format!("{}, no longer trusted", one.again) } else { one.again.to_string() };
    vec![
        one.seq.to_string(),
        one.at.to_string(),
        one.service.to_string(),
        one.to.to_string(),
        one.artifact.short(),
        one.decision.short(),
        again,
        why,
    ]
}
