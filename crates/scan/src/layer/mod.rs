//! Reads one layer as it streams by: hashes the compressed and the plain bytes beside, walks the tar, and hands the
//! files that catalogers ask for to them.

mod content;
mod contents;
mod header;
mod listing;
mod pax;
mod pipe;
mod rights;
mod sparse;
pub(crate) mod tar;
pub mod toc;
mod walk;

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{SyncSender, sync_channel};

use flate2::bufread::MultiGzDecoder;
use lockgate_model::{Descriptor, Digest};

pub use content::{Capabilities, Entry, Kind, LayerContent, Rights};
pub use contents::{AnalysedLayer, ContentBlob, LayerContents, PREDICATE_TYPE};
pub use listing::{Listed, Listing, list_verified};
use pipe::{Hashed, Piece, Side};
use toc::{Comparing, Toc, TocRef};

use crate::limits;

/// Why a layer is refused. Nothing that was read from it may be used.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The media type is not that of a layer.
    #[error("`{0}` is not a layer that is read: tar, gzip and zstd layers are")]
    MediaType(String),
    /// The bytes have another digest than the manifest says.
    #[error("its bytes have the digest {actual}, not {expected}: they are not what was signed")]
    WrongDigest {
        /// What the manifest says.
        expected: Digest,
        /// What the bytes have.
        actual: Digest,
    },
    /// There are more or fewer bytes than the manifest says.
    #[error("it has {actual} bytes, not {expected}")]
    WrongSize {
        /// What the manifest says.
        expected: u64,
        /// What there is; one more than expected when there is more.
        actual: u64,
    },
    /// The uncompressed bytes have another digest than the config claims.
    #[error(
        "the image claims that its content is {claimed}, and it is {actual}: the config lies about this layer"
    )]
    WrongDiffId {
        /// What the config claims.
        claimed: Digest,
        /// What the bytes have.
        actual: Digest,
    },
    /// It cannot be decompressed or is no tar.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is larger than is read.
    #[error("it has more than {limit} {what}")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many are read.
        limit: u64,
    },
}

/// How a layer is compressed, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// OCI image-spec, layer.md; Docker image manifest v2 schema 2; both with their "foreign" kinds left out.
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
                Some(Self::Plain)
            }
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Some(Self::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn decoder<'a, R: BufRead + 'a>(self, reader: R) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(reader),
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}

/// Reads the layer that `layer` describes from `blob`. `diff_id` is what the image's config claims of it.
///
/// On success every byte was read, and digest, size and diff_id are right.
pub fn analyse(
    blob: impl Read,
    layer: &Descriptor,
    diff_id: Option<&Digest>,
) -> Result<LayerContent, LayerError> {
    analyse_from(blob, layer, diff_id, true, &[], Vec::new())
}

/// The tables of contents (TOC) that a layer's descriptor names, each with what was read of it, or why that cannot be.
pub type Tocs = Vec<(TocRef, Result<Toc, String>)>;

/// As [`analyse`], from a stream that fails before its end unless its bytes have the layer's digest, as those of the
/// registry port do: they are hashed once. Size and diff_id are compared all the same, and the tar with `tocs`.
pub fn analyse_verified(
    blob: impl Read,
    layer: &Descriptor,
    diff_id: Option<&Digest>,
    tocs: Tocs,
) -> Result<LayerContent, LayerError> {
    analyse_from(blob, layer, diff_id, false, &[], tocs)
}

/// Reads a layer again, of which `content` is known, from a stream as that of [`analyse_verified`]: for files whose content is
/// asked for under a name that they do not have in the layer, by the places of their entries, and for `tocs` that it was not
/// compared with.
pub fn analyse_again(
    blob: impl Read,
    layer: &Descriptor,
    content: &LayerContent,
    asked: &[(u32, String)],
    tocs: Tocs,
) -> Result<LayerContent, LayerError> {
    let mut all: Vec<_> = content.asked.iter().chain(asked).cloned().collect();
    all.sort();
    all.dedup();
    let mut again = analyse_from(blob, layer, Some(&content.diff_id), false, &all, tocs)?;
    let known: Vec<_> = again.tocs.iter().map(|one| one.toc).collect();
    let before = content.tocs.iter().filter(|one| !known.contains(&one.toc)).cloned();
    again.tocs.extend(before);
    again.tocs.truncate(limits::TOCS);
    Ok(again)
}

fn analyse_from(
    blob: impl Read,
    layer: &Descriptor,
    diff_id: Option<&Digest>,
    hash: bool,
    asked: &[(u32, String)],
    tocs: Tocs,
) -> Result<LayerContent, LayerError> {
    let tocs: Vec<_> = tocs.into_iter().map(|(toc, read)| Comparing::new(&toc, read)).collect();
    let walked = read_layer(blob, layer, diff_id, hash, |plain| walk::walk(plain, layer, asked, tocs));
    walked.map(|(content, diff_id)| LayerContent { diff_id, ..content })
}

/// Hands the plain bytes of a layer to `walk`; what that makes of them, with their digest.
fn read_layer<T, R: Read>(
    blob: R,
    layer: &Descriptor,
    diff_id: Option<&Digest>,
    hash: bool,
    walk: impl FnOnce(&mut Plain<'_>) -> Result<T, LayerError>,
) -> Result<(T, Digest), LayerError> {
    let compression = Compression::of(&layer.media_type)
        .ok_or_else(|| LayerError::MediaType(layer.media_type.chars().take(100).collect()))?;
    let (sender, pieces) = sync_channel(pipe::WAITING);
    let (walked, drained, actual_size, digests) = std::thread::scope(|scope| {
        let hashing = scope.spawn(move || pipe::hash(&pieces));
        let mut compressed = Hashed::new(blob, Side::Compressed, hash.then(|| sender.clone()), layer.size);
        let walked = read_plain(&mut compressed, compression, sender, layer, walk);
        let drained = pipe::drain(&mut compressed);
        let count = compressed.count();
        drop(compressed);
        (walked, drained, count, hashing.join())
    });
    if actual_size > layer.size {
        return Err(LayerError::WrongSize { expected: layer.size, actual: actual_size });
    }
    drained.map_err(LayerError::Unreadable)?;
    if actual_size != layer.size {
        return Err(LayerError::WrongSize { expected: layer.size, actual: actual_size });
    }
    let digests = digests.map_err(|_| LayerError::Unreadable(io::Error::other("hashing it failed")))?;
    if hash && digests.compressed != layer.digest {
        return Err(LayerError::WrongDigest { expected: layer.digest, actual: digests.compressed });
    }
    let walked = walked?;
    match diff_id {
        Some(claimed) if *claimed != digests.plain => {
            Err(LayerError::WrongDiffId { claimed: *claimed, actual: digests.plain })
        }
        _ => Ok((walked, digests.plain)),
    }
}

/// The plain bytes of a layer.
type Plain<'a> = Hashed<Box<dyn Read + 'a>>;

fn read_plain<T>(
    compressed: &mut Hashed<impl Read>,
    compression: Compression,
    hasher: SyncSender<Piece>,
    layer: &Descriptor,
    walk: impl FnOnce(&mut Plain<'_>) -> Result<T, LayerError>,
) -> Result<T, LayerError> {
    // More than any honest compression gives ends early: the rest would be zeros to exhaust the reader.
    let most = limits::LAYER_BYTES.min(limits::SMALL_LAYER.max(layer.size.saturating_mul(limits::RATIO)));
    let decoder = compression.decoder(compressed);
    let mut plain = Hashed::new(decoder.map_err(LayerError::Unreadable)?, Side::Plain, Some(hasher), most);
    let walked = walk(&mut plain);
    let drained = if walked.is_ok() { pipe::drain(&mut plain) } else { Ok(()) };
    if plain.over() {
        return Err(LayerError::TooLarge { what: "bytes uncompressed", limit: most });
    }
    drained.map_err(LayerError::Unreadable)?;
    walked
}
