//! OCI image layouts: a folder with `oci-layout`, `index.json` and `blobs/sha256` (image-spec, image-layout.md).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use lockgate_model::oci::{Content, Index, media};
use lockgate_model::ports::{BlobStream, FetchedManifest, Pending, PortError, Trouble};
use lockgate_model::{Descriptor, Digest, Hasher, json, limits};
use tokio::sync::mpsc;

use crate::place::{Opener, Place, Put};
use crate::verified::{Verified, check, next};

/// The annotation that names a tag (image-spec, annotations.md).
const TAG: &str = "org.opencontainers.image.ref.name";
/// The content of `oci-layout`.
const LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";
/// Bytes read from a file at a time.
const CHUNK: usize = 256 << 10;
/// Most bytes of `index.json`.
const INDEX_BYTES: usize = 64 << 20;
/// Tells apart the temporary files of one process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A layout.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    fn trouble(path: &Path, error: &io::Error) -> PortError {
        let (trouble, help) = match error.kind() {
            ErrorKind::NotFound => {
                (Trouble::NotFound, "look at the path: an OCI layout is a folder with index.json")
            }
            ErrorKind::PermissionDenied => (Trouble::Denied, "look at the owner and mode of the folder"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (Trouble::Full, "make room on that disk, then run `lockgate recover`")
            }
            _ => (Trouble::Other, ""),
        };
        PortError::new(trouble, path.display().to_string(), error.to_string(), help)
    }

    /// `index.json`; an empty one where there is no layout yet.
    fn index(&self) -> Result<Index, PortError> {
        let path = self.folder.join("index.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Index {
                    schema_version: 2,
                    media_type: Some(media::OCI_INDEX.to_owned()),
                    artifact_type: None,
                    manifests: Vec::new(),
                    subject: None,
                    annotations: std::collections::BTreeMap::new(),
                });
            }
            Err(error) => return Err(Self::trouble(&path, &error)),
        };
        json::from_slice(&bytes, INDEX_BYTES).map_err(|error| {
            let help = "the layout's index was damaged: restore it, or push again into a new folder";
            PortError::new(Trouble::Corrupt, path.display().to_string(), error.to_string(), help)
        })
    }

    /// A manifest's bytes, verified.
    fn read_manifest(&self, digest: &Digest) -> Result<Option<Bytes>, PortError> {
        let path = self.blob_path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Self::trouble(&path, &error)),
        };
        let mut bytes = Vec::new();
        let limit = limits::MANIFEST_BYTES as u64;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Self::trouble(&path, &error))?;
        if bytes.len() as u64 > limit {
            let reason = format!("a manifest may have {limit} bytes");
            return Err(PortError::new(Trouble::TooLarge, path.display().to_string(), reason, ""));
        }
        check(&self.name(), &bytes, digest)?;
        Ok(Some(bytes.into()))
    }

    /// The media type that a manifest was listed with, or calls itself by.
    fn media_type(&self, digest: &Digest, bytes: &[u8]) -> Result<String, PortError> {
        if let Some(listed) = self.index()?.manifests.into_iter().find(|one| one.digest == *digest) {
            return Ok(listed.media_type);
        }
        let value = json::value(bytes, limits::MANIFEST_BYTES).map_err(|error| {
            PortError::new(Trouble::Corrupt, format!("{}@{digest}", self.name()), error.to_string(), "")
        })?;
        let named = value.get("mediaType").and_then(|named| named.as_str().map(str::to_owned));
        let by_shape = if value.get("manifests").is_some() { media::OCI_INDEX } else { media::OCI_MANIFEST };
        Ok(named.unwrap_or_else(|| by_shape.to_owned()))
    }

    fn fetch(&self, digest: &Digest) -> Result<Option<FetchedManifest>, PortError> {
        let Some(bytes) = self.read_manifest(digest)? else { return Ok(None) };
        let media_type = self.media_type(digest, &bytes)?;
        Ok(Some(FetchedManifest { media_type, bytes }))
    }

    fn find_tag(&self, tag: &str) -> Result<Option<FetchedManifest>, PortError> {
        let tagged = |one: &&Descriptor| one.annotations.get(TAG).is_some_and(|name| name == tag);
        let index = self.index()?;
        let Some(found) = index.manifests.iter().find(tagged) else { return Ok(None) };
        let bytes = self.read_manifest(&found.digest)?.ok_or_else(|| {
            let reason = format!("index.json names it as `{tag}` and it is not there");
            PortError::new(
                Trouble::Corrupt,
                format!("{}@{}", self.name(), found.digest),
                reason,
                "push it again",
            )
        })?;
        Ok(Some(FetchedManifest { media_type: found.media_type.clone(), bytes }))
    }

    fn list_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, PortError> {
        let mut referrers = Vec::new();
        for listed in self.index()?.manifests {
            let Some(bytes) = self.read_manifest(&listed.digest)? else { continue };
            let Ok(content) = Content::read(&listed.media_type, &bytes) else { continue };
            if content.subject().is_some_and(|named| named.digest == *subject) {
                referrers.push(listed.bare());
            }
        }
        Ok(referrers)
    }

    /// Whether the file is there and its bytes are right.
    fn holds(&self, blob: &Descriptor) -> Result<bool, PortError> {
        let path = self.blob_path(&blob.digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Self::trouble(&path, &error)),
        };
        let (mut hasher, mut size, mut chunk) = (Hasher::new(), 0_u64, vec![0; CHUNK]);
        loop {
            let read = file.read(&mut chunk).map_err(|error| Self::trouble(&path, &error))?;
            if read == 0 {
                return Ok(size == blob.size && hasher.finish() == blob.digest);
            }
            size += read as u64;
            hasher.update(chunk.get(..read).unwrap_or_default());
        }
    }

    /// Changes `index.json` while no other process does.
    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), PortError> {
        let lock_path = self.folder.join(".lock");
        fs::create_dir_all(&self.folder).map_err(|error| Self::trouble(&self.folder, &error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| Self::trouble(&lock_path, &error))?;
        lock.lock().map_err(|error| Self::trouble(&lock_path, &error))?;
        let mut index = self.index()?;
        change(&mut index);
        let bytes = serde_json::to_vec(&index)
            .map_err(|error| PortError::new(Trouble::Other, self.name(), error.to_string(), ""))?;
        let marker = self.folder.join("oci-layout");
        if !marker.exists() {
            self.write_file(&marker, &mut io::Cursor::new(LAYOUT))?;
        }
        self.write_file(&self.folder.join("index.json"), &mut io::Cursor::new(&bytes))
    }

    /// Writes a file so that readers see the old one or the new one, whole, and a crash loses neither.
    fn write_file(&self, path: &Path, from: &mut dyn Read) -> Result<(), PortError> {
        let folder = path.parent().unwrap_or(&self.folder);
        let temporary =
            folder.join(format!(".{}.{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let mut write = || {
            fs::create_dir_all(folder)?;
            let mut file = File::create(&temporary)?;
            io::copy(from, &mut file)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| {
            let _removed = fs::remove_file(&temporary);
            Self::trouble(path, &error)
        })
    }

    fn put(&self, media_type: &str, bytes: &Bytes, tag: Option<&str>) -> Result<(), PortError> {
        let mut entry = Descriptor::of(media_type, bytes);
        let path = self.blob_path(&entry.digest);
        if !self.holds(&entry)? {
            self.write_file(&path, &mut io::Cursor::new(bytes))?;
        }
        self.change_index(|index| {
            let same = |one: &Descriptor| one.digest == entry.digest;
            match tag {
                None if index.manifests.iter().any(same) => {}
                None => index.manifests.push(entry.clone()),
                Some(tag) => {
                    let moved = |one: &Descriptor| one.annotations.get(TAG).is_some_and(|name| name == tag);
                    let untagged = |one: &Descriptor| same(one) && !one.annotations.contains_key(TAG);
                    index.manifests.retain(|one| !moved(one) && !untagged(one));
                    entry.annotations.insert(TAG.to_owned(), tag.to_owned());
                    index.manifests.push(entry.clone());
                }
            }
        })
    }

    fn open(&self, blob: &Descriptor) -> Result<BlobStream, PortError> {
        let path = self.blob_path(&blob.digest);
        let file = File::open(&path).map_err(|error| Self::trouble(&path, &error))?;
        let (sender, receiver) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || send_file(&path, file, &sender));
        Ok(Verified::stream(Box::pin(Chunks(receiver)), blob, &self.name()))
    }

    async fn receive(&self, blob: &Descriptor, mut stream: BlobStream) -> Result<(), PortError> {
        let (sender, receiver) = mpsc::channel::<Bytes>(4);
        let (this, path) = (self.clone(), self.blob_path(&blob.digest));
        let writer = tokio::task::spawn_blocking(move || this.write_verified(&path, receiver));
        let mut failed = None;
        while let Some(chunk) = next(&mut stream).await {
            match chunk {
                Ok(chunk) => {
                    if sender.send(chunk).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        // An empty chunk says that the stream ended right; without it the file is thrown away.
        if failed.is_none() {
            let _told = sender.send(Bytes::new()).await;
        }
        drop(sender);
        let written = writer.await.unwrap_or_else(|_| {
            Err(PortError::new(Trouble::Other, self.name(), "writing was interrupted", "try again"))
        });
        failed.map_or(written, Err)
    }

    fn write_verified(&self, path: &Path, receiver: mpsc::Receiver<Bytes>) -> Result<(), PortError> {
        self.write_file(path, &mut Received { receiver, chunk: Bytes::new(), ended: false })
    }
}

/// What a writer reads: chunks, an empty one at the right end, nothing where it was cut off.
struct Received {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
    ended: bool,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(chunk) if chunk.is_empty() => self.ended = true,
                Some(chunk) => self.chunk = chunk,
                None => return Err(io::Error::other("the source was cut off")),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        let head = self.chunk.split_to(count);
        buffer.split_at_mut(count).0.copy_from_slice(&head);
        Ok(count)
    }
}

fn send_file(path: &Path, mut file: File, sender: &mpsc::Sender<Result<Bytes, PortError>>) {
    loop {
        let mut chunk = BytesMut::zeroed(CHUNK);
        let piece = match file.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => {
                chunk.truncate(read);
                Ok(chunk.freeze())
            }
            Err(error) => Err(Layout::trouble(path, &error)),
        };
        let stop = piece.is_err();
        if sender.blocking_send(piece).is_err() || stop {
            return;
        }
    }
}

/// The chunks of a channel.
struct Chunks(mpsc::Receiver<Result<Bytes, PortError>>);

impl Stream for Chunks {
    type Item = Result<Bytes, PortError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
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
        blocking(self, move |layout| {
            layout.write_file(&layout.blob_path(&digest), &mut io::Cursor::new(bytes))
        })
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
