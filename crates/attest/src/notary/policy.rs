//! Trust policies: which signatures count for which repository (`trust-store-trust-policy.md`, "Trust Policy").

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::json;
use serde::Deserialize;

use super::store::StoreKind;
use crate::limits;
use crate::x509::Certificate;

/// Why a trust policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not JSON of the shape.
    #[error("the trust policy is malformed: {0}")]
    Malformed(String),
    /// Of a version that is not read.
    #[error("the trust policy has the version `{0}`; 1.0 is read")]
    Version(String),
    /// A level that is not known.
    #[error("trust policy `{policy}`: the level `{level}` is none of strict, permissive and audit{why}")]
    Level {
        /// The policy.
        policy: String,
        /// The level.
        level: String,
        /// What is to be said of it.
        why: &'static str,
    },
    /// What it says of a check is not possible.
    #[error("trust policy `{policy}`: `{check}` cannot be `{action}`")]
    Override {
        /// The policy.
        policy: String,
        /// The check.
        check: String,
        /// What it should be.
        action: String,
    },
    /// A trust store is named wrongly, or none is.
    #[error(
        "trust policy `{policy}`: trust stores are named as `ca:NAME`, `signingAuthority:NAME` or `tsa:NAME`, and there must be one of the first two; found `{found}`"
    )]
    Store {
        /// The policy.
        policy: String,
        /// What was found.
        found: String,
    },
    /// A trusted identity cannot be read, or overlaps another.
    #[error("trust policy `{policy}`: the trusted identity `{identity}` {why}")]
    Identity {
        /// The policy.
        policy: String,
        /// The identity.
        identity: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A scope is there twice, or none is.
    #[error("trust policy `{policy}`: the scope `{scope}` {why}")]
    Scope {
        /// The policy.
        policy: String,
        /// The scope.
        scope: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two policies of one name, or one without.
    #[error("each trust policy needs a name of its own; `{0}` is none")]
    Name(String),
}

/// How much a policy asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every check counts.
    Strict,
    /// Integrity and authenticity count.
    Permissive,
    /// Integrity counts.
    Audit,
}

/// The specification's checks, besides integrity, which always counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Somebody trusted vouches for the signer, and the signer was asked for.
    Authenticity,
    /// The signer's certificates were valid at a trusted time.
    AuthenticTimestamp,
    /// The signature has not expired.
    Expiry,
    /// No certificate was revoked.
    Revocation,
}

impl Check {
    /// Its name in trust policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticity => "authenticity",
            Self::AuthenticTimestamp => "authenticTimestamp",
            Self::Expiry => "expiry",
            Self::Revocation => "revocation",
        }
    }
}

/// What a failed check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The signature does not count.
    Enforce,
    /// It is told.
    Log,
    /// It is not looked at.
    Skip,
}

/// When timestamps are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum VerifyTimestamp {
    /// Always, where the policy names a store for them.
    #[default]
    Always,
    /// Only once a certificate has expired.
    AfterCertExpiry,
}

/// A distinguished name by its attributes.
pub(super) type Name = BTreeMap<String, String>;

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Its name.
    pub name: String,
    /// The repositories it is for; `*` is all that no other policy is for.
    pub scopes: Vec<String>,
    /// Its level.
    pub level: Level,
    actions: BTreeMap<Check, Action>,
    pub(super) verify_timestamp: VerifyTimestamp,
    pub(super) stores: Vec<(StoreKind, String)>,
    /// Nothing means anybody whom the stores vouch for (`*`).
    pub(super) identities: Option<Vec<Name>>,
}

impl TrustPolicy {
    /// What a failure of `check` does.
    pub fn action(&self, check: Check) -> Action {
        let by_level = match (self.level, check) {
            (Level::Strict, _) | (Level::Permissive, Check::Authenticity) => Action::Enforce,
            _ => Action::Log,
        };
        self.actions.get(&check).copied().unwrap_or(by_level)
    }

    /// Whether the policy asks for the holder of `certificate`.
    pub(super) fn asks_for(&self, certificate: &Certificate) -> Result<(), String> {
        let Some(identities) = &self.identities else { return Ok(()) };
        let subject = subject(certificate)?;
        let within = |name: &Name| name.iter().all(|(key, value)| subject.get(key) == Some(value));
        if identities.iter().any(within) {
            return Ok(());
        }
        Err(format!(
            "`{}` is none of the trusted identities of the policy `{}`",
            certificate.subject(),
            self.name
        ))
    }
}

/// The policies of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicies {
    policies: Vec<TrustPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawDocument {
    version: String,
    trust_policies: Vec<RawPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawPolicy {
    name: String,
    registry_scopes: Vec<String>,
    signature_verification: RawVerification,
    #[serde(default)]
    trust_stores: Vec<String>,
    #[serde(default)]
    trusted_identities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawVerification {
    level: String,
    #[serde(default)]
    r#override: BTreeMap<String, String>,
    #[serde(default)]
    verify_timestamp: VerifyTimestamp,
}

impl TrustPolicies {
    /// Reads a `trustpolicy.json` (or `trustpolicy.oci.json`). Unknown fields are refused: a check that is misspelt must
    /// not be a check that is absent.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PolicyError> {
        let raw: RawDocument = json::from_slice(bytes, limits::POLICY_BYTES)
            .map_err(|error| PolicyError::Malformed(error.to_string()))?;
        if raw.version != "1.0" {
            return Err(PolicyError::Version(raw.version.chars().take(40).collect()));
        }
        if raw.trust_policies.is_empty() || raw.trust_policies.len() > limits::POLICY_ITEMS {
            let most = limits::POLICY_ITEMS;
            return Err(PolicyError::Malformed(format!("it must hold 1 to {most} policies")));
        }
        let (mut names, mut scopes, mut policies) = (BTreeSet::new(), BTreeSet::new(), vec![]);
        for raw in raw.trust_policies {
            let policy = policy(raw)?;
            if policy.name.is_empty() || !names.insert(policy.name.clone()) {
                return Err(PolicyError::Name(policy.name));
            }
            for scope in &policy.scopes {
                if !scopes.insert(scope.clone()) {
                    let (policy, scope) = (policy.name, scope.clone());
                    return Err(PolicyError::Scope { policy, scope, why: "is there twice" });
                }
            }
            policies.push(policy);
        }
        Ok(Self { policies })
    }

    /// The policy for a repository, written as `registry/repository`: the one that names it, or the one for all.
    pub fn of(&self, repository: &str) -> Option<&TrustPolicy> {
        let named =
            |scope: &str| self.policies.iter().find(|policy| policy.scopes.iter().any(|one| one == scope));
        named(repository).filter(|_| repository != "*").or_else(|| named("*"))
    }
}

fn policy(raw: RawPolicy) -> Result<TrustPolicy, PolicyError> {
    let name = raw.name;
    let most = raw.registry_scopes.len().max(raw.trust_stores.len()).max(raw.trusted_identities.len());
    if most > limits::POLICY_ITEMS {
        return Err(PolicyError::Malformed(format!(
            "`{name}` lists more than {} of something",
            limits::POLICY_ITEMS
        )));
    }
    check_scopes(&name, &raw.registry_scopes)?;
    let level = level(&name, &raw.signature_verification.level)?;
    let actions = raw.signature_verification.r#override.iter();
    let actions =
        actions.map(|(check, action)| overridden(&name, check, action)).collect::<Result<_, _>>()?;
    let stores = raw.trust_stores.iter().map(|text| store(&name, text)).collect::<Result<Vec<_>, _>>()?;
    if !stores.iter().any(|(kind, _)| *kind != StoreKind::Tsa) {
        return Err(PolicyError::Store { policy: name, found: "none".to_owned() });
    }
    let identities = identities(&name, &raw.trusted_identities)?;
    let verify_timestamp = raw.signature_verification.verify_timestamp;
    Ok(TrustPolicy {
        name,
        scopes: raw.registry_scopes,
        level,
        actions,
        verify_timestamp,
        stores,
        identities,
    })
}

fn check_scopes(policy: &str, scopes: &[String]) -> Result<(), PolicyError> {
    let wrong = |scope: &str, why| {
        Err(PolicyError::Scope { policy: policy.to_owned(), scope: scope.chars().take(200).collect(), why })
    };
    if scopes.is_empty() {
        return wrong("", "is missing: name repositories, or `*`");
    }
    for scope in scopes {
        if scope == "*" {
            if scopes.len() > 1 {
                return wrong(scope, "cannot stand beside others");
            }
            continue;
        }
        let repository =
            scope.split_once('/').is_some_and(|(host, path)| !host.is_empty() && !path.is_empty());
        if !repository || scope.contains(['*', '@']) || scope.contains("://") {
            return wrong(scope, "is no repository, written as `registry/repository`");
        }
    }
    Ok(())
}

fn level(policy: &str, level: &str) -> Result<Level, PolicyError> {
    let why = match level {
        "strict" => return Ok(Level::Strict),
        "permissive" => return Ok(Level::Permissive),
        "audit" => return Ok(Level::Audit),
        "skip" => ": what is not verified does not count here",
        _ => "",
    };
    Err(PolicyError::Level { policy: policy.to_owned(), level: level.chars().take(40).collect(), why })
}

fn overridden(policy: &str, check: &str, action: &str) -> Result<(Check, Action), PolicyError> {
    let wrong = || PolicyError::Override {
        policy: policy.to_owned(),
        check: check.chars().take(40).collect(),
        action: action.chars().take(40).collect(),
    };
    let which = match check {
        "authenticity" => Check::Authenticity,
        "authenticTimestamp" => Check::AuthenticTimestamp,
        "expiry" => Check::Expiry,
        "revocation" => Check::Revocation,
        _ => return Err(wrong()),
    };
    match action {
        "enforce" => Ok((which, Action::Enforce)),
        "log" => Ok((which, Action::Log)),
        "skip" if which == Check::Revocation => Ok((which, Action::Skip)),
        _ => Err(wrong()),
    }
}

fn store(policy: &str, text: &str) -> Result<(StoreKind, String), PolicyError> {
    let read = text.split_once(':').and_then(|(kind, name)| Some((StoreKind::named(kind)?, name)));
    let named = |name: &&str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let read = read.filter(|(_, name)| named(name)).map(|(kind, name)| (kind, name.to_owned()));
    read.ok_or_else(|| PolicyError::Store {
        policy: policy.to_owned(),
        found: text.chars().take(200).collect(),
    })
}

fn identities(policy: &str, texts: &[String]) -> Result<Option<Vec<Name>>, PolicyError> {
    let wrong = |identity: &str, why| PolicyError::Identity {
        policy: policy.to_owned(),
        identity: identity.chars().take(200).collect(),
        why,
    };
    if texts.iter().any(|text| text == "*") {
        return if texts.len() == 1 { Ok(None) } else { Err(wrong("*", "cannot stand beside others")) };
    }
    if texts.is_empty() {
        return Err(wrong("", "is missing: name identities, or `*`"));
    }
    let mut names: Vec<Name> = vec![];
    for text in texts {
        let name = text.strip_prefix("x509.subject:");
        let name = name.ok_or_else(|| wrong(text, "does not start with `x509.subject:`"))?;
        let name = distinguished_name(name).map_err(|why| wrong(text, why))?;
        if ["C", "ST", "O"].iter().any(|key| !name.contains_key(*key)) {
            return Err(wrong(text, "must name country (C), state (ST) and organization (O)"));
        }
        let within = |one: &Name, other: &Name| one.iter().all(|(key, value)| other.get(key) == Some(value));
        if names.iter().any(|other| within(&name, other) || within(other, &name)) {
            return Err(wrong(text, "overlaps another"));
        }
        names.push(name);
    }
    Ok(Some(names))
}

/// Reads a distinguished name (RFC 4514) of single attributes, each once.
fn distinguished_name(text: &str) -> Result<Name, &'static str> {
    let mut name = Name::new();
    for part in split(text)? {
        let (key, value) = part.split_once('=').ok_or("has a part without `=`")?;
        let key = match key.trim().to_ascii_uppercase().as_str() {
            "S" | "ST" => "ST",
            "C" => "C",
            "L" => "L",
            "O" => "O",
            "OU" => "OU",
            "CN" => "CN",
            "STREET" => "STREET",
            _ => return Err("has an attribute that is none of C, ST, L, STREET, O, OU and CN"),
        };
        let value = unescape(value)?;
        if value.is_empty() || name.insert(key.to_owned(), value).is_some() {
            return Err("has an attribute twice, or an empty one");
        }
    }
    Ok(name)
}

/// Splits at commas that are not escaped.
fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let (mut parts, mut part, mut escaped) = (vec![], String::new(), false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            '+' | ';' | '"' | '#' | '<' | '>' => return Err("has a special character that is not escaped"),
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    if escaped { Err("ends with `\\`") } else { Ok(parts) }
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let (mut value, mut chars) = (String::new(), text.trim().chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(special) if !special.is_ascii_alphanumeric() => value.push(special),
                _ => return Err("escapes characters by number, which is not read"),
            },
            _ => value.push(c),
        }
    }
    Ok(value)
}

/// The subject of a certificate by its attributes.
fn subject(certificate: &Certificate) -> Result<Name, String> {
    use der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};

    let mut name = Name::new();
    for rdn in &certificate.inner().tbs_certificate.subject.0 {
        for attribute in rdn.0.iter() {
            let key = match attribute.oid.to_string().as_str() {
                "2.5.4.6" => "C",
                "2.5.4.8" => "ST",
                "2.5.4.7" => "L",
                "2.5.4.9" => "STREET",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "2.5.4.3" => "CN",
                _ => continue,
            };
            let value = &attribute.value;
            let text = (value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned()))
                .or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
                .or_else(|_| value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str().to_owned()))
                .or_else(|_| value.decode_as::<TeletexStringRef<'_>>().map(|text| text.as_str().to_owned()));
            let text = text.map_err(|_| format!("the signer's {key} is no text"))?;
            if name.insert(key.to_owned(), text).is_some() {
                return Err(format!("the signer's name has two {key}"));
            }
        }
    }
    Ok(name)
}
