//! Decisions and what to do about them.

use lockgate_judge::explain::{Checked, Step, remediation};
use lockgate_model::{Answer, Decision, Detail, Digest, Effect, Finding, Outcome};

use super::out::{Colour, Line};

/// Findings shown of one gate; more are counted.
const FINDINGS: usize = 10;

/// A line that begins with the outcome.
fn outcome(outcome: Outcome) -> Line {
    let colour = match outcome {
        Outcome::Proceed => Colour::Green,
        Outcome::Pause => Colour::Yellow,
        Outcome::Rework => Colour::Red,
    };
    Line::default().coloured(&outcome.to_string(), colour)
}

/// A line that begins with the answer.
fn answer(answer: Answer) -> Line {
    let colour = match answer {
        Answer::Pass => Colour::Green,
        Answer::Unknown => Colour::Yellow,
        Answer::Fail => Colour::Red,
    };
    Line::of(format_args!("  ")).coloured(&format!("{answer:<7}"), colour)
}

/// Prints a Decision: the outcome, each gate's answer, and the findings that block, with why and what to do. `all`
/// prints advice too.
pub fn decision(digest: &Digest, decision: &Decision, all: bool) {
    let Decision { service, from, to, artifact, .. } = decision;
    outcome(decision.outcome).text(format_args!("  {service} {from} -> {to}  {artifact}")).print();
    for verdict in &decision.verdicts {
        answer(verdict.answer).text(format_args!("  {:<13}  {}", verdict.gate, verdict.summary)).print();
        let shown = |finding: &&Finding| all || finding.effect != Effect::Advise;
        for finding in verdict.findings.iter().filter(shown).take(if all { usize::MAX } else { FINDINGS }) {
            say!("      {} [{}] {}", finding.subject, finding.code, finding.title);
            say!("        why: {}", finding.rationale);
            say!("        fix: {}", remediation(finding));
            say!("        who: {}", finding.owner);
            for mark in marks(finding) {
                say!("        mark: {mark}");
            }
        }
        let blocking = verdict.findings.iter().filter(|finding| finding.effect != Effect::Advise).count();
        let advice = verdict.findings.len() - blocking;
        if !all && blocking > FINDINGS {
            say!("      and {} more blocking findings (--all)", blocking - FINDINGS);
        }
        if !all && advice > 0 {
            say!("      {advice} informational findings hidden (--all)");
        }
    }
    say!("  decision {} (as of {})", digest.short(), decision.as_of);
}

/// Who marked a vulnerability, and why: VEX and baselines.
fn marks(finding: &Finding) -> Vec<String> {
    let detail = |name: &str| finding.details.get(name).map_or("", Detail::as_str);
    let vex = format!(
        "vex: {} ({}), {} by the key {}, {}",
        detail("vex"),
        detail("vex-justification"),
        detail("vex-author"),
        detail("vex-key"),
        detail("vex-at")
    );
    let baseline = format!(
        "baseline: {} ({}), by the key {}",
        detail("baseline"),
        detail("baseline-reason"),
        detail("baseline-key")
    );
    let said = [("vex", vex), ("baseline", baseline)];
    said.into_iter().filter(|(name, _)| !detail(name).is_empty()).map(|(_, text)| text).collect()
}

/// Prints the steps that make the gates pass, and how far upgrades alone go.
pub fn plan(digest: &Digest, decision: &Decision, steps: &[Step], checked: Option<&Checked>) {
    let (Decision { service, from, to, .. }, short) = (decision, digest.short());
    outcome(decision.outcome).text(format_args!("  {service} {from} -> {to}  decision {short}")).print();
    if steps.is_empty() {
        say!("Nothing stands in the way.");
        return;
    }
    if let Some(checked) = checked {
        say!("{}", far(checked));
    }
    for (number, step) in (1..).zip(steps) {
        say!();
        say!("{number}. {}", step.action);
        say!("   who: {}", step.owner);
        say!("   why: {}", step.rationale);
        for closes in &step.closes {
            say!("   closes: {closes}");
        }
        if !step.brings.is_empty() {
            say!("   brings: {}", step.brings.join(", "));
        }
    }
    say!();
    say!("Then: lockgate promote {}@DIGEST --to {}", decision.service, decision.to);
}

/// How far upgrades go.
fn far(checked: &Checked) -> String {
    let Checked { upgrades, closes, blocking, brings } = checked;
    let (upgrade, close) = if *upgrades == 1 { ("upgrade", "closes") } else { ("upgrades", "close") };
    let all = if closes == blocking { "every".to_owned() } else { format!("{closes} of {blocking}") };
    let (finding, brings) = (if closes == blocking { "finding" } else { "findings" }, brings.len());
    let brings =
        if brings > 0 { format!("; they bring {brings} other vulnerabilities") } else { String::new() };
    format!(
        "{upgrades} {upgrade} {close} {all} blocking {finding} of the vulnerability gate, matched again against its \
         advisories{brings}."
    )
}
