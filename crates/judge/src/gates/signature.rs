//! Signature: is the artifact signed by enough of the keys that the stage trusts?
//!
//! Settings: `keys` (names of trusted keys) or `role` (every key of the keyring with that role; with `keys`, the role
//! that they must have), `required` (how many distinct signers, 1 unless said) and `warnDays` (how long before a key is
//! to be rotated it is told, 14 unless said).
//!
//! A key counts when it is valid at the instant of judging; one of the keyring also when it serves this stage, has the
//! role and was not retired or revoked. One key under two names counts once, and so do all keys of one owner in the
//! keyring. Only signatures count, never attestations. Provenance gets a gate of its own.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::verify::{Examined, Form, Refusal, Speaks, examine};
use lockgate_model::case::{Revocation, TrustedKey};
use lockgate_model::keyring::Role;
use lockgate_model::{Digest, Effect, Evidence, Finding, Severity, Timestamp, Verdict};
use serde::Deserialize;
use serde_json::Value;

use super::keys::{Usable, carried, revocations, usable};
use super::standing::{Asked, Doubt, doubt, explain, rotation_due};
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

/// Roles of which a key of the keyring must have one when the settings name it and no role: others vouch for something
/// else than an artifact.
const VOUCHING: &[Role] = &[Role::Builder, Role::Releaser];
/// Keys of the keyring that nobody asked for, which are tried so that a finding can name who signed instead.
const OTHERS: usize = 32;
/// Pieces of evidence on which they are tried.
const PIECES: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    #[serde(default)]
    keys: Option<Vec<String>>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default = "one")]
    required: usize,
    #[serde(default = "fortnight")]
    warn_days: u32,
}

fn one() -> usize {
    1
}

fn fortnight() -> u32 {
    14
}

impl Settings {
    fn roles(&self) -> &[Role] {
        self.role.as_ref().map_or(VOUCHING, std::slice::from_ref)
    }

    /// Whom the stage asks for, for people, with `between` between names.
    fn asked_for(&self, between: &str) -> String {
        match (&self.keys, self.role) {
            (Some(keys), _) => keys.join(between),
            (None, Some(role)) => format!("a {role} of the keyring"),
            (None, None) => "nobody".to_owned(),
        }
    }

    /// The names of the keys to try.
    fn names<'a>(&'a self, trusted: &'a [TrustedKey]) -> Vec<&'a str> {
        match &self.keys {
            Some(keys) => keys.iter().map(String::as_str).collect(),
            None => trusted.iter().filter(|key| self.selects(key)).map(|key| key.name.as_str()).collect(),
        }
    }

    fn selects(&self, key: &TrustedKey) -> bool {
        match (&self.keys, self.role) {
            (Some(keys), _) => keys.contains(&key.name),
            (None, Some(role)) => key.duty.as_ref().is_some_and(|duty| duty.roles.contains(&role)),
            (None, None) => false,
        }
    }
}

fn check_settings(settings: &Value) -> Result<(), SettingsError> {
    let settings: Settings = settings::read(settings)?;
    let error = |path: &str, message: String| Err(SettingsError { path: path.to_owned(), message });
    match (&settings.keys, settings.role) {
        (None, None) => error("", "name `keys`, or the `role` that keys of the keyring must have".to_owned()),
        (Some(keys), _) if settings.required == 0 || settings.required > keys.len() => {
            error("required", format!("`required` must be 1 to {}, the number of keys", keys.len()))
        }
        _ if settings.required == 0 => error("required", "`required` must be at least 1".to_owned()),
        _ => Ok(()),
    }
}

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Signer {
    Key(Digest),
    Owner(String),
}

impl Signer {
    /// Two keys of one owner are one signer, so that whoever rotates a key is not two people for as long as the overlap
    /// lasts.
    fn with(key: &Usable<'_>) -> Self {
        match &key.trusted.duty {
            Some(duty) => Self::Owner(duty.owner.clone()),
            None => Self::Key(key.key.id()),
        }
    }
}

/// A signature that counts: by which key, in which evidence.
struct Counted {
    name: String,
    key: Digest,
    evidence: Digest,
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
    let keys = usable(docket, GATE.name, settings.names(&record.keys), &mut findings);
    let was_blind = !findings.is_empty();
    let named: Vec<_> = keys.iter().map(Usable::named).collect();
    let about = |evidence: &&Evidence| evidence.subject == record.artifact.digest;
    let mut seen = Seen::default();
    for evidence in record.evidence.iter().filter(about) {
        match carried(docket, evidence) {
            Some(carried) => seen.add(evidence, examine(&carried, &named)),
            None => seen.unreadable.push(evidence.manifest.digest),
        }
    }
    let asked = Asked { as_of: record.as_of, stage: &record.to, roles: settings.roles(), keys: &record.keys };
    let judgement = Judgement { docket, settings: &settings, asked, seen };
    let counted = judgement.counted(&keys, &revocations(docket), &mut findings);
    judgement.conclude(&counted, was_blind, findings)
}

/// What was seen in the evidence.
#[derive(Default)]
struct Seen {
    /// By name of the key, its signatures: the evidence that carries one, and when it is proven to have existed.
    signed: BTreeMap<String, Vec<(Digest, Option<Timestamp>)>>,
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
                        let signature = (evidence.manifest.digest, one.proven_at);
                        self.signed.entry(name).or_default().push(signature);
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
}

/// What the verdict is drawn from.
struct Judgement<'a> {
    docket: &'a Docket<'a>,
    settings: &'a Settings,
    asked: Asked<'a>,
    seen: Seen,
}

impl Judgement<'_> {
    /// The signatures that count, one a signer. A key that signed and does not count is a finding.
    fn counted(
        &self,
        keys: &[Usable<'_>],
        revoked: &BTreeMap<Digest, Revocation>,
        findings: &mut Vec<Finding>,
    ) -> BTreeMap<Signer, Counted> {
        let mut counted = BTreeMap::new();
        let expected = self.settings.asked_for(" or ");
        for key in keys {
            let Some(signatures) = self.seen.signed.get(&key.trusted.name) else { continue };
            let revocation = key.trusted.revoked.or_else(|| revoked.get(&key.key.id()).copied());
            let mut doubts = Vec::new();
            let good = signatures.iter().find(|(_, proven_at)| {
                let found = doubt(key.trusted, revocation, *proven_at, &self.asked);
                let none = found.is_none();
                doubts.extend(found);
                none
            });
            match (good, doubts.first()) {
                (Some((evidence, _)), _) => {
                    let (name, key_id) = (key.trusted.name.clone(), key.key.id());
                    let one = Counted { name, key: key_id, evidence: *evidence };
                    counted.entry(Signer::with(key)).or_insert(one);
                    findings.extend(rotation_due(key.trusted, &self.asked, self.settings.warn_days));
                }
                (None, Some(doubt)) => findings.push(explain(key.trusted, doubt, &self.asked, &expected)),
                (None, None) => {}
            }
        }
        counted
    }

    fn conclude(
        &self,
        counted: &BTreeMap<Signer, Counted>,
        mut was_blind: bool,
        mut findings: Vec<Finding>,
    ) -> Verdict {
        let enough = counted.len() >= self.settings.required;
        // A key that did not count does not block when there are enough others.
        if enough {
            for found in &mut findings {
                if found.code.starts_with("signature.key-") && found.code != "signature.key-unusable" {
                    found.effect = Effect::Advise;
                }
            }
        }
        for digest in &self.seen.unreadable {
            was_blind = true;
            let why = "evidence that the Case names is missing".to_owned();
            let again = "judge again".to_owned();
            findings.push(blind("signature.input-missing", &digest.to_string(), why, again));
        }
        for (evidence, why) in &self.seen.refused {
            let words = Words {
                title: format!("a signature does not count: {why}"),
                rationale: WHY,
                remediation:
                    "if it should count, name its key in lockgate.yaml; else remove it from the registry"
                        .to_owned(),
                owner: KEEPERS,
            };
            let evidence = evidence.to_string();
            let advice = finding("signature.not-counted", Severity::Info, Effect::Advise, &evidence, words);
            findings.push(advice);
        }
        if !enough {
            findings.extend(self.others());
            findings.push(self.missing(counted.len()));
        }
        let mut relied_on = Vec::new();
        for Counted { name, key, evidence } in counted.values() {
            relied_on.extend([format!("key:{name}@{key}"), format!("evidence:{evidence}")]);
        }
        let names: Vec<_> = counted.values().map(|one| one.name.as_str()).collect();
        let summary = if names.is_empty() {
            format!("no signature by {} counts", self.settings.asked_for(", "))
        } else {
            format!("signed by {} ({} of {} required)", names.join(", "), names.len(), self.settings.required)
        };
        verdict(GATE.name, was_blind, findings, relied_on, summary)
    }

    /// Keys of the keyring that signed, and that the stage does not ask for.
    fn others(&self) -> Vec<Finding> {
        let case = self.docket.case;
        let read = |trusted| Usable::read(case, trusted);
        let others = case.record.keys.iter().filter(|key| key.duty.is_some() && !self.settings.selects(key));
        let others: Vec<Usable<'_>> = others.take(OTHERS).filter_map(read).collect();
        let named: Vec<_> = others.iter().map(Usable::named).collect();
        let mut seen = Seen::default();
        let refused: BTreeSet<_> = self.seen.refused.iter().map(|(evidence, _)| *evidence).collect();
        let tried = case.record.evidence.iter().filter(|one| refused.contains(&one.manifest.digest));
        for evidence in tried.take(PIECES) {
            if let Some(carried) = carried(self.docket, evidence) {
                seen.add(evidence, examine(&carried, &named));
            }
        }
        let signed = others.iter().filter(|key| seen.signed.contains_key(&key.trusted.name));
        let expected = self.settings.asked_for(" or ");
        signed.map(|key| explain(key.trusted, &Doubt::NotAsked, &self.asked, &expected)).collect()
    }

    fn missing(&self, counted: usize) -> Finding {
        let record = &self.docket.case.record;
        let (artifact, required) = (record.artifact.digest.to_string(), self.settings.required);
        let selected = record.keys.iter().any(|key| self.settings.selects(key));
        let (code, title) = if counted > 0 {
            ("signature.too-few", format!("{counted} signature(s) count; {required} are required"))
        } else if self.settings.keys.is_none() && !selected {
            let title = format!("nobody could have signed it: there is no {}", self.settings.asked_for(", "));
            ("signature.no-keys", title.replacen("no a ", "no ", 1))
        } else if !self.seen.signed.is_empty() || !self.seen.refused.is_empty() {
            let asked = self.settings.asked_for(", ");
            ("signature.untrusted", format!("it is signed, but not by {asked} as this stage asks"))
        } else {
            ("signature.missing", "nobody signed it".to_owned())
        };
        let remediation = format!(
            "let the build of {} sign it, with the key of {}: lockgate sign IMAGE@{artifact} --key KEY (or cosign sign --key KEY IMAGE@{artifact})",
            record.service,
            self.settings.asked_for(" or ")
        );
        let words = Words { title, rationale: WHY, remediation, owner: BUILDERS };
        finding(code, Severity::Critical, Effect::Pause, &artifact, words)
    }
}

#[cfg(test)]
mod tests;
