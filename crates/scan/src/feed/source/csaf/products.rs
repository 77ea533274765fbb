//! The product tree of a CSAF document (CSAF 2.0, section 3.2.2): which package of which distribution a product is.

use std::collections::BTreeMap;

use lockgate_model::inventory::Distribution;
use serde::Deserialize;

use super::super::debian::release_number;
use super::super::osv;
use super::ranges;
use crate::catalog::{PackageKind, system_ecosystem};
use crate::feed::RangeEvent;
use crate::limits;
use crate::purl::Purl;

/// The tree as it is published; what is not read here is not kept.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ProductTree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<FullName>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    category: String,
    name: String,
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    product: Option<FullName>,
}

#[derive(Debug, Deserialize)]
struct FullName {
    product_id: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "product_identification_helper")]
    identified: Identified,
}

#[derive(Debug, Default, Deserialize)]
struct Identified {
    #[serde(default)]
    cpe: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    /// CSAF 2.1 allows several.
    #[serde(default)]
    purls: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Relationship {
    full_product_name: FullName,
    product_reference: String,
    relates_to_product_reference: String,
}

/// Which versions a product stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    Every,
    One(String),
    Within(Vec<Vec<RangeEvent>>),
}

/// What a name is that of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    Source,
    /// A package as it is installed.
    Binary,
    /// Either: nothing says which.
    Unsaid,
}

/// The package that a product is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product {
    /// As inventories name it.
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) which: Which,
    pub(super) build: Build,
    /// Whether a distribution ships it, and so answers for it.
    pub(super) of_distribution: bool,
}

/// Why a product is no package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPackage {
    /// It is of a kind that inventories have no packages of: an image, a module.
    Other,
    /// It cannot be read.
    Unread(String),
}

/// A node of the tree: the product, and the branch it stands on.
struct Leaf<'a> {
    product: &'a FullName,
    branch: Option<&'a Branch>,
}

/// The products of a document, by id.
pub(super) struct Products<'a> {
    leaves: BTreeMap<&'a str, Leaf<'a>>,
    relationships: BTreeMap<&'a str, &'a Relationship>,
}

impl<'a> Products<'a> {
    /// Errors: two products have one id (CSAF 2.0, section 6.1.2).
    pub(super) fn of(tree: &'a ProductTree) -> Result<Self, String> {
        let mut products = Self { leaves: BTreeMap::new(), relationships: BTreeMap::new() };
        let mut open: Vec<&Branch> = tree.branches.iter().collect();
        let mut leaves: Vec<Leaf<'a>> =
            tree.full_product_names.iter().map(|product| Leaf { product, branch: None }).collect();
        while let Some(branch) = open.pop() {
            leaves.extend(branch.product.iter().map(|product| Leaf { product, branch: Some(branch) }));
            open.extend(&branch.branches);
        }
        for leaf in leaves {
            let id = leaf.product.product_id.as_str();
            if products.leaves.insert(id, leaf).is_some() {
                return Err(format!("two products have the id `{}`", short(id)));
            }
        }
        for one in &tree.relationships {
            let id = one.full_product_name.product_id.as_str();
            if products.leaves.contains_key(id) || products.relationships.insert(id, one).is_some() {
                return Err(format!("two products have the id `{}`", short(id)));
            }
        }
        Ok(products)
    }

    /// The package that a product is.
    pub(super) fn product(&self, id: &str) -> Result<Product, NoPackage> {
        let parts = self.parts(id)?;
        let alone = parts.len() == 1;
        let platform = parts.iter().find_map(|leaf| platform(leaf));
        let mut trouble = NoPackage::Unread(format!("`{}` has no purl that names a package", short(id)));
        for leaf in &parts {
            match package(leaf, platform.as_deref(), alone) {
                Some(Ok(product)) => return Ok(product),
                Some(Err(reason)) => trouble = reason,
                None => {}
            }
        }
        Err(trouble)
    }

    /// What a product is made of: the component first, then what it is a component of.
    fn parts(&self, id: &str) -> Result<Vec<&Leaf<'a>>, NoPackage> {
        let (mut parts, mut open) = (Vec::new(), vec![id]);
        let mut steps = 0;
        while let Some(id) = open.pop() {
            steps += 1;
            if steps > limits::CSAF_PARTS {
                let reason = format!("a product has more than {} parts", limits::CSAF_PARTS);
                return Err(NoPackage::Unread(reason));
            }
            if let Some(leaf) = self.leaves.get(id) {
                parts.push(leaf);
            } else if let Some(one) = self.relationships.get(id) {
                open.extend([one.relates_to_product_reference.as_str(), one.product_reference.as_str()]);
            } else {
                let reason = format!("`{}` is not in the product tree", short(id));
                return Err(NoPackage::Unread(reason));
            }
        }
        Ok(parts)
    }
}

/// An id for a message.
fn short(id: &str) -> String {
    id.chars().take(100).collect()
}

/// The package that one part of a product is; nothing when it names none.
fn package(leaf: &Leaf<'_>, platform: Option<&str>, alone: bool) -> Option<Result<Product, NoPackage>> {
    let identified = &leaf.product.identified;
    let purls: Vec<_> = identified.purl.iter().chain(&identified.purls).collect();
    if purls.is_empty() {
        return by_file_name(leaf, platform?).map(Ok);
    }
    let mut trouble = None;
    for purl in purls {
        match by_purl(purl, leaf, platform, alone) {
            Ok(product) => return Some(Ok(product)),
            Err(reason) => trouble = Some(Err(reason)),
        }
    }
    trouble
}

/// An rpm by its file name without `.rpm`: SUSE and older documents of Red Hat name products so.
fn by_file_name(leaf: &Leaf<'_>, platform: &str) -> Option<Product> {
    const ARCHITECTURES: [&str; 13] = [
        "noarch", "src", "nosrc", "x86_64", "aarch64", "ppc64le", "ppc64", "s390x", "s390", "i586", "i686",
        "ia64", "armv7hl",
    ];
    let branch = leaf.branch.map(|branch| branch.name.as_str());
    [branch, Some(leaf.product.name.as_str()), Some(leaf.product.product_id.as_str())]
        .into_iter()
        .flatten()
        .find_map(|text| {
            let (rest, architecture) = text.trim_end_matches(".rpm").rsplit_once('.')?;
            let (rest, release) = rest.rsplit_once('-')?;
            let (name, version) = rest.rsplit_once('-')?;
            let sound = ARCHITECTURES.contains(&architecture)
                && !name.is_empty()
                && version.starts_with(|first: char| first.is_ascii_digit());
            let version = version.strip_prefix("0:").unwrap_or(version);
            sound.then(|| Product {
                ecosystem: platform.to_owned(),
                name: name.to_owned(),
                which: Which::One(format!("{version}-{release}")),
                build: if matches!(architecture, "src" | "nosrc") { Build::Source } else { Build::Binary },
                of_distribution: true,
            })
        })
}

fn by_purl(text: &str, leaf: &Leaf<'_>, platform: Option<&str>, alone: bool) -> Result<Product, NoPackage> {
    let unread = |why: &str| NoPackage::Unread(format!("`{}`: {why}", short(text)));
    let purl = Purl::parse(text).ok_or_else(|| unread("it is no purl"))?;
    if matches!(purl.kind.as_str(), "oci" | "docker" | "rpmmod") {
        return Err(NoPackage::Other);
    }
    let kind = PackageKind::of_purl(&purl.kind).ok_or_else(|| unread("inventories have no such packages"))?;
    let of_distribution = kind.of_system();
    let ecosystem = if of_distribution {
        let own = purl.qualifiers.get("distro").and_then(|distro| by_distro(&purl, distro));
        let named = platform.map(str::to_owned).or(own);
        named.ok_or_else(|| unread("nothing says which release of which distribution it is for"))?
    } else if alone {
        kind.ecosystem(None)
    } else {
        // What is said about a component of a product holds for that product, not for everybody's.
        return Err(unread("it is said of a product that is no distribution"));
    };
    let which = match (purl.version, leaf.branch) {
        (Some(version), _) => Which::One(version),
        (None, Some(branch)) if branch.category == "product_version_range" => {
            Which::Within(ranges::read(&branch.name).map_err(|why| unread(&why))?)
        }
        (None, Some(branch))
            if branch.category == "product_version"
                && branch.name.starts_with(|first: char| first.is_ascii_digit()) =>
        {
            Which::One(branch.name.clone())
        }
        (None, _) => Which::Every,
    };
    let build = match purl.qualifiers.get("arch").map(String::as_str) {
        _ if !of_distribution => Build::Source,
        Some("src" | "nosrc" | "source") => Build::Source,
        Some(_) => Build::Binary,
        None => Build::Unsaid,
    };
    Ok(Product { ecosystem, name: kind.name_of_purl(purl.name), which, build, of_distribution })
}

/// The ecosystem by a purl's `distro`: `debian-12`, `bookworm`, `rhel-9.4`.
fn by_distro(purl: &Purl, distro: &str) -> Option<String> {
    if let Some(number) = release_number(distro) {
        return Some(format!("Debian:{number}"));
    }
    let (id, version) = match distro.rsplit_once('-') {
        Some((id, version)) => (id, version),
        None => (purl.name.split('/').next().unwrap_or_default(), distro),
    };
    let numbered = !id.is_empty() && version.starts_with(|first: char| first.is_ascii_digit());
    numbered.then(|| {
        system_ecosystem(&Distribution {
            id: id.to_ascii_lowercase(),
            version: version.to_owned(),
            codename: String::new(),
        })
    })
}

/// The ecosystem of the distribution that a part of a product is.
fn platform(leaf: &Leaf<'_>) -> Option<String> {
    let by_cpe = leaf.product.identified.cpe.as_deref().and_then(by_cpe);
    by_cpe.or_else(|| {
        let name = leaf.product.name.as_str();
        if let Some(product) = name.strip_prefix("SUSE Linux") {
            let written = format!("SUSE:Linux{product}");
            return Some(osv::ecosystem(written.clone())).filter(|read| *read != written);
        }
        match name.strip_prefix("openSUSE ") {
            Some("Tumbleweed") => Some("openSUSE:Tumbleweed".to_owned()),
            Some(release) if release.starts_with("Leap ") => Some(format!("openSUSE:{release}")),
            _ => None,
        }
    })
}

/// The ecosystem by a CPE of either form (NISTIR 7695, sections 6.1 and 6.2): as OSV names what Red Hat and SUSE ship,
/// by its `ID` of os-release(5) otherwise.
fn by_cpe(text: &str) -> Option<String> {
    let uri = text.strip_prefix("cpe:/").or_else(|| text.strip_prefix("cpe:2.3:"))?;
    let mut fields = uri.split(':').map(|field| if matches!(field, "*" | "-") { "" } else { field });
    let (_, vendor, product) = (fields.next()?, fields.next()?, fields.next()?);
    let (version, update) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    if version.is_empty() && product != "tumbleweed" {
        return None;
    }
    let id = match (vendor, product) {
        ("redhat", _) => {
            let rest = uri.splitn(3, ':').nth(2)?.trim_end_matches([':', '*']);
            return Some(osv::ecosystem(format!("Red Hat:{rest}")));
        }
        ("suse", product) => return suse(product, version, update),
        ("opensuse", "leap") => return Some(format!("openSUSE:Leap {version}")),
        ("opensuse", "tumbleweed") => return Some("openSUSE:Tumbleweed".to_owned()),
        ("debian", "debian_linux") => "debian",
        ("canonical", "ubuntu_linux") => "ubuntu",
        ("alpinelinux", "alpine_linux") => "alpine",
        ("almalinux", "almalinux") => "almalinux",
        ("resf" | "rocky" | "rockylinux", _) => "rocky",
        ("oracle", "linux") => "ol",
        ("fedoraproject", "fedora") => "fedora",
        ("microsoft", "azure_linux" | "cbl-mariner" | "mariner") => "azurelinux",
        ("openeuler", "openeuler") => "openEuler",
        ("mageia", "mageia") => "mageia",
        ("vmware", "photon_os") => "photon",
        _ => return None,
    };
    let distribution =
        Distribution { id: id.to_owned(), version: version.to_owned(), codename: String::new() };
    Some(system_ecosystem(&distribution))
}

/// SUSE's servers and their modules are one release; what is maintained apart stays apart.
fn suse(product: &str, version: &str, update: &str) -> Option<String> {
    let release = match update.strip_prefix("sp") {
        Some(pack) => format!("{version}.{pack}"),
        None => version.to_owned(),
    };
    let apart = ["ltss", "espos", "bcl", "teradata", "micro"].iter().find(|one| product.contains(**one));
    match apart {
        Some(apart) => Some(format!("SUSE:{release}-{}", apart.to_ascii_uppercase())),
        None if product.starts_with("sle") => Some(format!("SUSE:{release}")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_named_as_inventories_do() {
        for (cpe, expected) in [
            ("cpe:/o:redhat:enterprise_linux:9::baseos", Some("Red Hat:9")),
            ("cpe:/a:redhat:enterprise_linux:9::appstream", Some("Red Hat:9")),
            ("cpe:2.3:o:redhat:enterprise_linux:8:*:*:*:*:*:*:*", Some("Red Hat:8")),
            ("cpe:/o:redhat:rhel_eus:9.4::baseos", Some("Red Hat:rhel_eus:9.4::baseos")),
            ("cpe:/o:suse:sles:15:sp5", Some("SUSE:15.5")),
            ("cpe:/o:suse:sle-module-basesystem:15:sp5", Some("SUSE:15.5")),
            ("cpe:/o:suse:sles-ltss:15:sp3", Some("SUSE:15.3-LTSS")),
            ("cpe:/o:suse:sle-micro:5.3", Some("SUSE:5.3-MICRO")),
            ("cpe:/o:opensuse:leap:15.5", Some("openSUSE:Leap 15.5")),
            ("cpe:2.3:o:debian:debian_linux:12.0:*:*:*:*:*:*:*", Some("Debian:12")),
            ("cpe:2.3:o:canonical:ubuntu_linux:22.04:*:*:*:lts:*:*:*", Some("Ubuntu:22.04")),
            ("cpe:/o:alpinelinux:alpine_linux:3.20", Some("Alpine:v3.20")),
            ("cpe:/o:oracle:linux:9", Some("Oracle Linux:9")),
            ("cpe:/a:apache:http_server:2.4", None),
            ("cpe:/o:debian:debian_linux", None),
            ("redhat", None),
        ] {
            assert_eq!(by_cpe(cpe).as_deref(), expected, "{cpe}");
        }
    }
}
