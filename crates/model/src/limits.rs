//! Limits on foreign data that several crates share. Reaching one is an error that names it, never a truncation. What only
//! one crate reads has its limits there: `limits.rs` in `attest`, `scan` and `registry`.

/// Largest manifest or index that is read, in bytes (as registries do: OCI distribution-spec, "Pushing
/// manifests", suggests at least 4 MiB).
pub const MANIFEST_BYTES: usize = 4 << 20;
/// Largest image config that is read, in bytes.
pub const CONFIG_BYTES: usize = 4 << 20;
/// Largest single piece of evidence (bundle, attestation, SBOM) that is read, in bytes.
pub const EVIDENCE_BYTES: usize = 32 << 20;
/// Most pieces of evidence that are read for one artifact (GHSA-vfp6-jrw2-99g9 and its kin).
pub const EVIDENCE_PER_ARTIFACT: usize = 256;
/// Most verdicts and proofs of Lockgate's own that are read or copied for one artifact, the newest: they are no evidence,
/// and count towards none of its limits.
pub const OWN_ATTACHMENTS: usize = 64;
/// Most verification summaries (SLSA VSA) that are tried for one artifact, the newest: only those by a known signer are
/// evidence.
pub const SUMMARIES_PER_ARTIFACT: usize = 1024;
/// Largest verification summary that is tried so; what is larger counts like other evidence.
pub const SUMMARY_BYTES: u64 = 128 << 10;
/// Most pieces of evidence of one artifact that were seen, are gone, and are judged.
pub const WITHHELD_PER_ARTIFACT: usize = 256;
/// Longest reason that somebody gives for an entry, in characters.
pub const REASON_CHARS: usize = 2000;
/// All evidence of one artifact taken together, its manifests too, in bytes.
pub const EVIDENCE_TOTAL_BYTES: usize = 128 << 20;
/// Most layers of all evidence of one artifact taken together: each is fetched by itself.
pub const EVIDENCE_BLOBS: usize = 4096;
/// Most signatures that are tried in one piece of evidence.
pub const SIGNATURES_PER_EVIDENCE: usize = 32;
/// Most platforms of one index.
pub const PLATFORMS_PER_INDEX: usize = 64;
/// Most layers of one image.
pub const LAYERS_PER_IMAGE: usize = 512;
/// Deepest chain of referrers of referrers that is copied.
pub const REFERRER_DEPTH: usize = 8;
/// Most referrers that are copied with one artifact, at all depths.
pub const REFERRERS_PER_COPY: usize = 4096;
/// Largest ledger entry, in bytes; what is larger goes to the store by digest.
pub const ENTRY_BYTES: usize = 64 << 10;
/// Longest reference, tag or name that is read, in characters.
pub const NAME_CHARS: usize = 512;
/// Most members of the keyring, those that no longer count with them.
pub const KEYRING_MEMBERS: usize = 4096;
/// Largest public key in the keyring, PEM, in bytes.
pub const KEY_BYTES: usize = 16 << 10;
/// Largest keyring that is taken from others, in bytes.
pub const PUBLISHED_KEYRING_BYTES: usize = 16 << 20;
/// Most bytes of what somebody else says that was found in one layer, for some 200 000 files; reading them takes up to 30
/// times as much memory.
pub const LAYER_CONTENT_BYTES: usize = 16 << 20;
/// Most bytes of it in all layers of one image.
pub const LAYER_CONTENTS_BYTES: u64 = 64 << 20;
