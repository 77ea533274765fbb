//! The kinds of packages, with their ecosystem (OSV) and package URL (purl).

use lockgate_model::inventory::Distribution;
use serde::{Deserialize, Serialize};

use super::{Found, normalised_python};
use crate::purl::{encode, push_encoded};

/// The kinds of packages that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PackageKind {
    /// Debian and what descends from it.
    Dpkg,
    /// Alpine and what descends from it.
    Apk,
    /// Red Hat, SUSE, Amazon, Mariner and their kin.
    Rpm,
    /// Python.
    Python,
    /// Node.
    Npm,
    /// Go modules.
    Go,
    /// Rust crates.
    Cargo,
    /// Java artifacts, named `group:artifact`.
    Maven,
    /// Ruby gems.
    Gem,
    /// PHP packages of composer.
    Composer,
    /// .NET packages.
    Nuget,
    /// Conda packages.
    Conda,
    /// Erlang and Elixir packages.
    Hex,
    /// Dart packages.
    Pub,
    /// Swift packages.
    Swift,
    /// CocoaPods.
    Pod,
    /// Packages of the Nix store.
    Nix,
    /// Programs known by the version they carry in them.
    Program,
    /// Arch and what descends from it.
    Pacman,
    /// Gentoo.
    Portage,
    /// OpenWrt and images of Yocto.
    Opkg,
    /// R packages of CRAN.
    Cran,
    /// R packages of Bioconductor.
    Bioconductor,
    /// Julia packages.
    Julia,
    /// Lua rocks.
    Lua,
    /// OCaml packages.
    Opam,
    /// C and C++ packages of Conan.
    Conan,
    /// PHP packages of PECL and of channels of PEAR, named `channel/name`.
    Pear,
    /// Plugins and themes of WordPress, named `plugins/name` and `themes/name`.
    WordPress,
}

impl PackageKind {
    /// The kind whose package URLs have this type (package-url/purl-spec, PURL-TYPES).
    pub(crate) fn of_purl(kind: &str) -> Option<Self> {
        match kind {
            "deb" => Some(Self::Dpkg),
            "apk" => Some(Self::Apk),
            "rpm" => Some(Self::Rpm),
            "pypi" => Some(Self::Python),
            "npm" => Some(Self::Npm),
            "golang" => Some(Self::Go),
            "cargo" => Some(Self::Cargo),
            "maven" => Some(Self::Maven),
            "gem" => Some(Self::Gem),
            "composer" => Some(Self::Composer),
            "nuget" => Some(Self::Nuget),
            "conda" => Some(Self::Conda),
            "hex" => Some(Self::Hex),
            "pub" => Some(Self::Pub),
            "swift" => Some(Self::Swift),
            "bitnami" | "generic" => Some(Self::Program),
            "alpm" => Some(Self::Pacman),
            "cran" => Some(Self::Cran),
            "julia" => Some(Self::Julia),
            "luarocks" => Some(Self::Lua),
            "opam" => Some(Self::Opam),
            "conan" => Some(Self::Conan),
            "pear" => Some(Self::Pear),
            _ => None,
        }
    }

    /// The name that inventories have for a package whose purl has this namespace and name, decoded.
    pub(crate) fn name_of_purl(self, name: String) -> String {
        match self {
            Self::Maven => name.replacen('/', ":", 1),
            Self::Python => normalised_python(&name),
            Self::Dpkg | Self::Apk | Self::Rpm | Self::Pacman => {
                name.rsplit('/').next().unwrap_or_default().to_owned()
            }
            _ => name,
        }
    }

    /// Whether it is installed by the operating system's package manager.
    pub(crate) fn of_system(self) -> bool {
        matches!(self, Self::Dpkg | Self::Apk | Self::Rpm | Self::Pacman | Self::Portage | Self::Opkg)
    }

    /// The cataloger's name in inventories.
    pub(crate) fn cataloger(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Python => "python",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Cargo => "cargo",
            Self::Maven => "java",
            Self::Gem => "ruby",
            Self::Composer => "php",
            Self::Nuget => "dotnet",
            Self::Conda => "conda",
            Self::Hex => "hex",
            Self::Pub => "dart",
            Self::Swift => "swift",
            Self::Pod => "cocoapods",
            Self::Nix => "nix",
            Self::Program => "program",
            Self::Pacman => "pacman",
            Self::Portage => "portage",
            Self::Opkg => "opkg",
            Self::Cran | Self::Bioconductor => "r",
            Self::Julia => "julia",
            Self::Lua => "lua",
            Self::Opam => "opam",
            Self::Conan => "conan",
            Self::Pear => "pear",
            Self::WordPress => "wordpress",
        }
    }

    /// The ecosystem as OSV names it, with the release where advisories depend on it (OSV schema,
    /// "affected[].package field"). A distribution's package without a known distribution keeps the family
    /// name, which no advisory of a release matches.
    pub(crate) fn ecosystem(self, distribution: Option<&Distribution>) -> String {
        match self {
            Self::Dpkg => distribution.map_or("Debian".to_owned(), system_ecosystem),
            Self::Apk => distribution.map_or("Alpine".to_owned(), system_ecosystem),
            Self::Rpm => distribution.map_or("Rpm".to_owned(), system_ecosystem),
            Self::Python => "PyPI".to_owned(),
            Self::Npm => "npm".to_owned(),
            Self::Go => "Go".to_owned(),
            Self::Cargo => "crates.io".to_owned(),
            Self::Maven => "Maven".to_owned(),
            Self::Gem => "RubyGems".to_owned(),
            Self::Composer => "Packagist".to_owned(),
            Self::Nuget => "NuGet".to_owned(),
            Self::Conda => "Conda".to_owned(),
            Self::Hex => "Hex".to_owned(),
            Self::Pub => "Pub".to_owned(),
            Self::Swift => "SwiftURL".to_owned(),
            Self::Pod => "CocoaPods".to_owned(),
            Self::Nix => "Nix".to_owned(),
            Self::Program => "Bitnami".to_owned(),
            Self::Pacman => distribution.map_or("Arch Linux".to_owned(), system_ecosystem),
            Self::Portage => distribution.map_or("Gentoo".to_owned(), system_ecosystem),
            Self::Opkg => distribution.map_or("OpenWrt".to_owned(), system_ecosystem),
            Self::Cran => "CRAN".to_owned(),
            Self::Bioconductor => "Bioconductor".to_owned(),
            Self::Julia => "Julia".to_owned(),
            Self::Lua => "LuaRocks".to_owned(),
            Self::Opam => "opam".to_owned(),
            Self::Conan => "ConanCenter".to_owned(),
            Self::Pear => "PEAR".to_owned(),
            Self::WordPress => "WordPress".to_owned(),
        }
    }

    /// The package URL (package-url/purl-spec, PURL-TYPES).
    pub(crate) fn purl(self, found: &Found, distribution: Option<&Distribution>) -> String {
        let split = |kind: &str, at: char| {
            let mut purl = String::with_capacity(kind.len() + found.name.len() + found.version.len() + 12);
            purl.push_str("pkg:");
            purl.push_str(kind);
            for part in found.name.split(at) {
                purl.push('/');
                push_encoded(&mut purl, part);
            }
            purl.push('@');
            push_encoded(&mut purl, &found.version);
            for (at, (key, value)) in found.qualifiers.iter().enumerate() {
                purl.push_str(if at == 0 { "?" } else { "&" });
                purl.push_str(key);
                purl.push('=');
                push_encoded(&mut purl, value);
            }
            purl
        };
        match self {
            Self::Dpkg => system_purl("deb", "debian", found, distribution),
            Self::Apk => system_purl("apk", "alpine", found, distribution),
            Self::Rpm => system_purl("rpm", "redhat", found, distribution),
            Self::Python => split("pypi", '\0'),
            Self::Npm => split("npm", '/'),
            Self::Go => split("golang", '/'),
            Self::Cargo => split("cargo", '\0'),
            Self::Maven => split("maven", ':'),
            Self::Gem => split("gem", '\0'),
            Self::Composer => split("composer", '/'),
            Self::Nuget => split("nuget", '\0'),
            Self::Conda => split("conda", '\0'),
            Self::Hex => split("hex", '/'),
            Self::Pub => split("pub", '\0'),
            Self::Swift => split("swift", '/'),
            Self::Pod => split("cocoapods", '\0'),
            Self::Nix => split("nix", '\0'),
            Self::Program => split("generic", '\0'),
            Self::Pacman => system_purl("alpm", "arch", found, distribution),
            // What the specification has no type for: as others write it.
            Self::Portage => split("ebuild", '/'),
            Self::Opkg => split("opkg", '\0'),
            Self::Cran => split("cran", '\0'),
            Self::Bioconductor => split("generic/bioconductor", '\0'),
            Self::Julia => split("julia", '\0'),
            Self::Lua => split("luarocks", '\0'),
            Self::Opam => split("opam", '\0'),
            Self::Conan => split("conan", '\0'),
            Self::Pear => split("pear", '/'),
            Self::WordPress => split("generic/wordpress", '/'),
        }
    }
}

/// The ecosystem of a distribution's packages, by what its os-release says: moving releases have the names that trackers
/// carry them under.
pub(crate) fn released_ecosystem(distribution: &Distribution) -> String {
    let Distribution { id, version, codename } = distribution;
    match (id.as_str(), version.as_str(), codename.as_str()) {
        ("debian", "", "") => "Debian".to_owned(),
        ("debian", "", codename) => format!("Debian:{}", debian_release(codename)),
        // `3.23.0_alpha20250612`
        ("alpine", version, _) if version == "edge" || version.contains("_alpha") => "Alpine:edge".to_owned(),
        ("openEuler", version, pack) if pack.starts_with("LTS") => format!("openEuler:{version}-{pack}"),
        ("sl-micro" | "sle-micro", version, _) if !version.is_empty() => format!("SUSE:{version}"),
        _ => system_ecosystem(distribution),
    }
}

/// The release of Debian with that code name, as advisories name it. What is not released moves with unstable.
fn debian_release(codename: &str) -> &str {
    match codename {
        "jessie" => "8",
        "stretch" => "9",
        "buster" => "10",
        "bullseye" => "11",
        "bookworm" => "12",
        "trixie" => "13",
        "sid" | "testing" | "forky" | "duke" => "sid",
        other => other,
    }
}

/// The ecosystem of a distribution's packages (OSV schema, "Defined ecosystems"); its `ID` where OSV has none.
pub(crate) fn system_ecosystem(distribution: &Distribution) -> String {
    let Distribution { id, version, .. } = distribution;
    let major = version.split('.').next().unwrap_or_default();
    let with = |name: &str, release: &str| {
        if release.is_empty() { name.to_owned() } else { format!("{name}:{release}") }
    };
    match id.as_str() {
        "debian" => with("Debian", major),
        "ubuntu" => with("Ubuntu", version),
        "alpine" => match version.split('.').collect::<Vec<_>>().as_slice() {
            [major, minor, ..] => format!("Alpine:v{major}.{minor}"),
            _ => with("Alpine", version),
        },
        "wolfi" => "Wolfi".to_owned(),
        // Without releases, too: what their `VERSION_ID` says is when they were built.
        "minimos" => "MinimOS".to_owned(),
        "cleanstart" => "CleanStart".to_owned(),
        "echo" => "Echo".to_owned(),
        // `stream`, `23`
        "alpaquita" => with("Alpaquita", version),
        "bellsoft-hardened-containers" => with("BellSoft Hardened Containers", version),
        "chainguard" => "Chainguard".to_owned(),
        "almalinux" => with("AlmaLinux", major),
        "rocky" => with("Rocky Linux", major),
        "rhel" | "centos" => with("Red Hat", major),
        "opensuse-leap" => with("openSUSE", &format!("Leap {version}")),
        "opensuse-tumbleweed" => "openSUSE:Tumbleweed".to_owned(),
        "sles" | "sles_sap" => with("SUSE", version),
        "mariner" | "azurelinux" => with("Azure Linux", major),
        "openEuler" => with("openEuler", version),
        "mageia" => with("Mageia", version),
        "photon" => with("Photon OS", version),
        "amzn" => with("Amazon Linux", version),
        "ol" => with("Oracle Linux", major),
        "fedora" => with("Fedora", version),
        "arch" => "Arch Linux".to_owned(),
        "gentoo" => "Gentoo".to_owned(),
        "openwrt" => with("OpenWrt", version),
        other => with(other, version),
    }
}

fn system_purl(kind: &str, family: &str, found: &Found, distribution: Option<&Distribution>) -> String {
    let vendor = distribution.map_or(family, |distribution| distribution.id.as_str());
    // The epoch of an rpm is a qualifier.
    let (epoch, version) = match found.version.split_once(':') {
        Some((epoch, version)) if kind == "rpm" => (Some(epoch), version),
        _ => (None, found.version.as_str()),
    };
    let mut purl = format!("pkg:{kind}/{}/{}@{}", encode(vendor), encode(&found.name), encode(version));
    let mut separator = '?';
    let mut qualify = |key: &str, value: &str| {
        purl.push_str(&format!("{separator}{key}={}", encode(value)));
        separator = '&';
    };
    if !found.architecture.is_empty() {
        qualify("arch", &found.architecture);
    }
    if let Some(Distribution { id, version, .. }) = distribution
        && !version.is_empty()
    {
        qualify("distro", &format!("{id}-{version}"));
    }
    if let Some(epoch) = epoch {
        qualify("epoch", epoch);
    }
    purl
}
