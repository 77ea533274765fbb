//! Silence is not an answer: what a named key signed and what cannot be read blinds the gate, a word that somebody need not
//! mind something ends, and a report answers for what it names alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_attest::keys::SigningKey;
use lockgate_judge::check_settings;
use lockgate_model::case::{Gap, TrustedKey};
use lockgate_model::inventory::Unread;
use lockgate_model::{Answer, Decision, Digest, Effect, Finding, Outcome, Package};
use lockgate_scan::reports::{COSIGN_VULN, PREDICATE_TYPE};
use making::{Making, answer, codes, covered, inventory, package};
use serde_json::{Value, json};

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const ZLIB: &str = "pkg:apk/alpine/zlib@1.3.1-r2";
const NOVEMBER: &str = "2026-11-10T00:00:00Z";

/// A good Case, and a key that is named for everything.
struct Heard {
    making: Making,
    key: SigningKey,
}

impl Heard {
    fn new(settings: Value) -> Self {
        let (mut making, key) = Making::hearing(settings);
        making.set_coverage("npm", Some(covered()));
        Self { making, key }
    }

    /// With VEX, and a vulnerability of zlib.
    fn vex() -> Self {
        let mut heard = Self::new(json!({"vex": {"keys": ["security"]}}));
        heard.making.set_advisory("high", &["1.3.1-r3"], false);
        heard
    }

    fn scanned(mode: &str) -> Self {
        Self::new(json!({"scanners": {"mode": mode, "keys": ["security"], "maxAgeDays": 3}}))
    }

    fn attest(&mut self, kind: &str, predicate: Value) -> &mut Self {
        self.making.attest(&self.key, kind, predicate);
        self
    }

    fn expect(&mut self, outcome: Outcome) -> Decision {
        self.making.expect(outcome)
    }

    /// The gate is blind, and says so.
    fn blind(&mut self, code: &str) {
        self.making.record.sort();
        let decision = self.making.decide();
        assert_ne!(decision.outcome, Outcome::Proceed, "{decision:#?}");
        assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown, "{decision:#?}");
        assert!(codes(&decision).contains(&code), "{code}: {:?}", codes(&decision));
        let told = found(&decision, code).unwrap();
        assert!(told.effect == Effect::Pause && !told.remediation.is_empty());
    }

    fn unread(mut self, path: &str) -> Self {
        let mut inventory = inventory();
        let (layer, reason) = (Digest::of(b"l"), "too large".into());
        inventory.unread = vec![Unread { layer, path: path.into(), reason }];
        self.making.set_inventory(&inventory);
        self
    }
}

fn found<'a>(decision: &'a Decision, code: &str) -> Option<&'a Finding> {
    decision.verdicts.iter().flat_map(|verdict| &verdict.findings).find(|finding| finding.code == code)
}

fn vex(status: &str, time: &str) -> Value {
    json!({
        "@context": OPENVEX, "@id": "https://example.com/vex/1", "author": "Ann", "timestamp": time, "version": 1,
        "statements": [{
            "vulnerability": {"name": "CVE-1"}, "products": [{"@id": ZLIB}], "status": status,
            "impact_statement": "built without it",
        }],
    })
}

/// Documents that may say something, and cannot be read.
fn unreadable() -> Vec<Value> {
    let with = |path: &str, value: Value| {
        let mut document = vex("not_affected", NOVEMBER);
        let (parent, name) = path.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = value;
        document
    };
    let renamed = |from: &str, to: &str| {
        let text = vex("not_affected", NOVEMBER).to_string();
        assert!(text.contains(from));
        serde_json::from_str(&text.replace(&format!("\"{from}\""), &format!("\"{to}\""))).unwrap()
    };
    let mut documents = vec![json!({}), json!([]), json!(null), json!("x"), json!({"statements": []})];
    for value in
        [json!(null), json!({}), json!([]), json!(ZLIB), json!({"@id": ZLIB}), json!([{}]), json!([1])]
    {
        documents.push(with("/statements/0/products", value));
    }
    for value in [json!("Not_Affected"), json!("harmless"), json!(null), json!([])] {
        documents.push(with("/statements/0/status", value));
    }
    for (from, to) in [
        ("products", "product"),
        ("products", "Products"),
        ("status", "state"),
        ("statements", "Statements"),
        ("vulnerability", "vulnerabilities"),
        ("@context", "context"),
        ("name", "id"),
    ] {
        documents.push(renamed(from, to));
    }
    documents.push(with("/statements/0/vulnerability", json!(null)));
    documents.push(with("/statements/0/vulnerability/name", json!("")));
    documents.push(with("/statements/0/justification", json!("trust_me")));
    documents.push(with("/timestamp", json!("yesterday")));
    documents.push(with("/@context", json!("https://openvex.dev/ns/v2.0.0")));
    documents
}

#[test]
fn vex_that_cannot_be_read_marks_nothing_and_blinds() {
    let documents = unreadable();
    assert!(documents.len() >= 20);
    for document in documents {
        Heard::vex().attest(OPENVEX, document.clone()).blind("vulnerability.vex-unread");
        // Beside one that marks, too: it may be newer, and say `affected`.
        let mut heard = Heard::vex();
        heard.attest(OPENVEX, vex("not_affected", NOVEMBER)).expect(Outcome::Proceed);
        let named = document.get("@id").is_some() && document.get("timestamp") == Some(&json!(NOVEMBER));
        heard.attest(OPENVEX, document.clone());
        if named {
            heard.expect(Outcome::Proceed);
        } else {
            heard.blind("vulnerability.vex-unread");
        }
    }
    // By a key that nobody named it is told, and blinds nothing.
    let mut heard = Heard::vex();
    heard.attest(OPENVEX, vex("not_affected", NOVEMBER));
    let stranger = SigningKey::generate().unwrap();
    heard.making.attest(&stranger, OPENVEX, json!({}));
    heard.expect(Outcome::Proceed);
}

#[test]
fn a_later_version_of_a_document_takes_the_place_of_one_that_cannot_be_read() {
    let broken = |time: &str| {
        let mut document = vex("affected", time);
        document["statements"][0]["products"] = json!({});
        document
    };
    let cases = [
        ("2026-11-09T00:00:00Z", "https://example.com/vex/1", true),
        (NOVEMBER, "https://example.com/vex/1", true),
        // It is newer; it has another name; it has no name.
        ("2026-11-11T00:00:00Z", "https://example.com/vex/1", false),
        ("2026-11-09T00:00:00Z", "https://example.com/vex/2", false),
        ("2026-11-09T00:00:00Z", "", false),
    ];
    for (time, name, superseded) in cases {
        let mut heard = Heard::vex();
        let mut document = broken(time);
        document["@id"] = json!(name);
        heard.attest(OPENVEX, vex("not_affected", NOVEMBER)).attest(OPENVEX, document);
        if superseded {
            let decision = heard.expect(Outcome::Proceed);
            assert!(codes(&decision).contains(&"vulnerability.vex-not-counted"));
        } else {
            heard.blind("vulnerability.vex-unread");
        }
    }
    // Another key's document takes nobody's place.
    let mut heard = Heard::vex();
    let other = SigningKey::generate().unwrap();
    let file = heard.making.inputs.insert(other.public().to_pem());
    heard.making.record.keys.push(TrustedKey::plain("other", file));
    let settings = json!({"vex": {"keys": ["security", "other"]}});
    heard.making.record.gates.insert("vulnerability".into(), settings);
    heard.attest(OPENVEX, vex("not_affected", NOVEMBER));
    heard.making.attest(&other, OPENVEX, broken("2026-11-09T00:00:00Z"));
    heard.blind("vulnerability.vex-unread");
}

#[test]
fn vex_under_another_type_blinds() {
    let affected = vex("affected", NOVEMBER);
    for predicate in [
        affected.clone(),
        json!({"Data": affected.to_string(), "Timestamp": NOVEMBER}),
        json!({"Data": affected, "Timestamp": NOVEMBER}),
    ] {
        for kind in
            [CUSTOM, "https://example.com/x", "https://openvex.dev/ns/v1.0.0", "https://OPENVEX.dev/ns"]
        {
            let mut heard = Heard::vex();
            heard.attest(OPENVEX, {
                let mut other = vex("not_affected", NOVEMBER);
                other["@id"] = json!("other");
                other
            });
            heard.expect(Outcome::Proceed);
            heard.attest(kind, predicate.clone()).blind("vulnerability.vex-unread");
        }
    }
    // Statements of other kinds by the same key are no concern of the gate.
    let mut heard = Heard::vex();
    heard.attest(OPENVEX, vex("not_affected", NOVEMBER));
    heard
        .attest("https://slsa.dev/provenance/v1", json!({"buildDefinition": {}}))
        .attest(CUSTOM, json!({"Data": "x"}));
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "a"}]});
    heard.attest(CYCLONEDX, bom).expect(Outcome::Proceed);
}

#[test]
fn what_need_not_be_minded_ends() {
    // 180 days unless said, to the second.
    for (status, time, outcome) in [
        ("not_affected", "2026-05-27T12:00:00Z", Outcome::Proceed),
        ("not_affected", "2026-05-27T11:59:59Z", Outcome::Rework),
        ("fixed", "2026-05-27T11:59:59Z", Outcome::Rework),
        ("fixed", "2026-05-27T12:00:00Z", Outcome::Proceed),
        ("not_affected", "2020-01-01T00:00:00Z", Outcome::Rework),
        ("not_affected", "2026-11-23T12:00:01Z", Outcome::Rework),
    ] {
        let decision = Heard::vex().attest(OPENVEX, vex(status, time)).expect(outcome);
        let old = time < "2026-05-27T12";
        assert_eq!(codes(&decision).contains(&"vulnerability.vex-old"), old, "{status} {time}");
        if let Some(told) = found(&decision, "vulnerability.vex-old") {
            assert!(told.title.contains("CVE-1") && told.title.contains("180 days"), "{}", told.title);
            assert!(told.remediation.contains("maxAgeDays"));
        }
    }
    for (days, time, outcome) in [
        (10, "2026-11-13T12:00:00Z", Outcome::Proceed),
        (10, "2026-11-13T11:59:59Z", Outcome::Rework),
        (400, "2026-01-01T00:00:00Z", Outcome::Proceed),
        (0, "2026-11-23T11:59:59Z", Outcome::Rework),
    ] {
        let mut heard = Heard::vex();
        let settings = json!({"vex": {"keys": ["security"], "maxAgeDays": days}});
        heard.making.record.gates.insert("vulnerability".into(), settings);
        heard.attest(OPENVEX, vex("not_affected", time)).expect(outcome);
    }
    // A statement's own time counts, and not that of a document that was made again.
    let mut document = vex("not_affected", NOVEMBER);
    document["statements"][0]["timestamp"] = json!("2026-01-01T00:00:00Z");
    Heard::vex().attest(OPENVEX, document.clone()).expect(Outcome::Rework);
    document["statements"][0]["last_updated"] = json!(NOVEMBER);
    Heard::vex().attest(OPENVEX, document).expect(Outcome::Proceed);
    // What says that it matters does not end.
    let mut heard = Heard::vex();
    heard.attest(OPENVEX, vex("affected", "2020-01-01T00:00:00Z"));
    let mut other = vex("not_affected", NOVEMBER);
    other["author"] = json!("Bob");
    heard.attest(OPENVEX, other).expect(Outcome::Rework);
    for bad in [json!(-1), json!("90"), json!(null), json!(1.5)] {
        let settings = json!({"vex": {"keys": ["a"], "maxAgeDays": bad}});
        assert!(check_settings("vulnerability", &settings).is_err(), "{bad}");
    }
    assert!(check_settings("vulnerability", &json!({"baseline": {"keys": ["a"], "maxAgeDays": 1}})).is_err());
}

#[test]
fn what_has_no_date_marks_nothing_and_what_matters_needs_none() {
    let bom = |state: &str| {
        json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {},
            "components": [{"bom-ref": "z", "name": "zlib", "purl": ZLIB}],
            "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "z"}],
                "analysis": {"state": state, "justification": "code_not_reachable"}}],
        })
    };
    let decision = Heard::vex().attest(CYCLONEDX, bom("not_affected")).expect(Outcome::Rework);
    assert!(found(&decision, "vulnerability.vex-not-counted").unwrap().title.contains("has no time"));
    let mut heard = Heard::vex();
    heard.attest(OPENVEX, vex("not_affected", NOVEMBER)).expect(Outcome::Proceed);
    heard.attest(CYCLONEDX, bom("exploitable")).expect(Outcome::Rework);
}

/// A report of Trivy about the image, and what `change` makes of it.
fn trivy(heard: &Heard, change: impl FnOnce(&mut Value)) -> Value {
    let config = heard.making.record.images[0].config;
    let mut report = json!({
        "SchemaVersion": 2, "Trivy": {"Version": "0.76.0"}, "CreatedAt": "2026-11-22T12:00:00Z", "ArtifactName": "web",
        "Metadata": {"ImageID": config, "OS": {"Family": "alpine", "Name": "3.22.1"}},
        "Results": [
            {"Target": "web (alpine 3.22.1)", "Class": "os-pkgs", "Type": "alpine"},
            {"Target": "Node.js", "Class": "lang-pkgs", "Type": "node-pkg",
             "Packages": [{"Name": "a", "FilePath": "app/node_modules/a/package.json"}]},
        ],
    });
    report["Results"][0]["Packages"] = json!([{"Name": "zlib"}]);
    change(&mut report);
    report
}

fn wrapped(report: &Value) -> Value {
    json!({
        "scanner": {"uri": "trivy", "version": "1", "db": {}, "result": report},
        "metadata": {"scanStartedOn": "2026-11-22T12:00:00Z", "scanFinishedOn": "2026-11-22T12:00:00Z"},
    })
}

/// What is made of a report.
type Change<'a> = &'a dyn Fn(&mut Value);

#[test]
fn a_report_answers_for_the_files_and_ecosystems_that_it_names() {
    let whole = |_: &mut Value| ();
    let no_system = |report: &mut Value| drop(report["Results"].as_array_mut().unwrap().remove(0));
    let other_release = |report: &mut Value| report["Metadata"]["OS"]["Name"] = json!("3.21.4");
    let ended = |report: &mut Value| report["Metadata"]["OS"]["EOSL"] = json!(true);
    let no_name = |report: &mut Value| drop(report["Metadata"].as_object_mut().unwrap().remove("OS"));
    let database = "/lib/apk/db/installed";
    let cases: [(&str, Change<'_>, bool); 12] = [
        (database, &whole, true),
        (database, &no_system, false),
        (database, &other_release, false),
        (database, &ended, false),
        (database, &no_name, false),
        ("/var/lib/rpm/rpmdb.sqlite", &whole, false),
        ("/var/lib/dpkg/status", &whole, false),
        ("/etc/os-release", &whole, false),
        ("/app/node_modules/a/package.json", &whole, true),
        ("/app/node_modules/b/package.json", &whole, false),
        ("/srv/x.jar", &whole, false),
        ("", &whole, false),
    ];
    for (path, change, answers) in cases {
        for (wrap, kind) in [(false, PREDICATE_TYPE), (true, COSIGN_VULN)] {
            let mut heard = Heard::scanned("prefer").unread(path);
            let report = trivy(&heard, change);
            heard.attest(kind, if wrap { wrapped(&report) } else { report });
            if answers {
                let decision = heard.expect(Outcome::Proceed);
                assert!(
                    found(&decision, "vulnerability.unread").unwrap().details.contains_key("answered-by")
                );
            } else {
                heard.blind("vulnerability.unread");
            }
        }
    }
}

#[test]
fn a_report_that_looked_at_nothing_is_none_in_any_wrapping() {
    let silent: Vec<Value> = vec![
        json!([]),
        json!(null),
        json!([{"Target": "keys", "Class": "secret"}]),
        json!([{"Target": "x", "Class": "config", "Type": "dockerfile"}]),
        json!([{"Target": "x", "Class": "license"}]),
        json!([{"Target": "x", "Class": "license-file"}]),
        json!([{"Target": "x", "Class": "custom"}]),
        json!([{"Target": "x"}]),
        json!([{"Target": "x", "Class": "os-pkgs", "Type": "debian"}]),
        json!([{"Target": "x", "Class": "os-pkgs"}]),
        json!([{"Target": "x", "Class": "lang-pkgs"}]),
        json!([{"Target": "x", "Class": "lang-pkgs", "Type": "gobinary"}]),
        json!([{"Target": "x", "Class": "lang-pkgs", "Type": "npm"}]),
    ];
    let others = [
        json!({"results": []}),
        json!({"results": [{"source": {"path": "x"}, "packages": []}]}),
        json!({"matches": [], "descriptor": {"name": "grype", "timestamp": "2026-11-22T12:00:00Z"}}),
        json!({"matches": [], "distro": {"name": "", "version": ""}, "descriptor": {"name": "grype", "timestamp": "2026-11-22T12:00:00Z"}}),
        json!({"matches": [], "distro": {"name": "alpine", "version": "3.21.4"}, "descriptor": {"name": "grype", "timestamp": "2026-11-22T12:00:00Z"}}),
        json!({"matches": [], "distro": {"name": "debian", "version": "12"}, "descriptor": {"name": "grype", "timestamp": "2026-11-22T12:00:00Z"}}),
        json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Trivy"}}, "results": []}]}),
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-11-22T12:00:00Z"}, "vulnerabilities": []}),
    ];
    let of_trivy = silent
        .into_iter()
        .map(|results| trivy(&Heard::scanned("require"), |report| report["Results"] = results));
    let all: Vec<_> = of_trivy.chain(others).collect();
    assert!(all.len() >= 20);
    for report in all {
        for (wrap, kind) in [(false, PREDICATE_TYPE), (true, COSIGN_VULN)] {
            let predicate = || if wrap { wrapped(&report) } else { report.clone() };
            for mode in ["require", "crossCheck"] {
                let decision = Heard::scanned(mode).attest(kind, predicate()).expect(Outcome::Pause);
                assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown, "{report}");
            }
            let mut heard = Heard::scanned("prefer").unread("/lib/apk/db/installed");
            heard.attest(kind, predicate()).blind("vulnerability.unread");
        }
    }
    // A clean report of Grype names its distribution.
    let grype = json!({"matches": [], "distro": {"name": "alpine", "version": "3.22.1"},
        "descriptor": {"name": "grype", "version": "1", "timestamp": "2026-11-22T12:00:00Z"}});
    for mode in ["require", "crossCheck"] {
        Heard::scanned(mode).attest(COSIGN_VULN, wrapped(&grype)).expect(Outcome::Proceed);
    }
}

#[test]
fn a_report_that_cannot_be_read_blinds_unless_a_later_one_counts() {
    let bad = |heard: &Heard, time: &str| {
        trivy(heard, |report| {
            report["CreatedAt"] = json!(time);
            report["Results"][0]["Vulnerabilties"] = json!([]);
        })
    };
    for mode in ["prefer", "require", "crossCheck"] {
        let mut heard = Heard::scanned(mode);
        let report = bad(&heard, "2026-11-22T12:00:00Z");
        heard.attest(PREDICATE_TYPE, report).blind("vulnerability.report-unread");
        let good = trivy(&heard, |_| ());
        heard.attest(PREDICATE_TYPE, good.clone()).expect(Outcome::Proceed);
        let mut heard = Heard::scanned(mode);
        let newer = bad(&heard, "2026-11-22T12:00:01Z");
        heard.attest(PREDICATE_TYPE, good).attest(PREDICATE_TYPE, newer).blind("vulnerability.report-unread");
    }
    for (kind, report) in [
        (PREDICATE_TYPE, json!({})),
        (COSIGN_VULN, json!({"scanner": {"result": null}})),
        (CUSTOM, json!({"Data": trivy(&Heard::scanned("prefer"), |_| ()).to_string(), "Timestamp": "x"})),
        ("https://in-toto.io/attestation/vulns/v0.1", json!({"scanner": {"result": [{"id": "CVE-1"}]}})),
    ] {
        Heard::scanned("prefer").attest(kind, report).blind("vulnerability.report-unread");
    }
}

#[test]
fn a_required_report_names_the_system_packages() {
    let only_node = |report: &mut Value| drop(report["Results"].as_array_mut().unwrap().remove(0));
    for mode in ["require", "crossCheck"] {
        let mut heard = Heard::scanned(mode);
        let report = trivy(&heard, only_node);
        heard.attest(PREDICATE_TYPE, report).blind("vulnerability.no-report");
        // One that finds something in them looked at them.
        let mut heard = Heard::scanned(mode);
        let report = trivy(&heard, |report| {
            drop(report["Metadata"].as_object_mut().unwrap().remove("OS"));
            report["Results"][0]["Vulnerabilities"] = json!([{
                "VulnerabilityID": "CVE-9", "PkgName": "musl", "InstalledVersion": "1.2.5-r10", "Severity": "LOW",
            }]);
        });
        heard.attest(PREDICATE_TYPE, report).expect(Outcome::Proceed);
        // An image without a distribution has none to name.
        let mut heard = Heard::scanned(mode);
        let mut inventory = inventory();
        let node = Package { ecosystem: "npm".into(), purl: "pkg:npm/a@1".into(), ..package("a", "1") };
        (inventory.packages, inventory.distribution) = (vec![node], None);
        heard.making.set_inventory(&inventory);
        let report = trivy(&heard, only_node);
        let decision = heard.attest(PREDICATE_TYPE, report).making.decide();
        assert!(!codes(&decision).contains(&"vulnerability.no-report"), "{decision:#?}");
    }
}

#[test]
fn bills_of_materials_that_name_nothing_or_cannot_be_read_do_not_do() {
    let settings = || json!({"sboms": {"keys": ["security"], "required": true}});
    let good = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "a", "purl": "pkg:npm/a@1"}]});
    Heard::new(settings()).attest(CYCLONEDX, good.clone()).expect(Outcome::Proceed);
    for components in [
        json!([]),
        json!([{"type": "library", "name": "a", "version": "1"}]),
        json!([{"type": "file", "name": "a"}]),
    ] {
        let mut bom = good.clone();
        bom["components"] = components;
        Heard::new(settings()).attest(CYCLONEDX, bom).blind("vulnerability.no-sbom");
    }
    let renamed = |from: &str, to: &str| -> Value {
        serde_json::from_str(&good.to_string().replace(&format!("\"{from}\""), &format!("\"{to}\""))).unwrap()
    };
    for bom in [
        renamed("components", "Components"),
        renamed("components", "componets"),
        renamed("purl", "Purl"),
        renamed("purl", "purls"),
        renamed("bomFormat", "bomformat"),
        json!({"bomFormat": "CycloneDX", "components": ["pkg:npm/a@1"]}),
        json!({"bomFormat": "CycloneDX", "components": {"a": "pkg:npm/a@1"}}),
        json!({"bomFormat": "CycloneDX", "components": null}),
        json!({"bomFormat": "CycloneDX", "components": [{"bom-ref": "a", "name": "a"}, {"bom-ref": "a", "name": "b"}]}),
    ] {
        Heard::new(settings()).attest(CYCLONEDX, bom.clone()).blind("vulnerability.sbom-unread");
        // Beside another that counts, too.
        let mut heard = Heard::new(json!({"sboms": {"keys": ["security"]}}));
        heard.attest(CYCLONEDX, good.clone()).attest(CYCLONEDX, bom).blind("vulnerability.sbom-unread");
    }
    let custom = json!({"Data": good.to_string(), "Timestamp": "x"});
    Heard::new(json!({"sboms": {"keys": ["security"]}}))
        .attest(CUSTOM, custom)
        .blind("vulnerability.sbom-unread");
}

#[test]
fn a_signature_that_could_not_be_looked_for_is_not_missing() {
    let gap = || Gap {
        gate: "signature".into(),
        subject: "registry.example.com/dev/web".into(),
        reason: "the registry answers 503".into(),
        remediation: "judge again".into(),
    };
    let mut making = Making::new();
    making.record.evidence.clear();
    assert!(codes(&making.expect(Outcome::Pause)).contains(&"signature.missing"));
    making.record.gaps.push(gap());
    let decision = making.expect(Outcome::Pause);
    assert!(!codes(&decision).contains(&"signature.missing"), "{:?}", codes(&decision));
    let told = found(&decision, "signature.unavailable").unwrap();
    assert!(told.title.contains("evidence is unavailable"), "{}", told.title);
    let verdict = decision.verdicts.iter().find(|one| one.gate == "signature").unwrap();
    assert!(verdict.summary.contains("evidence is unavailable"), "{}", verdict.summary);
    assert_eq!(verdict.answer, Answer::Unknown);
    // The Edition before said otherwise, and goes on saying it.
    making.record.edition = "2026-2".into();
    assert!(codes(&making.expect(Outcome::Pause)).contains(&"signature.missing"));
}

#[test]
fn earlier_editions_read_as_they_did() {
    let mut heard = Heard::vex();
    heard.making.record.edition = "2026-2".into();
    let mut document = vex("not_affected", "2020-01-01T00:00:00Z");
    document["statements"][0]["products"] = json!({});
    heard.attest(OPENVEX, document).expect(Outcome::Proceed);
}
