//! What to do about a Decision: its findings as steps, one for each distinct change.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::{Decision, Detail, Effect, Finding, Fix, Severity};
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
    let mut groups: BTreeMap<(String, &str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in blocking.filter(|finding| finding.effect != Effect::Advise) {
        let key = (action(finding), finding.owner.as_str(), finding.rationale.as_str());
        groups.entry(key).or_default().push(finding);
    }
    let mut steps: Vec<((Urgency, Reverse<String>), Step)> = groups
        .into_iter()
        .map(|((action, owner, rationale), findings)| {
            let closes: BTreeSet<_> =
                findings.iter().map(|one| format!("{} [{}] {}", one.subject, one.code, one.title)).collect();
            let step = Step {
                effect: findings.iter().map(|one| one.effect).max().unwrap_or(Effect::Pause),
                severity: findings.iter().map(|one| one.severity).max().unwrap_or(Severity::High),
                action,
                owner: owner.to_owned(),
                rationale: rationale.to_owned(),
                closes: closes.into_iter().collect(),
            };
            let urgency = findings.iter().map(|one| urgency(one)).max().unwrap_or_default();
            ((urgency, Reverse(step.action.clone())), step)
        })
        .collect();
    steps.sort_by(|(a, first), (b, second)| {
        (second.effect, second.severity, b).cmp(&(first.effect, first.severity, a))
    });
    steps.into_iter().map(|(_, step)| step).collect()
}

/// What is done about a finding. What a newer base image closes, it closes together.
fn action(finding: &Finding) -> String {
    match finding.fixes.first() {
        Some(rebuild @ Fix::RebuildOnNewerBase { .. }) => rebuild.to_string(),
        _ => finding.remediation.clone(),
    }
}

/// How pressing a vulnerability is, as [`lockgate_scan::Match::urgency`] has it: exploited, probably exploited, by its
/// score.
type Urgency = (bool, u64, u64);

fn urgency(finding: &Finding) -> Urgency {
    let number = |name: &str| finding.details.get(name).and_then(Detail::number).unwrap_or_default();
    (finding.details.contains_key("known-exploited"), number("epss-ppm") / 100_000, number("cvss-tenths"))
}
