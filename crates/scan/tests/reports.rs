//! Reports of other scanners: each format says the same of the same image; what says too little is refused; and no
//! document whatever makes a reader panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod spoil;

use lockgate_model::inventory::{Confidence, Source};
use lockgate_model::{Digest, Package, Severity, Timestamp};
use lockgate_scan::Shapes;
use lockgate_scan::reports::{COSIGN_VULN, PREDICATE_TYPE, Report, Reported, wrap};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Reads as Editions up to 2026-2 do; how new ones read is in `strict.rs`.
fn read(kind: &str, value: &Value) -> Option<Result<Report, String>> {
    lockgate_scan::reports::read(kind, value, Shapes::Lenient).into_result()
}

/// The documents of our own, by format.
fn own() -> [(&'static str, Value); 5] {
    let json = |text: &str| serde_json::from_str(text).unwrap();
    [
        ("Trivy", json(include_str!("documents/trivy.json"))),
        ("Grype", json(include_str!("documents/grype.json"))),
        ("CycloneDX", json(include_str!("documents/cyclonedx-vdr.json"))),
        ("SARIF", json(include_str!("documents/sarif.json"))),
        ("OSV-Scanner", json(include_str!("documents/osv-scanner.json"))),
    ]
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn digest(of: &str) -> Digest {
    format!("sha256:{}", of.repeat(64)).parse().unwrap()
}

fn wrapped(document: Value) -> Report {
    read(COSIGN_VULN, &wrap(document, now()).unwrap()).unwrap().unwrap()
}

fn package(name: &str, version: &str, purl: &str) -> Package {
    Package {
        ecosystem: "Alpine:v3.22".into(),
        name: name.into(),
        version: version.into(),
        source: None,
        architecture: "x86_64".into(),
        purl: purl.into(),
        licenses: vec![],
        layer: Digest::of(b"layer"),
        layer_index: 0,
        path: "/lib/apk/db/installed".into(),
        cataloger: "apk".into(),
        installed_by: String::new(),
        confidence: Confidence::Recorded,
    }
}

fn zlib() -> Package {
    package("zlib", "1.3.1-r2", "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1")
}

#[test]
fn every_format_says_the_same() {
    for (format, document) in own() {
        let report = wrapped(document);
        assert_eq!((report.format, report.made), (format, now()));
        let named = if format == "OSV-Scanner" { vec![] } else { vec![digest("1"), digest("2")] };
        assert!(named.iter().all(|digest| report.about.contains(digest)), "{format}: {:?}", report.about);
        assert_eq!(report.about.len(), named.len(), "{format}");
        let [m2, m3, z] = report.vulnerabilities.as_slice() else {
            panic!("{format}: {:?}", report.vulnerabilities)
        };
        let expected = [("CVE-2026-0002", Severity::Medium), ("CVE-2026-0003", Severity::Critical)];
        for (vulnerability, (name, severity)) in [m2, m3].into_iter().zip(expected) {
            assert_eq!(
                (vulnerability.name.as_str(), vulnerability.version.as_str()),
                ("musl", "1.2.5-r10"),
                "{format}"
            );
            assert!(vulnerability.names.iter().any(|one| one == name), "{format}: {vulnerability:?}");
            assert_eq!((vulnerability.severity, &vulnerability.fixed), (severity, &None), "{format}");
            assert!(
                vulnerability.is_of(&package("musl", "1.2.5-r10", "pkg:apk/alpine/musl@1.2.5-r10")),
                "{format}"
            );
            assert!(!vulnerability.is_of(&zlib()));
        }
        assert!(z.names.iter().any(|one| one == "CVE-2026-0001"), "{format}: {z:?}");
        assert_eq!((z.severity, z.fixed.as_deref()), (Severity::High, Some("1.3.1-r3")), "{format}");
        assert!(z.is_of(&zlib()), "{format}: {z:?}");
        assert!(!z.is_of(&package("zlib", "1.3.1-r3", "pkg:apk/alpine/zlib@1.3.1-r3")), "{format}");
    }
    let scanners = own().map(|(_, document)| {
        let report = wrapped(document);
        format!("{} {}", report.scanner, report.version)
    });
    assert_eq!(scanners, ["trivy 0.76.0", "grype 0.104.0", "trivy 0.76.0", "trivy 0.76.0", "osv-scanner "]);
}

#[test]
fn reports_come_bare_too_where_they_say_when() {
    for (at, kind) in [
        (0, PREDICATE_TYPE),
        (1, PREDICATE_TYPE),
        (2, "https://cyclonedx.org/bom"),
        (3, "https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"),
    ] {
        assert_eq!(read(kind, &own()[at].1).unwrap().unwrap().vulnerabilities.len(), 3, "{kind}");
    }
    assert!(read(PREDICATE_TYPE, &own()[4].1).unwrap().unwrap_err().contains("when"));
    assert!(read("https://slsa.dev/provenance/v1", &own()[0].1).is_none());
    // A bill of materials is no report, and VEX is none either.
    for vulnerabilities in
        [json!(null), json!([]), json!([{"id": "CVE-1", "analysis": {"state": "exploitable"}}])]
    {
        let mut bom = own()[2].1.clone();
        bom["vulnerabilities"] = vulnerabilities;
        assert!(read("https://cyclonedx.org/bom", &bom).is_none());
    }
}

#[test]
fn what_says_too_little_is_refused() {
    for (at, path, value, why) in [
        (0, "/CreatedAt", json!(1_629_894_030), "when"),
        (0, "/SchemaVersion", json!(1), "SchemaVersion"),
        (0, "/Results", json!([{"Class": "secret"}]), "anybody looked"),
        (0, "/Results", json!(null), "anybody looked"),
        (0, "/Results/0/Vulnerabilities/0/VulnerabilityID", json!(""), ""),
        (0, "/Results/0/Vulnerabilities/1/VulnerabilityID", json!(""), "has no name"),
        (0, "/Results/0/Vulnerabilities/1/PkgName", json!(""), "no package"),
        (1, "/descriptor/timestamp", json!(""), "when"),
        (1, "/descriptor/name", json!(""), "which scanner"),
        (1, "/matches", json!({}), "no report"),
        (2, "/metadata/timestamp", json!("x"), "when"),
        (2, "/vulnerabilities", json!([]), "anybody looked"),
        (2, "/vulnerabilities", json!(null), "no holes"),
        (3, "/runs/0/results", json!([]), "anybody looked"),
        (3, "/runs/0/results/1/ruleId", json!("CVE-2026-0009"), "names no package"),
        (3, "/runs", json!([{}, {}]), "one run"),
        (3, "/runs/0/invocations", json!([]), "when"),
    ] {
        let mut document = own()[at].1.clone();
        *document.pointer_mut(path).unwrap() = value;
        let read = read(PREDICATE_TYPE, &document).unwrap();
        // Its other name is enough.
        assert_eq!(read.is_ok(), why.is_empty(), "{path}: {read:?}");
        assert!(read.err().unwrap_or_default().contains(why), "{path}");
    }
    for bad in [json!(null), json!([]), json!({}), json!({"results": [{}]}), json!({"bomFormat": "SPDX"})] {
        assert!(read(PREDICATE_TYPE, &bad).unwrap().is_err(), "{bad}");
        assert!(wrap(bad, now()).is_err());
    }
}

#[test]
fn cosigns_predicate_holds_a_report_and_its_time() {
    let predicate = wrap(own()[0].1.clone(), now()).unwrap();
    assert_eq!(wrap(predicate.clone(), now()).unwrap(), predicate, "it is not wrapped twice");
    let made = |predicate: &Value| read(COSIGN_VULN, predicate).unwrap().unwrap().made.to_string();
    // A predicate made later makes no report newer; a report without a time has that of the predicate.
    let mut later = predicate.clone();
    later["metadata"]["scanFinishedOn"] = json!("2026-11-23T00:00:00Z");
    assert_eq!(made(&later), "2026-11-20T10:00:00Z");
    later["scanner"]["result"]["CreatedAt"] = json!(1_629_894_030);
    assert_eq!(made(&later), "2026-11-23T00:00:00Z");
    for (path, value) in [
        ("/scanner", json!(null)),
        ("/scanner/result", json!(null)),
        ("/scanner/result", json!({})),
        ("/scanner/result", json!("trivy")),
    ] {
        let mut predicate = predicate.clone();
        *predicate.pointer_mut(path).unwrap() = value;
        assert!(read(COSIGN_VULN, &predicate).unwrap().is_err(), "{path}");
    }
    // A clean image: the predicate says that somebody looked.
    let mut clean = own()[3].1.clone();
    clean["runs"][0]["results"] = json!([]);
    assert_eq!(wrapped(clean).vulnerabilities, []);
    assert!(read("cosign.sigstore.dev/attestation/vuln/v1", &predicate).unwrap().is_ok());
}

#[test]
fn packages_are_the_same_however_they_are_written() {
    let vulnerabilities = wrapped(own()[0].1.clone()).vulnerabilities;
    let reported = |purl: &str, name: &str, version: &str| -> Reported {
        let mut one = vulnerabilities[2].clone();
        one.purl = lockgate_scan::purl::Purl::parse(purl);
        (one.name, one.version) = (name.into(), version.into());
        one
    };
    let maven = package("org.a:b", "1.0", "pkg:maven/org.a/b@1.0");
    let go = package("golang.org/x/text", "0.3.5", "pkg:golang/golang.org/x/text@0.3.5");
    let rpm = package("bash", "1:5.1-2", "pkg:rpm/rhel/bash@5.1-2?epoch=1");
    let mut deb = package("libssl3", "3.0.1-1", "pkg:deb/debian/libssl3@3.0.1-1");
    deb.source = Some(Source { name: "openssl".into(), version: "3.0.1-1".into() });
    for (reported, package, same) in [
        (reported("pkg:maven/org.a/b@1.0", "org.a:b", "1.0"), &maven, true),
        (reported("pkg:maven/org.a/b@1.0", "b", "1.0"), &maven, true),
        (reported("pkg:npm/b@1.0", "b", "1.0"), &maven, false),
        (reported("pkg:golang/golang.org/x/text@v0.3.5", "golang.org/x/text", "v0.3.5"), &go, true),
        (reported("pkg:golang/golang.org/x/net@v0.3.5", "golang.org/x/net", "v0.3.5"), &go, false),
        (reported("pkg:rpm/redhat/bash@5.1-2?epoch=1", "bash", "5.1-2"), &rpm, true),
        (reported("", "openssl", "3.0.1-1"), &deb, true),
        (reported("", "libssl3", ""), &deb, true),
        (reported("", "libssl3", "3.0.1-2"), &deb, false),
        (reported("", "libssl", "3.0.1-1"), &deb, false),
    ] {
        assert_eq!(reported.is_of(package), same, "{reported:?} {}", package.purl);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is changed in a report, at however many places: it is read or refused.
    #[test]
    fn no_report_panics(at in 0..5usize, changes in spoil::changes()) {
        let mut document = own()[at].1.clone();
        spoil::apply(&mut document, &changes);
        for kind in [PREDICATE_TYPE, COSIGN_VULN, "https://cyclonedx.org/bom"] {
            if let Some(Ok(report)) = read(kind, &document) {
                prop_assert!(report.vulnerabilities.iter().all(|vulnerability| !vulnerability.names.is_empty() && !vulnerability.name.is_empty()));
                for vulnerability in &report.vulnerabilities {
                    let _same = vulnerability.is_of(&zlib());
                }
            }
        }
        if let Ok(mut predicate) = wrap(document, now()) {
            spoil::apply(&mut predicate, &changes);
            let _said = read(COSIGN_VULN, &predicate);
        }
    }
}
