//! OCI image layouts: a folder with `oci-layout`, `index.json` and `blobs/sha256` (image-spec, image-layout.md).

mod files;
mod index;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lockgate_model::evidence::fallback_tag;
use lockgate_model::oci::{Content, Index, Reading, media};
use lockgate_model::ports::{BlobStream, FetchedManifest, Pending, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Hasher, json, limits};

use crate::limits as own_limits;
use crate::place::{Opener, Place, Put};
use crate::referrers::read_list;
use crate::verified::check;

/// A layout.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// A blob's file. A digest is hex only: it cannot lead elsewhere.
    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    fn corrupt(&self, digest: &Digest, reason: String) -> PortError {
        let help = "the layout was damaged: restore it, or push the artifact again";
        PortError::new(Trouble::Corrupt, format!("{}@{digest}", self.name()), reason, help)
    }

    /// A manifest's bytes, verified.
    fn read_manifest(&self, digest: &Digest) -> Result<Option<Bytes>, PortError> {
        let path = self.blob_path(digest);
        let Some(file) = open_if_there(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let limit = limits::MANIFEST_BYTES as u64;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| trouble(&path, &error))?;
        if bytes.len() as u64 > limit {
            let reason = format!("a manifest may have {limit} bytes");
            let help = "look at the reference: nothing that is a manifest is as large";
            return Err(PortError::new(Trouble::TooLarge, path.display().to_string(), reason, help));
        }
        check(&self.name(), &bytes, digest)?;
        Ok(Some(bytes.into()))
    }

    /// A manifest under the media type that it was listed with, or that it calls itself by.
    fn fetch(&self, digest: &Digest) -> Result<Option<FetchedManifest>, PortError> {
        let Some(bytes) = self.read_manifest(digest)? else { return Ok(None) };
        if let Some(listed) = self.index()?.manifests.into_iter().find(|one| one.digest == *digest) {
            return Ok(Some(FetchedManifest { media_type: listed.media_type, bytes }));
        }
        let value = json::value(&bytes, limits::MANIFEST_BYTES)
            .map_err(|error| self.corrupt(digest, error.to_string()))?;
        let named = value.get("mediaType").and_then(|named| named.as_str().map(str::to_owned));
        let by_shape = if value.get("manifests").is_some() { media::OCI_INDEX } else { media::OCI_MANIFEST };
        Ok(Some(FetchedManifest { media_type: named.unwrap_or_else(|| by_shape.to_owned()), bytes }))
    }

    /// The manifest that `index.json` lists with this descriptor: it must be there.
    fn listed(&self, listed: &Descriptor) -> Result<Bytes, PortError> {
        let bytes = self.read_manifest(&listed.digest)?.ok_or_else(|| {
            self.corrupt(&listed.digest, "index.json lists it, and it is not there".to_owned())
        })?;
        if bytes.len() as u64 == listed.size {
            return Ok(bytes);
        }
        let reason = format!("it has {} bytes, and index.json says {}", bytes.len(), listed.size);
        Err(self.corrupt(&listed.digest, reason))
    }

    /// What a listed manifest is attached to; nothing where it is not one.
    fn subject_of(&self, listed: &Descriptor) -> Result<Option<Digest>, PortError> {
        if !is_readable(listed) {
            return Ok(None);
        }
        let bytes = self.listed(listed)?;
        let named = referrer(listed, &bytes).map_err(|reason| self.corrupt(&listed.digest, reason))?;
        Ok(named.map(|(subject, _)| subject))
    }

    fn find_tag(&self, tag: &str) -> Result<Option<FetchedManifest>, PortError> {
        let Some(found) = self.tagged_descriptor(tag)? else { return Ok(None) };
        let bytes = self.listed(&found)?;
        Ok(Some(FetchedManifest { media_type: found.media_type, bytes }))
    }

    /// Every manifest of `index.json` that names `subject`. What is listed and cannot be read could be one of them.
    fn list_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, PortError> {
        let mut referrers = Vec::new();
        for listed in self.index()?.manifests.iter().filter(|one| is_readable(one)) {
            let bytes = self.listed(listed)?;
            let named = referrer(listed, &bytes).map_err(|reason| self.corrupt(&listed.digest, reason))?;
            if let Some((named, referrer)) = named
                && named == *subject
            {
                referrers.push(referrer);
            }
        }
        // Some writers keep the fallback tag in layouts, too, and list the referrers nowhere else.
        if let Some(list) = self.find_tag(&fallback_tag(subject))? {
            referrers.extend(read_list(&self.name(), subject, &list)?.manifests);
        }
        Ok(referrers)
    }

    /// Whether the file is there and its bytes are right.
    fn holds(&self, blob: &Descriptor) -> Result<bool, PortError> {
        let path = self.blob_path(&blob.digest);
        let Some(mut file) = open_if_there(&path)? else { return Ok(false) };
        let length = file.metadata().map_err(|error| trouble(&path, &error))?.len();
        if length != blob.size {
            return Ok(false);
        }
        let (mut hasher, mut chunk) = (Hasher::new(), vec![0; own_limits::CHUNK]);
        loop {
            let read = file.read(&mut chunk).map_err(|error| trouble(&path, &error))?;
            if read == 0 {
                return Ok(hasher.finish() == blob.digest);
            }
            hasher.update(chunk.get(..read).unwrap_or_default());
        }
    }

    fn put(&self, media_type: &str, bytes: &Bytes, tag: Option<&str>) -> Result<(), PortError> {
        let entry = Descriptor::of(media_type, bytes);
        if !self.holds(&entry)? {
            self.write_file(&self.blob_path(&entry.digest), bytes)?;
        }
        self.list(&entry, tag)
    }
}

/// The subject that a manifest or index names, and the entry of a list of referrers that it gives. Of an index nothing else
/// is looked at here: one under a fallback tag is a list that may be longer than an image has platforms.
fn referrer(listed: &Descriptor, bytes: &[u8]) -> Result<Option<(Digest, Descriptor)>, String> {
    let (subject, artifact_type, annotations) = if listed.is_index() {
        let index: Index =
            json::from_slice(bytes, limits::MANIFEST_BYTES).map_err(|error| error.to_string())?;
        (index.subject, index.artifact_type, index.annotations)
    } else {
        // Another artifact in the layout may be one that is not read: whether this is a referrer is all that is asked.
        let content = Content::read_as(Reading::Loose, &listed.media_type, bytes);
        match content.map_err(|error| error.to_string())? {
            Content::Manifest(one) => (one.subject, one.artifact_type, one.annotations),
            Content::Index(one) => (one.subject, one.artifact_type, one.annotations),
        }
    };
    let entry = Descriptor { artifact_type, annotations, ..listed.bare() };
    Ok(subject.map(|named| (named.digest, entry)))
}

/// Whether the media type is that of a manifest or index: others are listed by some, and have no subject.
fn is_readable(listed: &Descriptor) -> bool {
    listed.is_index() || lockgate_model::oci::is_manifest(&listed.media_type)
}

fn open_if_there(path: &Path) -> Result<Option<File>, PortError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble(path, &error)),
    }
}

fn trouble(path: &Path, error: &io::Error) -> PortError {
    let (trouble, help) = match error.kind() {
        ErrorKind::NotFound => {
            (Trouble::NotFound, "look at the path: an OCI layout is a folder with index.json")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            (Trouble::Denied, "look at the owner and mode of the folder")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Trouble::Full, "make room on that disk, then run `lockgate recover`")
        }
        _ => (Trouble::Other, "look at the path and the disk it is on"),
    };
    PortError::new(trouble, path.display().to_string(), error.to_string(), help)
}

/// Runs file work where it may block.
fn blocking<'a, T: Send + 'static>(
    layout: &Layout,
    work: impl FnOnce(&Layout) -> Result<T, PortError> + Send + 'static,
) -> Pending<'a, T> {
    let layout = layout.clone();
    Box::pin(async move {
        let place = layout.name();
        tokio::task::spawn_blocking(move || work(&layout)).await.unwrap_or_else(|_| {
            Err(PortError::new(Trouble::Other, place, "file work was interrupted", "try again"))
        })
    })
}

impl Place for Layout {
    fn name(&self) -> String {
        format!("oci:{}", self.folder.display())
    }

    fn remote(&self) -> Option<(&str, &str)> {
        None
    }

    fn tagged<'a>(&'a self, tag: &'a str) -> Pending<'a, Option<FetchedManifest>> {
        let tag = tag.to_owned();
        blocking(self, move |layout| layout.find_tag(&tag))
    }

    fn manifest<'a>(&'a self, digest: &'a Digest) -> Pending<'a, Option<FetchedManifest>> {
        let digest = *digest;
        blocking(self, move |layout| layout.fetch(&digest))
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        let blob = blob.clone();
        blocking(self, move |layout| layout.open(&blob))
    }

    fn blob_range<'a>(&'a self, blob: &'a Descriptor, range: Range<u64>) -> Pending<'a, Bytes> {
        let blob = blob.clone();
        blocking(self, move |layout| layout.read_range(&blob, range))
    }

    fn has_blob<'a>(&'a self, blob: &'a Descriptor) -> Pending<'a, bool> {
        let blob = blob.clone();
        blocking(self, move |layout| layout.holds(&blob))
    }

    fn put_blob<'a>(
        &'a self,
        blob: &'a Descriptor,
        source: Opener<'a, 'a>,
        _mount_from: Option<&'a str>,
    ) -> Pending<'a, Put> {
        Box::pin(async move {
            self.receive(blob, source().await?).await?;
            Ok(Put::Streamed)
        })
    }

    fn put_bytes<'a>(&'a self, blob: &'a Descriptor, bytes: Bytes) -> Pending<'a, ()> {
        let digest = blob.digest;
        blocking(self, move |layout| layout.write_file(&layout.blob_path(&digest), &bytes))
    }

    fn put_manifest<'a>(
        &'a self,
        media_type: &'a str,
        bytes: Bytes,
        tag: Option<&'a str>,
    ) -> Pending<'a, bool> {
        let (media_type, tag) = (media_type.to_owned(), tag.map(str::to_owned));
        blocking(self, move |layout| layout.put(&media_type, &bytes, tag.as_deref()).map(|()| true))
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> Pending<'a, Option<Vec<Descriptor>>> {
        let subject = *subject;
        blocking(self, move |layout| layout.list_referrers(&subject).map(Some))
    }
}
