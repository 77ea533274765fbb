//! The verdict on a signature: who made it, when at the latest, and which logs have it.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{Digest as Hashed, SHA256};
use data_encoding::HEXLOWER;
use lockgate_model::case::SigstoreInstance;
use lockgate_model::{Digest, Timestamp};

use super::body::{self, Holder};
use super::entry::LogError;
use super::identity::Identity;
use super::read::{Content, LogEntry, Signed, Signer};
use super::root::{Authority, Log, TrustedRoot};
use super::sct;
use crate::dsse::pae;
use crate::hash::Hash;
use crate::keys::PublicKey;
use crate::reading::Reading;
use crate::simple_signing::{self, Misfit};
use crate::stamp::{StampError, Stampers, Token};
use crate::statement::Statement;
use crate::verify::NamedKey;
use crate::x509::{Certificate, Issuer, PathError, Usage, path};

/// What must have been signed: an artifact by its digests, and by its bytes where they are at hand.
#[derive(Debug, Clone)]
pub struct Artifact {
    digests: BTreeMap<Hash, Vec<u8>>,
    bytes: Option<Vec<u8>>,
    /// Commits of which statements count as well.
    commits: Vec<String>,
}

impl Artifact {
    /// The artifact with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digests = Hash::ALL.into_iter().map(|hash| (hash, hash.of(bytes).as_ref().to_vec())).collect();
        Self { digests, bytes: Some(bytes.to_vec()), commits: vec![] }
    }

    /// The artifact with this digest.
    pub fn named(digest: &Digest) -> Self {
        let digests = BTreeMap::from([(Hash::Sha256, digest.as_bytes().to_vec())]);
        Self { digests, bytes: None, commits: vec![] }
    }

    /// The same, with its SHA-512 besides: packages of npm are named by it alone.
    #[must_use]
    pub fn with_sha512(mut self, digest: [u8; 64]) -> Self {
        self.digests.insert(Hash::Sha512, digest.to_vec());
        self
    }

    /// The same, with the commits that it may have been built from: statements about them count as well.
    #[must_use]
    pub fn with_commits(mut self, commits: &[String]) -> Self {
        self.commits = commits.to_vec();
        self
    }

    /// Its digest by SHA-256, the only one that images are named by.
    fn digest(&self) -> Option<Digest> {
        let bytes = self.digests.get(&Hash::Sha256)?.as_slice();
        bytes.try_into().ok().map(Digest::from_bytes)
    }

    /// Whether `digest` is the artifact's by `hash`; nothing, when that is not known.
    pub(crate) fn has(&self, hash: Hash, digest: &[u8]) -> Option<bool> {
        self.digests.get(&hash).map(|own| own == digest)
    }

    /// Whether a statement is about the artifact: one subject has a digest of it, and no digest of another thing.
    pub fn is_subject_of(&self, statement: &Statement) -> bool {
        if self.commits.iter().any(|commit| statement.is_about_commit(commit)) {
            return true;
        }
        statement.subject.iter().any(|subject| {
            let compared = subject.digest.iter().filter_map(|(name, digest)| {
                let hash = Hash::named(name).filter(|hash| hash.name() == name)?;
                let digest = HEXLOWER.decode(digest.as_bytes()).unwrap_or_default();
                self.has(hash, &digest)
            });
            let compared: Vec<_> = compared.collect();
            !compared.is_empty() && compared.iter().all(|same| *same)
        })
    }
}

/// What is asked for besides a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demands {
    /// How many logs must have it. Two entries of one log are one.
    pub logs: usize,
    /// Whether a log's promise to include it (SET) counts like the proof that it did.
    pub promises: bool,
    /// How many must say when: logs that promise, and timestamp authorities. Certificates need at least one.
    pub times: usize,
    /// How many of them must be timestamp authorities.
    pub stamps: usize,
    /// How many certificate logs must have promised to publish the certificate.
    pub scts: usize,
}

impl Demands {
    /// The public good instance of Sigstore, and those built like it: in a log, dated, the certificate published.
    pub const PUBLIC: Self = Self { logs: 1, promises: false, times: 1, stamps: 0, scts: 1 };
    /// An instance without logs, such as GitHub's for private repositories: a timestamp authority dates it.
    pub const STAMPED: Self = Self { logs: 0, promises: false, times: 1, stamps: 1, scts: 0 };
    /// A managed key that is trusted by itself.
    pub const KEY_ALONE: Self = Self { logs: 0, promises: false, times: 0, stamps: 0, scts: 0 };

    /// What a workspace asks of signatures by the certificates of an instance.
    pub fn of(instance: &SigstoreInstance) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let stamps = count(instance.timestamps);
        Self {
            logs: count(instance.logs),
            promises: instance.promises,
            times: stamps.max(1),
            stamps,
            scts: count(instance.scts),
        }
    }
}

/// Whom to trust, and what to ask of whom.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Logs, certificate and timestamp authorities. Without it, only managed keys count, and nothing is dated.
    pub root: Option<&'a TrustedRoot>,
    /// Managed keys.
    pub keys: &'a [NamedKey<'a>],
    /// What stands for the issuer of certificates that name none ([`super::instance_issuer`]); without it, they do not
    /// count.
    pub without_issuer: Option<&'a str>,
    /// What is asked of a signature by a certificate.
    pub of_certificates: Demands,
    /// What is asked of a signature by a managed key.
    pub of_keys: Demands,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigstoreError {
    /// It cannot be read.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// It is of a kind that is not read.
    #[error("{0}")]
    NotRead(String),
    /// There is too much of something.
    #[error("it holds {actual} {what}; at most {limit} are read")]
    TooMuch {
        /// Of what there is too much.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much is read.
        limit: usize,
    },
    /// It is about something else.
    #[error("it is about another artifact")]
    OtherArtifact,
    /// The signature is not the certificate holder's, or what it signs was changed.
    #[error("the certificate's key did not make the signature")]
    Signature,
    /// No managed key made it.
    #[error("none of the trusted keys made it")]
    NoKey,
    /// Nobody trusted vouches for the certificate.
    #[error("{0}")]
    Path(PathError),
    /// The certificate does not say who its holder is, or is not made for signing.
    #[error("the certificate is wrong: {0}")]
    Certificate(String),
    /// A certificate log's promise is wrong.
    #[error("the certificate's promise to be published (SCT) is wrong: {0}")]
    Sct(String),
    /// A log's entry is wrong.
    #[error("log entry {place}: {why}")]
    Log {
        /// Which entry, from 0.
        place: usize,
        /// What is wrong with it.
        why: LogError,
    },
    /// A timestamp is wrong.
    #[error("{0}")]
    Stamp(StampError),
    /// Fewer logs, times or promises than are asked for.
    #[error("{actual} {what} of the {needed} that are asked for")]
    TooFew {
        /// Of what there are too few.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many are asked for.
        needed: usize,
    },
}

/// Who said when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A log that took it then.
    Log(String),
    /// A timestamp authority.
    Authority(String),
}

/// A proof that the signature existed at an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dated {
    /// The instant.
    pub time: Timestamp,
    /// Who says so.
    pub by: Source,
}

/// A log that has the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The log's name.
    pub log: String,
    /// The entry's place.
    pub index: u64,
    /// Whether it is proven to be there; otherwise, it is promised.
    pub included: bool,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maker {
    /// Managed keys, by their names, sorted.
    Keys(Vec<String>),
    /// The holder of a certificate.
    Holder(Box<Identity>),
}

/// A signature that counts, as far as cryptography goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who made it.
    pub maker: Maker,
    /// When it existed: proofs of trusted sources, the earliest first.
    pub times: Vec<Dated>,
    /// Which trusted logs have it.
    pub logged: Vec<Logged>,
    /// The statement that is signed, where an envelope is.
    pub statement: Option<Statement>,
    /// Why timestamps that came along were not read: they date nothing.
    pub unread: Vec<String>,
}

impl Verified {
    /// The instant by which it is proven to have existed.
    pub fn existed_by(&self) -> Option<Timestamp> {
        self.times.first().map(|dated| dated.time)
    }
}

impl Signed {
    /// Why timestamps that came along cannot be read.
    pub(crate) fn unread_stamps(&self) -> Vec<String> {
        let read = self.stamps.iter().map(|bytes| Token::read(bytes, self.reading));
        read.filter_map(|read| read.err().filter(|_| self.reading.is_second()))
            .map(|why| why.to_string())
            .collect()
    }
}

/// Verifies `signed` on `artifact` as it must be judged at `as_of`.
pub fn verify(
    signed: &Signed,
    artifact: &Artifact,
    trust: &Trust<'_>,
    as_of: Timestamp,
) -> Result<Verified, SigstoreError> {
    let statement = statement(signed)?;
    let judge = Judge { signed, artifact, trust, as_of };
    judge.is_about(statement.as_ref())?;
    let (mut times, unread) = judge.stamps()?;
    let entries = judge.entries()?;
    times.extend(entries.iter().filter_map(|(_, entry)| entry.dated.clone()));
    times.sort();
    let (maker, demands) = match &signed.signer {
        Signer::Certificate(certificate) => {
            let identity = judge.certificate(certificate, &times)?;
            judge.logged(&entries, Holder::Certificate(certificate), &times)?;
            (Maker::Holder(Box::new(identity)), trust.of_certificates)
        }
        Signer::Key { .. } => {
            let made: Vec<_> = trust.keys.iter().filter(|named| judge.is_made_by(named.key)).collect();
            if made.is_empty() {
                return Err(SigstoreError::NoKey);
            }
            let ders: Vec<_> = made.iter().map(|named| named.key.der()).collect();
            judge.logged(&entries, Holder::Keys(&ders), &times)?;
            let names: BTreeSet<_> = made.iter().map(|named| named.name.to_owned()).collect();
            (Maker::Keys(names.into_iter().collect()), trust.of_keys)
        }
    };
    enough(&entries, &times, matches!(maker, Maker::Holder(_)), &demands, signed.reading)?;
    let logged = entries.into_iter().map(|(_, entry)| entry.logged).collect();
    Ok(Verified { maker, times, logged, statement, unread })
}

fn statement(signed: &Signed) -> Result<Option<Statement>, SigstoreError> {
    match &signed.content {
        Content::Envelope { payload, .. } => {
            Statement::read(payload).map(Some).map_err(SigstoreError::Malformed)
        }
        Content::SimpleSigning { .. } | Content::Message { .. } => Ok(None),
    }
}

/// Counts what is asked for: distinct sources, never the same one twice (GHSA-9vcr-p3rj-q5q6).
fn enough(
    entries: &[(usize, Vouched<'_>)],
    times: &[Dated],
    keyless: bool,
    demands: &Demands,
    reading: Reading,
) -> Result<(), SigstoreError> {
    let entries = || entries.iter().map(|(_, entry)| entry);
    let counted = entries().filter(|entry| entry.logged.included || demands.promises);
    let sources: BTreeSet<_> = times.iter().map(|dated| &dated.by).collect();
    let stamps = sources.iter().filter(|source| matches!(source, Source::Authority(_))).count();
    let dating = distinct(entries().filter(|entry| entry.dated.is_some()), reading);
    at_least("transparency logs", distinct(counted, reading), demands.logs)?;
    at_least("timestamp authorities", stamps, demands.stamps)?;
    at_least("sources of time", stamps + dating, demands.times.max(usize::from(keyless)))
}

/// How many logs these are entries of: by name, and from the second reading on also by key. A key that the root lists under
/// two names is one log.
fn distinct<'e>(entries: impl Iterator<Item = &'e Vouched<'e>>, reading: Reading) -> usize {
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for Vouched { log, .. } in entries {
        names.insert(&log.name);
        keys.insert(log.key.as_ref().map(PublicKey::der));
    }
    if reading.is_second() { names.len().min(keys.len()) } else { names.len() }
}

fn at_least(what: &'static str, actual: usize, needed: usize) -> Result<(), SigstoreError> {
    if actual < needed { Err(SigstoreError::TooFew { what, actual, needed }) } else { Ok(()) }
}

/// An entry that a trusted log vouches for; whether it is about the signature is not known yet.
struct Vouched<'a> {
    entry: &'a LogEntry,
    log: &'a Log,
    logged: Logged,
    dated: Option<Dated>,
}

/// What a signature is judged with.
struct Judge<'a> {
    signed: &'a Signed,
    artifact: &'a Artifact,
    trust: &'a Trust<'a>,
    as_of: Timestamp,
}

impl<'a> Judge<'a> {
    /// Whether the artifact is what is signed, as far as that is said in the open.
    fn is_about(&self, statement: Option<&Statement>) -> Result<(), SigstoreError> {
        let about = match (&self.signed.content, statement) {
            (Content::Envelope { .. }, Some(statement)) => self.artifact.is_subject_of(statement),
            (Content::SimpleSigning { payload }, _) => {
                let digest = self.artifact.digest().ok_or(SigstoreError::OtherArtifact)?;
                match simple_signing::speaks_about(payload, &digest) {
                    Err(Misfit::Malformed(why)) => return Err(SigstoreError::Malformed(why)),
                    verdict => verdict.is_ok(),
                }
            }
            (Content::Message { digest: Some((name, digest)) }, _) => {
                let hash = Hash::named(name);
                let hash =
                    hash.ok_or_else(|| SigstoreError::NotRead(format!("the hash {name} is not relied on")))?;
                // A hash that the artifact is not known by says nothing; the signature will.
                self.artifact.has(hash, digest) != Some(false)
            }
            _ => true,
        };
        if about { Ok(()) } else { Err(SigstoreError::OtherArtifact) }
    }

    fn is_made_by(&self, key: &PublicKey) -> bool {
        let signature = &self.signed.signature;
        match (&self.signed.content, &self.artifact.bytes) {
            (Content::Envelope { payload_type, payload, .. }, _) => {
                key.verify_as_sigstore(&pae(payload_type, payload), signature)
            }
            (Content::SimpleSigning { payload }, _) => key.verify_as_sigstore(payload, signature),
            (Content::Message { .. }, Some(bytes)) => key.verify_as_sigstore(bytes, signature),
            (Content::Message { .. }, None) => {
                let digest = self.artifact.digests.get(&Hash::Sha256);
                let digest = digest.and_then(|digest| Hashed::import_less_safe(digest, &SHA256).ok());
                digest.is_some_and(|digest| key.verify_hashed(&digest, signature))
            }
        }
    }

    /// Timestamps of trusted authorities, and why others were not read. Those of strangers are passed over; those of trusted
    /// ones must be right. Whose it is that cannot be read, nobody knows: from the second reading on it is a stranger's.
    fn stamps(&self) -> Result<(Vec<Dated>, Vec<String>), SigstoreError> {
        let Some(root) = self.trust.root else { return Ok((vec![], vec![])) };
        let distinct: BTreeSet<_> = self.signed.stamps.iter().collect();
        if distinct.len() < self.signed.stamps.len() {
            return Err(SigstoreError::Stamp(StampError::Malformed("it is there twice".to_owned())));
        }
        let (mut times, mut unread) = (vec![], vec![]);
        for bytes in distinct {
            match Token::read(bytes, self.signed.reading) {
                Ok(token) => times.extend(self.stamp(&token, &root.stampers)?),
                Err(why) if self.signed.reading.is_second() => unread.push(why.to_string()),
                Err(why) => return Err(SigstoreError::Stamp(why)),
            }
        }
        Ok((times, unread))
    }

    fn stamp(&self, token: &Token, authorities: &[Authority]) -> Result<Option<Dated>, SigstoreError> {
        let mut wrong = None;
        for authority in authorities {
            let by = Stampers {
                signer: authority.signer.as_ref(),
                intermediates: &authority.intermediates,
                roots: std::slice::from_ref(&authority.root),
            };
            // The window is that of the authority that stamped, never another's.
            match token.verify(&self.signed.signature, &by) {
                Ok(stamp) if !authority.is_trusted_at(stamp.time) => {
                    wrong = Some(StampError::OutsideWindow(stamp.time));
                }
                Ok(stamp) if stamp.time > self.as_of => {
                    wrong =
                        Some(StampError::Malformed(format!("its time, {}, is in the future", stamp.time)));
                }
                Ok(stamp) => {
                    let by = Source::Authority(authority.name.clone());
                    return Ok(Some(Dated { time: stamp.time, by }));
                }
                Err(StampError::UnknownSigner) => {}
                Err(error) => wrong = Some(error),
            }
        }
        wrong.map_or(Ok(None), |error| Err(SigstoreError::Stamp(error)))
    }

    /// Entries of trusted logs. Those of other logs are passed over; those of trusted ones must be right.
    fn entries(&self) -> Result<Vec<(usize, Vouched<'a>)>, SigstoreError> {
        let Some(root) = self.trust.root else { return Ok(vec![]) };
        let mut vouched = vec![];
        for (place, entry) in self.signed.entries.iter().enumerate() {
            let Some(log) = root.logs.iter().find(|log| log.id == entry.log) else { continue };
            let proven = entry.verify(log, self.as_of).map_err(|why| SigstoreError::Log { place, why })?;
            let by = Source::Log(log.name.clone());
            let dated = proven.integrated.map(|time| Dated { time, by });
            let logged = Logged { log: log.name.clone(), index: entry.index, included: proven.included };
            vouched.push((place, Vouched { entry, log, logged, dated }));
        }
        Ok(vouched)
    }

    /// Whether each entry is about this signature, and its log trusted when it was made. A log without times of its own
    /// is trusted for the earliest one that others give.
    fn logged(
        &self,
        entries: &[(usize, Vouched<'a>)],
        holder: Holder<'_>,
        times: &[Dated],
    ) -> Result<(), SigstoreError> {
        for (place, vouched) in entries {
            let wrong = |why| SigstoreError::Log { place: *place, why };
            body::matches(vouched.entry, self.signed, self.artifact, holder).map_err(wrong)?;
            let at = vouched.dated.as_ref().or(times.first()).map_or(self.as_of, |dated| dated.time);
            if !vouched.log.is_trusted_at(at) {
                return Err(wrong(LogError::OutsideWindow(at)));
            }
        }
        Ok(())
    }

    /// Whose the certificate is, when its key made the signature and it was good at every proven time.
    fn certificate(&self, certificate: &Certificate, times: &[Dated]) -> Result<Identity, SigstoreError> {
        let wrong = |why: String| SigstoreError::Certificate(why);
        let key = PublicKey::from_der_as(certificate.spki(), self.signed.reading)
            .map_err(|error| wrong(error.to_string()))?;
        let Some(root) = self.trust.root else {
            return Err(wrong(
                "it is keyless, and no trusted root says who vouches for certificates".to_owned(),
            ));
        };
        at_least("sources of time", times.len(), 1)?;
        let steps = |one: &&Certificate| !self.signed.reading.is_second() || !one.is_anybodys();
        let between: Vec<_> = self.signed.between.iter().filter(steps).collect();
        let mut by: Option<(&Authority, Issuer)> = None;
        for dated in times {
            // While the path that was found is good, nobody need vouch anew: its signatures do not age.
            let holds = |(authority, issuer): &(&Authority, Issuer)| {
                let (from, until) = issuer.valid;
                authority.is_trusted_at(dated.time) && from <= dated.time && dated.time <= until
            };
            if !by.as_ref().is_some_and(holds) {
                let found = issued(certificate, &between, &root.authorities, dated.time);
                by = Some(found.map_err(SigstoreError::Path)?);
            }
        }
        let issuer = by.map(|(_, issuer)| issuer.spki).unwrap_or_default();
        let signs = matches!(certificate.key_usage(), Ok(Some((_, usage))) if usage.digital_signature());
        if !signs {
            return Err(wrong("its key usage does not let it sign".to_owned()));
        }
        let promises = sct::promised(certificate, &issuer, &root.ct_logs).map_err(SigstoreError::Sct)?;
        at_least("promises to publish the certificate", promises, self.trust.of_certificates.scts)?;
        let identity =
            Identity::of(certificate, self.trust.without_issuer, self.signed.reading).map_err(wrong)?;
        if self.is_made_by(&key) { Ok(identity) } else { Err(SigstoreError::Signature) }
    }
}

/// Whoever issued `certificate`, when one of the authorities that were trusted at `at` vouches for it then.
fn issued<'a>(
    certificate: &Certificate,
    came_along: &[&Certificate],
    authorities: &'a [Authority],
    at: Timestamp,
) -> Result<(&'a Authority, Issuer), PathError> {
    let mut wrong = PathError::NoAuthority { at };
    for authority in authorities.iter().filter(|authority| authority.is_trusted_at(at)) {
        let between: Vec<_> = authority
            .intermediates
            .iter()
            .chain(&authority.signer)
            .chain(came_along.iter().copied())
            .collect();
        match path(certificate, &between, &[&authority.root], at, Usage::CodeSigning) {
            Ok(issuer) => return Ok((authority, issuer)),
            // Of several reasons, that of the authority that issued it says most.
            Err(error) if wrong == (PathError::NoAuthority { at }) || error != PathError::UnknownIssuer => {
                wrong = error;
            }
            Err(_) => {}
        }
    }
    Err(wrong)
}
