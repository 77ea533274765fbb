//! Notary Project signatures that are written here: read again they verify, and nothing is signed by certificates that no
//! verifier would take.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::envelope::{JWS, REPOSITORY, artifact, failures, policies, signer_params};
use common::instance::{Authority, Key, NOW, extended_key_usage, params};
use lockgate_attest::keys::{KeyError, PublicKey, Signer, SigningKey};
use lockgate_attest::notary::{
    Envelope, NotaryError, NotarySignError, NotaryTrust, SigningScheme, StoreKind, TrustStores, sign, verify,
};
use lockgate_attest::reading::Reading;
use lockgate_attest::write::Attachable;
use lockgate_attest::x509::Certificate;
use lockgate_model::{Digest, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384};
use serde_json::Value;

/// A signer two authorities below a root.
struct Signing {
    root: Authority,
    between: Authority,
    key: Key,
}

impl Signing {
    fn new() -> Self {
        let root = Authority::root("root");
        let key = Key::new();
        let mut asked = params("between", NOW - 600, 6000);
        asked.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        asked.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let der = root.issue(&asked, &key);
        Self { root, between: Authority { key, der, params: asked }, key: Key::new() }
    }

    fn chain(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<Certificate> {
        let mut asked = signer_params();
        change(&mut asked);
        let der = self.between.issue(&asked, &self.key);
        read(&[&der, &self.between.der, &self.root.der])
    }

    fn refused(&self, chain: &[Certificate]) -> String {
        self.refused_at(chain, NOW)
    }

    fn refused_at(&self, chain: &[Certificate], at: i64) -> String {
        let error = sign(&artifact(), &self.key.signing, chain, Timestamp::from_unix(at)).unwrap_err();
        assert!(matches!(error, NotarySignError::Certificates(_)), "{error:?}");
        error.to_string()
    }
}

fn read(ders: &[&[u8]]) -> Vec<Certificate> {
    ders.iter().map(|der| Certificate::from_der(der).unwrap()).collect()
}

fn signed(signing: &Signing, chain: &[Certificate]) -> Attachable {
    sign(&artifact(), &signing.key.signing, chain, Timestamp::from_unix(NOW)).unwrap()
}

#[test]
fn what_is_signed_verifies() {
    let signing = Signing::new();
    let chain = signing.chain(|_| {});
    let written = signed(&signing, &chain);
    let envelope = Envelope::read(JWS, &written.blobs[1]).unwrap();
    assert_eq!((envelope.scheme, &envelope.chain), (SigningScheme::X509, &chain));
    assert_eq!(envelope.signing_time, Some(Timestamp::from_unix(NOW)));
    assert!(envelope.target.is(&artifact()));
    let mut stores = TrustStores::default();
    stores.add(StoreKind::Ca, "acme", &signing.root.der).unwrap();
    stores.add(StoreKind::SigningAuthority, "acme", &Authority::root("other").der).unwrap();
    let policies = policies(|policy| {
        policy["signatureVerification"] =
            serde_json::json!({"level": "strict", "override": {"revocation": "skip"}});
    });
    let trust =
        NotaryTrust { policies: &policies, stores: &stores, revocations: &[], reading: Reading::NEWEST };
    let outcome = verify(&envelope, &artifact(), REPOSITORY, &trust, Timestamp::from_unix(NOW + 1)).unwrap();
    assert_eq!(failures(&outcome), []);
    assert!(outcome.is_admitted() && outcome.is_authentic());

    // As notation 1.3 writes it.
    let manifest: Value = serde_json::from_slice(&written.manifest).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.notary.signature");
    assert_eq!(manifest["config"]["digest"], Digest::of(b"{}").to_string());
    assert_eq!(manifest.get("artifactType"), None);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], JWS);
    assert_eq!(manifest["subject"]["digest"], artifact().digest.to_string());
    let prints: Vec<String> = serde_json::from_str(
        manifest["annotations"]["io.cncf.notary.x509chain.thumbprint#S256"].as_str().unwrap(),
    )
    .unwrap();
    let expected: Vec<_> = chain.iter().map(|one| Digest::of(one.der()).hex()).collect();
    assert_eq!(prints, expected);
    // A signer who vouches for itself, as `notation cert generate-test` makes.
    let own = signer_params().self_signed(&signing.key.pair).unwrap().der().to_vec();
    signed(&signing, &read(&[&own]));
}

#[test]
fn only_by_the_key_of_the_first_certificate() {
    let signing = Signing::new();
    let chain = signing.chain(|_| {});
    for other in [&SigningKey::generate().unwrap(), &signing.between.key.signing] {
        let error = sign(&artifact(), other, &chain, Timestamp::from_unix(NOW)).unwrap_err();
        assert!(matches!(error, NotarySignError::OtherKey(_)), "{error:?}");
    }
    // A key of another kind signs nothing here.
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let der = signing.between.issue_to(&signer_params(), &pair);
    let chain = read(&[&der, &signing.between.der, &signing.root.der]);
    let error = sign(&artifact(), &signing.key.signing, &chain, Timestamp::from_unix(NOW)).unwrap_err();
    assert!(matches!(error, NotarySignError::OtherKey(_)), "{error:?}");
}

/// A token that has one key's public half, and signs by another, or gives something else.
struct Liar(PublicKey, Vec<u8>);

impl Signer for Liar {
    fn public(&self) -> PublicKey {
        self.0.clone()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(self.1.clone())
    }
}

#[test]
fn what_a_token_did_not_sign_is_not_written() {
    let signing = Signing::new();
    let chain = signing.chain(|_| {});
    let public = signing.key.signing.public();
    let elsewhere = SigningKey::generate().unwrap().sign(b"message").unwrap();
    let by = |signature: Vec<u8>| {
        sign(&artifact(), &Liar(public.clone(), signature), &chain, Timestamp::from_unix(NOW)).unwrap_err()
    };
    assert!(matches!(by(elsewhere), NotarySignError::Envelope(NotaryError::Signature)));
    assert!(matches!(by(vec![]), NotarySignError::Key(KeyError::Refused)));
    assert!(matches!(by(vec![1; 64]), NotarySignError::Key(KeyError::Refused)));
}

#[test]
fn certificates_are_as_the_specification_asks() {
    let signing = Signing::new();
    let told = |change: &dyn Fn(&mut CertificateParams)| signing.refused(&signing.chain(change));
    assert!(told(&|asked| asked.key_usages.clear()).contains("critical key usage"));
    let both = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    assert!(told(&|asked| asked.key_usages.clone_from(&both)).contains("for nothing else"));
    let servers =
        |asked: &mut CertificateParams| asked.custom_extensions = vec![extended_key_usage(1, false)];
    assert!(told(&servers).contains("not for signing code"));
    let stamps = |asked: &mut CertificateParams| asked.custom_extensions = vec![extended_key_usage(8, false)];
    assert!(told(&stamps).contains("not for signing code"));
    let authority = |asked: &mut CertificateParams| asked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(told(&authority).contains("authority"));
    // Without a word about what it is for, it may sign code.
    signed(&signing, &signing.chain(|asked| asked.custom_extensions.clear()));
}

#[test]
fn the_chain_is_whole() {
    let signing = Signing::new();
    let chain = signing.chain(|_| {});
    assert!(signing.refused(&[]).contains("there are none"));
    assert!(signing.refused(&chain[..1]).contains("root"));
    assert!(signing.refused(&chain[..2]).contains("root"));
    let gap = [chain[0].clone(), chain[2].clone()];
    assert!(signing.refused(&gap).contains("not issued by the next one"));
    let turned = [chain[0].clone(), chain[2].clone(), chain[1].clone()];
    signing.refused(&turned);
    let mut long = chain.clone();
    long.extend(std::iter::repeat_n(chain[2].clone(), 16));
    assert!(signing.refused(&long).contains("more than 16"));
    // Authorities of the same names, with other keys.
    let other = Signing::new();
    let names = [chain[0].clone(), other.chain(|_| {})[1].clone(), chain[2].clone()];
    assert!(signing.refused(&names).contains("is not signed by the key of"));
    let names = [chain[0].clone(), chain[1].clone(), other.chain(|_| {})[2].clone()];
    assert!(signing.refused(&names).contains("is not signed by the key of"));
}

#[test]
fn certificates_are_valid_when_they_sign() {
    let signing = Signing::new();
    let chain = signing.chain(|_| {});
    // The signer's from NOW - 60 to NOW + 540; the one between until NOW + 5400.
    for (at, whose) in [(NOW - 61, "signer"), (NOW + 541, "signer"), (NOW - 601, "signer")] {
        let told = signing.refused_at(&chain, at);
        assert!(told.contains(whose) && told.contains("is valid from"), "{told}");
    }
    let long = signing.chain(|asked| asked.not_after = params("x", NOW, 86_400).not_after);
    let told = signing.refused_at(&long, NOW + 6000);
    assert!(told.contains("between") && told.contains("is valid from"), "{told}");
}
