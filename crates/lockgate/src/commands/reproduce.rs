//! `reproduce`: what tells two builds of one image apart.

use lockgate_engine::reproduce::reproduce;
use lockgate_model::Outcome;

use super::DONE;
use super::args::{Global, Output, Reproduce};
use crate::failure::Failure;
use crate::session::Surroundings;
use crate::show;
use crate::sources::LaidOut;

/// `lockgate reproduce`: exit code 0 when both are the same byte for byte, 4 when they differ.
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Reproduce) -> Result<u8, Failure> {
    let laid_out = [around.lay_out(&args.a)?, around.lay_out(&args.b)?];
    let named = laid_out.each_ref().map(|one| one.as_ref().map(LaidOut::reference));
    let [a, b] = named;
    let a = around.reference(a.as_ref().unwrap_or(&args.a))?;
    let b = around.reference(b.as_ref().unwrap_or(&args.b))?;
    let compared = reproduce(&around.reach(global)?, &a, &b).await?;
    match global.output {
        Output::Json => show::json(&compared),
        Output::Table => show::compared(&compared),
    }
    Ok(if compared.identical { DONE } else { Outcome::Rework.exit_code() })
}
