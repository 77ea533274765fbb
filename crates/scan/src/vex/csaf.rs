//! CSAF VEX (OASIS, Common Security Advisory Framework 2.0 and 2.1, profile 5: VEX).

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::Timestamp;
use serde_json::Value;

use super::{Collector, Component, Document, Product, Status, instant, joined, short};
use crate::catalog::documents::{list, word};
use crate::limits;
use crate::shape::{Fields, Shape, Shapes, check};
use crate::version::VersionRange;

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

/// A document, as csaf_json_schema.json has it (3.2); what says nothing of what is affected is not looked into.
const DOCUMENT: Shape = Shape::Object(&Fields {
    must: &[("document", META), ("vulnerabilities", Shape::List(&VULNERABILITY, 1))],
    may: &[("product_tree", TREE)],
    other: &["$schema", "x_extensions"],
    open: false,
});
const META: Shape = Shape::Object(&Fields {
    must: &[("category", Shape::Said), ("csaf_version", Shape::Said), ("tracking", TRACKING)],
    may: &[(
        "publisher",
        Shape::Object(&Fields { must: &[], may: &[("name", Shape::Said)], other: &[], open: true }),
    )],
    other: &[],
    open: true,
});
const TRACKING: Shape = Shape::Object(&Fields {
    must: &[("current_release_date", Shape::Time), ("status", Shape::OneOf(&["draft", "final", "interim"]))],
    may: &[("id", Shape::Said)],
    other: &["aliases", "generator", "initial_release_date", "revision_history", "version"],
    open: true,
});
const VULNERABILITY: Shape = Shape::Object(&Fields {
    must: &[("product_status", STATUS)],
    may: &[
        ("cve", Shape::Said),
        ("ids", Shape::List(&ID, 1)),
        ("flags", Shape::List(&FLAG, 1)),
        ("threats", Shape::List(&THREAT, 1)),
    ],
    other: &[
        "acknowledgments",
        "cwe",
        "cwes",
        "disclosure_date",
        "discovery_date",
        "first_known_exploitation_dates",
        "involvements",
        "metrics",
        "notes",
        "references",
        "release_date",
        "remediations",
        "scores",
        "title",
        "x_extensions",
    ],
    open: false,
});
const STATUS: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("known_not_affected", Shape::List(&Shape::Said, 1)),
        ("fixed", Shape::List(&Shape::Said, 1)),
        ("first_fixed", Shape::List(&Shape::Said, 1)),
        ("under_investigation", Shape::List(&Shape::Said, 1)),
        ("known_affected", Shape::List(&Shape::Said, 1)),
        ("first_affected", Shape::List(&Shape::Said, 1)),
        ("last_affected", Shape::List(&Shape::Said, 1)),
        ("unknown", Shape::List(&Shape::Said, 1)),
    ],
    other: &["recommended"],
    open: false,
});
const ID: Shape = Shape::Object(&Fields {
    must: &[("text", Shape::Said)],
    may: &[("system_name", Shape::Said)],
    other: &[],
    open: false,
});
const FLAG: Shape = Shape::Object(&Fields {
    must: &[("label", Shape::OneOf(LABELS))],
    may: &[
        ("product_ids", Shape::List(&Shape::Said, 1)),
        ("group_ids", Shape::List(&Shape::Said, 1)),
        ("date", Shape::Time),
    ],
    other: &[],
    open: false,
});
/// Why something is not affected (3.2.3.5).
const LABELS: &[&str] = &[
    "component_not_present",
    "inline_mitigations_already_exist",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_not_present",
];
const THREAT: Shape = Shape::Object(&Fields {
    must: &[
        ("category", Shape::OneOf(&["exploit_status", "impact", "target_set"])),
        ("details", Shape::Said),
    ],
    may: &[
        ("product_ids", Shape::List(&Shape::Said, 1)),
        ("group_ids", Shape::List(&Shape::Said, 1)),
        ("date", Shape::Time),
    ],
    other: &[],
    open: false,
});
const TREE: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("branches", Shape::List(&BRANCH, 1)),
        ("full_product_names", Shape::List(&PRODUCT, 1)),
        ("product_groups", Shape::List(&GROUP, 1)),
        ("relationships", Shape::List(&RELATIONSHIP, 1)),
    ],
    other: &["product_paths"],
    open: false,
});
static BRANCH: Shape = Shape::Object(&Fields {
    must: &[("category", Shape::Said), ("name", Shape::Said)],
    may: &[("product", PRODUCT), ("branches", Shape::List(&BRANCH, 1))],
    other: &[],
    open: false,
});
const PRODUCT: Shape = Shape::Object(&Fields {
    must: &[("product_id", Shape::Said), ("name", Shape::Said)],
    may: &[("product_identification_helper", HELPER)],
    other: &[],
    open: false,
});
const HELPER: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[
        ("purl", Shape::Said),
        ("purls", Shape::List(&Shape::Said, 1)),
        ("cpe", Shape::Said),
        ("hashes", Shape::List(&HASHES, 1)),
    ],
    other: &["model_numbers", "sbom_urls", "serial_numbers", "skus", "x_generic_uris"],
    open: false,
});
const HASHES: Shape = Shape::Object(&Fields {
    must: &[("file_hashes", Shape::List(&HASH, 1))],
    may: &[("filename", Shape::Said)],
    other: &[],
    open: false,
});
const HASH: Shape = Shape::Object(&Fields {
    must: &[("algorithm", Shape::Said), ("value", Shape::Said)],
    may: &[],
    other: &[],
    open: false,
});
const GROUP: Shape = Shape::Object(&Fields {
    must: &[("group_id", Shape::Said), ("product_ids", Shape::List(&Shape::Said, 1))],
    may: &[("summary", Shape::Text)],
    other: &[],
    open: false,
});
const RELATIONSHIP: Shape = Shape::Object(&Fields {
    must: &[
        ("category", Shape::Said),
        ("full_product_name", PRODUCT),
        ("product_reference", Shape::Said),
        ("relates_to_product_reference", Shape::Said),
    ],
    may: &[],
    other: &[],
    open: false,
});

pub(super) fn knows(document: &Value) -> bool {
    let meta = document.get("document").unwrap_or(&Value::Null);
    word(meta, "category").to_ascii_lowercase().contains("csaf") || meta.get("csaf_version").is_some()
}

pub(super) fn named(document: &Value) -> (&str, Option<Timestamp>) {
    let tracking = document.pointer("/document/tracking").unwrap_or(&Value::Null);
    (word(tracking, "id"), instant(tracking, &["current_release_date"]))
}

pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type.starts_with("https://docs.oasis-open.org/csaf/csaf/v2.")
}

pub(super) fn read(value: &Value, shapes: Shapes) -> Result<Option<Document>, String> {
    let document = value.get("document").ok_or("it has no `document`")?;
    let (category, version) = (word(document, "category"), word(document, "csaf_version"));
    if category != "csaf_vex" || !matches!(version, "2.0" | "2.1") {
        return Err(format!("its category is `{}`, of CSAF `{}`", short(category), short(version)));
    }
    if shapes.is_strict() {
        check(value, &DOCUMENT)?;
    }
    let tracking = document.get("tracking").unwrap_or(&Value::Null);
    if word(tracking, "status") == "draft" {
        return Err("it is a draft".to_owned());
    }
    let at = instant(tracking, &["current_release_date"]);
    let publisher = document.get("publisher").unwrap_or(&Value::Null);
    let mut collector = Collector::new("CSAF", word(publisher, "name"), shapes);
    let tree = Tree::read(value.get("product_tree").unwrap_or(&Value::Null), shapes)?;
    for vulnerability in list(value, "vulnerabilities") {
        let statuses = vulnerability.get("product_status").unwrap_or(&Value::Null);
        // 2.1 has a word for not knowing yet, too.
        let unknown = shapes.is_strict().then_some(("unknown", Status::UnderInvestigation));
        for (key, status) in STATUSES.into_iter().chain(unknown) {
            for id in list(statuses, key).iter().filter_map(Value::as_str) {
                let why = if status == Status::NotAffected {
                    justification(vulnerability, id, &tree)
                } else {
                    String::new()
                };
                collector.add(names(vulnerability), status, why, at, vec![tree.product(id)?])?;
            }
        }
    }
    Ok(Some(collector.document))
}

fn names(vulnerability: &Value) -> Vec<String> {
    let ids = list(vulnerability, "ids").iter().map(|id| word(id, "text"));
    let all = std::iter::once(word(vulnerability, "cve")).chain(ids);
    all.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Why a product is not affected: a flag, or a threat of the category `impact` (6.1.46).
fn justification(vulnerability: &Value, id: &str, tree: &Tree<'_>) -> String {
    let about = |one: &&Value| {
        let ids = list(one, "product_ids").iter().filter_map(Value::as_str);
        let groups = list(one, "group_ids").iter().filter_map(Value::as_str);
        ids.into_iter().any(|one| one == id) || groups.into_iter().any(|group| tree.is_in(group, id))
    };
    let flag = list(vulnerability, "flags").iter().find(about).map_or("", |flag| word(flag, "label"));
    let impact = |one: &&Value| word(one, "category") == "impact" && about(one);
    let threat =
        list(vulnerability, "threats").iter().find(impact).map_or("", |threat| word(threat, "details"));
    joined(&[flag, threat])
}

/// The products that a document names.
struct Tree<'a> {
    shapes: Shapes,
    products: BTreeMap<&'a str, Component>,
    /// Products that are a range of versions that cannot be read, and why.
    unread: BTreeMap<&'a str, String>,
    /// Products that are another one as a part of a third.
    within: BTreeMap<&'a str, (&'a str, &'a str)>,
    groups: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// What the branches above a product say of it.
#[derive(Clone, Copy, Default)]
struct Above<'a> {
    version: Option<&'a str>,
    architecture: Option<&'a str>,
    range: Option<&'a str>,
}

impl<'a> Above<'a> {
    fn and(self, branch: &'a Value) -> Self {
        let name = word(branch, "name");
        match word(branch, "category") {
            "product_version" => Self { version: Some(name), ..self },
            "product_version_range" => Self { range: Some(name), ..self },
            "architecture" => Self { architecture: Some(name), ..self },
            _ => self,
        }
    }
}

impl<'a> Tree<'a> {
    fn read(value: &'a Value, shapes: Shapes) -> Result<Self, String> {
        let mut tree = Self {
            shapes,
            products: BTreeMap::new(),
            unread: BTreeMap::new(),
            within: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        for product in list(value, "full_product_names") {
            tree.add(product, Above::default())?;
        }
        let mut open = vec![(list(value, "branches"), 0, Above::default())];
        while let Some((branches, depth, above)) = open.pop() {
            if depth > DEPTH {
                return Err(format!("its branches are nested more than {DEPTH} deep"));
            }
            for branch in branches {
                let above = if shapes.is_strict() { above.and(branch) } else { above };
                if let Some(product) = branch.get("product") {
                    tree.add(product, above)?;
                }
                open.push((list(branch, "branches"), depth + 1, above));
            }
        }
        for relationship in list(value, "relationships") {
            let product = relationship.get("full_product_name").unwrap_or(&Value::Null);
            tree.add(product, Above::default())?;
            let part = word(relationship, "product_reference");
            let whole = word(relationship, "relates_to_product_reference");
            tree.within.insert(word(product, "product_id"), (part, whole));
        }
        for group in list(value, "product_groups") {
            let ids = list(group, "product_ids").iter().filter_map(Value::as_str).collect();
            let id = word(group, "group_id");
            if tree.groups.insert(id, ids).is_some() && shapes.is_strict() {
                return Err(format!("two groups are called `{}`", short(id)));
            }
        }
        Ok(tree)
    }

    fn add(&mut self, product: &'a Value, above: Above<'_>) -> Result<(), String> {
        let id = word(product, "product_id");
        let helper = product.get("product_identification_helper").unwrap_or(&Value::Null);
        let mut component = Component { name: short(word(product, "name")), ..Component::default() };
        let purls = list(helper, "purls").iter().filter_map(Value::as_str);
        for purl in purls.chain([word(helper, "purl")]) {
            component.add(purl, self.shapes)?;
        }
        for file in list(helper, "hashes").iter().flat_map(|hashes| list(hashes, "file_hashes")) {
            if word(file, "algorithm").eq_ignore_ascii_case("sha256") {
                component.add_sha256(word(file, "value"), self.shapes)?;
            }
        }
        let versionless = component.purls.iter().any(|purl| purl.version.is_none());
        if let Some(range) = above.range.filter(|_| versionless)
            && let Err(why) = VersionRange::read(range).and_then(|range| component.narrow(range))
        {
            self.unread.insert(id, why);
        }
        component.versions.extend(above.version.filter(|_| versionless).map(str::to_owned));
        if let Some(architecture) = above.architecture {
            for purl in &mut component.purls {
                purl.qualifiers.entry("arch".to_owned()).or_insert_with(|| architecture.to_owned());
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
            if let Some(why) = self.unread.get(id) {
                return Err(format!("the product `{}`: {why}", short(id)));
            }
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
