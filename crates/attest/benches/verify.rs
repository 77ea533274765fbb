//! Verifying a bundle beside the cryptography that it contains: the same signatures and hashes by `aws-lc-rs` alone. Medians
//! of rounds that take turns, and the peak memory. A bundle is read from its bytes each time; trust is read once.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark may panic"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, UnparsedPublicKey};
use instance::{ARTIFACT, Instance, Key, NOW, Signing, base64, leaf, sha256};
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::sigstore::{Artifact, Demands, Signed, Trust, TrustedRoot, verify};
use lockgate_attest::verify::NamedKey;
use lockgate_model::Timestamp;
use serde_json::{Value, json};

#[path = "../tests/common/instance.rs"]
mod instance;

/// Rounds of each, and verifications of a round.
const ROUNDS: usize = 1_501;
const TIMES: usize = 2;

/// A signature that some bundle contains.
struct Bare {
    key: Result<ParsedPublicKey, Vec<u8>>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Bare {
    /// By a key that is trusted, and was read before.
    fn by_trusted(key: &Key, message: &[u8]) -> Self {
        let signature = key.signing.sign(message).unwrap();
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.spki()).unwrap();
        Self { key: Ok(parsed), message: message.to_vec(), signature }
    }

    /// By a key that comes with the bundle.
    fn by_other(key: &Key, message: &[u8]) -> Self {
        Self { key: Err(key.spki()), ..Self::by_trusted(key, message) }
    }

    fn verify(&self) {
        let verified = match &self.key {
            Ok(key) => key.verify_sig(&self.message, &self.signature),
            Err(spki) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki).verify(&self.message, &self.signature)
            }
        };
        assert!(verified.is_ok());
    }
}

/// A bundle, whom to trust for it, and what it contains.
struct Bench {
    name: &'static str,
    bundle: Vec<u8>,
    root: TrustedRoot,
    keys: Vec<lockgate_attest::keys::PublicKey>,
    demands: Demands,
    bare: Vec<Bare>,
    hashed: Vec<Vec<u8>>,
}

impl Bench {
    fn whole(&self) {
        let named: Vec<_> = self.keys.iter().map(|key| NamedKey { name: "key", key }).collect();
        let trust = Trust {
            root: Some(&self.root),
            keys: &named,
            without_issuer: None,
            of_certificates: self.demands,
            of_keys: self.demands,
        };
        let artifact = Artifact::named(&lockgate_model::Digest::of(ARTIFACT));
        let signed = Signed::from_bundle(&self.bundle).unwrap();
        verify(&signed, &artifact, &trust, Timestamp::from_unix(NOW + 86_400)).unwrap();
    }

    fn alone(&self) {
        self.bare.iter().for_each(Bare::verify);
        for bytes in &self.hashed {
            black_box(digest(&SHA256, bytes));
        }
    }

    fn run(&self) {
        let (mut whole, mut alone) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            whole.push(timed(|| self.whole()));
            alone.push(timed(|| self.alone()));
        }
        let (whole, alone) = (median(whole), median(alone));
        println!(
            "{}: {} bytes, {} signatures; whole {whole:?}, cryptography alone {alone:?}, ratio {:.3}",
            self.name,
            self.bundle.len(),
            self.bare.len(),
            whole.as_secs_f64() / alone.as_secs_f64()
        );
    }
}

fn timed(work: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..TIMES).for_each(|_| work());
    start.elapsed() / u32::try_from(TIMES).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// With a certificate: its promise, its path by an authority between, a log's entry with promise and proof, and a timestamp.
fn keyless() -> Bench {
    let (instance, demands) = (Instance::new(), Demands { times: 2, stamps: 1, ..Demands::PUBLIC });
    let signing = Signing::new(&instance);
    // Rekor's clients write certificates with the line ends of Unix.
    let body = signing.body_held_by(signing.pem().replace('\r', "").as_bytes());
    let entry = instance.log.entry(&body, NOW);
    let stamp = instance.stamping().token(&signing.signature);
    let message = pae(IN_TOTO, &signing.payload);
    let body = serde_json::to_vec(&body).unwrap();
    let bare = vec![
        Bare::by_other(&signing.key, &message),
        // The certificate, and its promise; the authority between.
        Bare::by_trusted(&instance.between.key, &signing.certificate),
        Bare::by_trusted(&instance.root.key, &instance.between.der),
        Bare::by_trusted(&instance.certificates.key, &signing.certificate),
        Bare::by_trusted(&instance.log.key, instance.log.checkpoint(&body).as_bytes()),
        Bare::by_trusted(&instance.log.key, base64(&body).as_bytes()),
        // The timestamp, and the certificate that made it.
        Bare::by_trusted(&instance.stamp_key, &[0; 160]),
        Bare::by_trusted(&instance.stamp_root.key, &instance.stamp_certificate),
    ];
    // The leaf of the log, the payload in the entry, the stamp's imprint, content and certificate, the issuer's key.
    let hashed = vec![
        body,
        signing.payload.clone(),
        signing.signature.clone(),
        vec![0; 120],
        instance.stamp_certificate.clone(),
        instance.between.key.spki(),
    ];
    let bundle = signing.bundle(&[entry], &[stamp]).to_string().into_bytes();
    let root = instance.trusted();
    Bench { name: "certificate", bundle, root, keys: vec![], demands, bare, hashed }
}

/// With a managed key, and a log's entry with promise and proof.
fn managed() -> Bench {
    let (instance, demands) = (Instance::new(), Demands { scts: 0, ..Demands::PUBLIC });
    let signing = Signing::new(&instance);
    let public = signing.key.signing.public();
    let body = signing.body_held_by(public.to_pem().as_bytes());
    let mut bundle: Value = signing.bundle(&[instance.log.entry(&body, NOW)], &[]);
    bundle["verificationMaterial"].as_object_mut().unwrap().remove("certificate");
    bundle["verificationMaterial"]["publicKey"] = json!({"hint": public.hint()});
    let body = serde_json::to_vec(&body).unwrap();
    let bare = vec![
        Bare::by_trusted(&signing.key, &pae(IN_TOTO, &signing.payload)),
        Bare::by_trusted(&instance.log.key, instance.log.checkpoint(&body).as_bytes()),
        Bare::by_trusted(&instance.log.key, base64(&body).as_bytes()),
    ];
    let hashed = vec![body, signing.payload.clone()];
    let bundle = bundle.to_string().into_bytes();
    let root = instance.trusted();
    Bench { name: "managed key", bundle, root, keys: vec![public], demands, bare, hashed }
}

fn main() {
    assert_eq!(leaf(b""), sha256(&[0]));
    for bench in [keyless(), managed()] {
        bench.run();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}
