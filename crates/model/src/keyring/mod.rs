//! The keyring: whose signatures count, for what, where and when. Every change of it is a ledger entry; the keyring
//! itself is what folding those entries gives, at any size of the ledger.

mod duty;
mod fold;
mod published;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canon;
use crate::digest::Digest;
use crate::time::Timestamp;

pub use duty::{APART, Duty, Role, Stages, StagesError};
pub use fold::Refusal;
pub use published::{Lack, Published, PublishedError, PublishedMember, PublishedRevocation};
pub use subject::{Subject, SubjectError};

/// What the issuer of an identity begins with where an instance of Sigstore itself stands for it, because its certificates
/// name no issuer: the instance's name follows. No address of an issuer begins so.
pub const INSTANCE_ISSUER: &str = "sigstore:";

/// What signs: a key, or whoever an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Credential {
    /// A public key.
    Key {
        /// Digest of its `SubjectPublicKeyInfo` in DER: what it is known by wherever names may differ.
        id: Digest,
        /// The key itself, `PUBLIC KEY` in PEM.
        pem: String,
    },
    /// An identity that an OpenID Connect issuer vouches for.
    Identity {
        /// The issuer, exactly as its tokens name it, or [`INSTANCE_ISSUER`] and the name of an instance.
        issuer: String,
        /// Which of its subjects.
        subject: Subject,
    },
}

impl Credential {
    /// What it is known by wherever names may differ: the digest of a key's DER bytes, or of the canonical JSON that
    /// names issuer and subject.
    pub fn id(&self) -> Digest {
        match self {
            Self::Key { id, .. } => *id,
            // Names always have canonical bytes.
            Self::Identity { issuer, subject } => {
                let named = BTreeMap::from([("issuer", issuer.as_str()), (subject.kind(), subject.as_str())]);
                Digest::of(&canon::to_bytes(&named).unwrap_or_default())
            }
        }
    }
}

/// A key or identity, as it was added to the keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name: gate settings and commands use it.
    pub name: String,
    /// What signs.
    pub credential: Credential,
    /// Whose it is, and what for.
    pub duty: Duty,
    /// First instant at which it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// First instant at which it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// A change of the keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeyringChange {
    /// A key or identity was added.
    Added(Box<Member>),
    /// A new key took its place beside an old one, with the same owner, roles, stages and cadence.
    Rotated(Rotated),
    /// No signature counts any more that is not proven to be older than this entry. What it vouched for stays.
    Retired {
        /// The member's name.
        name: String,
    },
    /// Someone asks a second person to revoke.
    RevocationProposed(Revoking),
    /// It is not to be believed: from an instant on, or at all.
    Revoked(Revoking),
}

/// A new key beside an old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The old key's name.
    pub old: String,
    /// The new key's name.
    pub new: String,
    /// Digest of the new key, as [`Credential::Key`] has it.
    pub id: Digest,
    /// The new key, PEM.
    pub pem: String,
    /// First instant at which the new key no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Until then both count; then the old one is retired.
    pub overlap_until: Timestamp,
}

/// What is said when a member is revoked, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoking {
    /// The member's name.
    pub name: String,
    /// The instant from which others may have signed with it. Signatures proven to be older go on counting; without
    /// an instant, none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// What had relied on it: a [`crate::blast_radius::BlastRadius`] by the digest of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blast_radius: Option<Digest>,
}

/// Where in the ledger something was said, when, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Place of the entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
}

/// What was said about revoking, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokingSaid {
    /// By whom.
    pub said: Said,
    /// What.
    pub what: Revoking,
}

/// A member as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRow {
    /// The entry that added it.
    pub added: Said,
    /// Place of the entry that changed it last.
    pub changed: u64,
    /// What was added.
    pub member: Member,
    /// The key whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// First instant from which no new signature counts; it may be yet to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// The latest proposal to revoke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<RevokingSaid>,
    /// The revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<RevokingSaid>,
}

/// How a member stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its time has not come.
    Waiting,
    /// It counts.
    Usable,
    /// Its time is over.
    Expired,
    /// It was retired.
    Retired,
    /// It was revoked.
    Revoked,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Usable => "usable",
            Self::Expired => "expired",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        })
    }
}

impl MemberRow {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.member.name
    }

    /// What it is known by wherever names may differ.
    pub fn id(&self) -> Digest {
        self.member.credential.id()
    }

    /// The digest of a key; none for an identity.
    pub fn key_id(&self) -> Option<Digest> {
        match &self.member.credential {
            Credential::Key { id, .. } => Some(*id),
            Credential::Identity { .. } => None,
        }
    }

    /// How it stands at `at`.
    pub fn state(&self, at: Timestamp) -> State {
        if self.revoked.is_some() {
            State::Revoked
        } else if self.retired_at.is_some_and(|retired| at >= retired) {
            State::Retired
        } else if self.member.valid_until.is_some_and(|until| at >= until) {
            State::Expired
        } else if self.member.valid_from.is_some_and(|from| at < from) {
            State::Waiting
        } else {
            State::Usable
        }
    }

    /// Whether it counts at `at`, or will.
    pub fn counts(&self, at: Timestamp) -> bool {
        matches!(self.state(at), State::Usable | State::Waiting)
    }

    /// The first instant at which it no longer counts, as far as that is known.
    pub fn counts_until(&self) -> Option<Timestamp> {
        let revoked = self.revoked.as_ref().map(|revoked| revoked.said.at);
        [self.member.valid_until, self.retired_at, revoked].into_iter().flatten().min()
    }

    /// Since when it is in use: what its cadence counts from.
    pub fn in_use_since(&self) -> Timestamp {
        self.member.valid_from.map_or(self.added.at, |from| from.max(self.added.at))
    }
}

/// The members by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyring {
    members: BTreeMap<String, MemberRow>,
}

impl Keyring {
    /// The keyring of these rows.
    pub fn of(rows: impl IntoIterator<Item = MemberRow>) -> Self {
        Self { members: rows.into_iter().map(|row| (row.name().to_owned(), row)).collect() }
    }

    /// The members, by name.
    pub fn rows(&self) -> impl Iterator<Item = &MemberRow> {
        self.members.values()
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&MemberRow> {
        self.members.get(name)
    }
}
