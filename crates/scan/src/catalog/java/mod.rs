//! Java archives (JAR File Specification): names from Maven's `pom.properties`, from the manifest, from the file's
//! name; archives inside archives; and classes that tell of a library that nobody names.

mod archive;
mod names;

use super::{Facts, File, Found, PackageKind};
use crate::limits;
use archive::{Budget, each_member};
use lockgate_model::inventory::Confidence;
use names::{Manifest, Pom};

/// Ends of the names of archives that hold classes or such archives.
const ENDS: [&str; 10] = [".jar", ".war", ".ear", ".par", ".sar", ".nar", ".jpi", ".hpi", ".lpkg", ".kar"];

pub(super) fn wants(path: &str) -> bool {
    let name = crate::paths::split(path).1;
    let end = name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default();
    ENDS.iter().any(|known| end.eq_ignore_ascii_case(known))
}

pub(super) fn read(file: &File<'_>) -> Result<Facts, String> {
    let mut facts = Facts::default();
    if file.bytes.is_empty() {
        return Ok(facts);
    }
    look(file.name(), "", file.bytes, 0, &mut Budget::new(), &mut facts)?;
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
    fingerprints: Vec<&'static str>,
    /// The folders of classes, shortest first.
    packages: Vec<String>,
}

/// Most folders of classes that are kept to guess a group from.
const FOLDERS: usize = 200;

fn look(
    name: &str,
    inside: &str,
    bytes: &[u8],
    depth: usize,
    budget: &mut Budget,
    facts: &mut Facts,
) -> Result<(), String> {
    let mut seen = Seen::default();
    let mut nested = Vec::new();
    each_member(bytes, budget, |member| {
        let path = member.name().to_owned();
        if let Some(class) = path.strip_suffix(".class") {
            seen.class(class);
        } else if path == "META-INF/MANIFEST.MF" {
            seen.manifest = Manifest::read(&member.read(limits::MEMBER_BYTES)?);
        } else if path.starts_with("META-INF/maven/") && path.ends_with("/pom.properties") {
            let pom = Pom::read(&member.read(limits::MEMBER_BYTES)?);
            seen.poms.extend(pom.map(|pom| (path, pom)));
        } else if wants(&path) {
            if depth >= limits::NESTED_DEPTH {
                let why = format!("archives are nested more than {} deep", limits::NESTED_DEPTH);
                facts.unread.push((joined(inside, &path), why));
            } else {
                nested.push((path, member.read_nested()?));
            }
        }
        Ok(())
    })?;
    seen.tell(name, inside, facts);
    for (path, bytes) in nested {
        let place = joined(inside, &path);
        let name = crate::paths::split(&path).1;
        if let Err(why) = look(name, &place, &bytes, depth + 1, budget, facts) {
            facts.unread.push((place, why));
        }
    }
    Ok(())
}

fn joined(inside: &str, path: &str) -> String {
    if inside.is_empty() { path.to_owned() } else { format!("{inside}!/{path}") }
}

impl Seen {
    fn class(&mut self, class: &str) {
        if let Some((_, library)) = names::FINGERPRINTS.iter().find(|(known, _)| *known == class) {
            self.fingerprints.push(library);
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
        let license = self.manifest.license();
        for (path, pom) in &self.poms {
            let place = joined(inside, path);
            let own = file.starts_with(&format!("{}-{}", pom.artifact, pom.version));
            facts.packages.push(Found {
                licenses: license.iter().filter(|_| own || self.poms.len() == 1).cloned().collect(),
                inside: place,
                ..Found::new(PackageKind::Maven, format!("{}:{}", pom.group, pom.artifact), &pom.version)
            });
        }
        let named = names::of_file(file);
        let told = self.poms.iter().any(|(_, pom)| {
            let own = file.strip_prefix(pom.artifact.as_str()).is_some_and(|rest| rest.starts_with('-'));
            own || named.is_some_and(|(artifact, _)| artifact == pom.artifact)
        });
        if !told
            && (self.poms.is_empty() || named.is_some())
            && let Some((artifact, version)) = names::guess(named, &self.manifest)
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
            let artifact = library.rsplit(':').next().unwrap_or(library);
            let known =
                |found: &Found| found.name.rsplit(':').next() == Some(artifact) || found.name == library;
            if !here.iter().any(known) && here.is_empty() {
                let why = format!("it has classes of {library} and does not say of which version");
                facts.unread.push((inside.to_owned(), why));
            }
        }
    }
}
