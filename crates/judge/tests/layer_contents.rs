//! Layers that were not read where the Case was closed: whose word may stand for them, and that every gate that looks into
//! images holds a Case to it, whatever the record says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod making;

use lockgate_attest::keys::SigningKey;
use lockgate_attest::statement::Statement;
use lockgate_judge::layer_words;
use lockgate_model::case::{LayerByWord, Revocation, Seen, TrustedIdentity, TrustedKey, Withheld};
use lockgate_model::keyring::{Duty, Role, Subject};
use lockgate_model::{Answer, Case, Decision, Descriptor, Digest, Effect, Finding, Outcome, canon};
use lockgate_scan::layer::{AnalysedLayer, ContentBlob, LayerContents, PREDICATE_TYPE};
use making::{Making, answer, at, attestation, codes, inventory, signature};
use serde_json::{Value, json};

const BY_WORD: &str = "vulnerability.layers-by-word";
const NOT_COUNTED: &str = "vulnerability.layer-contents-not-counted";

/// A Case of one image whose only layer is by the word of `scan`.
struct Said {
    making: Making,
    scan: SigningKey,
}

fn blob(text: &str) -> ContentBlob {
    ContentBlob { digest: Digest::of(text.as_bytes()), size: text.len() as u64 }
}

impl Said {
    /// Everything but the statement.
    fn unsaid() -> Self {
        let mut making = Making::new();
        let scan = SigningKey::generate().unwrap();
        let file = making.inputs.insert(scan.public().to_pem());
        making.record.keys.push(TrustedKey::plain("scan", file));
        making.set_gate(json!({"maxFeedAgeDays": 30, "layerContents": {"keys": ["scan"]}}));
        Self { making, scan }
    }

    fn new() -> Self {
        let mut said = Self::unsaid();
        let contents = said.contents();
        said.say_by_scan(&contents);
        said
    }

    /// What an honest scanner says of the image.
    fn contents(&self) -> LayerContents {
        let manifest = self.making.inputs.get(&self.making.record.artifact.digest).unwrap();
        let manifest: lockgate_model::oci::Manifest = serde_json::from_slice(manifest).unwrap();
        let layer = |layer: &Descriptor| AnalysedLayer {
            digest: layer.digest,
            size: layer.size,
            media_type: layer.media_type.clone(),
            diff_id: Digest::of(b"tar"),
            content: Some(blob("content")),
        };
        LayerContents { analyser: inventory().analyser, layers: manifest.layers.iter().map(layer).collect() }
    }

    fn say_by_scan(&mut self, contents: &LayerContents) {
        let scan = copy(&self.scan);
        self.say(&scan, json!(contents));
    }

    /// Has `key` say so, and the record take the image's layer from it.
    fn say(&mut self, key: &SigningKey, predicate: Value) {
        self.making.attest(key, PREDICATE_TYPE, predicate);
        let evidence = self.making.record.evidence.last().unwrap().manifest.digest;
        let layer = self.contents().layers[0].digest;
        let content = blob("content").digest;
        self.making.record.images[0].by_word = vec![LayerByWord { layer, content, evidence }];
    }

    fn key(&mut self, name: &str) -> &mut TrustedKey {
        self.making.record.keys.iter_mut().find(|key| key.name == name).unwrap()
    }

    fn add_key(&mut self, name: &str, key: &SigningKey) {
        let file = self.making.inputs.insert(key.public().to_pem());
        self.making.record.keys.push(TrustedKey::plain(name, file));
    }

    fn case(&self) -> Case {
        let mut record = self.making.record.clone();
        record.sort();
        Case { record, inputs: self.making.inputs.clone() }
    }

    /// The layers of the image that may be taken by word.
    fn may(&self) -> usize {
        layer_words(&self.case(), &inventory().analyser).values().map(std::collections::BTreeMap::len).sum()
    }

    fn proceeds(&mut self, what: &str) -> Decision {
        assert_eq!(self.may(), 1, "{what}");
        self.making.record.sort();
        let decision = self.making.decide();
        assert_eq!(decision.outcome, Outcome::Proceed, "{what}: {decision:#?}");
        decision
    }

    /// No gate that looks into images judges by it, and nobody who closes a Case takes it.
    fn refused(&mut self, what: &str) -> Decision {
        assert_eq!(self.may(), 0, "{what}");
        self.unknown(what)
    }

    fn unknown(&mut self, what: &str) -> Decision {
        self.making.record.sort();
        let decision = self.making.decide();
        for (gate, code) in [("vulnerability", "vulnerability.unread"), ("policy", "policy.unread")] {
            assert_eq!(answer(&decision, gate), Answer::Unknown, "{what}: {decision:#?}");
            let found = find(&decision, code);
            assert!(found.title.contains("was not read where the Case was closed"), "{what}: {found:?}");
            assert!(found.remediation.contains("layerContents"), "{what}: {found:?}");
        }
        assert!(!codes(&decision).contains(&BY_WORD), "{what}");
        assert_ne!(decision.outcome, Outcome::Proceed);
        decision
    }
}

fn find<'a>(decision: &'a Decision, code: &str) -> &'a Finding {
    let mut all = decision.verdicts.iter().flat_map(|verdict| &verdict.findings);
    all.find(|finding| finding.code == code).unwrap_or_else(|| panic!("{code}: {decision:#?}"))
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap()
}

fn duty(owner: &str, roles: &[Role]) -> Option<Duty> {
    let (stages, roles) = ("*".parse().unwrap(), roles.iter().copied().collect());
    Some(Duty { owner: owner.into(), roles, stages, rotate_every_days: None })
}

#[test]
fn the_word_of_a_scanner_stands_for_a_layer_and_is_told() {
    let mut said = Said::new();
    let decision = said.proceeds("a plain key");
    let told = find(&decision, BY_WORD);
    assert!(told.title.starts_with("1 of its layers") && told.title.contains("scan"), "{told:?}");
    assert_eq!((told.effect, told.details["key"].as_str()), (Effect::Advise, "scan"));
    let evidence = said.making.record.images[0].by_word[0].evidence;
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "vulnerability").unwrap();
    let relied: Vec<_> = verdict.relied_on.iter().map(ToString::to_string).collect();
    assert!(relied.contains(&format!("evidence:{evidence}")), "{relied:?}");
    assert!(relied.iter().any(|one| one.starts_with("key:scan@")), "{relied:?}");
    // Judged again, to the byte.
    assert_eq!(canon::to_bytes(&said.making.decide()).unwrap(), canon::to_bytes(&decision).unwrap());

    let mut said = Said::new();
    said.key("scan").standing.duty = duty("sec", &[Role::Scanner]);
    said.proceeds("a scanner of the keyring");
    // Another owner may build, and whoever releases did not.
    let release = SigningKey::generate().unwrap();
    said.add_key("ci", &SigningKey::generate().unwrap());
    said.key("ci").standing.duty = duty("dev", &[Role::Builder]);
    said.add_key("release", &release);
    said.key("release").standing.duty = duty("ops", &[Role::Releaser]);
    let artifact = said.making.record.artifact.clone();
    let signed = signature(&mut said.making.inputs, &artifact, &release);
    said.making.record.evidence.push(signed);
    said.proceeds("others who build and release");
}

#[test]
fn a_case_without_such_layers_has_the_bytes_it_had() {
    let said = Said::unsaid();
    let text = String::from_utf8(canon::to_bytes(&said.making.record).unwrap()).unwrap();
    assert!(!text.contains("by_word"));
}

type Spoil = fn(&mut Said);

#[test]
fn what_the_record_says_is_held_against_the_statement() {
    let spoils: [(&str, Spoil); 6] = [
        ("another content", |said| {
            said.making.record.images[0].by_word[0].content = Digest::of(b"other");
        }),
        ("a layer that the image lacks", |said| {
            said.making.record.images[0].by_word[0].layer = Digest::of(b"other");
        }),
        ("evidence that is none", |said| {
            said.making.record.images[0].by_word[0].evidence = Digest::of(b"other");
        }),
        ("evidence that says something else", |said| {
            said.making.record.images[0].by_word[0].evidence = said.making.record.evidence[0].manifest.digest;
        }),
        ("one layer more than is said", |said| {
            let (layer, content) = (Digest::of(b"more"), Digest::of(b"more"));
            let evidence = said.making.record.images[0].by_word[0].evidence;
            said.making.record.images[0].by_word.push(LayerByWord { layer, content, evidence });
        }),
        ("another edition of the analyser", |said| {
            let mut inventory = inventory();
            inventory.analyser = "2026-2".into();
            said.making.set_inventory(&inventory);
        }),
    ];
    for (what, spoil) in spoils {
        let mut said = Said::new();
        spoil(&mut said);
        said.unknown(what);
    }
    // One less: it is another Case, and no Decision was recorded of it.
    let mut said = Said::new();
    let decision = said.proceeds("whole");
    said.making.record.images[0].by_word.clear();
    assert_ne!(said.making.decide().case, decision.case);
}

/// What is made wrong, and how.
type SpoiltContents = (&'static str, fn(&mut LayerContents));

#[test]
fn only_what_is_said_of_these_very_layers_counts() {
    let spoils: [SpoiltContents; 10] = [
        ("nothing said of it", |said| said.layers[0].content = None),
        ("analyser", |said| said.analyser = "2026-2".into()),
        ("blob", |said| said.layers[0].digest = Digest::of(b"other")),
        ("size", |said| said.layers[0].size += 1),
        ("media type", |said| said.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar".into()),
        ("diff_id", |said| said.layers[0].diff_id = Digest::of(b"other")),
        ("no layer", |said| said.layers.clear()),
        ("a layer more", |said| said.layers.push(said.layers[0].clone())),
        ("a layer below", |said| {
            let mut below = said.layers[0].clone();
            below.digest = Digest::of(b"below");
            said.layers.insert(0, below);
        }),
        ("another content", |said| said.layers[0].content = Some(blob("other"))),
    ];
    for (what, spoil) in spoils {
        let mut said = Said::unsaid();
        let mut contents = said.contents();
        spoil(&mut contents);
        said.say_by_scan(&contents);
        said.unknown(what);
    }
    for (what, spoil) in [
        ("not a predicate", json!([])),
        ("a field more", json!({"analyser": "2026-1", "layers": [], "more": 1})),
        ("no digest", json!({"analyser": "2026-1", "layers": [{"digest": "x"}]})),
    ] {
        let mut said = Said::unsaid();
        let scan = copy(&said.scan);
        said.say(&scan, spoil);
        said.refused(what);
    }
}

#[test]
fn a_statement_about_another_image_or_of_another_type_says_nothing() {
    let mut said = Said::new();
    let contents = json!(said.contents());
    let other = Descriptor::of(&said.making.record.artifact.media_type.clone(), b"other");
    let statement = Statement::about(&other, PREDICATE_TYPE, contents.clone());
    let scan = copy(&said.scan);
    let mut evidence = attestation(&mut said.making.inputs, &other, &scan, &statement);
    evidence.subject = said.making.record.artifact.digest;
    said.making.record.images[0].by_word[0].evidence = evidence.manifest.digest;
    *said.making.record.evidence.last_mut().unwrap() = evidence;
    said.refused("about another image");

    let mut said = Said::new();
    said.making.record.evidence.pop();
    said.making.attest(&scan, "https://lockgate.dev/layer-contents/v2", contents);
    said.refused("another type");
}

#[test]
fn who_disagrees_is_not_believed_and_who_agrees_is() {
    let mut said = Said::new();
    let contents = said.contents();
    said.say_by_scan(&contents);
    said.proceeds("twice the same");
    let mut other = contents.clone();
    other.layers[0].content = Some(blob("other"));
    let scan = copy(&said.scan);
    said.making.attest(&scan, PREDICATE_TYPE, json!(other));
    said.refused("two contents of one layer");
    // Of another edition there is nothing to agree about.
    let mut said = Said::new();
    other.analyser = "2025-1".into();
    said.making.attest(&scan, PREDICATE_TYPE, json!(other));
    said.proceeds("another edition beside");
}

#[test]
fn only_keys_that_the_stage_names_and_that_count_are_asked() {
    let spoils: [(&str, Spoil); 9] = [
        ("nobody is asked", |said| said.making.set_gate(json!({"maxFeedAgeDays": 30}))),
        ("no vulnerability gate with settings that can be read", |said| {
            said.making.set_gate(json!({"layerContents": {"keys": []}}));
        }),
        ("another key is named", |said| {
            said.add_key("other", &SigningKey::generate().unwrap());
            said.making.set_gate(json!({"layerContents": {"keys": ["other"]}}));
        }),
        ("revoked", |said| {
            let revoked = Revocation { at: at("2026-11-01T00:00:00Z"), compromised_since: None };
            said.key("scan").standing.revoked = Some(revoked);
        }),
        ("revoked under another name", |said| {
            let scan = copy(&said.scan);
            said.add_key("stolen", &scan);
            let revoked = Revocation { at: at("2026-11-01T00:00:00Z"), compromised_since: None };
            said.key("stolen").standing.revoked = Some(revoked);
        }),
        ("expired", |said| said.key("scan").standing.valid_until = Some(at("2026-11-01T00:00:00Z"))),
        ("not yet valid", |said| said.key("scan").standing.valid_from = Some(at("2026-12-01T00:00:00Z"))),
        ("retired", |said| {
            said.key("scan").standing.duty = duty("sec", &[Role::Scanner]);
            said.key("scan").standing.retired_at = Some(at("2026-11-01T00:00:00Z"));
        }),
        ("no scanner", |said| said.key("scan").standing.duty = duty("sec", &[Role::Approver])),
    ];
    for (what, spoil) in spoils {
        let mut said = Said::new();
        spoil(&mut said);
        assert_eq!(said.may(), 0, "{what}");
        let decision = said.making.decide();
        assert_eq!(answer(&decision, "policy"), Answer::Unknown, "{what}");
        assert_eq!(answer(&decision, "vulnerability"), Answer::Unknown, "{what}");
    }
    // The key of a stranger.
    let mut said = Said::unsaid();
    let (stranger, contents) = (SigningKey::generate().unwrap(), json!(said.contents()));
    said.say(&stranger, contents);
    let decision = said.refused("a stranger");
    assert!(find(&decision, NOT_COUNTED).title.contains("none of the trusted keys"));
    // An earlier Edition never knew of it.
    let mut said = Said::new();
    said.making.record.edition = "2026-2".into();
    assert_eq!(said.may(), 0);
    assert_ne!(said.making.decide().outcome, Outcome::Proceed);
}

#[test]
fn nobody_vouches_for_the_layers_of_what_they_may_have_built() {
    let spoils: [(&str, &str, Spoil); 9] = [
        ("the signature gate asks for it", "signature gate", |said| {
            said.making.record.gates.insert("signature".into(), json!({"keys": ["build", "scan"]}));
        }),
        ("the signature gate asks for it by another name", "signature gate", |said| {
            let scan = copy(&said.scan);
            said.add_key("ci", &scan);
            said.making.record.gates.insert("signature".into(), json!({"keys": ["build", "ci"]}));
        }),
        ("a builder asks for it", "provenance gate", |said| {
            let settings = json!({"builders": [{"id": "b", "signedBy": {"keys": ["scan"]}}]});
            said.making.record.gates.insert("provenance".into(), settings);
        }),
        ("it signed the image", "signed the image", |said| {
            let (scan, artifact) = (copy(&said.scan), said.making.record.artifact.clone());
            let signed = signature(&mut said.making.inputs, &artifact, &scan);
            said.making.record.evidence.push(signed);
        }),
        ("it signed the image, and that is gone", "signed the image", |said| {
            let (scan, artifact) = (copy(&said.scan), said.making.record.artifact.clone());
            let evidence = signature(&mut said.making.inputs, &artifact, &scan);
            let (last_seen, decision) = (at("2026-11-01T00:00:00Z"), Digest::of(b"before"));
            let withheld = vec![Withheld { evidence, last_seen, decision }];
            said.making.record.seen = Some(Seen { decisions: 1, withheld, ..Seen::default() });
        }),
        ("it signed how it was built", "how it was built", |said| {
            said.key("scan").standing.duty = duty("sec", &[Role::Scanner]);
            let scan = copy(&said.scan);
            said.making.attest(&scan, "https://slsa.dev/provenance/v1", json!({}));
        }),
        ("it is a builder's too", "role builder", |said| {
            said.key("scan").standing.duty = duty("sec", &[Role::Builder, Role::Scanner]);
        }),
        ("its owner has a builder's key", "sec, who has the key scan", |said| {
            said.key("scan").standing.duty = duty("sec", &[Role::Scanner]);
            said.add_key("ci", &SigningKey::generate().unwrap());
            said.key("ci").standing.duty = duty("sec", &[Role::Builder]);
        }),
        ("its owner has a builder's identity", "sec, who has the key scan", |said| {
            said.key("scan").standing.duty = duty("sec", &[Role::Scanner]);
            let standing = lockgate_model::case::Standing {
                duty: duty("sec", &[Role::Builder]),
                ..lockgate_model::case::Standing::default()
            };
            let (issuer, subject) = ("https://issuer".to_owned(), Subject::Exact("ci".into()));
            let identity = TrustedIdentity { name: "ci".into(), issuer, subject, standing };
            said.making.record.identities.push(identity);
        }),
    ];
    for (what, why, spoil) in spoils {
        let mut said = Said::new();
        spoil(&mut said);
        let decision = said.refused(what);
        for code in ["vulnerability.unread", "policy.unread", NOT_COUNTED] {
            let title = &find(&decision, code).title;
            assert!(title.contains(why) && title.contains("may have built the image"), "{what}: {title}");
        }
        // Read here, the image is judged as ever, and whoever named the key is told.
        said.making.record.images[0].by_word.clear();
        let decision = said.making.decide();
        assert_ne!(answer(&decision, "policy"), Answer::Unknown, "{what}");
        assert_eq!(find(&decision, NOT_COUNTED).effect, Effect::Advise, "{what}");
    }
}
