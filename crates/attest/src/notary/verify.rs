//! The verdict on a Notary Project signature (`trust-store-trust-policy.md`, "Signature Evaluation").

use lockgate_model::{Descriptor, Timestamp};

use super::envelope::{Envelope, NotaryError, SigningScheme};
use super::policy::{Action, Check, TrustPolicies, TrustPolicy, VerifyTimestamp};
use super::revocation::{Revocation, RevocationStatus, can_be_revoked};
use super::store::{StoreKind, TrustStores};
use crate::limits;
use crate::reading::Reading;
use crate::stamp::{Stamp, Stampers, Token};
use crate::x509::{Certificate, Usage, path};

/// Whom to trust.
#[derive(Debug, Clone, Copy)]
pub struct NotaryTrust<'a> {
    /// The policies.
    pub policies: &'a TrustPolicies,
    /// The stores that they name.
    pub stores: &'a TrustStores,
    /// CRLs and OCSP responses.
    pub revocations: &'a [Revocation],
    /// How forms are read.
    pub reading: Reading,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// What a failure of it does under the policy.
    pub action: Action,
    /// Why it failed, when it did.
    pub failure: Option<String>,
}

/// What came of a signature whose integrity is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The policy that was asked.
    pub policy: String,
    /// The signer's distinguished name; believed only when [`Self::is_authentic`].
    pub signer: String,
    /// When it was signed at the latest, as an authority says that the policy trusts for it.
    pub signed_at: Option<Timestamp>,
    /// Each check, in the order of the specification.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Whether no check that the policy enforces failed.
    pub fn is_admitted(&self) -> bool {
        !self.findings.iter().any(|finding| finding.action == Action::Enforce && finding.failure.is_some())
    }

    /// Whether somebody trusted vouches for the signer, whatever the policy enforces. Under `audit`, a signature by a
    /// stranger is admitted and not authentic: whoever counts signatures counts those that are both.
    pub fn is_authentic(&self) -> bool {
        self.findings.iter().any(|finding| finding.check == Check::Authenticity && finding.failure.is_none())
    }
}

/// Verifies `envelope` on `artifact`, which was found in `repository` (`registry/repository`), as it must be judged at
/// `as_of`.
pub fn verify(
    envelope: &Envelope,
    artifact: &Descriptor,
    repository: &str,
    trust: &NotaryTrust<'_>,
    as_of: Timestamp,
) -> Result<Outcome, NotaryError> {
    let policy = trust.policies.of(repository);
    let policy = policy.ok_or_else(|| NotaryError::NoPolicy(repository.chars().take(200).collect()))?;
    if !envelope.target.is(artifact) {
        return Err(NotaryError::OtherArtifact);
    }
    let judge = Judge { envelope, policy, trust, as_of };
    let authenticity = judge.authenticity()?;
    let stamp = judge.stamp()?;
    let signed_at = match envelope.scheme {
        // What a signing authority says of the time counts when it is one that is trusted.
        SigningScheme::SigningAuthority => envelope.authentic_signing_time.filter(|_| authenticity.is_ok()),
        SigningScheme::X509 => stamp.as_ref().ok().and_then(|stamp| stamp.as_ref()).map(|stamp| stamp.time),
    };
    let timestamp = judge.authentic_timestamp(stamp.as_ref());
    let stamped = stamp.ok().flatten();
    let revocation = judge.revocation(signed_at, stamped.as_ref());
    let verdicts = [
        (Check::Authenticity, authenticity),
        (Check::AuthenticTimestamp, timestamp),
        (Check::Expiry, judge.expiry()),
        (Check::Revocation, revocation),
    ];
    let findings = verdicts.into_iter().filter_map(|(check, verdict)| {
        let action = policy.action(check);
        (action != Action::Skip).then(|| Finding { check, action, failure: verdict.err() })
    });
    let signer = envelope.chain.first().map(Certificate::subject).unwrap_or_default();
    Ok(Outcome { policy: policy.name.clone(), signer, signed_at, findings: findings.collect() })
}

struct Judge<'a> {
    envelope: &'a Envelope,
    policy: &'a TrustPolicy,
    trust: &'a NotaryTrust<'a>,
    as_of: Timestamp,
}

impl Judge<'_> {
    /// The certificates of the policy's stores of one kind.
    fn trusted(&self, kind: StoreKind) -> Result<Vec<Certificate>, NotaryError> {
        let mut trusted = vec![];
        for (_, name) in self.policy.stores.iter().filter(|(found, _)| *found == kind) {
            let held = self.trust.stores.get(kind, name);
            trusted
                .extend(held.ok_or_else(|| NotaryError::NoStore(format!("{kind}:{name}")))?.iter().cloned());
        }
        Ok(trusted)
    }

    fn authenticity(&self) -> Result<Result<(), String>, NotaryError> {
        let kind = match self.envelope.scheme {
            SigningScheme::X509 => StoreKind::Ca,
            SigningScheme::SigningAuthority => StoreKind::SigningAuthority,
        };
        let trusted = self.trusted(kind)?;
        Ok(self.is_vouched_for(&trusted, kind))
    }

    /// Whether a certificate of the chain is a trusted one, the signer's leads to it, and the signer was asked for. The
    /// chain is looked at for the instant at which all of it was young: whether it was valid at signing is another check.
    fn is_vouched_for(&self, trusted: &[Certificate], kind: StoreKind) -> Result<(), String> {
        let chain = &self.envelope.chain;
        let Some((signer, between)) = chain.split_first() else {
            return Err("there is no signer".to_owned());
        };
        let anchors: Vec<_> = trusted.iter().filter(|one| chain.contains(one)).collect();
        if anchors.is_empty() {
            return Err(format!(
                "no trust store of kind `{kind}` of the policy holds a certificate of its chain"
            ));
        }
        if self.trust.reading.is_second() && chain.iter().any(Certificate::is_anybodys) {
            return Err("a key of its chain is one with which anybody can sign".to_owned());
        }
        let young = chain.iter().map(Certificate::not_before).max().unwrap_or(self.as_of);
        let between: Vec<_> = between.iter().collect();
        path(signer, &between, &anchors, young, Usage::CodeSigningIfSaid)
            .map_err(|error| error.to_string())?;
        self.policy.asks_for(signer)
    }

    /// The verified timestamp, where the policy has somebody to ask and the envelope has one.
    fn stamp(&self) -> Result<Result<Option<Stamp>, String>, NotaryError> {
        let roots = self.trusted(StoreKind::Tsa)?;
        let Some(bytes) = &self.envelope.stamp else { return Ok(Ok(None)) };
        if roots.is_empty() || self.envelope.scheme == SigningScheme::SigningAuthority {
            return Ok(Ok(None));
        }
        let by = Stampers { signer: None, intermediates: &[], roots: &roots };
        let stamp = Token::read(bytes, self.trust.reading)
            .and_then(|token| token.verify(&self.envelope.signature, &by));
        Ok(stamp.map(Some).map_err(|error| error.to_string()))
    }

    fn authentic_timestamp(&self, stamp: Result<&Option<Stamp>, &String>) -> Result<(), String> {
        if let (SigningScheme::SigningAuthority, Some(time)) =
            (self.envelope.scheme, self.envelope.authentic_signing_time)
        {
            return self.was_valid(time, time);
        }
        let valid_now = || self.was_valid(self.as_of, self.as_of);
        let asked = self.policy.stores.iter().any(|(kind, _)| *kind == StoreKind::Tsa);
        let only_later = self.policy.verify_timestamp == VerifyTimestamp::AfterCertExpiry;
        if !asked || (only_later && valid_now().is_ok()) {
            return valid_now();
        }
        match stamp {
            Ok(Some(stamp)) => {
                let earliest = stamp.time.plus_seconds(stamp.within.saturating_neg());
                self.was_valid(earliest, stamp.time.plus_seconds(stamp.within))
            }
            Ok(None) => Err("the policy asks for a timestamp, and there is none".to_owned()),
            Err(why) => Err(why.clone()),
        }
    }

    /// Whether all certificates were valid from `earliest` to `latest`, and these are not in the future.
    fn was_valid(&self, earliest: Timestamp, latest: Timestamp) -> Result<(), String> {
        if earliest > self.as_of {
            return Err(format!("its time, {earliest}, is in the future"));
        }
        for certificate in &self.envelope.chain {
            if !certificate.is_valid_at(earliest) || !certificate.is_valid_at(latest) {
                let subject = certificate.subject();
                return Err(format!("the certificate of `{subject}` was not valid at {earliest}"));
            }
        }
        Ok(())
    }

    fn expiry(&self) -> Result<(), String> {
        match self.envelope.expiry {
            Some(expiry) if self.as_of >= expiry => Err(format!("the signature expired at {expiry}")),
            _ => Ok(()),
        }
    }

    /// Whether every certificate of the signer's and the timestamp's chains, roots aside, is known to be good
    /// (GHSA-45v3-38pc-874v: the timestamp's, too).
    fn revocation(&self, signed_at: Option<Timestamp>, stamp: Option<&Stamp>) -> Result<(), String> {
        if self.policy.action(Check::Revocation) == Action::Skip {
            return Ok(());
        }
        if self.trust.revocations.len() > limits::REVOCATIONS {
            return Err(format!("more than {} CRLs and OCSP responses were given", limits::REVOCATIONS));
        }
        for pair in self.envelope.chain.windows(2) {
            let [certificate, issuer] = pair else { continue };
            self.is_good(certificate, issuer, signed_at)?;
        }
        let Some(stamp) = stamp else { return Ok(()) };
        let roots = self.trusted(StoreKind::Tsa).map_err(|error| error.to_string())?;
        for certificate in &stamp.chain {
            let tbs = &certificate.inner().tbs_certificate;
            if tbs.issuer == tbs.subject {
                continue;
            }
            let mut all = stamp.chain.iter().chain(&roots);
            let issuer = all.find(|one| one.inner().tbs_certificate.subject == tbs.issuer);
            let issuer =
                issuer.ok_or_else(|| format!("who issued `{}` is not there", certificate.subject()))?;
            self.is_good(certificate, issuer, Some(stamp.time))?;
        }
        Ok(())
    }

    /// The specification's invalidity-date rule: what is proven to be signed before the key was suspect stays good.
    fn is_good(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        signed_at: Option<Timestamp>,
    ) -> Result<(), String> {
        let subject = certificate.subject();
        let (mut good, mut silent) = (false, None);
        for revocation in self.trust.revocations {
            match revocation.status(certificate, issuer, self.as_of) {
                RevocationStatus::Good => good = true,
                RevocationStatus::Revoked { since, invalid_since } => {
                    let before =
                        matches!((signed_at, invalid_since), (Some(signed), Some(from)) if signed < from);
                    if !before {
                        return Err(format!("the certificate of `{subject}` is revoked since {since}"));
                    }
                    good = true;
                }
                RevocationStatus::Silent(why) => silent = Some(why),
            }
        }
        if good || !can_be_revoked(certificate) {
            return Ok(());
        }
        let why = silent.unwrap_or_else(|| "no CRL or OCSP response was given".to_owned());
        Err(format!("whether the certificate of `{subject}` is revoked is not known: {why}"))
    }
}
