//! One package's header (rpm.org, "RPM V4 Package format", "Header"): an index of tags over a store of values.

use data_encoding::HEXLOWER;

use super::super::{Facts, Found, Owned, PackageKind, Sum, may_speak};
use crate::limits;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const LICENSE: u32 = 1014;
const ARCH: u32 = 1022;
const FILE_DIGESTS: u32 = 1035;
const SOURCE_RPM: u32 = 1044;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

/// Most tags of one header, and most bytes of its values (rpm, `hdrblobInit`).
const TAGS: usize = 65_535;
/// Most strings of one tag.
const STRINGS: usize = 4_000_000;

/// A header being read.
struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

impl<'a> Header<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let tags = number(bytes, 0)? as usize;
        let length = number(bytes, 4)? as usize;
        if tags > TAGS {
            return None;
        }
        let store = 8 + tags * 16;
        Some(Self { index: bytes.get(8..store)?, store: bytes.get(store..store.checked_add(length)?)? })
    }

    /// Where the values of `tag` begin, and how many there are.
    fn find(&self, tag: u32) -> Option<(&'a [u8], usize)> {
        let entry = self.index.chunks_exact(16).find(|entry| number(entry, 0) == Some(tag))?;
        let (offset, count) = (number(entry, 8)? as usize, number(entry, 12)? as usize);
        Some((self.store.get(offset..)?, count))
    }

    /// Whether `tag` is there more than once: rpm takes one of them, and which is not said.
    fn ambiguous(&self, tag: u32) -> bool {
        self.index.chunks_exact(16).filter(|entry| number(entry, 0) == Some(tag)).nth(1).is_some()
    }

    fn text(&self, tag: u32) -> String {
        self.find(tag).and_then(|(bytes, _)| strings(bytes, 1).pop()).unwrap_or_default()
    }

    fn texts(&self, tag: u32) -> Vec<String> {
        self.find(tag).map(|(bytes, count)| strings(bytes, count.min(STRINGS))).unwrap_or_default()
    }

    fn numbers(&self, tag: u32) -> Vec<u32> {
        let Some((bytes, count)) = self.find(tag) else { return Vec::new() };
        bytes.chunks_exact(4).take(count).filter_map(|four| number(four, 0)).collect()
    }
}

/// Texts that end with a zero byte each.
fn strings(bytes: &[u8], count: usize) -> Vec<String> {
    let texts = bytes.split(|byte| *byte == 0).take(count);
    texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// Adds what a header says.
pub(super) fn read(bytes: &[u8], facts: &mut Facts) -> Result<(), String> {
    let header = Header::new(bytes).ok_or("a package's header is malformed")?;
    let (name, version) = (header.text(NAME), header.text(VERSION));
    if name.is_empty() || version.is_empty() {
        return Err("a package's header lacks its name or version".to_owned());
    }
    // Keys for signatures stand among the packages.
    if name == "gpg-pubkey" {
        return Ok(());
    }
    let epoch = header.numbers(EPOCH).first().map_or_else(String::new, u32::to_string);
    let evr = format!("{version}-{}", header.text(RELEASE));
    facts.packages.push(package(
        &name,
        &evr,
        &epoch,
        &header.text(ARCH),
        &header.text(SOURCE_RPM),
        &header.text(LICENSE),
    ));
    facts.owned.extend(owned(&header, &name)?);
    if [NAME, VERSION, RELEASE, EPOCH].iter().any(|tag| header.ambiguous(*tag)) {
        let name: String = name.chars().take(80).collect();
        return Err(format!("the header of `{name}` has its name or version more than once"));
    }
    Ok(())
}

/// A package from what its header or a manifest says.
pub(super) fn package(
    name: &str,
    version: &str,
    epoch: &str,
    architecture: &str,
    source: &str,
    license: &str,
) -> Found {
    let with_epoch = |version: &str| match epoch {
        "" | "0" | "(none)" => version.to_owned(),
        epoch => format!("{epoch}:{version}"),
    };
    let version = with_epoch(version);
    let source = source_package(source)
        .map(|(name, version)| [name.to_owned(), with_epoch(version)])
        .filter(|[source, source_version]| source != name || *source_version != version);
    Found {
        source,
        architecture: if architecture == "(none)" { String::new() } else { architecture.to_owned() },
        licenses: if license.is_empty() { vec![] } else { vec![license.to_owned()] },
        ..Found::new(PackageKind::Rpm, name, version)
    }
}

/// `NAME-VERSION-RELEASE.src.rpm`
fn source_package(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or_else(|| stem.strip_suffix(".nosrc"))?;
    let release = stem.rfind('-')?;
    let version = stem.get(..release)?.rfind('-')?;
    Some((stem.get(..version)?, stem.get(version + 1..)?))
}

fn owned(header: &Header<'_>, owner: &str) -> Result<Vec<Owned>, String> {
    let (folders, sums) = (header.texts(DIR_NAMES), header.texts(FILE_DIGESTS));
    let names = header.texts(BASE_NAMES);
    let places = header.numbers(DIR_INDEXES);
    let (mut files, mut bytes) = (Vec::new(), 0);
    for (at, (name, place)) in names.iter().zip(&places).enumerate() {
        let Some(folder) = folders.get(*place as usize) else { continue };
        // No file of an image has a longer path; and a long one named often would fill the memory.
        if folder.len() + name.len() > limits::PATH_BYTES {
            continue;
        }
        let path = format!("{}{name}", folder.trim_start_matches('/'));
        if may_speak(&path) {
            bytes += path.len();
            if bytes > limits::OWNED_BYTES {
                let owner: String = owner.chars().take(80).collect();
                return Err(format!(
                    "the names of the files of `{owner}` have more than {} bytes",
                    limits::OWNED_BYTES
                ));
            }
            let sum = sums.get(at).and_then(|sum| HEXLOWER.decode(sum.as_bytes()).ok());
            files.push(Owned { path, owner: owner.to_owned(), sum: sum.and_then(by_length) });
        }
    }
    Ok(files)
}

/// Which digest it is shows in its length: MD5 in old packages, SHA-256 since 2009.
fn by_length(sum: Vec<u8>) -> Option<Sum> {
    match sum.len() {
        16 => sum.try_into().ok().map(Sum::Md5),
        20 => sum.try_into().ok().map(Sum::Sha1),
        32 => sum.try_into().ok().map(Sum::Sha256),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of these texts.
    fn header(tags: &[(u32, &str)]) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, text) in tags {
            for number in [*tag, 6, u32::try_from(store.len()).unwrap(), 1] {
                index.extend(number.to_be_bytes());
            }
            store.extend(text.as_bytes());
            store.push(0);
        }
        let lengths = [tags.len(), store.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
        [lengths.concat(), index, store].concat()
    }

    #[test]
    fn a_header_says_one_thing() {
        let bash = [(NAME, "bash"), (VERSION, "5.1"), (RELEASE, "2")];
        let mut facts = Facts::default();
        assert_eq!(read(&header(&bash), &mut facts), Ok(()));
        assert_eq!(facts.packages[0].version, "5.1-2");
        let twice = [&bash[..], &[(VERSION, "9")]].concat();
        assert!(read(&header(&twice), &mut facts).is_err() && facts.packages.len() == 2);
        assert!(read(&header(&bash[..1]), &mut facts).is_err() && read(b"rubbish", &mut facts).is_err());
    }

    #[test]
    fn names_the_source_package() {
        let found = package("bash-doc", "5.1-2.el9", "1", "noarch", "bash-5.1-2.el9.src.rpm", "GPLv3+");
        assert_eq!(found.version, "1:5.1-2.el9");
        assert_eq!(found.source.unwrap(), ["bash", "1:5.1-2.el9"]);
        assert_eq!(package("bash", "5.1-2", "", "", "bash-5.1-2.src.rpm", "").source, None);
        assert_eq!(source_package("x.rpm"), None);
    }
}
