//! Whom to trust besides keys: instances of Sigstore, and the trust policy of the Notary Project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lockgate_model::keyring::INSTANCE_ISSUER;
use serde::Deserialize;

/// Most instances of Sigstore: each signature by a certificate is held against every one.
const INSTANCES: usize = 8;

/// The section `trust`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TrustEntry {
    /// Instances of Sigstore.
    #[serde(default)]
    pub sigstore: Vec<InstanceEntry>,
    /// The trust of the Notary Project.
    #[serde(default)]
    pub notation: Option<NotationEntry>,
}

/// An instance of Sigstore.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InstanceEntry {
    /// Its name.
    pub name: String,
    /// Its `trusted_root.json`.
    pub root: PathBuf,
    /// The issuers for whose identities it may vouch; `sigstore:` and its own name for certificates that name none.
    pub issuers: BTreeSet<String>,
    /// How many transparency logs must have a signature by a certificate.
    #[serde(default = "one")]
    pub logs: u32,
    /// Whether a log's promise counts like a proof, as older clients have nothing else.
    #[serde(default)]
    pub promises: bool,
    /// How many timestamp authorities must have dated it.
    #[serde(default)]
    pub timestamps: u32,
    /// How many certificate logs must have promised to publish the certificate.
    #[serde(default = "one")]
    pub scts: u32,
}

/// The trust of the Notary Project, as `notation` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NotationEntry {
    /// The trust policy document.
    pub policy: PathBuf,
    /// The folder of trust stores: `x509/{ca,signingAuthority,tsa}/NAME/FILE`.
    pub stores: PathBuf,
    /// The folder of CRLs and OCSP responses, DER.
    #[serde(default)]
    pub revocations: Option<PathBuf>,
}

fn one() -> u32 {
    1
}

impl TrustEntry {
    /// What is wrong with it: where, within the section, and what.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.sigstore.len() > INSTANCES {
            problems.push(("sigstore".to_owned(), format!("more than {INSTANCES} instances")));
        }
        for (index, instance) in self.sigstore.iter().enumerate() {
            let mut wrong =
                |field: &str, what: String| problems.push((format!("sigstore[{index}].{field}"), what));
            if instance.name.is_empty() || instance.name.contains(['@', ':', ' ']) {
                wrong("name", "an instance needs a name without `@`, `:` and spaces".to_owned());
            }
            let before = || self.sigstore.iter().take(index);
            if before().any(|other| other.name == instance.name) {
                wrong("name", format!("two instances are called `{}`", instance.name));
            }
            if instance.issuers.is_empty() {
                wrong("issuers", "name the issuers for whose identities it may vouch".to_owned());
            }
            for issuer in &instance.issuers {
                let own = format!("{INSTANCE_ISSUER}{}", instance.name);
                if !issuer.starts_with("https://") && *issuer != own {
                    let what = format!(
                        "the issuer `{issuer}` must be named exactly, with https://, or be `{own}`, for certificates of this instance that name no issuer"
                    );
                    wrong("issuers", what);
                }
                if let Some(other) = before().find(|other| other.issuers.contains(issuer)) {
                    let what =
                        format!("`{}` vouches for those of {issuer} already: one instance must", other.name);
                    wrong("issuers", what);
                }
            }
        }
        problems
    }
}
