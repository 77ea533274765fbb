//! Repositories of The Update Framework: each attack of the specification (section 1.5.2) on a repository that is otherwise
//! sound, and what a sound one does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use lockgate_attest::keys::{Signer, SigningKey};
use lockgate_attest::limits;
use lockgate_attest::tuf::write::{RootPlan, Versions, repository, root, sign_root};
use lockgate_attest::tuf::{File, Key, Role, Trusted, TufError};
use lockgate_model::{Digest, Timestamp};
use serde_json::{Value, json};

type Files = BTreeMap<String, Vec<u8>>;

const NOW: i64 = 1_790_000_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_unix(NOW).plus_seconds(day * 86_400)
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

/// Canonical JSON as securesystemslib writes it, made anew here.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let entries: Vec<_> =
                sorted.iter().map(|(key, value)| format!("\"{key}\":{}", canonical(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn id(key: &SigningKey) -> String {
    Key::of(&key.public()).id()
}

/// Any metadata, signed by any keys.
fn signed(value: &Value, keys: &[&SigningKey]) -> Vec<u8> {
    let signature = |key: &&SigningKey| json!({"keyid": id(key), "sig": hex(&key.sign(canonical(value).as_bytes()).unwrap())});
    let signatures: Vec<_> = keys.iter().map(signature).collect();
    serde_json::to_vec(&json!({"signed": value, "signatures": signatures})).unwrap()
}

/// What metadata says, to be changed.
fn inner(bytes: &[u8]) -> Value {
    serde_json::from_slice::<Value>(bytes).unwrap()["signed"].take()
}

/// A keeper with three holders of root keys, of whom two must sign, and a key for the rest.
struct Keeper {
    roots: Vec<SigningKey>,
    online: SigningKey,
    files: Files,
}

impl Keeper {
    fn new() -> Self {
        let mut this = Self { roots: vec![key(), key(), key()], online: key(), files: Files::new() };
        let root = this.root(1, &[0, 1]);
        this.files.insert("1.root.json".into(), root);
        this.publish(1, b"one", at(30));
        this
    }

    fn plan(&self, version: u64) -> Vec<u8> {
        let roots: Vec<_> = self.roots.iter().map(SigningKey::public).collect();
        let online = [self.online.public()];
        let roles = [
            (Role::Root, &roots[..], 2),
            (Role::Targets, &online[..], 1),
            (Role::Snapshot, &online[..], 1),
            (Role::Timestamp, &online[..], 1),
        ];
        root(&RootPlan { version, expires: at(365), roles }).unwrap()
    }

    fn root(&self, version: u64, by: &[usize]) -> Vec<u8> {
        let unsigned = self.plan(version);
        by.iter().fold(unsigned, |root, holder| sign_root(&root, &self.roots[*holder], None).unwrap())
    }

    fn newest_root(&self) -> (u64, &[u8]) {
        let newest =
            (1..9).take_while(|n| self.files.contains_key(&format!("{n}.root.json"))).last().unwrap();
        (newest, &self.files[&format!("{newest}.root.json")])
    }

    fn publish(&mut self, version: u64, content: &[u8], expires: Timestamp) {
        let versions = Versions { targets: version, snapshot: version, timestamp: version };
        let files =
            Files::from([("keyring.json".into(), content.to_vec()), ("keys/ci.pem".into(), b"x".to_vec())]);
        let online = SigningKey::from_pem(self.online.to_pem().unwrap().as_bytes()).unwrap();
        let keys: [Box<dyn Signer>; 1] = [Box::new(online)];
        let root = self.newest_root().1.to_vec();
        self.files.extend(repository(&root, versions, expires, &files, &keys).unwrap());
    }

    /// Changes the timestamp, and signs it again.
    fn timestamp(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = inner(&self.files["timestamp.json"]);
        change(&mut value);
        self.files.insert("timestamp.json".into(), signed(&value, &[&self.online]));
    }

    /// Changes the snapshot of that version, and has the timestamp name it; the versions stay.
    fn snapshot(&mut self, version: u64, change: impl FnOnce(&mut Value)) {
        let name = format!("{version}.snapshot.json");
        let mut value = inner(&self.files[&name]);
        change(&mut value);
        let bytes = signed(&value, &[&self.online]);
        let meta = listed(version, &bytes);
        self.files.insert(name, bytes);
        self.timestamp(|value| value["meta"]["snapshot.json"] = meta);
    }

    /// Changes the targets of that version, and has the rest name them.
    fn targets(&mut self, version: u64, change: impl FnOnce(&mut Value)) {
        let name = format!("{version}.targets.json");
        let mut value = inner(&self.files[&name]);
        change(&mut value);
        let bytes = signed(&value, &[&self.online]);
        let meta = listed(version, &bytes);
        self.files.insert(name, bytes);
        self.snapshot(version, |value| value["meta"]["targets.json"] = meta);
    }

    fn visit(&self, seen: &Seen) -> Result<(Vec<u8>, Seen), TufError> {
        visit(&self.files, &self.files["1.root.json"], seen, at(0))
    }

    fn refused(&self, seen: &Seen) -> TufError {
        self.visit(seen).unwrap_err()
    }
}

fn listed(version: u64, bytes: &[u8]) -> Value {
    json!({"version": version, "length": bytes.len(), "hashes": {"sha256": Digest::of(bytes).hex()}})
}

/// What a client keeps of a visit.
#[derive(Debug, Clone, Default)]
struct Seen {
    timestamp: Option<Vec<u8>>,
    snapshot: Option<Vec<u8>>,
}

/// A client's visit for `keyring.json`.
fn visit(files: &Files, pinned: &[u8], seen: &Seen, as_of: Timestamp) -> Result<(Vec<u8>, Seen), TufError> {
    let get = |file: &File| files.get(&file.path).cloned().unwrap_or_default();
    let mut trusted = Trusted::pinned(pinned, as_of)?;
    for _ in 0..9 {
        let Some(bytes) = files.get(&trusted.next_root().path) else { break };
        trusted.follow_root(bytes)?;
    }
    trusted.close_roots()?;
    trusted.recall(seen.timestamp.as_deref(), seen.snapshot.as_deref())?;
    let timestamp = get(&trusted.timestamp_file());
    let newer = trusted.follow_timestamp(&timestamp)?;
    let kept = if newer { Some(timestamp) } else { seen.timestamp.clone() };
    let snapshot = get(&trusted.snapshot_file()?);
    trusted.follow_snapshot(&snapshot)?;
    trusted.follow_targets(&get(&trusted.targets_file()?))?;
    let bytes = get(&trusted.target_file("keyring.json")?);
    trusted.check_target("keyring.json", &bytes)?;
    Ok((bytes, Seen { timestamp: kept, snapshot: Some(snapshot) }))
}

fn nothing() -> Seen {
    Seen::default()
}

#[test]
fn what_is_published_is_read_and_so_is_what_follows_it() {
    let mut keeper = Keeper::new();
    let (bytes, seen) = keeper.visit(&nothing()).unwrap();
    assert_eq!(bytes, b"one");
    // The same again.
    let (_, seen) = keeper.visit(&seen).unwrap();
    keeper.publish(2, b"two", at(40));
    assert_eq!(keeper.visit(&seen).unwrap().0, b"two");
}

#[test]
fn rollback_of_the_timestamp() {
    let mut keeper = Keeper::new();
    let old = keeper.files.clone();
    keeper.publish(2, b"two", at(40));
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    keeper.files.insert("timestamp.json".into(), old["timestamp.json"].clone());
    let error = keeper.refused(&seen);
    assert!(matches!(&error, TufError::Rollback { of: "the timestamp", found: 1, seen: 2, .. }), "{error}");
    // Who was never here cannot know.
    keeper.visit(&nothing()).unwrap();
}

#[test]
fn another_timestamp_of_the_same_version_is_not_believed() {
    let mut keeper = Keeper::new();
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    keeper.publish(2, b"two", at(40));
    keeper.timestamp(|value| value["version"] = json!(1));
    // The one that was seen counts, which names the first snapshot.
    assert_eq!(keeper.visit(&seen).unwrap().0, b"one");
}

#[test]
fn rollback_of_the_snapshot_by_a_new_timestamp() {
    let mut keeper = Keeper::new();
    let first = keeper.files["1.snapshot.json"].clone();
    keeper.publish(2, b"two", at(40));
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    keeper.timestamp(|value| {
        value["version"] = json!(3);
        value["meta"]["snapshot.json"] = listed(1, &first);
    });
    let error = keeper.refused(&seen);
    assert!(matches!(&error, TufError::Rollback { of: "the snapshot", found: 1, seen: 2, .. }), "{error}");
}

#[test]
fn rollback_of_targets_by_a_new_snapshot() {
    let mut keeper = Keeper::new();
    let first = keeper.files["1.targets.json"].clone();
    keeper.publish(2, b"two", at(40));
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    keeper.publish(3, b"three", at(40));
    keeper.snapshot(3, |value| value["meta"]["targets.json"] = listed(1, &first));
    let error = keeper.refused(&seen);
    assert!(matches!(&error, TufError::Rollback { of: "the targets", found: 1, seen: 2, .. }), "{error}");
}

#[test]
fn targets_that_vanish_from_the_snapshot() {
    let mut keeper = Keeper::new();
    keeper.snapshot(1, |value| value["meta"]["others.json"] = json!({"version": 4}));
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    keeper.publish(2, b"two", at(40));
    let error = keeper.refused(&seen);
    assert!(matches!(&error, TufError::Unlisted { what, .. } if what == "others.json"), "{error}");
}

#[test]
fn rollback_of_the_root() {
    let mut keeper = Keeper::new();
    let first = keeper.files["1.root.json"].clone();
    keeper.files.insert("2.root.json".into(), first);
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Version { found: 1, expected: 2, .. }), "{error}");
    // Nor may one be left out.
    keeper.files.insert("2.root.json".into(), keeper.root(3, &[0, 1]));
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Version { found: 3, expected: 2, .. }), "{error}");
}

#[test]
fn freeze_what_expired_counts_no_more() {
    let keeper = Keeper::new();
    let on = |as_of| visit(&keeper.files, &keeper.files["1.root.json"], &nothing(), as_of);
    assert!(on(at(30).plus_seconds(-1)).is_ok());
    for as_of in [at(30), at(31)] {
        let error = on(as_of).unwrap_err();
        assert!(matches!(&error, TufError::Expired { what, .. } if what == "timestamp.json"), "{error}");
    }
    let error = on(at(365)).unwrap_err();
    assert!(matches!(&error, TufError::Expired { what, .. } if what == "1.root.json"), "{error}");
    // Each role by itself, and the same old files to whom they were shown before.
    let mut keeper = Keeper::new();
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    assert!(visit(&keeper.files, &keeper.files["1.root.json"], &seen, at(30)).is_err());
    keeper.targets(1, |value| value["expires"] = json!(at(0)));
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Expired { what, .. } if what == "1.targets.json"), "{error}");
    keeper.targets(1, |value| value["expires"] = json!(at(1)));
    keeper.snapshot(1, |value| value["expires"] = json!(at(0)));
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Expired { what, .. } if what == "1.snapshot.json"), "{error}");
}

#[test]
fn mix_and_match_of_what_was_signed_at_different_times() {
    let mut keeper = Keeper::new();
    keeper.publish(2, b"two", at(40));
    let sound = keeper.files.clone();
    for (name, old) in [("2.snapshot.json", "1.snapshot.json"), ("2.targets.json", "1.targets.json")] {
        keeper.files = sound.clone();
        keeper.files.insert(name.into(), sound[old].clone());
        let error = keeper.refused(&nothing());
        assert!(matches!(&error, TufError::Different { what, .. } if what == name), "{error}");
    }
    // A timestamp and a snapshot need not say hashes: then the version tells.
    let bare = json!({"version": 2});
    keeper.files = sound.clone();
    keeper.files.insert("2.snapshot.json".into(), sound["1.snapshot.json"].clone());
    keeper.timestamp(|value| value["meta"]["snapshot.json"] = bare.clone());
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Version { found: 1, expected: 2, .. }), "{error}");
    keeper.files = sound.clone();
    keeper.files.insert("2.targets.json".into(), sound["1.targets.json"].clone());
    keeper.snapshot(2, |value| value["meta"]["targets.json"] = bare);
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Version { found: 1, expected: 2, .. }), "{error}");
}

#[test]
fn arbitrary_files_in_the_place_of_targets() {
    let mut keeper = Keeper::new();
    let path = format!("targets/{}.keyring.json", Digest::of(b"one").hex());
    for (bytes, difference) in [(&b"evil"[..], "length"), (b"eno", "sha256"), (b"", "length")] {
        keeper.files.insert(path.clone(), bytes.to_vec());
        let error = keeper.refused(&nothing());
        assert!(matches!(&error, TufError::Different { difference: d, .. } if d == difference), "{error}");
    }
    // A target that is not listed, and one whose hashes nobody here can compute.
    let mut keeper = Keeper::new();
    keeper.targets(1, |value| {
        value["targets"]["other.json"] = value["targets"]["keyring.json"].take();
        value["targets"].as_object_mut().unwrap().remove("keyring.json");
    });
    assert!(matches!(keeper.refused(&nothing()), TufError::Unlisted { .. }));
    let (files, pinned) = (Keeper::new(), at(0));
    let mut trusted = Trusted::pinned(&files.files["1.root.json"], pinned).unwrap();
    trusted.close_roots().unwrap();
    trusted.follow_timestamp(&files.files["timestamp.json"]).unwrap();
    trusted.follow_snapshot(&files.files["1.snapshot.json"]).unwrap();
    trusted.follow_targets(&files.files["1.targets.json"]).unwrap();
    for name in ["", "keyring", "../keyring.json", "keys/../keyring.json"] {
        assert!(matches!(trusted.target_file(name), Err(TufError::Unlisted { .. })), "{name}");
    }
    assert!(trusted.target_file("keys/ci.pem").unwrap().path.starts_with("targets/keys/"));
    let mut keeper = Keeper::new();
    keeper.targets(1, |value| value["targets"]["keyring.json"]["hashes"] = json!({"blake2b-256": "00"}));
    assert!(matches!(keeper.refused(&nothing()), TufError::Unlisted { .. }));
    let mut keeper = Keeper::new();
    keeper.timestamp(|value| value["meta"]["snapshot.json"]["hashes"] = json!({"blake2b-256": "00"}));
    assert!(
        matches!(keeper.refused(&nothing()), TufError::Different { difference, .. } if difference == "hash")
    );
}

#[test]
fn a_hash_in_a_path_is_written_anew() {
    let mut keeper = Keeper::new();
    keeper.targets(1, |value| {
        value["targets"]["keyring.json"]["hashes"]["sha256"] = json!("../../../../etc/passwd");
    });
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Unlisted { .. }), "{error}");
}

#[test]
fn endless_data_is_not_asked_for_nor_read() {
    let mut keeper = Keeper::new();
    let trusted = Trusted::pinned(&keeper.files["1.root.json"], at(0)).unwrap();
    assert_eq!(trusted.next_root().limit, limits::TUF_ROOT_BYTES);
    assert_eq!(trusted.timestamp_file().limit, limits::TUF_TIMESTAMP_BYTES);
    let sound = keeper.files.clone();
    for (name, limit) in
        [("2.root.json", limits::TUF_ROOT_BYTES), ("timestamp.json", limits::TUF_TIMESTAMP_BYTES)]
    {
        keeper.files = sound.clone();
        keeper.files.insert(name.into(), vec![b' '; limit + 1]);
        let error = keeper.refused(&nothing());
        assert!(matches!(&error, TufError::TooLarge { what, .. } if what == name), "{error}");
    }
    // A length that is listed bounds what is asked for; one that is listed larger than the limit does not raise it.
    for (length, limit) in [(7, 7), (u64::MAX, limits::TUF_SNAPSHOT_BYTES)] {
        keeper.files = sound.clone();
        keeper.timestamp(|value| value["meta"]["snapshot.json"]["length"] = json!(length));
        let mut trusted = Trusted::pinned(&keeper.files["1.root.json"], at(0)).unwrap();
        trusted.close_roots().unwrap();
        trusted.follow_timestamp(&keeper.files["timestamp.json"]).unwrap();
        assert_eq!(trusted.snapshot_file().unwrap().limit, limit);
    }
    keeper.files = sound;
    keeper.targets(1, |value| {
        value["targets"]["keyring.json"]["length"] = json!(limits::TUF_TARGET_BYTES + 1);
    });
    assert!(matches!(keeper.refused(&nothing()), TufError::TooLarge { .. }));
    let deep = [vec![b'['; 4_000], vec![b']'; 4_000]].concat();
    keeper.files.insert("timestamp.json".into(), deep);
    assert!(matches!(keeper.refused(&nothing()), TufError::Malformed { .. }));
}

#[test]
fn keys_below_the_threshold_make_no_root() {
    let mut keeper = Keeper::new();
    // One thief of one root key names keys of his own.
    let thief = Keeper { online: key(), roots: vec![key(), key(), key()], files: Files::new() };
    let mine = thief.root(2, &[0, 1]);
    for by in [vec![], vec![0_usize]] {
        let pinned = keeper.files["1.root.json"].clone();
        let stolen = by.iter().fold(mine.clone(), |root, holder| {
            sign_root(&root, &keeper.roots[*holder], Some(&pinned)).unwrap()
        });
        keeper.files.insert("2.root.json".into(), stolen);
        let error = keeper.refused(&nothing());
        let valid = by.len();
        assert!(
            matches!(&error, TufError::Signatures { root: 1, valid: v, threshold: 2, .. } if *v == valid),
            "{error}"
        );
    }
    // A pinned root that too few have signed is none.
    let one = keeper.root(1, &[2]);
    let error = Trusted::pinned(&one, at(0)).unwrap_err();
    assert!(matches!(&error, TufError::Signatures { valid: 1, threshold: 2, .. }), "{error}");
}

#[test]
fn one_signer_counts_once_under_every_name() {
    let keeper = Keeper::new();
    // One key signs twice.
    let mut value: Value = serde_json::from_slice(&keeper.root(1, &[0])).unwrap();
    let again = value["signatures"][0].clone();
    value["signatures"].as_array_mut().unwrap().push(again);
    let error = Trusted::pinned(&serde_json::to_vec(&value).unwrap(), at(0)).unwrap_err();
    assert!(matches!(&error, TufError::Malformed { .. }), "{error}");
    // One key under two ids.
    let mut said = inner(&keeper.plan(1));
    let own = id(&keeper.roots[0]);
    said["keys"]["other"] = said["keys"][&own].clone();
    said["roles"]["root"] = json!({"keyids": [own, "other"], "threshold": 2});
    let mut bytes: Value = serde_json::from_slice(&signed(&said, &[&keeper.roots[0]])).unwrap();
    let mut again = bytes["signatures"][0].clone();
    again["keyid"] = json!("other");
    bytes["signatures"].as_array_mut().unwrap().push(again);
    let error = Trusted::pinned(&serde_json::to_vec(&bytes).unwrap(), at(0)).unwrap_err();
    assert!(matches!(&error, TufError::Signatures { valid: 1, threshold: 2, .. }), "{error}");
}

#[test]
fn thresholds_that_nobody_or_anybody_meets_are_refused() {
    let keeper = Keeper::new();
    let (own, other) = (id(&keeper.roots[0]), id(&keeper.roots[1]));
    for role in ["root", "timestamp", "snapshot", "targets"] {
        for keys in [
            json!({"keyids": [own], "threshold": 0}),
            json!({"keyids": [], "threshold": 0}),
            json!({"keyids": [own], "threshold": 2}),
            json!({"keyids": [own, own], "threshold": 2}),
            json!({"keyids": [own, own, other], "threshold": 1}),
            json!({"keyids": [own, other], "threshold": -1}),
            json!({"keyids": [own, other], "threshold": 1.5}),
            Value::Null,
        ] {
            let mut said = inner(&keeper.plan(1));
            said["roles"][role] = keys.clone();
            let error = Trusted::pinned(&signed(&said, &[&keeper.roots[0], &keeper.roots[1]]), at(0));
            assert!(matches!(error, Err(TufError::Malformed { .. })), "{role} {keys}: {error:?}");
        }
        let mut said = inner(&keeper.plan(1));
        said["roles"].as_object_mut().unwrap().remove(role);
        let error = Trusted::pinned(&signed(&said, &[&keeper.roots[0], &keeper.roots[1]]), at(0));
        assert!(matches!(error, Err(TufError::Malformed { .. })), "{role}: {error:?}");
    }
}

#[test]
fn metadata_by_other_keys_counts_for_nothing() {
    let keeper = Keeper::new();
    let stranger = key();
    for name in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        // By a stranger, by a root key, which is for roots alone, by nobody, and by the right key over something else.
        let said = inner(&keeper.files[name]);
        let mut forged: Value = serde_json::from_slice(&keeper.files[name]).unwrap();
        forged["signed"]["version"] = json!(9);
        let forgeries = [
            signed(&said, &[&stranger]),
            signed(&said, &[&keeper.roots[0]]),
            signed(&said, &[]),
            serde_json::to_vec(&forged).unwrap(),
        ];
        for bytes in forgeries {
            let mut files = Keeper {
                online: SigningKey::from_pem(keeper.online.to_pem().unwrap().as_bytes()).unwrap(),
                roots: vec![],
                files: keeper.files.clone(),
            };
            let meta = json!({"version": 1});
            files.files.insert(name.into(), bytes);
            match name {
                "1.snapshot.json" => files.timestamp(|value| value["meta"]["snapshot.json"] = meta),
                "1.targets.json" => files.snapshot(1, |value| value["meta"]["targets.json"] = meta),
                _ => {}
            }
            let error = files.refused(&nothing());
            assert!(matches!(&error, TufError::Signatures { valid: 0, .. }), "{name}: {error}");
        }
    }
}

#[test]
fn the_wrong_root_pinned_opens_nothing() {
    let (keeper, other) = (Keeper::new(), Keeper::new());
    let error = visit(&keeper.files, &other.files["1.root.json"], &nothing(), at(0)).unwrap_err();
    assert!(matches!(&error, TufError::Signatures { valid: 0, .. }), "{error}");
}

#[test]
fn roots_rotate_by_the_old_keys_and_the_new() {
    let mut keeper = Keeper::new();
    let (_, seen) = keeper.visit(&nothing()).unwrap();
    let pinned = keeper.files["1.root.json"].clone();
    let old: Vec<_> = std::mem::replace(&mut keeper.roots, vec![key(), key(), key()]);
    let old_online = std::mem::replace(&mut keeper.online, key());
    let mine = keeper.root(2, &[1, 2]);
    // Not by the new ones alone, nor by the old ones alone.
    keeper.files.insert("2.root.json".into(), mine.clone());
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Signatures { root: 1, valid: 0, .. }), "{error}");
    let by_old = |root: Vec<u8>| {
        old.iter().take(2).fold(root, |root, key| sign_root(&root, key, Some(&pinned)).unwrap())
    };
    keeper.files.insert("2.root.json".into(), by_old(keeper.plan(2)));
    let error = keeper.refused(&nothing());
    let of_the_root =
        matches!(&error, TufError::Signatures { what, root: 2, valid: 0, .. } if what == "2.root.json");
    assert!(of_the_root, "{error}");
    keeper.files.insert("2.root.json".into(), by_old(mine));
    // The old key for the rest counts no more.
    let error = keeper.refused(&nothing());
    assert!(matches!(&error, TufError::Signatures { root: 2, valid: 0, .. }), "{error}");
    keeper.publish(2, b"two", at(40));
    assert_eq!(keeper.visit(&seen).unwrap().0, b"two");
    // A thief of the old key had driven the versions up: the new key gets everyone out of it (fast-forward).
    let mut driven = Keeper { online: old_online, roots: vec![], files: keeper.files.clone() };
    driven.timestamp(|value| value["version"] = json!(1_000_000));
    let seen = Seen { timestamp: Some(driven.files["timestamp.json"].clone()), snapshot: seen.snapshot };
    assert_eq!(keeper.visit(&seen).unwrap().0, b"two");
}

#[test]
fn the_steps_have_an_order() {
    let mut keeper = Keeper::new();
    let mut trusted = Trusted::pinned(&keeper.files["1.root.json"], at(0)).unwrap();
    assert!(matches!(trusted.follow_timestamp(&keeper.files["timestamp.json"]), Err(TufError::Order(_))));
    assert!(matches!(trusted.snapshot_file(), Err(TufError::Order(_))));
    assert!(matches!(trusted.targets_file(), Err(TufError::Order(_))));
    assert!(matches!(trusted.target_file("keyring.json"), Err(TufError::Order(_))));
    trusted.close_roots().unwrap();
    keeper.files.insert("2.root.json".into(), keeper.root(2, &[0, 1]));
    assert!(matches!(trusted.follow_root(&keeper.files["2.root.json"]), Err(TufError::Order(_))));
}

#[test]
fn metadata_is_of_the_kind_and_the_form_that_is_asked_for() {
    let mut keeper = Keeper::new();
    let changes: [fn(&mut Value); 8] = [
        |value| value["_type"] = json!("snapshot"),
        |value| value["spec_version"] = json!("2.0.0"),
        |value| value["version"] = json!(0),
        |value| value["version"] = json!("1"),
        |value| value["expires"] = json!("soon"),
        |value| value["meta"] = json!({}),
        |value| value["meta"]["snapshot.json"]["version"] = json!(0),
        |value| value["more"] = json!({"deep": [1.5]}),
    ];
    let sound = keeper.files.clone();
    for (number, change) in changes.into_iter().enumerate() {
        keeper.files = sound.clone();
        keeper.timestamp(change);
        let error = keeper.refused(&nothing());
        assert!(matches!(&error, TufError::Malformed { .. }), "{number}: {error}");
    }
    // A key twice, which two readers read in two ways.
    let text = String::from_utf8(sound["timestamp.json"].clone()).unwrap();
    let twice = text.replacen("\"version\": 1", "\"version\": 2, \"version\": 1", 1);
    assert_ne!(twice, text);
    keeper.files.insert("timestamp.json".into(), twice.into_bytes());
    assert!(matches!(keeper.refused(&nothing()), TufError::Malformed { .. }));
    // What is not known is passed over, as the specification asks, and is signed with the rest.
    keeper.files = sound;
    keeper.timestamp(|value| value["more"] = json!({"a": [1, null, "\"\\"]}));
    keeper.visit(&nothing()).unwrap();
}
