//! Images of which runtimes make two file systems: what either has is listed.

use std::collections::BTreeSet;

use lockgate_model::Inventory;
use lockgate_model::inventory::{Accounts, Confidence, Package, Secret, Silent, SilentReason};

use super::system;

/// What says that a package is the same one, wherever it stands.
type Same<'a> = (&'a str, &'a str, &'a str, Confidence);

fn same(package: &Package) -> Same<'_> {
    (&package.purl, &package.ecosystem, &package.installed_by, package.confidence)
}

/// The inventory of both file systems: of layers unpacked onto each other, and of an overlay mount. Each is in it whole, so that
/// no runtime has more than it says.
pub(super) fn both(onto: Inventory, mounted: Inventory) -> Inventory {
    let mut all = onto;
    if all.distribution != mounted.distribution {
        let [path, _] = system::OS_RELEASE.map(|path| format!("/{path}"));
        let manager = system::NAMES.to_owned();
        all.silent.push(Silent { manager, path, reason: SilentReason::Contradicted });
        all.distribution = all.distribution.or(mounted.distribution);
    }
    all.accounts = all.accounts.zip(mounted.accounts).map(|(onto, mounted)| agreed(onto, &mounted));
    let known: BTreeSet<_> = all.packages.iter().map(same).collect();
    let more: Vec<_> = mounted.packages.iter().filter(|one| !known.contains(&same(one))).cloned().collect();
    all.packages.extend(more);
    all.unread.extend(mounted.unread);
    all.setuid.extend(mounted.setuid);
    all.secrets.extend(mounted.secrets);
    // What is there in one of them is not told as removed, too.
    let there = |one: &Secret| Secret { removed: false, ..one.clone() };
    let standing: BTreeSet<_> = all.secrets.iter().filter(|one| !one.removed).cloned().collect();
    all.secrets.retain(|one| !one.removed || !standing.contains(&there(one)));
    all.silent.extend(mounted.silent);
    all.sort();
    all
}

/// The accounts that have the same number in both.
fn agreed(onto: Accounts, mounted: &Accounts) -> Accounts {
    let mut numbers = onto.numbers;
    numbers.retain(|name, number| mounted.numbers.get(name) == Some(number));
    Accounts { numbers }
}
