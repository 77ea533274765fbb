//! Signature: is the artifact signed by enough of those whom the stage trusts?
//!
//! Settings: `keys` (names of trusted keys), `identities` (names of identities of the keyring: whoever an issuer vouches
//! for, by certificates of an instance of Sigstore) or `role` (every key and identity of the keyring with that role; with
//! names, the role that they must have), `claims` (what certificates must say besides: `source-repository-uri`,
//! `source-repository-ref` and so on, exactly or with stars), `notation: true` (those whom the trust policy of the Notary
//! Project admits count too), `required` (how many distinct signers, 1 unless said) and `warnDays` (how long before a key
//! is to be rotated it is told, 14 unless said).
//!
//! A key or identity counts when it is valid at the instant of judging; one of the keyring also when it serves this
//! stage, has the role and was not retired or revoked, or what it signed is proven to be older. One key under two names
//! counts once, and so do all of one owner in the keyring. Only signatures count, never attestations: those are for the
//! provenance gate.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::sigstore::Claim;
use lockgate_attest::verify::{Believed, Carried, Examined, Form, Refusal, Speaks, examine};
use lockgate_model::keyring::Role;
use lockgate_model::{Digest, Effect, Evidence, Finding, Relied, Severity, Verdict};
use serde::Deserialize;
use serde_json::Value;

use super::keys::Usable;
use super::roots::{Roots, told};
use super::signers::{Counted, Signer, Signers, Wanted};
use super::standing::{Doubt, Signatory, explain, rotation_due};
use super::withheld::{gone, signatures};
use super::{Docket, Gate, Members, Reads};
use crate::edition::Edition;
use crate::findings::{BUILDERS, KEEPERS, Words, blind, finding, settings_unread, verdict};
use crate::settings::{self, SettingsError};

pub(super) const GATE: Gate = Gate {
    name: "signature",
    asks: "is it signed by whom it should be?",
    always: false,
    since: Edition::E2026_1,
    reads: Reads::EVIDENCE,
    alerts: true,
    members: |settings| Members::of("", Some(settings)),
    check_settings,
    judge,
};

/// Why there is this gate.
const WHY: &str = "a signature is the only proof that this image was made by whom it should be: a tag, or access to the registry, proves nothing";

/// What is said where evidence could not be listed or fetched.
const UNAVAILABLE: &str = "the list of evidence is unavailable";

/// Roles of which a member of the keyring must have one when the settings name it and no role: others vouch for something
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
    identities: Option<Vec<String>>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    claims: BTreeMap<Claim, String>,
    #[serde(default)]
    notation: bool,
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
    fn wanted(&self) -> Wanted {
        let Self { keys, identities, role, claims, .. } = self;
        Wanted { keys: keys.clone(), identities: identities.clone(), role: *role, claims: claims.clone() }
    }
}

fn check_settings(settings: &Value) -> Result<(), SettingsError> {
    let settings: Settings = settings::read(settings)?;
    let error = |path: &str, message: String| Err(SettingsError { path: path.to_owned(), message });
    let wanted = settings.wanted();
    match wanted.check() {
        // With `notation` alone the trust policy says who.
        Err(error) if error.path.is_empty() && settings.notation => {}
        checked => checked?,
    }
    match wanted.count() {
        _ if settings.required == 0 => error("required", "`required` must be at least 1".to_owned()),
        Some(count) if settings.required > count && !settings.notation => {
            error("required", format!("`required` must be 1 to {count}, the number of keys and identities"))
        }
        _ => Ok(()),
    }
}

fn judge(docket: &Docket<'_>, settings: &Value, _earlier: &[Verdict]) -> Verdict {
    let settings = match check_settings(settings).and_then(|()| settings::read::<Settings>(settings)) {
        Ok(settings) => settings,
        Err(error) => return settings_unread(GATE.name, error),
    };
    let mut findings = Vec::new();
    let wanted = settings.wanted();
    let roots = Roots::read(docket, GATE.name, settings.notation, &mut findings);
    if settings.notation && findings.is_empty() && !roots.has_notary() {
        let why = "the gate asks for Notary Project signatures, and nothing says whom to trust for them";
        let fix = "name the trust policy under `trust.notation` in lockgate.yaml".to_owned();
        findings.push(blind("signature.no-trust-policy", "notation", why.to_owned(), fix));
    }
    let mut seen = Seen { told: roots.told(GATE.name), ..Seen::default() };
    let signers = Signers::read(docket, GATE.name, &wanted, VOUCHING, roots, &mut findings);
    let artifact = docket.case.record.artifact.digest;
    let attached = docket.evidence(GATE.name, |subject| subject == artifact, &mut findings);
    let gone = gone(docket, GATE.name, |subject| subject == artifact, &mut findings);
    let was_blind = !findings.is_empty();
    for carried in &attached {
        for examined in signers.examine(carried) {
            seen.add(carried.evidence, &examined, &signers);
        }
    }
    let others: Vec<_> = seen.good.values().map(|(counted, _)| counted.name.as_str()).collect();
    findings.extend(signatures(GATE.name, &gone, &signers, &others));
    Judgement { docket, settings: &settings, wanted: &wanted, signers, seen }.conclude(was_blind, findings)
}

/// What was seen in the evidence.
#[derive(Default)]
struct Seen<'a> {
    /// Who signed and counts, by what it is and its name, with the first evidence that carries its signature.
    good: BTreeMap<(&'static str, String), (Counted<'a>, Digest)>,
    /// Members that are asked for and signed, and the first reason why that does not count.
    doubted: BTreeMap<(&'static str, String), (Signatory<'a>, Doubt)>,
    /// Holders of certificates that nobody asked for, and why they are none of those that are.
    strangers: BTreeMap<String, String>,
    /// Signatures that nobody trusted made, or that are refused: where and why, and whether that is because nobody vouches
    /// for the signer.
    refused: Vec<(Digest, String, bool)>,
    /// What is told of what can be used and of what counts.
    told: Vec<Finding>,
}

impl<'a> Seen<'a> {
    fn add(&mut self, evidence: &Evidence, examined: &Examined, signers: &Signers<'a>) {
        self.told.extend(told(GATE.name, &evidence.manifest.digest, examined));
        match (&examined.speaks, &examined.refusal) {
            (Some(Speaks::Signature), None) => {
                let weighed = signers.weigh(examined);
                for counted in weighed.counted {
                    let name = counted.member.map_or(("", counted.name.as_str()), |one| (one.what, one.name));
                    let name = (name.0, name.1.to_owned());
                    self.good.entry(name).or_insert((counted, evidence.manifest.digest));
                }
                for (member, doubt) in weighed.doubted {
                    let name = (member.what, member.name.to_owned());
                    self.doubted.entry(name).or_insert((member, doubt));
                }
                self.strangers.extend(weighed.strangers);
            }
            (Some(Speaks::Attestation { .. }), _) | (None, None) => {}
            // Evidence of another kind: proofs, inventories, whatever people attach.
            (None, Some(Refusal::NotRead(_))) if examined.form == Form::Other => {}
            (Some(Speaks::Signature) | None, Some(why)) => {
                let vouched = matches!(why, Refusal::NotVouched(_));
                let told = (evidence.manifest.digest, format!("{}: {why}", examined.form), vouched);
                self.refused.push(told);
            }
        }
    }
}

impl<'a> Seen<'a> {
    /// The signers that count, one signature each.
    fn counted(&self) -> BTreeMap<&Signer, &(Counted<'a>, Digest)> {
        let mut counted = BTreeMap::new();
        for one in self.good.values() {
            counted.entry(&one.0.signer).or_insert(one);
        }
        counted
    }
}

/// What the verdict is drawn from.
struct Judgement<'a> {
    docket: &'a Docket<'a>,
    settings: &'a Settings,
    wanted: &'a Wanted,
    signers: Signers<'a>,
    seen: Seen<'a>,
}

impl Judgement<'_> {
    fn asked_for(&self, between: &str) -> String {
        let notary = "whom the trust policy of the Notary Project admits";
        match (self.settings.notation, self.wanted.asked_for(self.docket.edition, between)) {
            (false, asked) => asked,
            (true, asked) if asked == "nobody" => notary.to_owned(),
            (true, asked) => format!("{asked}{between}{notary}"),
        }
    }

    fn conclude(&self, was_blind: bool, mut findings: Vec<Finding>) -> Verdict {
        let seen = &self.seen;
        let counted = seen.counted();
        let enough = counted.len() >= self.settings.required;
        let expected = self.asked_for(" or ");
        // Who did not count does not block when there are enough others.
        let effect = |mut found: Finding| {
            found.effect = if enough { Effect::Advise } else { found.effect };
            found
        };
        let doubted = seen.doubted.iter().filter(|(name, _)| !seen.good.contains_key(*name));
        let asked = &self.signers.asked;
        findings
            .extend(doubted.map(|(_, (member, doubt))| effect(explain(*member, doubt, asked, &expected))));
        for (counted, _) in seen.good.values() {
            let due = counted.member.and_then(|by| rotation_due(by, asked, self.settings.warn_days));
            findings.extend(due);
        }
        findings.extend(seen.refused.iter().map(|(evidence, why, vouch)| not_counted(evidence, why, *vouch)));
        findings.extend(seen.told.iter().cloned());
        if !enough {
            findings.extend(self.others());
            findings.extend(seen.strangers.iter().map(|(holder, why)| self.stranger(holder, why)));
            findings.push(self.missing(counted.len()));
        }
        let mut relied_on = Vec::new();
        for (counted, evidence) in counted.values() {
            relied_on.extend(counted.relied_on.iter().cloned().chain([Relied::Evidence(*evidence)]));
        }
        let names: Vec<_> = counted.values().map(|(counted, _)| counted.name.as_str()).collect();
        let unknown = !enough && self.docket.lacks_evidence(GATE.name);
        let summary = if names.is_empty() && unknown {
            format!("{UNAVAILABLE}: a signature by {} may be there", self.asked_for(", "))
        } else if names.is_empty() {
            format!("no signature by {} counts", self.asked_for(", "))
        } else {
            format!("signed by {} ({} of {} required)", names.join(", "), names.len(), self.settings.required)
        };
        verdict(GATE.name, was_blind || unknown, findings, relied_on, summary)
    }

    /// Keys of the keyring that signed, and that the stage does not ask for.
    fn others(&self) -> Vec<Finding> {
        let case = self.docket.case;
        let unasked = |key: &&_| {
            let member = Signatory::from(*key);
            member.standing.duty.is_some() && !self.wanted.selects(member)
        };
        let others = case.record.keys.iter().filter(unasked).take(OTHERS);
        let others: Vec<Usable<'_>> = others.filter_map(|key| Usable::read(self.docket, key)).collect();
        let named: Vec<_> = others.iter().map(Usable::named).collect();
        let refused: BTreeSet<_> = self.seen.refused.iter().map(|(evidence, ..)| *evidence).collect();
        let tried = case.record.evidence.iter().filter(|one| refused.contains(&one.manifest.digest));
        let (mut signed, reading) = (BTreeSet::new(), self.docket.edition.reading());
        for evidence in tried.take(PIECES) {
            let Some(carried) = Carried::of(evidence, &case.inputs) else { continue };
            let examined = examine(&carried, &Believed { reading, ..Believed::keys(&named) });
            let good = examined.into_iter().filter(|one| one.speaks == Some(Speaks::Signature));
            signed.extend(good.filter(|one| one.refusal.is_none()).flat_map(|one| one.by));
        }
        let expected = self.asked_for(" or ");
        let signed = others.iter().filter(|key| signed.contains(&key.trusted.name));
        let told =
            |key: &Usable<'_>| explain(key.trusted.into(), &Doubt::NotAsked, &self.signers.asked, &expected);
        signed.map(told).collect()
    }

    /// A holder of a certificate whom the stage does not ask for.
    fn stranger(&self, holder: &str, why: &str) -> Finding {
        let words = Words {
            title: format!("{holder} signed it; this stage asks for {}: {why}", self.asked_for(" or ")),
            rationale: "anybody can have a certificate in their own name: only the names that are asked for count",
            remediation: format!(
                "let {} sign it; if this is whom you trust, let a keeper of the keyring run: lockgate identity add NAME --issuer URL --subject TEXT --role builder --stages {}",
                self.asked_for(" or "),
                self.docket.case.record.to
            ),
            owner: BUILDERS,
        };
        finding("signature.holder-not-asked", Severity::Medium, Effect::Pause, holder, words)
    }

    fn missing(&self, counted: usize) -> Finding {
        let record = &self.docket.case.record;
        let (artifact, required) = (record.artifact.digest.to_string(), self.settings.required);
        let seen = &self.seen;
        let is_signed = !seen.doubted.is_empty() || !seen.refused.is_empty() || !seen.strangers.is_empty();
        let by_role = self.wanted.count().is_none() && !self.settings.notation;
        let (code, title) = if counted > 0 {
            ("signature.too-few", format!("{counted} signature(s) count; {required} are required"))
        } else if by_role && !self.signers.is_anybody() {
            let role = self.wanted.role.map(Role::as_str).unwrap_or_default();
            ("signature.no-keys", format!("nobody could have signed it: there is no {role} of the keyring"))
        } else if is_signed {
            let asked = self.asked_for(", ");
            ("signature.untrusted", format!("it is signed, but not by {asked} as this stage asks"))
        } else if self.docket.lacks_evidence(GATE.name) {
            ("signature.unavailable", format!("{UNAVAILABLE}: whether it is signed is not known"))
        } else {
            let title = self.docket.edition.say("nobody signed it", "no signature found");
            ("signature.missing", title.to_owned())
        };
        let asked = self.asked_for(" or ");
        let how = match (&self.wanted.keys, &self.wanted.identities, self.settings.notation) {
            (None, Some(_), _) => {
                format!(
                    "as {asked}: lockgate sign IMAGE@{artifact} --keyless (or cosign sign IMAGE@{artifact})"
                )
            }
            (None, None, true) if self.wanted.role.is_none() => {
                format!("as one {asked}: notation sign IMAGE@{artifact}")
            }
            _ => format!(
                "with the key of {asked}: lockgate sign IMAGE@{artifact} --key KEY (or cosign sign --key KEY IMAGE@{artifact})"
            ),
        };
        let first = if code == "signature.unavailable" {
            "judge again when the registry answers; if it is not signed, "
        } else {
            ""
        };
        let remediation = format!("{first}let the build of {} sign it, {how}", record.service);
        let words = Words { title, rationale: WHY, remediation, owner: BUILDERS };
        finding(code, Severity::Critical, Effect::Pause, &artifact, words)
    }
}

/// Tells of a signature that does not count. `nobody_vouches`: for whoever made it.
fn not_counted(evidence: &Digest, why: &str, nobody_vouches: bool) -> Finding {
    let fix = if nobody_vouches {
        "if it should count, name who vouches for its signer under `trust` in lockgate.yaml; else remove it from the registry"
    } else {
        "if it should count, name its key in lockgate.yaml; else remove it from the registry"
    };
    let words = Words {
        title: format!("a signature does not count: {why}"),
        rationale: WHY,
        remediation: fix.to_owned(),
        owner: KEEPERS,
    };
    finding("signature.not-counted", Severity::Info, Effect::Advise, &evidence.to_string(), words)
}
