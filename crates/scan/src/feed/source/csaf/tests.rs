//! Documents made after the specification, in the shapes that vendors publish.

use serde_json::{Value, json};

use super::*;
use crate::feed::{Affected, RangeEvent};

/// A leaf of the tree: what one product is.
fn leaf(id: &str, helper: &Value) -> Value {
    json!({"category": "product_version", "name": id, "product":
        {"name": id, "product_id": id, "product_identification_helper": helper}})
}

fn component_of(component: &str, platform: &str) -> Value {
    json!({"category": "default_component_of", "product_reference": component,
        "relates_to_product_reference": platform,
        "full_product_name": {"name": component, "product_id": format!("{platform}:{component}")}})
}

/// A VEX document as Red Hat writes them: openssl in two releases, and an image.
fn vex(status: &Value) -> Value {
    let branches = [
        leaf("rhel8", &json!({"cpe": "cpe:/o:redhat:enterprise_linux:8"})),
        leaf("BaseOS-9", &json!({"cpe": "cpe:/o:redhat:enterprise_linux:9::baseos"})),
        leaf("BaseOS-9.4.EUS", &json!({"cpe": "cpe:/o:redhat:rhel_eus:9.4::baseos"})),
        leaf("quay", &json!({"cpe": "cpe:/a:redhat:quay:3::el8"})),
        leaf("openssl", &json!({"purl": "pkg:rpm/redhat/openssl?arch=src"})),
        leaf("old.src", &json!({"purl": "pkg:rpm/redhat/openssl@3.0.7-20.el9?arch=src&epoch=1"})),
        leaf("openssl.src", &json!({"purl": "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=src&epoch=1"})),
        leaf("openssl.x86_64", &json!({"purl": "pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&epoch=1"})),
        leaf("openssl-eus.src", &json!({"purl": "pkg:rpm/redhat/openssl@3.0.7-25.el9_4?arch=src&epoch=1"})),
        leaf("image", &json!({"purl": "pkg:oci/quay-rhel8@sha256%3Aab"})),
        leaf("netty", &json!({"purl": "pkg:maven/io.netty/netty@4.1.0"})),
        leaf("unknown", &json!({})),
    ];
    let relationships: Vec<_> = [
        ("openssl", "rhel8"),
        ("openssl", "BaseOS-9"),
        ("old.src", "BaseOS-9"),
        ("openssl.src", "BaseOS-9"),
        ("openssl.x86_64", "BaseOS-9"),
        ("openssl-eus.src", "BaseOS-9.4.EUS"),
        ("image", "quay"),
        ("netty", "quay"),
        ("unknown", "BaseOS-9"),
    ]
    .map(|(component, platform)| component_of(component, platform))
    .into();
    json!({
        "document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "openssl: a hole",
            "aggregate_severity": {"namespace": "https://access.redhat.com", "text": "Important"},
            "publisher": {"category": "vendor", "name": "Red Hat Product Security", "namespace": "https://www.redhat.com"},
            "references": [{"category": "self", "summary": "x", "url": "https://example.com/self"}],
            "tracking": {"id": "CVE-2026-1", "status": "final", "version": "3",
                "initial_release_date": "2026-01-01T00:00:00+00:00", "current_release_date": "2026-02-01T01:00:00+01:00",
                "revision_history": []}},
        "product_tree": {"branches": [{"category": "vendor", "name": "Red Hat", "branches": branches}],
            "relationships": relationships},
        "vulnerabilities": [{"cve": "CVE-2026-1", "title": "openssl: a hole\nmore", "product_status": status,
            "ids": [{"system_name": "Red Hat Bugzilla ID", "text": "2262126"}, {"system_name": "GitHub", "text": "GHSA-aaaa-bbbb-cccc"}],
            "scores": [
                {"products": [], "cvss_v3": {"version": "3.1", "baseScore": 1.0, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}}],
            "remediations": [{"category": "no_fix_planned", "details": "x", "product_ids": []},
                {"category": "vendor_fix", "details": "x", "product_ids": [], "url": "https://example.com/fix"}],
            "threats": [{"category": "impact", "details": "Low"}]}]
    })
}

fn read_value(value: &Value) -> Result<Read, String> {
    read(value.to_string().as_bytes())
}

/// What a VEX document with these statuses says of packages.
fn affected(status: &Value) -> Vec<Affected> {
    let mut read = read_value(&vex(status)).unwrap();
    read.advisories.pop().map(|rated| rated.advisory.affected).unwrap_or_default()
}

fn refusal(status: &Value) -> String {
    let read = read_value(&vex(status)).unwrap();
    assert!(read.advisories.is_empty(), "{:?}", read.advisories.len());
    let [(place, reason)] = read.refused.as_slice() else { panic!("{:?}", read.refused) };
    format!("{place}: {reason}")
}

fn below(fixed: &str) -> Vec<RangeEvent> {
    vec![RangeEvent::Introduced("0".into()), RangeEvent::Fixed(fixed.into())]
}

#[test]
fn a_vendor_says_which_release_has_the_vulnerability() {
    let read = read_value(&vex(&json!({
        "fixed": ["BaseOS-9:openssl.src", "BaseOS-9:openssl.x86_64", "BaseOS-9.4.EUS:openssl-eus.src"],
        "known_affected": ["rhel8:openssl"]})))
    .unwrap();
    assert_eq!((read.withdrawn, read.refused.as_slice()), (0, [].as_slice()));
    let [Rated { advisory, rated }] = read.advisories.as_slice() else { panic!() };
    assert_eq!(advisory.id, "CSAF-www.redhat.com-CVE-2026-1-CVE-2026-1");
    assert_eq!(advisory.aliases, ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"]);
    // The vector counts, not the number beside it; the score, not the word.
    assert_eq!((advisory.cvss_tenths, advisory.severity, *rated), (Some(75), Severity::High, true));
    assert_eq!(advisory.summary, "openssl: a hole");
    assert_eq!(advisory.url.as_deref(), Some("https://example.com/fix"));
    assert_eq!(advisory.modified.to_string(), "2026-02-01T00:00:00Z");
    let said: Vec<_> =
        advisory.affected.iter().map(|one| (one.ecosystem.as_str(), one.binary, &one.ranges[..])).collect();
    assert_eq!(
        said,
        [
            ("Red Hat:8", false, [vec![RangeEvent::Introduced("0".into())]].as_slice()),
            ("Red Hat:9", false, &[below("1:3.0.7-27.el9")]),
            ("Red Hat:9", true, &[below("1:3.0.7-27.el9")]),
            ("Red Hat:rhel_eus:9.4::baseos", false, &[below("1:3.0.7-25.el9_4")]),
        ]
    );
    assert!(advisory.affected.iter().all(|one| one.name == "openssl" && !one.unaffected));
}

#[test]
fn what_is_not_affected_is_denied_where_nothing_else_is_said() {
    let denied = affected(&json!({"known_not_affected": ["rhel8:openssl", "BaseOS-9:old.src"]}));
    let [everywhere, exactly] = denied.as_slice() else { panic!("{denied:?}") };
    assert!(everywhere.unaffected && everywhere.versions.is_empty() && everywhere.ranges.is_empty());
    assert!(exactly.unaffected && exactly.versions == ["1:3.0.7-20.el9"]);
    // What is built of a source may have the vulnerability, and one package of it not.
    let both = affected(
        &json!({"known_not_affected": ["BaseOS-9:openssl.x86_64"], "known_affected": ["BaseOS-9:openssl"]}),
    );
    let [source, installed] = both.as_slice() else { panic!("{both:?}") };
    assert!(!source.unaffected && !source.binary && source.ranges == [[RangeEvent::Introduced("0".into())]]);
    assert!(installed.unaffected && installed.binary && installed.versions == ["1:3.0.7-27.el9"]);
    // Of one name: what is affected counts.
    let one =
        affected(&json!({"known_not_affected": ["BaseOS-9:old.src"], "fixed": ["BaseOS-9:openssl.src"]}));
    assert!(one.len() == 1 && !one[0].unaffected && one[0].ranges == [below("1:3.0.7-27.el9")]);
    // Nobody but the vendor may deny, and not for everybody.
    let mut value = vex(&json!({"known_not_affected": ["rhel8:openssl"]}));
    value["document"]["publisher"]["category"] = "coordinator".into();
    let read = read_value(&value).unwrap();
    assert!(read.advisories.is_empty() && read.refused[0].1.contains("not the vendor"), "{:?}", read.refused);
}

#[test]
fn what_is_being_looked_into_counts_as_affected() {
    let read = read_value(&vex(&json!({"under_investigation": ["rhel8:openssl"]}))).unwrap();
    let advisory = &read.advisories[0].advisory;
    assert_eq!(advisory.affected[0].ranges, [[RangeEvent::Introduced("0".into())]]);
    assert_eq!(advisory.summary, "under investigation: openssl: a hole");
    let read = read_value(&vex(
        &json!({"under_investigation": ["rhel8:openssl"], "fixed": ["BaseOS-9:openssl.src"]}),
    ));
    assert_eq!(read.unwrap().advisories[0].advisory.summary, "openssl: a hole");
}

#[test]
fn single_versions_and_their_fixes_stay_lists() {
    let said = affected(&json!({"known_affected": ["BaseOS-9:old.src"], "fixed": ["BaseOS-9:openssl.src"]}));
    assert_eq!(
        (said[0].versions.as_slice(), said[0].fixed.as_slice()),
        (["1:3.0.7-20.el9".to_owned()].as_slice(), ["1:3.0.7-27.el9".to_owned()].as_slice())
    );
    assert!(said[0].ranges.is_empty());
    // Of every version: up to the fix.
    let said = affected(&json!({"known_affected": ["BaseOS-9:openssl"], "fixed": ["BaseOS-9:openssl.src"]}));
    assert_eq!(said[0].ranges, [below("1:3.0.7-27.el9")]);
    let said =
        affected(&json!({"first_affected": ["BaseOS-9:old.src"], "last_affected": ["BaseOS-9:openssl.src"]}));
    assert_eq!(
        said[0].ranges,
        [[
            RangeEvent::Introduced("1:3.0.7-20.el9".into()),
            RangeEvent::LastAffected("1:3.0.7-27.el9".into())
        ]]
    );
    // The first version with the fix says more than the one that is recommended.
    let said =
        affected(&json!({"first_fixed": ["BaseOS-9:old.src"], "recommended": ["BaseOS-9:openssl.src"]}));
    assert_eq!(said[0].ranges, [below("1:3.0.7-20.el9")]);
    let said = affected(&json!({"recommended": ["BaseOS-9:openssl.src"]}));
    assert_eq!(said[0].ranges, [below("1:3.0.7-27.el9")]);
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    for (status, why) in [
        (json!({"fixed": ["quay:image"]}), "none of its 1 products is a package"),
        (json!({"known_affected": ["quay:netty"]}), "said of a product that is no distribution"),
        (json!({"known_affected": ["BaseOS-9:unknown"]}), "has no purl"),
        (json!({"known_affected": ["gone"]}), "`gone` is not in the product tree"),
        (json!({"known_affected": ["openssl"]}), "which release of which distribution"),
        (
            json!({"known_affected": ["rhel8:openssl"], "known_not_affected": ["rhel8:openssl"]}),
            "cannot both be",
        ),
        (json!({}), "none of its 0 products"),
    ] {
        let said = refusal(&status);
        assert!(said.starts_with("CVE-2026-1: ") && said.contains(why), "{status}: {said}");
    }
    // The rest of it is used; images are no packages of anybody's and are not counted.
    let read = read_value(&vex(
        &json!({"known_affected": ["rhel8:openssl", "BaseOS-9:unknown", "gone"], "fixed": ["quay:image"]}),
    ))
    .unwrap();
    assert_eq!(read.advisories.len(), 1);
    assert!(read.refused[0].1.starts_with("2 of its 4 products were left out"), "{:?}", read.refused);
}

#[test]
fn documents_that_are_none_are_refused() {
    let good = vex(&json!({"known_affected": ["rhel8:openssl"]}));
    assert!(read_value(&good).is_ok() && is_csaf(good.to_string().as_bytes()));
    for (pointer, value, why) in [
        ("/document/csaf_version", json!("1.2"), "CSAF 1.2 is not read"),
        ("/document/category", json!("csaf_base"), "category is `csaf_base`"),
        ("/document/tracking/status", json!("draft"), "a draft"),
        ("/document/tracking/id", json!(""), "`tracking.id` is empty"),
        ("/document/tracking/current_release_date", json!("soon"), "`current_release_date` is no date: soon"),
        ("/document/tracking", json!({}), "missing field"),
        ("/vulnerabilities", json!([]), "no vulnerability"),
        ("/vulnerabilities", json!({}), "invalid type"),
        (
            "/product_tree/relationships/1/full_product_name/product_id",
            json!("rhel8:openssl"),
            "two products have the id",
        ),
        (
            "/product_tree/relationships/1/full_product_name/product_id",
            json!("quay"),
            "two products have the id",
        ),
        (
            "/product_tree/branches/0/branches/1/product/product_id",
            json!("rhel8"),
            "two products have the id",
        ),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let reason = read_value(&bad).err().unwrap_or_else(|| panic!("{pointer}: it was read"));
        assert!(reason.contains(why), "{pointer}: {reason}");
    }
    // A relationship that leads to itself ends.
    let mut round = good.clone();
    round["product_tree"]["relationships"][0]["product_reference"] = "rhel8:openssl".into();
    assert!(read_value(&round).unwrap().refused[0].1.contains("more than 32 parts"));
}

#[test]
fn what_was_taken_back_is_withdrawn() {
    let good = vex(&json!({"known_affected": ["rhel8:openssl"]}));
    for category in ["csaf_withdrawn", "csaf_superseded"] {
        let mut value = good.clone();
        value["document"]["category"] = category.into();
        let read = read_value(&value).unwrap();
        assert_eq!((read.withdrawn, read.advisories.len()), (1, 0));
    }
    for text in ["** REJECT ** do not use", "Rejected reason: a duplicate"] {
        let mut value = good.clone();
        value["vulnerabilities"][0]["notes"] = json!([{"category": "description", "text": text}]);
        let read = read_value(&value).unwrap();
        assert_eq!((read.withdrawn, read.advisories.len(), read.refused.len()), (1, 0, 0));
    }
}

#[test]
fn scores_of_every_version_are_read() {
    let score = |value: Value| {
        let mut document = vex(&json!({"known_affected": ["rhel8:openssl"]}));
        document["vulnerabilities"][0]["scores"] = json!([value]);
        let Rated { advisory, rated } = read_value(&document).unwrap().advisories.pop().unwrap();
        (advisory.cvss_tenths, advisory.severity, rated)
    };
    let v2 = json!({"vectorString": "AV:N/AC:L/Au:N/C:C/I:C/A:C"});
    let v4 = json!({"vectorString": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"});
    assert_eq!(score(json!({"cvss_v2": v2})), (Some(100), Severity::Critical, true));
    assert_eq!(score(json!({"cvss_v4": v4, "cvss_v2": v2})), (Some(87), Severity::High, true));
    assert_eq!(score(json!({"cvss_v3": {"baseScore": 5.4}})), (Some(54), Severity::Medium, true));
    assert_eq!(score(json!({"cvss_v3": {"baseScore": 99.0}})), (None, Severity::Low, true));
    // CSAF 2.1: in `metrics`. Without a score the vendor's word for the vulnerability counts, then that for the document.
    let mut document = vex(&json!({"known_affected": ["rhel8:openssl"]}));
    document["document"]["csaf_version"] = "2.1".into();
    document["vulnerabilities"][0]["scores"] = json!([]);
    document["vulnerabilities"][0]["metrics"] = json!([{"content": {"cvss_v4": v4}, "products": []}]);
    assert_eq!(read_value(&document).unwrap().advisories[0].advisory.cvss_tenths, Some(87));
    document["vulnerabilities"][0]["metrics"] = json!([]);
    assert_eq!(read_value(&document).unwrap().advisories[0].advisory.severity, Severity::Low);
    document["vulnerabilities"][0]["threats"] = json!([]);
    assert_eq!(read_value(&document).unwrap().advisories[0].advisory.severity, Severity::High);
}

/// An advisory as SUSE writes them: products by file name, fixes as `recommended`, platforms by name.
#[test]
fn an_advisory_of_suse_is_read() {
    let rpm = "libopenssl1_1-1.1.1l-150500.17.34.1.x86_64";
    let mut value = vex(&json!({}));
    value["document"]["category"] = "csaf_security_advisory".into();
    value["document"]["publisher"]["namespace"] = "https://www.suse.com/".into();
    value["document"]["tracking"]["id"] = "SUSE-SU-2026:1-1".into();
    value["product_tree"] = json!({
        "branches": [{"category": "vendor", "name": "SUSE", "branches": [
            {"category": "architecture", "name": "x86_64", "branches": [
                {"category": "product_version", "name": rpm, "product": {"name": rpm, "product_id": rpm}}]},
            {"category": "product_name", "name": "x", "product": {"name": "SUSE Linux Enterprise Server 15 SP5",
                "product_id": "sles", "product_identification_helper": {"cpe": "cpe:/o:suse:sles:15:sp5"}}},
            {"category": "product_name", "name": "x", "product": {"name": "SUSE Linux Enterprise Module for Basesystem 15 SP6", "product_id": "module"}},
            {"category": "product_name", "name": "x", "product": {"name": "openSUSE Leap 15.5", "product_id": "leap"}}]}],
        "relationships": [component_of(rpm, "sles"), component_of(rpm, "module"), component_of(rpm, "leap")]});
    value["vulnerabilities"] = json!([
        {"cve": "CVE-2026-1", "product_status": {"recommended": [format!("sles:{rpm}"), format!("module:{rpm}"), format!("leap:{rpm}")]}},
        {"cve": "CVE-2026-2", "product_status": {"recommended": [format!("sles:{rpm}")]}}]);
    let read = read_value(&value).unwrap();
    let ids: Vec<_> = read.advisories.iter().map(|one| one.advisory.id.as_str()).collect();
    assert_eq!(
        ids,
        ["CSAF-www.suse.com-SUSE-SU-2026:1-1-CVE-2026-1", "CSAF-www.suse.com-SUSE-SU-2026:1-1-CVE-2026-2"]
    );
    let said = &read.advisories[0].advisory.affected;
    let releases: Vec<_> = said.iter().map(|one| one.ecosystem.as_str()).collect();
    assert_eq!(releases, ["SUSE:15.5", "SUSE:15.6", "openSUSE:Leap 15.5"]);
    assert!(
        said.iter().all(|one| one.name == "libopenssl1_1" && one.ranges == [below("1.1.1l-150500.17.34.1")])
    );
}

/// Packages that nobody's distribution ships, of somebody who publishes them.
#[test]
fn packages_of_registries_stand_alone() {
    let mut value = vex(&json!({}));
    value["product_tree"] = json!({"branches": [{"category": "product_name", "name": "x", "branches": [
        {"category": "product_version_range", "name": "vers:npm/>=1.0.0|<1.2.3", "product":
            {"name": "a", "product_id": "a", "product_identification_helper": {"purl": "pkg:npm/%40x/a"}}},
        {"category": "product_version", "name": "1.2.3", "product":
            {"name": "a", "product_id": "b", "product_identification_helper": {"purl": "pkg:pypi/Some.Thing"}}},
        {"category": "product_version_range", "name": "all before 3", "product":
            {"name": "a", "product_id": "c", "product_identification_helper": {"purl": "pkg:gem/c"}}}]}]});
    value["vulnerabilities"][0]["product_status"] = json!({"known_affected": ["a", "b", "c"]});
    let read = read_value(&value).unwrap();
    let said = &read.advisories[0].advisory.affected;
    assert_eq!(
        (said[0].ecosystem.as_str(), said[0].name.as_str(), said[0].versions.as_slice()),
        ("PyPI", "some-thing", ["1.2.3".to_owned()].as_slice())
    );
    assert_eq!((said[1].ecosystem.as_str(), said[1].name.as_str()), ("npm", "@x/a"));
    assert_eq!(said[1].ranges, [[RangeEvent::Introduced("1.0.0".into()), RangeEvent::Fixed("1.2.3".into())]]);
    assert!(read.refused[0].1.contains("a range that cannot be read"), "{:?}", read.refused);
    // That somebody's copy is not affected says nothing about other people's.
    value["vulnerabilities"][0]["product_status"] = json!({"known_not_affected": ["a"]});
    let read = read_value(&value).unwrap();
    assert!(
        read.advisories.is_empty() && read.refused[0].1.contains("no distribution ships"),
        "{:?}",
        read.refused
    );
}
