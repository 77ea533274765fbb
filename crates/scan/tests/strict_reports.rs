//! Strict reading of reports and bills of materials of others: what looked at nothing answers for nothing, and nothing
//! that was found is passed over.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod variants;

use lockgate_model::inventory::Distribution;
use lockgate_model::{Digest, Inventory};
use lockgate_scan::reports::{self, COSIGN_VULN, Gap, PREDICATE_TYPE};
use lockgate_scan::{Read, Shapes, sbom};
use serde_json::{Value, json};

use self::variants::variants;

const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const ZLIB: &str = "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1";
const AT: &str = "2026-11-10T00:00:00Z";

/// Reports of a clean image, as scanners write them, each with whether it answers for system packages and for npm.
fn honest_reports() -> [(&'static str, Value, bool, bool); 4] {
    let trivy = json!({
        "SchemaVersion": 2, "Trivy": {"Version": "0.76.0"}, "ReportID": "1", "CreatedAt": AT,
        "ArtifactName": "web", "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "alpine", "Name": "3.22.1"}, "ImageID": "sha256:1", "RepoDigests": []},
        "Results": [
            {"Target": "web (alpine 3.22.1)", "Class": "os-pkgs", "Type": "alpine", "Packages": [{"Name": "zlib"}]},
            {"Target": "Node.js", "Class": "lang-pkgs", "Type": "node-pkg", "Packages": [{"Name": "a", "FilePath": "app/node_modules/a/package.json"}]},
        ],
    });
    let grype = json!({
        "matches": [], "source": {"type": "image", "target": {"manifestDigest": "sha256:1"}},
        "distro": {"name": "alpine", "version": "3.22.1", "idLike": []},
        "descriptor": {"name": "grype", "version": "0.104.0", "timestamp": AT, "db": {"status": {"valid": true}}},
    });
    let osv = json!({"results": [{"source": {"path": "/app/package-lock.json", "type": "lockfile"}, "packages": [
        {"package": {"name": "a", "version": "1", "ecosystem": "npm"}, "vulnerabilities": [], "groups": []},
    ]}]});
    let system = json!({"results": [{"source": {"path": "lib/apk/db/installed", "type": "os"}, "packages": [
        {"package": {"name": "zlib", "version": "1.3.1-r2", "ecosystem": "Alpine:v3.22"}},
    ]}]});
    [
        ("trivy", trivy, true, true),
        ("grype", grype, true, false),
        ("osv", osv, false, true),
        ("osv", system, true, false),
    ]
}

fn wrapped(report: &Value) -> Value {
    json!({
        "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "scanner", "version": "1", "db": {"uri": "", "version": ""}, "result": report},
        "metadata": {"scanStartedOn": AT, "scanFinishedOn": AT},
    })
}

fn inventory(version: &str) -> Inventory {
    let distribution = Distribution { id: "alpine".into(), version: version.into(), codename: String::new() };
    Inventory { distribution: Some(distribution), ..Inventory::default() }
}

/// Whether a report answers for the packages of Alpine 3.22 and for those of npm.
fn answers(report: &Value) -> (bool, bool) {
    let mut answered = (false, false);
    let bare = [(PREDICATE_TYPE, report.clone()), (COSIGN_VULN, wrapped(report))];
    for (kind, predicate) in bare {
        let Read::Whole(read) = reports::read(kind, &predicate, Shapes::Strict) else { continue };
        let any = |gap: Gap<'_>| read.looked.iter().any(|one| one.answers(&gap, &inventory("3.22.1")));
        let system = any(Gap::Ecosystem("Alpine:v3.22"));
        assert_eq!(any(Gap::File("/lib/apk/db/installed")), system, "{report}");
        assert!(!any(Gap::File("/var/lib/rpm/rpmdb.sqlite")) && !any(Gap::File("/var/lib/dpkg/status")));
        assert!(!any(Gap::File("/etc/os-release")) && !any(Gap::File("")) && !any(Gap::File("/srv/x.jar")));
        for other in ["Alpine:v3.2", "Alpine", "Debian:12", "acme", "Go", ""] {
            assert!(!any(Gap::Ecosystem(other)), "{other}: {report}");
        }
        answered.0 |= system;
        answered.1 |= any(Gap::Ecosystem("npm"));
    }
    answered
}

#[test]
fn honest_reports_answer_for_what_they_name() {
    for (name, report, system, npm) in honest_reports() {
        assert_eq!(answers(&report), (system, npm), "{name}");
    }
    let file = |report: &Value, path: &str| {
        let Read::Whole(read) = reports::read(COSIGN_VULN, &wrapped(report), Shapes::Strict) else {
            panic!()
        };
        read.looked.iter().any(|one| one.answers(&Gap::File(path), &inventory("3.22.1")))
    };
    let [trivy, _, osv, _] = honest_reports();
    assert!(
        file(&trivy.1, "/app/node_modules/a/package.json")
            && !file(&trivy.1, "/app/node_modules/b/package.json")
    );
    assert!(file(&osv.1, "/app/package-lock.json") && !file(&osv.1, "/package-lock.json"));
}

/// Reports that say nothing of what was looked at.
fn silent() -> Vec<Value> {
    let trivy = |change: &dyn Fn(&mut Value)| {
        let mut report = honest_reports()[0].1.clone();
        change(&mut report);
        report
    };
    let grype = |change: &dyn Fn(&mut Value)| {
        let mut report = honest_reports()[1].1.clone();
        change(&mut report);
        report
    };
    let sarif = |run: Value| {
        let mut run = run;
        run["tool"] = json!({"driver": {"name": "Trivy"}});
        json!({"version": "2.1.0", "runs": [run]})
    };
    let one = |result: Value| trivy(&|report| report["Results"] = json!([result]));
    vec![
        trivy(&|report| report["Results"] = json!([])),
        trivy(&|report| report["Results"] = json!(null)),
        trivy(&|report| drop(report.as_object_mut().unwrap().remove("Results"))),
        trivy(&|report| report["Results"] = json!({})),
        one(json!({"Target": "keys", "Class": "secret", "Secrets": []})),
        one(json!({"Target": "x", "Class": "config", "Type": "dockerfile"})),
        one(json!({"Target": "x", "Class": "license"})),
        one(json!({"Target": "x", "Class": "license-file"})),
        one(json!({"Target": "x", "Class": "custom"})),
        one(json!({"Target": "x", "Type": "alpine"})),
        one(json!({"Target": "x", "Class": "os-pkgs"})),
        one(json!({"Target": "x", "Class": "OS-pkgs", "Type": "alpine"})),
        one(json!({"Target": "x", "Class": "os-pkgs", "Type": "debian"})),
        one(json!({"Target": "x", "Class": "lang-pkgs", "Type": "unheard-of"})),
        one(json!({"Target": "x", "Class": "lang-pkgs"})),
        one(json!({})),
        one(json!(null)),
        grype(&|report| report["distro"] = json!(null)),
        grype(&|report| report["distro"] = json!({})),
        grype(&|report| report["distro"] = json!({"name": "", "version": ""})),
        grype(&|report| report["distro"] = json!({"name": "alpine", "version": ""})),
        grype(&|report| report["distro"] = json!({"name": "alpine", "version": "3.21.0"})),
        grype(&|report| report["distro"]["version"] = json!("edge")),
        grype(&|report| report["descriptor"]["db"] = json!({"status": {"valid": false}})),
        grype(&|report| report["descriptor"]["db"] = json!({"valid": true, "error": "no database"})),
        grype(&|report| drop(report.as_object_mut().unwrap().remove("distro"))),
        grype(&|report| report["Distro"] = json!({"name": "alpine", "version": "3.22"})),
        json!({"results": []}),
        json!({"results": [{"source": {"path": "/app/package-lock.json"}, "packages": []}]}),
        sarif(json!({"results": []})),
        sarif(json!({"results": null})),
        sarif(json!({})),
        sarif(json!({"results": [], "invocations": [{"executionSuccessful": true, "endTimeUtc": AT}]})),
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": AT}, "vulnerabilities": [],
            "components": [{"bom-ref": "z", "name": "zlib", "purl": ZLIB}]}),
        json!({}),
        json!([]),
        json!(null),
        json!(""),
    ]
}

#[test]
fn a_report_that_looked_at_nothing_answers_for_nothing_in_any_wrapping() {
    let trivy = |change: &dyn Fn(&mut Value)| {
        let mut report = honest_reports()[0].1.clone();
        change(&mut report);
        report
    };
    let silent = silent();
    assert!(silent.len() >= 20);
    for report in silent {
        assert_eq!(answers(&report), (false, false), "{report}");
        assert!(
            reports::wrap(report.clone(), AT.parse().unwrap()).is_err() || answers(&report) == (false, false)
        );
    }
    for (change, expected) in [
        (json!({"EOSL": true, "Family": "alpine", "Name": "3.22.1"}), (false, true)),
        (json!({"Family": "alpine", "Name": "3.21.0"}), (false, true)),
        (json!({"Family": "alpine", "Name": ""}), (false, true)),
        (json!({"Family": "alpine"}), (false, true)),
        (json!({"Family": "debian", "Name": "12"}), (false, true)),
        (json!(null), (false, true)),
    ] {
        let report = trivy(&|report| report["Metadata"]["OS"] = change.clone());
        assert_eq!(answers(&report), expected, "{change}");
    }
    // The package list of the distribution is empty, while another is not; and two results of a system are none.
    let empty = trivy(&|report| report["Results"][0]["Packages"] = json!([]));
    assert_eq!(answers(&empty), (false, true));
    let twice = trivy(&|report| {
        let first = report["Results"][0].clone();
        report["Results"].as_array_mut().unwrap().push(first);
    });
    assert_eq!(answers(&twice), (false, true));
}

#[test]
fn no_variant_of_a_report_answers_for_more_or_hides_a_vulnerability() {
    let found = json!({
        "VulnerabilityID": "CVE-2026-1", "PkgName": "zlib", "InstalledVersion": "1.3.1-r2", "Severity": "HIGH",
        "PkgIdentifier": {"PURL": ZLIB},
    });
    let mut trivy = honest_reports()[0].1.clone();
    trivy["Results"][0]["Vulnerabilities"] = json!([found.clone()]);
    let mut ignored = honest_reports()[0].1.clone();
    ignored["Results"][0]["ExperimentalModifiedFindings"] = json!([{"Type": "vulnerability", "Status": "ignored", "Statement": "", "Source": "x", "Finding": found}]);
    let mut grype = honest_reports()[1].1.clone();
    grype["matches"] = json!([{
        "vulnerability": {"id": "CVE-2026-1", "severity": "High", "fix": {"versions": ["2"], "state": "fixed"}},
        "relatedVulnerabilities": [], "artifact": {"name": "zlib", "version": "1.3.1-r2", "type": "apk", "purl": ZLIB},
    }]);
    let mut osv = honest_reports()[3].1.clone();
    osv["results"][0]["packages"][0]["vulnerabilities"] = json!([{"id": "CVE-2026-1", "aliases": []}]);
    osv["results"][0]["packages"][0]["groups"] =
        json!([{"ids": ["CVE-2026-1"], "aliases": [], "max_severity": "7.5"}]);
    let mut tried = 0;
    for report in [trivy, ignored, grype, osv] {
        for (what, variant) in variants(&report).into_iter().filter(|(what, _)| what.contains("spelling")) {
            tried += 1;
            let Read::Whole(read) = reports::read(COSIGN_VULN, &wrapped(&variant), Shapes::Strict) else {
                continue;
            };
            // Where the list is gone, nothing may be called clean by it.
            let names = read
                .vulnerabilities
                .iter()
                .any(|vulnerability| vulnerability.names.contains(&"CVE-2026-1".to_owned()));
            assert!(names, "{what}: {variant}");
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn a_failed_run_answers_for_nothing() {
    let run = |invocations: Value| {
        json!({"version": "2.1.0", "runs": [{
            "tool": {"driver": {"name": "Trivy", "rules": []}}, "invocations": invocations,
            "results": [{"ruleId": "CVE-2026-1", "level": "error", "message": {"text": "x"}, "properties": {"purl": ZLIB}}],
        }]})
    };
    let good = json!([{"executionSuccessful": true, "endTimeUtc": AT}]);
    assert_eq!(answers(&run(good)), (true, false), "it names what it found something in");
    let told = json!([{"level": "error", "message": {"text": "x"}}]);
    for bad in [
        json!([{"executionSuccessful": false, "endTimeUtc": AT}]),
        json!([{"endTimeUtc": AT}]),
        json!([{"executionSuccessful": "true", "endTimeUtc": AT}]),
        json!([{"executionSuccessful": true, "endTimeUtc": AT, "toolExecutionNotifications": told}]),
        json!([{"executionSuccessful": true, "endTimeUtc": AT, "toolConfigurationNotifications": told}]),
    ] {
        let Read::Whole(read) = reports::read(PREDICATE_TYPE, &run(bad.clone()), Shapes::Strict) else {
            panic!("{bad}")
        };
        assert_eq!(read.vulnerabilities.len(), 1, "what it found counts");
        assert!(read.incomplete.iter().any(|why| why.contains("failed")), "{bad}: {:?}", read.incomplete);
        assert_eq!(answers(&run(bad.clone())), (false, false), "{bad}");
    }
}

#[test]
fn severities_and_versions_that_are_not_said_are_told() {
    let with = |key: &str, value: Value| {
        let mut report = honest_reports()[0].1.clone();
        let mut found = json!({"VulnerabilityID": "CVE-1", "PkgName": "zlib", "InstalledVersion": "1", "Severity": "LOW"});
        found[key] = value;
        report["Results"][0]["Vulnerabilities"] = json!([found]);
        reports::read(COSIGN_VULN, &wrapped(&report), Shapes::Strict)
    };
    for word in ["high", "Hgih", "catastrophic", "HIGH ", "важно"] {
        assert!(matches!(with("Severity", json!(word)), Read::Failed(_)), "{word}");
    }
    for (key, value, why) in
        [("Severity", json!("UNKNOWN"), "severity"), ("InstalledVersion", json!(""), "version")]
    {
        let Read::Whole(read) = with(key, value) else { panic!("{key}") };
        assert!(read.incomplete.iter().any(|one| one.contains(why)), "{key}: {:?}", read.incomplete);
    }
    assert!(matches!(with("PkgName", json!("")), Read::Failed(_)));
    assert!(matches!(with("VulnerabilityID", json!("")), Read::Failed(_)));
}

#[test]
fn what_is_a_report_by_its_content_or_its_types_name_is_never_nothing() {
    for (_, report, ..) in honest_reports() {
        for kind in ["https://cosign.sigstore.dev/attestation/v1", "https://example.com/x", ""] {
            let wrapped = json!({"Data": report.to_string(), "Timestamp": AT});
            for predicate in [&report, &wrapped] {
                let read = reports::read(kind, predicate, Shapes::Strict);
                assert!(matches!(read, Read::Failed(_)), "{kind}: {predicate}");
            }
        }
    }
    let vulns = json!({"scanner": {"uri": "x", "result": []}});
    let read = reports::read("https://in-toto.io/attestation/vulns/v0.1", &vulns, Shapes::Strict);
    assert!(matches!(read, Read::Failed(_)));
}

#[test]
fn no_variant_of_a_bill_of_materials_hides_a_package() {
    let bom = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "components": [
            {"type": "library", "bom-ref": "z", "name": "zlib", "version": "1.3.1-r2", "purl": ZLIB},
            {"type": "library", "bom-ref": "y", "name": "y", "version": "1", "purl": "pkg:npm/y@1",
             "components": [{"type": "library", "bom-ref": "x", "name": "x", "version": "1", "purl": "pkg:npm/x@1"}]},
        ],
    });
    let spdx = json!({"spdxVersion": "SPDX-2.3", "packages": [
        {"name": "zlib", "versionInfo": "1.3.1-r2", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": ZLIB}]},
        {"name": "y", "versionInfo": "1", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/y@1"}]},
    ]});
    let spdx3 = json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
        {"type": "software_Package", "name": "zlib", "software_packageVersion": "1.3.1-r2", "software_packageUrl": ZLIB},
        {"type": "software_Package", "name": "y", "software_packageVersion": "1", "software_packageUrl": "pkg:npm/y@1"},
    ]});
    let mut tried = 0;
    for (kind, document, count) in
        [(CYCLONEDX, bom, 3), ("https://spdx.dev/Document", spdx, 2), ("https://spdx.dev/Document", spdx3, 2)]
    {
        let read = |document: &Value| sbom::read(kind, document, Digest::of(b"x"), Shapes::Strict);
        let Read::Whole(whole) = read(&document) else { panic!("{document}") };
        assert_eq!((whole.packages.len(), whole.nameless.len()), (count, 0), "{document}");
        for (what, variant) in variants(&document).into_iter().filter(|(what, _)| what.contains("spelling")) {
            tried += 1;
            match read(&variant) {
                Read::Whole(read) => {
                    assert_eq!(read.packages.len() + read.nameless.len(), count, "{what}: {variant}");
                }
                Read::Failed(_) => {}
                Read::Nothing => panic!("{what}: {variant}"),
            }
        }
    }
    assert!(tried > 100, "{tried}");
    let nameless = json!({"bomFormat": "CycloneDX", "components": [
        {"type": "library", "name": "a", "version": "1"}, {"type": "framework", "name": "b"},
        {"type": "application", "name": "package-lock.json"}, {"type": "file", "name": "c", "version": "1"},
        {"type": "operating-system", "name": "alpine", "version": "3.22.1"}, {"type": "library", "purl": "pkg:npm/d"},
    ]});
    let Read::Whole(read) = sbom::read(CYCLONEDX, &nameless, Digest::of(b"x"), Shapes::Strict) else {
        panic!()
    };
    assert_eq!((read.packages.len(), read.nameless), (0, vec!["a 1".into(), "b".into(), "pkg:npm/d".into()]));
}
