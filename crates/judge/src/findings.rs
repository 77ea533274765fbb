//! Making findings and verdicts.

use std::collections::BTreeMap;

use lockgate_model::{Answer, Effect, Finding, Relied, Severity, Verdict};

use crate::settings::SettingsError;

/// Who is told where nothing names an owner.
pub(crate) const BUILDERS: &str = "the service's developers";
/// Who is told about the workspace.
pub(crate) const KEEPERS: &str = "the keepers of lockgate.yaml";

/// What a finding says, for people.
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) rationale: &'static str,
    pub(crate) remediation: String,
    pub(crate) owner: &'static str,
}

/// A finding with Lockgate's own words.
pub(crate) fn finding(
    code: &str,
    severity: Severity,
    effect: Effect,
    subject: &str,
    words: Words,
) -> Finding {
    Finding {
        code: code.to_owned(),
        severity,
        effect,
        subject: subject.to_owned(),
        title: words.title,
        rationale: words.rationale.to_owned(),
        remediation: words.remediation,
        owner: words.owner.to_owned(),
        fixes: vec![],
        details: BTreeMap::new(),
    }
}

/// A finding that says that the gate is blind.
pub(crate) fn blind(code: &str, subject: &str, why: String, remediation: String) -> Finding {
    let rationale = "what could not be looked at cannot be called good";
    let words = Words { title: why, rationale, remediation, owner: KEEPERS };
    finding(code, Severity::High, Effect::Pause, subject, words)
}

/// The verdict of a gate that is blind altogether.
pub(crate) fn unknown(gate: &str, code: &str, subject: &str, why: String, fix: &str) -> Verdict {
    let summary = why.clone();
    verdict(gate, true, vec![blind(code, subject, why, fix.to_owned())], vec![], summary)
}

/// The verdict of a gate whose settings cannot be read.
pub(crate) fn settings_unread(gate: &str, error: SettingsError) -> Verdict {
    unknown(gate, &format!("{gate}.settings"), gate, error.message, "correct lockgate.yaml")
}

/// A verdict: `unknown` when the gate was blind, `fail` when a finding blocks, else `pass`. The findings come in
/// reading order.
pub(crate) fn verdict(
    gate: &str,
    was_blind: bool,
    mut findings: Vec<Finding>,
    mut relied_on: Vec<Relied>,
    summary: String,
) -> Verdict {
    findings.sort_by(|a, b| a.reading_order().cmp(&b.reading_order()));
    findings.dedup();
    relied_on.sort_by_cached_key(ToString::to_string);
    relied_on.dedup();
    let answer = if was_blind {
        Answer::Unknown
    } else if findings.iter().any(|finding| finding.effect != Effect::Advise) {
        Answer::Fail
    } else {
        Answer::Pass
    };
    Verdict { gate: gate.to_owned(), answer, summary, relied_on, findings }
}
