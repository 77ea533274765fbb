//! What is attested of the source itself: summaries of the source track, about the commit that was built.

use std::collections::BTreeSet;

use lockgate_attest::predicate::{Predicate, Summarised, Summary};
use lockgate_attest::verify::{Carried, Speaks};
use lockgate_attest::vsa::PREDICATE_TYPE as SUMMARY;
use lockgate_model::keyring::Role;
use lockgate_model::{Effect, Evidence, Finding, Severity};

use super::settings::SourceLevel;
use super::{Candidate, GATE};
use crate::findings::{BUILDERS, Words, finding};
use crate::gates::Docket;
use crate::gates::roots::Roots;
use crate::gates::signers::Signers;

/// The beginning of the names of levels.
const LEVEL: &str = "SLSA_SOURCE_LEVEL_";
/// Roles of which a member of the keyring must have one to vouch for a source.
const VOUCHING: &[Role] = &[Role::Builder, Role::Scanner, Role::Approver];

/// Findings about the commits that `good` were built from and of which nobody who counts says what is asked for.
pub(super) fn level(
    docket: &Docket<'_>,
    asked: &SourceLevel,
    good: &[&Candidate],
    blinding: &mut Vec<Finding>,
) -> Vec<Finding> {
    let roots = Roots::read(docket, GATE.name, false, blinding);
    let signers = Signers::read(docket, GATE.name, &asked.signed_by, VOUCHING, roots, blinding);
    let mut findings = Vec::new();
    let commits: BTreeSet<Option<&str>> =
        good.iter().map(|one| one.said.source.as_ref().and_then(|source| source.commit.as_deref())).collect();
    let named: Vec<String> = commits.iter().flatten().map(|commit| (*commit).to_owned()).collect();
    let evidence = docket.case.record.evidence.iter();
    let summaries: Vec<(Vec<String>, Summary)> =
        evidence.flat_map(|one| summaries(docket, one, &signers, &named)).collect();
    for commit in commits {
        let missing = |why: String| {
            let words = Words {
                title: why,
                rationale: "what nobody reviewed can be changed by one person, or by whoever has that person's key",
                remediation: format!(
                    "let {} attest the source level of the commit",
                    asked.signed_by.asked_for(docket.edition, " or ")
                ),
                owner: BUILDERS,
            };
            finding(
                "provenance.source-level",
                Severity::High,
                Effect::Pause,
                commit.unwrap_or("no commit"),
                words,
            )
        };
        let Some(commit) = commit else {
            findings.push(missing("it does not say from which commit it was built".to_owned()));
            continue;
        };
        let of_commit = summaries.iter().filter(|(subjects, _)| subjects.iter().any(|one| one == commit));
        let levels: BTreeSet<&str> =
            of_commit.flat_map(|(_, said)| said.levels.iter().map(String::as_str)).collect();
        let reached = levels.iter().filter_map(|name| name.strip_prefix(LEVEL)?.parse::<u8>().ok()).max();
        let lacking: Vec<&String> =
            asked.properties.iter().filter(|name| !levels.contains(name.as_str())).collect();
        match reached {
            Some(reached) if reached >= asked.min && lacking.is_empty() => {}
            Some(reached) if reached < asked.min => findings.push(missing(format!(
                "its commit {commit:.12} reaches source level {reached}; this stage asks for {}",
                asked.min
            ))),
            Some(_) => findings.push(missing(format!("its commit {commit:.12} is not {}", names(&lacking)))),
            None => findings.push(missing(format!(
                "nobody who counts says which source level its commit {commit:.12} reaches"
            ))),
        }
    }
    findings
}

fn names(lacking: &[&String]) -> String {
    lacking.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The summaries of commits in a piece of evidence by whom the stage asks: each with the commits that it is about.
fn summaries(
    docket: &Docket<'_>,
    evidence: &Evidence,
    signers: &Signers<'_>,
    commits: &[String],
) -> Vec<(Vec<String>, Summary)> {
    let Some(carried) = Carried::of(evidence, &docket.case.inputs) else { return vec![] };
    let mut found = Vec::new();
    for examined in signers.examine_with(&carried, commits) {
        let is = matches!(&examined.speaks, Some(Speaks::Attestation { predicate_type }) if predicate_type == SUMMARY);
        if !is || signers.weigh(&examined).counted.is_empty() {
            continue;
        }
        let Some(statement) = &examined.statement else { continue };
        let Ok(Predicate::Summary(said)) = Predicate::read(statement) else { continue };
        if said.result != Summarised::Passed {
            continue;
        }
        let commits = statement.subject.iter().filter_map(|subject| subject.digest.get("gitCommit").cloned());
        found.push((commits.collect(), said));
    }
    found
}
