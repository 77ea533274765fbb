//! Plans: what a planned version is said to clear it has not, and nothing is planned that would be a downgrade.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod sayings;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lockgate_model::inventory::Source;
use lockgate_model::{Inventory, Timestamp};
use lockgate_scan::plan::{PlanOwner, Upgrade};
use lockgate_scan::version::compare;
use lockgate_scan::{Advisory, Feed, FeedBuilder, Plan, match_inventory, plan};
use proptest::prelude::*;
use sayings::{inventory, package};
use serde_json::{Value, json};

fn extract(records: &[Value], inventory: &Inventory) -> Vec<Advisory> {
    let mut builder = FeedBuilder::new(Timestamp::from_unix(i64::MAX));
    for record in records {
        builder.add("x", std::io::Cursor::new(record.to_string())).unwrap();
    }
    let feed = Feed::open(Arc::new(Bytes::from(builder.finish().unwrap().0))).unwrap();
    feed.extract(&[inventory]).unwrap()
}

fn planned(records: &[Value], inventory: &Inventory, base_layers: Option<u32>) -> Plan {
    let advisories = extract(records, inventory);
    let matches = match_inventory(inventory, &advisories).matches;
    plan(inventory, &matches, &advisories, base_layers)
}

/// A record of a range for each pair, and versions beside them.
fn record(
    id: &str,
    (ecosystem, name): (&str, &str),
    ranges: &[(&str, Option<&str>)],
    versions: &[&str],
) -> Value {
    let range = |(from, to): &(&str, Option<&str>)| {
        let mut events = vec![json!({"introduced": from})];
        events.extend(to.map(|to| json!({"fixed": to})));
        json!({"type": "ECOSYSTEM", "events": events})
    };
    json!({"id": id, "modified": "2024-01-01T00:00:00Z", "affected": [{
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": ranges.iter().map(range).collect::<Vec<_>>(), "versions": versions}]})
}

fn only(plan: &Plan) -> &Upgrade {
    let [group] = plan.groups.as_slice() else { panic!("{plan:?}") };
    let [upgrade] = group.upgrades.as_slice() else { panic!("{plan:?}") };
    upgrade
}

/// The targets: version, how many are cleared, how many remain, how many are new.
fn targets(upgrade: &Upgrade) -> Vec<(&str, usize, usize, usize)> {
    let told = |target: &lockgate_scan::plan::Target| {
        (target.clears.len(), target.remains.len(), target.brings.len())
    };
    let row = |target| {
        let (clears, remains, brings) = told(target);
        (target.version.as_str(), clears, remains, brings)
    };
    upgrade.targets.iter().map(row).collect()
}

const AIOHTTP: (&str, &str) = ("PyPI", "aiohttp");

#[test]
fn one_version_clears_most_and_the_installed_branch_comes_first() {
    let records = [
        record("A-1", AIOHTTP, &[("0", Some("3.7.4"))], &[]),
        record("A-2", AIOHTTP, &[("0", Some("3.8.0"))], &[]),
        record("A-3", AIOHTTP, &[("0", Some("4.0.0"))], &[]),
        record("A-4", AIOHTTP, &[("0", None)], &[]),
        // It came with a version after the least that clears the rest.
        record("A-5", AIOHTTP, &[("4.1.0", None)], &[]),
        record("A-6", AIOHTTP, &[("0", Some("3.7.1")), ("3.7.2", Some("4.1.0"))], &[]),
    ];
    let one = inventory(vec![package("PyPI", "aiohttp", "3.7.3")]);
    let plan = planned(&records, &one, None);
    let upgrade = only(&plan);
    assert_eq!(upgrade.vulnerabilities, 5);
    assert_eq!(targets(upgrade), [("3.8.0", 2, 3, 0), ("4.1.0", 4, 1, 1)]);
    assert_eq!(upgrade.targets.iter().map(|one| one.same_branch).collect::<Vec<_>>(), [true, false]);
    let [unfixed] = plan.groups[0].unfixed.as_slice() else { panic!("{plan:?}") };
    assert_eq!(unfixed.vulnerabilities, ["A-4"]);
    // Where the installed branch clears as many, nothing else is asked for.
    assert_eq!(targets(only(&planned(&records[..2], &one, None))), [("3.8.0", 2, 0, 0)]);
    // The same, whatever the order in which the records came, and read back as it was written.
    let mut reversed = records.to_vec();
    reversed.reverse();
    assert_eq!(planned(&reversed, &one, None), plan);
    assert_eq!(serde_json::from_value::<Plan>(serde_json::to_value(&plan).unwrap()).unwrap(), plan);
}

#[test]
fn pre_releases_are_planned_only_where_nothing_else_exists() {
    let one = inventory(vec![package("PyPI", "twisted", "22.1.0")]);
    let twisted = ("PyPI", "twisted");
    let early = record("A-1", twisted, &[("0", Some("24.7.0rc1"))], &[]);
    let alone = planned(std::slice::from_ref(&early), &one, None);
    assert_eq!(targets(only(&alone)), [("24.7.0rc1", 1, 0, 0)]);
    assert!(only(&alone).targets[0].prerelease);
    // Another advisory names a release after it: it exists.
    let listed = record("A-2", twisted, &[], &["22.1.0", "23.8.0", "24.7.0", "24.10.0"]);
    let with_list = planned(&[early.clone(), listed], &one, None);
    assert_eq!(targets(only(&with_list)), [("24.7.0", 1, 1, 0)]);
    let released = record("A-2", twisted, &[("0", Some("22.2.0"))], &[]);
    assert_eq!(targets(only(&planned(&[early, released], &one, None))), [("22.2.0", 1, 1, 0)]);
}

#[test]
fn groups_are_layers_and_owners() {
    let mut all = vec![
        package("Debian:12", "libssl3", "3.0.1-1"),
        package("Debian:12", "openssl", "3.0.1-1"),
        package("PyPI", "a", "1.0"),
        package("PyPI", "a", "1.0"),
        package("PyPI", "b", "1.0"),
    ];
    for (at, package) in all.iter_mut().enumerate() {
        package.path = format!("/{at}");
        package.layer_index = u32::from(at > 1);
        if at < 2 {
            package.source = Some(Source { name: "openssl".into(), version: "3.0.1-1".into() });
        }
    }
    all[4].installed_by = "python3-b".into();
    let records = [
        record("D-1", ("Debian:12", "openssl"), &[("0", Some("3.0.2-1"))], &[]),
        record("P-1", ("PyPI", "a"), &[("0", Some("1.1"))], &[]),
        record("P-2", ("PyPI", "b"), &[("0", Some("1.1"))], &[]),
    ];
    let plan = planned(&records, &inventory(all.clone()), Some(1));
    let owners: Vec<_> = plan.groups.iter().map(|group| (group.layer_index, group.owner.clone())).collect();
    let owner = PlanOwner::Package { name: "python3-b".into() };
    assert_eq!(owners, [(0, PlanOwner::BaseImage), (1, PlanOwner::Application), (1, owner)]);
    let upgrade = &plan.groups[0].upgrades[0];
    assert_eq!(
        (upgrade.source.as_deref(), upgrade.names.join(" ")),
        (Some("openssl"), "libssl3 openssl".into())
    );
    assert_eq!((upgrade.installed.as_str(), targets(upgrade)), ("3.0.1-1", vec![("3.0.2-1", 1, 0, 0)]));
    assert_eq!(plan.groups[1].upgrades[0].packages, [2, 3]);
    let unknown = planned(&records, &inventory(all), None);
    assert_eq!(unknown.groups[0].owner, PlanOwner::Layer);
}

/// A package, its ranges and versions; aliases; whether the record names fixed versions.
type Made = (((&'static str, &'static str), Vec<(String, Option<String>)>, Vec<String>), Vec<String>, u8);

fn records() -> impl Strategy<Value = Vec<Value>> {
    let version = || "[0-2]\\.[0-3]\\.[0-3](-rc1)?";
    let affected = (
        prop::sample::select(vec![("npm", "a"), ("npm", "b"), ("Debian:12", "c")]),
        prop::collection::vec((version(), proptest::option::weighted(0.8, version())), 0..3),
        prop::collection::vec(version(), 0..4),
    );
    let one = (affected, prop::collection::vec("CVE-[0-5]", 0..2), 0..3u8);
    prop::collection::vec(one, 0..14).prop_map(|all| {
        let write = |(at, one): (usize, Made)| {
            let ((package, ranges, versions), aliases, fixed) = one;
            let ranges: Vec<_> = ranges.iter().map(|(from, to)| (from.as_str(), to.as_deref())).collect();
            let versions: Vec<_> = versions.iter().map(String::as_str).collect();
            let mut one = record(&format!("X-{at}"), package, &ranges, &versions);
            one["aliases"] = json!(aliases);
            if fixed == 0 {
                one["affected"][0]["database_specific"] = json!({"fixed_versions": versions});
            }
            one
        };
        all.into_iter().enumerate().map(write).collect()
    })
}

proptest! {
    #[test]
    fn a_planned_version_has_nothing_that_the_plan_says_it_clears(
        records in records(),
        versions in prop::collection::vec("[0-2]\\.[0-3]\\.[0-3]", 4),
    ) {
        let mut all: Vec<_> = [("npm", "a"), ("npm", "b"), ("npm", "a"), ("Debian:12", "c")].iter().zip(&versions)
            .map(|((ecosystem, name), version)| package(ecosystem, name, version)).collect();
        all[3].source = Some(Source { name: "c".into(), version: versions[3].clone() });
        let inventory = inventory(all);
        let advisories = extract(&records, &inventory);
        let matches = match_inventory(&inventory, &advisories).matches;
        let plan = plan(&inventory, &matches, &advisories, None);
        let mut told = BTreeSet::new();
        for upgrade in plan.groups.iter().flat_map(|group| &group.upgrades) {
            prop_assert!(!upgrade.targets.is_empty() && upgrade.targets.len() <= 2);
            let places: BTreeSet<_> = upgrade.packages.iter().collect();
            prop_assert_eq!(places.len(), upgrade.packages.len());
            for (at, target) in upgrade.packages.iter().flat_map(|at| upgrade.targets.iter().map(move |one| (*at, one))) {
                prop_assert!(!target.clears.is_empty());
                let order = compare(&upgrade.ecosystem, &target.version, &upgrade.installed);
                prop_assert_eq!(order, Ok(std::cmp::Ordering::Greater));
                let mut later = inventory.clone();
                later.packages[at] = upgrade.applied(&later.packages[at], target);
                let found = match_inventory(&later, &advisories).matches;
                let names: BTreeSet<&String> = found.iter().filter(|one| one.package == at)
                    .flat_map(|one| std::iter::once(&one.id).chain(&one.aliases)).collect();
                let own: Vec<_> = matches.iter().filter(|one| one.package == at).collect();
                prop_assert_eq!(own.len(), target.clears.len() + target.remains.len());
                prop_assert_eq!(own.len() as u64, upgrade.vulnerabilities);
                for one in own {
                    let gone = std::iter::once(&one.id).chain(&one.aliases).all(|name| !names.contains(name));
                    prop_assert_eq!(target.clears.contains(&one.id), gone, "{}", one.id);
                    told.insert((at, one.id.clone()));
                }
                for id in &target.brings {
                    prop_assert!(found.iter().any(|one| one.package == at && one.id == *id));
                }
                if target.prerelease {
                    prop_assert!(upgrade.targets.iter().all(|one| one.prerelease));
                }
            }
        }
        for unfixed in plan.groups.iter().flat_map(|group| &group.unfixed) {
            for at in &unfixed.packages {
                told.extend(unfixed.vulnerabilities.iter().map(|id| (*at, id.clone())));
            }
        }
        let all: BTreeSet<_> = matches.iter().map(|one| (one.package, one.id.clone())).collect();
        prop_assert_eq!(told, all);
    }
}
