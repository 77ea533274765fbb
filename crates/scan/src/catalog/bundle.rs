//! Java archives, wheels and eggs inside archives that nothing loads as they lie there: zip files, and tars, which may be
//! compressed (GNU tar manual; RFC 1952). What they name is declared: somebody would have to unpack them first.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lockgate_model::inventory::Confidence;

use super::budget::{Budget, LayerBudget, swollen};
use super::nested::{self, Place};
use super::{Facts, File, java, zipped};
use crate::layer::tar::{MemberKind, TarReader};
use crate::{limits, paths};

/// What a zip file with something in it begins with.
const ZIP: &[u8] = b"PK\x03\x04";
/// What a stream of gzip begins with.
const GZIP: &[u8] = b"\x1f\x8b";

pub(super) fn wants(path: &str) -> bool {
    let name = paths::split(path).1;
    [".zip", ".tar", ".tgz", ".tar.gz"].iter().any(|end| {
        let own = name.len().checked_sub(end.len()).and_then(|at| name.get(at..));
        own.is_some_and(|own| own.eq_ignore_ascii_case(end))
    })
}

pub(super) fn read(file: &File<'_>, layer: &LayerBudget) -> Result<Facts, String> {
    let mut facts = Facts::default();
    let budget = Budget::of_archive(file.bytes.len(), layer);
    look(&Place::outermost(file.name()), file.bytes, &budget, &mut facts);
    for found in &mut facts.packages {
        found.confidence = Confidence::Declared;
    }
    facts.packages.sort();
    facts.packages.dedup();
    Ok(facts)
}

/// Whether the member of that name may have packages in it.
fn has_packages(name: &str) -> bool {
    java::wants(name) || zipped::wants(name) || wants(name)
}

/// Adds what an archive says, or what is in it.
fn look(place: &Place<'_>, bytes: &[u8], budget: &Budget<'_>, facts: &mut Facts) {
    if java::wants(place.name) {
        return java::look(place, bytes, budget, facts);
    }
    if zipped::wants(place.name) {
        return zipped::look(place, bytes, budget, facts);
    }
    let read = if bytes.starts_with(ZIP) {
        nested::each(place, bytes, budget, facts, has_packages, look)
    } else if bytes.starts_with(GZIP) {
        each_of_tar(
            place,
            BufReader::new(Inflated { inner: MultiGzDecoder::new(bytes), budget }),
            budget,
            facts,
        )
    } else {
        each_of_tar(place, bytes, budget, facts)
    };
    if let Err(why) = read
        && budget.is_news()
    {
        facts.unread.push((place.inside.to_owned(), why));
    }
}

/// What is not a tar says nothing: the name is used for other things too.
fn each_of_tar(
    place: &Place<'_>,
    bytes: impl BufRead,
    budget: &Budget<'_>,
    facts: &mut Facts,
) -> Result<(), String> {
    let mut tar = TarReader::new(bytes);
    for at in 0..limits::ARCHIVE_MEMBERS {
        let member = match tar.next() {
            Ok(Some(member)) => member,
            Ok(None) => return Ok(()),
            Err(_) if at == 0 && !budget.is_over() => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        budget.spend(limits::MEMBER_WORK)?;
        let path = paths::text(&member.path);
        if member.kind != MemberKind::File || !has_packages(&path) {
            continue;
        }
        let inside = place.joined(&path);
        let Some(place) = place.below(&path, &inside, facts) else { return Ok(()) };
        let most = swollen(member.size).min(budget.held());
        let mut bytes = Vec::new();
        let read = tar.content().take(most.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| format!("{path}: {error}"))?;
        let held = bytes.len() as u64;
        budget.spend(held)?;
        budget.hold(held)?;
        look(&place, &bytes, budget, facts);
        budget.release(held);
        nested::patience(budget, facts)?;
    }
    Err(format!("it has more than {} files", limits::ARCHIVE_MEMBERS))
}

/// What a stream inflates to, out of a budget.
struct Inflated<'a, R> {
    inner: R,
    budget: &'a Budget<'a>,
}

impl<R: Read> Read for Inflated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.budget.spend(read as u64).map_err(io::Error::other)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn said(path: &str, bytes: &[u8]) -> Vec<String> {
        let facts = read(&File { path, bytes }, &LayerBudget::of_file(bytes.len())).unwrap();
        let named = facts
            .packages
            .iter()
            .map(|one| format!("{} {} {:?} {}", one.name, one.version, one.confidence, one.inside));
        named.chain(facts.unread.into_iter().map(|(place, why)| format!("{place}: {why}"))).collect()
    }

    const POM: &str = "META-INF/maven/g/a/pom.properties";

    fn jar() -> Vec<u8> {
        zip(&[(POM, b"groupId=g\nartifactId=a\nversion=1\n")])
    }

    fn wheel() -> Vec<u8> {
        zip(&[("a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n")])
    }

    #[test]
    fn archives_in_archives_count() {
        let (jar, wheel) = (jar(), wheel());
        let files = [("lib/a.jar", jar.as_slice()), ("x/a.whl", &wheel), ("a.txt", &jar)];
        let expected = [
            "a 1 Declared x/a.whl!/a-1.dist-info/METADATA".to_owned(),
            format!("g:a 1 Declared lib/a.jar!/{POM}"),
        ];
        let (zipped, tarred) = (zip(&files), tar(&files));
        for (path, bytes) in [
            ("opt/dist.zip", zipped.clone()),
            ("opt/DIST.ZIP", zipped),
            ("opt/dist.tar", tarred.clone()),
            ("opt/dist.tgz", gzip(&tarred)),
            ("opt/dist.tar.gz", gzip(&tarred)),
        ] {
            assert_eq!(said(path, &bytes), expected, "{path}");
        }
        let twice = zip(&[("in/dist.tgz", &gzip(&tarred))]);
        assert_eq!(said("a.zip", &twice).len(), 2);
        assert!(said("a.zip", &twice)[1].contains("in/dist.tgz!/lib/a.jar!/META-INF"));
    }

    #[test]
    fn what_is_no_archive_says_nothing() {
        for bytes in [&b""[..], b"x", &[0; 2000], &gzip(b"text"), &gzip(&[])] {
            assert_eq!(said("a.zip", bytes), [""; 0]);
            assert_eq!(said("a.tar.gz", bytes), [""; 0]);
        }
        assert!(!wants("a/zip") && !wants("a.jar") && !wants("a.gz") && wants("a/b.Tar.Gz"));
    }

    #[test]
    fn what_cannot_be_read_in_one_is_told() {
        let cut = &tar(&[("a.txt", b"x"), ("a.jar", &jar())])[..1600];
        assert_eq!(said("a.tar", cut).len(), 1);
        assert!(said("a.zip", b"PK\x03\x04rubbish")[0].contains("not a readable archive"));
        assert!(said("a.zip", &zip(&[("x/a.jar", b"junk")]))[0].starts_with("x/a.jar: "));
        let mut deep = zip(&[("a.zip", b"")]);
        for _ in 0..=limits::NESTED_DEPTH {
            deep = zip(&[("a.zip", &deep)]);
        }
        let told = said("a.zip", &deep);
        assert!(told.len() == 1 && told[0].contains("nested more than"), "{told:?}");
    }

    #[test]
    fn streams_that_swell_end() {
        let layer = LayerBudget::new(0);
        let budget = Budget::of_archive(0, &layer);
        budget.spend(limits::ARCHIVE_WORK - 5000).unwrap();
        let mut facts = Facts::default();
        let swelling = gzip(&tar(&[("a.txt", &[0; 4000]), ("b.txt", &[0; 4000]), ("a.jar", &jar())]));
        look(&Place::outermost("a.tgz"), &swelling, &budget, &mut facts);
        let [(_, why)] = facts.unread.as_slice() else { panic!("{facts:?}") };
        assert!(why.contains("units of work") && facts.packages.is_empty(), "{why}");
    }
}
