//! Signing without a key, against services of our own (`sigstore_services`), with the real cosign: what is signed here it
//! verifies, what it signs verifies here, and whoever lies is noticed before anything is pushed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;

use lockgate_attest::sigstore::{
    Artifact, Demands, Maker, Signed, SigstoreError, Trust, TrustedRoot, Verified, verify,
};
use lockgate_model::evidence::Attachment;
use lockgate_model::ports::Registry;
use lockgate_model::{Descriptor, Repository, Timestamp};
use serde_json::{Value, json};
use signers::World;
use sigstore_services::{GITHUB_ISSUER, GITHUB_SUBJECT, Lie, Services, now};
use support::Ran;

mod signers;
mod sigstore_services;
mod support;

const STAMPED: Demands = Demands { stamps: 1, ..Demands::PUBLIC };

/// The world, and services whose trusted root and token are in the workspace.
fn world(test: &str) -> Option<(World, Services)> {
    let world = signers::world(test, &[("build", None)])?;
    let services = Services::start();
    fs::write(world.w.folder.join("trusted_root.json"), services.trusted_root()).unwrap();
    fs::write(world.w.folder.join("token"), services.github_token()).unwrap();
    fs::write(world.w.folder.join("signing_config.json"), services.signing_config()).unwrap();
    fs::write(world.w.folder.join("p.json"), "{\"tests\": \"passed\"}").unwrap();
    Some((world, services))
}

/// Runs `lockgate COMMAND IMAGE` without a key, by these services.
fn keyless(world: &World, services: &Services, command: &[&str]) -> Ran {
    stamped_by(world, services, &services.stamps(), command)
}

/// The same with timestamps from another address.
fn stamped_by(world: &World, services: &Services, stamps: &str, command: &[&str]) -> Ran {
    world.lockgate(&[], &[command, &[&world.image], &services.means(stamps)[..]].concat())
}

/// The bundles attached to the image.
fn bundles(world: &World) -> Vec<Vec<u8>> {
    let repository: Repository = format!("{}/dev/web", world.part.host).parse().unwrap();
    world.runtime.block_on(async {
        let attached = world.registries.attached(&repository, &world.artifact.digest).await.unwrap();
        let mut found = vec![];
        for (_, manifest) in attached.iter().filter(|(how, _)| *how == Attachment::Referrer) {
            let manifest = world.registries.manifest(&repository, &manifest.digest).await.unwrap();
            let manifest: Value = serde_json::from_slice(&manifest.bytes).unwrap();
            let layer: Descriptor = serde_json::from_value(manifest["layers"][0].clone()).unwrap();
            let mut blob = world.registries.blob(&repository, &layer).await.unwrap();
            let mut bytes = vec![];
            while let Some(piece) = std::future::poll_fn(|context| blob.as_mut().poll_next(context)).await {
                bytes.extend(piece.unwrap());
            }
            found.push(bytes);
        }
        found
    })
}

fn ask(bundle: &[u8], world: &World, root: &TrustedRoot) -> Result<Verified, SigstoreError> {
    let trust = Trust {
        root: Some(root),
        keys: &[],
        without_issuer: None,
        of_certificates: STAMPED,
        of_keys: Demands::KEY_ALONE,
    };
    let signed = Signed::from_bundle(bundle)?;
    verify(&signed, &Artifact::named(&world.artifact.digest), &trust, Timestamp::from_unix(now() + 1))
}

fn root(services: &Services) -> TrustedRoot {
    TrustedRoot::from_json(services.trusted_root().as_bytes()).unwrap()
}

const WHO: [&str; 4] = ["--certificate-identity", GITHUB_SUBJECT, "--certificate-oidc-issuer", GITHUB_ISSUER];
const TRUST: [&str; 4] =
    ["--trusted-root", "trusted_root.json", "--use-signed-timestamps", "--allow-http-registry"];

#[test]
fn what_we_sign_cosign_verifies_and_the_other_way_around() {
    let Some((world, services)) = world("what_we_sign_cosign_verifies_and_the_other_way_around") else {
        return;
    };
    let image = world.image.as_str();
    // So that proofs are of more than one leaf.
    for _ in 0..2 {
        let signed = keyless(&world, &services, &["sign"]).expect(0);
        assert!(signed.out.contains(GITHUB_SUBJECT) && signed.out.contains(GITHUB_ISSUER), "{}", signed.out);
    }
    let attest = ["attest", "--type", "https://example.com/tests", "--predicate", "p.json"];
    keyless(&world, &services, &attest).expect(0);
    assert_eq!(services.logged(), 3);
    let root = root(&services);
    let ours = bundles(&world);
    assert_eq!(ours.len(), 3);
    for bundle in &ours {
        let verified = ask(bundle, &world, &root).unwrap();
        let Maker::Holder(identity) = &verified.maker else { panic!("{verified:?}") };
        assert!(identity.to_string().contains(GITHUB_SUBJECT));
        assert_eq!((verified.times.len(), verified.logged.len()), (2, 1));
    }
    world.cosign(&[], &[&["verify"], &WHO[..], &TRUST[..], &[image]].concat()).expect(0);
    let attestation = ["verify-attestation", "--type", "https://example.com/tests"];
    world.cosign(&[], &[&attestation[..], &WHO[..], &TRUST[..], &[image]].concat()).expect(0);
    let stranger = [
        "--certificate-identity",
        "https://github.com/acme/other",
        "--certificate-oidc-issuer",
        GITHUB_ISSUER,
    ];
    assert_ne!(world.cosign(&[], &[&["verify"], &stranger[..], &TRUST[..], &[image]].concat()).code, 0);

    // cosign signs by the same services.
    let by = [
        "--signing-config",
        "signing_config.json",
        "--identity-token",
        "token",
        "--allow-http-registry",
        "-y",
    ];
    world
        .cosign(&[], &[&["sign"], &by[..], &["--trusted-root", "trusted_root.json", image]].concat())
        .expect(0);
    let all = bundles(&world);
    let theirs: Vec<_> = all.iter().filter(|bundle| !ours.contains(bundle)).collect();
    assert_eq!(theirs.len(), 1);
    assert!(ask(theirs[0], &world, &root).is_ok());
    // The same fields in the same places.
    let shape = |bundle: &[u8]| {
        let mut paths = vec![];
        places(&serde_json::from_slice(bundle).unwrap(), "", &mut paths);
        paths.retain(|path| !path.contains("/hashes/"));
        paths
    };
    assert_eq!(shape(&ours[0]), shape(theirs[0]));
}

/// Where every value of a document is.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, value)| places(value, &format!("{at}/{place}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let Some((world, services)) = world("every_changed_byte_is_noticed") else { return };
    keyless(&world, &services, &["sign"]).expect(0);
    keyless(&world, &services, &["sign"]).expect(0);
    let root = root(&services);
    let has_path = |bundle: &Vec<u8>| String::from_utf8_lossy(bundle).contains("\"hashes\":[\"");
    let bundle = bundles(&world).into_iter().find(has_path).unwrap();
    assert!(ask(&bundle, &world, &root).is_ok());
    let document: Value = serde_json::from_slice(&bundle).unwrap();
    let decode = |place: &str| {
        data_encoding::BASE64.decode(document.pointer(place).unwrap().as_str().unwrap().as_bytes()).unwrap()
    };
    let entry = "/verificationMaterial/tlogEntries/0";
    let proof = format!("{entry}/inclusionProof");
    let mut tried = 0;
    for place in [
        "/dsseEnvelope/payload",
        "/dsseEnvelope/signatures/0/sig",
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
        &format!("{entry}/canonicalizedBody"),
        &format!("{entry}/inclusionPromise/signedEntryTimestamp"),
        &format!("{entry}/logId/keyId"),
        &format!("{proof}/rootHash"),
        &format!("{proof}/hashes/0"),
    ] {
        let bytes = decode(place);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let mut bent = document.clone();
            *bent.pointer_mut(place).unwrap() = json!(data_encoding::BASE64.encode(&changed));
            let answer = ask(&serde_json::to_vec(&bent).unwrap(), &world, &root);
            assert!(answer.is_err(), "byte {at} of {place}: {answer:?}");
            tried += 1;
        }
    }
    // What is written in the open: each character of it, and each other number.
    let checkpoint = format!("{proof}/checkpoint/envelope");
    let text = document.pointer(&checkpoint).unwrap().as_str().unwrap().to_owned();
    for (at, c) in text.char_indices() {
        let other = if c == 'A' { 'B' } else { 'A' };
        let changed = [&text[..at], &other.to_string(), &text[at + c.len_utf8()..]].concat();
        let mut bent = document.clone();
        *bent.pointer_mut(&checkpoint).unwrap() = json!(changed);
        let answer = ask(&serde_json::to_vec(&bent).unwrap(), &world, &root);
        assert!(answer.is_err(), "{at} of the checkpoint: {answer:?}");
        tried += 1;
    }
    for place in [
        format!("{entry}/logIndex"),
        format!("{entry}/integratedTime"),
        format!("{proof}/logIndex"),
        format!("{proof}/treeSize"),
    ] {
        for other in ["0", "3", "1700000000"] {
            let mut bent = document.clone();
            *bent.pointer_mut(&place).unwrap() = json!(other);
            assert!(ask(&serde_json::to_vec(&bent).unwrap(), &world, &root).is_err(), "{place} = {other}");
            tried += 1;
        }
    }
    assert!(tried > 3500, "{tried}");
}

#[test]
fn whoever_lies_is_noticed_and_nothing_is_pushed() {
    let Some((world, services)) = world("whoever_lies_is_noticed_and_nothing_is_pushed") else { return };
    keyless(&world, &services, &["sign"]).expect(0);
    let before = bundles(&world).len();
    for (lie, words) in [
        (Lie::OtherKey, "the certificate is for another key"),
        (Lie::NoPromise, "promises to publish the certificate"),
        (Lie::Broken, "there is no certificate in it"),
        (Lie::OtherEntry, "it is about another"),
        (Lie::OtherProof, "the inclusion proof does not lead"),
        (Lie::Tomorrow, "in the future"),
        (Lie::OtherStamp, "about other bytes"),
        (Lie::NotGranted, "did not grant"),
    ] {
        services.lie(Some(lie));
        let refused = keyless(&world, &services, &["sign"]).expect(1);
        assert!(refused.err.contains(words), "{lie:?}: {}", refused.err);
        assert_eq!(bundles(&world).len(), before, "{lie:?}");
    }
    // Services of somebody else, who are as right as these.
    services.lie(None);
    let others = Services::start();
    let refused = stamped_by(&world, &services, &others.stamps(), &["sign"]).expect(1);
    assert!(refused.err.contains("0 timestamp authorities of the 1"), "{}", refused.err);
    fs::write(world.w.folder.join("token"), others.github_token()).unwrap();
    let refused = keyless(&world, &others, &["sign"]).expect(1);
    assert!(refused.err.contains("does not verify by the trusted root"), "{}", refused.err);
    assert_eq!(bundles(&world).len(), before);
    // An answer that was lost: the log has the entry already, and it is fetched.
    fs::write(world.w.folder.join("token"), services.github_token()).unwrap();
    services.lie(Some(Lie::Conflict));
    keyless(&world, &services, &["sign"]).expect(0);
    assert_eq!(bundles(&world).len(), before + 1);
}

#[test]
fn identity_tokens() {
    let Some((world, services)) = world("identity_tokens") else { return };
    let with = |claims: &Value| {
        fs::write(world.w.folder.join("token"), services.token(claims)).unwrap();
        keyless(&world, &services, &["sign"])
    };
    let claims = |name: &str, value: Value| {
        let mut claims = Services::github_claims();
        claims[name] = value;
        claims
    };
    assert!(with(&claims("exp", json!(now() - 1))).expect(1).err.contains("expired"));
    assert!(with(&claims("aud", json!("acme"))).expect(1).err.contains("for somebody else"));
    let unverified =
        json!({"email": "ann@acme.example", "email_verified": false, "iss": "i", "exp": now() + 60});
    assert!(with(&unverified).expect(1).err.contains("not verified"));
    let mail = json!({
        "email": "ann@acme.example", "email_verified": true, "iss": "https://accounts.example", "aud": "sigstore",
        "sub": "1", "exp": now() + 60,
    });
    assert!(with(&mail).expect(0).out.contains("ann@acme.example"));
    // A token of another issuer, which claims the same.
    fs::write(world.w.folder.join("token"), Services::start().github_token()).unwrap();
    let forged = keyless(&world, &services, &["sign"]).expect(1);
    assert!(forged.err.contains("401") && forged.err.contains("not the issuer's"), "{}", forged.err);
}

/// The command with these variables, without `--identity-token`.
fn in_ci(world: &World, services: &Services, variables: &[(&str, &str)]) -> Ran {
    let by = [
        "--keyless",
        "--fulcio-url",
        &services.url,
        "--rekor-url",
        &services.url,
        "--trusted-root",
        "trusted_root.json",
    ];
    world.lockgate(variables, &[&["sign", &world.image], &by[..]].concat())
}

#[test]
fn tokens_of_the_machine_that_builds() {
    let Some((world, services)) = world("tokens_of_the_machine_that_builds") else { return };
    let url = format!("{}/token?api-version=2.0", services.url);
    let github = [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job")];
    assert!(in_ci(&world, &services, &github).expect(0).out.contains(GITHUB_SUBJECT));
    let token = services.github_token();
    in_ci(&world, &services, &[("SIGSTORE_ID_TOKEN", &token)]).expect(0);
    let told = |variables: &[(&str, &str)]| in_ci(&world, &services, variables).expect(1).err;
    assert!(told(&[]).contains("--identity-token"));
    assert!(told(&[("GITHUB_ACTIONS", "true")]).contains("id-token: write"));
    assert!(told(&[("GITLAB_CI", "true")]).contains("SIGSTORE_ID_TOKEN"));
    let refused = told(&[github[0], ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "other")]);
    assert!(refused.contains("the job's token is missing"), "{refused}");
}

#[test]
fn what_is_missing_is_said_before_anybody_is_asked() {
    let Some((world, services)) = world("what_is_missing_is_said_before_anybody_is_asked") else { return };
    let run = |arguments: &[&str]| world.lockgate(&[], &[&["sign", &world.image], arguments].concat());
    let url = services.url.as_str();
    assert!(run(&[]).expect(2).err.contains("--key"));
    assert!(run(&["--keyless"]).expect(2).err.contains("--fulcio-url"));
    let root = ["--trusted-root", "trusted_root.json"];
    assert!(run(&["--keyless", "--fulcio-url", url]).expect(2).err.contains("--trusted-root"));
    let undated = [&["--keyless", "--fulcio-url", url], &root[..]].concat();
    assert!(run(&undated).expect(1).err.contains("--rekor-url or --timestamp-server-url"));
    let dated = [&undated[..], &["--rekor-url", url]].concat();
    assert!(run(&[&dated[..], &["--key", "keys/build.key"]].concat()).expect(2).err.contains("--key"));
    let token = services.github_token();
    let shown = run(&[&dated[..], &["--identity-token", &token]].concat()).expect(2);
    assert!(shown.err.contains("this is a token"), "{}", shown.err);
    assert!(run(&[&dated[..], &["--form", "legacy"]].concat()).expect(1).err.contains("bundle only"));
    let far = [
        "--keyless",
        "--fulcio-url",
        "http://fulcio.example",
        "--rekor-url",
        url,
        "--identity-token",
        "token",
    ];
    assert!(run(&[&far[..], &root[..]].concat()).expect(1).err.contains("over TLS only"));
    assert_eq!(services.logged(), 0);
}
