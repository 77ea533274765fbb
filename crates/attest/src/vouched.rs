//! Signatures whose signer somebody else vouches for: an instance of Sigstore, or a trust policy of the Notary Project;
//! and what instances of Sigstore prove about the age of signatures by keys.

use lockgate_model::{Descriptor, Digest, Timestamp};

use crate::bundle::Bundle;
use crate::notary::{self, Action, Outcome};
use crate::sigstore::{
    self, Artifact, Content, Demands, Maker, Signed, Signer, SigstoreError, Trust, instance_issuer,
};
use crate::verify::{Believed, Examined, Form, Instance, Refusal, Speaks, Told, Vouched};

/// A signature by a certificate, when it is one. Each instance is asked; the first that vouches for the holder counts.
pub(crate) fn keyless(
    form: Form,
    layer: &Descriptor,
    blob: &[u8],
    subject: &Digest,
    believed: &Believed<'_>,
) -> Option<Result<Examined, Refusal>> {
    let signed = match Signed::from_layer(layer, blob, believed.reading) {
        Ok(signed) => signed,
        // What cannot be read and is no certificate's is refused by what reads it for keys.
        Err(error) => {
            let by_certificate = match form {
                Form::Bundle => {
                    Bundle::read(blob).is_ok_and(|bundle| bundle.verification_material.names_certificate())
                }
                _ => sigstore::names_certificate(&layer.annotations),
            };
            return (by_certificate && believed.reading.is_second()).then(|| Err(unread(error)));
        }
    };
    if matches!(signed.signer, Signer::Key { .. }) {
        return None;
    }
    Some(held(form, &signed, subject, believed))
}

/// What cannot be read, as what it is.
fn unread(error: SigstoreError) -> Refusal {
    match error {
        SigstoreError::NotRead(why) => Refusal::NotRead(why),
        SigstoreError::Malformed(why) => Refusal::Malformed(why),
        other => Refusal::Malformed(other.to_string()),
    }
}

fn held(form: Form, signed: &Signed, subject: &Digest, believed: &Believed<'_>) -> Result<Examined, Refusal> {
    if matches!(signed.content, Content::Message { .. }) {
        let why = "the bundle signs a bare message, which says nothing about an image";
        return Err(Refusal::NotRead(why.to_owned()));
    }
    let artifact = Artifact::named(subject).with_commits(believed.commits);
    let mut refused = Vec::new();
    for instance in believed.instances.unwrap_or_default() {
        let trust = trust(instance, believed);
        let verified = match sigstore::verify(signed, &artifact, &trust, believed.as_of) {
            Ok(verified) => verified,
            Err(SigstoreError::OtherArtifact) => {
                return Err(Refusal::OtherSubject("it is about another artifact".to_owned()));
            }
            Err(error) => {
                let counted = matches!(error, SigstoreError::TooFew { .. });
                let mut why = format!("{}: {error}", instance.name);
                if counted && let [first, ..] = signed.unread_stamps().as_slice() {
                    why = format!("{why} ({first})");
                }
                refused.push(why);
                continue;
            }
        };
        let proven_at = verified.existed_by();
        let told = verified.unread.iter().cloned().map(Told::UnreadStamp).collect();
        let Maker::Holder(identity) = verified.maker else { continue };
        if !instance.issuers.contains(&identity.issuer) {
            refused.push(format!("{}: it may not vouch for those of {}", instance.name, identity.issuer));
            continue;
        }
        let statement = verified.statement;
        let speaks = statement.as_ref().map_or(Speaks::Signature, |said| Speaks::of(form, said));
        let vouched = Some(Vouched::Holder { instance: instance.name.to_owned(), identity });
        let (speaks, by, refusal) = (Some(speaks), vec![], None);
        return Ok(Examined { form, speaks, by, vouched, statement, unread: None, proven_at, refusal, told });
    }
    if refused.is_empty() {
        refused.push("no instance of Sigstore is trusted here".to_owned());
    }
    Err(Refusal::NotVouched(refused.join("; ")))
}

fn trust<'a>(instance: &Instance<'a>, believed: &Believed<'a>) -> Trust<'a> {
    let without_issuer = instance.issuers.get(&instance_issuer(instance.name)).map(String::as_str);
    Trust {
        root: Some(instance.root),
        keys: believed.keys,
        without_issuer: without_issuer.filter(|_| believed.reading.is_second()),
        of_certificates: instance.demands,
        of_keys: Demands::KEY_ALONE,
    }
}

/// The same signature by a key, with the earliest instant at which a log or timestamp authority proves it to have
/// existed. What a trusted one says must be right, though a key alone would do: a wrong proof is a sign that somebody
/// tampered. An entry of a log that cannot be read may be a trusted one's, and is wrong.
pub(crate) fn dated(
    examined: Examined,
    layer: &Descriptor,
    blob: &[u8],
    subject: &Digest,
    believed: &Believed<'_>,
) -> Result<Examined, Refusal> {
    let instances = believed.instances.unwrap_or_default();
    if instances.is_empty() {
        return Ok(examined);
    }
    let signed = match Signed::from_layer(layer, blob, believed.reading) {
        Ok(signed) => signed,
        Err(error) if believed.reading.is_second() && has_proofs(examined.form, layer, blob) => {
            return Err(unread(error));
        }
        // An envelope with several signatures has no proofs: nobody would know of which.
        Err(_) => return Ok(examined),
    };
    if matches!(signed.signer, Signer::Certificate(_)) {
        return Ok(examined);
    }
    let artifact = Artifact::named(subject).with_commits(believed.commits);
    let mut proven_at: Option<Timestamp> = None;
    let mut told = examined.told.clone();
    for instance in instances {
        let verified = sigstore::verify(&signed, &artifact, &trust(instance, believed), believed.as_of)
            .map_err(|error| Refusal::Malformed(format!("{}: {error}", instance.name)))?;
        proven_at = proven_at.into_iter().chain(verified.existed_by()).min();
        told.extend(verified.unread.into_iter().map(Told::UnreadStamp));
    }
    // Each instance says the same of what cannot be read.
    told.sort();
    told.dedup();
    Ok(Examined { proven_at, told, ..examined })
}

/// Whether something came along that is to prove when it was signed.
fn has_proofs(form: Form, layer: &Descriptor, blob: &[u8]) -> bool {
    match form {
        Form::Bundle => Bundle::read(blob).is_ok_and(|bundle| bundle.verification_material.has_proofs()),
        _ => sigstore::has_proofs(&layer.annotations),
    }
}

/// A Notary Project signature: it counts when the policy admits it and somebody trusted vouches for the signer.
pub(crate) fn notary(
    layer: &Descriptor,
    blob: &[u8],
    subject: &Digest,
    believed: &Believed<'_>,
) -> Result<Examined, Refusal> {
    let Some(asked) = &believed.notary else {
        return Err(Refusal::NotRead("no trust policy of the Notary Project was asked".to_owned()));
    };
    if asked.artifact.digest != *subject {
        return Err(Refusal::OtherSubject("it is about another artifact".to_owned()));
    }
    let envelope = notary::Envelope::read(&layer.media_type, blob)
        .map_err(|error| Refusal::Malformed(error.to_string()))?;
    let (artifact, repository) = (asked.artifact, asked.repository);
    let outcome = notary::verify(&envelope, artifact, repository, &asked.trust, believed.as_of)
        .map_err(|error| Refusal::NotVouched(error.to_string()))?;
    if !outcome.is_admitted() || !outcome.is_authentic() {
        let failures = outcome.findings.into_iter().filter_map(|finding| finding.failure);
        return Err(Refusal::NotVouched(failures.collect::<Vec<_>>().join("; ")));
    }
    let told = if believed.reading.is_second() { logged(&outcome) } else { vec![] };
    Ok(Examined {
        form: Form::Notary,
        speaks: Some(Speaks::Signature),
        by: vec![],
        vouched: Some(Vouched::Subject { policy: outcome.policy, name: outcome.signer }),
        statement: None,
        unread: None,
        proven_at: outcome.signed_at,
        refusal: None,
        told,
    })
}

/// The checks that failed, and that the policy only logs.
fn logged(outcome: &Outcome) -> Vec<Told> {
    let failed = outcome.findings.iter().filter(|finding| finding.action == Action::Log);
    let told = failed.filter_map(|finding| {
        let (policy, check, why) = (outcome.policy.clone(), finding.check, finding.failure.clone()?);
        Some(Told::Check { policy, check, why })
    });
    told.collect()
}
