//! Keys on a token (softhsm2): what they sign is verified by the real cosign and by the gate.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use signers::{World, needs, needs_file, world};
use support::Ran;

mod signers;
mod support;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234-abcd";

/// A token, its settings and PIN in the workspace.
struct Token {
    conf: String,
    tool: PathBuf,
}

impl Token {
    fn new(test: &str, world: &World) -> Option<Self> {
        let util = needs(test, "softhsm2-util")?;
        let tool = needs(test, "pkcs11-tool")?;
        needs_file(test, MODULE)?;
        let folder = &world.w.folder;
        fs::create_dir(folder.join("tokens")).unwrap();
        let conf = folder.join("softhsm2.conf");
        let settings =
            format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.join("tokens").display());
        fs::write(&conf, settings).unwrap();
        fs::write(folder.join("pin"), format!("{PIN}\n")).unwrap();
        let this = Self { conf: conf.display().to_string(), tool };
        for label in ["releases", "others"] {
            let mut command = Command::new(&util);
            command.args(["--init-token", "--free", "--label", label, "--so-pin", "so-pin", "--pin", PIN]);
            Ran::of(command.env("SOFTHSM2_CONF", &this.conf).output().unwrap()).expect(0);
        }
        this.generate("releases", "EC:prime256v1", "build", "01");
        Some(this)
    }

    fn generate(&self, token: &str, kind: &str, label: &str, id: &str) {
        self.run(token, &["--keypairgen", "--key-type", kind, "--label", label, "--id", id]);
    }

    fn run(&self, token: &str, arguments: &[&str]) {
        let mut command = Command::new(&self.tool);
        command.args(["--module", MODULE, "--token-label", token, "--login", "--pin", PIN]).args(arguments);
        Ran::of(command.env("SOFTHSM2_CONF", &self.conf).output().unwrap()).expect(0);
    }

    /// Runs `lockgate` where the library finds its token.
    fn lockgate(&self, world: &World, arguments: &[&str]) -> Ran {
        world.lockgate(&[("SOFTHSM2_CONF", &self.conf), ("PIN", PIN)], arguments)
    }
}

#[test]
fn a_key_on_a_token_signs_and_the_image_is_promoted() {
    let test = "a_key_on_a_token_signs_and_the_image_is_promoted";
    let Some(world) = world(test, &[("token", Some("trust/token.pub"))]) else { return };
    let Some(token) = Token::new(test, &world) else { return };
    let key = "pkcs11:token=releases;object=build";
    let access = ["--pkcs11-module", MODULE, "--pin-from", "env:PIN"];
    let public = token.lockgate(&world, &[&["key", "public", key], &access[..]].concat()).expect(0);
    fs::write(world.w.folder.join("trust/token.pub"), &public.out).unwrap();

    world.lockgate(&[], &["promote", "web:1", "--to", "staging"]).expect(3);
    let sign = |key: &str, more: &[&str]| {
        token.lockgate(&world, &[&["sign", &world.image, "--key", key], more].concat())
    };
    sign(key, &access).expect(0);
    world.cosign_verifies("trust/token.pub").expect(0);
    world.lockgate(&[], &["promote", "web:1", "--to", "staging"]).expect(0);
    // The hint at the key is for people: the key itself is tried.
    world.no_byte_may_change(("\"publicKey\"", "}"));

    // The same with all that is to say in the URI, and as cosign is told it.
    let pin = world.w.folder.join("pin").display().to_string();
    sign(&format!("pkcs11:token=releases;id=%01?module-path={MODULE}&pin-source=file:{pin}"), &[]).expect(0);
    let cosign = [
        ("SOFTHSM2_CONF", token.conf.as_str()),
        ("COSIGN_PKCS11_MODULE_PATH", MODULE),
        ("COSIGN_PKCS11_PIN", PIN),
    ];
    world.lockgate(&cosign, &["sign", &world.image, "--key", key, "--form", "legacy"]).expect(0);
    fs::write(world.w.folder.join("p.json"), "{}").unwrap();
    let attest =
        ["attest", &world.image, "--type", "https://example.com/p", "--predicate", "p.json", "--key", key];
    token.lockgate(&world, &[&attest[..], &access].concat()).expect(0);
    let attestation = ["verify-attestation", "--key", "trust/token.pub", "--type", "https://example.com/p"];
    let offline = ["--insecure-ignore-tlog=true", "--allow-http-registry", &world.image];
    world.cosign(&[], &[&attestation[..], &offline].concat()).expect(0);
}

#[test]
fn what_is_wrong_with_a_token_is_said() {
    let test = "what_is_wrong_with_a_token_is_said";
    let Some(world) = world(test, &[("build", None)]) else { return };
    let Some(token) = Token::new(test, &world) else { return };
    token.generate("releases", "EC:secp384r1", "large", "02");
    token.generate("releases", "EC:prime256v1", "twice", "03");
    token.generate("releases", "EC:prime256v1", "twice", "04");
    token.generate("releases", "EC:prime256v1", "alone", "05");
    token.run("releases", &["--delete-object", "--type", "pubkey", "--id", "05"]);
    token.generate("releases", "EC:prime256v1", "crossed", "06");
    token.generate("releases", "EC:prime256v1", "other", "07");
    let refused = |key: &str, more: &[&str], words: &str| {
        let ran = token.lockgate(&world, &[&["sign", &world.image, "--key", key], more].concat()).expect(1);
        assert!(ran.err.contains(words), "{key}: {}", ran.err);
    };
    let access = ["--pkcs11-module", MODULE, "--pin-from", "env:PIN"];
    refused("pkcs11:token=releases;object=build", &[], "which PKCS#11 library");
    refused("pkcs11:token=releases;object=build", &["--pkcs11-module", "libsofthsm2.so"], "must be absolute");
    refused("pkcs11:token=releases;object=build", &["--pkcs11-module", "/etc/hostname"], "/etc/hostname");
    refused("pkcs11:token=releases;object=build", &access[..2], "asks for a PIN");
    fs::write(world.w.folder.join("wrong"), "0000").unwrap();
    let wrong = ["--pkcs11-module", MODULE, "--pin-from", "file:wrong"];
    refused("pkcs11:token=releases;object=build", &wrong, "the PIN is wrong");
    refused("pkcs11:object=build", &access, "2 tokens fit");
    refused("pkcs11:token=none;object=build", &access, "no token fits");
    refused("pkcs11:token=releases;object=none", &access, "no such private key");
    refused("pkcs11:token=releases;object=twice", &access, "2 private keys");
    refused("pkcs11:token=releases;object=large", &access, "not ECDSA P-256");
    refused("pkcs11:token=releases;object=alone", &access, "does not have the public key");
    refused("pkcs11:token=releases;object=build?pin-value=1234-abcd", &access, "--pin-from");
    // A public key that is another's under the private one's id.
    token.run("releases", &["--delete-object", "--type", "pubkey", "--id", "06"]);
    let other = world.w.folder.join("other.der").display().to_string();
    token.run("releases", &["--read-object", "--type", "pubkey", "--id", "07", "--output-file", &other]);
    token
        .run("releases", &["--write-object", &other, "--type", "pubkey", "--id", "06", "--label", "crossed"]);
    refused("pkcs11:token=releases;object=crossed", &access, "not that of its private key");
    assert_ne!(world.cosign_verifies("trust/build.pub").code, 0, "nothing was signed");
}
