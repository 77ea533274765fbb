//! Notary Project signatures with the real notation: what is signed here it verifies, and what it signs passes the gate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use lockgate_attest::keys::SigningKey;
use lockgate_model::Repository;
use lockgate_model::ports::Registry;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;
use signers::{World, needs};
use support::Ran;

mod signers;
mod support;

/// A key, its certificate, and what it was made of.
struct Holder {
    pem: String,
    params: CertificateParams,
    certificate: Certificate,
}

fn params(common: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    for (kind, value) in [
        (DnType::CountryName, "US"),
        (DnType::StateOrProvinceName, "WA"),
        (DnType::OrganizationName, "acme"),
        (DnType::CommonName, common),
    ] {
        name.push(kind, value);
    }
    params.distinguished_name = name;
    params.not_before = (SystemTime::now() - Duration::from_hours(1)).into();
    params.not_after = (SystemTime::now() + Duration::from_hours(24)).into();
    params
}

impl Holder {
    fn root() -> Self {
        let mut params = params("root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = SigningKey::generate().unwrap().to_pem().unwrap();
        let certificate = params.self_signed(&KeyPair::from_pem(&pem).unwrap()).unwrap();
        Self { pem, params, certificate }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params("signer");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        change(&mut params);
        let pem = SigningKey::generate().unwrap().to_pem().unwrap();
        let own = KeyPair::from_pem(&self.pem).unwrap();
        let issuer = Issuer::from_params(&self.params, &own);
        let certificate = params.signed_by(&KeyPair::from_pem(&pem).unwrap(), &issuer).unwrap();
        Self { pem, params, certificate }
    }
}

/// A world whose gate asks the trust policy, notation, and a root that the policy trusts.
struct Notation {
    world: World,
    program: PathBuf,
    root: Holder,
}

impl Notation {
    fn new(test: &str) -> Option<Self> {
        let program = needs(test, "notation")?;
        let world = signers::world(test, &[("build", None)])?;
        let this = Self { world, program, root: Holder::root() };
        let trust = this.world.w.folder.join("trust/notation");
        fs::create_dir_all(trust.join("truststore/x509/ca/acme")).unwrap();
        fs::write(trust.join("truststore/x509/ca/acme/root.pem"), this.root.certificate.pem()).unwrap();
        let policy = json!({"version": "1.0", "trustPolicies": [{
            "name": "web", "registryScopes": [format!("{}/dev/web", this.world.part.host)],
            "signatureVerification": {"level": "strict"}, "trustStores": ["ca:acme"],
            "trustedIdentities": ["x509.subject: C=US, ST=WA, O=acme, CN=signer"],
        }]});
        fs::write(trust.join("trustpolicy.json"), policy.to_string()).unwrap();
        this.world.w.edit_config(|text| {
            let files = "trust:\n  notation:\n    policy: trust/notation/trustpolicy.json\n    stores: trust/notation/truststore\n";
            let asked = text
                .replace("signature: {keys: [build], required: 1}", "signature: {notation: true}")
                .replace("trust: {}\n", files);
            assert!(asked.contains(files) && asked.contains("notation: true"));
            asked
        });
        Some(this)
    }

    /// Writes the key and the chain of `holder`, under `name`.
    fn keep(&self, name: &str, holder: &Holder, chain: &[&Holder]) {
        let folder = &self.world.w.folder;
        fs::write(folder.join(format!("{name}.key")), &holder.pem).unwrap();
        let chain: Vec<_> = chain.iter().map(|one| one.certificate.pem()).collect();
        fs::write(folder.join(format!("{name}.pem")), chain.concat()).unwrap();
    }

    /// Runs the real notation, whose settings are the files that the workspace names.
    fn notation(&self, arguments: &[&str]) -> Ran {
        let folder = &self.world.w.folder;
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder).env("HOME", folder);
        command.env("XDG_CONFIG_HOME", folder.join("trust")).env("XDG_CACHE_HOME", folder.join("cache"));
        Ran::of(command.env("DOCKER_CONFIG", &self.world.part.docker_config).output().unwrap())
    }

    fn notation_verifies(&self) -> Ran {
        self.notation(&["verify", "--insecure-registry", &self.world.image])
    }

    fn notation_signs(&self, name: &str) -> Ran {
        let folder = self.world.w.folder.display();
        let keys = json!({"keys": [
            {"name": name, "keyPath": format!("{folder}/{name}.key"), "certPath": format!("{folder}/{name}.pem")},
        ]});
        fs::write(self.world.w.folder.join("trust/notation/signingkeys.json"), keys.to_string()).unwrap();
        self.notation(&["sign", "--insecure-registry", "--key", name, &self.world.image])
    }

    fn sign(&self, key: &str, chain: &str) -> Ran {
        let by =
            ["sign", &self.world.image, "--form", "notation", "--key", key, "--certificate-chain", chain];
        self.world.lockgate(&[], &by)
    }

    fn judged(&self) -> Ran {
        self.world.lockgate(&[], &["judge", "web:1", "--to", "staging"])
    }

    fn attached(&self) -> usize {
        let repository: Repository = format!("{}/dev/web", self.world.part.host).parse().unwrap();
        let attached = self.world.registries.attached(&repository, &self.world.artifact.digest);
        self.world.runtime.block_on(attached).unwrap().len()
    }
}

#[test]
fn what_we_sign_notation_verifies() {
    let Some(notation) = Notation::new("what_we_sign_notation_verifies") else { return };
    let signer = notation.root.issue(|_| {});
    notation.keep("signer", &signer, &[&signer, &notation.root]);
    notation.judged().expect(3);
    assert_ne!(notation.notation_verifies().code, 0);
    let told = notation.sign("signer.key", "signer.pem").expect(0).out;
    assert!(told.contains("CN=signer"), "{told}");
    let verified = notation.notation_verifies().expect(0);
    assert!(verified.out.contains("Successfully verified"), "{}{}", verified.out, verified.err);
    let judged = notation.judged().expect(0);
    assert!(judged.out.contains("CN=signer"), "{}", judged.out);
    notation.world.lockgate(&[], &["promote", "web:1", "--to", "staging"]).expect(0);
}

#[test]
fn what_notation_signs_passes_the_gate() {
    let Some(notation) = Notation::new("what_notation_signs_passes_the_gate") else { return };
    // By somebody whom the store does not know, by another name, and by whom is asked for.
    let stranger = Holder::root();
    let unknown = stranger.issue(|_| {});
    notation.keep("unknown", &unknown, &[&unknown, &stranger]);
    notation.notation_signs("unknown").expect(0);
    notation.judged().expect(3);
    let other = notation.root.issue(|asked| asked.distinguished_name = params("other").distinguished_name);
    notation.keep("other", &other, &[&other, &notation.root]);
    notation.notation_signs("other").expect(0);
    notation.judged().expect(3);
    assert_ne!(notation.notation_verifies().code, 0);
    let signer = notation.root.issue(|_| {});
    notation.keep("signer", &signer, &[&signer, &notation.root]);
    notation.notation_signs("signer").expect(0);
    notation.notation_verifies().expect(0);
    notation.judged().expect(0);
}

#[test]
fn what_no_verifier_would_take_is_not_signed() {
    let Some(notation) = Notation::new("what_no_verifier_would_take_is_not_signed") else { return };
    let root = &notation.root;
    let signer = root.issue(|_| {});
    notation.keep("signer", &signer, &[&signer, root]);
    notation.keep("turned", &signer, &[root, &signer]);
    notation.keep("alone", &signer, &[&signer]);
    let other = root.issue(|_| {});
    notation.keep("other", &other, &[&other, root]);
    let old = root.issue(|asked| asked.not_after = (SystemTime::now() - Duration::from_mins(1)).into());
    notation.keep("old", &old, &[&old, root]);
    let server = root.issue(|asked| asked.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    notation.keep("server", &server, &[&server, root]);
    let sealing = root.issue(|asked| asked.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    notation.keep("sealing", &sealing, &[&sealing, root]);
    let impostor = Holder::root();
    notation.keep("impostor", &signer, &[&signer, &impostor]);
    fs::write(notation.world.w.folder.join("none.pem"), &signer.pem).unwrap();
    for (key, chain, words) in [
        ("other.key", "signer.pem", "the key is not that of the first certificate"),
        ("signer.key", "turned.pem", "the key is not that of the first certificate"),
        ("signer.key", "alone.pem", "does not end with a root"),
        ("signer.key", "impostor.pem", "is not signed by the key of"),
        ("old.key", "old.pem", "is valid from"),
        ("server.key", "server.pem", "not for signing code"),
        ("sealing.key", "sealing.pem", "critical key usage"),
        ("signer.key", "none.pem", "certificates, and nothing else"),
        ("signer.key", "absent.pem", "absent.pem"),
    ] {
        let ran = notation.sign(key, chain).expect(1);
        assert!(ran.err.contains(words), "{key} {chain}: {}", ran.err);
    }
    let image = notation.world.image.as_str();
    let wrong = |arguments: &[&str], code: i32, words: &str| {
        let ran = notation.world.lockgate(&[], &[&["sign", image], arguments].concat()).expect(code);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    };
    wrong(&["--key", "signer.key", "--form", "notation"], 2, "--certificate-chain");
    wrong(&["--key", "signer.key", "--certificate-chain", "signer.pem"], 1, "--form notation");
    let keyless = ["--keyless", "--fulcio-url", "https://f.example", "--trusted-root", "r.json"];
    let chain = ["--form", "notation", "--certificate-chain", "signer.pem"];
    wrong(&[&keyless[..], &chain[..]].concat(), 2, "--keyless");
    assert_eq!(notation.attached(), 0, "nothing was pushed");
}
