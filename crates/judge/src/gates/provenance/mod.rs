//! Provenance: was it built from what it should be, by a builder that is trusted, as this stage asks?
//!
//! Settings: `builders` (each an `id`, exactly or with stars, `signedBy`: the `keys`, `identities` or `role` that sign for
//! it, the SLSA build `level` it reaches, and optionally `buildTypes`), `sources` and `refs` (repositories and refs,
//! exactly or with stars; `{service}` is the service), `minLevel`, `parameters` (the only ones that may be set),
//! `hermetic`, `pinnedMaterials`, and `sourceLevel` (`min`, `properties`, `signedBy`: what a source-track summary must say
//! of the commit: 4 is a review by two people).
//!
//! The artifact is covered when one provenance of it, or one of each of its images, is signed by whom its builder signs
//! with and is what the settings ask for.

mod checks;
mod settings;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::predicate::{Predicate, Provenance, claims_provenance};
use lockgate_attest::sigstore::{Identity, Pattern};
use lockgate_attest::statement::Aim;
use lockgate_attest::verify::{Examined, Refusal, Speaks, Vouched};
use lockgate_model::keyring::Role;
use lockgate_model::{Digest, Effect, Evidence, Finding, Relied, Severity, Verdict};
use serde_json::Value;

use self::checks::{Problem, problems};
use self::settings::Settings;
pub(super) use self::settings::{Builder, builders_members, check_builders};
use super::roots::{Roots, told};
use super::signers::{Signer, Signers, fill};
use super::standing::explain;
use super::withheld::{gone, tell};
use super::{Docket, Gate, Reads};
use crate::edition::Edition;
use crate::findings::{BUILDERS, Words, finding, settings_unread, verdict};

pub(super) const GATE: Gate = Gate {
    name: "provenance",
    asks: "was it built from what it should be, by a trusted builder?",
    always: false,
    since: Edition::E2026_1,
    reads: Reads::EVIDENCE,
    alerts: true,
    members: settings::members,
    check_settings: |settings| settings::read(settings).map(drop),
    judge,
};

/// Why there is this gate.
const WHY: &str = "a signature says who vouches for an image; only its provenance says from which source it was built, and how";
/// Roles of which a member of the keyring must have one to say how something was built.
const VOUCHING: &[Role] = &[Role::Builder];

/// A provenance that is signed by whom its builder signs with.
pub(super) struct Candidate {
    pub(super) evidence: Digest,
    /// The images that it is about.
    pub(super) covers: BTreeSet<Digest>,
    pub(super) said: Provenance,
    problems: Vec<Problem>,
    pub(super) relied_on: Vec<Relied>,
    /// Who signed it.
    pub(super) signers: BTreeSet<Signer>,
    by: String,
}

/// What was seen in the evidence.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) candidates: Vec<Candidate>,
    /// Builders that no rule names, by whom signed.
    strangers: BTreeSet<(String, String)>,
    /// What is told of those that do not count.
    pub(super) findings: Vec<Finding>,
    /// What could not be looked at: it blinds the gate.
    pub(super) blinding: Vec<Finding>,
}

fn judge(docket: &Docket<'_>, settings: &Value, _earlier: &[Verdict]) -> Verdict {
    let settings = match settings::read(settings) {
        Ok(settings) => settings,
        Err(error) => return settings_unread(GATE.name, error),
    };
    let mut seen = Seen::default();
    for builder in &settings.builders {
        look(docket, GATE.name, builder, &mut seen, |said, holder| {
            problems(said, holder, builder, &settings, docket.case.record.service.as_str())
        });
    }
    let record = &docket.case.record;
    let images: BTreeSet<Digest> = record.images.iter().map(|image| image.manifest).collect();
    let good: Vec<&Candidate> = seen.candidates.iter().filter(|one| one.problems.is_empty()).collect();
    let covered: BTreeSet<Digest> = good.iter().flat_map(|one| one.covers.iter().copied()).collect();
    let missing: BTreeSet<Digest> = images.difference(&covered).copied().collect();
    let mut findings = std::mem::take(&mut seen.findings);
    // What did not count does not block when others cover every image.
    if missing.is_empty() && !images.is_empty() {
        for found in &mut findings {
            found.effect = Effect::Advise;
        }
    } else {
        findings.extend(uncovered(docket, &settings, &seen, &missing));
    }
    if let Some(asked) = &settings.source_level {
        findings.extend(source::level(docket, asked, &good, &mut seen.blinding));
    }
    let was_blind = !seen.blinding.is_empty();
    findings.append(&mut seen.blinding);
    let relied_on: Vec<Relied> = good
        .iter()
        .flat_map(|one| one.relied_on.iter().cloned().chain([Relied::Evidence(one.evidence)]))
        .collect();
    let summary = match good.first() {
        Some(one) if missing.is_empty() => summary(one),
        _ => "nothing proves how it was built, as this stage asks".to_owned(),
    };
    verdict(GATE.name, was_blind, findings, relied_on, summary)
}

fn summary(one: &Candidate) -> String {
    let source = one.said.source.as_ref();
    let from = source.map(|source| {
        let commit = source.commit.as_deref().map(|commit| format!("@{commit:.12}")).unwrap_or_default();
        format!(" from {}{commit}", source.repository)
    });
    format!("built by {}{}, signed by {}", one.said.builder, from.unwrap_or_default(), one.by)
}

/// Looks at all evidence for what this builder says, for `gate`. `check` says what is wrong with a provenance.
pub(super) fn look(
    docket: &Docket<'_>,
    gate: &'static str,
    builder: &Builder,
    seen: &mut Seen,
    check: impl Fn(&Provenance, Option<&Identity>) -> Vec<Problem>,
) {
    let record = &docket.case.record;
    let blinding = &mut seen.blinding;
    let roots = Roots::read(docket, gate, false, blinding);
    seen.findings.extend(roots.told(gate));
    let signers = Signers::read(docket, gate, &builder.signed_by, VOUCHING, roots, blinding);
    let attached = docket.evidence(gate, |subject| docket.is_ours(subject), blinding);
    let images: Vec<Digest> = record.images.iter().map(|image| image.manifest).collect();
    let look = Look { docket, builder, signers: &signers, images: &images };
    let mut there = Vec::new();
    for carried in &attached {
        for examined in signers.examine(carried) {
            look.weigh(carried.evidence, &examined, seen, &check);
            there.extend(examined.statement);
        }
    }
    let gone = gone(docket, gate, |subject| docket.is_ours(subject), &mut seen.blinding);
    for one in &gone {
        for examined in signers.examine(&one.carried).iter().filter(|one| is_provenance(one)) {
            let counted = signers.weigh(examined).counted;
            let is_lost = examined.statement.as_ref().is_some_and(|said| !there.contains(said));
            let by = counted.first().filter(|_| is_lost);
            seen.findings.extend(by.map(|by| tell(gate, Effect::Advise, "a provenance", &by.name, one.what)));
        }
    }
}

/// Whether `examined` is a provenance, as far as is said.
fn is_provenance(examined: &Examined) -> bool {
    matches!(&examined.speaks, Some(Speaks::Attestation { predicate_type }) if claims_provenance(predicate_type))
}

/// One builder's look at the evidence.
struct Look<'a> {
    docket: &'a Docket<'a>,
    builder: &'a Builder,
    signers: &'a Signers<'a>,
    images: &'a [Digest],
}

impl Look<'_> {
    fn weigh(
        &self,
        evidence: &Evidence,
        examined: &Examined,
        seen: &mut Seen,
        check: &impl Fn(&Provenance, Option<&Identity>) -> Vec<Problem>,
    ) {
        let (place, gate) = (evidence.manifest.digest, self.signers.asked.gate);
        if let Some(why) = &examined.refusal {
            if is_provenance(examined) || matches!(why, Refusal::NotVouched(_)) {
                seen.findings.push(not_counted(gate, &place, &why.to_string()));
            }
            return;
        }
        let Some(statement) = examined.statement.as_ref().filter(|_| is_provenance(examined)) else { return };
        seen.findings.extend(told(gate, &place, examined));
        let weighed = self.signers.weigh(examined);
        let expected = self.builder.signed_by.asked_for(self.docket.edition, " or ");
        for (member, doubt) in &weighed.doubted {
            seen.findings.push(explain(*member, doubt, &self.signers.asked, &expected));
        }
        for (holder, why) in &weighed.strangers {
            seen.findings.push(not_counted(gate, &place, &format!("{holder} signed it: {why}")));
        }
        let Some(counted) = weighed.counted.first() else { return };
        let said = match Predicate::read_as(statement, self.docket.edition.reading()) {
            Ok(Predicate::Provenance(said)) => *said,
            Ok(_) => return,
            Err(error) => {
                seen.findings.push(not_counted(gate, &place, &error.to_string()));
                return;
            }
        };
        let record = &self.docket.case.record;
        let id = Pattern::glob(&fill(&self.builder.id, record.service.as_str()));
        if !id.is_ok_and(|id| id.admits(&said.builder)) {
            seen.strangers.insert((said.builder, counted.name.clone()));
            return;
        }
        let holder = match &examined.vouched {
            Some(Vouched::Holder { identity, .. }) => Some(&**identity),
            _ => None,
        };
        let covers = match statement.aim(&record.artifact.digest, self.images) {
            Some(Aim::Artifact) => self.images.iter().copied().collect(),
            Some(Aim::Platform(image)) => BTreeSet::from([image]),
            None => return,
        };
        seen.candidates.push(Candidate {
            evidence: place,
            covers,
            problems: check(&said, holder),
            said,
            relied_on: weighed.counted.iter().flat_map(|one| one.relied_on.iter().cloned()).collect(),
            by: counted.name.clone(),
            signers: weighed.counted.into_iter().map(|one| one.signer).collect(),
        });
    }
}

fn not_counted(gate: &str, evidence: &Digest, why: &str) -> Finding {
    let words = Words {
        title: format!("a provenance does not count: {why}"),
        rationale: WHY,
        remediation: "let the builder attach it again, signed by whom the stage names for it".to_owned(),
        owner: BUILDERS,
    };
    let code = format!("{gate}.not-counted");
    finding(&code, Severity::Info, Effect::Advise, &evidence.to_string(), words)
}

/// Why these images are not covered: what is wrong with the provenance that comes closest, or that there is none.
fn uncovered(
    docket: &Docket<'_>,
    settings: &Settings,
    seen: &Seen,
    missing: &BTreeSet<Digest>,
) -> Vec<Finding> {
    let record = &docket.case.record;
    let mut findings = Vec::new();
    let mut closest: BTreeMap<Digest, &Candidate> = BTreeMap::new();
    for image in missing {
        let about = seen.candidates.iter().filter(|one| one.covers.contains(image));
        if let Some(one) = about.min_by_key(|one| one.problems.len()) {
            closest.insert(one.evidence, one);
        }
    }
    for one in closest.values() {
        findings.extend(one.problems.iter().map(|problem| {
            let words = Words {
                title: format!("{} (built by {}, signed by {})", problem.title, one.said.builder, one.by),
                rationale: WHY,
                remediation: problem.fix.clone(),
                owner: BUILDERS,
            };
            let code = format!("provenance.{}", problem.code);
            finding(&code, Severity::Critical, Effect::Rework, &record.artifact.digest.to_string(), words)
        }));
    }
    let unsaid: Vec<&Digest> = missing
        .iter()
        .filter(|image| !seen.candidates.iter().any(|one| one.covers.contains(*image)))
        .collect();
    if unsaid.is_empty() && !missing.is_empty() {
        return findings;
    }
    let builders: Vec<&str> = settings.builders.iter().map(|builder| builder.id.as_str()).collect();
    let builders = builders.join(" or ");
    for (builder, by) in &seen.strangers {
        let words = Words {
            title: format!("it was built by {builder}, as {by} signed; this stage trusts {builders}"),
            rationale: WHY,
            remediation: "build it on a builder that this stage trusts".to_owned(),
            owner: BUILDERS,
        };
        findings.push(finding("provenance.builder", Severity::Critical, Effect::Rework, builder, words));
    }
    if seen.strangers.is_empty() {
        let images: Vec<String> = unsaid.iter().map(ToString::to_string).collect();
        let artifact = record.artifact.digest.to_string();
        let words = Words {
            title: match images.len() {
                0 | 1 => "nothing that counts says how it was built".to_owned(),
                count => format!(
                    "nothing that counts says how {count} of its images were built: {}",
                    images.join(", ")
                ),
            },
            rationale: WHY,
            remediation: format!(
                "let {builders} attach its provenance: lockgate attest IMAGE@{artifact} --provenance-from-ci, or cosign attest --type slsaprovenance1"
            ),
            owner: BUILDERS,
        };
        findings.push(finding("provenance.missing", Severity::Critical, Effect::Pause, &artifact, words));
    }
    findings
}
