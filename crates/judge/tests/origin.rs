//! Where vulnerabilities came from: what is advised first, and what one step closes. What is decided stays the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_judge::explain::plan;
use lockgate_model::case::Base;
use lockgate_model::{Decision, Digest, Finding, Outcome, canon};
use making::{Making, inventory};
use serde_json::{Value, json};

fn vulnerability(id: &str, package: &str, more: &Value) -> Value {
    let mut vulnerability = json!({
        "id": id, "severity": "high", "modified": "2026-01-01T00:00:00Z",
        "affected": [{"ecosystem": "Alpine:v3.22", "name": package, "ranges": [[{"introduced": "0"}, {"fixed": "9"}]]}],
    });
    vulnerability.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    vulnerability
}

/// A Case with a vulnerability in each package.
fn making() -> Making {
    let mut making = Making::new();
    let vulnerabilities =
        json!([vulnerability("CVE-1", "musl", &json!({})), vulnerability("CVE-2", "zlib", &json!({}))]);
    let extract = making.inputs.insert(canon::to_bytes(&vulnerabilities).unwrap());
    making.record.feed.as_mut().unwrap().extract = extract;
    making
}

fn set_base(making: &mut Making, name: Option<&str>, compared: bool, packages: &[&str]) {
    let packages: Vec<String> = inventory()
        .packages
        .iter()
        .filter(|package| packages.contains(&package.name.as_str()))
        .map(|package| package.purl.clone())
        .collect();
    let packages = making.inputs.insert(canon::to_bytes(&packages).unwrap());
    let name = name.map(str::to_owned);
    making.record.images[0].base = Some(Base { name, layers: 1, compared, packages });
}

fn of<'a>(decision: &'a Decision, package: &str) -> &'a Finding {
    let mut findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    findings.find(|finding| finding.subject.starts_with(package)).unwrap()
}

#[test]
fn a_base_image_is_rebuilt_on_first_and_the_rest_upgraded() {
    let mut making = making();
    set_base(&mut making, Some("alpine:3.22.1"), true, &["zlib"]);
    let decision = making.decide();
    assert_eq!(decision.outcome, Outcome::Rework);
    let (zlib, musl) = (of(&decision, "zlib"), of(&decision, "musl"));
    assert_eq!(
        (zlib.details["origin"].as_str(), musl.details["origin"].as_str()),
        ("base image", "application")
    );
    assert_eq!(
        zlib.remediation,
        "rebuild on a newer base image than alpine:3.22.1; or upgrade zlib to 9 or later: apk add --upgrade zlib"
    );
    assert_eq!(musl.remediation, "upgrade musl to 9 or later: apk add --upgrade musl");
    // Where the end of the base image was not seen, nothing is guessed.
    set_base(&mut making, None, false, &["zlib"]);
    let decision = making.decide();
    let (zlib, musl) = (of(&decision, "zlib"), of(&decision, "musl"));
    assert_eq!(zlib.details["origin"], "lowest layers");
    assert!(zlib.remediation.starts_with("rebuild on a newer base image; or upgrade zlib to 9"));
    assert!(!musl.details.contains_key("origin"));
    assert!(musl.remediation.ends_with("; or rebuild on a base image that has it"));
    // The list is gone: nothing is said.
    making.record.images[0].base.as_mut().unwrap().packages = Digest::of(b"gone");
    assert!(!of(&making.decide(), "zlib").details.contains_key("origin"));
}

#[test]
fn all_vulnerabilities_of_the_base_are_one_step() {
    let mut making = making();
    set_base(&mut making, Some("alpine:3.22.1"), true, &["zlib", "musl"]);
    let steps = plan(&making.decide());
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(step.action, "rebuild on a newer base image than alpine:3.22.1");
    assert_eq!(step.closes.len(), 2);
    set_base(&mut making, Some("alpine:3.22.1"), true, &["zlib"]);
    assert_eq!(plan(&making.decide()).len(), 2);
    // A vulnerability without a fix is closed by no rebuild.
    making.set_advisory("high", &[], false);
    assert!(!plan(&making.decide())[0].action.starts_with("rebuild"));
}

#[test]
fn what_is_likely_exploited_comes_first() {
    let mut making = making();
    for (first, more) in
        [("musl", json!({})), ("zlib", json!({"epss_ppm": 900_000})), ("zlib", json!({"cvss_tenths": 88}))]
    {
        let vulnerabilities =
            json!([vulnerability("CVE-1", "musl", &json!({})), vulnerability("CVE-2", "zlib", &more)]);
        let extract = making.inputs.insert(canon::to_bytes(&vulnerabilities).unwrap());
        making.record.feed.as_mut().unwrap().extract = extract;
        let steps = plan(&making.decide());
        assert!(steps[0].action.contains(first), "{first}: {steps:?}");
    }
}
