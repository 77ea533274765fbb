//! Tables of contents (TOC) of layers: zstd:chunked (containers/storage, "zstd:chunked file format") and eStargz
//! (stargz-snapshotter, "eStargz: Standard-Compatible Extensions to Tar.gz Layers for Lazy Pulling").
//!
//! Podman, CRI-O and the stargz snapshotter make a layer's files from its TOC where the manifest names one, and fetch of the
//! layer only what they lack: its tar is never looked at. Readers that do not know the TOC unpack the tar. So a layer has two
//! readings, and whoever wrote it may have made them differ. A TOC is compared with the tar entry by entry while that streams
//! by; where both do not say the same, it is told, and nobody calls the image clean.
//!
//! Runtimes look for a TOC where annotations of the layer's descriptor name it, with its digest: without that they cannot
//! trust it and unpack the tar, whatever stands at the end of the blob.

mod compare;
mod read;

use std::ops::Range;

use lockgate_model::inventory::Unread;
use lockgate_model::{Descriptor, Digest};
use serde::{Deserialize, Serialize};

use super::LayerContent;
use crate::limits;

pub(super) use compare::{Comparing, Watched};
pub use read::Toc;

/// The annotations with the digest of a compressed TOC of zstd:chunked, and those with where that is: as they are called now,
/// and as they were before 2023.
const ZSTD: [[&str; 2]; 2] = [
    [
        "io.github.containers.zstd-chunked.manifest-checksum",
        "io.github.containers.zstd-chunked.manifest-position",
    ],
    ["io.containers.zstd-chunked.manifest-checksum", "io.containers.zstd-chunked.manifest-position"],
];
/// The annotation with the digest of a TOC for the stargz snapshotter, uncompressed: of eStargz, or in a layer of
/// zstd:chunked of that one's.
const STARGZ_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";
/// Bytes of the footer of eStargz ("The footer").
const FOOTER: u64 = 51;

/// The format of a TOC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    ZstdChunked,
    /// That of zstd:chunked, known by the digest of what it is uncompressed.
    ZstdPlain,
    EStargz,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::ZstdChunked | Self::ZstdPlain => "zstd:chunked",
            Self::EStargz => "eStargz",
        }
    }
}

/// A TOC that the annotations of a layer's descriptor name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TocRef {
    format: Format,
    /// Its digest as the annotation has it.
    checksum: String,
    /// Where it is, as the annotation has it; empty for eStargz, whose footer says it.
    position: String,
}

/// Where a TOC lies in a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TocPlace {
    /// There.
    At(Range<u64>),
    /// Where the bytes there say ([`TocRef::by_footer`]).
    ByFooter(Range<u64>),
}

/// What came of comparing a layer's tar with a TOC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedToc {
    /// Which TOC ([`TocRef::key`]).
    pub toc: Digest,
    /// Where both differ first, and how; nothing where they say the same.
    pub differs: Option<(String, String)>,
}

impl TocRef {
    /// Those that a layer's descriptor names.
    pub fn of(layer: &Descriptor) -> Vec<Self> {
        let text = |key: &str| layer.annotations.get(key).cloned();
        let zstd = ZSTD.iter().filter_map(|[checksum, position]| {
            let (checksum, position) = (text(checksum)?, text(position).unwrap_or_default());
            Some(Self { format: Format::ZstdChunked, checksum, position })
        });
        let mut tocs: Vec<_> = zstd.collect();
        if let Some(checksum) = text(STARGZ_DIGEST) {
            let is_zstd = layer.media_type.ends_with("zstd");
            let format = if is_zstd { Format::ZstdPlain } else { Format::EStargz };
            let position = ZSTD.iter().find_map(|[_, position]| text(position).filter(|_| is_zstd));
            tocs.push(Self { format, checksum, position: position.unwrap_or_default() });
        }
        tocs
    }

    /// What it is known by: the digest of all that the annotations say of it.
    pub fn key(&self) -> Digest {
        let Self { format, checksum, position } = self;
        Digest::of(format!("{format:?}\n{checksum}\n{position}").as_bytes())
    }

    /// Where it lies in a blob of `size` bytes. The error says why it is nowhere, for people.
    pub fn place(&self, size: u64) -> Result<TocPlace, String> {
        if self.format == Format::EStargz {
            let start = size.checked_sub(FOOTER).ok_or("the layer is shorter than its footer")?;
            return Ok(TocPlace::ByFooter(start..size));
        }
        let numbers = self.position.split(':').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
        let Ok(&[offset, length, plain, kind]) = numbers.as_deref() else {
            return Err("its position is not four numbers with colons between them".to_owned());
        };
        if kind != 1 {
            return Err(format!("its type is {kind}, and 1 is known"));
        }
        if plain > limits::TOC_BYTES {
            return Err(format!("it has {plain} bytes; at most {} are read", limits::TOC_BYTES));
        }
        within(offset, length, size).map(TocPlace::At)
    }

    /// Where it lies, by the footer of a blob of `size` bytes (eStargz, "The footer").
    pub fn by_footer(&self, footer: &[u8], size: u64) -> Result<Range<u64>, String> {
        let field = footer.get(12..38).filter(|_| footer.starts_with(&[0x1f, 0x8b]));
        let digits = field.and_then(|field| field.strip_prefix(b"SG\x16\0")?.strip_suffix(b"STARGZ"));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let offset = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let offset = offset.ok_or("the layer does not end in the footer of eStargz")?;
        let length = size.saturating_sub(FOOTER).checked_sub(offset);
        within(offset, length.ok_or("it begins behind the end of the layer")?, size)
    }

    /// Reads it from the bytes at its place. The error says why it is not what the annotation names, for people.
    pub fn read(&self, bytes: &[u8]) -> Result<Toc, String> {
        let checksum = self.checksum.parse::<Digest>();
        let checksum = checksum.map_err(|_| "its digest in the annotation is none".to_owned())?;
        match self.format {
            Format::ZstdChunked => Toc::of_zstd(bytes, &checksum),
            Format::ZstdPlain => Toc::of_zstd_plain(bytes, &checksum),
            Format::EStargz => Toc::of_stargz(bytes, &checksum),
        }
    }

    /// Whether the tar of a layer was compared with it.
    pub fn is_compared(&self, content: &LayerContent) -> bool {
        self.found_in(content).is_some()
    }

    fn found_in(&self, content: &LayerContent) -> Option<ComparedToc> {
        let key = self.key();
        content.tocs.iter().find(|one| one.toc == key).cloned()
    }
}

fn within(offset: u64, length: u64, size: u64) -> Result<Range<u64>, String> {
    let end = offset.checked_add(length).filter(|end| *end <= size);
    let end = end.ok_or("it is not inside the layer")?;
    if length > limits::TOC_COMPRESSED_BYTES {
        return Err(format!("it has {length} bytes; at most {} are read", limits::TOC_COMPRESSED_BYTES));
    }
    Ok(offset..end)
}

/// Whether every TOC that a layer's descriptor names was compared with the layer's tar.
pub fn is_compared(layer: &Descriptor, content: &LayerContent) -> bool {
    TocRef::of(layer).iter().all(|toc| toc.is_compared(content))
}

/// What is told of the TOCs that a layer's descriptor names.
pub(crate) fn told(layer: &Descriptor, content: &LayerContent) -> Vec<Unread> {
    let tocs = TocRef::of(layer);
    let told = tocs.iter().filter_map(|toc| {
        let (path, why) = match toc.found_in(content) {
            Some(ComparedToc { differs, .. }) => differs?,
            None => (String::new(), "it was not compared with the layer".to_owned()),
        };
        let name = toc.format.name();
        let reason = format!(
            "the layer's {name} table of contents does not say what its tar says: {why}; runtimes that pull by it make \
             other files than those that unpack the tar: push the layer without it, or build it anew"
        );
        Some(Unread { layer: layer.digest, path, reason })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use lockgate_model::oci::media;

    use super::*;

    fn named(annotations: &[(&str, &str)]) -> Vec<TocRef> {
        named_by(media::OCI_LAYER_ZSTD, annotations)
    }

    fn named_by(media_type: &str, annotations: &[(&str, &str)]) -> Vec<TocRef> {
        let mut layer = Descriptor::of(media_type, b"layer");
        for (key, value) in annotations {
            layer.annotations.insert((*key).to_owned(), (*value).to_owned());
        }
        TocRef::of(&layer)
    }

    #[test]
    fn a_position_is_four_numbers_inside_the_layer() {
        let place = |position: &str| {
            let tocs = named(&[(ZSTD[0][0], "x"), (ZSTD[0][1], position)]);
            tocs.first().unwrap().place(1000)
        };
        assert_eq!(place("100:900:5:1"), Ok(TocPlace::At(100..1000)));
        let most = limits::TOC_BYTES + 1;
        for wrong in [
            "",
            "1:2:3",
            "1:2:3:1:5",
            "1:2:3:2",
            "1:x:3:1",
            "1:x:2:3:1",
            "-1:2:3:1",
            "101:900:5:1",
            "18446744073709551615:2:3:1",
            &format!("1:2:{most}:1"),
        ] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_footer_says_where_the_toc_begins() {
        let toc = named_by(media::OCI_LAYER_GZIP, &[(STARGZ_DIGEST, "x")]).remove(0);
        assert_eq!(toc.place(1000), Ok(TocPlace::ByFooter(949..1000)));
        assert!(toc.place(50).is_err());
        let footer = |offset: &str| {
            let mut footer = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0];
            footer.extend(b"SG\x16\0");
            footer.extend(offset.as_bytes());
            footer.extend(b"STARGZ");
            footer.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
            footer
        };
        assert_eq!(footer("0000000000000100").len(), 51);
        assert_eq!(toc.by_footer(&footer("0000000000000100"), 1000), Ok(256..949));
        assert!(toc.by_footer(&footer("00000000000003b6"), 1000).is_err());
        assert!(toc.by_footer(&footer("ffffffffffffffff"), 1000).is_err());
        assert!(toc.by_footer(&footer("000000000000010x"), 1000).is_err());
        assert!(toc.by_footer(&footer("0000000000000100")[..37], 1000).is_err());
    }

    #[test]
    fn annotations_that_say_something_else_name_another_toc() {
        let key = |annotations: &[(&str, &str)]| named(annotations).first().unwrap().key();
        let one = key(&[(ZSTD[0][0], "a"), (ZSTD[0][1], "1:2:3:1")]);
        assert_ne!(one, key(&[(ZSTD[0][0], "b"), (ZSTD[0][1], "1:2:3:1")]));
        assert_ne!(one, key(&[(ZSTD[0][0], "a"), (ZSTD[0][1], "2:2:3:1")]));
        assert_ne!(key(&[(ZSTD[0][0], "a")]), key(&[(STARGZ_DIGEST, "a")]));
        assert_eq!(named(&[(ZSTD[0][0], "a"), (STARGZ_DIGEST, "a")]).len(), 2);
        // As they were called before, and for two readers of one layer.
        let old = [(ZSTD[1][0], "a"), (ZSTD[1][1], "1:2:3:1")];
        assert_eq!(key(&old), one);
        let both = named(&[old[0], old[1], (STARGZ_DIGEST, "b")]);
        assert_eq!(
            both.iter().map(|toc| toc.format).collect::<Vec<_>>(),
            [Format::ZstdChunked, Format::ZstdPlain]
        );
        assert_eq!(both[1].place(1000), Ok(TocPlace::At(1..3)));
        // Nobody can trust a TOC without its digest.
        assert!(named(&[(ZSTD[0][1], "1:2:3:1")]).is_empty());
    }
}
