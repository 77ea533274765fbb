//! A Sigstore of our own: authority, logs of both generations, certificate log and timestamp authority, so that each
//! thing that could be wrong can be made wrong.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and not each test needs all of it"
)]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64;
use lockgate_attest::dsse::{IN_TOTO, pae};
use lockgate_attest::keys::SigningKey;
use lockgate_attest::sigstore::TrustedRoot;
use lockgate_attest::x509::Certificate;
use lockgate_model::{Digest, canon};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z: when everything happens.
pub(crate) const NOW: i64 = 1_767_225_600;

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A DER element.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let size = u32::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match content.len() {
        0..128 => &size[3..],
        128..256 => &[0x81, size[3]],
        _ => &[0x82, size[2], size[3]],
    };
    [&[tag], length, &content].concat()
}

/// A key with what rcgen needs of it.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    pub(crate) pair: KeyPair,
}

impl Key {
    pub(crate) fn new() -> Self {
        let signing = SigningKey::generate().unwrap();
        let pair = KeyPair::from_pem(&signing.to_pem().unwrap()).unwrap();
        Self { signing, pair }
    }

    /// The same key once more.
    pub(crate) fn twin(&self) -> Self {
        let pem = self.signing.to_pem().unwrap();
        Self {
            signing: SigningKey::from_pem(pem.as_bytes()).unwrap(),
            pair: KeyPair::from_pem(&pem).unwrap(),
        }
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        pem::parse(self.signing.public().to_pem()).unwrap().into_contents()
    }
}

pub(crate) fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "US");
    name.push(DnType::StateOrProvinceName, "WA");
    name.push(DnType::OrganizationName, "acme");
    name.push(DnType::CommonName, common);
    name
}

/// Parameters of a certificate that is valid from `from` for `seconds`.
pub(crate) fn params(common: &str, from: i64, seconds: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common);
    let start =
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from(from).unwrap());
    params.not_before = start;
    params.not_after = start + std::time::Duration::from_secs(seconds);
    params.serial_number = Some(SerialNumber::from(vec![1, 2, 3, 4]));
    params
}

pub(crate) fn authority_params(common: &str) -> CertificateParams {
    authority_params_at(common, NOW)
}

fn authority_params_at(common: &str, now: i64) -> CertificateParams {
    let mut params = params(common, now - 86_400 * 365, 86_400 * 3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// An authority: its key, its certificate, and its name.
pub(crate) struct Authority {
    pub(crate) key: Key,
    pub(crate) der: Vec<u8>,
    pub(crate) params: CertificateParams,
}

impl Authority {
    pub(crate) fn root(common: &str) -> Self {
        Self::of(authority_params(common))
    }

    pub(crate) fn of(params: CertificateParams) -> Self {
        let key = Key::new();
        let der = params.self_signed(&key.pair).unwrap().der().to_vec();
        Self { key, der, params }
    }

    pub(crate) fn issue(&self, params: &CertificateParams, key: &Key) -> Vec<u8> {
        self.issue_to(params, &key.pair)
    }

    /// A certificate for a key of which only the public half is known.
    pub(crate) fn issue_to(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.params, &self.key.pair);
        params.signed_by(key, &issuer).unwrap().der().to_vec()
    }

    /// The same authority once more.
    pub(crate) fn twin(&self) -> Self {
        Self { key: self.key.twin(), der: self.der.clone(), params: self.params.clone() }
    }

    /// An authority below this one.
    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        let key = Key::new();
        let der = self.issue(&params, &key);
        Self { key, der, params }
    }
}

/// A log of the first generation.
pub(crate) struct Log {
    pub(crate) key: Key,
    pub(crate) name: String,
}

impl Log {
    pub(crate) fn new(name: &str) -> Self {
        Self { key: Key::new(), name: name.to_owned() }
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        sha256(&self.key.spki())
    }

    pub(crate) fn trusted(&self) -> Value {
        trusted_log(&self.name, &self.key.spki(), &self.id())
    }

    /// A checkpoint of the tree that holds `body` alone.
    pub(crate) fn checkpoint(&self, body: &[u8]) -> String {
        self.checkpoint_of(1, &leaf(body))
    }

    /// A checkpoint of a tree.
    pub(crate) fn checkpoint_of(&self, size: u64, root: &[u8]) -> String {
        let text = format!("{} - 7\n{size}\n{}\n", self.name, base64(root));
        let signature = self.key.signing.sign(text.as_bytes()).unwrap();
        note(&text, &self.name, &self.id(), &signature)
    }

    pub(crate) fn promise(&self, body: &[u8], index: u64, time: i64) -> Vec<u8> {
        let id = data_encoding::HEXLOWER.encode(&self.id());
        let promised = json!({"body": base64(body), "integratedTime": time, "logIndex": index, "logID": id});
        self.key.signing.sign(&canon::to_bytes(&promised).unwrap()).unwrap()
    }

    /// An entry with promise and proof.
    pub(crate) fn entry(&self, body: &Value, time: i64) -> Value {
        let bytes = serde_json::to_vec(body).unwrap();
        json!({
            "logIndex": "5", "logId": {"keyId": base64(&self.id())},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": base64(&self.promise(&bytes, 5, time))},
            "inclusionProof": {
                "logIndex": "0", "treeSize": "1", "hashes": [], "rootHash": base64(&leaf(&bytes)),
                "checkpoint": {"envelope": self.checkpoint(&bytes)},
            },
            "canonicalizedBody": base64(&bytes),
        })
    }
}

/// A log of the second generation.
pub(crate) struct Tiles {
    pub(crate) key: Ed25519KeyPair,
    pub(crate) name: String,
}

impl Tiles {
    pub(crate) fn new(name: &str) -> Self {
        Self { key: Ed25519KeyPair::generate().unwrap(), name: name.to_owned() }
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        sha256(&[self.name.as_bytes(), b"\n\x01", self.key.public_key().as_ref()].concat())
    }

    pub(crate) fn trusted(&self) -> Value {
        let oid: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];
        let spki = tlv(0x30, &[&tlv(0x30, &[oid]), &tlv(3, &[&[0], self.key.public_key().as_ref()])]);
        trusted_log(&self.name, &spki, &self.id())
    }

    pub(crate) fn checkpoint_of(&self, origin: &str, body: &[u8]) -> String {
        let text = format!("{origin}\n1\n{}\n", base64(&leaf(body)));
        note(&text, &self.name, &self.id(), self.key.sign(text.as_bytes()).as_ref())
    }

    pub(crate) fn entry(&self, body: &Value) -> Value {
        let bytes = serde_json::to_vec(body).unwrap();
        json!({
            "logIndex": "0", "logId": {"keyId": base64(&self.id())},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": "0", "treeSize": "1", "hashes": [], "rootHash": base64(&leaf(&bytes)),
                "checkpoint": {"envelope": self.checkpoint_of(&self.name, &bytes)},
            },
            "canonicalizedBody": base64(&bytes),
        })
    }
}

pub(crate) fn leaf(body: &[u8]) -> Vec<u8> {
    sha256(&[&[0], body].concat())
}

pub(crate) fn note(text: &str, name: &str, id: &[u8], signature: &[u8]) -> String {
    format!("{text}\n\u{2014} {name} {}\n", base64(&[&id[..4], signature].concat()))
}

fn trusted_log(name: &str, spki: &[u8], id: &[u8]) -> Value {
    json!({
        "baseUrl": format!("https://{name}"), "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": base64(spki), "keyDetails": "any", "validFor": {"start": "2025-01-01T00:00:00Z"}},
        "logId": {"keyId": base64(id)},
    })
}

pub(crate) fn trusted_authority(name: &str, chain: &[&[u8]]) -> Value {
    let certificates: Vec<_> = chain.iter().map(|der| json!({"rawBytes": base64(der)})).collect();
    json!({
        "uri": name, "subject": {}, "certChain": {"certificates": certificates},
        "validFor": {"start": "2025-01-01T00:00:00Z"},
    })
}

/// How a timestamp is made; each part can be made wrong.
pub(crate) struct Stamping<'a> {
    pub(crate) key: &'a Key,
    pub(crate) certificate: &'a [u8],
    /// Bound into the signature.
    pub(crate) bound: &'a [u8],
    pub(crate) embedded: Vec<&'a [u8]>,
    pub(crate) time: &'a str,
}

impl Stamping<'_> {
    /// A token over `message` (RFC 3161, RFC 5652, RFC 5816).
    pub(crate) fn token(&self, message: &[u8]) -> Vec<u8> {
        self.token_for(&sha256(message), &[])
    }

    /// A token over what has this digest, with the nonce (in DER) that was asked for.
    pub(crate) fn token_for(&self, digest: &[u8], nonce: &[u8]) -> Vec<u8> {
        const SIGNED_DATA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
        const TST_INFO: &[u8] = &[0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
        const CONTENT_TYPE: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
        const MESSAGE_DIGEST: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
        const CERTIFICATE_V2: &[u8] = &[0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];
        const ECDSA: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        let hash = tlv(0x30, &[&[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
        let info = tlv(
            0x30,
            &[
                &[2, 1, 1],
                &[6, 4, 0x2a, 3, 4, 5],
                &tlv(0x30, &[&hash, &tlv(4, &[digest])]),
                &[2, 1, 9],
                &tlv(0x18, &[self.time.as_bytes()]),
                &tlv(0x30, &[&[2, 1, 1]]),
                nonce,
            ],
        );
        let id = tlv(0x30, &[&tlv(4, &[&sha256(self.bound)])]);
        let mut attributes = [
            tlv(0x30, &[CONTENT_TYPE, &tlv(0x31, &[TST_INFO])]),
            tlv(0x30, &[MESSAGE_DIGEST, &tlv(0x31, &[&tlv(4, &[&sha256(&info)])])]),
            tlv(0x30, &[CERTIFICATE_V2, &tlv(0x31, &[&tlv(0x30, &[&tlv(0x30, &[&id])])])]),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let signature = self.key.signing.sign(&tlv(0x31, &[&attributes])).unwrap();
        let parsed = <x509_cert::Certificate as der::Decode>::from_der(self.certificate).unwrap();
        let issuer = der::Encode::to_der(&parsed.tbs_certificate.issuer).unwrap();
        let serial = der::Encode::to_der(&parsed.tbs_certificate.serial_number).unwrap();
        let signer = tlv(
            0x30,
            &[
                &[2, 1, 1],
                &tlv(0x30, &[&issuer, &serial]),
                &hash,
                &tlv(0xa0, &[&attributes]),
                &tlv(0x30, &[ECDSA]),
                &tlv(4, &[&signature]),
            ],
        );
        let embedded = if self.embedded.is_empty() { vec![] } else { tlv(0xa0, &self.embedded) };
        let data = tlv(
            0x30,
            &[
                &[2, 1, 3],
                &tlv(0x31, &[&hash]),
                &tlv(0x30, &[TST_INFO, &tlv(0xa0, &[&tlv(4, &[&info])])]),
                &embedded,
                &tlv(0x31, &[&signer]),
            ],
        );
        let token = tlv(0x30, &[SIGNED_DATA, &tlv(0xa0, &[&data])]);
        tlv(0x30, &[&tlv(0x30, &[&[2, 1, 0]]), &token])
    }
}

pub(crate) fn stamper_params() -> CertificateParams {
    stamper_params_at(NOW)
}

fn stamper_params_at(now: i64) -> CertificateParams {
    let mut params = params("tsa", now - 86_400, 86_400 * 365);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.custom_extensions = vec![extended_key_usage(8, true)];
    params
}

/// Extended key usage 1.3.6.1.5.5.7.3.N.
pub(crate) fn extended_key_usage(last: u8, critical: bool) -> CustomExtension {
    let content = tlv(0x30, &[&[0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, last]]);
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 37], content);
    extension.set_criticality(critical);
    extension
}

pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const SUBJECT: &str = "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main";

/// Fulcio's extension N with a text in DER.
pub(crate) fn claim(last: u64, text: &str) -> CustomExtension {
    let content = tlv(0x0c, &[text.as_bytes()]);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, last], content)
}

pub(crate) fn holder_params() -> CertificateParams {
    let mut params = params("", NOW - 60, 600);
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::URI(SUBJECT.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.custom_extensions = vec![
        claim(8, ISSUER),
        claim(12, "https://github.com/acme/web"),
        claim(14, "refs/heads/main"),
        claim(20, "push"),
    ];
    params
}

/// The whole of it.
pub(crate) struct Instance {
    pub(crate) root: Authority,
    pub(crate) between: Authority,
    pub(crate) certificates: Log,
    pub(crate) log: Log,
    pub(crate) second_log: Log,
    pub(crate) tiles: Tiles,
    pub(crate) stamp_root: Authority,
    pub(crate) stamp_key: Key,
    pub(crate) stamp_certificate: Vec<u8>,
}

impl Instance {
    pub(crate) fn new() -> Self {
        Self::with_stampers("stamp root")
    }

    /// One whose timestamp authority has another name.
    pub(crate) fn with_stampers(name: &str) -> Self {
        Self::at(NOW, name)
    }

    /// One whose certificates are good around `now`.
    pub(crate) fn at(now: i64, stampers: &str) -> Self {
        let root = Authority::of(authority_params_at("root", now));
        let mut below = authority_params_at("between", now);
        below.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let between = root.below(below);
        let stamp_root = Authority::of(authority_params_at(stampers, now));
        let stamp_key = Key::new();
        let stamp_certificate = stamp_root.issue(&stamper_params_at(now), &stamp_key);
        Self {
            root,
            between,
            certificates: Log::new("ct.example"),
            log: Log::new("rekor.example"),
            second_log: Log::new("other.example"),
            tiles: Tiles::new("tiles.example"),
            stamp_root,
            stamp_key,
            stamp_certificate,
        }
    }

    /// `trusted_root.json`.
    pub(crate) fn document(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.log.trusted(), self.second_log.trusted(), self.tiles.trusted()],
            "ctlogs": [self.certificates.trusted()],
            "certificateAuthorities": [trusted_authority("fulcio.example", &[&self.between.der, &self.root.der])],
            "timestampAuthorities": [trusted_authority("tsa.example", &[&self.stamp_certificate, &self.stamp_root.der])],
        })
    }

    pub(crate) fn trusted(&self) -> TrustedRoot {
        TrustedRoot::from_json(&serde_json::to_vec(&self.document()).unwrap()).unwrap()
    }

    /// A certificate with a promise of the certificate log in it.
    pub(crate) fn certify(&self, params: &CertificateParams, key: &Key) -> Vec<u8> {
        self.certify_by(&self.between, &self.between.key.spki(), params, key)
    }

    /// The same, issued by `issuer`; the promise says that it is by the key `said`.
    pub(crate) fn certify_by(
        &self,
        issuer: &Authority,
        said: &[u8],
        params: &CertificateParams,
        key: &Key,
    ) -> Vec<u8> {
        self.promised(issuer, said, NOW, params, &key.pair)
    }

    /// The same for a key of which only the public half is known, with a promise made at `time`.
    pub(crate) fn promised(
        &self,
        issuer: &Authority,
        said: &[u8],
        time: i64,
        params: &CertificateParams,
        key: &impl PublicKeyData,
    ) -> Vec<u8> {
        let bare = issuer.issue_to(params, key);
        let bare = <x509_cert::Certificate as der::Decode>::from_der(&bare).unwrap();
        let tbs = der::Encode::to_der(&bare.tbs_certificate).unwrap();
        let time = u64::try_from(time * 1000).unwrap().to_be_bytes();
        let size = u32::try_from(tbs.len()).unwrap().to_be_bytes();
        let message = [&[0, 0], &time[..], &[0, 1], &sha256(said), &size[1..], &tbs, &[0, 0]].concat();
        let signature = self.certificates.key.signing.sign(&message).unwrap();
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let sct = [&[0], &self.certificates.id()[..], &time, &[0, 0, 4, 3], &length(&signature), &signature]
            .concat();
        let list = [&length(&sct)[..], &sct].concat();
        let list = [&length(&list)[..], &list].concat();
        let mut params = params.clone();
        let oid = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
        params.custom_extensions.push(CustomExtension::from_oid_content(&oid, tlv(4, &[&list])));
        issuer.issue_to(&params, key)
    }

    pub(crate) fn stamping(&self) -> Stamping<'_> {
        Stamping {
            key: &self.stamp_key,
            certificate: &self.stamp_certificate,
            bound: &self.stamp_certificate,
            embedded: vec![],
            time: "20260101000010Z",
        }
    }
}

/// A signature being made; each part of it can be made wrong before it becomes a bundle.
pub(crate) struct Signing {
    pub(crate) key: Key,
    pub(crate) certificate: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

pub(crate) const ARTIFACT: &[u8] = b"the artifact";

pub(crate) fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/p", "predicate": {},
        "subject": [{"name": "web", "digest": {"sha256": Digest::of(ARTIFACT).hex()}}],
    })
}

impl Signing {
    pub(crate) fn new(instance: &Instance) -> Self {
        Self::of(instance, &holder_params())
    }

    pub(crate) fn of(instance: &Instance, params: &CertificateParams) -> Self {
        let key = Key::new();
        let certificate = instance.certify(params, &key);
        let payload = serde_json::to_vec(&statement()).unwrap();
        let signature = key.signing.sign(&pae(IN_TOTO, &payload)).unwrap();
        Self { key, certificate, payload, signature }
    }

    pub(crate) fn pem(&self) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", self.certificate.clone()))
    }

    /// What a log of the first generation holds of it.
    pub(crate) fn body(&self) -> Value {
        self.body_held_by(self.pem().as_bytes())
    }

    pub(crate) fn body_held_by(&self, pem: &[u8]) -> Value {
        let hash = data_encoding::HEXLOWER.encode(&sha256(&self.payload));
        json!({
            "apiVersion": "0.0.1", "kind": "dsse", "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": "00"},
                "payloadHash": {"algorithm": "sha256", "value": hash},
                "signatures": [{"signature": base64(&self.signature), "verifier": base64(pem)}],
            },
        })
    }

    /// What a log of the second generation holds of it.
    pub(crate) fn second_body(&self) -> Value {
        json!({
            "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": base64(&sha256(&pae(IN_TOTO, &self.payload)))},
                "signature": {
                    "content": base64(&self.signature),
                    "verifier": {"keyDetails": "any", "x509Certificate": {"rawBytes": base64(&self.certificate)}},
                },
            }},
        })
    }

    /// The bundle, with these entries and timestamps.
    pub(crate) fn bundle(&self, entries: &[Value], stamps: &[Vec<u8>]) -> Value {
        let stamps: Vec<_> = stamps.iter().map(|stamp| json!({"signedTimestamp": base64(stamp)})).collect();
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": base64(&self.certificate)},
                "tlogEntries": entries,
                "timestampVerificationData": {"rfc3161Timestamps": stamps},
            },
            "dsseEnvelope": {
                "payload": base64(&self.payload), "payloadType": IN_TOTO,
                "signatures": [{"sig": base64(&self.signature)}],
            },
        })
    }

    pub(crate) fn holder(&self) -> Certificate {
        Certificate::from_der(&self.certificate).unwrap()
    }
}
