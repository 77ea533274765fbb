//! CSAF VEX (OASIS, Common Security Advisory Framework 2.0 and 2.1, profile 5: VEX).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::catalog::documents::{list, word};
use crate::limits;

/// Deepest nesting of branches: as the standard's validators allow (6.1, schema).
const DEPTH: usize = 30;

/// What is said of a product, by where it is listed (3.2.3.9, "Product status").
const STATUSES: [(&str, Status); 7] = [
    ("known_not_affected", Status::NotAffected),
    ("fixed", Status::Fixed),
    ("first_fixed", Status::Fixed),
    ("under_investigation", Status::UnderInvestigation),
    ("known_affected", Status::Affected),
    ("first_affected", Status::Affected),
    ("last_affected", Status::Affected),
];

pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type.starts_with("https://docs.oasis-open.org/csaf/csaf/v2.")
}

pub(super) fn read(value: &Value) -> Result<Document, String> {
    let document = value.get("document").ok_or("it has no `document`")?;
    let (category, version) = (word(document, "category"), word(document, "csaf_version"));
    if category != "csaf_vex" || !matches!(version, "2.0" | "2.1") {
        return Err(format!("its category is `{}`, of CSAF `{}`", short(category), short(version)));
    }
    let tracking = document.get("tracking").unwrap_or(&Value::Null);
    if word(tracking, "status") == "draft" {
        return Err("it is a draft".to_owned());
    }
    let at = instant(tracking, &["current_release_date"]);
    let publisher = document.get("publisher").unwrap_or(&Value::Null);
    let mut collector = Collector::new("CSAF", word(publisher, "name"));
    let tree = Tree::read(value.get("product_tree").unwrap_or(&Value::Null))?;
    for hole in list(value, "vulnerabilities") {
        let statuses = hole.get("product_status").unwrap_or(&Value::Null);
        for (key, status) in STATUSES {
            for id in list(statuses, key).iter().filter_map(Value::as_str) {
                let why = if status == Status::NotAffected {
                    justification(hole, id, &tree)
                } else {
                    String::new()
                };
                collector.add(names(hole), status, why, at, vec![tree.product(id)?])?;
            }
        }
    }
    Ok(collector.document)
}

fn names(hole: &Value) -> Vec<String> {
    let ids = list(hole, "ids").iter().map(|id| word(id, "text"));
    let all = std::iter::once(word(hole, "cve")).chain(ids);
    all.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Why a product is not affected: a flag, or a threat of the category `impact` (6.1.46).
fn justification(hole: &Value, id: &str, tree: &Tree<'_>) -> String {
    let about = |one: &&Value| {
        let ids = list(one, "product_ids").iter().filter_map(Value::as_str);
        let groups = list(one, "group_ids").iter().filter_map(Value::as_str);
        ids.into_iter().any(|one| one == id) || groups.into_iter().any(|group| tree.is_in(group, id))
    };
    let flag = list(hole, "flags").iter().find(about).map_or("", |flag| word(flag, "label"));
    let impact = |one: &&Value| word(one, "category") == "impact" && about(one);
    let threat = list(hole, "threats").iter().find(impact).map_or("", |threat| word(threat, "details"));
    joined(&[flag, threat])
}

/// The products that a document names.
struct Tree<'a> {
    products: BTreeMap<&'a str, Component>,
    /// Products that are another one as a part of a third.
    within: BTreeMap<&'a str, (&'a str, &'a str)>,
    groups: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Tree<'a> {
    fn read(value: &'a Value) -> Result<Self, String> {
        let mut tree = Self { products: BTreeMap::new(), within: BTreeMap::new(), groups: BTreeMap::new() };
        for product in list(value, "full_product_names") {
            tree.add(product)?;
        }
        let mut open = vec![(list(value, "branches"), 0)];
        while let Some((branches, depth)) = open.pop() {
            if depth > DEPTH {
                return Err(format!("its branches are nested more than {DEPTH} deep"));
            }
            for branch in branches {
                if let Some(product) = branch.get("product") {
                    tree.add(product)?;
                }
                open.push((list(branch, "branches"), depth + 1));
            }
        }
        for relationship in list(value, "relationships") {
            let product = relationship.get("full_product_name").unwrap_or(&Value::Null);
            tree.add(product)?;
            let part = word(relationship, "product_reference");
            let whole = word(relationship, "relates_to_product_reference");
            tree.within.insert(word(product, "product_id"), (part, whole));
        }
        for group in list(value, "product_groups") {
            let ids = list(group, "product_ids").iter().filter_map(Value::as_str).collect();
            tree.groups.insert(word(group, "group_id"), ids);
        }
        Ok(tree)
    }

    fn add(&mut self, product: &'a Value) -> Result<(), String> {
        let id = word(product, "product_id");
        let helper = product.get("product_identification_helper").unwrap_or(&Value::Null);
        let mut component = Component { name: short(word(product, "name")), ..Component::default() };
        let purls = list(helper, "purls").iter().filter_map(Value::as_str);
        purls.chain([word(helper, "purl")]).for_each(|purl| component.add(purl));
        for file in list(helper, "hashes").iter().flat_map(|hashes| list(hashes, "file_hashes")) {
            if word(file, "algorithm").eq_ignore_ascii_case("sha256") {
                component.add_sha256(word(file, "value"));
            }
        }
        let many = self.products.len() >= limits::VEX_PRODUCTS;
        if id.is_empty() || many || self.products.insert(id, component).is_some() {
            return Err(format!("the product `{}` has no name of its own, or is one too many", short(id)));
        }
        Ok(())
    }

    fn product(&self, id: &str) -> Result<Product, String> {
        let known = |id: &str| {
            self.products.get(id).cloned().ok_or_else(|| format!("it names no product `{}`", short(id)))
        };
        match self.within.get(id) {
            Some((part, whole)) => Ok(Product { product: known(whole)?, parts: vec![known(part)?] }),
            None => Ok(Product { product: known(id)?, parts: vec![] }),
        }
    }

    fn is_in(&self, group: &str, id: &str) -> bool {
        self.groups.get(group).is_some_and(|ids| ids.contains(id))
    }
}
