//! Strict reading of VEX of others: nothing that was meant to say something is passed over. Each class of attempts is a
//! generator of seeded variants of honest documents; none may lower a finding.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod variants;

use lockgate_model::Digest;
use lockgate_scan::purl::Purl;
use lockgate_scan::vex::{self, Document, Place, Status};
use lockgate_scan::{Read, Shapes};
use serde_json::{Value, json};
use xtask::parts::{arena_signing, or_skip};

use self::variants::variants;

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const CSAF: &str = "https://docs.oasis-open.org/csaf/csaf/v2.0";
const ZLIB: &str = "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1";
const AT: &str = "2026-11-10T00:00:00Z";

/// Documents as vexctl and its like write them, that say that CVE-2026-1 does not affect zlib: each with its type.
fn honest_vex() -> [(&'static str, Value); 4] {
    let openvex = json!({
        "@context": OPENVEX, "@id": "https://example.com/vex/1", "author": "Ann", "role": "security",
        "timestamp": AT, "version": 1, "tooling": "vexctl",
        "statements": [{
            "@id": "s1", "vulnerability": {"name": "CVE-2026-1", "aliases": ["GHSA-1"]},
            "products": [{"@id": ZLIB, "identifiers": {"purl": ZLIB}}],
            "status": "not_affected", "justification": "vulnerable_code_not_present",
        }],
    });
    let image = json!({
        "@context": OPENVEX, "author": "Ann", "timestamp": AT, "version": 1,
        "statements": [{
            "vulnerability": {"name": "CVE-2026-1"},
            "products": [{
                "@id": format!("pkg:oci/web@{}?repository_url=registry.example.com/dev/web&arch=amd64", digest().to_string().replace(':', "%3A")),
                "subcomponents": [{"@id": "pkg:apk/alpine/zlib@1.3.1-r2"}],
            }],
            "status": "not_affected", "impact_statement": "never called",
        }],
    });
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:1", "version": 1,
        "metadata": {"timestamp": AT, "component": {"type": "container", "bom-ref": "image", "name": "web"}},
        "components": [{"type": "library", "bom-ref": "z", "name": "zlib", "version": "1.3.1-r2", "purl": ZLIB}],
        "vulnerabilities": [{
            "id": "CVE-2026-1", "affects": [{"ref": "z", "versions": [{"version": "1.3.1-r2", "status": "unaffected"}]}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable", "response": ["will_not_fix"]},
        }],
    });
    let csaf = json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "title": "web",
            "publisher": {"category": "vendor", "name": "Ann", "namespace": "https://example.com"},
            "tracking": {"id": "EX-1", "status": "final", "version": "1", "current_release_date": AT,
                "initial_release_date": AT, "revision_history": []},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "Alpine", "branches": [{
            "category": "product_version", "name": "1.3.1-r2",
            "product": {"product_id": "z", "name": "zlib", "product_identification_helper": {"purl": ZLIB}},
        }]}]},
        "vulnerabilities": [{
            "cve": "CVE-2026-1", "product_status": {"known_not_affected": ["z"]},
            "flags": [{"label": "component_not_present", "product_ids": ["z"]}],
        }],
    });
    [(OPENVEX, openvex), (OPENVEX, image), (CYCLONEDX, cyclonedx), (CSAF, csaf)]
}

fn digest() -> Digest {
    Digest::of(b"artifact")
}

fn strictly(kind: &str, value: &Value) -> Read<Document> {
    vex::read(kind, value, Shapes::Strict)
}

/// What a document says of zlib, and of a package that it does not name.
fn says(document: &Document, package: &str) -> Vec<Status> {
    let (digests, packages) = ([digest()], [Purl::parse(package).unwrap()]);
    let place = Place {
        digests: &digests,
        service: "team/web",
        architecture: "amd64",
        packages: &packages,
        shapes: Shapes::Strict,
    };
    let about = document.statements.iter().filter(|one| one.names.iter().any(|name| name == "CVE-2026-1"));
    about.filter(|one| one.is_about(&place)).map(|one| one.status).collect()
}

const OTHERS: [&str; 4] = [
    "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1",
    "pkg:apk/alpine/zlib@1.3.1-r3?arch=x86_64&distro=alpine-3.22.1",
    "pkg:apk/wolfi/zlib@1.3.1-r2?arch=x86_64",
    "pkg:npm/zlib@1.3.1-r2",
];

#[test]
fn honest_vex_marks_what_it_names_and_nothing_else() {
    for (kind, document) in honest_vex() {
        let Read::Whole(read) = strictly(kind, &document) else { panic!("{:?}", strictly(kind, &document)) };
        assert_eq!(says(&read, ZLIB), [Status::NotAffected], "{document}");
        for other in OTHERS {
            assert_eq!(says(&read, other), [], "{other}: {document}");
        }
    }
}

#[test]
fn no_variant_of_a_vex_document_says_more_than_the_document() {
    let mut tried = 0;
    for (kind, document) in honest_vex() {
        for (what, variant) in variants(&document) {
            // Without its parts a statement is about all of its product: that is another document, not a spoilt one.
            if what.ends_with("subcomponents gone") {
                continue;
            }
            tried += 1;
            let Read::Whole(read) = strictly(kind, &variant) else { continue };
            for other in OTHERS {
                let marks: Vec<_> = says(&read, other).into_iter().filter(|status| status.marks()).collect();
                assert_eq!(marks, [], "{what}: {other}: {variant}");
            }
            for statement in &read.statements {
                assert!(!statement.products.is_empty() && !statement.names.is_empty(), "{what}: {variant}");
            }
        }
    }
    assert!(tried > 1700, "{tried}");
}

/// What says `affected` may not get lost: read, or an error.
#[test]
fn no_variant_of_a_vex_document_hides_that_something_is_affected() {
    let mut tried = 0;
    for (at, (kind, document)) in honest_vex().into_iter().enumerate() {
        let mut document = document;
        match at {
            2 => {
                document["vulnerabilities"][0]["analysis"] = json!({"state": "exploitable"});
                document["vulnerabilities"][0]["affects"] = json!([{"ref": "z"}]);
            }
            3 => {
                document["vulnerabilities"][0] =
                    json!({"cve": "CVE-2026-1", "product_status": {"known_affected": ["z"]}});
            }
            _ => {
                document["statements"][0]["status"] = json!("affected");
                document["statements"][0].as_object_mut().unwrap().remove("justification");
            }
        }
        let Read::Whole(read) = strictly(kind, &document) else { panic!("{document}") };
        assert_eq!(says(&read, ZLIB), [Status::Affected], "{document}");
        for (what, variant) in variants(&document).into_iter().filter(|(what, _)| what.contains("spelling")) {
            tried += 1;
            match strictly(kind, &variant) {
                Read::Failed(_) => {}
                Read::Whole(read) => {
                    // Names that say nothing of what is affected may be anything.
                    let said = says(&read, ZLIB);
                    assert_eq!(said, [Status::Affected], "{what}: {variant}");
                }
                Read::Nothing => panic!("{what}: nothing: {variant}"),
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn documents_that_cannot_be_understood_are_errors() {
    let put = |at: usize, path: &str, value: Value| {
        let (kind, mut document) = honest_vex()[at].clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.insert(name.to_owned(), value)),
            Value::Array(list) => list.push(value),
            other => panic!("{other}"),
        }
        let read = strictly(kind, &document);
        assert!(matches!(read, Read::Failed(_)), "{path}: {read:?}");
    };
    let statement = honest_vex()[0].1["statements"][0].clone();
    for (at, path, value) in [
        (0, "/statements/-", statement),
        (0, "/statements/0/justification", json!("we_say_so")),
        (0, "/statements/0/status", json!("Not_Affected")),
        (0, "/statements/0/status", json!("not affected")),
        (0, "/statements/0/vulnerability", json!({"@id": "https://example.com/CVE-2026-1"})),
        (0, "/statements/0/vulnerability", json!("")),
        (0, "/statements/0/products", json!([{"@id": "pkg:npm/lodash@"}])),
        (0, "/statements/0/products", json!([{"@id": "pkg:npm/%zz"}])),
        (0, "/statements/0/products", json!([""])),
        (0, "/statements/0/products", json!([{}])),
        (0, "/statements/0/products", json!([{"@id": "pkg:oci/web", "hashes": {"sha_256": "1"}}])),
        (0, "/statements/0/products", json!([{"@id": "pkg:oci/web", "hashes": {"sha-256": "1"}}])),
        (1, "/statements/0/products/0/subcomponents", json!({"@id": "pkg:apk/alpine/zlib"})),
        (1, "/statements/0/products/0/subcomponents", json!([])),
        (
            2,
            "/vulnerabilities/0/affects/0/versions",
            json!([{"range": "vers:npm/<2.0.0", "status": "unaffected"}]),
        ),
        (2, "/vulnerabilities/0/affects/0/versions", json!([{"version": "1", "range": "vers:apk/<2"}])),
        (2, "/vulnerabilities/0/affects/0/versions", json!([{"range": "vers:alpine/<2"}])),
        (2, "/vulnerabilities/0/affects/0/versions", json!([{"range": "< 2"}])),
        (2, "/vulnerabilities/0/affects/0/versions", json!([{"range": "vers:apk/<2|<3"}])),
        (2, "/vulnerabilities/0/affects/0/versions", json!([{"status": "affected"}])),
        (
            2,
            "/vulnerabilities/0/affects/0/versions",
            json!([{"version": "1.3.1-r2", "status": "Unaffected"}]),
        ),
        (2, "/vulnerabilities/0/affects", json!([])),
        (2, "/vulnerabilities/0/analysis/state", json!("not-affected")),
        (2, "/vulnerabilities/0/analysis/justification", json!("it_is_fine")),
        (2, "/Vulnerabilities", json!([])),
        (2, "/specVersion", json!("2.0")),
        (3, "/vulnerabilities/0/flags", json!([{"label": "fine", "product_ids": ["z"]}])),
        (3, "/vulnerabilities/0/product_status", json!({"known_not_afected": ["z"]})),
        (3, "/vulnerabilities/0/product_status", json!({"known_not_affected": ["y"]})),
        (3, "/document/tracking/status", json!("Final")),
        (
            3,
            "/product_tree/product_groups",
            json!([{"group_id": "g", "product_ids": ["z"]}, {"group_id": "g", "product_ids": ["z"]}]),
        ),
    ] {
        put(at, path, value);
    }
    // The versions of a product as a range.
    let (kind, mut range) = honest_vex()[3].clone();
    let branch = &mut range["product_tree"]["branches"][0]["branches"][0];
    branch["category"] = json!("product_version_range");
    branch["product"]["product_identification_helper"]["purl"] = json!("pkg:apk/alpine/zlib");
    assert!(matches!(strictly(kind, &range), Read::Failed(why) if why.contains("range of versions")));
}

#[test]
fn what_is_vex_by_its_content_or_its_types_name_is_never_nothing() {
    for (_, document) in honest_vex() {
        for kind in ["https://cosign.sigstore.dev/attestation/v1", "https://example.com/x", "", "custom"] {
            let text = json!({"Data": document.to_string(), "Timestamp": AT});
            let inner = json!({"Data": document, "Timestamp": AT});
            for predicate in [&document, &text, &inner] {
                assert!(matches!(strictly(kind, predicate), Read::Failed(_)), "{kind}: {predicate}");
            }
        }
    }
    for kind in [
        "https://openvex.dev/ns/v1.0.0",
        "https://OpenVEX.dev/ns",
        "https://docs.oasis-open.org/csaf/csaf/v3.0",
        "https://example.com/vex/v1",
    ] {
        assert!(matches!(strictly(kind, &json!({})), Read::Failed(_)), "{kind}");
    }
    // A bill of materials says nothing about vulnerabilities, and other statements are none.
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []});
    assert_eq!(strictly(CYCLONEDX, &bom), Read::Nothing);
    assert_eq!(strictly("https://slsa.dev/provenance/v1", &json!({"buildDefinition": {}})), Read::Nothing);
}

/// A statement about a product, and whether it marks zlib in the image.
fn about(product: &Value, status: &str) -> Vec<Status> {
    let document = json!({
        "@context": OPENVEX, "timestamp": AT,
        "statements": [{"vulnerability": "CVE-2026-1", "products": [product], "status": status,
            "impact_statement": "x"}],
    });
    match strictly(OPENVEX, &document) {
        Read::Whole(read) => says(&read, ZLIB),
        Read::Failed(_) => vec![],
        Read::Nothing => panic!("{document}"),
    }
}

#[test]
fn another_package_or_image_is_never_ours() {
    let ours = digest().to_string().replace(':', "%3A");
    let other = Digest::of(b"other").to_string().replace(':', "%3A");
    let yes = [
        json!(ZLIB),
        json!("pkg:apk/alpine/zlib"),
        json!("pkg:apk/alpine/zlib?distro=3.22"),
        json!("pkg:oci/web"),
        json!("pkg:oci/team/web"),
        json!("pkg:docker/team/web"),
        json!(format!("pkg:oci/web@{ours}")),
        json!(format!("pkg:oci/web@{ours}?repository_url=registry.example.com/team/web&tag=1")),
        json!(format!("pkg:oci/web@{ours}?arch=amd64")),
        json!({"@id": "https://example.com/web", "hashes": {"sha-256": &ours[9..]}}),
        json!({"@id": "pkg:oci/web?tag=1", "hashes": {"sha-256": &ours[9..]}}),
    ];
    for product in yes {
        assert_eq!(about(&product, "not_affected"), [Status::NotAffected], "{product}");
        assert_eq!(about(&product, "affected"), [Status::Affected], "{product}");
    }
    let no = [
        json!("pkg:apk/alpine/zlib@1.3.1-r2#usr/lib/libz.so"),
        json!("pkg:apk/alpine/zlib#usr/lib/libz.so"),
        json!("pkg:apk/alpine/zlib?repository_url=https://evil.example.com"),
        json!("pkg:apk/alpine/zlib@1.3.1-r2?arch=armv7"),
        json!("pkg:apk/alpine/zlib@1.3.1-r2?distro=alpine-3.21"),
        json!("pkg:apk/alpine/zlib@1.3.1-r2?checksum=sha256:0"),
        json!("pkg:apk/alpine/zlib@1.3.1-r2?classifier=doc"),
        json!("pkg:apk/alpine/zlib@1.3.1-r2?type=x"),
        json!("pkg:apk/alpine/zlib@1.3.1-r3"),
        json!("pkg:apk/evil/zlib@1.3.1-r2"),
        json!("pkg:docker/web"),
        json!("pkg:docker/evil/web"),
        json!("pkg:docker/evil/team/web"),
        json!("pkg:oci/evil/web"),
        json!("pkg:oci/web?repository_url=evil.example.com/web"),
        json!("pkg:oci/web?repository_url=registry.example.com/team/web"),
        json!("pkg:oci/web?tag=1"),
        json!("pkg:oci/web?arch=amd64"),
        json!("pkg:oci/web@1.0"),
        json!("pkg:oci/web#usr"),
        json!(format!("pkg:oci/web@{ours}#usr/bin/x")),
        json!(format!("pkg:oci/web@{ours}?arch=arm64")),
        json!(format!("pkg:oci/web@{ours}?os=windows")),
        json!(format!("pkg:oci/web@{other}")),
        json!({"@id": "pkg:oci/web", "hashes": {"sha-256": &other[9..]}}),
        json!({"@id": format!("pkg:oci/web@{other}"), "hashes": {"sha-256": &ours[9..]}}),
        json!({"@id": "pkg:apk/alpine/musl", "identifiers": {"purl": ZLIB}}),
        json!({"@id": "pkg:apk/alpine/zlib@1.3.1-r3", "identifiers": {"purl": "pkg:apk/alpine/zlib"}}),
        json!({"@id": "pkg:apk/alpine/musl", "subcomponents": [{"@id": ZLIB}]}),
        json!({"@id": "pkg:oci/web", "subcomponents": [{"@id": "pkg:apk/alpine/musl"}]}),
        json!({"@id": "pkg:oci/web", "subcomponents": ["pkg:apk/alpine/zlib#x"]}),
        json!("zlib"),
        json!("web"),
        json!("https://example.com/web"),
    ];
    assert!(no.len() >= 20);
    for product in no {
        assert_eq!(about(&product, "not_affected"), [], "{product}");
    }
    // What may be ours counts where it says that it matters.
    for product in [
        "pkg:oci/web?tag=1",
        "pkg:oci/web?repository_url=registry.example.com/team/web",
        "pkg:apk/alpine/zlib?x=y",
    ] {
        assert_eq!(about(&json!(product), "affected"), [Status::Affected], "{product}");
    }
}

#[test]
fn versions_and_branches_narrow_what_is_said() {
    let (kind, bom) = honest_vex()[2].clone();
    let with = |component: Value, versions: Value, state: &str| {
        let mut document = bom.clone();
        document["components"][0] = component;
        document["vulnerabilities"][0]["affects"][0] = json!({"ref": "z"});
        if !versions.is_null() {
            document["vulnerabilities"][0]["affects"][0]["versions"] = versions;
        }
        document["vulnerabilities"][0]["analysis"] = json!({"state": state, "detail": "x"});
        match strictly(kind, &document) {
            Read::Whole(read) => says(&read, ZLIB),
            other => panic!("{other:?}"),
        }
    };
    let bare = json!({"bom-ref": "z", "name": "zlib", "purl": "pkg:apk/alpine/zlib"});
    let of = |version: &str| json!({"bom-ref": "z", "name": "zlib", "version": version, "purl": "pkg:apk/alpine/zlib"});
    let listed = |version: &str, status: &str| json!([{"version": version, "status": status}]);
    let within = |range: &str, status: &str| json!([{"range": range, "status": status}]);
    let (no, affected, not) = (vec![], vec![Status::Affected], vec![Status::NotAffected]);
    for (component, versions, state, expected) in [
        (bare.clone(), json!(null), "not_affected", &not),
        (bare.clone(), listed("1.3.1-r2", "unaffected"), "not_affected", &not),
        (bare.clone(), listed("1.3.0", "unaffected"), "not_affected", &no),
        (bare.clone(), listed("1.3.1-r2", "affected"), "not_affected", &affected),
        (bare.clone(), json!([{"version": "1.3.1-r2"}]), "not_affected", &affected),
        (bare.clone(), listed("1.3.1-r2", "unknown"), "resolved", &vec![Status::UnderInvestigation]),
        (bare.clone(), listed("1.3.1-r2", "unaffected"), "resolved", &vec![Status::Fixed]),
        (bare.clone(), listed("1.3.1-r2", "unaffected"), "exploitable", &no),
        (bare.clone(), listed("1.3.1-r2", "affected"), "in_triage", &vec![Status::UnderInvestigation]),
        (of("1.3.1-r2"), json!(null), "not_affected", &not),
        (of("1.3.0"), json!(null), "not_affected", &no),
        (of("1.3.0"), listed("1.3.1-r2", "unaffected"), "not_affected", &no),
        (of("1.3.0"), listed("1.3.0", "unaffected"), "not_affected", &no),
        (bare.clone(), within("vers:apk/>=1.3.1-r0|<1.3.1-r3", "unaffected"), "not_affected", &not),
        (bare.clone(), within("vers:apk/*", "unaffected"), "resolved", &vec![Status::Fixed]),
        (bare.clone(), within("vers:apk/<1.3.1-r2", "unaffected"), "not_affected", &no),
        (bare.clone(), within("vers:apk/>=1.3.1-r3", "unaffected"), "not_affected", &no),
        (bare.clone(), within("vers:apk/!=1.3.1-r2|<2", "unaffected"), "not_affected", &no),
        (bare.clone(), within("vers:apk/<1.3.1-r3", "affected"), "not_affected", &affected),
        (bare, within("vers:apk/<1.3.1-r2", "affected"), "exploitable", &no),
        (of("1.3.0"), within("vers:apk/*", "unaffected"), "not_affected", &no),
    ] {
        assert_eq!(
            &with(component.clone(), versions.clone(), state),
            expected,
            "{component} {versions} {state}"
        );
    }
    // CSAF says the version in a branch, and the architecture in another.
    let (kind, csaf) = honest_vex()[3].clone();
    let branch = |category: &str, name: &str, purl: &str| {
        let mut document = csaf.clone();
        let one = &mut document["product_tree"]["branches"][0]["branches"][0];
        (one["category"], one["name"]) = (json!(category), json!(name));
        one["product"]["product_identification_helper"]["purl"] = json!(purl);
        let Read::Whole(read) = strictly(kind, &document) else { panic!("{document}") };
        says(&read, ZLIB)
    };
    let zlib = "pkg:apk/alpine/zlib";
    assert_eq!(branch("product_version", "1.3.1-r2", zlib), not);
    assert_eq!(branch("product_version", "1.3.1-r1", zlib), no);
    assert_eq!(branch("architecture", "x86_64", zlib), not);
    assert_eq!(branch("architecture", "armv7", zlib), no);
    assert_eq!(branch("product_name", "zlib", zlib), not);
    assert_eq!(branch("product_version_range", "vers:apk/>=1.3.1-r0|<1.3.1-r3", zlib), not);
    assert_eq!(branch("product_version_range", "vers:apk/<1.3.1-r2", zlib), no);
    for range in ["< 1.3.1-r3", "vers:alpine/<1.3.1-r3", "vers:npm/<2.0.0", "vers:apk/<2|<3", "1.3.1-r2", ""]
    {
        let mut document = csaf.clone();
        let one = &mut document["product_tree"]["branches"][0]["branches"][0];
        (one["category"], one["name"]) = (json!("product_version_range"), json!(range));
        one["product"]["product_identification_helper"]["purl"] = json!(zlib);
        assert!(matches!(strictly(kind, &document), Read::Failed(_)), "{range}");
    }
}

#[test]
fn the_parts_beside_the_products_of_old_documents_narrow_them() {
    let with = |parts: Value| {
        let document = json!({
            "@context": "https://openvex.dev/ns", "timestamp": AT,
            "statements": [{"vulnerability": "CVE-2026-1", "products": ["pkg:oci/web"], "subcomponents": parts,
                "status": "fixed"}],
        });
        match strictly("https://openvex.dev/ns", &document) {
            Read::Whole(read) => says(&read, ZLIB),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(json!(["pkg:apk/alpine/zlib"])), [Status::Fixed]);
    assert_eq!(with(json!(["pkg:apk/alpine/musl"])), []);
}

#[test]
fn honest_vex_of_others_is_read() {
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
    ] {
        match strictly(kind, &value(name)) {
            Read::Whole(document) => {
                assert_eq!(document.statements.len(), statements, "{name}: {document:?}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    // It has versions as ranges.
    let ranges = value("cyclonedx/1.6/valid-vulnerability-1.6.json");
    assert!(matches!(strictly(CYCLONEDX, &ranges), Read::Failed(why) if why.contains("range of versions")));
}
