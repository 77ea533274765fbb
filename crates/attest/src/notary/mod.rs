//! Notary Project signatures (notaryproject/specifications, version 1.0 to 1.1): JWS and COSE envelopes, trust stores,
//! trust policies, timestamps and revocation.
//!
//! [`Envelope::read`] says what an envelope claims, and [`verify`] holds it against a [`TrustPolicy`] and its
//! [`TrustStores`]. The answer has a verdict for each of the specification's checks; which of them count is the policy's
//! level. There is no level `skip`. [`sign`] makes a signature.
//!
//! The two signing schemes have trust stores of their own: a signing authority's certificate in a store for `ca` proves
//! nothing about the time, and the other way round, so that they are never mixed.

mod certificates;
mod cose;
mod envelope;
mod jws;
mod policy;
mod revocation;
mod store;
mod verify;
mod write;

pub use envelope::{Envelope, NotaryError, SigningScheme};
pub use policy::{Action, Check, Level, PolicyError, TrustPolicies, TrustPolicy};
pub use revocation::{Revocation, RevocationError, RevocationStatus};
pub use store::{StoreError, StoreKind, TrustStores};
pub use verify::{Finding, NotaryTrust, Outcome, verify};
pub use write::{NotarySignError, sign};
