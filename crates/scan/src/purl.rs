//! Package URLs (package-url/purl-spec): how the documents of others name packages and images.

use std::collections::BTreeMap;

use lockgate_model::Digest;

use crate::catalog::normalised_python;

/// Longest package URL that is read, in bytes.
const BYTES: usize = 8 << 10;

/// A package URL, taken apart and in one spelling: `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purl {
    /// The type, such as `deb` or `npm`.
    pub kind: String,
    /// Namespace and name, decoded, with a slash between them.
    pub name: String,
    /// The version, decoded; an epoch stands before it, as in `1:2.3`.
    pub version: Option<String>,
    /// The other qualifiers.
    pub qualifiers: BTreeMap<String, String>,
    /// The part of the package that alone is meant, where somebody asked for it ([`Purl::exact`]); else nothing.
    pub subpath: Option<String>,
}

impl Purl {
    /// Reads a package URL that narrows what is said of it, so that nothing in it may be passed over: the subpath counts,
    /// and there is neither an empty version, nor a qualifier twice or without a value. The error says what is wrong.
    pub fn exact(text: &str) -> Result<Self, String> {
        let short: String = text.chars().filter(|one| !one.is_control()).take(200).collect();
        let bad = |why: &str| format!("`{short}` is not a package URL that is read: {why}");
        let (rest, subpath) = match text.trim().split_once('#') {
            Some((rest, subpath)) => (rest, Some(subpath)),
            None => (text.trim(), None),
        };
        let mut purl = Self::parse(rest).ok_or_else(|| bad("its type, name or escapes are wrong"))?;
        let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        if path.ends_with('@') {
            return Err(bad("its version is empty"));
        }
        let mut named = std::collections::BTreeSet::new();
        for pair in qualifiers.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                    if !named.insert(key.to_ascii_lowercase()) {
                        return Err(bad("a qualifier is there twice"));
                    }
                }
                _ => return Err(bad("a qualifier has no value")),
            }
        }
        if let Some(subpath) = subpath {
            let subpath = decode(subpath).ok_or_else(|| bad("the escapes of its subpath are wrong"))?;
            let parts = subpath.split('/').filter(|part| !matches!(*part, "" | "."));
            purl.subpath = Some(parts.collect::<Vec<_>>().join("/")).filter(|path| !path.is_empty());
        }
        Ok(purl)
    }

    /// Reads a package URL; nothing when it is none. The subpath is passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix("pkg:").filter(|rest| rest.len() <= BYTES)?;
        let rest = rest.trim_start_matches('/').split('#').next()?;
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        // `pkg:npm/@scope/name` has no version: what follows the sign is the name.
        let (name, version) = match rest.rsplit_once('@') {
            Some((name, version)) if !version.contains('/') && !name.is_empty() => (name, Some(version)),
            _ => (rest, None),
        };
        let kind = kind.to_ascii_lowercase();
        let name = normalised(&kind, &decode(name.trim_matches('/'))?);
        let mut qualifiers = qualifiers
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| Some((key.to_ascii_lowercase(), decode(value)?)))
            .collect::<Option<BTreeMap<_, _>>>()?;
        let epoch = qualifiers.remove("epoch").filter(|epoch| epoch != "0");
        let version = match version.map(decode) {
            Some(version) => Some(version?).filter(|version| !version.is_empty()),
            None => None,
        };
        let version = version.map(|version| match (kind.as_str(), epoch) {
            ("golang", _) => version.trim_start_matches('v').to_owned(),
            ("deb" | "rpm", Some(epoch)) if !version.contains(':') => format!("{epoch}:{version}"),
            _ => version,
        });
        (!kind.is_empty() && !name.is_empty()).then_some(Self {
            kind,
            name,
            version,
            qualifiers,
            subpath: None,
        })
    }

    /// The last part of the name.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Whether both name the same package, whatever its version.
    pub fn same_package(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }

    /// Whether `package` is what this names: the same package, and not a part of it; where this has a version, the same
    /// version; and every qualifier that this has.
    pub fn names(&self, package: &Self) -> bool {
        let version = self.version.is_none() || self.version == package.version;
        let qualified = |(key, value): (&String, &String)| {
            let own = package.qualifiers.get(key);
            own == Some(value) || key == "distro" && own.is_some_and(|own| same_release(own, value))
        };
        let whole = self.subpath.is_none() || self.subpath == package.subpath;
        self.same_package(package) && version && whole && self.qualifiers.iter().all(qualified)
    }

    /// Whether `package` may be what this names: nothing that both say differs.
    pub fn may_name(&self, package: &Self) -> bool {
        let version = self.version.is_none() || self.version == package.version;
        let agrees = |(key, value): (&String, &String)| {
            package
                .qualifiers
                .get(key)
                .is_none_or(|own| own == value || key == "distro" && same_release(own, value))
        };
        self.same_package(package) && version && self.qualifiers.iter().all(agrees)
    }

    /// The digest that the URL of an image has for a version (PURL-TYPES, `oci` and `docker`).
    pub fn image_digest(&self) -> Option<Digest> {
        self.version.as_ref().filter(|_| self.is_image())?.parse().ok()
    }

    /// Whether it names an image.
    pub fn is_image(&self) -> bool {
        matches!(self.kind.as_str(), "oci" | "docker")
    }

    /// The same package without version and qualifiers: `pkg:apk/alpine/zlib`.
    pub fn bare(&self) -> String {
        let parts: Vec<_> = self.name.split('/').map(encode).collect();
        format!("pkg:{}/{}", self.kind, parts.join("/"))
    }
}

/// Whether two texts mean the same release of a distribution: some write `alpine-3.22.1` and others `3.22.1`, some
/// `debian-12` and others `debian-12.4`.
fn same_release(a: &str, b: &str) -> bool {
    let (a_name, a) = a.rsplit_once('-').unwrap_or(("", a));
    let (b_name, b) = b.rsplit_once('-').unwrap_or(("", b));
    let begins = |long: &str, short: &str| {
        !short.is_empty()
            && long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    (a_name.is_empty() || b_name.is_empty() || a_name == b_name) && (begins(a, b) || begins(b, a))
}

/// Names that a type writes in several ways, in one (PURL-TYPES).
fn normalised(kind: &str, name: &str) -> String {
    match kind {
        "pypi" => normalised_python(name),
        "rpm" => match name.rsplit_once('/') {
            Some((namespace, name)) => format!("{}/{name}", namespace.to_ascii_lowercase()),
            None => name.to_owned(),
        },
        "deb" | "apk" | "oci" | "docker" | "github" | "bitbucket" | "composer" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

/// Percent-encodes what a package URL does not take as it is.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_encoded(&mut encoded, text);
    encoded
}

/// Appends `text` as [`encode`] gives it.
pub(crate) fn push_encoded(purl: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                purl.push(char::from(byte));
            }
            other => purl.push_str(&format!("%{other:02X}")),
        }
    }
}

/// Undoes percent-encoding.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            let hex = std::str::from_utf8(&pair).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purl(text: &str) -> Purl {
        Purl::parse(text).unwrap()
    }

    #[test]
    fn purls_are_taken_apart() {
        let read = |text| Purl::parse(text).map(|purl| (purl.kind, purl.name, purl.version));
        let three = |kind: &str, name: &str, version: Option<&str>| {
            Some((kind.to_owned(), name.to_owned(), version.map(str::to_owned)))
        };
        assert_eq!(read("pkg:rpm/redhat/gcc?arch=src"), three("rpm", "redhat/gcc", None));
        assert_eq!(read("pkg:npm/%40a/b@1.0.0"), three("npm", "@a/b", Some("1.0.0")));
        assert_eq!(read("pkg:npm/@a/b"), three("npm", "@a/b", None));
        assert_eq!(read("pkg:deb/debian/a@1%3A2-3?distro=x"), three("deb", "debian/a", Some("1:2-3")));
        for bad in ["", "pkg:", "pkg:npm", "pkg:npm/", "npm/a", "pkg:npm/%zz"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_keep_their_case_where_it_matters() {
        assert_eq!(purl("pkg:rpm/Fedora/ImageMagick@7").name, "fedora/ImageMagick");
        assert_eq!(purl("pkg:deb/Debian/Zlib@1").name, "debian/zlib");
    }

    #[test]
    fn one_spelling() {
        for (text, bare, version) in [
            ("pkg:npm/%40a/b@1.0.0?x=y#sub", "pkg:npm/%40a/b", Some("1.0.0")),
            ("pkg:npm/@a/b", "pkg:npm/%40a/b", None),
            ("pkg:PyPI/Ruamel.YAML@1", "pkg:pypi/ruamel-yaml", Some("1")),
            ("pkg:golang/golang.org/x/text@v0.3.5", "pkg:golang/golang.org/x/text", Some("0.3.5")),
            ("pkg:rpm/redhat/bash@5.1-2?epoch=1&arch=x86_64", "pkg:rpm/redhat/bash", Some("1:5.1-2")),
            ("pkg:deb/debian/libx@1:2?arch=amd64&epoch=1", "pkg:deb/debian/libx", Some("1:2")),
            ("pkg:oci/Web@sha256%3Aabc", "pkg:oci/web", Some("sha256:abc")),
        ] {
            let purl = purl(text);
            assert_eq!((purl.bare().as_str(), purl.version.as_deref()), (bare, version), "{text}");
        }
        for bad in ["", "pkg:", "pkg:npm", "pkg:npm/", "pkg:/a@1", "npm/a@1", "pkg:npm/%zz@1", "pkg:npm/%"] {
            assert_eq!(Purl::parse(bad), None, "{bad}");
        }
        assert_eq!(Purl::parse(&format!("pkg:npm/{}", "a".repeat(BYTES))), None);
    }

    #[test]
    fn an_exact_url_leaves_nothing_out() {
        let installed = purl("pkg:npm/lodash@4.17.20");
        let exact = |text: &str| Purl::exact(text);
        assert!(exact("pkg:npm/lodash@4.17.20").unwrap().names(&installed));
        assert!(exact("pkg:npm/lodash#./").unwrap().names(&installed), "an empty subpath is none");
        for part in ["pkg:npm/lodash#fp/x.js", "pkg:npm/lodash@4.17.20#a%2Fb", "pkg:npm/lodash?a=b#c"] {
            assert!(!exact(part).unwrap().names(&installed), "{part}");
        }
        for bad in [
            "pkg:npm/lodash@",
            "pkg:npm/lodash@?arch=x",
            "pkg:npm/lodash?arch=",
            "pkg:npm/lodash?arch",
            "pkg:npm/lodash?=x",
            "pkg:npm/lodash?arch=a&ARCH=b",
            "pkg:npm/lodash#%zz",
            "pkg:npm/",
            "npm/lodash",
        ] {
            assert!(exact(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_by_version_and_qualifiers() {
        let installed = purl("pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64&distro=alpine-3.22.1");
        for yes in [
            "pkg:apk/alpine/zlib",
            "pkg:apk/alpine/zlib@1.3.1-r2",
            "pkg:apk/alpine/zlib@1.3.1-r2?arch=x86_64",
            "pkg:apk/alpine/zlib?distro=3.22.1",
            "pkg:apk/alpine/zlib?distro=alpine-3.22",
        ] {
            assert!(purl(yes).names(&installed), "{yes}");
        }
        for no in [
            "pkg:apk/alpine/zlib@1.3.1-r3",
            "pkg:apk/wolfi/zlib@1.3.1-r2",
            "pkg:apk/alpine/zlib?arch=armv7",
            "pkg:apk/alpine/zlib?distro=wolfi-3.22.1",
            "pkg:apk/alpine/zlib?distro=3.2",
            "pkg:apk/alpine/zlib?tag=x",
            "pkg:apk/alpine/zlib-dev@1.3.1-r2",
            "pkg:deb/alpine/zlib@1.3.1-r2",
        ] {
            assert!(!purl(no).names(&installed), "{no}");
        }
    }
}
