//! `attest`: attach a signed in-toto statement to an image, as cosign does.

use lockgate_attest::statement::Statement;
use lockgate_engine::sign;
use lockgate_model::{json, limits};

use super::DONE;
use super::args::{Attest, Global};
use super::sign::{forms, tell};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file, read_key};

/// `lockgate attest`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Attest) -> Result<u8, Failure> {
    let key = read_key(&args.key)?;
    let bytes = read_file(&args.predicate)?;
    let predicate = json::value(&bytes, limits::EVIDENCE_BYTES).map_err(|error| {
        Failure::told(
            format!("{}: {error}", args.predicate.display()),
            "the predicate must be one JSON document",
        )
    })?;
    let reach = around.reach(global)?;
    let reference = around.reference(&args.image)?;
    let statement = |artifact: &lockgate_model::Descriptor| {
        Statement::about(artifact, &args.predicate_type, predicate.clone())
    };
    let signed = sign::attest(&reach, &reference, &key, &forms(args.form), around.now(), statement).await?;
    tell(global, "attested", &signed);
    Ok(DONE)
}
