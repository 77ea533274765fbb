//! Reads one layer as it streams by: hashes the compressed and the plain bytes, walks the tar, and hands the
//! files that catalogers ask for to them.

mod content;
mod stream;
mod walk;

use std::io::Read;

use lockgate_model::{Descriptor, Digest};

pub use content::{Entry, Kind, LayerContent};
use stream::{Compression, Counted, drain};

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
        /// What there is.
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
    Unreadable(#[source] std::io::Error),
    /// It is larger than is read.
    #[error("it has more than {limit} {what}")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many are read.
        limit: u64,
    },
}

/// Reads the layer that `layer` describes from `blob`. `diff_id` is what the image's config claims of it.
///
/// On success every byte was read, and digest, size and diff_id are right.
pub fn analyse(
    blob: impl Read,
    layer: &Descriptor,
    diff_id: Option<&Digest>,
) -> Result<LayerContent, LayerError> {
    let compression = Compression::of(&layer.media_type)
        .ok_or_else(|| LayerError::MediaType(layer.media_type.chars().take(100).collect()))?;
    let mut compressed = Counted::new(blob, u64::MAX);
    let walked = read_plain(&mut compressed, compression, layer);
    let (actual_size, actual) = compressed.finish().map_err(LayerError::Unreadable)?;
    if actual_size != layer.size {
        return Err(LayerError::WrongSize { expected: layer.size, actual: actual_size });
    }
    if actual != layer.digest {
        return Err(LayerError::WrongDigest { expected: layer.digest, actual });
    }
    let content = walked?;
    match diff_id {
        Some(claimed) if *claimed != content.diff_id => {
            Err(LayerError::WrongDiffId { claimed: *claimed, actual: content.diff_id })
        }
        _ => Ok(content),
    }
}

fn read_plain(
    compressed: &mut impl Read,
    compression: Compression,
    layer: &Descriptor,
) -> Result<LayerContent, LayerError> {
    let decoder = compression.decoder(compressed).map_err(LayerError::Unreadable)?;
    let mut plain = Counted::new(decoder, limits::LAYER_BYTES);
    let walked = walk::walk(&mut plain, &layer.digest);
    if walked.is_ok() {
        drain(&mut plain).map_err(LayerError::Unreadable)?;
    }
    if plain.count() > limits::LAYER_BYTES {
        return Err(LayerError::TooLarge { what: "bytes uncompressed", limit: limits::LAYER_BYTES });
    }
    let mut content = walked?;
    content.diff_id = plain.digest();
    Ok(content)
}
