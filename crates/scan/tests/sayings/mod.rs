//! Packages for tests that match.

use lockgate_model::inventory::{Confidence, Package};
use lockgate_model::{Digest, Inventory};

pub(crate) fn package(ecosystem: &str, name: &str, version: &str) -> Package {
    Package {
        ecosystem: ecosystem.into(),
        name: name.into(),
        version: version.into(),
        source: None,
        architecture: String::new(),
        purl: format!("pkg:x/{name}@{version}"),
        licenses: vec![],
        layer: Digest::of(b"l"),
        layer_index: 0,
        path: "/x".into(),
        cataloger: if ecosystem.starts_with("Debian") { "dpkg" } else { "x" }.into(),
        installed_by: String::new(),
        confidence: Confidence::Recorded,
    }
}

pub(crate) fn inventory(packages: Vec<Package>) -> Inventory {
    Inventory { packages, ..Inventory::default() }
}
