//! `sign`: sign an image as cosign does.

use lockgate_engine::sign::{self, Form};
use lockgate_engine::workspace::Reach;
use serde_json::json;

use super::DONE;
use super::args::{self, Global, Output, Sign};
use crate::failure::Failure;
use crate::session::Surroundings;
use crate::{show, signing};

/// `lockgate sign`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Sign) -> Result<u8, Failure> {
    let key = signing::signer(around, &args.means)?;
    let reach: Reach = around.reach(global)?;
    let reference = around.reference(&args.image)?;
    let signed = sign::sign(&reach, &reference, &*key, &forms(args.form), around.now()).await?;
    tell(global, "signed", &signed);
    Ok(DONE)
}

pub(super) fn forms(form: args::Form) -> Vec<Form> {
    match form {
        args::Form::Bundle => vec![Form::Bundle],
        args::Form::Legacy => vec![Form::Legacy],
        args::Form::Both => vec![Form::Bundle, Form::Legacy],
    }
}

pub(super) fn tell(global: &Global, did: &str, signed: &sign::Signed) {
    match global.output {
        Output::Json => {
            show::json(&json!({"artifact": signed.artifact.digest, "manifests": signed.manifests}));
        }
        Output::Table => {
            say!("{did} {}", signed.artifact.digest);
            for manifest in &signed.manifests {
                say!("  by {}", manifest.digest);
            }
        }
    }
}
