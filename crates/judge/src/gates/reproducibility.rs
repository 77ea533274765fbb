//! Reproducibility: do independent builders agree on what was built?
//!
//! Settings: `builders` (as in the provenance gate: `id`, `signedBy`, optionally `buildTypes`) and `required` (how many of
//! them must each have a provenance of this very artifact, 2 unless said). Provenance of a rebuild is one like any other:
//! its builder is the one that built again. Two builders that the same people sign for are one.

use std::collections::BTreeSet;

use lockgate_model::{Digest, Effect, Finding, Relied, Severity, Verdict};
use serde::Deserialize;
use serde_json::Value;

use super::provenance::{Builder, Candidate, Seen, builders_members, check_builders, look};
use super::{Docket, Gate, Reads};
use crate::edition::Edition;
use crate::findings::{BUILDERS, Words, finding, settings_unread, verdict};
use crate::settings::{self, SettingsError};

pub(super) const GATE: Gate = Gate {
    name: "reproducibility",
    asks: "do independent builders agree on what was built?",
    always: false,
    since: Edition::E2026_1,
    reads: Reads::EVIDENCE,
    alerts: true,
    members: builders_members,
    check_settings: |settings| read(settings).map(drop),
    judge,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    builders: Vec<Builder>,
    #[serde(default = "two")]
    required: usize,
}

fn two() -> usize {
    2
}

fn read(settings: &Value) -> Result<Settings, SettingsError> {
    let settings: Settings = settings::read(settings)?;
    check_builders(&settings.builders)?;
    if !(2..=settings.builders.len()).contains(&settings.required) {
        let most = settings.builders.len();
        let message = format!("`required` must be 2 to {most}, the number of builders");
        return Err(SettingsError { path: "required".to_owned(), message });
    }
    Ok(settings)
}

fn judge(docket: &Docket<'_>, settings: &Value, _earlier: &[Verdict]) -> Verdict {
    let settings = match read(settings) {
        Ok(settings) => settings,
        Err(error) => return settings_unread(GATE.name, error),
    };
    let record = &docket.case.record;
    let images: BTreeSet<Digest> = record.images.iter().map(|image| image.manifest).collect();
    let (mut findings, mut blinding, mut relied_on) = (Vec::new(), Vec::new(), Vec::new());
    let (mut used, mut agreed) = (BTreeSet::new(), Vec::new());
    for builder in &settings.builders {
        let mut seen = Seen::default();
        look(docket, GATE.name, builder, &mut seen, |_, _| vec![]);
        blinding.append(&mut seen.blinding);
        findings.append(&mut seen.findings);
        let known = |one: &&Candidate| builder.admits_type(&one.said.build_type, record.service.as_str());
        let mut counted: Vec<&Candidate> = seen.candidates.iter().filter(known).collect();
        counted.retain(|one| one.signers.is_disjoint(&used));
        let covered: BTreeSet<Digest> = counted.iter().flat_map(|one| one.covers.iter().copied()).collect();
        if images.is_empty() || !images.is_subset(&covered) {
            continue;
        }
        for one in &counted {
            used.extend(one.signers.iter().cloned());
            relied_on.extend(one.relied_on.iter().cloned().chain([Relied::Evidence(one.evidence)]));
        }
        agreed.push(builder.id.as_str());
    }
    let was_blind = !blinding.is_empty();
    if agreed.len() >= settings.required {
        for found in &mut findings {
            found.effect = Effect::Advise;
        }
    } else {
        findings.push(too_few(docket.edition, &settings, agreed.len(), &record.artifact.digest));
    }
    findings.append(&mut blinding);
    let summary = format!("{} of {} builders agree on it", agreed.len(), settings.required);
    verdict(GATE.name, was_blind, findings, relied_on, summary)
}

fn too_few(edition: Edition, settings: &Settings, agreed: usize, artifact: &Digest) -> Finding {
    let words = Words {
        title: format!(
            "{agreed} independent builder(s) built these very bytes; {} are required of: {}",
            settings.required,
            settings.builders.iter().map(|builder| builder.id.as_str()).collect::<Vec<_>>().join(", ")
        ),
        rationale: edition.say(
            "a builder that was broken into builds what its intruder likes; two that agree must both have been",
            "a compromised builder can output anything; if two independent builders agree, an attacker must control both",
        ),
        remediation: format!(
            "build it on another of them from the same source, and attach its provenance to IMAGE@{artifact}; if the bytes differ, `lockgate reproduce IMAGE OTHER` says where"
        ),
        owner: BUILDERS,
    };
    finding("reproducibility.too-few", Severity::High, Effect::Pause, &artifact.to_string(), words)
}
