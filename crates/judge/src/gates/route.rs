//! Route: was it released in the stage below, and are the images that were looked at the artifact's own?

use std::collections::BTreeSet;

use lockgate_model::oci::Content;
use lockgate_model::{Effect, Finding, Relied, Severity, Verdict};
use serde_json::Value;

use super::{Docket, Gate, Reads};
use crate::closure::{self, Open};
use crate::edition::Edition;
use crate::findings::{BUILDERS, Words, blind, finding, verdict};

/// Always asked: no stage may leave it out.
pub(super) const GATE: Gate = Gate {
    name: "route",
    asks: "was it released in the stage below, and are its images its own?",
    always: true,
    since: Edition::E2026_1,
    reads: Reads::NOTHING,
    alerts: false,
    members: |_| vec![],
    check_settings: |_| Ok(()),
    judge,
};

fn judge(docket: &Docket<'_>, _settings: &Value, _earlier: &[Verdict]) -> Verdict {
    let record = &docket.case.record;
    let mut findings = Vec::new();
    let mut relied_on = Vec::new();
    let closed = if docket.edition.judges_what_runs() { closure::check(docket) } else { early(docket) };
    let is_closed = closed.is_ok();
    match closed {
        Ok(told) => findings.extend(told),
        Err(open) => findings.push(blind(open.code, &open.subject.to_string(), open.why, open.fix)),
    }
    let advice = findings.len();
    match (&record.release, record.from_guarded) {
        (Some(held), _) => relied_on.push(Relied::Decision(held.decision)),
        (None, false) => {}
        (None, true) => findings.push(finding(
            "route.not-released",
            Severity::High,
            Effect::Pause,
            &record.artifact.digest.to_string(),
            Words {
                title: format!("{} never held this artifact", record.from),
                rationale: "each stage is a rehearsal for the next: what was not released below was not tried",
                remediation: format!(
                    "promote it to {} first: lockgate promote {}@{} --to {}",
                    record.from, record.service, record.artifact.digest, record.from
                ),
                owner: BUILDERS,
            },
        )),
    }
    let summary = match (is_closed, findings.len() == advice) {
        (false, _) => "the images looked at are not known to be the artifact's own".to_owned(),
        (true, false) => format!("it was not released in {}", record.from),
        (true, true) => format!("from {} to {}", record.from, record.to),
    };
    verdict(GATE.name, !is_closed, findings, relied_on, summary)
}

/// As Editions before 2026-3 have it.
fn early(docket: &Docket<'_>) -> Result<Vec<Finding>, Open> {
    let fix = "judge again; if it stays so, rebuild the image".to_owned();
    let subject = docket.case.record.artifact.digest;
    closure_by_annotation(docket).map(|()| vec![]).map_err(|why| Open {
        code: "route.closure",
        subject,
        why,
        fix,
    })
}

/// Whether the images of the record are exactly those that the artifact's own bytes name, but for children that an
/// annotation calls attestations.
fn closure_by_annotation(docket: &Docket<'_>) -> Result<(), String> {
    let record = &docket.case.record;
    let content = docket.content.as_ref().ok_or("the artifact's own bytes are missing or malformed")?;
    let named: BTreeSet<_> = match content {
        Content::Manifest(_) => BTreeSet::from([record.artifact.digest]),
        Content::Index(index) => {
            let attestation = |child: &&lockgate_model::Descriptor| {
                let kind = child.annotations.get("vnd.docker.reference.type");
                kind.is_none_or(|kind| kind != "attestation-manifest")
            };
            index.manifests.iter().filter(attestation).map(|child| child.digest).collect()
        }
    };
    let looked_at: BTreeSet<_> = record.images.iter().map(|image| image.manifest).collect();
    if named.is_empty() {
        return Err("the artifact names no image".to_owned());
    }
    if let Some(missing) = named.difference(&looked_at).next() {
        return Err(format!("the image {missing} was not looked at"));
    }
    if let Some(foreign) = looked_at.difference(&named).next() {
        return Err(format!("the image {foreign} is none of the artifact's"));
    }
    for image in &record.images {
        let bytes = docket.case.inputs.get(&image.manifest).ok_or("the bytes of an image are missing")?;
        let config = serde_json::from_slice::<Value>(bytes)
            .ok()
            .and_then(|value| Some(value.get("config")?.get("digest")?.as_str()?.to_owned()));
        if config != Some(image.config.to_string()) {
            return Err(format!("the image {} names another config", image.manifest));
        }
    }
    Ok(())
}
