//! Revocation by CRL and OCSP: what counts, and the invalidity-date rule (GHSA-qjh3-4j3h-vmwp, GHSA-45v3-38pc-874v).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::envelope::{self, only, policies, signer_params};
use common::instance::{
    Authority, Instance, Key, NOW, Stamping, authority_params, base64, extended_key_usage, params, sha256,
    stamper_params, tlv,
};
use data_encoding::BASE64URL_NOPAD;
use lockgate_attest::notary::{
    Check, NotaryTrust, Revocation, RevocationError, RevocationStatus, StoreKind, verify,
};
use lockgate_attest::reading::Reading;
use lockgate_attest::x509::Certificate;
use lockgate_model::Timestamp;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use serde_json::{Value, json};

struct Case {
    root: Authority,
    issuer: Certificate,
    certificate: Certificate,
}

impl Case {
    fn new() -> Self {
        Self::under(Authority::root("root"))
    }

    fn under(root: Authority) -> Self {
        let mut params = params("signer", NOW - 60, 600);
        params.serial_number = Some(SerialNumber::from(vec![7, 7]));
        let certificate = root.issue(&params, &Key::new());
        let issuer = Certificate::from_der(&root.der).unwrap();
        Self { certificate: Certificate::from_der(&certificate).unwrap(), issuer, root }
    }

    fn ask(&self, bytes: &[u8], at: i64) -> RevocationStatus {
        let revocation = Revocation::read(bytes).unwrap();
        revocation.status(&self.certificate, &self.issuer, Timestamp::from_unix(at))
    }

    fn list(&self, change: impl FnOnce(&mut CertificateRevocationListParams)) -> Vec<u8> {
        let at = |seconds: i64| {
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from(seconds).unwrap())
        };
        let mut list = CertificateRevocationListParams {
            this_update: at(NOW),
            next_update: at(NOW + 3600),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(vec![7, 7]),
                revocation_time: at(NOW + 20),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: Some(at(NOW + 10)),
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut list);
        let issuer = Issuer::from_params(&self.root.params, &self.root.key.pair);
        list.signed_by(&issuer).unwrap().der().to_vec()
    }
}

fn silent(status: RevocationStatus) -> String {
    match status {
        RevocationStatus::Silent(why) => why,
        other => panic!("{other:?}"),
    }
}

fn revoked() -> RevocationStatus {
    RevocationStatus::Revoked {
        since: Timestamp::from_unix(NOW + 20),
        invalid_since: Some(Timestamp::from_unix(NOW + 10)),
    }
}

#[test]
fn lists() {
    let case = Case::new();
    let list = case.list(|_| {});
    assert_eq!(case.ask(&list, NOW + 30), revoked());
    let others = case.list(|list| list.revoked_certs[0].serial_number = SerialNumber::from(vec![7, 8]));
    assert_eq!(case.ask(&others, NOW + 30), RevocationStatus::Good);
    let taken_back =
        case.list(|list| list.revoked_certs[0].reason_code = Some(RevocationReason::RemoveFromCrl));
    assert_eq!(case.ask(&taken_back, NOW + 30), RevocationStatus::Good);
    // Too early, and stale.
    assert!(silent(case.ask(&others, NOW - 1)).contains("not for"));
    assert!(silent(case.ask(&others, NOW + 3601)).contains("not for"));
    // For some certificates only.
    let narrowed = case.list(|list| {
        let point = rcgen::CrlDistributionPoint { uris: vec!["http://crl.example/1".to_owned()] };
        list.issuing_distribution_point =
            Some(rcgen::CrlIssuingDistributionPoint { distribution_point: point, scope: None });
    });
    assert!(silent(case.ask(&narrowed, NOW + 30)).contains("critical extension 2.5.29.28"));
}

#[test]
fn lists_of_others() {
    let case = Case::new();
    // Another authority of the same name.
    let stranger = Case::under(Authority::root("root"));
    assert!(silent(case.ask(&stranger.list(|_| {}), NOW + 30)).contains("did not sign"));
    let other = Case::under(Authority::root("other"));
    assert!(silent(case.ask(&other.list(|_| {}), NOW + 30)).contains("another authority"));
    // One that may sign certificates, and no lists.
    let mut params = authority_params("root");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut quiet = Case::under(Authority::of(params));
    quiet.root.params.key_usages.push(KeyUsagePurpose::CrlSign);
    assert!(silent(quiet.ask(&quiet.list(|_| {}), NOW + 30)).contains("may not"));
    // With any byte changed, it never says that the certificate is good.
    let list = case.list(|_| {});
    for place in 0..list.len() {
        let mut changed = list.clone();
        changed[place] ^= 1;
        let Ok(revocation) = Revocation::read(&changed) else { continue };
        let status = revocation.status(&case.certificate, &case.issuer, Timestamp::from_unix(NOW + 30));
        assert_ne!(status, RevocationStatus::Good, "byte {place}");
    }
    let large = Revocation::read(&vec![0x30; (8 << 20) + 1]).unwrap_err();
    assert!(matches!(large, RevocationError::TooLarge { .. }));
    assert!(matches!(Revocation::read(b"nothing"), Err(RevocationError::Malformed(_))));
}

// OCSP, made by hand.

const ECDSA: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

struct Answer<'a> {
    /// Who signs, and the certificate that goes with it.
    signer: &'a Key,
    responder: Option<Vec<u8>>,
    serial: &'a [u8],
    status: Vec<u8>,
    until: Option<&'a str>,
    extensions: Vec<u8>,
    /// How often it says it.
    times: usize,
}

impl Answer<'_> {
    fn der(&self, issuer: &Certificate) -> Vec<u8> {
        let parsed = <x509_cert::Certificate as der::Decode>::from_der(issuer.der()).unwrap();
        let name = der::Encode::to_der(&parsed.tbs_certificate.subject).unwrap();
        let key = parsed.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        let hash = tlv(0x30, &[&[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
        let id = tlv(
            0x30,
            &[&hash, &tlv(4, &[&sha256(&name)]), &tlv(4, &[&sha256(&key)]), &tlv(2, &[self.serial])],
        );
        let until = self.until.map(|time| tlv(0xa0, &[&tlv(0x18, &[time.as_bytes()])])).unwrap_or_default();
        let extensions =
            if self.extensions.is_empty() { vec![] } else { tlv(0xa1, &[&tlv(0x30, &[&self.extensions])]) };
        let from = tlv(0x18, &[b"20260101000000Z"]);
        let single = tlv(0x30, &[&id, &self.status, &from, &until, &extensions]);
        let data = tlv(0x30, &[&tlv(0xa1, &[&name]), &from, &tlv(0x30, &[&single.repeat(self.times)])]);
        let signature = self.signer.signing.sign(&data).unwrap();
        let certificates =
            self.responder.as_ref().map(|der| tlv(0xa0, &[&tlv(0x30, &[der])])).unwrap_or_default();
        let basic = tlv(0x30, &[&data, &tlv(0x30, &[ECDSA]), &tlv(3, &[&[0], &signature]), &certificates]);
        let oid: &[u8] = &[0x06, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
        tlv(0x30, &[&[0x0a, 1, 0], &tlv(0xa0, &[&tlv(0x30, &[oid, &tlv(4, &[&basic])])])])
    }
}

fn good(signer: &Key) -> Answer<'_> {
    let until = Some("20260101010000Z");
    Answer {
        signer,
        responder: None,
        serial: &[7, 7],
        status: vec![0x80, 0],
        until,
        extensions: vec![],
        times: 1,
    }
}

#[test]
fn answers() {
    let case = Case::new();
    let key = &case.root.key;
    let ask = |answer: &Answer<'_>, at| case.ask(&answer.der(&case.issuer), at);
    assert_eq!(ask(&good(key), NOW + 30), RevocationStatus::Good);
    let date = tlv(0x18, &[b"20260101000010Z"]);
    let invalidity = tlv(0x30, &[&[0x06, 3, 0x55, 0x1d, 24], &tlv(4, &[&date])]);
    let gone = Answer {
        status: tlv(0xa1, &[&tlv(0x18, &[b"20260101000020Z"])]),
        extensions: invalidity,
        ..good(key)
    };
    assert_eq!(ask(&gone, NOW + 30), revoked());
    let unknown = Answer { status: vec![0x82, 0], ..good(key) };
    assert!(silent(ask(&unknown, NOW + 30)).contains("does not know"));
    assert!(silent(ask(&Answer { serial: &[7, 8], ..good(key) }, NOW + 30)).contains("another certificate"));
    assert!(silent(ask(&good(key), NOW + 3601)).contains("not for"));
    assert!(silent(ask(&good(key), NOW - 1)).contains("not for"));
    // Without an end, it could be replayed for ever.
    assert!(silent(ask(&Answer { until: None, ..good(key) }, NOW + 30)).contains("until when"));
    let critical = tlv(0x30, &[&[0x06, 3, 0x55, 0x1d, 99], &[1, 1, 0xff], &tlv(4, &[&[5, 0]])]);
    assert!(silent(ask(&Answer { extensions: critical, ..good(key) }, NOW + 30)).contains("critical"));
    assert!(silent(ask(&Answer { times: 2, ..good(key) }, NOW + 30)).contains("two things"));
    let unsuccessful = Revocation::read(&[0x30, 3, 0x0a, 1, 6]).unwrap_err();
    assert!(matches!(unsuccessful, RevocationError::Unsuccessful(_)));
}

#[test]
fn responders() {
    let case = Case::new();
    let stranger = Key::new();
    let ask = |answer: &Answer<'_>| case.ask(&answer.der(&case.issuer), NOW + 30);
    assert!(silent(ask(&good(&stranger))).contains("neither"));
    let responder = |issuer: &Authority, purpose: u8, unquestioned: bool| {
        let mut params = params("responder", NOW - 60, 600);
        params.custom_extensions = vec![extended_key_usage(purpose, false)];
        if unquestioned {
            let oid = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
            params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&oid, vec![5, 0]));
        }
        Answer { responder: Some(issuer.issue(&params, &stranger)), ..good(&stranger) }
    };
    assert_eq!(ask(&responder(&case.root, 9, true)), RevocationStatus::Good);
    // After it expired, whatever the answer says of its own time.
    let late = case.ask(&responder(&case.root, 9, true).der(&case.issuer), NOW + 541);
    assert!(silent(late).contains("neither"));
    // Authorised by somebody else, for something else, or itself in question.
    assert!(silent(ask(&responder(&Authority::root("root"), 9, true))).contains("neither"));
    assert!(silent(ask(&responder(&case.root, 3, true))).contains("neither"));
    assert!(silent(ask(&responder(&case.root, 9, false))).contains("neither"));
}

// Within a verdict.

/// An extension that says where the list of revoked certificates is.
fn points() -> rcgen::CustomExtension {
    let address = tlv(0x86, &[b"http://crl.example/1"]);
    let point = tlv(0x30, &[&tlv(0xa0, &[&tlv(0xa0, &[&address])])]);
    rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 31], tlv(0x30, &[&point]))
}

#[test]
fn what_was_signed_before_the_key_was_suspect_stays() {
    let mut params = signer_params();
    params.custom_extensions.push(points());
    let signed = |by_authority: bool, time: &str| {
        let case = envelope::Case::with(&params);
        let mut case = if by_authority { case.by_authority() } else { case };
        if by_authority {
            case.protected["io.cncf.notary.authenticSigningTime"] = json!(time);
        }
        case
    };
    let ask = |case: &envelope::Case, change: &dyn Fn(&mut CertificateRevocationListParams)| {
        let lists = Case::under(case.root.twin());
        let list = Revocation::read(&lists.list(|list| change(list))).unwrap();
        case.ask(&policies(|_| {}), &case.stores(), &[list], NOW + 60)
    };
    // The key is suspect from ten seconds on.
    let before = signed(true, "2026-01-01T00:00:09Z");
    assert!(ask(&before, &|_| {}).is_admitted());
    only(&ask(&signed(true, "2026-01-01T00:00:10Z"), &|_| {}), Check::Revocation, "is revoked since");
    // The signer's own word for the time proves nothing, and neither does a revocation without that date.
    only(&ask(&signed(false, ""), &|_| {}), Check::Revocation, "is revoked since");
    only(
        &ask(&before, &|list| list.revoked_certs[0].invalidity_date = None),
        Check::Revocation,
        "is revoked since",
    );
    // Nobody revoked it; and nothing is known.
    assert!(ask(&before, &|list| list.revoked_certs.clear()).is_admitted());
    let unknown = before.ask(&policies(|_| {}), &before.stores(), &[], NOW + 60);
    only(&unknown, Check::Revocation, "is not known");
    let skipping = policies(|policy| {
        policy["signatureVerification"] = json!({"level": "strict", "override": {"revocation": "skip"}});
    });
    assert!(before.ask(&skipping, &before.stores(), &[], NOW + 60).is_admitted());
    let many = vec![Revocation::read(&Case::new().list(|_| {})).unwrap(); 65];
    let answer = before.ask(&policies(|_| {}), &before.stores(), &many, NOW + 60);
    only(&answer, Check::Revocation, "more than 64");
}

/// The timestamp's own certificates are asked about as well.
#[test]
fn a_revoked_timestamp_authority() {
    let instance = Instance::new();
    let mut params = stamper_params();
    params.custom_extensions.push(points());
    let key = Key::new();
    let certificate = instance.stamp_root.issue(&params, &key);
    let mut case = envelope::Case::new();
    let jws = case.jws();
    let signature = BASE64URL_NOPAD.decode(jws["signature"].as_str().unwrap().as_bytes()).unwrap();
    let stamping = Stamping {
        key: &key,
        certificate: &certificate,
        bound: &certificate,
        embedded: vec![&certificate],
        time: "20260101000010Z",
    };
    case.header["io.cncf.notary.timestampSignature"] = json!(base64(&stamping.token(&signature)));
    let mut stamped: Value = jws;
    stamped["header"] = case.header.clone();
    let read = lockgate_attest::notary::Envelope::read(envelope::JWS, &serde_json::to_vec(&stamped).unwrap())
        .unwrap();
    let policies = policies(|policy| policy["trustStores"].as_array_mut().unwrap().push(json!("tsa:acme")));
    let mut stores = case.stores();
    stores.add(StoreKind::Tsa, "acme", &instance.stamp_root.der).unwrap();
    let lists = Case::under(Authority::root("other"));
    let lists = Case { root: instance.stamp_root, ..lists };
    let ask = |revocations: &[Revocation]| {
        let trust =
            NotaryTrust { policies: &policies, stores: &stores, revocations, reading: Reading::NEWEST };
        // Long after the signer's certificate expired: the timestamp is what counts.
        let as_of = Timestamp::from_unix(NOW + 1800);
        verify(&read, &envelope::artifact(), envelope::REPOSITORY, &trust, as_of).unwrap()
    };
    let list = |serial: u8| {
        Revocation::read(
            &lists
                .list(|list| list.revoked_certs[0].serial_number = SerialNumber::from(vec![1, 2, 3, serial])),
        )
        .unwrap()
    };
    let good = ask(&[list(5)]);
    assert!(good.is_admitted(), "{good:?}");
    assert_eq!(good.signed_at, Some(Timestamp::from_unix(NOW + 10)));
    only(&ask(&[]), Check::Revocation, "`CN=tsa");
    // Its stamp is of the instant from which its key is suspect.
    only(&ask(&[list(4)]), Check::Revocation, "is revoked since");
}
