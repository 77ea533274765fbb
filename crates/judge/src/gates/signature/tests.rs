//! Signatures of a certain age, which no evidence can prove yet: what was seen is given instead of examined.

use lockgate_model::oci::media;
use lockgate_model::{Case, CaseRecord, Descriptor, Inputs};
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

/// What the gate counts when `build` signed once at each of these instants, and was revoked since 50.
fn counted(proven: &[Option<i64>]) -> (usize, Vec<Finding>) {
    let public = lockgate_attest::keys::SigningKey::generate().unwrap().public();
    let mut inputs = Inputs::new();
    let mut trusted = TrustedKey::plain("build", inputs.insert(public.to_pem()));
    trusted.revoked = Some(Revocation { at: at(90), compromised_since: Some(at(50)) });
    let record = CaseRecord {
        edition: crate::EDITION.into(),
        as_of: at(100),
        ledger_size: 0,
        service: "web".parse().unwrap(),
        from: "dev".parse().unwrap(),
        to: "prod".parse().unwrap(),
        artifact: Descriptor::of(media::OCI_MANIFEST, b"{}"),
        release: None,
        from_guarded: false,
        images: vec![],
        evidence: vec![],
        feed: None,
        keys: vec![trusted.clone()],
        policies: vec![],
        gates: BTreeMap::new(),
        gaps: vec![],
    };
    let case = Case { record, inputs };
    let docket = Docket { case: &case, content: None };
    let settings: Settings = serde_json::from_value(json!({"keys": ["build"]})).unwrap();
    let mut seen = Seen::default();
    let signatures =
        proven.iter().enumerate().map(|(n, proven)| (Digest::of(n.to_string().as_bytes()), proven.map(at)));
    seen.signed.insert("build".into(), signatures.collect());
    let record = &case.record;
    let asked = Asked { as_of: at(100), stage: &record.to, roles: settings.roles(), keys: &record.keys };
    let judgement = Judgement { docket: &docket, settings: &settings, asked, seen };
    let keys = [Usable { trusted: &trusted, key: public }];
    let mut findings = Vec::new();
    let counted = judgement.counted(&keys, &revocations(&docket), &mut findings);
    (counted.len(), findings)
}

#[test]
fn one_signature_that_is_proven_to_be_older_is_enough() {
    for (proven, counts) in [
        (&[None][..], 0),
        (&[Some(49)], 1),
        (&[Some(50)], 0),
        (&[None, Some(80), Some(49)], 1),
        (&[None, Some(80), Some(50)], 0),
    ] {
        let (count, findings) = counted(proven);
        assert_eq!(count, counts, "{proven:?}");
        let told = findings.iter().any(|found| found.code == "signature.key-revoked");
        assert_eq!(told, counts == 0, "{proven:?}: {findings:?}");
    }
}
