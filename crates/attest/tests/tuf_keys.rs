//! Keys of TUF roots: as points in hex, as the first roots of Sigstore have them, and those with which anybody can sign.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic, and signs"
)]

mod common;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use common::instance::{Instance, trusted_authority};
use data_encoding::{HEXLOWER, HEXUPPER};
use lockgate_attest::keys::{PublicKey, SigningKey};
use lockgate_attest::sigstore::TrustedRoot;
use lockgate_attest::tuf::{Key, Trusted, TufError};
use lockgate_model::{Timestamp, canon};
use serde_json::{Value, json};

/// Canonical JSON as securesystemslib writes it: line ends in texts stay as they are.
fn canonical(value: &Value) -> Vec<u8> {
    String::from_utf8(canon::to_bytes(value).unwrap()).unwrap().replace("\\n", "\n").into_bytes()
}

/// A root whose every role is this one key's, signed by it.
fn pinned(key: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Result<Trusted, TufError> {
    let role = json!({"keyids": ["a"], "threshold": 1});
    let signed = json!({
        "_type": "root", "spec_version": "1.0", "version": 1, "expires": "2030-01-01T00:00:00Z", "consistent_snapshot": true,
        "keys": {"a": key}, "roles": {"root": role, "targets": role, "snapshot": role, "timestamp": role},
    });
    let signature = HEXLOWER.encode(&sign(&canonical(&signed)));
    let root = json!({"signed": signed, "signatures": [{"keyid": "a", "sig": signature}]});
    Trusted::pinned(&serde_json::to_vec(&root).unwrap(), Timestamp::from_unix(1_790_000_000))
}

fn listed(keytype: &str, scheme: &str, public: &str) -> Value {
    let algorithms = json!(["sha256", "sha512"]);
    json!({"keytype": keytype, "scheme": scheme, "keyid_hash_algorithms": algorithms, "keyval": {"public": public}})
}

fn point(key: &SigningKey) -> Vec<u8> {
    let der = pem::parse(key.public().to_pem()).unwrap().into_contents();
    der[der.len() - 65..].to_vec()
}

fn refused(answer: &Result<Trusted, TufError>) -> bool {
    matches!(answer, Err(TufError::Signatures { valid: 0, .. }))
}

#[test]
fn keys_of_roots_in_hex() {
    let key = SigningKey::generate().unwrap();
    let sign = |message: &[u8]| key.sign(message).unwrap();
    let hex = HEXLOWER.encode(&point(&key));
    for keytype in ["ecdsa", "ecdsa-sha2-nistp256"] {
        for public in [hex.clone(), HEXUPPER.encode(&point(&key)), key.public().to_pem()] {
            assert!(pinned(&listed(keytype, "ecdsa-sha2-nistp256", &public), sign).is_ok(), "{public}");
        }
    }
    let mut off = point(&key);
    off[64] ^= 1;
    let compressed = [&[2 + (point(&key)[64] & 1)], &point(&key)[1..33]].concat();
    let wrong = [
        HEXLOWER.encode(&off),
        HEXLOWER.encode(&compressed),
        hex[2..].to_owned(),
        format!("{hex}00"),
        format!("00{hex}"),
        format!("05{}", &hex[2..]),
        format!("06{}", &hex[2..]),
        format!("04{}", "0".repeat(128)),
        format!("04{}", "f".repeat(128)),
        hex[..hex.len() - 1].to_owned(),
        format!(" {hex}"),
        format!("{hex}\n"),
        format!("0x{hex}"),
        hex.replace('4', "g"),
        String::new(),
        "04".to_owned(),
        "00".to_owned(),
        HEXLOWER.encode(&point(&SigningKey::generate().unwrap())),
        HEXLOWER.encode(key.public().to_pem().as_bytes()),
        format!("{hex}{hex}"),
    ];
    for public in &wrong {
        assert!(refused(&pinned(&listed("ecdsa", "ecdsa-sha2-nistp256", public), sign)), "{public}");
    }
    // Under another scheme, or of another type, it is none.
    for (keytype, scheme) in [
        ("ecdsa", "ecdsa-sha2-nistp384"),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256"),
        ("ed25519", "ed25519"),
        ("rsa", "rsassa-pss-sha256"),
        ("ecdsa", "ed25519"),
        ("", ""),
    ] {
        assert!(refused(&pinned(&listed(keytype, scheme, &hex), sign)), "{keytype} {scheme}");
    }
    // Somebody else's signature.
    assert!(refused(&pinned(&listed("ecdsa", "ecdsa-sha2-nistp256", &hex), |message| {
        SigningKey::generate().unwrap().sign(message).unwrap()
    })));
}

#[test]
fn larger_curves_in_hex_and_in_pem() {
    let sizes = [
        ("ecdsa-sha2-nistp384", &ECDSA_P384_SHA384_ASN1_SIGNING, 97, "ECDSA P-384"),
        ("ecdsa-sha2-nistp521", &ECDSA_P521_SHA512_ASN1_SIGNING, 133, "ECDSA P-521"),
    ];
    for (scheme, algorithm, size, name) in sizes {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let sign = |message: &[u8]| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(
            pair.public_key(),
        );
        let der = der.unwrap().as_ref().to_vec();
        let key =
            PublicKey::from_pem(pem::encode(&pem::Pem::new("PUBLIC KEY", der.clone())).as_bytes()).unwrap();
        assert_eq!(key.algorithm(), name);
        let hex = HEXLOWER.encode(&der[der.len() - size..]);
        for public in [&hex, &key.to_pem()] {
            assert!(pinned(&listed("ecdsa", scheme, public), sign).is_ok(), "{scheme}");
            assert!(refused(&pinned(&listed("ecdsa", "ecdsa-sha2-nistp256", public), sign)), "{scheme}");
        }
        assert!(refused(&pinned(&listed("ecdsa", scheme, &hex[2..]), sign)));
        // As it is written here, it is read here.
        assert!(pinned(&serde_json::to_value(Key::of(&key)).unwrap(), sign).is_ok());
    }
}

#[test]
fn anybodys_keys_in_trusted_roots_and_tuf() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let sign = |message: &[u8]| pair.sign(message).as_ref().to_vec();
    let hex = HEXLOWER.encode(pair.public_key().as_ref());
    assert!(pinned(&listed("ed25519", "ed25519", &hex), sign).is_ok());
    // The signature that is good for each of these: R is the point, S is 0.
    for (first, last) in
        [("01", "00"), ("01", "80"), ("ee", "7f"), ("ee", "ff"), ("ec", "7f"), ("00", "00"), ("00", "80")]
    {
        let between = if last == "7f" || last == "ff" { "ff" } else { "00" };
        let public = format!("{first}{}{last}", between.repeat(30));
        let forged = [&[1][..], &[0; 63]].concat();
        assert!(refused(&pinned(&listed("ed25519", "ed25519", &public), |_| forged.clone())), "{public}");
    }
    // A log of a trusted root with such a key counts for nothing, and an authority with it is refused.
    let instance = Instance::new();
    let mut document = instance.document();
    let identity = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0, 1][..], &[0; 31]].concat();
    document["tlogs"][0]["publicKey"]["rawBytes"] = json!(common::instance::base64(&identity));
    let root = TrustedRoot::from_json(&serde_json::to_vec(&document).unwrap()).unwrap();
    let case = common::case::Case::new();
    let bundle = case.signing.bundle(std::slice::from_ref(&case.entry), &[]);
    assert!(common::case::ask(&bundle, &root, lockgate_attest::sigstore::Demands::PUBLIC).is_err());
    let forged = with_key(&instance.root.der, &identity);
    for kind in ["certificateAuthorities", "timestampAuthorities"] {
        let mut document = instance.document();
        document[kind] = json!([trusted_authority("anybody", &[&forged])]);
        let bytes = serde_json::to_vec(&document).unwrap();
        let read = TrustedRoot::from_json(&bytes).unwrap_err().to_string();
        assert!(read.contains("anybody can sign"), "{read}");
        assert!(TrustedRoot::from_json_as(&bytes, lockgate_attest::reading::Reading::First).is_ok());
    }
}

/// The certificate with another key; its signature is no longer right, which nobody asks of a trusted one.
fn with_key(certificate: &[u8], spki: &[u8]) -> Vec<u8> {
    use der::{Decode, Encode};
    let mut read = x509_cert::Certificate::from_der(certificate).unwrap();
    read.tbs_certificate.subject_public_key_info = Decode::from_der(spki).unwrap();
    read.to_der().unwrap()
}
