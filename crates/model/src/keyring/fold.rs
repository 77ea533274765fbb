//! Folding changes into the keyring, and the rules that refuse them.

use data_encoding::BASE64;

use super::{
    Credential, INSTANCE_ISSUER, Keyring, KeyringChange, Member, MemberRow, Revoking, RevokingSaid, Role,
    Rotated, Said, State,
};
use crate::digest::Digest;
use crate::limits;
use crate::route::StageName;
use crate::time::Timestamp;

/// Longest cadence, in days.
const CADENCE_DAYS: u32 = 3660;

/// The rule of the keyring that a change would break.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not well made.
    #[error("`{name}`: {why}")]
    Malformed {
        /// The member.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another member has that name, now or in the past.
    #[error("the keyring has a member `{0}` already; names are never used again")]
    NameTaken(String),
    /// The same key, or the same issuer and subject, has another name.
    #[error("`{name}` is in the keyring already, as `{known}`")]
    Known {
        /// The name it was to have.
        name: String,
        /// The name it has.
        known: String,
    },
    /// No member has that name.
    #[error("the keyring has no member `{name}`; it has {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// It was retired, rotated or revoked before.
    #[error("`{name}` was {done} at {at} already")]
    Over {
        /// The member.
        name: String,
        /// `retired`, `rotated` or `revoked`.
        done: &'static str,
        /// When.
        at: Timestamp,
    },
    /// Dates are the wrong way round.
    #[error("`{name}`: {why}")]
    Dates {
        /// The member.
        name: String,
        /// Which.
        why: String,
    },
    /// Only keys are rotated.
    #[error("`{0}` is an identity: identities are not rotated; add another one and retire this one")]
    NoKey(String),
    /// One member would hold both ends.
    #[error("`{name}` cannot be both {one} and {two} (separation of duties)")]
    BothEnds {
        /// The member.
        name: String,
        /// One role.
        one: Role,
        /// The other role.
        two: Role,
    },
    /// One owner would hold both ends.
    #[error(
        "{owner} cannot be {role} by `{name}` and {other_role} by `{other}` for the same stage (separation of duties)"
    )]
    NotApart {
        /// Whose they are.
        owner: String,
        /// The new member.
        name: String,
        /// Its role.
        role: Role,
        /// The other member.
        other: String,
        /// Its role.
        other_role: Role,
    },
    /// It is the last of a role, and nobody else has proposed to revoke it.
    #[error("without `{name}` nobody usable is left as {role}: a second person must agree, and {why}")]
    SecondPerson {
        /// The member.
        name: String,
        /// The role.
        role: Role,
        /// What is missing.
        why: String,
    },
    /// Too many members.
    #[error("the keyring has {limit} members, as many as it may have", limit = limits::KEYRING_MEMBERS)]
    Full,
}

impl Refusal {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Malformed { .. } | Self::Dates { .. } => "correct it, then try again".to_owned(),
            Self::NameTaken(name) => format!("take another name, such as {name}-2"),
            Self::Known { known, .. } => {
                format!(
                    "`lockgate key show {known}` shows it; what it may do is settled when it is added: for something else, make a new key"
                )
            }
            Self::Unknown { .. } => "`lockgate key list` and `lockgate identity list` list them".to_owned(),
            Self::Over { name, .. } => {
                format!("`lockgate key show {name}` says what happened to it; add a new one in its place")
            }
            Self::NoKey(name) => format!("lockgate identity retire {name}"),
            Self::BothEnds { .. } => "make two keys, in two people's hands".to_owned(),
            Self::NotApart { other, .. } => {
                format!(
                    "give it to someone else, to other stages, or retire `{other}` first: lockgate key retire {other}"
                )
            }
            Self::SecondPerson { name, .. } => format!(
                "propose it: lockgate key revoke {name} --propose ...; someone else then runs: lockgate key revoke {name} --confirm. At once and alone you can stop what it signs from now on: lockgate key retire {name}"
            ),
            Self::Full => "begin a new workspace, or ask for a higher limit".to_owned(),
        }
    }
}

impl Keyring {
    /// Makes `change`, which was said in the ledger, and tells which members changed. On a refusal nothing has.
    pub fn apply(&mut self, said: &Said, change: &KeyringChange) -> Result<Vec<String>, Refusal> {
        let changed = match change {
            KeyringChange::Added(member) => self.add(said, (**member).clone(), None).map(|name| vec![name]),
            KeyringChange::Rotated(rotated) => self.rotate(said, rotated),
            KeyringChange::Retired { name } => self.retire(said, name),
            KeyringChange::RevocationProposed(revoking) => self.propose(said, revoking),
            KeyringChange::Revoked(revoking) => self.revoke(said, revoking),
        }?;
        for name in &changed {
            if let Some(row) = self.members.get_mut(name) {
                row.changed = said.seq;
            }
        }
        Ok(changed)
    }

    fn add(&mut self, said: &Said, member: Member, replaces: Option<String>) -> Result<String, Refusal> {
        check(said, &member)?;
        if self.members.len() >= limits::KEYRING_MEMBERS {
            return Err(Refusal::Full);
        }
        let name = member.name.clone();
        if self.members.contains_key(&name) {
            return Err(Refusal::NameTaken(name));
        }
        if let Some(known) = self.rows().find(|row| same(&row.member.credential, &member.credential)) {
            return Err(Refusal::Known { name, known: known.name().to_owned() });
        }
        let row = MemberRow {
            added: said.clone(),
            changed: said.seq,
            member,
            replaces,
            replaced_by: None,
            retired_at: None,
            proposed: None,
            revoked: None,
        };
        self.check_apart(&row)?;
        self.members.insert(name.clone(), row);
        Ok(name)
    }

    /// No one owner holds both ends for a stage at one time.
    fn check_apart(&self, new: &MemberRow) -> Result<(), Refusal> {
        if let Some((one, two)) = new.member.duty.both_ends() {
            return Err(Refusal::BothEnds { name: new.name().to_owned(), one, two });
        }
        for row in self.rows().filter(|row| together(new, row)) {
            if let Some((role, other_role)) = new.member.duty.clash(&row.member.duty) {
                return Err(Refusal::NotApart {
                    owner: new.member.duty.owner.clone(),
                    name: new.name().to_owned(),
                    role,
                    other: row.name().to_owned(),
                    other_role,
                });
            }
        }
        Ok(())
    }

    fn rotate(&mut self, said: &Said, rotated: &Rotated) -> Result<Vec<String>, Refusal> {
        let old = self.living(said, &rotated.old)?.clone();
        if old.key_id().is_none() {
            return Err(Refusal::NoKey(rotated.old.clone()));
        }
        if let Some(retired) = old.retired_at {
            return Err(Refusal::Over { name: rotated.old.clone(), done: "rotated", at: retired });
        }
        if rotated.overlap_until <= said.at {
            let why = format!("the overlap ends at {}, before it begins", rotated.overlap_until);
            return Err(Refusal::Dates { name: rotated.old.clone(), why });
        }
        let member = Member {
            name: rotated.new.clone(),
            credential: Credential::Key { id: rotated.id, pem: rotated.pem.clone() },
            duty: old.member.duty.clone(),
            valid_from: None,
            valid_until: rotated.valid_until,
        };
        let new = self.add(said, member, Some(rotated.old.clone()))?;
        if let Some(row) = self.members.get_mut(&rotated.old) {
            row.replaced_by = Some(new.clone());
            row.retired_at = Some(rotated.overlap_until);
        }
        Ok(vec![rotated.old.clone(), new])
    }

    /// One that was rotated may be retired before its overlap ends.
    fn retire(&mut self, said: &Said, name: &str) -> Result<Vec<String>, Refusal> {
        self.living(said, name)?;
        if let Some(row) = self.members.get_mut(name) {
            row.retired_at = Some(said.at);
        }
        Ok(vec![name.to_owned()])
    }

    fn propose(&mut self, said: &Said, revoking: &Revoking) -> Result<Vec<String>, Refusal> {
        self.check_revoking(said, revoking)?;
        if let Some(row) = self.members.get_mut(&revoking.name) {
            row.proposed = Some(RevokingSaid { said: said.clone(), what: revoking.clone() });
        }
        Ok(vec![revoking.name.clone()])
    }

    fn revoke(&mut self, said: &Said, revoking: &Revoking) -> Result<Vec<String>, Refusal> {
        let row = self.check_revoking(said, revoking)?;
        if let Some(role) = self.last_of(row, said.at) {
            let why = match &row.proposed {
                None => "nobody has proposed it".to_owned(),
                Some(proposal) if proposal.said.actor == said.actor => {
                    format!("{} proposed it: it takes someone else", said.actor)
                }
                Some(proposal) if proposal.what.compromised_since != revoking.compromised_since => {
                    "what was proposed has another date".to_owned()
                }
                Some(_) => String::new(),
            };
            if !why.is_empty() {
                return Err(Refusal::SecondPerson { name: revoking.name.clone(), role, why });
            }
        }
        if let Some(row) = self.members.get_mut(&revoking.name) {
            row.revoked = Some(RevokingSaid { said: said.clone(), what: revoking.clone() });
            row.proposed = None;
        }
        Ok(vec![revoking.name.clone()])
    }

    /// Whether it can be revoked so. One that was revoked before can be revoked for longer: whoever finds out more
    /// must be able to say it.
    fn check_revoking(&self, said: &Said, revoking: &Revoking) -> Result<&MemberRow, Refusal> {
        let row = self.known(&revoking.name)?;
        let name = || revoking.name.clone();
        if revoking.reason.trim().is_empty() || !is_line(&revoking.reason) {
            let why = format!("a reason is needed: one line of at most {} characters", limits::NAME_CHARS);
            return Err(Refusal::Malformed { name: name(), why });
        }
        if let Some(since) = revoking.compromised_since.filter(|since| *since > said.at) {
            let why = format!("it cannot be compromised since {since}, which is yet to come");
            return Err(Refusal::Dates { name: name(), why });
        }
        if let Some(before) = &row.revoked
            && !earlier(revoking.compromised_since, before.what.compromised_since)
        {
            return Err(Refusal::Over { name: name(), done: "revoked", at: before.said.at });
        }
        Ok(row)
    }

    /// The first role of which nobody usable is left without `row`.
    fn last_of(&self, row: &MemberRow, at: Timestamp) -> Option<Role> {
        let kind = row.key_id().is_some();
        let others = || {
            let other = |one: &&MemberRow| one.name() != row.name() && one.key_id().is_some() == kind;
            self.rows().filter(other).filter(|one| one.state(at) == State::Usable)
        };
        let alone = |role: &&Role| !others().any(|one| one.member.duty.roles.contains(role));
        row.member.duty.roles.iter().find(alone).copied()
    }

    fn known(&self, name: &str) -> Result<&MemberRow, Refusal> {
        self.get(name).ok_or_else(|| {
            let names: Vec<_> = self.members.keys().take(20).map(|name| format!("`{name}`")).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Refusal::Unknown { name: name.chars().take(100).collect(), known }
        })
    }

    /// The member of that name, unless it was revoked or retired before.
    fn living(&self, said: &Said, name: &str) -> Result<&MemberRow, Refusal> {
        let row = self.known(name)?;
        if let Some(revoked) = &row.revoked {
            return Err(Refusal::Over { name: name.to_owned(), done: "revoked", at: revoked.said.at });
        }
        match row.retired_at.filter(|retired| *retired <= said.at) {
            Some(at) => Err(Refusal::Over { name: name.to_owned(), done: "retired", at }),
            None => Ok(row),
        }
    }
}

/// Whether what was compromised since `one` distrusts more than since `other`; without an instant it is all of it.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one < other,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// Whether it is the same key, or the same issuer and subject.
pub(super) fn same(one: &Credential, two: &Credential) -> bool {
    match (one, two) {
        (Credential::Key { id, .. }, Credential::Key { id: other, .. }) => id == other,
        _ => one == two,
    }
}

/// Whether there is an instant at which both count.
fn together(one: &MemberRow, two: &MemberRow) -> bool {
    let before = |row: &MemberRow, from: Timestamp| row.counts_until().is_none_or(|until| from < until);
    before(one, two.in_use_since()) && before(two, one.in_use_since())
}

/// Whether a member is well made.
fn check(said: &Said, member: &Member) -> Result<(), Refusal> {
    let malformed = |why: String| Refusal::Malformed { name: member.name.chars().take(100).collect(), why };
    if member.name.parse::<StageName>().is_err() {
        return Err(malformed(
            "a name has 1 to 63 lower-case letters, digits and `-`, and begins and ends with one of the former".to_owned(),
        ));
    }
    let duty = &member.duty;
    if duty.owner.trim().is_empty() || !is_line(&duty.owner) {
        return Err(malformed(format!(
            "an owner is needed: one line of at most {} characters",
            limits::NAME_CHARS
        )));
    }
    if duty.roles.is_empty() {
        return Err(malformed("it has no role, and would serve nothing".to_owned()));
    }
    if duty.rotate_every_days.is_some_and(|days| days == 0 || days > CADENCE_DAYS) {
        return Err(malformed(format!("a cadence has 1 to {CADENCE_DAYS} days")));
    }
    match &member.credential {
        Credential::Key { pem, .. } if pem.len() > limits::KEY_BYTES => {
            return Err(malformed(format!("a key has at most {} bytes", limits::KEY_BYTES)));
        }
        Credential::Key { id, pem } if Some(*id) != der(pem).map(|der| Digest::of(&der)) => {
            return Err(malformed("its digest is not that of its key".to_owned()));
        }
        Credential::Key { .. } => {}
        Credential::Identity { issuer, subject } => {
            let named = issuer.starts_with("https://") || is_instance(issuer);
            if !named || !is_line(issuer) || issuer.contains(['*', ' ']) {
                return Err(malformed(format!(
                    "the issuer must be named exactly, such as https://accounts.example.com, or `{INSTANCE_ISSUER}NAME` for certificates without issuer of the instance NAME; this one is `{issuer:.100}`"
                )));
            }
            subject.check().map_err(|error| malformed(error.to_string()))?;
        }
    }
    let dates = |why: String| Err(Refusal::Dates { name: member.name.clone(), why });
    match (member.valid_from, member.valid_until) {
        (_, Some(until)) if until <= said.at => dates(format!("it was valid until {until}, which is past")),
        (Some(from), Some(until)) if until <= from => {
            dates(format!("it is valid until {until}, and from {from} only"))
        }
        _ => Ok(()),
    }
}

/// Whether it stands for the certificates without issuer of one instance of Sigstore.
fn is_instance(issuer: &str) -> bool {
    issuer.strip_prefix(INSTANCE_ISSUER).is_some_and(|name| !name.is_empty() && !name.contains(['@', ':']))
}

/// The bytes in a `PUBLIC KEY` in PEM (RFC 7468, section 13).
fn der(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim_end().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
    let body: String = body.strip_suffix("-----END PUBLIC KEY-----")?.split_ascii_whitespace().collect();
    BASE64.decode(body.as_bytes()).ok()
}

/// One line that is not too long.
fn is_line(text: &str) -> bool {
    text.chars().count() <= limits::NAME_CHARS && !text.chars().any(char::is_control)
}
