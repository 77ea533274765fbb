//! Signature: is the artifact signed by enough of the keys that the stage trusts?
//!
//! Settings: `keys` (names of trusted keys) and `required` (how many distinct ones, 1 unless said). A key counts
//! when it is valid at the instant of judging; one key under two names counts once. Only signatures count, never
//! attestations. Provenance gets a gate of its own.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::keys::PublicKey;
use lockgate_attest::verify::{Carried, Examined, Form, NamedKey, Refusal, Speaks, examine};
use lockgate_model::case::TrustedKey;
use lockgate_model::{Digest, Effect, Evidence, Finding, Severity, Verdict};
use serde::Deserialize;
use serde_json::Value;

use super::{Docket, Gate};
use crate::findings::{BUILDERS, KEEPERS, Words, blind, finding, verdict};
use crate::settings::{self, SettingsError};

pub(super) const GATE: Gate = Gate {
    name: "signature",
    asks: "is it signed by whom it should be?",
    always: false,
    check_settings,
    judge,
};

/// Why there is this gate.
const WHY: &str = "a signature is the only proof that this image was made by whom it should be: a tag, or access to the registry, proves nothing";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    keys: Vec<String>,
    #[serde(default = "one")]
    required: usize,
}

fn one() -> usize {
    1
}

fn check_settings(settings: &Value) -> Result<(), SettingsError> {
    let settings: Settings = settings::read(settings)?;
    if settings.required == 0 || settings.required > settings.keys.len() {
        let message = format!("`required` must be 1 to {}, the number of keys", settings.keys.len());
        return Err(SettingsError { path: "required".to_owned(), message });
    }
    Ok(())
}

/// A trusted key as this stage may use it.
pub(super) struct Usable<'a> {
    pub(super) trusted: &'a TrustedKey,
    pub(super) key: PublicKey,
}

fn judge(docket: &Docket<'_>, settings: &Value, _earlier: &[Verdict]) -> Verdict {
    let record = &docket.case.record;
    let settings = match check_settings(settings).and_then(|()| settings::read::<Settings>(settings)) {
        Ok(settings) => settings,
        Err(error) => {
            let fix = "correct lockgate.yaml".to_owned();
            let found = blind("signature.settings", GATE.name, error.message.clone(), fix);
            return verdict(GATE.name, true, vec![found], vec![], error.message);
        }
    };
    let mut findings = Vec::new();
    let keys = usable(docket, GATE.name, &settings.keys, &mut findings);
    let was_blind = !findings.is_empty();
    let named: Vec<_> = keys.iter().map(|key| NamedKey { name: &key.trusted.name, key: &key.key }).collect();
    let about = |evidence: &&Evidence| evidence.subject == record.artifact.digest;
    let mut seen = Seen::default();
    for evidence in record.evidence.iter().filter(about) {
        match carried(docket, evidence) {
            Some(carried) => seen.add(evidence, examine(&carried, &named)),
            None => seen.unreadable.push(evidence.manifest.digest),
        }
    }
    let counted = seen.counted(&keys, record.as_of, &mut findings);
    conclude(docket, &settings, &seen, &counted, was_blind, findings)
}

/// The keys that the settings of `gate` name; what cannot be used is a finding.
pub(super) fn usable<'a, 'n>(
    docket: &'a Docket<'_>,
    gate: &str,
    names: impl IntoIterator<Item = &'n String>,
    findings: &mut Vec<Finding>,
) -> Vec<Usable<'a>> {
    let mut keys = Vec::new();
    for name in names.into_iter().collect::<BTreeSet<_>>() {
        let trusted = docket.case.record.keys.iter().find(|key| key.name == *name);
        let bytes = trusted.and_then(|key| docket.case.inputs.get(&key.file));
        let problem = match (trusted, bytes.map(|bytes| PublicKey::from_pem(bytes))) {
            (Some(trusted), Some(Ok(key))) => {
                keys.push(Usable { trusted, key });
                continue;
            }
            (None, _) => "lockgate.yaml lists no key of that name under `keys`".to_owned(),
            (Some(_), None) => "its file is missing".to_owned(),
            (Some(_), Some(Err(error))) => error.to_string(),
        };
        let fix = format!("correct the key `{name}` in lockgate.yaml and trust/");
        findings.push(blind(
            &format!("{gate}.key-unusable"),
            name,
            format!("the key `{name}` cannot be used: {problem}"),
            fix,
        ));
    }
    keys
}

/// A piece of evidence with its bytes, when all of them are in the Case.
pub(super) fn carried<'a>(docket: &'a Docket<'_>, evidence: &'a Evidence) -> Option<Carried<'a>> {
    let manifest = docket.case.inputs.get(&evidence.manifest.digest)?;
    let blobs = evidence.blobs.iter().map(|blob| docket.case.inputs.get(blob).map(|bytes| &bytes[..]));
    Some(Carried { evidence, manifest, blobs: blobs.collect::<Option<_>>()? })
}

/// What was seen in the evidence.
#[derive(Default)]
struct Seen {
    /// By name of the key, the evidence that carries its signature.
    signed: BTreeMap<String, Digest>,
    /// Signatures that none of the keys made, or that are refused: where and why.
    refused: Vec<(Digest, String)>,
    /// Evidence whose bytes are not in the Case.
    unreadable: Vec<Digest>,
}

impl Seen {
    fn add(&mut self, evidence: &Evidence, examined: Vec<Examined>) {
        for one in examined {
            match (&one.speaks, &one.refusal) {
                (Some(Speaks::Signature), None) => {
                    for name in one.by {
                        self.signed.entry(name).or_insert(evidence.manifest.digest);
                    }
                }
                (Some(Speaks::Attestation { .. }), _) | (None, None) => {}
                // Evidence of another kind: proofs, inventories, whatever people attach.
                (None, Some(Refusal::NotRead(_))) if one.form == Form::Other => {}
                (Some(Speaks::Signature) | None, Some(why)) => {
                    self.refused.push((evidence.manifest.digest, format!("{}: {why}", one.form)));
                }
            }
        }
    }

    /// The signatures that count: by distinct keys that are valid at `as_of`.
    fn counted(
        &self,
        keys: &[Usable<'_>],
        as_of: lockgate_model::Timestamp,
        findings: &mut Vec<Finding>,
    ) -> BTreeMap<Digest, (String, Digest)> {
        let mut counted = BTreeMap::new();
        for key in keys {
            let Some(evidence) = self.signed.get(&key.trusted.name) else { continue };
            let early = key.trusted.valid_from.filter(|from| as_of < *from);
            let late = key.trusted.valid_until.filter(|until| as_of >= *until);
            let (code, title) = match (early, late) {
                (Some(from), _) => (
                    "signature.key-not-yet-valid",
                    format!("the key `{}` is valid from {from}", key.trusted.name),
                ),
                (None, Some(until)) => (
                    "signature.key-expired",
                    format!("the key `{}` was valid until {until}", key.trusted.name),
                ),
                (None, None) => {
                    counted.entry(key.key.id()).or_insert((key.trusted.name.clone(), *evidence));
                    continue;
                }
            };
            let words = Words {
                title,
                rationale: "a signature by a bare key does not prove when it was made: only keys that are valid now count",
                remediation: "sign the image again with a key that is valid".to_owned(),
                owner: BUILDERS,
            };
            findings.push(finding(code, Severity::High, Effect::Pause, &key.trusted.name, words));
        }
        counted
    }
}

fn conclude(
    docket: &Docket<'_>,
    settings: &Settings,
    seen: &Seen,
    counted: &BTreeMap<Digest, (String, Digest)>,
    mut was_blind: bool,
    mut findings: Vec<Finding>,
) -> Verdict {
    let record = &docket.case.record;
    let artifact = record.artifact.digest.to_string();
    let enough = counted.len() >= settings.required;
    // A key that did not count does not block when there are enough others.
    if enough {
        for found in &mut findings {
            if found.code.starts_with("signature.key-") && found.code != "signature.key-unusable" {
                found.effect = Effect::Advise;
            }
        }
    }
    for digest in &seen.unreadable {
        was_blind = true;
        let why = "evidence that the Case names is missing".to_owned();
        findings.push(blind("signature.input-missing", &digest.to_string(), why, "judge again".to_owned()));
    }
    for (evidence, why) in &seen.refused {
        let words = Words {
            title: format!("a signature does not count: {why}"),
            rationale: WHY,
            remediation:
                "if it should count, name its key in lockgate.yaml; else remove it from the registry"
                    .to_owned(),
            owner: KEEPERS,
        };
        let evidence = evidence.to_string();
        findings.push(finding("signature.not-counted", Severity::Info, Effect::Advise, &evidence, words));
    }
    if !enough {
        findings.push(missing(docket, settings, seen, counted.len(), &artifact));
    }
    let mut relied_on = Vec::new();
    for (id, (name, evidence)) in counted {
        relied_on.extend([format!("key:{name}@{id}"), format!("evidence:{evidence}")]);
    }
    let names: Vec<_> = counted.values().map(|(name, _)| name.as_str()).collect();
    let summary = if names.is_empty() {
        format!("no signature by {} counts", settings.keys.join(", "))
    } else {
        format!("signed by {} ({} of {} required)", names.join(", "), names.len(), settings.required)
    };
    verdict(GATE.name, was_blind, findings, relied_on, summary)
}

fn missing(docket: &Docket<'_>, settings: &Settings, seen: &Seen, counted: usize, artifact: &str) -> Finding {
    let record = &docket.case.record;
    let (code, title) = if counted > 0 {
        let title = format!("{counted} signature(s) count; {} are required", settings.required);
        ("signature.too-few", title)
    } else if !seen.signed.is_empty() || !seen.refused.is_empty() {
        (
            "signature.untrusted",
            format!("it is signed, but not by {} as this stage asks", settings.keys.join(", ")),
        )
    } else {
        ("signature.missing", "nobody signed it".to_owned())
    };
    let remediation = format!(
        "let the build of {} sign it, with the key of {}: lockgate sign IMAGE@{artifact} --key KEY (or cosign sign --key KEY IMAGE@{artifact})",
        record.service,
        settings.keys.join(" or ")
    );
    let words = Words { title, rationale: WHY, remediation, owner: BUILDERS };
    finding(code, Severity::Critical, Effect::Pause, artifact, words)
}
