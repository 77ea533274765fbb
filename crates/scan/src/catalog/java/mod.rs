//! Java archives (JAR File Specification): names from Maven's `pom.properties`, from the manifest, from the file's
//! name; archives inside archives; and classes that tell of a library that nobody names.

mod names;

use super::archive::each_member;
use super::budget::{Budget, LayerBudget};
use super::nested::{self, Place};
use super::{Facts, File, Found, PackageKind};
use crate::limits;
use lockgate_model::inventory::Confidence;
use names::{Fingerprint, Manifest, Pom};

/// Ends of the names of archives that hold classes or such archives.
const ENDS: [&str; 10] = [".jar", ".war", ".ear", ".par", ".sar", ".nar", ".jpi", ".hpi", ".lpkg", ".kar"];

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    let end = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
    ENDS.iter().any(|known| end.eq_ignore_ascii_case(known))
}

pub(super) fn read(file: &File<'_>, layer: &LayerBudget) -> Result<Facts, String> {
    let mut facts = Facts::default();
    if file.bytes.is_empty() {
        return Ok(facts);
    }
    let place = Place::outermost(file.name());
    let budget = Budget::of_archive(file.bytes.len(), layer);
    look(&place, file.bytes, &budget, &mut facts);
    facts.packages.sort();
    facts.packages.dedup();
    Ok(facts)
}

/// What one archive holds.
#[derive(Default)]
struct Seen {
    poms: Vec<(String, Pom)>,
    manifest: Manifest,
    /// The known libraries whose classes are here.
    fingerprints: Vec<&'static Fingerprint>,
    /// The folders of classes, shortest first.
    packages: Vec<String>,
}

/// Most folders of classes that are kept to guess a group from.
const FOLDERS: usize = 200;

/// What an archive says; what cannot be read of it takes nothing from what it says of itself.
pub(super) fn look(place: &Place<'_>, bytes: &[u8], budget: &Budget<'_>, facts: &mut Facts) {
    let mut seen = Seen::default();
    let own = each_member(bytes, budget, |member| {
        let path = member.name();
        if let Some(class) = path.strip_suffix(".class") {
            seen.class(class);
        } else if path == "META-INF/MANIFEST.MF" {
            seen.manifest = Manifest::read(&member.read_description()?);
        } else if path.starts_with("META-INF/maven/") && path.ends_with("/pom.properties") {
            budget.spend(limits::PACKAGE_WORK)?;
            let pom = Pom::read(&member.read_description()?);
            seen.poms.extend(pom.map(|pom| (path.to_owned(), pom)));
        }
        Ok(())
    });
    seen.tell(place.name, place.inside, facts);
    let nested = own.and_then(|()| nested::each(place, bytes, budget, facts, wants, look));
    if let Err(why) = nested
        && budget.is_news()
    {
        facts.unread.push((place.inside.to_owned(), why));
    }
}

impl Seen {
    fn class(&mut self, class: &str) {
        if let Some(known) = Fingerprint::of(class)
            && !self.fingerprints.iter().any(|one| one.library == known.library)
        {
            self.fingerprints.push(known);
        }
        if let Some((folder, _)) = class.rsplit_once('/')
            && self.packages.len() < FOLDERS
            && self.packages.last().is_none_or(|last| last != folder)
        {
            self.packages.push(folder.to_owned());
        }
    }

    /// Adds the packages of this archive.
    fn tell(self, file: &str, inside: &str, facts: &mut Facts) {
        let first = facts.packages.len();
        let joined = |path: &str| Place { name: file, inside, depth: 0 }.joined(path);
        // Beside Maven's own record only a file with a version in its name is taken for another library, or one that its
        // manifest calls as it is called: what has a record may have been shaded into it.
        let named = names::guess(file, &self.manifest);
        let stands = || names::is_numbered(file) || self.manifest.is_called(file);
        let named = named.filter(|_| self.poms.is_empty() || stands());
        let (license, file) = (self.manifest.license(), file.to_lowercase());
        for (path, pom) in &self.poms {
            let place = joined(path);
            let own = file.starts_with(&format!("{}-{}", pom.artifact, pom.version).to_lowercase());
            facts.packages.push(Found {
                licenses: license.iter().filter(|_| own || self.poms.len() == 1).cloned().collect(),
                inside: place,
                ..Found::new(PackageKind::Maven, format!("{}:{}", pom.group, pom.artifact), &pom.version)
            });
        }
        let own = |pom: &Pom| {
            let artifact = pom.artifact.to_lowercase();
            file.strip_prefix(&artifact).is_some_and(|rest| rest.starts_with(['-', '.']))
        };
        if !self.poms.iter().any(|(_, pom)| own(pom))
            && let Some((artifact, version)) = named
        {
            let group = names::group(&artifact, &self.manifest, &self.packages);
            let name = if group.is_empty() { artifact } else { format!("{group}:{artifact}") };
            facts.packages.push(Found {
                licenses: license.into_iter().collect(),
                inside: inside.to_owned(),
                confidence: Confidence::Derived,
                ..Found::new(PackageKind::Maven, name, version)
            });
        }
        let here = facts.packages.get(first..).unwrap_or_default();
        for library in self.fingerprints {
            if !here.iter().any(|found| library.is(&found.name)) {
                let why = format!("it has classes of {} and does not say of which version", library.library);
                facts.unread.push((inside.to_owned(), why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn said(name: &str, files: &[(&str, &str)]) -> Facts {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in files {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        read(&File { path: &format!("opt/{name}"), bytes: &bytes }, &LayerBudget::new(0)).unwrap()
    }

    const LOOKUP: (&str, &str) = ("x/org/apache/logging/log4j/core/lookup/JndiLookup.class", "");
    const POM: (&str, &str) = (
        "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties",
        "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n",
    );

    #[test]
    fn shaded_classes_are_told_whatever_the_manifest_says() {
        let manifest = ("META-INF/MANIFEST.MF", "Implementation-Title: app\nImplementation-Version: 1.0\n");
        let pom = ("META-INF/maven/a/b/pom.properties", "groupId=a\nartifactId=b\nversion=1\n");
        for files in
            [&[LOOKUP][..], &[manifest, LOOKUP], &[pom, LOOKUP], &[manifest, pom, LOOKUP, LOOKUP_TWIN]]
        {
            let facts = said("app.jar", files);
            let [(_, why)] = facts.unread.as_slice() else { panic!("{facts:?}") };
            assert!(why.contains("log4j-core"), "{why}");
        }
        assert!(said("app.jar", &[POM, LOOKUP]).unread.is_empty());
        assert!(said("log4j-core-2.14.1.jar", &[LOOKUP]).unread.is_empty());
    }

    const LOOKUP_TWIN: (&str, &str) = ("org/apache/logging/log4j/core/lookup/JndiLookup.class", "");

    #[test]
    fn one_archive_is_named_once() {
        for name in ["log4j-core-2.14.1.jar", "LOG4J-CORE-2.14.1.JAR", "Log4j-Core.jar", "x.jar"] {
            let facts = said(name, &[POM]);
            let [found] = facts.packages.as_slice() else { panic!("{name}: {facts:?}") };
            assert_eq!(found.name, "org.apache.logging.log4j:log4j-core");
        }
        // A library that was shaded into another does not hide that one.
        let cglib = (
            "META-INF/maven/cglib/cglib/pom.properties",
            "groupId=cglib\nartifactId=cglib\nversion=3.2.12\n",
        );
        let guice = "Bundle-Name: guice\nBundle-SymbolicName: com.google.inject\nBundle-Version: 4.2.3\n";
        let facts = said("guice.jar", &[cglib, ("META-INF/MANIFEST.MF", guice)]);
        let names: Vec<_> = facts.packages.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["cglib:cglib", "com.google.inject:guice"]);
        let facts = said("log4j-1.2-api-2.17.1.jar", &[("org/apache/log4j/Logger.class", "")]);
        assert_eq!(facts.packages[0].name, "org.apache.logging.log4j:log4j-1.2-api");
    }
}
