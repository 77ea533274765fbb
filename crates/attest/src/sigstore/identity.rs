//! Who the holder of a Fulcio certificate is (fulcio, `docs/oid-info.md` and `docs/certificate-specification.md`), and
//! whether that is who was asked for.

use std::collections::BTreeMap;
use std::fmt;

use der::asn1::{ObjectIdentifier, Utf8StringRef};
use der::{Decode, Tag, Tagged};
use lockgate_model::keyring::{self, INSTANCE_ISSUER};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::limits;
use crate::reading::Reading;
use crate::x509::Certificate;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// `otherName` of a subject that is neither an address nor a URI.
const OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
/// The arc of Fulcio's extensions.
const FULCIO: &str = "1.3.6.1.4.1.57264.1.";
const FULCIO_ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// What kind of name a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// An e-mail address.
    Email,
    /// A URI, as workflows and workloads have.
    Uri,
    /// A user name.
    Username,
}

/// The certificate's subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of name it is.
    pub kind: SubjectKind,
    /// The name.
    pub name: String,
}

macro_rules! claims {
    ($($variant:ident $number:literal $name:literal $doc:literal),* $(,)?) => {
        /// What the issuer's token said besides (Fulcio's extensions, those that are not deprecated).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Claim {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl Claim {
            /// Each of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The last number of its object identifier.
            const fn number(self) -> u32 {
                match self { $(Self::$variant => $number),* }
            }

            /// Its name in rules and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

claims! {
    BuildSigner 9 "build-signer-uri" "The workflow that signs, with its ref: for reusable workflows another than the caller.",
    BuildSignerDigest 10 "build-signer-digest" "The commit of the workflow that signs.",
    Runner 11 "runner-environment" "`github-hosted` or `self-hosted`.",
    Repository 12 "source-repository-uri" "The repository that is built.",
    Commit 13 "source-repository-digest" "The commit that is built.",
    Ref 14 "source-repository-ref" "The ref that is built.",
    RepositoryId 15 "source-repository-identifier" "The repository's number, which outlives its name.",
    Owner 16 "source-repository-owner-uri" "The repository's owner.",
    OwnerId 17 "source-repository-owner-identifier" "The owner's number, which outlives the name.",
    BuildConfig 18 "build-config-uri" "The top-level workflow.",
    BuildConfigDigest 19 "build-config-digest" "The commit of the top-level workflow.",
    Trigger 20 "build-trigger" "What triggered the build, for example `push`.",
    Run 21 "run-invocation-uri" "The run.",
    Visibility 22 "source-repository-visibility" "Whether the repository was public when it was signed.",
    Environment 23 "deployment-environment" "The deployment environment.",
}

/// Who a certificate says its holder is. Believed only after [`super::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who vouched for the holder: an OIDC issuer, or the instance itself ([`instance_issuer`]) where its certificates name
    /// none.
    pub issuer: String,
    /// The holder.
    pub subject: Subject,
    /// What else the issuer said.
    pub claims: BTreeMap<Claim, String>,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (by {})", self.subject.name, self.issuer)
    }
}

const NO_ISSUER: &str = "it names no issuer; where the certificates of an instance do so, as those of GitHub's releases, list `sigstore:NAME` of the instance under its `issuers`, and give it as the issuer of identities";
/// What stands for the issuer where the certificates of the instance `name` name none, as those of GitHub's releases do. No
/// certificate can name it itself, and no other instance gives it.
pub fn instance_issuer(name: &str) -> String {
    format!("{INSTANCE_ISSUER}{name}")
}

impl Identity {
    /// Reads the holder's identity. There must be exactly one subject and one issuer: of two, the one that is shown
    /// could be another than the one that is compared. `without` stands for the issuer where none is named, if that is
    /// believed.
    pub(crate) fn of(
        certificate: &Certificate,
        without: Option<&str>,
        reading: Reading,
    ) -> Result<Self, String> {
        let subject = subject(certificate)?;
        let old = certificate.extension(&fulcio(1)).map(|(_, raw)| utf8(raw)).transpose()?;
        let new = text(certificate, 8)?;
        let named = match (old, new) {
            (Some(old), Some(new)) if old != new => return Err("it names two issuers".to_owned()),
            (old, new) => new.or(old),
        };
        let no_issuer = if reading.is_second() { NO_ISSUER } else { "it names no issuer" };
        let issuer = match named {
            Some(named) if reading.is_second() && named.starts_with(INSTANCE_ISSUER) => {
                return Err(format!(
                    "it names `{named}` as its issuer, which stands for certificates without one"
                ));
            }
            Some(named) => named,
            // An extension that is there and empty is not one that is absent.
            None => without.filter(|_| !names_issuer(certificate)).ok_or(no_issuer)?.to_owned(),
        };
        let mut claims = BTreeMap::new();
        for claim in Claim::ALL {
            if let Some(value) = text(certificate, claim.number())? {
                claims.insert(*claim, value);
            }
        }
        older_claims(certificate, &mut claims)?;
        Ok(Self { issuer, subject, claims })
    }
}

fn names_issuer(certificate: &Certificate) -> bool {
    [1, 8].iter().any(|number| certificate.extension(&fulcio(*number)).is_some())
}

/// What older certificates say in extensions that are deprecated now: only where the newer ones are silent.
fn older_claims(certificate: &Certificate, claims: &mut BTreeMap<Claim, String>) -> Result<(), String> {
    for (number, claim) in [(2, Claim::Trigger), (3, Claim::Commit), (6, Claim::Ref)] {
        if let Some((_, raw)) = certificate.extension(&fulcio(number)) {
            let value = utf8(raw)?;
            claims.entry(claim).or_insert(value);
        }
    }
    if let Some((_, raw)) = certificate.extension(&fulcio(5)) {
        let value = format!("https://github.com/{}", utf8(raw)?);
        claims.entry(Claim::Repository).or_insert(value);
    }
    Ok(())
}

fn fulcio(number: u32) -> ObjectIdentifier {
    // The arc is fixed and the number small: it is always an identifier.
    FULCIO_ARC.push_arc(number).unwrap_or(OTHER_NAME)
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "an extension is no text")?;
    printable(text)
}

/// Names with control characters could be shown as other than what is compared.
fn printable(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > limits::IDENTITY_BYTES || text.chars().any(char::is_control) {
        return Err("a name in it is empty, too long, or has control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An extension that holds a DER text.
fn text(certificate: &Certificate, number: u32) -> Result<Option<String>, String> {
    let Some((_, content)) = certificate.extension(&fulcio(number)) else { return Ok(None) };
    let text =
        Utf8StringRef::from_der(content).map_err(|_| format!("extension {FULCIO}{number} is no text"))?;
    // Some are empty where the token said nothing.
    if text.as_str().is_empty() { Ok(None) } else { printable(text.as_str()).map(Some) }
}

fn subject(certificate: &Certificate) -> Result<Subject, String> {
    let read = certificate.read::<SubjectAltName>(&SUBJECT_ALT_NAME).map_err(|error| error.to_string())?;
    let names = read.map(|(_, names)| names.0).unwrap_or_default();
    let [name] = names.as_slice() else {
        return Err(format!("it names {} subjects, where there must be one", names.len()));
    };
    let (kind, name) = match name {
        GeneralName::Rfc822Name(name) => (SubjectKind::Email, name.as_str().to_owned()),
        GeneralName::UniformResourceIdentifier(name) => (SubjectKind::Uri, name.as_str().to_owned()),
        GeneralName::OtherName(other)
            if other.type_id == OTHER_NAME && other.value.tag() == Tag::Utf8String =>
        {
            (SubjectKind::Username, utf8(other.value.value())?)
        }
        _ => return Err("its subject is neither an address, a URI nor a user name".to_owned()),
    };
    Ok(Subject { kind, name: printable(&name)? })
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a regular expression, or too large a one.
    #[error("`{pattern}` is no regular expression that is read: {why}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// It admits anybody.
    #[error("`{0}` admits anybody: name whom you trust")]
    AdmitsAnybody(String),
    /// It has nothing in it.
    #[error("an empty text names nobody")]
    Empty,
}

/// Subjects of nobody in particular, as Fulcio writes those of services that anybody may use.
const STRANGERS: &[&str] = &[
    "https://github.com/stranger/work/.github/workflows/build.yml@refs/heads/main",
    "https://gitlab.com/stranger/work//.gitlab-ci.yml@refs/heads/main",
    "https://stranger.example/work",
    "stranger@gmail.com",
    "stranger@stranger.example",
    "stranger",
];

/// What a name must be.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Exactly this.
    Exact(String),
    /// Matched from its first to its last character by a regular expression.
    Matching(Box<Regex>),
}

impl Pattern {
    /// Exactly `text`.
    pub fn exact(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() { Err(PatternError::Empty) } else { Ok(Self::Exact(text.to_owned())) }
    }

    /// The regular expression `pattern`, which must match the whole name: anchors are added, not asked for
    /// (GHSA-46mp-8w32-6g94). One that matches any text is refused.
    pub fn matching(pattern: &str) -> Result<Self, PatternError> {
        let refused = |why: &dyn fmt::Display| PatternError::Malformed {
            pattern: pattern.chars().take(200).collect(),
            why: why.to_string(),
        };
        if pattern.is_empty() {
            return Err(PatternError::Empty);
        }
        if pattern.len() > limits::PATTERN_BYTES {
            return Err(refused(&format_args!("more than {} bytes", limits::PATTERN_BYTES)));
        }
        let build = |text: &str| RegexBuilder::new(text).size_limit(limits::PATTERN_MEMORY).build();
        // Alone, so that no parenthesis of it closes the anchors' own.
        build(pattern).map_err(|error| refused(&error))?;
        let whole = build(&format!("\\A(?:{pattern})\\z")).map_err(|error| refused(&error))?;
        let strangers = ["https://stranger.invalid/\u{2603}", "stranger@stranger.invalid"];
        if strangers.iter().any(|stranger| whole.is_match(stranger)) {
            return Err(PatternError::AdmitsAnybody(pattern.chars().take(200).collect()));
        }
        Ok(Self::Matching(Box::new(whole)))
    }

    /// What a subject of the keyring covers.
    pub fn of_subject(subject: &keyring::Subject) -> Result<Self, PatternError> {
        match subject {
            keyring::Subject::Exact(text) => Self::exact(text),
            keyring::Subject::Glob(glob) => Self::glob(glob),
            keyring::Subject::Regex(pattern) => Self::matching(pattern),
        }
    }

    /// `*` stands for any characters but `/`, `**` for any characters; without a star, exactly this.
    pub fn glob(glob: &str) -> Result<Self, PatternError> {
        if !glob.contains('*') {
            return Self::exact(glob);
        }
        let any = glob.split("**").map(|part| {
            let parts: Vec<_> = part.split('*').map(regex::escape).collect();
            parts.join("[^/]*")
        });
        Self::matching(&any.collect::<Vec<_>>().join(".*"))
    }

    /// A stranger whom it admits: whoever shares a forge or a mail service with those who are meant. A pattern for those must
    /// name at least the organisation.
    pub fn stranger(&self) -> Option<&'static str> {
        STRANGERS.iter().copied().find(|stranger| self.admits(stranger))
    }

    /// Whether `name` is what the pattern asks for.
    pub fn admits(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => text == name,
            Self::Matching(regex) => regex.is_match(name),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => f.write_str(text),
            Self::Matching(regex) => write!(f, "{regex}"),
        }
    }
}

/// Whom to accept: both who vouched and who it is, always; and, where it is asked, what else was said.
#[derive(Debug, Clone)]
pub struct IdentityRule {
    /// The issuer.
    pub issuer: Pattern,
    /// The subject's name.
    pub subject: Pattern,
    /// What kind of name the subject must be, where that matters.
    pub kind: Option<SubjectKind>,
    /// What the claims must be. A claim that the certificate does not make is not what was asked for.
    pub claims: BTreeMap<Claim, Pattern>,
}

impl IdentityRule {
    /// Whether `identity` is who was asked for; the error names what differs.
    pub fn admits(&self, identity: &Identity) -> Result<(), String> {
        let differs = |what: &str, wanted: &dyn fmt::Display, found: &str| {
            Err(format!("the {what} is `{found}`, where `{wanted}` was expected"))
        };
        if !self.issuer.admits(&identity.issuer) {
            return differs("issuer", &self.issuer, &identity.issuer);
        }
        if self.kind.is_some_and(|kind| kind != identity.subject.kind) {
            return Err(format!("the subject `{}` is another kind of name", identity.subject.name));
        }
        if !self.subject.admits(&identity.subject.name) {
            return differs("subject", &self.subject, &identity.subject.name);
        }
        for (claim, pattern) in &self.claims {
            match identity.claims.get(claim) {
                Some(value) if pattern.admits(value) => {}
                Some(value) => return differs(claim.name(), pattern, value),
                None => return Err(format!("the certificate does not say its {}", claim.name())),
            }
        }
        Ok(())
    }
}
