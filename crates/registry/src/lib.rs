//! OCI registries and OCI layouts behind the `Registry` port: reading, referrers, verified copies, authentication.
//!
//! Whatever the other side says, bytes are hashed here, sizes are capped, and credentials go to no host that was not
//! named. Files and services of the web are reached from here as well.
#![forbid(unsafe_code)]

mod copy;
mod layout;
mod limits;
mod place;
mod plan;
mod referrers;
mod remote;
mod settings;
mod stream;
mod verified;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lockgate_model::evidence::Attachment;
use lockgate_model::oci::Content;
use lockgate_model::ports::{
    BlobStream, Copied, CopyList, FetchedManifest, Pending, PortError, Progress, Registry, Staged, Trouble,
    Upload,
};
use lockgate_model::reference::checked_tag;
use lockgate_model::{Descriptor, Digest, Repository};

use layout::Layout;
use place::Place;
pub use remote::{Answered, Downloaded, Question, Version, check_address};
use remote::{Host, Remote};
pub use settings::{Credentials, HostSettings, Settings};

/// Every registry and layout that the process talks to.
pub struct Registries {
    settings: Arc<Settings>,
    hosts: Mutex<BTreeMap<String, Arc<Host>>>,
}

impl Registries {
    /// Registries by these settings. Nothing is contacted yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), hosts: Mutex::new(BTreeMap::new()) }
    }

    fn place(&self, repository: &Repository) -> Result<Arc<dyn Place>, PortError> {
        match repository {
            Repository::Layout { path } => Ok(Arc::new(Layout::new(self.settings.base.join(path)))),
            Repository::Remote { registry, name } => {
                Ok(Arc::new(Remote::new(self.host(registry)?, name.clone())))
            }
        }
    }

    fn host(&self, name: &str) -> Result<Arc<Host>, PortError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(host) = hosts.get(name) {
            return Ok(host.clone());
        }
        let host = Arc::new(Host::new(name, self.settings.clone())?);
        hosts.insert(name.to_owned(), host.clone());
        Ok(host)
    }
}

/// The images of the layout at `path`, each with its tag where it has one: what `index.json` lists and is not attached to
/// something else. None where there is no layout.
///
/// Errors: the layout cannot be read.
pub fn images_of_layout(path: &std::path::Path) -> Result<Vec<(Digest, Option<String>)>, PortError> {
    Layout::new(path).images()
}

impl Registry for Registries {
    fn resolve<'a>(&'a self, repository: &'a Repository, tag: &'a str) -> Pending<'a, Option<Descriptor>> {
        Box::pin(async move {
            valid(repository, tag)?;
            let found = self.place(repository)?.tagged(tag).await?;
            Ok(found.map(|found| Descriptor::of(&found.media_type, &found.bytes)))
        })
    }

    fn manifest<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
    ) -> Pending<'a, FetchedManifest> {
        Box::pin(async move {
            let found = self.place(repository)?.manifest(digest).await?;
            found.ok_or_else(|| {
                let place = format!("{repository}@{digest}");
                PortError::new(Trouble::NotFound, place, "there is no such manifest", "look at the reference")
            })
        })
    }

    fn blob<'a>(&'a self, repository: &'a Repository, blob: &'a Descriptor) -> Pending<'a, BlobStream> {
        Box::pin(async move { self.place(repository)?.blob(blob).await })
    }

    fn blob_range<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        range: Range<u64>,
    ) -> Pending<'a, Bytes> {
        Box::pin(async move { self.place(repository)?.blob_range(blob, range).await })
    }

    fn attached<'a>(
        &'a self,
        repository: &'a Repository,
        subject: &'a Digest,
    ) -> Pending<'a, Vec<(Attachment, Descriptor)>> {
        Box::pin(async move { referrers::attached(&*self.place(repository)?, subject).await })
    }

    fn copy<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        list: &'a CopyList,
        progress: &'a dyn Progress,
    ) -> Pending<'a, Copied> {
        Box::pin(async move {
            let (source, target) = (self.place(from)?, self.place(to)?);
            copy::copy(source, target, list, progress, self.settings.parallel_blobs).await
        })
    }

    fn stage<'a>(
        &'a self,
        from: &'a Repository,
        to: &'a Repository,
        blob: &'a Descriptor,
        bytes: BlobStream,
    ) -> Pending<'a, Option<Box<dyn Staged>>> {
        Box::pin(async move {
            let (source, target) = (self.place(from)?, self.place(to)?);
            let is_mounted = copy::mount_from(&*source, &*target).is_some();
            if blob.size <= limits::PATCHED_FROM || is_mounted || target.has_blob(blob).await? {
                return Ok(None);
            }
            target.stage(blob, bytes).await
        })
    }

    fn push<'a>(&'a self, repository: &'a Repository, upload: &'a Upload) -> Pending<'a, Descriptor> {
        Box::pin(async move {
            let place = self.place(repository)?;
            let descriptor = Descriptor::of(&upload.media_type, &upload.manifest);
            let content = Content::read(&upload.media_type, &upload.manifest).map_err(|error| {
                let at = format!("{repository}@{}", descriptor.digest);
                PortError::new(
                    Trouble::Corrupt,
                    at,
                    error.to_string(),
                    "nothing was pushed: correct the manifest",
                )
            })?;
            for blob in &upload.blobs {
                let blob_descriptor = Descriptor::of("application/octet-stream", blob);
                if !place.has_blob(&blob_descriptor).await? {
                    place.put_bytes(&blob_descriptor, blob.clone()).await?;
                }
            }
            referrers::put(&*place, &upload.media_type, &upload.manifest, &content).await?;
            Ok(descriptor)
        })
    }

    fn tag<'a>(
        &'a self,
        repository: &'a Repository,
        tag: &'a str,
        manifest: &'a Descriptor,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            valid(repository, tag)?;
            let place = self.place(repository)?;
            let found = place.manifest(&manifest.digest).await?.ok_or_else(|| {
                let at = format!("{repository}@{}", manifest.digest);
                PortError::new(Trouble::NotFound, at, "there is no such manifest to tag", "push it first")
            })?;
            place.put_manifest(&found.media_type, found.bytes, Some(tag)).await.map(drop)
        })
    }
}

/// A tag becomes part of an address: what is none must not lead elsewhere.
fn valid(repository: &Repository, tag: &str) -> Result<(), PortError> {
    checked_tag(tag.to_owned()).map(drop).map_err(|error| {
        let help = "a tag has letters, digits, `_`, `.` and `-`, at most 128";
        PortError::new(Trouble::Other, repository.to_string(), error.to_string(), help)
    })
}
