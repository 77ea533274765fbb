//! What statements are about: packages, images, and parts of images.

use lockgate_model::Digest;

use super::short;
use crate::purl::Purl;
use crate::shape::Shapes;
use crate::version::VersionRange;

/// What a statement names: a package, an image, something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its package URLs.
    pub purls: Vec<Purl>,
    /// Its sha256 digests; read strictly, those that no package URL names.
    pub digests: Vec<Digest>,
    /// The versions that alone are meant; all of them where there are none.
    pub versions: Vec<String>,
    /// The range of versions that alone is meant, where one is named.
    pub range: Option<VersionRange>,
    /// How the document calls it, for people.
    pub name: String,
}

impl Component {
    /// What a text names: a package URL, or something with a digest at its end, such as an image.
    pub(super) fn of(text: &str, shapes: Shapes) -> Result<Self, String> {
        let mut component = Self { name: short(text), ..Self::default() };
        component.add(text, shapes)?;
        Ok(component)
    }

    /// Adds what a text names. Read strictly, what begins as a package URL must be one.
    pub(super) fn add(&mut self, text: &str, shapes: Shapes) -> Result<(), String> {
        if shapes.is_strict() && text.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("pkg:"))
        {
            self.purls.push(Purl::exact(text)?);
            return Ok(());
        }
        if let Some(purl) = Purl::parse(text) {
            self.digests.extend(purl.image_digest());
            self.purls.push(purl);
        } else if let Some((_, digest)) = text.rsplit_once('@') {
            self.digests.extend(digest.parse::<Digest>());
        }
        Ok(())
    }

    /// Adds a sha256 in hex. Read strictly, it must be one.
    pub(super) fn add_sha256(&mut self, hex: &str, shapes: Shapes) -> Result<(), String> {
        match format!("sha256:{}", hex.to_ascii_lowercase()).parse::<Digest>() {
            Ok(digest) => self.digests.push(digest),
            Err(_) if shapes.is_strict() => return Err(format!("`{}` is not a sha256", short(hex))),
            Err(_) => {}
        }
        Ok(())
    }

    /// Narrows it to a range of versions, which must be of the kind of its packages.
    pub(super) fn narrow(&mut self, range: VersionRange) -> Result<(), String> {
        match self.purls.iter().find(|purl| !range.is_for(&purl.kind)) {
            None if !self.purls.is_empty() && self.range.is_none() => {
                self.range = Some(range);
                Ok(())
            }
            _ => Err(format!("`{}` has a range of versions of another kind than it is", self.name)),
        }
    }

    /// Whether the range leaves room for a package: in `every` case, or perhaps. What cannot be compared may be in it.
    fn has_in_range(&self, package: &Purl, every: bool) -> bool {
        let Some(range) = &self.range else { return true };
        let version = package.version.as_ref();
        version.and_then(|version| range.contains(version).ok()).unwrap_or(!every)
    }

    /// Whether it is the image at `place`: by digest, or by the name of the service where it has no version.
    fn is_image(&self, place: &Place<'_>) -> bool {
        let called =
            |purl: &Purl| purl.is_image() && purl.version.is_none() && purl.short_name() == place.last();
        self.digests.iter().any(|digest| place.digests.contains(digest)) || self.purls.iter().any(called)
    }

    fn is_package(&self, place: &Place<'_>) -> bool {
        self.purls.iter().any(|purl| place.packages.iter().any(|package| purl.names(package)))
    }

    /// Whether it is the image at `place`: by `every` identifier that says which image it is, and whatever narrows it; or
    /// perhaps, by any.
    fn is_exactly_image(&self, place: &Place<'_>, every: bool) -> bool {
        let images = || self.purls.iter().filter(|purl| purl.is_image());
        let hashed = self.digests.iter().any(|digest| place.digests.contains(digest));
        if !every {
            return hashed || images().any(|purl| place.may_be(purl));
        }
        if self.range.is_some() {
            return false;
        }
        // A part of the image, or one for another architecture, is not the image, whatever else is said.
        let narrower = |purl: &Purl| purl.subpath.is_some() || !place.has_architecture(purl);
        if images().any(narrower) {
            return false;
        }
        let mut digests = images().filter(|purl| purl.image_digest().is_some()).peekable();
        match (self.digests.is_empty(), digests.peek().is_some()) {
            (true, false) => {
                self.versions.is_empty()
                    && images().next().is_some()
                    && images().all(|purl| place.is_called(purl))
            }
            (hashless, _) => (hashless || hashed) && digests.all(|purl| place.has_digest(purl)),
        }
    }

    /// Whether it is the package at `place`: by `every` package URL, and whatever narrows it; or perhaps, by any.
    fn is_exactly_package(&self, place: &Place<'_>, every: bool) -> bool {
        let names = |purl: &Purl| {
            let of_version = |package: &Purl| {
                let version = package.version.as_ref();
                let listed = self.versions.is_empty()
                    || version.is_some_and(|version| self.versions.contains(version));
                listed && self.has_in_range(package, every)
            };
            let is = |package: &Purl| if every { purl.names(package) } else { purl.may_name(package) };
            place.packages.iter().any(|package| is(package) && of_version(package))
        };
        if every {
            !self.purls.is_empty() && self.purls.iter().all(names)
        } else {
            self.purls.iter().any(names)
        }
    }
}

/// Where a vulnerability is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The digests of the artifact and of the image in it.
    pub digests: &'a [Digest],
    /// The service's name, all of it.
    pub service: &'a str,
    /// The image's architecture, as OCI names it; empty where it is not known.
    pub architecture: &'a str,
    /// The package, and the source that it was built from.
    pub packages: &'a [Purl],
    /// How what a statement is about is understood.
    pub shapes: Shapes,
}

impl Place<'_> {
    /// The last part of the service's name.
    fn last(&self) -> &str {
        self.service.rsplit('/').next().unwrap_or(self.service)
    }

    /// Whether a package URL without a digest names the service's image (PURL-TYPES): `oci` has the last part of the
    /// repository's name, `docker` all of it. With a registry, a tag or an architecture it is one image of several.
    fn is_called(&self, purl: &Purl) -> bool {
        self.has_name(purl) && purl.qualifiers.is_empty() && purl.subpath.is_none()
    }

    fn has_name(&self, purl: &Purl) -> bool {
        let name = match purl.kind.as_str() {
            "oci" => purl.name == self.last() || purl.name == self.service,
            _ => purl.name == self.service,
        };
        name && purl.version.is_none()
    }

    /// Whether a package URL of an image leaves room for the image here.
    fn may_be(&self, purl: &Purl) -> bool {
        match purl.image_digest() {
            Some(digest) => self.digests.contains(&digest),
            None => self.has_name(purl),
        }
    }

    /// Whether a package URL names an image here by its digest. Where it lies, and under which tag, says nothing then.
    fn has_digest(&self, purl: &Purl) -> bool {
        let known = |key: &String| matches!(key.as_str(), "arch" | "repository_url" | "tag");
        purl.image_digest().is_some_and(|digest| self.digests.contains(&digest))
            && purl.qualifiers.keys().all(known)
            && self.has_architecture(purl)
            && purl.subpath.is_none()
    }

    fn has_architecture(&self, purl: &Purl) -> bool {
        purl.qualifiers.get("arch").is_none_or(|arch| arch == self.architecture)
    }
}

/// What a statement is about: a product, and what in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The product.
    pub product: Component,
    /// The parts of the product that are meant; all of it where there are none.
    pub parts: Vec<Component>,
}

impl Product {
    /// The same, of one version only.
    pub(super) fn of_version(mut self, version: &str) -> Self {
        let listed = &self.product.versions;
        // Of two lists only what both have is meant: nothing, where that is none.
        let both = listed.is_empty() || listed.iter().any(|one| one == version);
        self.product.versions = vec![if both { version.to_owned() } else { String::new() }];
        self
    }

    /// The same, of a range of versions only.
    pub(super) fn of_range(mut self, range: VersionRange) -> Result<Self, String> {
        self.product.narrow(range)?;
        Ok(self)
    }

    /// Whether it is the package at `place`, or all of the image. Parts count in this image only: whether a package is
    /// part of another one cannot be seen.
    pub(super) fn is_at(&self, place: &Place<'_>) -> bool {
        let whole = self.product.is_image(place);
        if self.parts.is_empty() {
            whole || self.product.is_package(place)
        } else {
            whole && self.parts.iter().any(|part| part.is_package(place))
        }
    }

    /// The same, where what narrows a name is never passed over.
    pub(super) fn is_exactly_at(&self, place: &Place<'_>, every: bool) -> bool {
        let whole = self.product.is_exactly_image(place, every);
        if self.parts.is_empty() {
            whole || self.product.is_exactly_package(place, every)
        } else {
            whole && self.parts.iter().any(|part| part.is_exactly_package(place, every))
        }
    }
}
