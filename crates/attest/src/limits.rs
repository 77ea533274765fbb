//! Every limit on what this crate reads besides those of `model::limits`, in one place. Reaching one is a refusal that
//! names it, never a truncation.

/// Most entries of transparency logs in one bundle (GHSA-88jx-383q-w4qc: ten thousand took seconds).
pub const LOG_ENTRIES: usize = 32;
/// Most timestamps of one signature.
pub const STAMPS: usize = 32;
/// Largest body of a log entry, in bytes.
pub const ENTRY_BYTES: usize = 4 << 20;
/// Longest inclusion proof, in hashes: a tree of 2^63 leaves has no longer one.
pub const PROOF_HASHES: usize = 63;
/// Largest checkpoint, in bytes.
pub const CHECKPOINT_BYTES: usize = 16 << 10;
/// Most signature lines of one checkpoint.
pub const CHECKPOINT_SIGNATURES: usize = 32;
/// Largest certificate, in bytes.
pub const CERTIFICATE_BYTES: usize = 64 << 10;
/// Most certificates of one chain, envelope or token.
pub const CHAIN: usize = 16;
/// Most certificates in one file of trust.
pub const TRUSTED_CERTIFICATES: usize = 1024;
/// Largest RFC 3161 token, in bytes.
pub const STAMP_BYTES: usize = 128 << 10;
/// Deepest nesting of a token in BER.
pub const BER_DEPTH: usize = 32;
/// Most elements of a token in BER, the marks of ends counted too.
pub const BER_ELEMENTS: usize = 16 << 10;
/// Longest tag in BER, in bytes.
pub const BER_TAG_BYTES: usize = 5;
/// Most signed certificate timestamps in one certificate.
pub const SCTS: usize = 16;
/// Largest `trusted_root.json`, in bytes.
pub const TRUSTED_ROOT_BYTES: usize = 4 << 20;
/// Most logs, or authorities, of one kind in a trusted root.
pub const AUTHORITIES: usize = 128;
/// Longest pattern for an identity, in bytes.
pub const PATTERN_BYTES: usize = 1024;
/// Largest compiled pattern, in bytes of memory.
pub const PATTERN_MEMORY: usize = 1 << 20;
/// Longest name that a certificate gives its holder, in bytes.
pub const IDENTITY_BYTES: usize = 4096;
/// Most materials, statements, vulnerabilities or the like of one predicate.
pub const PREDICATE_ITEMS: usize = 65_536;
/// Largest Notary Project envelope, in bytes; the reference implementation reads 4 MiB.
pub const NOTARY_BYTES: usize = 4 << 20;
/// Largest trust policy document, in bytes.
pub const POLICY_BYTES: usize = 1 << 20;
/// Most policies of a document, and most scopes, stores or identities of a policy.
pub const POLICY_ITEMS: usize = 1024;
/// Largest CRL or OCSP response, in bytes.
pub const REVOCATION_BYTES: usize = 8 << 20;
/// Most CRLs and OCSP responses that are looked at for one signature.
pub const REVOCATIONS: usize = 64;
/// Largest root of a TUF repository, in bytes; the reference client reads 512 000.
pub const TUF_ROOT_BYTES: usize = 512 << 10;
/// Largest timestamp of a TUF repository, in bytes, as the reference client has it.
pub const TUF_TIMESTAMP_BYTES: usize = 16 << 10;
/// Largest snapshot of a TUF repository, in bytes.
pub const TUF_SNAPSHOT_BYTES: usize = 2 << 20;
/// Largest targets of a TUF repository, in bytes.
pub const TUF_TARGETS_BYTES: usize = 5 << 20;
/// Largest file that is fetched from a TUF repository, in bytes.
pub const TUF_TARGET_BYTES: usize = 32 << 20;
/// Most keys of a TUF root, and most signatures of one piece of metadata.
pub const TUF_KEYS: usize = 64;
/// Most roots that are followed in one visit, as the reference client has it.
pub const TUF_ROOTS: usize = 256;
/// Longest identity token, in bytes.
pub const IDENTITY_TOKEN_BYTES: usize = 32 << 10;
/// Largest answer of a certificate authority, a log or a timestamp authority that is asked while signing, in bytes.
pub const ANSWER_BYTES: usize = 8 << 20;
/// Most memory that the password of a key may take, in bytes; cosign's takes 64 MiB.
pub const PASSWORD_MEMORY: u64 = 256 << 20;
/// Most rounds of PBKDF2 that the password of a key may take; OpenSSL's takes 2048.
pub const PASSWORD_ITERATIONS: u32 = 10_000_000;
