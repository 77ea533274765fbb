//! Sigstore: signatures by short-lived certificates or managed keys, with transparency logs and timestamps, in bundles
//! v0.1 to v0.3 and in cosign's older layouts.
//!
//! The way through: bytes are read into a [`Signed`] ([`Signed::from_layer`], or by form [`Signed::from_bundle`],
//! [`Signed::from_signature_layer`], [`Signed::from_attestation_layer`]), which says what is claimed. [`verify`] holds it
//! against an [`Artifact`] and a [`Trust`]: the [`TrustedRoot`], the managed keys, and what is [demanded](Demands) of
//! logs and timestamps. What comes out, [`Verified`], says who signed and when at the latest; whether that signer was
//! asked for is a question for [`IdentityRule`]; whether a key was good then is one for whoever judges.
//!
//! The instant to judge for is an argument, as everywhere; that is why no library does this here
//! (`docs/adr/0012-sigstore-is-verified-here.md`).

mod body;
mod checkpoint;
mod entry;
mod identity;
mod legacy;
mod merkle;
mod read;
mod root;
mod sct;
mod verify;

pub use entry::LogError;
pub use identity::{
    Claim, Identity, IdentityRule, Pattern, PatternError, Subject, SubjectKind, instance_issuer,
};
pub(crate) use legacy::{has_proofs, names_certificate};
pub use read::{Content, LogEntry, Proof, Signed, Signer};
pub use root::{RootError, TrustedRoot, Window};
pub use verify::{Artifact, Dated, Demands, Logged, Maker, SigstoreError, Source, Trust, Verified, verify};
