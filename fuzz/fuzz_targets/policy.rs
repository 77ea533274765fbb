//! Policies of any bytes: reading and evaluating them never ends the process, and gives the same bytes twice.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lockgate_judge::decide;
use lockgate_model::case::{CaseRecord, PolicyFile};
use lockgate_model::{Case, Inputs};
use serde_json::json;

/// A Case with nothing in it but what every Case has.
static RECORD: LazyLock<CaseRecord> = LazyLock::new(|| {
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let record = json!({
        "edition": "2026-3", "as_of": "2026-11-27T00:00:00Z", "ledger_size": 0, "service": "shop", "from": "dev",
        "to": "prod", "from_guarded": false, "images": [], "evidence": [], "keys": [], "policies": [],
        "artifact": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2},
        "gates": {"policy": {}},
    });
    serde_json::from_value(record).expect("the record is a Case's")
});

fuzz_target!(|bytes: &[u8]| {
    let mut case = Case { record: RECORD.clone(), inputs: Inputs::default() };
    let content = case.inputs.insert(bytes.to_vec());
    case.record.policies = vec![PolicyFile { path: "policy/p.rego".into(), content }];
    for edition in ["2026-3", "2026-2"] {
        case.record.edition = edition.into();
        assert_eq!(decide(&case), decide(&case));
    }
});
