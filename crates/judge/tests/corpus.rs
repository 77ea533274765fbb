//! Frozen cases and their Decisions, byte for byte: `corpus/EDITION/NAME`. Never changed, only added to; when bytes must
//! change, a new Edition is cut.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may panic")]

use lockgate_judge::{Edition, decide};
use lockgate_model::{Case, CaseRecord, Inputs, canon};

#[test]
fn every_frozen_case_gives_its_frozen_decision() {
    let corpus = xtask::root().join("corpus");
    let mut checked = 0;
    let of_edition = |edition: &str| std::fs::read_dir(corpus.join(edition)).unwrap();
    for entry in Edition::ALL
        .iter()
        .filter(|edition| corpus.join(edition.name()).is_dir())
        .flat_map(|edition| of_edition(edition.name()))
    {
        let folder = entry.unwrap().path();
        let record: CaseRecord =
            canon::from_bytes(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
        let mut inputs = Inputs::new();
        for input in std::fs::read_dir(folder.join("inputs")).unwrap() {
            inputs.insert(std::fs::read(input.unwrap().path()).unwrap());
        }
        let decision = canon::to_bytes(&decide(&Case { record, inputs })).unwrap();
        let frozen = std::fs::read(folder.join("decision.json")).unwrap();
        assert!(decision == frozen, "{}: {}", folder.display(), String::from_utf8_lossy(&decision));
        checked += 1;
    }
    assert!(checked >= 18, "{checked}");
}
