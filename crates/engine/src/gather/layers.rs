//! Layers to inventory: each layer is streamed once, verified and analysed, and never again while its
//! analysis is kept under its verified digest.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use lockgate_judge::LayerWord;
use lockgate_model::case::LayerByWord;
use lockgate_model::oci::{ImageConfig, Manifest};
use lockgate_model::ports::{BlobStream, LayerCache, PortError, Progress, Registry, Trouble};
use lockgate_model::{Descriptor, Digest, Inventory, Repository};
use lockgate_scan::layer::toc::{self, TocRef};
use lockgate_scan::{ANALYSER, Base, LayerContent, LayerError, analyse_again, analyse_verified, lay_onto};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::tocs;
use super::words::{self, ImageWords};
use crate::staging::Staging;
use crate::workspace::Reach;

/// Most layers analysed at the same time, each by two threads: more than there are processors only takes memory.
const PARALLEL_LAYERS: usize = 4;
/// Chunks of a layer that wait for the analyser; with chunks of at most a few hundred KiB this bounds the
/// memory of a layer in flight.
const CHUNKS_IN_FLIGHT: usize = 8;

/// The inventory of one image, and the layers of it that are by somebody's word and were not read.
pub(crate) async fn inventory(
    reach: &Reach,
    repository: &Repository,
    manifest: &Manifest,
    config: &ImageConfig,
    words: Option<&ImageWords>,
) -> Result<(Inventory, Vec<LayerByWord>), PortError> {
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != manifest.layers.len() {
        let reason = format!(
            "the config names {} layers and the manifest {}: which files the image has cannot be said",
            diff_ids.len(),
            manifest.layers.len()
        );
        let place = format!("{repository}@{}", manifest.config.digest);
        return Err(PortError::new(Trouble::Corrupt, place, reason, "rebuild the image"));
    }
    let name = image_name(&manifest.layers, diff_ids);
    if let Some(inventory) = kept_inventory(reach, &name).await {
        return Ok((inventory, vec![]));
    }
    let image = Image { repository, layers: &manifest.layers, diff_ids };
    let (base, contents) = image.base_and_contents(reach, words).await?;
    let Contents { contents, by_word } = contents;
    let laid = if by_word.is_empty() {
        laid_onto(reach, &image, base, contents).await?
    } else {
        image.laid_by_word(base, contents).await
    };
    match laid {
        Some(inventory) => Ok((inventory, by_word)),
        None => Ok((image.whole(reach).await?, vec![])),
    }
}

/// The layers of an image to be read.
pub(super) struct Image<'a> {
    pub(super) repository: &'a Repository,
    pub(super) layers: &'a [Descriptor],
    pub(super) diff_ids: &'a [Digest],
}

/// What is in layers.
pub(super) struct Contents {
    /// In the order of the layers.
    pub(super) contents: Vec<LayerContent>,
    /// Those that were not read.
    pub(super) by_word: Vec<LayerByWord>,
}

/// What the layers of an image make, where that is known by what was read of them.
async fn laid_onto(
    reach: &Reach,
    image: &Image<'_>,
    base: Base,
    contents: Vec<LayerContent>,
) -> Result<Option<Inventory>, PortError> {
    let (layers, diff_ids) = (image.layers.to_vec(), image.diff_ids.to_vec());
    let (told, inventory) = oneshot::channel();
    // What is kept for the next image is written down after this one's answer went out.
    let work = tokio::task::spawn_blocking(move || {
        let contents: Vec<_> = contents.iter().collect();
        let laid = lay_onto(&base, &layers, &contents);
        let looked = laid.look();
        let inventory = looked.missing().is_empty().then(|| looked.inventory());
        drop(looked);
        let bytes = inventory.as_ref().and_then(|inventory| serde_json::to_vec(inventory).ok());
        let _told = told.send(inventory);
        let base = laid.base().map(|(count, bytes)| (base_name(&layers, &diff_ids, count), bytes));
        base.into_iter().chain(bytes.map(|bytes| (image_name(&layers, &diff_ids), bytes))).collect()
    });
    reach.later.add(keep(reach.layers.clone(), work));
    inventory.await.map_err(|_| interrupted(image.repository))
}

/// Keeps what `work` gives, one beside the other. A cache that cannot be written costs time only.
pub(super) async fn keep(cache: Arc<dyn LayerCache>, work: JoinHandle<Vec<(Digest, Vec<u8>)>>) {
    let mut puts = JoinSet::new();
    for (name, bytes) in work.await.unwrap_or_default() {
        let cache = cache.clone();
        puts.spawn(async move { cache.put(&name, ANALYSER, bytes.into()).await });
    }
    while puts.join_next().await.is_some() {}
}

impl Image<'_> {
    /// The most of these layers that are kept as laid over each other, and what is in the others: those are read while
    /// the kept ones are.
    async fn base_and_contents(
        &self,
        reach: &Reach,
        words: Option<&ImageWords>,
    ) -> Result<(Base, Contents), PortError> {
        let mut most = self.layers.len();
        loop {
            let (count, bytes) = kept_base(reach, self.layers, self.diff_ids, most).await;
            let base = tokio::task::spawn_blocking(move || match count {
                0 => Some(Base::default()),
                _ => Base::from_bytes(&bytes).filter(|base| base.layers() == count),
            });
            let contents = self.contents(reach, count, words).await?;
            if let Some(base) = base.await.map_err(|_| interrupted(self.repository))? {
                return Ok((base, contents));
            }
            // Whole, and in another form: the next lower one, and in the end none of them.
            most = count.saturating_sub(1);
        }
    }

    /// What is in the layers above the first `known`; in those that were not read before, as `words` say.
    pub(super) async fn contents(
        &self,
        reach: &Reach,
        known: usize,
        words: Option<&ImageWords>,
    ) -> Result<Contents, PortError> {
        let places = Arc::new(Semaphore::new(parallel()));
        let mut jobs = JoinSet::new();
        // The largest first: the others fill what time is left beside it.
        let mut order: Vec<_> = self.layers.iter().zip(self.diff_ids).enumerate().skip(known).collect();
        order.sort_by_key(|(_, (layer, _))| std::cmp::Reverse(layer.size));
        for (index, (layer, diff_id)) in order {
            let job = LayerJob::new(reach, self.repository, layer, diff_id);
            let word = words.and_then(|words| words.get(&layer.digest)).copied();
            let places = places.clone();
            jobs.spawn(async move {
                let _place = places.acquire_owned().await;
                (index, job.run(word).await)
            });
        }
        let (mut done, mut by_word) = (std::collections::BTreeMap::new(), Vec::new());
        while let Some(joined) = jobs.join_next().await {
            let (index, read) = joined.map_err(|_| interrupted(self.repository))?;
            let (content, word) = read?;
            done.insert(index, content);
            by_word.extend(word);
        }
        by_word.sort_unstable();
        Ok(Contents { contents: done.into_values().collect(), by_word })
    }
}

/// What is in the layers of an image, each read here.
pub(crate) async fn contents(
    reach: &Reach,
    repository: &Repository,
    layers: &[Descriptor],
    diff_ids: &[Digest],
) -> Result<Vec<LayerContent>, PortError> {
    Ok(Image { repository, layers, diff_ids }.contents(reach, 0, None).await?.contents)
}

/// How many of these layers are kept as laid over each other, at most `most`, and as what.
async fn kept_base(reach: &Reach, layers: &[Descriptor], diff_ids: &[Digest], most: usize) -> (usize, Bytes) {
    for count in (1..=most).rev() {
        let kept = reach.layers.get(&base_name(layers, diff_ids, count), ANALYSER).await;
        if let Some(bytes) = kept.ok().flatten() {
            return (count, bytes);
        }
    }
    (0, Bytes::new())
}

/// The name under which the lowest `count` layers are kept as laid over each other.
fn base_name(layers: &[Descriptor], diff_ids: &[Digest], count: usize) -> Digest {
    name("what is left of the layers", layers.iter().zip(diff_ids).take(count))
}

/// The name under which the inventory of layers is kept: what each blob is, what was claimed of it and found true, and which
/// tables of its contents it was compared with.
pub(crate) fn image_name(layers: &[Descriptor], diff_ids: &[Digest]) -> Digest {
    name("the inventory of the layers", layers.iter().zip(diff_ids))
}

fn name<'a>(what: &str, layers: impl Iterator<Item = (&'a Descriptor, &'a Digest)>) -> Digest {
    let mut text = format!("{what}\n");
    for (layer, diff_id) in layers {
        text.push_str(&format!("{} {} {diff_id} {}\n", layer.digest, layer.size, layer.media_type));
        for toc in TocRef::of(layer) {
            text.push_str(&format!("with {}\n", toc.key()));
        }
    }
    Digest::of(text.as_bytes())
}

async fn kept_inventory(reach: &Reach, name: &Digest) -> Option<Inventory> {
    let bytes = reach.layers.get(name, ANALYSER).await.ok()??;
    serde_json::from_slice(&bytes).ok()
}

fn parallel() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, PARALLEL_LAYERS)
}

pub(super) fn interrupted(repository: &Repository) -> PortError {
    PortError::new(
        Trouble::Other,
        repository.to_string(),
        "the analysis of a layer was interrupted",
        "try again",
    )
}

/// One layer to read.
pub(super) struct LayerJob {
    registry: Arc<dyn Registry>,
    cache: Arc<dyn LayerCache>,
    progress: Arc<dyn Progress>,
    staging: Option<Arc<Staging>>,
    repository: Repository,
    layer: Descriptor,
    diff_id: Digest,
}

impl LayerJob {
    pub(super) fn new(reach: &Reach, repository: &Repository, layer: &Descriptor, diff_id: &Digest) -> Self {
        Self {
            registry: reach.registry.clone(),
            cache: reach.layers.clone(),
            progress: reach.progress.clone(),
            staging: reach.staging.clone(),
            repository: repository.clone(),
            layer: layer.clone(),
            diff_id: *diff_id,
        }
    }

    /// What is in the layer: as it was read before, by `word` where there is one, or by reading it.
    async fn run(self, word: Option<LayerWord>) -> Result<(LayerContent, Option<LayerByWord>), PortError> {
        if let Some(content) = self.kept().await {
            let content = self.claimed(content)?;
            if toc::is_compared(&self.layer, &content) {
                return Ok((content, None));
            }
            // The same layer in an image that names another table of its contents.
            return Ok((self.again(content, vec![]).await?, None));
        }
        if let Some(word) = word
            && let Some(said) = words::content(&*self.registry, &self.repository, &word, self.diff_id).await
            && toc::is_compared(&self.layer, &said)
        {
            let (content, evidence) = (word.content.digest, word.evidence);
            return Ok((said, Some(LayerByWord { layer: self.layer.digest, content, evidence })));
        }
        let (layer, diff_id) = (self.layer.clone(), self.diff_id);
        let tocs = tocs::read(&*self.registry, &self.repository, &layer, None).await?;
        let content = self.read(move |bytes| analyse_verified(bytes, &layer, Some(&diff_id), tocs)).await?;
        Ok((content, None))
    }

    /// Reads the layer again, for files that must be read under other names than they have there, and for tables of contents
    /// that it was not compared with.
    pub(super) async fn again(
        self,
        content: LayerContent,
        asked: Vec<(u32, String)>,
    ) -> Result<LayerContent, PortError> {
        let layer = self.layer.clone();
        let tocs = tocs::read(&*self.registry, &self.repository, &layer, Some(&content)).await?;
        self.read(move |bytes| analyse_again(bytes, &layer, &content, &asked, tocs)).await
    }

    /// Feeds the layer to `work` and keeps what it makes of it.
    async fn read(
        self,
        work: impl FnOnce(ChunkReader) -> Result<LayerContent, LayerError> + Send + 'static,
    ) -> Result<LayerContent, PortError> {
        let stream = self.registry.blob(&self.repository, &self.layer).await?;
        let stream = match &self.staging {
            Some(staging) => staging.stage(&self.layer, stream),
            None => stream,
        };
        self.progress.begin(&format!("layer {}", self.layer.digest.short()), self.layer.size);
        let content = fed(stream, &*self.progress, &self.repository, &self.layer, work).await;
        self.progress.end();
        let content = content?;
        if let Some(bytes) = content.to_bytes() {
            // A cache that cannot be written costs time only.
            let _kept = self.cache.put(&self.layer.digest, ANALYSER, bytes.into()).await;
        }
        Ok(content)
    }

    async fn kept(&self) -> Option<LayerContent> {
        let bytes = self.cache.get(&self.layer.digest, ANALYSER).await.ok()??;
        LayerContent::from_bytes(&bytes)
    }

    /// A kept layer was verified under its blob digest; what this image claims of it must hold all the same.
    fn claimed(&self, content: LayerContent) -> Result<LayerContent, PortError> {
        if content.diff_id == self.diff_id {
            return Ok(content);
        }
        let reason = format!(
            "the image claims that its content is {}, and it is {}: the config lies about this layer",
            self.diff_id, content.diff_id
        );
        Err(self.corrupt(&reason))
    }

    fn corrupt(&self, reason: &str) -> PortError {
        corrupt(&self.repository, &self.layer, reason)
    }
}

fn corrupt(repository: &Repository, layer: &Descriptor, reason: &str) -> PortError {
    let place = format!("layer {repository}@{}", layer.digest);
    PortError::new(
        Trouble::Corrupt,
        place,
        reason,
        "rebuild the image and push it again; if it was pushed right, the registry holds other bytes than it was given",
    )
}

/// What `work` makes of a layer, which runs on the blocking pool while the layer streams in.
pub(crate) async fn fed<T: Send + 'static>(
    stream: BlobStream,
    progress: &dyn Progress,
    repository: &Repository,
    layer: &Descriptor,
    work: impl FnOnce(ChunkReader) -> Result<T, LayerError> + Send + 'static,
) -> Result<T, PortError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let work = tokio::task::spawn_blocking(move || work(ChunkReader { receiver, chunk: Bytes::new() }));
    let trouble = pump(stream, progress, sender).await;
    let made = work.await.map_err(|_| interrupted(repository))?;
    match trouble {
        Some(error) => Err(error),
        None => made.map_err(|error| corrupt(repository, layer, &error.to_string())),
    }
}

/// Sends every chunk; gives back the error that ended the stream, if one did.
async fn pump(
    mut stream: BlobStream,
    progress: &dyn Progress,
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
) -> Option<PortError> {
    while let Some(chunk) = next(&mut stream).await {
        match chunk {
            Ok(chunk) => {
                progress.advance(chunk.len() as u64);
                if sender.send(Ok(chunk)).await.is_err() {
                    return None;
                }
            }
            Err(error) => {
                let _told = sender.send(Err(io::Error::other("the download failed"))).await;
                return Some(error);
            }
        }
    }
    None
}

/// The next chunk of a stream.
pub(crate) async fn next(stream: &mut BlobStream) -> Option<Result<Bytes, PortError>> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// A blob of at most `limit` bytes, whole and verified.
pub(crate) async fn small_blob(
    reach: &Reach,
    repository: &Repository,
    blob: &Descriptor,
    limit: usize,
) -> Result<Bytes, PortError> {
    whole_blob(&*reach.registry, repository, blob, limit).await
}

/// As [`small_blob`], from a registry.
pub(super) async fn whole_blob(
    registry: &dyn Registry,
    repository: &Repository,
    blob: &Descriptor,
    limit: usize,
) -> Result<Bytes, PortError> {
    let too_large = |size: u64| {
        let place = format!("{repository}@{}", blob.digest);
        let reason = format!("{size} bytes where at most {limit} are read");
        PortError::new(Trouble::TooLarge, place, reason, "attach a smaller one")
    };
    if blob.size > limit as u64 {
        return Err(too_large(blob.size));
    }
    let mut stream = registry.blob(repository, blob).await?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next(&mut stream).await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > limit {
            return Err(too_large(bytes.len() as u64));
        }
    }
    Ok(bytes.freeze())
}

/// Reads the chunks of a channel as one stream of bytes.
pub(crate) struct ChunkReader {
    receiver: mpsc::Receiver<Result<Bytes, io::Error>>,
    chunk: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Ok(0),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(buffer.split_at_mut(count).0);
        Ok(count)
    }
}
