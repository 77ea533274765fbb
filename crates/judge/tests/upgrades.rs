//! Upgrades that explain a Decision: one version for a package, matched again, and commands that may be copied.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_judge::explain::{Checked, Step, plan, plan_of, remediation};
use lockgate_model::case::Base;
use lockgate_model::{Case, Decision, Digest, Inventory, Outcome, Package, canon};
use making::{Making, inventory, package};
use serde_json::{Value, json};

/// An advisory about a package: how bad, from where on, and where it is fixed.
fn advisory(id: &str, package: &str, severity: &str, from: &str, fixed: Option<&str>) -> Value {
    let mut range = vec![json!({"introduced": from})];
    range.extend(fixed.map(|fixed| json!({"fixed": fixed})));
    json!({
        "id": id, "severity": severity, "modified": "2026-01-01T00:00:00Z",
        "affected": [{"ecosystem": "Alpine:v3.22", "name": package, "ranges": [range]}],
    })
}

fn making(inventory: &Inventory, advisories: &[Value]) -> Making {
    let mut making = Making::new();
    let inventory = making.inputs.insert(canon::to_bytes(inventory).unwrap());
    making.record.images[0].inventory = Some(inventory);
    let extract = making.inputs.insert(canon::to_bytes(&json!(advisories)).unwrap());
    making.record.feed.as_mut().unwrap().extract = extract;
    making
}

fn explained(making: &Making) -> (Decision, Vec<Step>, Option<Checked>) {
    let decision = making.decide();
    let case = Case { record: making.record.clone(), inputs: making.inputs.clone() };
    let (steps, checked) = plan_of(&decision, &case);
    (decision, steps, checked)
}

fn two_of_musl() -> [Value; 2] {
    [
        advisory("CVE-1", "musl", "high", "0", Some("1.2.5-r12")),
        advisory("CVE-2", "musl", "critical", "0", Some("1.2.5-r20")),
    ]
}

#[test]
fn one_upgrade_closes_what_it_can_and_the_gate_passes_with_it() {
    let making = making(&inventory(), &two_of_musl());
    let (decision, steps, checked) = explained(&making);
    assert_eq!(decision.outcome, Outcome::Rework);
    // By the Decision alone there are two upgrades of one package.
    assert_eq!(plan(&decision).len(), 2);
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    let action =
        "upgrade musl to 1.2.5-r20 or later: apk add --upgrade musl; or rebuild on a base image that has it";
    assert_eq!((step.action.as_str(), step.closes.len(), step.checked), (action, 2, true));
    let checked = checked.unwrap();
    assert!(checked.suffices());
    assert_eq!((checked.upgrades, checked.closes, checked.blocking), (1, 2, 2));
    let mut later = inventory();
    later.packages[0] = package("musl", "1.2.5-r20");
    assert_eq!(self::making(&later, &two_of_musl()).decide().outcome, Outcome::Proceed);
}

#[test]
fn the_nearest_version_that_closes_what_blocks_is_enough() {
    let of_npm = |id: &str, severity: &str, fixed: &str| {
        let mut advisory = advisory(id, "x", severity, "0", Some(fixed));
        advisory["affected"][0]["ecosystem"] = json!("npm");
        advisory
    };
    let mut with_x = inventory();
    let ecosystem = "npm".to_owned();
    with_x.packages.push(Package { ecosystem, purl: "pkg:npm/x@1.0.0".into(), ..package("x", "1.0.0") });
    let advisories = [of_npm("CVE-1", "high", "1.1.0"), of_npm("CVE-2", "low", "2.0.0")];
    let mut making = making(&with_x, &advisories);
    making.set_coverage("npm", Some(making::covered()));
    let (_, steps, checked) = explained(&making);
    assert_eq!(steps[0].action.split(" or later").next(), Some("upgrade x to 1.1.0"), "{steps:?}");
    assert!(checked.unwrap().suffices());
}

#[test]
fn what_no_upgrade_closes_and_what_one_brings_is_not_enough() {
    let [first, second] = two_of_musl();
    let unfixed = advisory("CVE-4", "musl", "high", "0", None);
    let (_, steps, checked) = explained(&making(&inventory(), &[first.clone(), second.clone(), unfixed]));
    let checked = checked.unwrap();
    assert_eq!((checked.upgrades, checked.closes, checked.blocking), (1, 2, 3));
    assert!(!checked.suffices());
    assert_eq!(steps.iter().filter(|step| step.checked).count(), 1);
    let brought = advisory("CVE-5", "musl", "high", "1.2.5-r20", None);
    let (_, steps, checked) = explained(&making(&inventory(), &[first, second, brought]));
    let checked = checked.unwrap();
    assert!(checked.closes == checked.blocking && !checked.suffices(), "{checked:?}");
    assert_eq!(steps[0].brings, ["CVE-5"]);
}

#[test]
fn nothing_is_planned_of_what_the_case_lacks_or_a_base_image_closes() {
    let mut making = making(&inventory(), &two_of_musl());
    let packages: Vec<_> = inventory().packages.iter().map(|package| package.purl.clone()).collect();
    let packages = making.inputs.insert(canon::to_bytes(&packages).unwrap());
    making.record.images[0].base = Some(Base { name: None, layers: 1, compared: true, packages });
    let (decision, steps, checked) = explained(&making);
    assert_eq!((steps, checked), (plan(&decision), None));
    making.record.images[0].base = None;
    let decision = making.decide();
    making.record.feed.as_mut().unwrap().extract = Digest::of(b"gone");
    let case = Case { record: making.record.clone(), inputs: making.inputs.clone() };
    assert_eq!(plan_of(&decision, &case), (plan(&decision), None));
    making.record.feed = None;
    let case = Case { record: making.record, inputs: making.inputs };
    assert_eq!(plan_of(&decision, &case), (plan(&decision), None));
}

#[test]
fn names_of_others_are_quoted_where_people_copy_them() {
    let name = "x; touch /tmp/$(id)'s";
    let mut evil = inventory();
    evil.packages.push(package(name, "1.0-r0"));
    let making = making(&evil, &[advisory("CVE-1", name, "high", "0", Some("1.1-r0"))]);
    let (decision, steps, _) = explained(&making);
    let findings = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    let finding = findings.into_iter().find(|one| one.code == "vulnerability.known").unwrap();
    // The Decision has the name as it is.
    assert!(finding.remediation.contains("apk add --upgrade x; touch"), "{}", finding.remediation);
    let safe = r"apk add --upgrade 'x; touch /tmp/$(id)'\''s'";
    for told in
        [remediation(finding).into_owned(), steps[0].action.clone(), plan(&decision)[0].action.clone()]
    {
        assert!(told.contains(safe) && !told.contains("--upgrade x;"), "{told}");
    }
    let honest = explained(&self::making(&inventory(), &two_of_musl())).0;
    for finding in honest.verdicts.iter().flat_map(|verdict| &verdict.findings) {
        assert_eq!(remediation(finding), finding.remediation);
    }
}
