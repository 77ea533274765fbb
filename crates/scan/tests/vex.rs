//! VEX documents: what they say, what they are refused for, and that no document whatever makes the reader panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod spoil;

use lockgate_model::Digest;
use lockgate_scan::Shapes;
use lockgate_scan::purl::Purl;
use lockgate_scan::vex::{Document, Place, Status};
use proptest::prelude::*;
use serde_json::{Value, json};
use xtask::parts::{arena_signing, or_skip};

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const CSAF: &str = "https://docs.oasis-open.org/csaf/csaf/v2.0";

/// Reads as Editions up to 2026-2 do; how new ones read is in `strict.rs`.
fn read(kind: &str, value: &Value) -> Option<Result<Document, String>> {
    lockgate_scan::vex::read(kind, value, Shapes::Lenient).into_result()
}

/// The documents of our own, each with its type.
fn own() -> [(&'static str, Value); 4] {
    let json = |text: &str| serde_json::from_str(text).unwrap();
    [
        (OPENVEX, json(include_str!("documents/openvex.json"))),
        ("https://openvex.dev/ns", json(include_str!("documents/openvex-0.0.1.json"))),
        (CYCLONEDX, json(include_str!("documents/cyclonedx-vex.json"))),
        (CSAF, json(include_str!("documents/csaf.json"))),
    ]
}

fn document(at: usize) -> Document {
    let (kind, value) = &own()[at];
    read(kind, value).unwrap().unwrap()
}

/// The artifact that the documents speak of.
fn artifact() -> Digest {
    format!("sha256:{}", "1".repeat(64)).parse().unwrap()
}

/// What a document says about a vulnerability of a package in an artifact.
fn says(document: &Document, vulnerability: &str, artifact: Digest, package: &str) -> Vec<Status> {
    let packages = [Purl::parse(package).unwrap()];
    let place = Place {
        digests: &[artifact],
        service: "web",
        architecture: "amd64",
        packages: &packages,
        shapes: Shapes::Lenient,
    };
    let about = document.statements.iter().filter(|one| one.names.iter().any(|name| name == vulnerability));
    about.filter(|one| one.is_about(&place)).map(|one| one.status).collect()
}

const ZLIB: &str = "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1";
const MUSL: &str = "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1";

#[test]
fn openvex_says_what_it_says_of_the_product_it_names() {
    let document = document(0);
    assert_eq!(document.author, "Example Security <security@example.com>");
    let other = Digest::of(b"another artifact");
    let newer = ZLIB.replace("r2", "r3");
    for (vulnerability, artifact, package, expected) in [
        ("CVE-2026-0001", artifact(), ZLIB, vec![Status::NotAffected]),
        ("GHSA-aaaa-bbbb-cccc", artifact(), ZLIB, vec![Status::NotAffected]),
        ("CVE-2026-0001", artifact(), MUSL, vec![]),
        ("CVE-2026-0001", artifact(), &newer, vec![]),
        ("CVE-2026-0001", other, ZLIB, vec![]),
        ("CVE-2026-0002", artifact(), MUSL, vec![Status::Affected]),
        ("CVE-2026-0002", other, MUSL, vec![]),
        // No product: whatever the attestation is about.
        ("CVE-2026-0003", other, MUSL, vec![Status::Fixed]),
        ("CVE-2026-0005", other, MUSL, vec![Status::UnderInvestigation]),
        ("CVE-2026-0005", other, ZLIB, vec![]),
    ] {
        assert_eq!(says(&document, vulnerability, artifact, package), expected, "{vulnerability} {package}");
    }
    let first = &document.statements[0];
    assert_eq!(first.justification, "vulnerable_code_not_in_execute_path: inflateBack is never called");
    assert_eq!(first.at.unwrap().to_string(), "2026-11-01T08:00:00Z");
    assert_eq!(
        document.statements[1].at.unwrap().to_string(),
        "2026-10-01T00:00:00Z",
        "a statement's own time counts"
    );
    assert_eq!(document.incomplete, ["the statement about CVE-2026-0004 says `not_affected` and not why"]);
}

#[test]
fn plain_openvex_names_packages() {
    let document = document(1);
    assert_eq!(says(&document, "CVE-2026-0001", artifact(), ZLIB), [Status::Fixed]);
    assert_eq!(says(&document, "CVE-2026-0001", artifact(), MUSL), []);
}

#[test]
fn cyclonedx_resolves_references() {
    let document = document(2);
    assert_eq!((document.format, document.author.as_str()), ("CycloneDX", "Example Security"));
    let other = Digest::of(b"another artifact");
    for (vulnerability, artifact, package, expected) in [
        ("GHSA-aaaa-bbbb-cccc", other, ZLIB, vec![Status::NotAffected]),
        ("CVE-2026-0001", other, MUSL, vec![]),
        ("CVE-2026-0002", artifact(), MUSL, vec![Status::Affected]),
        ("CVE-2026-0002", other, MUSL, vec![]),
        ("CVE-2026-0003", other, MUSL, vec![Status::Fixed]),
        ("CVE-2026-0003", other, ZLIB, vec![]),
        ("CVE-2026-0005", other, ZLIB, vec![Status::UnderInvestigation]),
        // Nobody analysed it.
        ("CVE-2026-0006", other, ZLIB, vec![]),
        ("CVE-2026-0007", other, ZLIB, vec![Status::NotAffected]),
    ] {
        assert_eq!(says(&document, vulnerability, artifact, package), expected, "{vulnerability} {package}");
    }
    assert_eq!(document.statements[0].at.unwrap().to_string(), "2026-11-02T00:00:00Z");
    assert_eq!(document.incomplete.len(), 1, "{:?}", document.incomplete);
}

#[test]
fn csaf_resolves_products_and_parts() {
    let document = document(3);
    let other = Digest::of(b"another artifact");
    for (vulnerability, artifact, package, expected) in [
        ("CVE-2026-0001", artifact(), ZLIB, vec![Status::NotAffected]),
        ("GHSA-aaaa-bbbb-cccc", artifact(), ZLIB, vec![Status::NotAffected]),
        ("CVE-2026-0001", artifact(), MUSL, vec![]),
        ("CVE-2026-0001", other, ZLIB, vec![]),
        ("CVE-2026-0002", artifact(), MUSL, vec![Status::Affected]),
        ("CVE-2026-0002", other, ZLIB, vec![Status::UnderInvestigation]),
    ] {
        assert_eq!(says(&document, vulnerability, artifact, package), expected, "{vulnerability} {package}");
    }
    assert_eq!(document.statements[0].justification, "vulnerable_code_not_in_execute_path: never called");
    assert_eq!(document.incomplete.len(), 1, "an exploit's status is no reason: {:?}", document.incomplete);
}

#[test]
fn documents_that_contradict_themselves_are_refused() {
    for (at, path, value) in [
        (0, "/@context", json!("https://openvex.dev/nsx")),
        (0, "/@context", json!("https://example.com")),
        (0, "/statements", json!({})),
        (0, "/statements/0/status", json!("harmless")),
        (0, "/statements/0/status", json!(null)),
        (0, "/statements/0/products/0", json!({})),
        (2, "/bomFormat", json!("SPDX")),
        (2, "/specVersion", json!("1.3")),
        (2, "/vulnerabilities/0/analysis/state", json!("fine")),
        (2, "/vulnerabilities/0/affects/0", json!({})),
        (3, "/document/category", json!("csaf_base")),
        (3, "/document/csaf_version", json!("3.0")),
        (3, "/document/tracking/status", json!("draft")),
        (3, "/vulnerabilities/0/product_status/known_not_affected/0", json!("nobody")),
        (3, "/product_tree/full_product_names/0/product_id", json!("zlib")),
    ] {
        let (kind, mut value_of) = own()[at].clone();
        *value_of.pointer_mut(path).unwrap() = value;
        assert!(read(kind, &value_of).unwrap().is_err(), "{path}: {value_of}");
    }
    let twice = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"bom-ref": "a"}, {"bom-ref": "a"}]});
    assert!(read(CYCLONEDX, &twice).unwrap().is_err());
    for other in
        ["", "https://slsa.dev/provenance/v1", "https://openvex.dev/nsx", "https://cyclonedx.org/bomb"]
    {
        assert!(read(other, &own()[0].1).is_none(), "{other}");
    }
}

#[test]
fn statements_without_a_time_or_a_name_do_not_count() {
    for (at, path) in
        [(0, "/timestamp"), (2, "/metadata/timestamp"), (3, "/document/tracking/current_release_date")]
    {
        let (kind, mut value) = own()[at].clone();
        *value.pointer_mut(path).unwrap() = json!("yesterday");
        let document = read(kind, &value).unwrap().unwrap();
        assert!(
            document.incomplete.iter().any(|why| why.ends_with("has no time")),
            "{:?}",
            document.incomplete
        );
    }
    let nameless = json!({"@context": OPENVEX, "timestamp": "2026-01-01T00:00:00Z", "statements": [{"status": "fixed"}]});
    let document = read(OPENVEX, &nameless).unwrap().unwrap();
    assert_eq!((document.statements.len(), document.incomplete.len()), (0, 1));
}

#[test]
fn deep_and_endless_documents_are_refused() {
    let mut component = json!({"name": "x"});
    let mut branch = json!({"name": "x", "category": "vendor"});
    for _ in 0..100 {
        component = json!({"name": "x", "components": [component]});
        branch = json!({"name": "x", "category": "vendor", "branches": [branch]});
    }
    let deep = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]});
    assert!(read(CYCLONEDX, &deep).unwrap().unwrap_err().contains("nested"));
    let (kind, mut csaf) = own()[3].clone();
    csaf["product_tree"]["branches"] = json!([branch]);
    assert!(read(kind, &csaf).unwrap().unwrap_err().contains("nested"));
    let statement = json!({"vulnerability": "CVE-1", "status": "fixed"});
    let many = json!({"@context": OPENVEX, "timestamp": "2026-01-01T00:00:00Z", "statements": vec![statement; 100_001]});
    assert!(read(OPENVEX, &many).unwrap().unwrap_err().contains("more than 100000"));
}

#[test]
fn documents_of_others_are_read() {
    let Some(folder) = or_skip(arena_signing(), "VEX documents") else { return };
    let value =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    for (name, kind, statements) in [
        ("openvex/pkg/vex/testdata/v0.2.0.json", OPENVEX, 5),
        ("openvex/pkg/vex/testdata/v020-1.vex.json", OPENVEX, 1),
        ("openvex/pkg/vex/testdata/v0.0.1.json", OPENVEX, 1),
        ("openvex/pkg/vex/testdata/v0.0.1-noversion.json", OPENVEX, 1),
        ("openvex/pkg/vex/testdata/v001-1.vex.json", OPENVEX, 1),
        ("openvex/pkg/vex/testdata/csaf.json", CSAF, 1),
        // The analysis has no time, nor has the document.
        ("cyclonedx/1.4/valid-vulnerability-1.4.json", CYCLONEDX, 0),
        ("cyclonedx/1.5/valid-vulnerability-1.5.json", CYCLONEDX, 1),
        ("cyclonedx/1.6/valid-vulnerability-1.6.json", CYCLONEDX, 1),
    ] {
        let document = read(kind, &value(name)).unwrap().unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(document.statements.len(), statements, "{name}: {document:?}");
    }
    // It names products that it does not describe.
    assert!(read(CSAF, &value("openvex/pkg/csaf/testdata/csaf.json")).unwrap().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is changed in a document, at however many places: it is read or refused.
    #[test]
    fn no_document_panics(at in 0..4usize, changes in spoil::changes()) {
        let (kind, mut value) = own()[at].clone();
        spoil::apply(&mut value, &changes);
        let said = read(kind, &value).unwrap();
        if let Ok(document) = said {
            for statement in &document.statements {
                prop_assert!(!statement.names.is_empty());
                prop_assert!(statement.status != Status::NotAffected || !statement.justification.is_empty());
            }
        }
    }

    #[test]
    fn no_package_url_panics(text in "\\PC{0,60}|pkg:[a-z]{1,4}/\\PC{0,60}") {
        if let Some(purl) = Purl::parse(&text) {
            let again = Purl::parse(&purl.bare()).unwrap();
            prop_assert!(again.same_package(&purl), "{} {:?}", text, purl);
        }
    }
}
