//! `attest`: attach a signed in-toto statement to an image, as cosign does.

use lockgate_attest::statement::Statement;
use lockgate_engine::sign;
use lockgate_model::{json, limits};
use lockgate_scan::{baseline, reports};

use super::DONE;
use super::args::{Attest, Global};
use super::sign::{forms, tell, without_key};
use crate::failure::Failure;
use crate::session::{Surroundings, read_file};
use crate::signing;

/// `lockgate attest`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Attest) -> Result<u8, Failure> {
    let bytes = read_file(&args.predicate)?;
    let predicate = json::value(&bytes, limits::EVIDENCE_BYTES).map_err(|error| {
        Failure::told(
            format!("{}: {error}", args.predicate.display()),
            "the predicate must be one JSON document",
        )
    })?;
    let kind = predicate_type(&args.predicate_type);
    let predicate = if kind == reports::COSIGN_VULN {
        reports::wrap(predicate, around.now()).map_err(|why| {
            let help = "attach a report of Trivy, Grype, OSV-Scanner, CycloneDX or SARIF, or cosign's predicate with one";
            Failure::told(format!("{}: {why}", args.predicate.display()), help)
        })?
    } else {
        predicate
    };
    let statement =
        |artifact: &lockgate_model::Descriptor| Statement::about(artifact, kind, predicate.clone());
    if args.means.keyless.keyless {
        let by = (&args.means.keyless, args.form);
        return without_key(global, around, &args.image, by, "attested", statement).await;
    }
    let key = signing::signer(around, &args.means)?;
    let reach = around.reach(global)?;
    let reference = around.reference(&args.image)?;
    let signed = sign::attest(&reach, &reference, &*key, &forms(args.form), around.now(), statement).await?;
    tell(global, "attested", &signed, None);
    Ok(DONE)
}

/// The types that have a name, as cosign has it where cosign knows it.
fn predicate_type(named: &str) -> &str {
    match named {
        "openvex" => "https://openvex.dev/ns",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "spdx" => "https://spdx.dev/Document",
        "csaf" => "https://docs.oasis-open.org/csaf/csaf/v2.0",
        "baseline" => baseline::PREDICATE_TYPE,
        "report" => reports::PREDICATE_TYPE,
        "vuln" => reports::COSIGN_VULN,
        uri => uri,
    }
}
