//! The keys that gates' settings name, with their bytes, and the evidence that they are tried on.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_attest::keys::PublicKey;
use lockgate_attest::verify::NamedKey;
use lockgate_model::case::{Revocation, TrustedKey};
use lockgate_model::{Digest, Finding};

use super::Docket;
use crate::findings::blind;

/// A trusted key with its bytes.
pub(super) struct Usable<'a> {
    pub(super) trusted: &'a TrustedKey,
    pub(super) key: PublicKey,
}

impl<'a> Usable<'a> {
    /// The key, when the Case has it and it can be read.
    pub(super) fn read(docket: &Docket<'a>, trusted: &'a TrustedKey) -> Option<Self> {
        let bytes = docket.case.inputs.get(&trusted.file)?;
        Some(Self { trusted, key: PublicKey::from_pem_as(bytes, docket.edition.reading()).ok()? })
    }

    pub(super) fn named(&self) -> NamedKey<'_> {
        NamedKey { name: &self.trusted.name, key: &self.key }
    }
}

/// The keys that the settings of `gate` name; what cannot be used is a finding.
pub(super) fn usable<'a, 'n>(
    docket: &'a Docket<'_>,
    gate: &str,
    names: impl IntoIterator<Item = &'n str>,
    findings: &mut Vec<Finding>,
) -> Vec<Usable<'a>> {
    let mut keys = Vec::new();
    for name in names.into_iter().collect::<BTreeSet<_>>() {
        let trusted = docket.case.record.keys.iter().find(|key| key.name == name);
        let bytes = trusted.and_then(|key| docket.case.inputs.get(&key.file));
        let problem =
            match (trusted, bytes.map(|bytes| PublicKey::from_pem_as(bytes, docket.edition.reading()))) {
                (Some(trusted), Some(Ok(key))) => {
                    keys.push(Usable { trusted, key });
                    continue;
                }
                (None, _) => "lockgate.yaml lists no key of that name under `keys`".to_owned(),
                (Some(_), None) => "its file is missing".to_owned(),
                (Some(_), Some(Err(error))) => error.to_string(),
            };
        let fix = format!("correct the key `{name}` in lockgate.yaml and trust/");
        let code = format!("{gate}.key-unusable");
        findings.push(blind(&code, name, format!("the key `{name}` cannot be used: {problem}"), fix));
    }
    keys
}

/// The revoked keys, by their digest: a key that was stolen does not count under any other name either.
pub(super) fn revocations(docket: &Docket<'_>) -> BTreeMap<Digest, Revocation> {
    let revoked = docket.case.record.keys.iter().filter_map(|key| Some((key, key.standing.revoked?)));
    let known = revoked.filter_map(|(key, revoked)| Some((Usable::read(docket, key)?.key.id(), revoked)));
    known.collect()
}
