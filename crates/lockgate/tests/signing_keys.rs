//! Keys under passwords, with the real cosign: its keys sign here, and ours there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;

use data_encoding::BASE64;
use lockgate_attest::keys::SigningKey;
use signers::world;
use support::Workspace;

mod signers;
mod support;

const OFFLINE: [&str; 4] =
    ["--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry", "-y"];

#[test]
fn encrypted_keys_serve_lockgate_and_cosign() {
    let signers = [("cosign", Some("cosign.pub")), ("ci", Some("trust/ci.pub"))];
    let Some(world) = world("encrypted_keys_serve_lockgate_and_cosign", &signers) else { return };
    let image = world.image.as_str();
    world.cosign(&[("COSIGN_PASSWORD", "their secret")], &["generate-key-pair"]).expect(0);
    let ours = ["key", "generate", "ci", "--password-from", "env:OURS"];
    world.lockgate(&[("OURS", "our secret")], &ours).expect(0);
    let written = fs::read_to_string(world.w.folder.join("keys/ci.key")).unwrap();
    assert!(written.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"), "{written}");

    // Their key here.
    fs::write(world.w.folder.join("password"), "their secret\n").unwrap();
    let sign = ["sign", image, "--key", "cosign.key"];
    let refused = world.lockgate(&[], &sign).expect(1);
    assert!(
        refused.err.contains("--password-from") && refused.err.contains("COSIGN_PASSWORD"),
        "{}",
        refused.err
    );
    let wrong = world.lockgate(&[("COSIGN_PASSWORD", "our secret")], &sign).expect(1);
    assert!(wrong.err.contains("the password is wrong"), "{}", wrong.err);
    assert_ne!(world.cosign_verifies("cosign.pub").code, 0, "nothing was signed");
    let from_file = [&sign[..], &["--password-from", "file:password"]].concat();
    // What is said on the command line counts more than cosign's variable.
    world.lockgate(&[("COSIGN_PASSWORD", "our secret")], &from_file).expect(0);
    world.cosign_verifies("cosign.pub").expect(0);
    world.lockgate(&[("COSIGN_PASSWORD", "their secret")], &sign).expect(0);

    // Our key there.
    let sign = [&["sign", "--key", "keys/ci.key"], &OFFLINE[..], &[image]].concat();
    assert_ne!(world.cosign(&[("COSIGN_PASSWORD", "their secret")], &sign).code, 0);
    world.cosign(&[("COSIGN_PASSWORD", "our secret")], &sign).expect(0);
    world.cosign_verifies("trust/ci.pub").expect(0);

    world.lockgate(&[], &["promote", "web:1", "--to", "staging"]).expect(0);
}

#[test]
fn signatures_that_cosign_attaches_as_their_file_is() {
    let name = "signatures_that_cosign_attaches_as_their_file_is";
    let Some(world) = world(name, &[("own", Some("own.pub"))]) else { return };
    let (folder, image) = (&world.w.folder, world.image.as_str());
    let key = SigningKey::generate().unwrap();
    fs::write(folder.join("own.pub"), key.public().to_pem()).unwrap();
    let payload = world.cosign(&[], &["generate", "--allow-http-registry", image]).expect(0).out;
    fs::write(folder.join("payload.json"), &payload).unwrap();
    let attach = |signature: &str| {
        fs::write(folder.join("signature"), signature).unwrap();
        let files = ["--payload", "payload.json", "--signature", "signature"];
        world
            .cosign(&[], &[&["attach", "signature", "--allow-http-registry"], &files[..], &[image]].concat())
            .expect(0);
        world.lockgate(&[], &["promote", "web:1", "--to", "staging"])
    };
    let signed_by = |key: &SigningKey| BASE64.encode(&key.sign(payload.as_bytes()).unwrap());
    // As `base64` and `openssl base64` write it.
    let in_lines = |text: &str| {
        let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
        lines.collect::<String>()
    };
    attach(&in_lines(&signed_by(&SigningKey::generate().unwrap()))).expect(3);
    attach(&signed_by(&key).replacen('M', "M ", 1)).expect(3);
    attach(&in_lines(&signed_by(&key))).expect(0);
    world.cosign_verifies("own.pub").expect(0);
}

#[test]
fn passwords_come_from_places() {
    let w = Workspace::init();
    let generate = |place: &str| w.run(&["key", "generate", "ci", "--password-from", place]);
    let told = generate("hunter2").expect(2);
    assert!(told.err.contains("say where it is, not what it is"), "{}", told.err);
    assert!(generate("env:NOT_THERE").expect(1).err.contains("NOT_THERE is not set"));
    assert!(generate("file:not-there").expect(1).err.contains("not-there"));
    fs::write(w.folder.join("empty"), "\n").unwrap();
    assert!(generate("file:empty").expect(1).err.contains("empty is empty"));
    assert!(!w.folder.join("keys/ci.key").exists());
    fs::write(w.folder.join("secret"), "s\r\n").unwrap();
    generate("file:secret").expect(0);
    // The same key by its private half.
    let show = |arguments: &[&str]| w.run(&[&["key", "show", "-o", "json"], arguments].concat());
    let private = show(&["keys/ci.key", "--password-from", "file:secret"]).expect(0).json();
    assert_eq!(private, show(&["trust/ci.pub"]).expect(0).json());
    assert!(show(&["keys/ci.key"]).expect(1).err.contains("no password was given"));
}
