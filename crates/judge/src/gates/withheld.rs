//! Evidence that was seen and is gone. What could have said no holds the artifact up; what could only have helped is told.

use lockgate_attest::verify::{Carried, Speaks};
use lockgate_model::case::Withheld;
use lockgate_model::{Digest, Effect, Finding, Severity};

use super::Docket;
use super::signers::Signers;
use crate::findings::{BUILDERS, Words, blind, finding};

/// A piece of evidence that was seen and is gone, with its bytes.
pub(super) struct Gone<'a> {
    pub(super) what: &'a Withheld,
    pub(super) carried: Carried<'a>,
}

/// Those whose subject `about` admits; what is missing is a finding that blinds `gate`. None in Editions that do not
/// remember.
pub(super) fn gone<'a>(
    docket: &'a Docket<'_>,
    gate: &str,
    about: impl Fn(Digest) -> bool,
    findings: &mut Vec<Finding>,
) -> Vec<Gone<'a>> {
    let mut all = Vec::new();
    if !docket.edition.remembers_evidence() {
        return all;
    }
    for what in docket.case.record.withheld().filter(|one| about(one.evidence.subject)) {
        if let Some(carried) = Carried::of(&what.evidence, &docket.case.inputs) {
            all.push(Gone { what, carried });
            continue;
        }
        let (code, subject) = (format!("{gate}.input-missing"), what.evidence.manifest.digest.to_string());
        let why = "evidence that was seen, and that the Case names, is missing".to_owned();
        findings.push(blind(&code, &subject, why, "judge again".to_owned()));
    }
    all
}

/// Tells of a signature by `signers` that is gone, unless whoever made it is among `others`, the names of those whose
/// signatures are there.
pub(super) fn signatures(
    gate: &str,
    gone: &[Gone<'_>],
    signers: &Signers<'_>,
    others: &[&str],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in gone {
        for examined in signers.examine(&one.carried) {
            if examined.speaks != Some(Speaks::Signature) || examined.refusal.is_some() {
                continue;
            }
            let counted = signers.weigh(&examined).counted;
            let lost = counted.iter().find(|counted| !others.contains(&counted.name.as_str()));
            findings.extend(lost.map(|by| tell(gate, Effect::Advise, "a signature", &by.name, one.what)));
        }
    }
    findings
}

/// Tells that what `by` made was seen and is gone.
pub(super) fn tell(gate: &str, effect: Effect, name: &str, by: &str, what: &Withheld) -> Finding {
    let evidence = what.evidence.manifest.digest.to_string();
    let holds_up = effect != Effect::Advise;
    let (severity, rationale) = if holds_up {
        (Severity::High, "what said no must not be silenced by whoever can remove it from a registry")
    } else {
        (Severity::Info, "what is attached to an artifact and vanishes was removed by somebody")
    };
    let forget = format!("lockgate evidence forget {evidence} --reason TEXT");
    let words = Words {
        title: format!(
            "{name} by {by} is no longer attached: Decision {} saw it, at {}",
            what.decision.short(),
            what.last_seen
        ),
        rationale,
        remediation: if holds_up {
            format!("let {by} attach a newer one, or attach it again; if it was withdrawn: {forget}")
        } else {
            format!("attach it again, if it should be there; if it was withdrawn: {forget}")
        },
        owner: BUILDERS,
    };
    let mut found = finding(&format!("{gate}.evidence-withheld"), severity, effect, &evidence, words);
    for (name, value) in [
        ("about", what.evidence.subject.to_string()),
        ("decision", what.decision.to_string()),
        ("last-seen", what.last_seen.to_string()),
        ("signer", by.to_owned()),
    ] {
        found.details.insert(name.to_owned(), value.into());
    }
    found
}
