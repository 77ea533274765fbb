//! Asks every gate and draws the outcome.

use std::collections::BTreeSet;

use lockgate_model::{Answer, Case, Decision, Outcome, Verdict};

use crate::docket::Docket;
use crate::edition::Edition;
use crate::findings::{blind, unknown, verdict};
use crate::gates::GATES;
use crate::settings::nearest;

/// Judges `case`. The same Case gives the same Decision, on any machine and any day.
pub fn decide(case: &Case) -> Decision {
    let record = &case.record;
    let edition = Edition::named(&record.edition);
    let verdicts = if edition.is_some() { verdicts(case) } else { vec![other_edition(case)] };
    Decision {
        edition: edition.unwrap_or(Edition::CURRENT).name().to_owned(),
        // A record always has canonical bytes; were it not so, no Case would have this digest.
        case: record.encode().map_or(lockgate_model::Digest::of(b""), |(_, digest)| digest),
        as_of: record.as_of,
        service: record.service.clone(),
        from: record.from.clone(),
        to: record.to.clone(),
        artifact: record.artifact.digest,
        outcome: Outcome::of(&verdicts),
        verdicts,
    }
}

/// Judges again, by `case`, what the named gates say in `recorded`; what the others said stays. For asking what a change
/// of trust does to a Decision of which only these gates relied on it: `case` need hold no more than they read.
pub fn decide_again(case: &Case, recorded: &Decision, gates: &BTreeSet<String>) -> Decision {
    let docket = Docket::of(case);
    let mut verdicts: Vec<Verdict> = Vec::new();
    for before in &recorded.verdicts {
        let gate = GATES.iter().find(|gate| gate.name == before.gate && gates.contains(gate.name));
        let settings = case.record.gates.get(&before.gate);
        let judged = match (gate, settings) {
            (Some(gate), _) if gate.always => (gate.judge)(&docket, &serde_json::Value::Null, &verdicts),
            (Some(gate), Some(settings)) => (gate.judge)(&docket, settings, &verdicts),
            (Some(_) | None, _) => {
                verdicts.push(before.clone());
                continue;
            }
        };
        verdicts.push(with_gaps(&docket, judged));
    }
    Decision { outcome: Outcome::of(&verdicts), verdicts, ..recorded.clone() }
}

fn verdicts(case: &Case) -> Vec<Verdict> {
    let docket = Docket::of(case);
    let mut verdicts: Vec<Verdict> = Vec::new();
    let gates = || GATES.iter().filter(|gate| gate.since <= docket.edition);
    for gate in gates() {
        let settings = case.record.gates.get(gate.name);
        let judged = match settings {
            _ if gate.always => (gate.judge)(&docket, &serde_json::Value::Null, &verdicts),
            Some(settings) => (gate.judge)(&docket, settings, &verdicts),
            None => continue,
        };
        verdicts.push(with_gaps(&docket, judged));
    }
    let known: BTreeSet<_> = gates().filter(|gate| !gate.always).map(|gate| gate.name).collect();
    let names: Vec<_> = known.iter().copied().collect();
    for gate in case.record.gates.keys().filter(|gate| !known.contains(gate.as_str())) {
        let why = format!("this edition has no gate `{gate}`{}", nearest(gate, &names));
        let fix = "correct its name in lockgate.yaml, or use a version of Lockgate that has it";
        verdicts.push(unknown(gate, "gates.unknown", gate, why, fix));
    }
    if case.record.gates.is_empty() {
        let fix = format!("name at least one gate for the stage {} in lockgate.yaml", case.record.to);
        let why = "the stage has no gates: nothing was asked".to_owned();
        verdicts.push(unknown("gates", "gates.none", "gates", why, &fix));
    }
    verdicts
}

fn other_edition(case: &Case) -> Verdict {
    let why = format!(
        "the Case asks for the edition `{}`; this version judges by `{}`",
        case.record.edition,
        Edition::CURRENT
    );
    unknown("edition", "edition.unknown", "edition", why, "use the version of Lockgate that has that edition")
}

/// A gap that names the gate makes its verdict `unknown`, whatever the gate said.
fn with_gaps(docket: &Docket<'_>, judged: Verdict) -> Verdict {
    let gaps: Vec<_> = docket.case.record.gaps.iter().filter(|gap| gap.gate == judged.gate).collect();
    if gaps.is_empty() {
        return judged;
    }
    let code = format!("{}.input-missing", judged.gate);
    let mut findings = judged.findings;
    findings.extend(
        gaps.iter().map(|gap| blind(&code, &gap.subject, gap.reason.clone(), gap.remediation.clone())),
    );
    let summary = match judged.answer {
        Answer::Unknown => judged.summary,
        _ => format!("{} input(s) {}", gaps.len(), docket.edition.say("could not be had", "unavailable")),
    };
    verdict(&judged.gate, true, findings, judged.relied_on, summary)
}
