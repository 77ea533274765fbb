//! `sign`: sign an image as cosign or notation does.

use std::path::Path;

use lockgate_attest::notary::{self, NotarySignError};
use lockgate_attest::statement::Statement;
use lockgate_attest::write::cosign_signature_statement;
use lockgate_attest::x509::Certificate;
use lockgate_engine::sign::{self, Form};
use lockgate_engine::workspace::Reach;
use lockgate_model::{Descriptor, Reference};
use serde_json::{Value, json};

use super::DONE;
use super::args::{self, Global, Keyless, Output, Sign, SignatureForm};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file};
use crate::signing::keyless;
use crate::{show, signing};

/// `lockgate sign`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Sign) -> Result<u8, Failure> {
    let reference = around.reference(&args.image)?;
    let form = match (args.form, &args.certificate_chain) {
        (SignatureForm::Notation, Some(chain)) => {
            return notation(global, around, args, &reference, chain).await;
        }
        (SignatureForm::Bundle, None) => args::Form::Bundle,
        (SignatureForm::Legacy, None) => args::Form::Legacy,
        (SignatureForm::Both, None) => args::Form::Both,
        (SignatureForm::Notation, None) => {
            return Err(Failure::told("--form notation needs certificates", "add --certificate-chain FILE"));
        }
        (_, Some(_)) => {
            let help = "add --form notation, or leave --certificate-chain out";
            return Err(Failure::told("cosign's forms take no --certificate-chain with a key", help));
        }
    };
    if args.means.keyless.keyless {
        let by = (&args.means.keyless, form);
        return without_key(global, around, &reference, by, "signed", cosign_signature_statement).await;
    }
    let key = signing::signer(around, &args.means)?;
    let reach: Reach = around.reach(global)?;
    let signed = sign::sign(&reach, &reference, &*key, &forms(form), around.now()).await?;
    tell(global, "signed", &signed, None);
    Ok(DONE)
}

/// Signs as notation does.
async fn notation(
    global: &Global,
    around: &Surroundings,
    args: &Sign,
    reference: &Reference,
    chain: &Path,
) -> Result<u8, Failure> {
    let wrong = |error: &dyn std::fmt::Display, help: &str| {
        Failure::told(format!("{}: {error}", chain.display()), help)
    };
    let certificates = Certificate::from_pem(&read_file(chain)?)
        .map_err(|error| wrong(&error, "give the certificates in PEM: the key's own first, the root last"))?;
    let key = signing::signer(around, &args.means)?;
    let reach = around.reach(global)?;
    let artifact = sign::artifact(&reach, reference).await?;
    let attachable = notary::sign(&artifact, &*key, &certificates, around.now()).map_err(|error| {
        let help = match &error {
            NotarySignError::OtherKey(_) => {
                "give the key of that certificate, or the certificate of the key; P-256 signs"
            }
            NotarySignError::Certificates(_) => {
                "docs/signing.md says what the Notary Project asks of certificates; nothing was pushed"
            }
            _ => "nothing was pushed",
        };
        wrong(&error, help)
    })?;
    let manifest = sign::attach(&reach, &reference.repository, attachable).await?;
    let who = certificates.first().map(Certificate::subject);
    tell(global, "signed", &sign::Signed { artifact, manifests: vec![manifest] }, who.as_deref());
    Ok(DONE)
}

/// Signs, without a key, what `statement` says of the image.
pub(super) async fn without_key(
    global: &Global,
    around: &Surroundings,
    reference: &Reference,
    (by, form): (&Keyless, args::Form),
    did: &str,
    statement: impl FnOnce(&Descriptor) -> Statement,
) -> Result<u8, Failure> {
    if form != args::Form::Bundle {
        return Err(Failure::told(
            "a signature without a key is written as a bundle only",
            "leave out --form; cosign 2.4 and later read it",
        ));
    }
    let reach = around.reach(global)?;
    let keyless = keyless::Keyless::open(around, around.web(global)?, by).await?;
    let artifact = sign::artifact(&reach, reference).await?;
    let made = keyless.make(around, &artifact, &statement(&artifact)).await?;
    let manifest = sign::attach(&reach, &reference.repository, made.attachable).await?;
    let signed = sign::Signed { artifact, manifests: vec![manifest] };
    tell(global, did, &signed, Some(&keyless::maker(&made.verified)));
    Ok(DONE)
}

pub(super) fn forms(form: args::Form) -> Vec<Form> {
    match form {
        args::Form::Bundle => vec![Form::Bundle],
        args::Form::Legacy => vec![Form::Legacy],
        args::Form::Both => vec![Form::Bundle, Form::Legacy],
    }
}

/// What was written, and as whom, where that is not for the key to say.
pub(super) fn tell(global: &Global, did: &str, signed: &sign::Signed, who: Option<&str>) {
    match global.output {
        Output::Json => {
            let mut told = json!({"artifact": signed.artifact.digest, "manifests": signed.manifests});
            if let (Some(fields), Some(who)) = (told.as_object_mut(), who) {
                fields.insert("identity".to_owned(), Value::from(who));
            }
            show::json(&told);
        }
        Output::Table => {
            say!("{did} {}", signed.artifact.digest);
            for manifest in &signed.manifests {
                say!("  by {}", manifest.digest);
            }
            if let Some(who) = who {
                say!("  as {who}");
            }
        }
    }
}
