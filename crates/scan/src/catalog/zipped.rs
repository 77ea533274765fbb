//! Packages that are loaded from an archive: Python's zipped eggs and applications (setuptools, "Zipped eggs"; PEP 441), and the
//! packages that Yarn keeps zipped (Yarn, "Plug'n'Play"). What a wheel names is declared: it is not installed.

use lockgate_model::inventory::Confidence;

use super::archive::each_member;
use super::budget::{Budget, LayerBudget};
use super::nested::{self, Place};
use super::{Facts, File, npm, python};
use crate::limits;

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    match end(name) {
        "egg" | "pyz" | "pex" | "whl" => true,
        // `NAME-npm-VERSION-HASH.zip`
        "zip" => name.contains("-npm-"),
        _ => false,
    }
}

/// What follows the last dot of a file's name.
fn end(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, end)| end)
}

pub(super) fn read(file: &File<'_>, layer: &LayerBudget) -> Result<Facts, String> {
    let mut facts = Facts::default();
    if !file.bytes.is_empty() {
        let budget = Budget::of_archive(file.bytes.len(), layer);
        look(&Place::outermost(file.name()), file.bytes, &budget, &mut facts);
    }
    Ok(facts)
}

/// Adds what the descriptions in an archive say.
pub(super) fn look(place: &Place<'_>, bytes: &[u8], budget: &Budget<'_>, facts: &mut Facts) {
    let loaded = end(place.name) != "whl";
    let read = each_member(bytes, budget, |member| {
        let path = member.name();
        if python::wants(path) || npm::is_package(path) && npm::wants(path) {
            budget.spend(limits::PACKAGE_WORK)?;
            describe(path, place.joined(path), &member.read_description()?, loaded, facts);
        }
        nested::patience(budget, facts)
    });
    if let Err(why) = read
        && budget.is_news()
    {
        facts.unread.push((place.inside.to_owned(), why));
    }
}

/// Adds what the description at `path` in the archive says, which is `inside` the outermost one.
fn describe(path: &str, inside: String, bytes: &[u8], loaded: bool, facts: &mut Facts) {
    let said = match super::read(path, bytes) {
        Ok(said) => said,
        Err(why) => return facts.unread.push((inside, why)),
    };
    for mut found in super::at(path, &said).into_owned() {
        if !loaded {
            found.confidence = Confidence::Declared;
        }
        inside.clone_into(&mut found.inside);
        facts.packages.push(found);
    }
    facts.unread.extend(said.unread.into_iter().map(|(_, why)| (inside.clone(), why)));
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn said(name: &str, files: &[(&str, &str)]) -> Vec<String> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let facts = read(&File { path: name, bytes: &bytes }, &LayerBudget::new(0)).unwrap();
        let named = facts
            .packages
            .iter()
            .map(|one| format!("{} {} {:?} {}", one.name, one.version, one.confidence, one.inside));
        named.chain(facts.unread.into_iter().map(|(_, why)| why)).collect()
    }

    #[test]
    fn descriptions_in_archives_count() {
        let egg = [("EGG-INFO/PKG-INFO", "Name: Jinja2\nVersion: 2.4.1\n"), ("jinja2/__init__.py", "")];
        assert_eq!(said("lib/Jinja2-2.4.1-py3.8.egg", &egg), ["jinja2 2.4.1 Recorded EGG-INFO/PKG-INFO"]);
        let wheel = [("jinja2-2.4.1.dist-info/METADATA", "Name: Jinja2\nVersion: 2.4.1\n")];
        let inside = "jinja2-2.4.1.dist-info/METADATA";
        assert_eq!(said("x/app.pyz", &wheel), [format!("jinja2 2.4.1 Recorded {inside}")]);
        assert_eq!(said("x/a.whl", &wheel), [format!("jinja2 2.4.1 Declared {inside}")]);
        let yarn = [
            ("node_modules/lodash/package.json", "{\"version\":\"4.17.4\"}"),
            ("node_modules/lodash/test/package.json", "{\"name\":\"a\",\"version\":\"1\"}"),
        ];
        let zip = ".yarn/cache/lodash-npm-4.17.4-6e4fc7b34b-8.zip";
        assert_eq!(said(zip, &yarn), ["lodash 4.17.4 Recorded node_modules/lodash/package.json"]);
        assert_eq!(said("x.egg", &[("EGG-INFO/PKG-INFO", "Name: a\n")]).len(), 1);
        assert!(wants(zip) && wants("x.pex") && !wants("x.zip") && !wants("egg"));
    }

    #[test]
    fn what_is_not_an_archive_is_told() {
        let said = |bytes: &[u8]| read(&File { path: "a.egg", bytes }, &LayerBudget::new(0)).unwrap();
        assert_eq!(said(b""), Facts::default());
        let why = "it is not a readable archive";
        assert_eq!(said(b"PK\x03\x04rubbish").unread, [(String::new(), why.to_owned())]);
    }
}
