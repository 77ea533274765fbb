//! `sign`: sign an image as cosign does.

use lockgate_attest::statement::Statement;
use lockgate_attest::write::cosign_signature_statement;
use lockgate_engine::sign::{self, Form};
use lockgate_engine::workspace::Reach;
use lockgate_model::{Descriptor, Reference};
use serde_json::{Value, json};

use super::DONE;
use super::args::{self, Global, Keyless, Output, Sign};
use crate::failure::Failure;
use crate::session::Surroundings;
use crate::signing::keyless;
use crate::{show, signing};

/// `lockgate sign`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Sign) -> Result<u8, Failure> {
    let reference = around.reference(&args.image)?;
    if args.means.keyless.keyless {
        let by = (&args.means.keyless, args.form);
        return without_key(global, around, &reference, by, "signed", cosign_signature_statement).await;
    }
    let key = signing::signer(around, &args.means)?;
    let reach: Reach = around.reach(global)?;
    let signed = sign::sign(&reach, &reference, &*key, &forms(args.form), around.now()).await?;
    tell(global, "signed", &signed, None);
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
