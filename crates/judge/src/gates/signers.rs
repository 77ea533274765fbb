//! Whom a gate asks for - keys and identities by name, or by a role of the keyring - and who of those that signed
//! something counts.

use std::collections::BTreeMap;

use lockgate_attest::sigstore::{Claim, Identity, IdentityRule, Pattern};
use lockgate_attest::verify::{Believed, Carried, Examined, UnreadStatement, Vouched, examine};
use lockgate_model::case::{Revocation, TrustedIdentity};
use lockgate_model::keyring::Role;
use lockgate_model::{CaseRecord, Digest, Evidence, Finding, Relied, canon};
use serde::Deserialize;

use super::Docket;
use super::keys::{Usable, revocations, usable};
use super::roots::Roots;
use super::standing::{Asked, Doubt, Signatory, doubt};
use crate::edition::Edition;
use crate::findings::blind;
use crate::settings::SettingsError;

/// Whom settings ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Wanted {
    /// Names of keys.
    #[serde(default)]
    pub(super) keys: Option<Vec<String>>,
    /// Names of identities of the keyring.
    #[serde(default)]
    pub(super) identities: Option<Vec<String>>,
    /// Every key and identity of the keyring with that role; with names, the role that they must have.
    #[serde(default)]
    pub(super) role: Option<Role>,
    /// What certificates of identities must say besides: exactly, or by a pattern with stars. `{service}` is the service.
    #[serde(default)]
    pub(super) claims: BTreeMap<Claim, String>,
}

impl Wanted {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let error = |path: &str, message: String| Err(SettingsError { path: path.to_owned(), message });
        if self.keys.is_none() && self.identities.is_none() && self.role.is_none() {
            let message = "name `keys` or `identities`, or the `role` that members of the keyring must have";
            return error("", message.to_owned());
        }
        for (claim, pattern) in &self.claims {
            if let Err(why) = Pattern::glob(&fill(pattern, "x")) {
                return error(&format!("claims.{}", claim.name()), why.to_string());
            }
        }
        Ok(())
    }

    /// How many are named; nothing when it is for a role to say.
    pub(super) fn count(&self) -> Option<usize> {
        let named = [&self.keys, &self.identities].into_iter().flatten();
        self.by_name().then(|| named.map(Vec::len).sum())
    }

    fn by_name(&self) -> bool {
        self.keys.is_some() || self.identities.is_some()
    }

    /// Whom it asks for, for people, with `between` between names.
    pub(super) fn asked_for(&self, edition: Edition, between: &str) -> String {
        let names: Vec<&str> =
            [&self.keys, &self.identities].into_iter().flatten().flatten().map(String::as_str).collect();
        match (names.is_empty(), self.role) {
            (true, Some(role)) => format!("{} of the keyring", one_of(edition, role)),
            (true, None) => "nobody".to_owned(),
            (false, _) => names.join(between),
        }
    }

    /// Whether it asks for this member.
    pub(super) fn selects(&self, member: Signatory<'_>) -> bool {
        let names = if member.what == "key" { &self.keys } else { &self.identities };
        if self.by_name() {
            return names.iter().flatten().any(|name| name == member.name);
        }
        let duty = member.standing.duty.as_ref();
        self.role.is_some_and(|role| duty.is_some_and(|duty| duty.roles.contains(&role)))
    }
}

/// A role with its article.
fn one_of(edition: Edition, role: Role) -> String {
    let vowel = edition.say(false, role.as_str().starts_with(['a', 'e', 'i', 'o', 'u']));
    format!("{} {role}", if vowel { "an" } else { "a" })
}

/// A setting with the service's name in it.
pub(super) fn fill(setting: &str, service: &str) -> String {
    setting.replace("{service}", service)
}

/// Who signs: whoever counts signers counts these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Signer {
    /// A key that nobody is known to own.
    Key(Digest),
    /// Two keys or identities of one owner are one signer, so that whoever rotates a key is not two people for as long as
    /// the overlap lasts.
    Owner(String),
    /// The subject of a certificate that a trust policy of the Notary Project admits.
    Subject(String),
}

/// A signer that counts.
pub(super) struct Counted<'a> {
    pub(super) signer: Signer,
    /// Its name, for people.
    pub(super) name: String,
    /// The member of the keyring, or key of `lockgate.yaml`.
    pub(super) member: Option<Signatory<'a>>,
    /// Digest of the key, when it is one.
    pub(super) key: Option<Digest>,
    /// What it rests on.
    pub(super) relied_on: Vec<Relied>,
}

/// What came of asking who signed one thing.
#[derive(Default)]
pub(super) struct Weighed<'a> {
    pub(super) counted: Vec<Counted<'a>>,
    /// Members that are asked for, signed it, and do not count.
    pub(super) doubted: Vec<(Signatory<'a>, Doubt)>,
    /// Holders of certificates that nobody asked for: who, and why they are none of those that are asked for.
    pub(super) strangers: Vec<(String, String)>,
}

/// Whom the gate asks for, read from the Case.
pub(super) struct Signers<'a> {
    docket: &'a Docket<'a>,
    wanted: &'a Wanted,
    record: &'a CaseRecord,
    keys: Vec<Usable<'a>>,
    revoked: BTreeMap<Digest, Revocation>,
    roots: Roots<'a>,
    pub(super) asked: Asked<'a>,
}

impl<'a> Signers<'a> {
    /// Reads them; what cannot be used is a finding that blinds the gate. `vouching`: the roles of which a member that is
    /// named must have one.
    pub(super) fn read(
        docket: &'a Docket<'_>,
        gate: &'static str,
        wanted: &'a Wanted,
        vouching: &'a [Role],
        roots: Roots<'a>,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let record = &docket.case.record;
        let selected = record.keys.iter().filter(|key| wanted.selects((*key).into()));
        let names: Vec<&str> = match (&wanted.keys, wanted.by_name()) {
            (Some(keys), _) => keys.iter().map(String::as_str).collect(),
            (None, true) => vec![],
            (None, false) => selected.map(|key| key.name.as_str()).collect(),
        };
        let keys = usable(docket, gate, names, findings);
        for name in wanted.identities.iter().flatten() {
            if !record.identities.iter().any(|identity| identity.name == *name) {
                let fix = format!("lockgate identity add {name}, or correct the gate in lockgate.yaml");
                let why = format!("the keyring has no identity of the name `{name}`");
                findings.push(blind(&format!("{gate}.identity-unusable"), name, why, fix));
            }
        }
        let roles = wanted.role.as_ref().map_or(vouching, std::slice::from_ref);
        let asked = Asked::of(gate, record, roles);
        Self { docket, wanted, record, keys, revoked: revocations(docket), roots, asked }
    }

    /// Whether the Case has anybody that the gate asks for.
    pub(super) fn is_anybody(&self) -> bool {
        self.asked.all.iter().any(|member| self.wanted.selects(*member))
    }

    /// Examines a piece of evidence about its subject.
    pub(super) fn examine(&self, carried: &Carried<'_>) -> Vec<Examined> {
        self.examine_with(carried, &[])
    }

    /// Examines a piece of evidence about its subject, or about one of these commits. Gates that ask the same of the same
    /// evidence, for the same trust, get the answer that was found first.
    pub(super) fn examine_with(&self, carried: &Carried<'_>, commits: &[String]) -> Vec<Examined> {
        let seen = &self.docket.examined;
        let snapshot = self.snapshot(carried.evidence, commits);
        let asked = snapshot.map(|snapshot| (carried.evidence.manifest.digest, snapshot));
        if let Some(known) = asked.and_then(|asked| seen.borrow().get(&asked).cloned()) {
            return known;
        }
        let named: Vec<_> = self.keys.iter().map(Usable::named).collect();
        let instances = self.roots.instances();
        let found = examine(carried, &Believed { commits, ..self.roots.believed(&named, &instances) });
        if let Some(asked) = asked {
            seen.borrow_mut().insert(asked, found.clone());
        }
        found
    }

    /// The digest of everything besides the evidence's own bytes on which examining it rests.
    fn snapshot(&self, evidence: &Evidence, commits: &[String]) -> Option<Digest> {
        let keys: Vec<(&str, Digest)> =
            self.keys.iter().map(|key| (key.trusted.name.as_str(), key.key.id())).collect();
        let notary = self.record.notary.as_ref().filter(|_| self.roots.has_notary());
        let asked = (evidence, &self.record.artifact, keys, &self.record.sigstore, notary, commits);
        canon::to_bytes(&asked).ok().map(|bytes| Digest::of(&bytes))
    }

    /// Asks who made what was examined.
    pub(super) fn weigh(&self, examined: &Examined) -> Weighed<'a> {
        let mut weighed = Weighed::default();
        for key in self.keys.iter().filter(|key| examined.by.contains(&key.trusted.name)) {
            let (member, id) = (Signatory::from(key.trusted), key.key.id());
            let revoked = member.standing.revoked.or_else(|| self.revoked.get(&id).copied());
            match doubt(member, revoked, examined.proven_at, &self.asked) {
                Some(doubt) => weighed.doubted.push((member, doubt)),
                None => weighed.counted.push(Counted {
                    signer: owner(member).unwrap_or(Signer::Key(id)),
                    name: member.name.to_owned(),
                    member: Some(member),
                    key: Some(id),
                    relied_on: vec![Relied::Key(member.name.to_owned(), id)],
                }),
            }
        }
        match &examined.vouched {
            Some(Vouched::Holder { instance, identity }) => {
                self.weigh_holder(instance, identity, examined, &mut weighed);
            }
            Some(Vouched::Subject { policy, name }) => weighed.counted.push(Counted {
                signer: Signer::Subject(name.clone()),
                name: name.clone(),
                member: None,
                key: None,
                relied_on: self.roots.relied_on_policy(policy).into_iter().collect(),
            }),
            None => {}
        }
        weighed
    }

    /// Asks who made a statement that cannot be read.
    pub(super) fn weigh_unread(&self, examined: &Examined, unread: &UnreadStatement) -> Weighed<'a> {
        self.weigh(&Examined { by: unread.by.clone(), ..examined.clone() })
    }

    fn weigh_holder(
        &self,
        instance: &str,
        holder: &Identity,
        examined: &Examined,
        weighed: &mut Weighed<'a>,
    ) {
        let (mut known, mut reasons) = (false, Vec::new());
        for identity in self.record.identities.iter().filter(|one| self.wanted.selects((*one).into())) {
            if let Err(why) = self.admits(identity, holder) {
                reasons.push(format!("{}: {why}", identity.name));
                continue;
            }
            known = true;
            let member = Signatory::from(identity);
            match doubt(member, self.revocation(identity, holder), examined.proven_at, &self.asked) {
                Some(doubt) => weighed.doubted.push((member, doubt)),
                None => weighed.counted.push(Counted {
                    signer: owner(member).unwrap_or_else(|| Signer::Subject(holder.to_string())),
                    name: format!("{} ({})", member.name, holder.subject.name),
                    member: Some(member),
                    key: None,
                    relied_on: std::iter::once(Relied::Identity(member.name.to_owned(), identity.id()))
                        .chain(self.roots.relied_on(instance))
                        .collect(),
                }),
            }
        }
        if !known {
            let why = match reasons.as_slice() {
                [] => "no identity is asked for".to_owned(),
                reasons => reasons.iter().take(REASONS).cloned().collect::<Vec<_>>().join("; "),
            };
            weighed.strangers.push((holder.to_string(), why));
        }
    }

    fn admits(&self, identity: &TrustedIdentity, holder: &Identity) -> Result<(), String> {
        let mut claims = BTreeMap::new();
        for (claim, pattern) in &self.wanted.claims {
            let pattern = Pattern::glob(&fill(pattern, self.record.service.as_str()));
            claims.insert(*claim, pattern.map_err(|error| error.to_string())?);
        }
        rule(identity, claims)?.admits(holder)
    }

    /// What is known about the holder, under whichever name of the keyring: the revocation that says most.
    fn revocation(&self, identity: &TrustedIdentity, holder: &Identity) -> Option<Revocation> {
        let others = self.record.identities.iter().filter(|other| {
            let covers = || rule(other, BTreeMap::new()).is_ok_and(|rule| rule.admits(holder).is_ok());
            other.standing.revoked.is_some() && (other.name == identity.name || covers())
        });
        others.filter_map(|other| other.standing.revoked).min_by_key(|revoked| revoked.compromised_since)
    }
}

/// Reasons that are told why a holder is none of those that are asked for.
const REASONS: usize = 3;

fn owner(member: Signatory<'_>) -> Option<Signer> {
    member.standing.duty.as_ref().map(|duty| Signer::Owner(duty.owner.clone()))
}

fn rule(identity: &TrustedIdentity, claims: BTreeMap<Claim, Pattern>) -> Result<IdentityRule, String> {
    let issuer = Pattern::exact(&identity.issuer).map_err(|error| error.to_string())?;
    let subject = Pattern::of_subject(&identity.subject).map_err(|error| error.to_string())?;
    Ok(IdentityRule { issuer, subject, kind: None, claims })
}
