//! What attached bills of materials name, so that a feed is asked about it. Whose word counts is for the gate to say: what
//! does not count makes the extract larger, and does nothing else.

use std::collections::BTreeMap;

use lockgate_attest::verify::{Carried, claimed};
use lockgate_judge::gates::reading_declared;
use lockgate_model::{Evidence, Inputs, Inventory};
use lockgate_scan::{Read, Shapes, limits, sbom};
use serde_json::Value;

/// The packages that bills of materials among `evidence` name, as an inventory; nothing where the stage's settings ask
/// for none. The error says that they name too many.
pub(crate) fn declared(
    evidence: &[Evidence],
    of_stage: &BTreeMap<String, Value>,
    inputs: &Inputs,
) -> Result<Option<Inventory>, String> {
    if reading_declared(of_stage).is_empty() {
        return Ok(None);
    }
    let mut packages = Vec::new();
    for one in evidence {
        let Some(carried) = Carried::of(one, inputs) else { continue };
        for statement in claimed(&carried) {
            let document = one.manifest.digest;
            // Read leniently: strict reading names no more than that.
            let (kind, predicate) = (&statement.predicate_type, &statement.predicate);
            let Read::Whole(said) = sbom::read(kind, predicate, document, Shapes::Lenient) else { continue };
            packages.extend(said.packages);
            if packages.len() > limits::DECLARED_PACKAGES {
                let most = limits::DECLARED_PACKAGES;
                return Err(format!("the attached bills of materials name more than {most} packages"));
            }
        }
    }
    let mut inventory = Inventory { packages, ..Inventory::default() };
    inventory.sort();
    Ok(Some(inventory))
}
