//! Streams that are counted, hashed and decompressed.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lockgate_model::{Digest, Hasher};

use crate::limits;

/// Counts and hashes what is read through it; reads nothing beyond `limit` and one byte.
pub(super) struct Counted<R> {
    inner: R,
    hasher: Hasher,
    count: u64,
    limit: u64,
}

impl<R: Read> Counted<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, hasher: Hasher::new(), count: 0, limit }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The digest of what was read.
    pub(super) fn digest(self) -> Digest {
        self.hasher.finish()
    }

    /// Reads to the end; the number of bytes and their digest.
    pub(super) fn finish(mut self) -> io::Result<(u64, Digest)> {
        drain(&mut self)?;
        Ok((self.count, self.hasher.finish()))
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.count > self.limit {
            return Err(io::Error::other("more bytes than the limit"));
        }
        let read = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.count += read as u64;
        Ok(read)
    }
}

/// Reads everything that is left.
pub(super) fn drain(reader: &mut impl Read) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(drop)
}

/// How a layer is compressed, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    Gzip,
    Zstd,
}

impl Compression {
    /// OCI image-spec, layer.md; Docker image manifest v2 schema 2; both with their "foreign" kinds left out.
    pub(super) fn of(media_type: &str) -> Option<Self> {
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

    pub(super) fn decoder<'a, R: Read + 'a>(self, reader: R) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(reader),
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 << 10, reader))),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(reader)?;
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }
}
