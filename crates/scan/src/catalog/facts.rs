//! What catalogers say about one file.

use lockgate_model::inventory::Confidence;
use serde::{Deserialize, Serialize};

use super::PackageKind;

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Packages.
    pub packages: Vec<Found>,
    /// `ID`, `VERSION_ID` and `VERSION_CODENAME` of the distribution; an empty `ID` where the file cannot be read, and then
    /// why in place of the version.
    pub distribution: Option<[String; 3]>,
    /// Names and numbers of accounts, in the file's order.
    pub accounts: Option<Vec<(String, i64)>>,
    /// Licences of the package whose copyright file this is.
    pub licenses: Vec<String>,
    /// Files that a package of the operating system owns, as far as they may speak of other packages.
    pub owned: Vec<Owned>,
    /// Digests of the file itself, where it speaks of packages that another may own.
    pub sums: Option<Sums>,
    /// The package manager whose database this is part of, where such databases are not read.
    pub foreign: Option<String>,
    /// Whether the package has programs to run: such a package of Node is installed wherever it stands.
    pub programs: bool,
    /// Whether it describes a package of Node's without a version.
    pub versionless: bool,
    /// What could not be read inside the file: the place within it, and why.
    pub unread: Vec<(String, String)>,
}

impl Facts {
    /// Memory that keeping it takes, in bytes as estimated; texts of a few bytes are counted with what they are in.
    pub(super) fn weight(&self) -> u64 {
        const FACTS: usize = 512;
        const PACKAGE: usize = 384;
        const TEXT: usize = 48;
        let texts = |texts: &[String]| texts.iter().map(|text| TEXT + text.len()).sum::<usize>();
        let packages = self.packages.iter().map(|found| {
            PACKAGE + found.name.len() + found.version.len() + found.inside.len() + texts(&found.licenses)
        });
        let owned = self.owned.iter().map(|one| 3 * TEXT + one.path.len() + one.owner.len());
        let accounts = self.accounts.iter().flatten().map(|(name, _)| TEXT + name.len());
        let unread = self.unread.iter().map(|(place, why)| 2 * TEXT + place.len() + why.len());
        let parts = packages.chain(owned).chain(accounts).chain(unread).sum::<usize>();
        (FACTS + texts(&self.licenses) + parts) as u64
    }
}

/// A package as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// Which kind of package.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Name and version of its source package, where that differs.
    pub source: Option<[String; 2]>,
    /// Processor architecture.
    pub architecture: String,
    /// Licences as declared.
    pub licenses: Vec<String>,
    /// How sure it is that the package is there.
    pub confidence: Confidence,
    /// The archive's member that says so, for archives.
    pub inside: String,
    /// What its package URL must say besides, by key (purl-spec, "qualifiers").
    pub qualifiers: Vec<(String, String)>,
}

impl Found {
    /// A package of that name and version, recorded, with nothing else known.
    pub(crate) fn new(kind: PackageKind, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            source: None,
            architecture: String::new(),
            licenses: Vec::new(),
            confidence: Confidence::Recorded,
            inside: String::new(),
            qualifiers: Vec::new(),
        }
    }

    /// The same, only named by a lock file: it may or may not be installed.
    pub(crate) fn declared(kind: PackageKind, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { confidence: Confidence::Declared, ..Self::new(kind, name, version) }
    }
}

/// Records of one file that cannot be read: all are counted, and the first few are named, so that it is told once.
#[derive(Debug, Default)]
pub(super) struct Broken {
    named: Vec<String>,
    count: usize,
}

impl Broken {
    /// Most records that are named.
    const NAMED: usize = 3;

    /// Adds one, with why it cannot be read.
    pub(super) fn push(&mut self, why: impl Into<String>) {
        self.count += 1;
        if self.named.len() < Self::NAMED {
            self.named.push(why.into());
        }
    }

    /// Adds what there is.
    pub(super) fn extend(&mut self, why: Option<String>) {
        if let Some(why) = why {
            self.push(why);
        }
    }

    /// What is to be told; nothing when every record could be read.
    pub(super) fn told(self) -> Option<(String, String)> {
        let more = match self.count.checked_sub(self.named.len())? {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        (self.count > 0).then(|| (String::new(), format!("{}{more}", self.named.join("; "))))
    }
}

impl From<Vec<Found>> for Facts {
    fn from(packages: Vec<Found>) -> Self {
        Self { packages, ..Self::default() }
    }
}

/// A file that a package of the operating system owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Its path, without a leading slash.
    pub path: String,
    /// The package.
    pub owner: String,
    /// What its content was when it was installed; nothing where that is not recorded.
    pub sum: Option<Sum>,
}

/// A digest as package managers record it. It tells a file apart from another, it proves nothing: whoever made the
/// image wrote both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sum {
    /// MD5 (dpkg, old rpm).
    Md5([u8; 16]),
    /// SHA-1 (apk).
    Sha1([u8; 20]),
    /// SHA-256 (rpm).
    Sha256([u8; 32]),
}

/// The digests of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    md5: [u8; 16],
    sha1: [u8; 20],
    sha256: [u8; 32],
}

impl Sums {
    /// All digests of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        use md5::Digest as _;
        Self {
            md5: md5::Md5::digest(bytes).into(),
            sha1: sha1::Sha1::digest(bytes).into(),
            sha256: *lockgate_model::Digest::of(bytes).as_bytes(),
        }
    }

    /// Whether the file is what `sum` was taken of.
    pub(crate) fn is(&self, sum: &Sum) -> bool {
        match sum {
            Sum::Md5(sum) => self.md5 == *sum,
            Sum::Sha1(sum) => self.sha1 == *sum,
            Sum::Sha256(sum) => self.sha256 == *sum,
        }
    }
}
