//! What a repository can do, be it a registry's or a layout: the few operations that copying and referrers are
//! made of.

use std::ops::Range;

use bytes::Bytes;
use lockgate_model::ports::{BlobStream, FetchedManifest, Pending, Staged};
use lockgate_model::{Descriptor, Digest};

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It was streamed.
    Streamed,
    /// The registry took it from another repository.
    Mounted,
}

/// Opens the source of a blob, again for each attempt.
pub(crate) type Opener<'f, 's> = &'f (dyn Fn() -> Pending<'s, BlobStream> + Send + Sync + 'f);

/// A repository.
pub(crate) trait Place: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> String;

    /// The registry's host and the repository's name, where it is a registry's.
    fn remote(&self) -> Option<(&str, &str)>;

    /// The manifest with that tag.
    fn tagged<'a>(&'a self, tag: &'a str) -> Pending<'a, Option<FetchedManifest>>;

    /// The manifest with that digest, verified.
    fn manifest<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<FetchedManifest>>;

    /// The blob, verified as it streams.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, BlobStream>;

    /// The bytes of the blob in that range, not verified.
    fn blob_range<'a>(&'a self, blob: &'a Descriptor, range: Range<u64>) -> Pending<'a, Bytes>;

    /// Whether the blob is there with its size. A layout hashes it.
    fn has_blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, bool>;

    /// Puts a blob there. `mount_from` names a repository of the same registry that has it.
    fn put_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        source: Opener<'a, 'a>,
        mount_from: Option<&'a str>,
    ) -> Pending<'a, Put>;

    /// Sends the bytes of a blob there without committing them; nothing where that cannot be.
    fn stage<'a>(
        &'a self,
        _blob: &'a Descriptor,
        _bytes: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>> {
        Box::pin(async { Ok(None) })
    }

    /// Puts a small blob there.
    fn put_bytes<'a>(&'a self, blob: &'a Descriptor, bytes: Bytes) -> Pending<'a, ()>;

    /// Puts a manifest there, under a tag or by its digest. Whether the repository lists it among its subject's
    /// referrers by itself.
    fn put_manifest<'a>(
        &'a self,
        media_type: &'a str,
        bytes: Bytes,
        tag: Option<&'a str>,
    ) -> Pending<'a, bool>;

    /// What the repository itself lists as referrers; none where it cannot, and the fallback tag counts.
    fn referrers<'a>(&'a self, subject: &'a Digest) -> Pending<'a, Option<Vec<Descriptor>>>;
}
