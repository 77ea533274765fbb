//! What to do about a Decision: its findings as steps, one for each distinct change.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::{Decision, Effect, Finding, Severity};
use serde::Serialize;

/// One change, and what it closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Whether the artifact must change, or someone must act.
    pub effect: Effect,
    /// The worst of what it closes.
    pub severity: Severity,
    /// What to do.
    pub action: String,
    /// Who does it.
    pub owner: String,
    /// Why it is asked for.
    pub rationale: String,
    /// What it closes: one line a finding.
    pub closes: Vec<String>,
}

/// The steps that make the gates pass, the most pressing first. Advice is left out.
pub fn plan(decision: &Decision) -> Vec<Step> {
    let blocking = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in blocking.filter(|finding| finding.effect != Effect::Advise) {
        let key = (finding.remediation.as_str(), finding.owner.as_str(), finding.rationale.as_str());
        groups.entry(key).or_default().push(finding);
    }
    let mut steps: Vec<_> = groups
        .into_iter()
        .map(|((action, owner, rationale), findings)| {
            let closes: BTreeSet<_> =
                findings.iter().map(|one| format!("{} [{}] {}", one.subject, one.code, one.title)).collect();
            Step {
                effect: findings.iter().map(|one| one.effect).max().unwrap_or(Effect::Pause),
                severity: findings.iter().map(|one| one.severity).max().unwrap_or(Severity::High),
                action: action.to_owned(),
                owner: owner.to_owned(),
                rationale: rationale.to_owned(),
                closes: closes.into_iter().collect(),
            }
        })
        .collect();
    steps.sort_by(|a, b| (b.effect, b.severity, &a.action).cmp(&(a.effect, a.severity, &b.action)));
    steps
}
