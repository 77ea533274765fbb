//! OSV-Scanner's JSON (google/osv-scanner, `pkg/models/results.go`). It says neither when it was made nor of which image:
//! it counts inside a cosign predicate, which says the first.

use serde_json::Value;

use super::{Looked, Raw, Reported, by_score, severity, short};
use crate::catalog::documents::{list, word};
use crate::shape::{Fields, Shape, Shapes, check};
use crate::version::family;

const REPORT: Shape = Shape::Object(&Fields {
    must: &[("results", Shape::List(&RESULT, 0))],
    may: &[],
    other: &["experimental_config", "image_metadata", "license_summary"],
    open: true,
});
const RESULT: Shape = Shape::Object(&Fields {
    must: &[("packages", Shape::List(&ENTRY, 0))],
    may: &[("source", Shape::Maybe(&SOURCE))],
    other: &["experimental_annotations"],
    open: true,
});
const SOURCE: Shape =
    Shape::Object(&Fields { must: &[], may: &[("path", Shape::Text)], other: &["type"], open: true });
const ENTRY: Shape = Shape::Object(&Fields {
    must: &[("package", PACKAGE)],
    may: &[
        ("vulnerabilities", Shape::Maybe(&Shape::List(&RECORD, 0))),
        ("groups", Shape::Maybe(&Shape::List(&GROUP, 0))),
    ],
    other: &["licenses", "license_violations", "dependency_groups", "metadata"],
    open: true,
});
const PACKAGE: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("name", Shape::Text), ("ecosystem", Shape::Text), ("version", Shape::Text)],
    other: &["commit", "os_package_name", "deprecated", "inventory"],
    open: true,
});
const RECORD: Shape = Shape::Object(&Fields {
    must: &[("id", Shape::Said)],
    may: &[("aliases", Shape::Maybe(&Shape::List(&Shape::Said, 0)))],
    other: &["affected", "severity", "summary", "details", "database_specific", "references", "related"],
    open: true,
});
const GROUP: Shape = Shape::Object(&Fields {
    must: &[("ids", Shape::List(&Shape::Said, 1))],
    may: &[("aliases", Shape::Maybe(&Shape::List(&Shape::Said, 0))), ("max_severity", Shape::Text)],
    other: &["experimentalAnalysis", "experimental_analysis"],
    open: true,
});

pub(super) fn knows(document: &Value) -> bool {
    let results = document.get("results").and_then(Value::as_array);
    results.is_some_and(|results| results.iter().all(|one| one.get("packages").is_some_and(Value::is_array)))
        && document.get("runs").is_none()
}

pub(super) fn read(document: &Value, shapes: Shapes) -> Result<Raw, String> {
    if shapes.is_strict() {
        check(document, &REPORT)?;
    }
    let packages = list(document, "results").iter().flat_map(|result| list(result, "packages"));
    Ok(Raw {
        scanner: "osv-scanner".to_owned(),
        vulnerabilities: packages.flat_map(of_package).collect(),
        at: list(document, "results").iter().flat_map(looked).collect(),
        ..Raw::default()
    })
}

/// The packages that a result lists, each with the file that names it.
fn looked(result: &Value) -> Vec<Looked> {
    let path = result.get("source").map(|source| word(source, "path")).unwrap_or_default();
    let of = |entry: &Value| {
        let ecosystem = word(entry.get("package").unwrap_or(&Value::Null), "ecosystem");
        // `Ubuntu:22.04:LTS`
        let release = ecosystem.split(':').take(2).collect::<Vec<_>>().join(":");
        let ecosystem = if family(ecosystem) == "Ubuntu" { release } else { ecosystem.to_owned() };
        let file = Looked::file(&ecosystem, path);
        (!ecosystem.is_empty()).then(|| Looked::at(&ecosystem)).into_iter().chain(file)
    };
    list(result, "packages").iter().flat_map(of).filter(|one| !one.ecosystem.is_empty()).collect()
}

/// The vulnerabilities of a package: a group of names is one vulnerability.
fn of_package(entry: &Value) -> Vec<Reported> {
    let package = entry.get("package").unwrap_or(&Value::Null);
    let records = list(entry, "vulnerabilities");
    let groups = list(entry, "groups");
    let grouped = groups.iter().map(|group| {
        let names = list(group, "ids").iter().chain(list(group, "aliases")).filter_map(Value::as_str);
        (names.map(short).collect::<Vec<_>>(), word(group, "max_severity").parse().ok().map(by_score))
    });
    let alone = |record: &Value| {
        let aliases = list(record, "aliases").iter().filter_map(Value::as_str);
        let names: Vec<_> = std::iter::once(word(record, "id")).chain(aliases).map(short).collect();
        let in_group = groups.iter().any(|group| {
            list(group, "ids").iter().filter_map(Value::as_str).any(|id| id == word(record, "id"))
        });
        (!in_group).then_some((names, None))
    };
    let all: Vec<_> = grouped.chain(records.iter().filter_map(alone)).collect();
    let vulnerability = |(names, score): (Vec<String>, Option<_>)| {
        let of_vulnerability =
            || records.iter().filter(|record| names.iter().any(|name| name == word(record, "id")));
        let word_of = |record: &Value| {
            record.pointer("/database_specific/severity").and_then(Value::as_str).and_then(severity)
        };
        let rated = score.or_else(|| of_vulnerability().filter_map(word_of).max());
        let fixed = of_vulnerability().find_map(|record| fixed(record, package));
        let mut reported = Reported::of("", word(package, "name"), word(package, "version"));
        family(word(package, "ecosystem")).clone_into(&mut reported.ecosystem);
        let reported = reported.rated(rated);
        Reported { names: names.into_iter().filter(|name| !name.is_empty()).collect(), fixed, ..reported }
    };
    all.into_iter().map(vulnerability).collect()
}

/// A version with the fix, as a record says of that package.
fn fixed(record: &Value, package: &Value) -> Option<String> {
    let same = |one: &&Value| {
        let named = one.get("package").unwrap_or(&Value::Null);
        word(named, "name") == word(package, "name")
            && family(word(named, "ecosystem")) == family(word(package, "ecosystem"))
    };
    let affected = list(record, "affected").iter().filter(same);
    let events = affected.flat_map(|one| list(one, "ranges")).flat_map(|range| list(range, "events"));
    events.filter_map(|event| event.get("fixed").and_then(Value::as_str)).map(short).next_back()
}
