//! Examines what is attached to an artifact: who signed it, and what it says. Signatures by keys are judged here; those
//! that others vouch for, and what proves their age, in [`crate::vouched`].

use std::collections::BTreeSet;
use std::fmt;

use lockgate_model::evidence::Attachment;
use lockgate_model::oci::{self, Content, Manifest, media};
use lockgate_model::{Descriptor, Digest, Evidence, Inputs, Timestamp, limits};

use crate::bundle;
use crate::dsse::{Envelope, Opened, pae};
use crate::keys::PublicKey;
use crate::notary::{Check, NotaryTrust};
use crate::reading::Reading;
use crate::sigstore::{Demands, Identity, TrustedRoot};
use crate::simple_signing;
use crate::statement::{COSIGN_SIGN, Legible, Statement};
use crate::vouched;

/// The annotation of a `.sig` layer that holds the signature, in base64.
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A key under the name that the workspace gives it.
#[derive(Debug, Clone, Copy)]
pub struct NamedKey<'a> {
    /// The name.
    pub name: &'a str,
    /// The key.
    pub key: &'a PublicKey,
}

/// An instance of Sigstore, and what is asked of signatures by its certificates.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its authorities and logs.
    pub root: &'a TrustedRoot,
    /// The issuers for whose identities it may vouch: no other's count by its certificates. Its own name as
    /// [`crate::sigstore::instance_issuer`] writes it is for certificates that name no issuer.
    pub issuers: &'a BTreeSet<String>,
    /// What is asked of signatures by its certificates.
    pub demands: Demands,
}

/// Whom Notary Project signatures on an artifact are believed from.
#[derive(Debug, Clone, Copy)]
pub struct Notary<'a> {
    /// Policies, stores and revocations.
    pub trust: NotaryTrust<'a>,
    /// The repository in which the artifact was found, as scopes of policies name it.
    pub repository: &'a str,
    /// The artifact. Of others nothing is believed: what is signed is digest, size and media type.
    pub artifact: &'a Descriptor,
}

/// Whom to believe.
#[derive(Debug, Clone, Copy)]
pub struct Believed<'a> {
    /// Managed keys.
    pub keys: &'a [NamedKey<'a>],
    /// Instances of Sigstore: they vouch for identities, and date signatures by keys. Nothing where signatures by
    /// certificates are not read at all.
    pub instances: Option<&'a [Instance<'a>]>,
    /// For Notary Project signatures.
    pub notary: Option<Notary<'a>>,
    /// Commits of which statements count as well as those about the artifact: for those who ask about its source.
    pub commits: &'a [String],
    /// The instant to judge for.
    pub as_of: Timestamp,
    /// How forms are read.
    pub reading: Reading,
}

impl<'a> Believed<'a> {
    /// Managed keys alone: nothing is dated, so that the instant does not matter.
    pub fn keys(keys: &'a [NamedKey<'a>]) -> Self {
        let (as_of, reading) = (Timestamp::from_unix(0), Reading::NEWEST);
        Self { keys, instances: None, notary: None, commits: &[], as_of, reading }
    }
}

/// A signer for whom somebody else vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouched {
    /// The holder of a certificate by an instance of Sigstore.
    Holder {
        /// The instance.
        instance: String,
        /// The holder.
        identity: Box<Identity>,
    },
    /// The subject of a certificate that a trust policy of the Notary Project admits.
    Subject {
        /// The policy.
        policy: String,
        /// The distinguished name.
        name: String,
    },
}

/// A piece of evidence with its bytes.
#[derive(Debug, Clone)]
pub struct Carried<'a> {
    /// Where it was found.
    pub evidence: &'a Evidence,
    /// The manifest that carries it.
    pub manifest: &'a [u8],
    /// The content of the manifest's layers, in their order.
    pub blobs: Vec<&'a [u8]>,
}

impl<'a> Carried<'a> {
    /// A piece of evidence with its bytes, when all of them are in `inputs`.
    pub fn of(evidence: &'a Evidence, inputs: &'a Inputs) -> Option<Self> {
        let manifest = inputs.get(&evidence.manifest.digest)?;
        let blobs = evidence.blobs.iter().map(|blob| inputs.get(blob).map(|bytes| &bytes[..]));
        Some(Self { evidence, manifest, blobs: blobs.collect::<Option<_>>()? })
    }
}

/// The forms in which signatures and attestations come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A layer of cosign's `.sig` tag.
    SimpleSigning,
    /// A layer of cosign's `.att` tag.
    Envelope,
    /// A Sigstore bundle.
    Bundle,
    /// An envelope of the Notary Project.
    Notary,
    /// Something else, which is not read.
    Other,
}

/// What verified evidence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    /// A signature on the artifact.
    Signature,
    /// A statement about it, which is no signature: a verdict of ours or a list of vulnerabilities must not count as
    /// someone's consent (GHSA-vjxv-45g9-9296 and its kin).
    Attestation {
        /// What kind of statement.
        predicate_type: String,
    },
}

/// Why something does not count, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read, or contradicts itself.
    Malformed(String),
    /// It is about something else.
    OtherSubject(String),
    /// It is of a kind that is not read.
    NotRead(String),
    /// It is well made, but none of the keys verifies it.
    NoKey,
    /// Nobody who is believed vouches for whoever signed it.
    NotVouched(String),
}

/// What people must know of something that counts, though it does not keep it from counting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// A check failed of which the trust policy of the Notary Project says that it is only logged.
    Check {
        /// The policy.
        policy: String,
        /// The check.
        check: Check,
        /// Why it failed.
        why: String,
    },
    /// A timestamp that could not be read, and why: it dates nothing.
    UnreadStamp(String),
}

/// What came of examining one layer of a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its form.
    pub form: Form,
    /// What it is, where that could be said; believed only when there is no refusal.
    pub speaks: Option<Speaks>,
    /// Names of the keys that verify it, sorted. A key that was given under two names is here under both:
    /// whoever counts keys counts their ids.
    pub by: Vec<String>,
    /// Who signed it, where somebody vouches for the signer.
    pub vouched: Option<Vouched>,
    /// The statement, when it is known who made it.
    pub statement: Option<Statement>,
    /// A statement that a known key signed and that cannot be read. It proves nothing, and is there only with a refusal.
    pub unread: Option<UnreadStatement>,
    /// An instant at which it existed already, as a trusted time says; none where nothing proves one.
    pub proven_at: Option<Timestamp>,
    /// Why nobody is known to have made it.
    pub refusal: Option<Refusal>,
    /// What is to be told all the same when it counts.
    pub told: Vec<Told>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "it is malformed: {why}"),
            Self::OtherSubject(why) | Self::NotRead(why) => f.write_str(why),
            Self::NoKey => f.write_str("none of the trusted keys made it"),
            Self::NotVouched(why) => write!(f, "nobody who is trusted vouches for its signer: {why}"),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SimpleSigning => "cosign signature (.sig)",
            Self::Envelope => "DSSE envelope (.att)",
            Self::Bundle => "Sigstore bundle",
            Self::Notary => "Notary Project signature",
            Self::Other => "other evidence",
        })
    }
}

impl Speaks {
    /// What a statement in that form is.
    pub(crate) fn of(form: Form, statement: &Statement) -> Self {
        if statement.predicate_type == COSIGN_SIGN && form == Form::Bundle {
            return Self::Signature;
        }
        Self::Attestation { predicate_type: statement.predicate_type.clone() }
    }
}

/// A signed payload that is not a valid in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadStatement {
    /// Names of the keys that verify its signature, sorted.
    pub by: Vec<String>,
    /// The type of its predicate, where it says that much.
    pub predicate_type: Option<String>,
}

impl Examined {
    fn refused(form: Form, refusal: Refusal) -> Self {
        let (speaks, vouched, statement, proven_at) = (None, None, None, None);
        let (by, told) = (vec![], vec![]);
        Self { form, speaks, by, vouched, statement, unread: None, proven_at, refusal: Some(refusal), told }
    }
}

/// Examines one piece of evidence: an answer for each of its layers. The artifact it must be about is
/// `carried.evidence.subject`.
pub fn examine(carried: &Carried<'_>, believed: &Believed<'_>) -> Vec<Examined> {
    let manifest = match manifest(carried) {
        Ok(manifest) => manifest,
        Err(refusal) => return vec![Examined::refused(Form::Other, refusal)],
    };
    if carried.blobs.len() != manifest.layers.len() {
        let refusal = Refusal::NotRead("its content is of a kind that is not read".into());
        return vec![Examined::refused(Form::Other, refusal)];
    }
    let layers = manifest.layers.iter().zip(&carried.blobs).take(limits::SIGNATURES_PER_EVIDENCE);
    let mut examiner =
        Examiner { subject: &carried.evidence.subject, believed, left: limits::SIGNATURES_PER_EVIDENCE };
    let mut answers: Vec<_> = layers.map(|(layer, blob)| examiner.layer(layer, blob)).collect();
    if manifest.layers.len() > limits::SIGNATURES_PER_EVIDENCE {
        let why = format!(
            "it has {} layers; the first {} are read",
            manifest.layers.len(),
            limits::SIGNATURES_PER_EVIDENCE
        );
        answers.push(Examined::refused(Form::Other, Refusal::NotRead(why)));
    }
    answers
}

/// What the layers of a piece of evidence say, whoever said it. Nobody vouches for it: it tells what to fetch, and
/// nothing else may rest on it.
pub fn claimed(carried: &Carried<'_>) -> Vec<Statement> {
    let Ok(manifest) = manifest(carried) else { return vec![] };
    if carried.blobs.len() != manifest.layers.len() {
        return vec![];
    }
    let layers = manifest.layers.iter().zip(&carried.blobs).take(limits::SIGNATURES_PER_EVIDENCE);
    let statements = layers.filter_map(|(layer, blob)| {
        let envelope = match layer.media_type.as_str() {
            media::DSSE => Envelope::read(blob).ok()?,
            other if other.starts_with(bundle::MEDIA_TYPE) => bundle::envelope(blob).ok()?,
            _ => return None,
        };
        Statement::read(&envelope.open().ok()?.payload).ok()
    });
    statements.collect()
}

/// The manifest, when its bytes are what the evidence names and, for a referrer, its subject is right.
fn manifest(carried: &Carried<'_>) -> Result<Manifest, Refusal> {
    let evidence = carried.evidence;
    if Digest::of(carried.manifest) != evidence.manifest.digest {
        return Err(Refusal::Malformed("its bytes have another digest".into()));
    }
    // New Cases were gathered by the profile; Cases of earlier Editions keep the reading they had.
    let content = Content::read_as(oci::Reading::Loose, &evidence.manifest.media_type, carried.manifest)
        .map_err(|error| Refusal::Malformed(error.to_string()))?;
    let Content::Manifest(manifest) = content else {
        return Err(Refusal::NotRead("it is an index".into()));
    };
    let subject = manifest.subject.as_ref().map(|subject| subject.digest);
    match evidence.attachment {
        Attachment::Referrer if subject != Some(evidence.subject) => {
            Err(Refusal::OtherSubject("its manifest names another subject".into()))
        }
        _ => Ok(manifest),
    }
}

/// What the layers of one piece of evidence are examined with.
struct Examiner<'a> {
    subject: &'a Digest,
    believed: &'a Believed<'a>,
    /// How many signatures may still be tried, in all layers together.
    left: usize,
}

impl Examiner<'_> {
    fn layer(&mut self, layer: &Descriptor, blob: &[u8]) -> Examined {
        let form = match layer.media_type.as_str() {
            media::SIMPLE_SIGNING => Form::SimpleSigning,
            media::DSSE => Form::Envelope,
            media::JOSE | media::COSE => Form::Notary,
            other if other.starts_with(bundle::MEDIA_TYPE) => Form::Bundle,
            _ => Form::Other,
        };
        let examined = match form {
            _ if Digest::of(blob) != layer.digest => {
                Err(Refusal::Malformed("its content has another digest".to_owned()))
            }
            Form::Notary => vouched::notary(layer, blob, self.subject, self.believed),
            Form::Other => {
                let media_type: String = layer.media_type.chars().take(100).collect();
                Err(Refusal::NotRead(format!("`{media_type}` is not read")))
            }
            Form::SimpleSigning | Form::Envelope | Form::Bundle => self.signed(form, layer, blob),
        };
        examined.unwrap_or_else(|refusal| Examined::refused(form, refusal))
    }

    /// By a key that is trusted, or by whom an instance of Sigstore vouches for. A key's own word is asked first: it
    /// needs nobody else's.
    fn signed(&mut self, form: Form, layer: &Descriptor, blob: &[u8]) -> Result<Examined, Refusal> {
        let by_key = match form {
            Form::SimpleSigning => self.simple(layer, blob),
            Form::Envelope => Envelope::read(blob)
                .map_err(|error| Refusal::Malformed(error.to_string()))
                .and_then(|envelope| self.enveloped(form, &envelope)),
            _ => bundle::envelope(blob).and_then(|envelope| self.enveloped(form, &envelope)),
        };
        if self.believed.instances.is_none() {
            return by_key;
        }
        match by_key {
            Ok(examined) if examined.refusal.is_none() => {
                vouched::dated(examined, layer, blob, self.subject, self.believed)
            }
            by_key => vouched::keyless(form, layer, blob, self.subject, self.believed).unwrap_or(by_key),
        }
    }

    fn simple(&mut self, layer: &Descriptor, payload: &[u8]) -> Result<Examined, Refusal> {
        simple_signing::speaks_about(payload, self.subject)
            .map_err(|misfit| Refusal::OtherSubject(misfit.why()))?;
        let reading = self.believed.reading;
        let signature = layer.annotations.get(SIGNATURE).and_then(|text| reading.base64(text));
        let signature = signature.ok_or_else(|| {
            Refusal::Malformed(format!("the annotation `{SIGNATURE}` holds no signature in base64"))
        })?;
        let by = self.makers(payload, &[signature])?;
        let refusal = by.is_empty().then_some(Refusal::NoKey);
        let speaks = Some(Speaks::Signature);
        let (form, vouched, statement, proven_at) = (Form::SimpleSigning, None, None, None);
        Ok(Examined { form, speaks, by, vouched, statement, unread: None, proven_at, refusal, told: vec![] })
    }

    fn enveloped(&mut self, form: Form, envelope: &Envelope) -> Result<Examined, Refusal> {
        let opened = envelope.open().map_err(|error| Refusal::Malformed(error.to_string()))?;
        let statement = match Statement::read(&opened.payload) {
            Ok(statement) => statement,
            Err(why) if self.believed.reading.is_second() => {
                return self.illegible(form, envelope, &opened, why);
            }
            Err(why) => return Err(Refusal::Malformed(why)),
        };
        let about_source = || self.believed.commits.iter().any(|commit| statement.is_about_commit(commit));
        if !statement.is_about(self.subject) && !about_source() {
            return Err(Refusal::OtherSubject("its statement is about another artifact".to_owned()));
        }
        let by = self.makers(&pae(&envelope.payload_type, &opened.payload), &opened.signatures)?;
        let speaks = Some(Speaks::of(form, &statement));
        let refusal = by.is_empty().then_some(Refusal::NoKey);
        let statement = (!by.is_empty()).then_some(statement);
        let (vouched, proven_at, told) = (None, None, vec![]);
        Ok(Examined { form, speaks, by, vouched, statement, unread: None, proven_at, refusal, told })
    }

    /// A statement that cannot be read: who signed it all the same, for it may have said what counts against the artifact.
    fn illegible(
        &mut self,
        form: Form,
        envelope: &Envelope,
        opened: &Opened,
        why: String,
    ) -> Result<Examined, Refusal> {
        let legible = Legible::of(&opened.payload);
        if legible.is_about_others(self.subject, self.believed.commits) {
            return Err(Refusal::OtherSubject("its statement is about another artifact".to_owned()));
        }
        let by = self.makers(&pae(&envelope.payload_type, &opened.payload), &opened.signatures)?;
        let unread = Some(UnreadStatement { by, predicate_type: legible.predicate_type });
        Ok(Examined { unread, ..Examined::refused(form, Refusal::Malformed(why)) })
    }

    /// The names of the keys that made one of `signatures` over `message`, sorted. Two signatures by one key
    /// are one maker.
    fn makers(&mut self, message: &[u8], signatures: &[Vec<u8>]) -> Result<Vec<String>, Refusal> {
        const LIMIT: usize = limits::SIGNATURES_PER_EVIDENCE;
        self.left = self.left.checked_sub(signatures.len()).ok_or_else(|| {
            Refusal::NotRead(format!(
                "the evidence holds more than {LIMIT} signatures; the first {LIMIT} are read"
            ))
        })?;
        let made =
            |key: &&NamedKey<'_>| signatures.iter().any(|signature| key.key.verify(message, signature));
        let names: BTreeSet<_> =
            self.believed.keys.iter().filter(made).map(|key| key.name.to_owned()).collect();
        Ok(names.into_iter().collect())
    }
}
