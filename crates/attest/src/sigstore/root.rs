//! Whom to trust: `trusted_root.json` (sigstore/protobuf-specs, sigstore_trustroot.proto, v0.1 and v0.2).

use data_encoding::BASE64;
use lockgate_model::{Timestamp, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::keys::{KeyError, PublicKey};
use crate::limits;
use crate::reading::Reading;
use crate::x509::{Certificate, CertificateError};

/// Why a trusted root is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Not JSON of the shape.
    #[error("the trusted root is malformed: {0}")]
    Malformed(String),
    /// Of a version that is not read.
    #[error("the trusted root calls itself `{0}`; versions 0.1 and 0.2 are read")]
    Version(String),
    /// One log twice: which key and window count would depend on their order.
    #[error("the trusted root names the log {0} twice")]
    Twice(String),
    /// A window that ends before it starts, or has no start.
    #[error(
        "the trusted root says of {0} for when it is trusted, but not from when, or ends it before it starts"
    )]
    Window(String),
    /// More authorities than are read.
    #[error("the trusted root names {actual} {what}; at most {limit} are read")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many are read.
        limit: usize,
    },
    /// An authority without certificates, or with malformed ones.
    #[error("the trusted root's authority `{name}`: {why}")]
    Authority {
        /// The authority's address.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// For when a key or an authority is trusted: from the first to the last instant, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub start: Timestamp,
    /// The last instant; without it, the window is open.
    pub end: Option<Timestamp>,
}

impl Window {
    /// Whether `at` is in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at <= end)
    }
}

/// A log that is trusted: of signatures (Rekor), or of certificates (CT).
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) id: Vec<u8>,
    /// The name that it signs checkpoints with: host and path of its address.
    pub(crate) name: String,
    /// Nothing, when the key is of a kind that is not read: then the log counts for nothing.
    pub(crate) key: Option<PublicKey>,
    pub(crate) window: Option<Window>,
}

impl Log {
    pub(crate) fn is_trusted_at(&self, at: Timestamp) -> bool {
        self.window.is_none_or(|window| window.holds(at))
    }
}

/// An authority that is trusted: for certificates (Fulcio), or for timestamps.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    pub(crate) name: String,
    /// The certificate that signs timestamps, when the chain starts with it.
    pub(crate) signer: Option<Certificate>,
    pub(crate) intermediates: Vec<Certificate>,
    pub(crate) root: Certificate,
    pub(crate) window: Option<Window>,
}

impl Authority {
    pub(crate) fn is_trusted_at(&self, at: Timestamp) -> bool {
        self.window.is_none_or(|window| window.holds(at))
    }
}

/// A trusted root: of the public good instance, of GitHub, of one's own.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    pub(crate) logs: Vec<Log>,
    pub(crate) ct_logs: Vec<Log>,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) stampers: Vec<Authority>,
    passed_over: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRoot<A> {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<RawLog>,
    #[serde(default)]
    ctlogs: Vec<RawLog>,
    #[serde(default = "Vec::new")]
    certificate_authorities: Vec<A>,
    #[serde(default = "Vec::new")]
    timestamp_authorities: Vec<A>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    #[serde(default)]
    base_url: String,
    public_key: RawKey,
    log_id: RawId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawKey {
    raw_bytes: String,
    #[serde(default)]
    valid_for: Option<RawWindow>,
}

#[derive(Deserialize)]
struct RawWindow {
    #[serde(default)]
    start: Option<Timestamp>,
    #[serde(default)]
    end: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAuthority {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    cert_chain: Option<RawChain>,
    #[serde(default)]
    valid_for: Option<RawWindow>,
}

#[derive(Default, Deserialize)]
struct RawChain {
    #[serde(default)]
    certificates: Option<Vec<RawCertificate>>,
}

/// An authority as the first reading wants it: with certificates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstAuthority {
    #[serde(default)]
    uri: Option<String>,
    cert_chain: FirstChain,
    #[serde(default)]
    valid_for: Option<RawWindow>,
}

#[derive(Deserialize)]
struct FirstChain {
    certificates: Vec<RawCertificate>,
}

impl From<FirstAuthority> for RawAuthority {
    fn from(one: FirstAuthority) -> Self {
        let cert_chain = RawChain { certificates: Some(one.cert_chain.certificates) };
        Self { uri: one.uri, cert_chain: Some(cert_chain), valid_for: one.valid_for }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCertificate {
    raw_bytes: String,
}

impl TrustedRoot {
    /// Reads `trusted_root.json`. A window must have a start, an id must be named once, and an authority must have
    /// well-formed certificates. A log whose key is of a kind that is not read (RSA in PKCS#1 form) is kept and counts for
    /// nothing, and an authority without certificates is [passed over](Self::passed_over): newer roots stay readable.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RootError> {
        Self::from_json_as(bytes, Reading::NEWEST)
    }

    /// The same, as a recorded Case was judged.
    pub fn from_json_as(bytes: &[u8], reading: Reading) -> Result<Self, RootError> {
        if reading.is_second() {
            Self::of(read::<RawAuthority>(bytes)?, reading)
        } else {
            Self::of(read::<FirstAuthority>(bytes)?, reading)
        }
    }

    fn of<A: Into<RawAuthority>>(raw: RawRoot<A>, reading: Reading) -> Result<Self, RootError> {
        let version = raw.media_type.strip_prefix("application/vnd.dev.sigstore.trustedroot");
        if !matches!(version, Some("+json;version=0.1" | ".v0.2+json" | "+json;version=0.2")) {
            return Err(RootError::Version(raw.media_type.chars().take(100).collect()));
        }
        let mut reader = Reader { reading, passed_over: vec![] };
        Ok(Self {
            logs: reader.logs(raw.tlogs, "logs")?,
            ct_logs: reader.logs(raw.ctlogs, "certificate logs")?,
            authorities: reader.authorities(raw.certificate_authorities, "certificate authorities")?,
            stampers: reader.authorities(raw.timestamp_authorities, "timestamp authorities")?,
            passed_over: reader.passed_over,
        })
    }

    /// Authorities that count for nothing because the root has no certificates of theirs: by kind and address, for people.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// Whether it has the certificate that signs of each timestamp authority, and not only those above it.
    pub fn names_stampers(&self) -> bool {
        self.stampers.iter().all(|authority| authority.signer.is_some())
    }

    /// Whether certificates can be asked to be published: whether there is a certificate log.
    pub fn publishes_certificates(&self) -> bool {
        !self.ct_logs.is_empty()
    }
}

fn read<A: DeserializeOwned>(bytes: &[u8]) -> Result<RawRoot<A>, RootError> {
    json::from_slice(bytes, limits::TRUSTED_ROOT_BYTES)
        .map_err(|error| RootError::Malformed(error.to_string()))
}

fn few(what: &'static str, actual: usize) -> Result<(), RootError> {
    let limit = limits::AUTHORITIES;
    if actual > limit { Err(RootError::TooMany { what, actual, limit }) } else { Ok(()) }
}

/// How a root is read, and what was passed over.
struct Reader {
    reading: Reading,
    passed_over: Vec<String>,
}

impl Reader {
    fn logs(&self, raw: Vec<RawLog>, what: &'static str) -> Result<Vec<Log>, RootError> {
        few(what, raw.len())?;
        let mut logs: Vec<Log> = vec![];
        for one in raw {
            let id = decode(&one.log_id.key_id, "a log's id")?;
            if id.len() != 32 {
                return Err(RootError::Malformed(format!(
                    "the id of the log `{}` has not 32 bytes",
                    one.base_url
                )));
            }
            if logs.iter().any(|log| log.id == id) {
                return Err(RootError::Twice(one.log_id.key_id));
            }
            let key = decode(&one.public_key.raw_bytes, "a log's key")?;
            let window = window(one.public_key.valid_for, &one.base_url)?;
            let name = one.base_url.split_once("://").map_or(one.base_url.as_str(), |(_, rest)| rest);
            let name = name.trim_end_matches('/').to_owned();
            logs.push(Log { id, name, key: PublicKey::from_der_as(&key, self.reading).ok(), window });
        }
        Ok(logs)
    }

    fn authorities(
        &mut self,
        raw: Vec<impl Into<RawAuthority>>,
        what: &'static str,
    ) -> Result<Vec<Authority>, RootError> {
        few(what, raw.len())?;
        let mut authorities = vec![];
        for one in raw {
            let one: RawAuthority = one.into();
            let name: String = one.uri.as_deref().unwrap_or("without address").chars().take(200).collect();
            match self.authority(one)? {
                Some(authority) => authorities.push(authority),
                None => self.passed_over.push(format!("of the {what}, `{name}`")),
            }
        }
        Ok(authorities)
    }

    /// Nothing, when it has no certificates: nobody can be believed on its word.
    fn authority(&self, raw: RawAuthority) -> Result<Option<Authority>, RootError> {
        let name = raw.uri.unwrap_or_else(|| "without address".to_owned());
        let wrong = |why: String| RootError::Authority { name: name.chars().take(200).collect(), why };
        let certificates = raw.cert_chain.unwrap_or_default().certificates.unwrap_or_default();
        if certificates.len() > limits::CHAIN {
            return Err(wrong(format!("its chain has more than {} certificates", limits::CHAIN)));
        }
        let mut chain = vec![];
        for one in &certificates {
            let read = Certificate::from_der(&decode(&one.raw_bytes, "a certificate")?);
            let read = read.map_err(|error: CertificateError| wrong(error.to_string()))?;
            if self.reading.is_second() && read.is_anybodys() {
                return Err(wrong(KeyError::Anybodys.to_string()));
            }
            chain.push(read);
        }
        let window = window(raw.valid_for, &name)?;
        let Some(root) = chain.pop() else {
            let passed_over = self.reading.is_second();
            return if passed_over { Ok(None) } else { Err(wrong("it has no certificates".to_owned())) };
        };
        let leads = chain.first().is_some_and(|first| !first.is_authority());
        let signer = if leads { Some(chain.remove(0)) } else { None };
        Ok(Some(Authority { name, signer, intermediates: chain, root, window }))
    }
}

fn window(raw: Option<RawWindow>, of: &str) -> Result<Option<Window>, RootError> {
    let Some(raw) = raw else { return Ok(None) };
    let wrong = || RootError::Window(of.chars().take(200).collect());
    let start = raw.start.ok_or_else(wrong)?;
    if raw.end.is_some_and(|end| end < start) {
        return Err(wrong());
    }
    Ok(Some(Window { start, end: raw.end }))
}

fn decode(text: &str, what: &str) -> Result<Vec<u8>, RootError> {
    BASE64.decode(text.as_bytes()).map_err(|_| RootError::Malformed(format!("{what} is not base64")))
}
