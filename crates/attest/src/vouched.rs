//! Signatures whose signer somebody else vouches for: an instance of Sigstore, or a trust policy of the Notary Project;
//! and what instances of Sigstore prove about the age of signatures by keys.

use lockgate_model::{Descriptor, Digest, Timestamp};

use crate::notary;
use crate::sigstore::{self, Artifact, Content, Demands, Maker, Signed, Signer, SigstoreError, Trust};
use crate::verify::{Believed, Examined, Form, Instance, Refusal, Speaks, Vouched};

/// A signature by a certificate, when it is one. Each instance is asked; the first that vouches for the holder counts.
pub(crate) fn keyless(
    form: Form,
    layer: &Descriptor,
    blob: &[u8],
    subject: &Digest,
    believed: &Believed<'_>,
) -> Option<Result<Examined, Refusal>> {
    // What cannot be read is refused by what reads it for keys.
    let signed = Signed::from_layer(layer, blob).ok()?;
    if matches!(signed.signer, Signer::Key { .. }) {
        return None;
    }
    Some(held(form, &signed, subject, believed))
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
                refused.push(format!("{}: {error}", instance.name));
                continue;
            }
        };
        let proven_at = verified.existed_by();
        let Maker::Holder(identity) = verified.maker else { continue };
        if !instance.issuers.contains(&identity.issuer) {
            refused.push(format!("{}: it may not vouch for those of {}", instance.name, identity.issuer));
            continue;
        }
        let statement = verified.statement;
        let speaks = statement.as_ref().map_or(Speaks::Signature, |said| Speaks::of(form, said));
        let vouched = Some(Vouched::Holder { instance: instance.name.to_owned(), identity });
        let (speaks, by, refusal) = (Some(speaks), vec![], None);
        return Ok(Examined { form, speaks, by, vouched, statement, proven_at, refusal });
    }
    if refused.is_empty() {
        refused.push("no instance of Sigstore is trusted here".to_owned());
    }
    Err(Refusal::NotVouched(refused.join("; ")))
}

fn trust<'a>(instance: &Instance<'a>, believed: &Believed<'a>) -> Trust<'a> {
    Trust {
        root: Some(instance.root),
        keys: believed.keys,
        of_certificates: instance.demands,
        of_keys: Demands::KEY_ALONE,
    }
}

/// The same signature by a key, with the earliest instant at which a log or timestamp authority proves it to have
/// existed. What a trusted one says must be right, though a key alone would do: a wrong proof is a sign that somebody
/// tampered.
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
    // An envelope with several signatures has no proofs: nobody would know of which.
    let Ok(signed) = Signed::from_layer(layer, blob) else { return Ok(examined) };
    if matches!(signed.signer, Signer::Certificate(_)) {
        return Ok(examined);
    }
    let artifact = Artifact::named(subject).with_commits(believed.commits);
    let mut proven_at: Option<Timestamp> = None;
    for instance in instances {
        let verified = sigstore::verify(&signed, &artifact, &trust(instance, believed), believed.as_of)
            .map_err(|error| Refusal::Malformed(format!("{}: {error}", instance.name)))?;
        proven_at = proven_at.into_iter().chain(verified.existed_by()).min();
    }
    Ok(Examined { proven_at, ..examined })
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
    Ok(Examined {
        form: Form::Notary,
        speaks: Some(Speaks::Signature),
        by: vec![],
        vouched: Some(Vouched::Subject { policy: outcome.policy, name: outcome.signer }),
        statement: None,
        proven_at: outcome.signed_at,
        refusal: None,
    })
}
