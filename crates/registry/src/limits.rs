//! The limits that are this crate's own. Those on manifests, layers and evidence are in `lockgate_model::limits`.

use std::time::Duration;

/// Most bytes of an error's body that are read.
pub(crate) const ERROR_BYTES: usize = 64 << 10;
/// Largest answer of a token server, in bytes.
pub(crate) const TOKEN_BYTES: usize = 1 << 20;
/// Largest docker `config.json`, and largest answer of a credential helper, in bytes.
pub(crate) const LOGIN_BYTES: u64 = 1 << 20;
/// How long a credential helper may take: it may ask a keychain that asks a person.
pub(crate) const HELPER: Duration = Duration::from_secs(20);
/// Most redirects that a download may take.
pub(crate) const REDIRECTS: usize = 5;
/// Bytes of a download that are written at a time.
pub(crate) const WRITE: usize = 1 << 20;
/// Most pages of a referrers list.
pub(crate) const PAGES: usize = 64;
/// How many time-outs an answer that is kept in memory (a manifest, a list) may take to come whole: a registry that
/// sends a byte now and then holds nobody for ever.
pub(crate) const BODY_TIMEOUTS: u32 = 4;
/// Largest `index.json` of a layout, in bytes.
pub(crate) const INDEX_BYTES: usize = 16 << 20;
/// Largest `oci-layout` file, in bytes.
pub(crate) const MARKER_BYTES: u64 = 4 << 10;
/// Bytes read from a file at a time.
pub(crate) const CHUNK: usize = 256 << 10;
/// Pieces of a stream that may wait between its reader and its writer.
pub(crate) const WAITING: usize = 4;
/// Largest piece of an upload that is handed over at a time, in bytes: each one handed over shows that it goes on.
pub(crate) const PIECE: usize = 64 << 10;
/// Blobs above this size, in bytes, are uploaded by PATCH and PUT, which more registries can take up again; smaller ones by
/// a PUT alone, which is one request less.
pub(crate) const PATCHED_FROM: u64 = 8 << 20;
/// All manifests of one copy taken together, in bytes: they are kept in memory until they were read back.
pub(crate) const MANIFESTS_TOTAL_BYTES: usize = 32 << 20;
/// How often the fallback index is written again when somebody else writes it at the same time.
pub(crate) const LIST_ATTEMPTS: usize = 5;
