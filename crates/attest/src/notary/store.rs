//! Trust stores: named sets of certificates, each of one of three kinds (`trust-store-trust-policy.md`, "Trust Store").

use std::collections::BTreeMap;
use std::fmt;

use crate::limits;
use crate::x509::{Certificate, CertificateError};

/// For what a trust store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// Authorities for signers.
    Ca,
    /// Authorities for signing authorities.
    SigningAuthority,
    /// Authorities for timestamps.
    Tsa,
}

impl StoreKind {
    /// The kind of that name, as folders of trust stores are called.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ca" => Some(Self::Ca),
            "signingAuthority" => Some(Self::SigningAuthority),
            "tsa" => Some(Self::Tsa),
            _ => None,
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "ca",
            Self::SigningAuthority => "signingAuthority",
            Self::Tsa => "tsa",
        })
    }
}

/// Why a certificate does not belong into a trust store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read.
    #[error("trust store `{store}`: {error}")]
    Certificate {
        /// The store.
        store: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// It is neither an authority's nor signed by itself.
    #[error("trust store `{store}`: `{subject}` is neither an authority's certificate nor signed by itself")]
    Leaf {
        /// The store.
        store: String,
        /// The certificate.
        subject: String,
    },
    /// An authority for timestamps must be a root.
    #[error("trust store `{store}`: `{subject}` is not the root of a timestamp authority")]
    NoRoot {
        /// The store.
        store: String,
        /// The certificate.
        subject: String,
    },
    /// There are too many.
    #[error("trust store `{0}` holds more certificates than are read")]
    Full(String),
}

/// The trust stores of a workspace.
#[derive(Debug, Clone, Default)]
pub struct TrustStores {
    stores: BTreeMap<(StoreKind, String), Vec<Certificate>>,
}

impl TrustStores {
    /// Adds the certificates of one file, PEM or DER, to a store.
    pub fn add(&mut self, kind: StoreKind, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let store = || format!("{kind}:{name}");
        let read = if bytes.first() == Some(&0x30) {
            Certificate::from_der(bytes).map(|certificate| vec![certificate])
        } else {
            Certificate::from_pem(bytes)
        };
        let read = read.map_err(|error| StoreError::Certificate { store: store(), error })?;
        for certificate in &read {
            let tbs = &certificate.inner().tbs_certificate;
            let issued_by_itself = tbs.issuer == tbs.subject;
            if kind == StoreKind::Tsa && !(issued_by_itself && certificate.is_authority()) {
                return Err(StoreError::NoRoot { store: store(), subject: certificate.subject() });
            }
            if !certificate.is_authority() && !issued_by_itself {
                return Err(StoreError::Leaf { store: store(), subject: certificate.subject() });
            }
        }
        let held = self.stores.entry((kind, name.to_owned())).or_default();
        if held.len() + read.len() > limits::TRUSTED_CERTIFICATES {
            return Err(StoreError::Full(store()));
        }
        held.extend(read);
        Ok(())
    }

    /// The certificates of a store, when it is there.
    pub(super) fn get(&self, kind: StoreKind, name: &str) -> Option<&[Certificate]> {
        self.stores.get(&(kind, name.to_owned())).map(Vec::as_slice)
    }
}
