//! The gates. A gate is one file here, and one line in [`GATES`]; what it reads, holds and tells it declares itself
//! ([`Gate`]).

mod keys;
mod policy;
mod provenance;
mod reproducibility;
mod roots;
mod route;
mod signature;
mod signed;
mod signers;
mod standing;
mod vulnerability;
mod withheld;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::signed::{Signed, signed};
pub(crate) use self::vulnerability::contents::Words;
pub use self::vulnerability::contents::{LayerWord, hears_layer_contents, layer_words};
pub(crate) use self::vulnerability::{GATE as VULNERABILITY, KNOWN, upgrade};
pub use crate::docket::Docket;
use crate::docket::image_name;
pub use crate::gate::{Gate, Members, Reads};
use crate::settings::{SettingsError, nearest};

/// Every gate, in the order in which they are asked.
pub const GATES: &[Gate] = &[
    route::GATE,
    signature::GATE,
    provenance::GATE,
    reproducibility::GATE,
    vulnerability::GATE,
    policy::GATE,
];

/// The gate of that name.
pub fn named(name: &str) -> Option<&'static Gate> {
    GATES.iter().find(|gate| gate.name == name)
}

/// The names of the gates that look into images.
pub fn reading_images() -> Vec<&'static str> {
    GATES.iter().filter(|gate| gate.reads.images).map(|gate| gate.name).collect()
}

/// The names of the gates that read the feed.
pub fn reading_the_feed() -> Vec<&'static str> {
    GATES.iter().filter(|gate| gate.reads.feed).map(|gate| gate.name).collect()
}

/// The names of the gates of a stage that read evidence: without it they are blind.
pub fn reading_evidence(of_stage: &BTreeMap<String, Value>) -> Vec<&'static str> {
    those(of_stage, |gate, settings| (gate.reads.evidence)(settings))
}

/// The names of the gates of a stage that read what bills of materials name.
pub fn reading_declared(of_stage: &BTreeMap<String, Value>) -> Vec<&'static str> {
    those(of_stage, |gate, settings| (gate.reads.declared)(settings))
}

fn those(of_stage: &BTreeMap<String, Value>, reads: fn(&Gate, &Value) -> bool) -> Vec<&'static str> {
    let asked = GATES.iter().filter(|gate| of_stage.get(gate.name).is_some_and(|one| reads(gate, one)));
    asked.map(|gate| gate.name).collect()
}

/// Whether `settings` are right for the gate of that name.
pub fn check_settings(gate: &str, settings: &Value) -> Result<(), SettingsError> {
    let configurable = || GATES.iter().filter(|one| !one.always);
    if let Some(one) = configurable().find(|one| one.name == gate) {
        (one.check_settings)(settings)
    } else {
        let names: Vec<_> = configurable().map(|one| one.name).collect();
        let message = format!("there is no gate `{gate}`{}", nearest(gate, &names));
        Err(SettingsError { path: String::new(), message })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn names_the_place_and_the_nearest_name() {
        let error = check_settings("signature", &json!({"keys": ["a"], "requierd": 1})).unwrap_err();
        assert!(error.message.contains("did you mean `required`?"), "{error}");
        let error = check_settings("signatur", &json!({})).unwrap_err();
        assert!(error.message.contains("did you mean `signature`?"), "{error}");
        let error = check_settings("signature", &json!({"keys": ["a", 1]})).unwrap_err();
        assert_eq!(error.path, "keys[1]");
        let error = check_settings("vulnerability", &json!({"failOn": "hihg"})).unwrap_err();
        assert!(error.message.contains("did you mean `high`?"), "{error}");
        assert!(check_settings("route", &json!({})).is_err());
    }

    /// Settings of each gate that name a key or identity wherever one may be named, and how many names they hold.
    fn naming(gate: &str) -> (Value, usize) {
        let by = json!({"keys": ["k1", "k2"], "identities": ["i"]});
        let only = json!({"keys": ["k"]});
        match gate {
            "signature" => (by, 3),
            "provenance" => (
                json!({"builders": [{"id": "b", "signedBy": by}, {"id": "c", "signedBy": only}],
                    "sourceLevel": {"min": 3, "signedBy": by}}),
                7,
            ),
            "reproducibility" => {
                (json!({"builders": [{"id": "b", "signedBy": by}, {"id": "c", "signedBy": only}]}), 4)
            }
            "vulnerability" => (
                json!({"vex": only, "baseline": only, "sboms": only, "layerContents": only,
                    "scanners": {"mode": "prefer", "keys": ["k"], "maxAgeDays": 1}}),
                5,
            ),
            "policy" => (json!({}), 0),
            other => panic!("say here where the settings of the gate `{other}` name keys"),
        }
    }

    #[test]
    fn every_gate_declares_whose_names_its_settings_hold() {
        for gate in GATES.iter().filter(|gate| !gate.always) {
            let (settings, count) = naming(gate.name);
            assert_eq!((gate.check_settings)(&settings), Ok(()), "{}", gate.name);
            let members = (gate.members)(&settings);
            assert_eq!(members.iter().map(|one| one.names.len()).sum::<usize>(), count, "{}", gate.name);
            for one in &members {
                let pointer = format!("/{}", one.path.replace("].", "/").replace(['[', '.'], "/"));
                assert!(settings.pointer(&pointer).is_some_and(Value::is_array), "{pointer}");
                assert_eq!(one.are_keys, one.path.ends_with("keys"), "{}", one.path);
            }
            // Whose word counts is read from evidence.
            assert!(members.is_empty() || (gate.reads.evidence)(&settings), "{}", gate.name);
        }
    }

    #[test]
    fn the_table_is_in_order_and_its_declarations_agree() {
        let names: BTreeSet<_> = GATES.iter().map(|gate| gate.name).collect();
        assert_eq!(names.len(), GATES.len(), "no name twice");
        for gate in GATES {
            let reads = &gate.reads;
            let (settings, _) = if gate.always { (Value::Null, 0) } else { naming(gate.name) };
            assert!(!(reads.declared)(&settings) || (reads.evidence)(&settings), "{}", gate.name);
            assert!(!gate.alerts || (reads.evidence)(&settings), "{}", gate.name);
            assert!(gate.always || gate.since >= crate::Edition::E2026_1, "{}", gate.name);
        }
        assert_eq!(reading_images(), ["vulnerability", "policy"]);
        assert_eq!(reading_the_feed(), ["vulnerability"]);
        let stage =
            BTreeMap::from(["signature", "vulnerability"].map(|name| (name.to_owned(), naming(name).0)));
        assert_eq!(reading_evidence(&stage), ["signature", "vulnerability"]);
        assert_eq!(reading_declared(&stage), ["vulnerability"]);
        let bare = BTreeMap::from([("vulnerability".to_owned(), json!({}))]);
        assert_eq!((reading_evidence(&bare).len(), reading_declared(&bare).len()), (0, 0));
    }
}
