//! Judging a Case of any shape: the same Case gives the same bytes, and nothing that was not judged proceeds.
//!
//! The input is a JSON object of `record` (a Case) and `inputs` (a list of texts, each an input by its own digest).
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockgate_judge::{Edition, decide};
use lockgate_model::{Answer, Case, CaseRecord, Inputs, Outcome, canon};
use serde::Deserialize;

#[derive(Deserialize)]
struct Given {
    record: CaseRecord,
    inputs: Vec<String>,
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(Given { mut record, inputs }) = serde_json::from_slice(bytes) else { return };
    for edition in Edition::ALL {
        edition.name().clone_into(&mut record.edition);
        let mut filed = Inputs::new();
        for input in &inputs {
            filed.insert(input.clone().into_bytes());
        }
        let case = Case { record: record.clone(), inputs: filed };
        let decision = decide(&case);
        assert!(canon::to_bytes(&decision).ok() == canon::to_bytes(&decide(&case)).ok(), "two answers");
        if decision.outcome == Outcome::Proceed {
            assert!(decision.verdicts.iter().all(|verdict| verdict.answer == Answer::Pass), "not all pass");
            let asked = |gate: &str| record.gates.contains_key(gate);
            assert!(!record.gaps.iter().any(|gap| asked(&gap.gate)), "a gap was passed over");
            assert!(!record.gates.is_empty(), "nothing was asked");
        }
    }
});
