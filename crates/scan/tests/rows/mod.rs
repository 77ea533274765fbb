//! Rows of small stacks of layers, and what is in them.
#![allow(dead_code, reason = "each test file uses its part of this")]

use lockgate_model::Inventory;

use super::tars::{Item, inventory};

pub(crate) const EVIL: &str = r#"{"name":"evil","version":"1.0.0"}"#;
pub(crate) const GOOD: &str = r#"{"name":"good","version":"1.0.0"}"#;
pub(crate) const DEB: &str =
    "Package: deb\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0.0\n";
pub(crate) const GEM: &str = "# stub: gem 1.0.0 ruby lib\n";
pub(crate) const WHEEL: &str = "Metadata-Version: 2.1\nName: wheel\nVersion: 1.0.0\n";

/// A program that UPX packed.
pub(crate) const UPX: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0UPX!";
/// Nothing by which wheels' metadata is recognised stands first.
pub(crate) const ODD_WHEEL: &str = "X: y\nMetadata-Version: 2.1\nName: wheel\nVersion: 1.0.0\n";
pub(crate) const FRAGMENT: &str = "Package: fragment\nArchitecture: all\nVersion: 1.0.0\n";

/// What it is, the layers, the packages, and what the reasons begin with that are told.
pub(crate) type Row<'a> = (&'a str, &'a [&'a [Item<'a>]], &'a [&'a str], &'a [&'a str]);

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.packages.iter().map(|package| package.name.as_str()).collect()
}

pub(crate) fn check(rows: &[Row<'_>]) {
    for (what, layers, packages, told) in rows {
        let (inventory, missing) = inventory(layers);
        assert_eq!(names(&inventory), *packages, "{what}: {inventory:?}");
        let reasons: Vec<_> = inventory.unread.iter().map(|unread| unread.reason.as_str()).collect();
        let right =
            reasons.len() == told.len() && told.iter().zip(&reasons).all(|(told, why)| why.starts_with(told));
        assert!(right, "{what}: {reasons:?}");
        assert!(missing.is_empty(), "{what}: {missing:?}");
    }
}

pub(crate) const AT: &str = "srv/node_modules/evil/package.json";
