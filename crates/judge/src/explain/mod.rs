//! What to do about a Decision: its findings as steps, one for each distinct change.

mod upgrades;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::{Case, Decision, Detail, Effect, Finding, Fix, Severity};
use serde::Serialize;

use self::upgrades::Upgrades;
use crate::commands::copyable;
use crate::gates::KNOWN;

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
    /// Whether the planned version was matched again: it has none of the vulnerabilities that the step closes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
    /// Vulnerabilities that the planned version has and the installed one has not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<String>,
}

/// What upgrades alone do for the vulnerability gate, as far as it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Steps that are upgrades.
    pub upgrades: usize,
    /// The blocking findings of the gate that they close.
    pub closes: usize,
    /// Its blocking findings.
    pub blocking: usize,
    /// Vulnerabilities that the planned versions have and the installed ones have not.
    pub brings: BTreeSet<String>,
}

impl Checked {
    /// Whether nothing blocks in the vulnerability gate once the upgrades are made, as far as its advisories say.
    pub fn suffices(&self) -> bool {
        self.closes == self.blocking && self.brings.is_empty()
    }
}

/// The steps that make the gates pass, the most pressing first. Advice is left out.
pub fn plan(decision: &Decision) -> Vec<Step> {
    steps(decision, &Upgrades::default())
}

/// As [`plan`], with upgrades planned by the advisories of the Case that the Decision was judged from: one version closes
/// what it can of a package, and it was matched again by the newest rules. Where nothing was planned there is no word of it.
pub fn plan_of(decision: &Decision, case: &Case) -> (Vec<Step>, Option<Checked>) {
    let upgrades = Upgrades::of(decision, case);
    let steps = steps(decision, &upgrades);
    let of_gate = decision.verdicts.iter().filter(|verdict| verdict.gate == upgrades::GATE);
    let blocking: Vec<_> =
        of_gate.flat_map(|verdict| &verdict.findings).filter(|one| one.effect != Effect::Advise).collect();
    let closed = blocking.iter().filter(|finding| !rebuilds(finding) && upgrades.about(finding).is_some());
    let checked = Checked {
        upgrades: steps.iter().filter(|step| step.checked).count(),
        closes: closed.count(),
        blocking: blocking.len(),
        brings: steps.iter().flat_map(|step| step.brings.iter().cloned()).collect(),
    };
    let any = checked.upgrades > 0;
    (steps, any.then_some(checked))
}

/// What to do about a finding, as its Decision says it, with commands that may be copied: names of others are quoted for a
/// shell.
pub fn remediation(finding: &Finding) -> Cow<'_, str> {
    let text = &finding.remediation;
    let detail = |name: &str| finding.details.get(name).map(Detail::as_str);
    match (detail("installed"), detail("fixed")) {
        (Some(installed), Some(fixed)) if finding.code == KNOWN => {
            let name = finding.subject.strip_suffix(installed).and_then(|name| name.strip_suffix(' '));
            name.map_or(Cow::Borrowed(text), |name| copyable(text, name, fixed))
        }
        _ => Cow::Borrowed(text),
    }
}

fn steps(decision: &Decision, upgrades: &Upgrades) -> Vec<Step> {
    let blocking = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let mut groups: BTreeMap<(String, &str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in blocking.filter(|finding| finding.effect != Effect::Advise) {
        let key = (action(finding, upgrades), finding.owner.as_str(), finding.rationale.as_str());
        groups.entry(key).or_default().push(finding);
    }
    let mut steps: Vec<((Urgency, Reverse<String>), Step)> = groups
        .into_iter()
        .map(|((action, owner, rationale), findings)| {
            let closes: BTreeSet<_> =
                findings.iter().map(|one| format!("{} [{}] {}", one.subject, one.code, one.title)).collect();
            let planned: Vec<_> = findings.iter().filter_map(|one| upgrades.about(one)).collect();
            let planned = planned.into_iter().filter(|_| !findings.iter().any(|one| rebuilds(one)));
            let brings: Vec<BTreeSet<&String>> = planned.map(|one| one.brings.iter().collect()).collect();
            let step = Step {
                effect: findings.iter().map(|one| one.effect).max().unwrap_or(Effect::Pause),
                severity: findings.iter().map(|one| one.severity).max().unwrap_or(Severity::High),
                action,
                owner: owner.to_owned(),
                rationale: rationale.to_owned(),
                closes: closes.into_iter().collect(),
                checked: brings.len() == findings.len(),
                brings: brings.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
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

/// Whether it is closed by a newer base image first of all: what one closes, it closes together.
fn rebuilds(finding: &Finding) -> bool {
    matches!(finding.fixes.first(), Some(Fix::RebuildOnNewerBase { .. }))
}

/// What is done about a finding.
fn action(finding: &Finding, upgrades: &Upgrades) -> String {
    match (finding.fixes.first().filter(|_| rebuilds(finding)), upgrades.about(finding)) {
        (Some(rebuild), _) => rebuild.to_string(),
        (None, Some(planned)) => {
            let others = finding.fixes.iter().filter(|fix| !matches!(fix, Fix::Upgrade { .. }));
            let all = std::iter::once(planned.action.clone()).chain(others.map(ToString::to_string));
            all.collect::<Vec<_>>().join("; or ")
        }
        (None, None) => remediation(finding).into_owned(),
    }
}

/// How pressing a vulnerability is, as [`lockgate_scan::Match::urgency`] has it: exploited, probably exploited, by its
/// score.
type Urgency = (bool, u64, u64);

fn urgency(finding: &Finding) -> Urgency {
    let number = |name: &str| finding.details.get(name).and_then(Detail::number).unwrap_or_default();
    (finding.details.contains_key("known-exploited"), number("epss-ppm") / 100_000, number("cvss-tenths"))
}
