//! Secrets and setuid files of layers: what the finished file system has, and what a later layer only hides.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use lockgate_model::inventory::Setuid;
use lockgate_model::oci::{ImageConfig, Reading, media};
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::secrets::in_config;
use lockgate_scan::{LayerContent, analyse, limits, merge};
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// One entry of a layer.
struct Entry {
    kind: EntryType,
    path: String,
    link: String,
    content: Vec<u8>,
    mode: u32,
    records: Vec<(&'static str, Vec<u8>)>,
}

fn entry(kind: EntryType, path: &str, link: &str, content: &[u8]) -> Entry {
    let (path, link, content) = (path.to_owned(), link.to_owned(), content.to_vec());
    Entry { kind, path, link, content, mode: 0o755, records: Vec::new() }
}

fn file(path: &str, content: &str) -> Entry {
    entry(EntryType::Regular, path, "", content.as_bytes())
}

fn folder(path: &str) -> Entry {
    entry(EntryType::Directory, path, "", b"")
}

fn link(path: &str, target: &str) -> Entry {
    entry(EntryType::Symlink, path, target, b"")
}

fn hard(path: &str, target: &str) -> Entry {
    entry(EntryType::Link, path, target, b"")
}

impl Entry {
    fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    fn record(mut self, key: &'static str, value: &[u8]) -> Self {
        self.records.push((key, value.to_vec()));
        self
    }
}

fn layer(entries: &[Entry]) -> (Descriptor, LayerContent) {
    let mut tar = Builder::new(Vec::new());
    for one in entries {
        tar.append_pax_extensions(one.records.iter().map(|(key, value)| (*key, value.as_slice()))).unwrap();
        let mut header = Header::new_ustar();
        header.set_entry_type(one.kind);
        header.set_mode(one.mode);
        header.set_uid(7);
        header.set_gid(8);
        header.as_ustar_mut().unwrap().name[..one.path.len()].copy_from_slice(one.path.as_bytes());
        if !one.link.is_empty() {
            header.set_link_name_literal(&one.link).unwrap();
        }
        header.set_size(one.content.len() as u64);
        header.set_cksum();
        tar.append(&header, one.content.as_slice()).unwrap();
    }
    let plain = tar.into_inner().unwrap();
    let descriptor = Descriptor::of(media::OCI_LAYER, &plain);
    let content = analyse(&plain[..], &descriptor, Some(&Digest::of(&plain))).unwrap();
    let kept = LayerContent::from_bytes(&content.to_bytes().unwrap());
    assert_eq!(kept.as_ref(), Some(&content));
    (descriptor, content)
}

fn image(layers: &[&[Entry]]) -> Inventory {
    merge(&layers.iter().map(|entries| layer(entries)).collect::<Vec<_>>())
}

/// A token, in parts: other scanners read this file, too.
fn token() -> String {
    format!("{}_{}", "ghp", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17")
}

/// Path, line, layer and whether a later layer removes it, of each secret.
fn secrets(inventory: &Inventory) -> Vec<(&str, u32, Option<u32>, bool)> {
    let told =
        inventory.secrets.iter().map(|one| (one.path.as_str(), one.line, one.layer_index, one.removed));
    told.collect()
}

#[test]
fn a_secret_counts_where_it_is_and_where_it_was() {
    let env = format!("A=1\nTOKEN={}\n", token());
    let below = || vec![file("srv/.env", &env), file("srv/a.txt", "nothing")];
    let there = |upper: &[Entry]| {
        let inventory = image(&[&below(), upper]);
        assert!(inventory.unread.is_empty(), "{:?}", inventory.unread);
        assert!(inventory.secrets.iter().all(|one| one.rule == "github-token" && one.layer.is_some()));
        secrets(&inventory)
            .iter()
            .map(|(path, line, layer, gone)| (path.to_string(), *line, *layer, *gone))
            .collect::<Vec<_>>()
    };
    let standing = ("/srv/.env".to_owned(), 2, Some(0), false);
    let gone = ("/srv/.env".to_owned(), 2, Some(0), true);
    assert_eq!(there(&[file("srv/b", "")]), std::slice::from_ref(&standing));
    for upper in [
        vec![file("srv/.wh..env", "")],
        vec![file(".wh.srv", "")],
        vec![file("srv/.wh..wh..opq", "")],
        vec![file("srv/.env", "A=1\n")],
        vec![folder("srv/.env")],
        vec![link("srv/.env", "a.txt")],
        vec![file("srv", "a file now")],
    ] {
        assert_eq!(there(&upper), std::slice::from_ref(&gone));
    }
    // Replaced by one that has it, too; copied; moved by a hard link, which keeps the content in the lower layer.
    let again = ("/srv/.env".to_owned(), 1, Some(1), false);
    assert_eq!(there(&[file("srv/.env", &token())]), [again, gone.clone()]);
    let moved = |path: &str| (path.to_owned(), 2, Some(0), false);
    assert_eq!(there(&[hard("srv/x", "srv/.env")]), [moved("/srv/.env"), moved("/srv/x")]);
    assert_eq!(there(&[hard("srv/x", "srv/.env"), file("srv/.wh..env", "")]), [moved("/srv/x")]);
}

#[test]
fn a_secret_is_found_in_the_way_of_its_file() {
    let text = format!("\"{}\"", token());
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    for (path, content, expected) in [
        ("srv/package.json", format!("{{\"name\":\"a\",\"version\":\"1.0.0\",\"x\":{text}}}"), true),
        ("srv/config.json", format!("{{\"x\":{text}}}"), true),
        ("srv/anything", key.to_owned(), true),
        ("srv/anything", format!(" {key}"), false),
        ("srv/data", text.clone(), false),
        ("srv/node_modules/a/config.json", format!("{{\"x\":{text}}}"), false),
        ("usr/share/x/anything", key.to_owned(), false),
    ] {
        let inventory = image(&[&[file(path, &content)]]);
        assert_eq!(inventory.secrets.len(), usize::from(expected), "{path}: {:?}", inventory.secrets);
    }
    // The same file twice in one layer: the first can be pulled, too. Links in the way are followed.
    let twice = image(&[&[file("srv/.env", &token()), file("srv/.env", "A=1")]]);
    assert_eq!(secrets(&twice), [("/srv/.env", 1, Some(0), true)]);
    let linked = image(&[&[folder("data"), link("srv", "data"), file("srv/.env", &token())]]);
    assert_eq!(secrets(&linked), [("/data/.env", 1, Some(0), false)]);
    // Where runtimes make two file systems, either is listed, and what one has is not told as removed.
    let linked = image(&[&[folder("data"), link("srv", "data")], &[file("srv/.env", &token())]]);
    assert_eq!(secrets(&linked), [("/data/.env", 1, Some(1), false), ("/srv/.env", 1, Some(1), false)]);
    let forked = image(&[&[file("srv/.env", &token())], &[file(".wh.srv", ""), folder("srv")]]);
    assert_eq!(secrets(&forked), [("/srv/.env", 1, Some(0), false)]);
}

#[test]
fn what_is_kept_of_a_secret_does_not_hold_it() {
    let layers = [layer(&[file("srv/.env", &token())]), layer(&[file("srv/.wh..env", "")])];
    let inventory = merge(&layers);
    assert_eq!(inventory.secrets.len(), 1);
    let kept = layers.iter().filter_map(|(_, content)| content.to_bytes()).flatten().collect::<Vec<_>>();
    let told = serde_json::to_vec(&inventory).unwrap();
    for bytes in [kept, told, format!("{layers:?} {inventory:?}").into_bytes()] {
        let half = &token()[10..30];
        assert!(!bytes.windows(half.len()).any(|window| window == half.as_bytes()));
    }
}

#[test]
fn secrets_beyond_a_limit_are_told() {
    let many: Vec<_> =
        (0..limits::SECRET_FILES + 9).map(|at| file(&format!("srv/{at}.env"), &token())).collect();
    let inventory = image(&[&many]);
    assert_eq!(inventory.secrets.len(), limits::SECRETS + 1);
    assert!(inventory.secrets.iter().any(|one| one.rule == "not-searched"), "{:?}", inventory.secrets[0]);
    let (_, content) = layer(&many);
    assert_eq!(content.secrets.len(), limits::SECRET_FILES + 1);
}

/// Path, mode, layer and capabilities of each setuid file.
fn setuid(layers: &[&[Entry]]) -> Vec<(String, String, u32, String)> {
    let inventory = image(layers);
    assert!(inventory.unread.is_empty(), "{:?}", inventory.unread);
    let told = inventory.setuid.into_iter().map(|one| {
        let Setuid { path, mode, layer_index, capabilities, owner, group, .. } = one;
        assert_eq!((owner, group), (7, 8));
        (path, mode, layer_index, capabilities.join(" "))
    });
    told.collect()
}

#[test]
fn setuid_files_are_those_of_the_finished_file_system() {
    let one = |path: &str, mode: &str, layer| (path.to_owned(), mode.to_owned(), layer, String::new());
    let su = |mode| file("bin/su", "x").mode(mode);
    for (mode, told) in
        [(0o4755, true), (0o2755, true), (0o6711, true), (0o755, false), (0o1755, false), (0o4644, false)]
    {
        let expected: Vec<_> = told.then(|| one("/bin/su", &format!("{mode:o}"), 0)).into_iter().collect();
        assert_eq!(setuid(&[&[su(mode)]]), expected, "{mode:o}");
    }
    // The last entry counts: a later layer takes the bit away, sets it, or removes the file.
    assert_eq!(setuid(&[&[su(0o4755)], &[su(0o755)]]), []);
    assert_eq!(setuid(&[&[su(0o755)], &[su(0o4755)]]), [one("/bin/su", "4755", 1)]);
    assert_eq!(setuid(&[&[su(0o4755)], &[file("bin/.wh.su", "")]]), []);
    assert_eq!(setuid(&[&[su(0o4755)], &[link("bin/su", "x")]]), []);
    // Folders and links run nothing.
    assert_eq!(setuid(&[&[folder("var/mail").mode(0o2775), link("bin/x", "su").mode(0o4777)]]), []);
    // Another name of such a file is one, whatever it is called and whatever mode the name comes with.
    let both = [one("/bin/su", "4755", 0), one("/opt/x", "4755", 1)];
    assert_eq!(setuid(&[&[su(0o4755)], &[hard("opt/x", "bin/su").mode(0o755)]]), both);
    let linked = hard("opt/x", "bin/su").mode(0o4755);
    assert_eq!(setuid(&[&[su(0o755)], &[linked]]), [one("/opt/x", "4755", 1)]);
    // Also of a file that is known for something else.
    let known = file("srv/.env", &token());
    let named = hard("opt/x", "srv/.env").mode(0o4755);
    assert_eq!(setuid(&[&[known], &[named]]), [one("/opt/x", "4755", 1)]);
    let above = [one("/opt/x", "4755", 1)];
    assert_eq!(setuid(&[&[su(0o4755)], &[hard("opt/x", "bin/su"), file("bin/.wh.su", "")]]), above);
    // Through a link in the way: of its own layer, and of a lower one, which some runtimes follow and others replace.
    assert_eq!(setuid(&[&[link("bin", "usr/bin"), su(0o4755)]]), [one("/usr/bin/su", "4755", 0)]);
    let two = [one("/bin/su", "4755", 1), one("/usr/bin/su", "4755", 1)];
    assert_eq!(setuid(&[&[link("bin", "usr/bin")], &[su(0o4755)]]), two);
}

#[test]
fn capabilities_are_read_of_pax_records() {
    const KEY: &str = "SCHILY.xattr.security.capability";
    let bytes = |words: [u32; 5]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let ping = |value: &[u8]| file("bin/ping", "x").record(KEY, value);
    let raw = bytes([0x0200_0001, 1 << 13, 0, 0, 0]);
    let told = setuid(&[&[ping(&raw)]]);
    assert_eq!(told, [("/bin/ping".to_owned(), "755".to_owned(), 0, "cap_net_raw".to_owned())]);
    assert_eq!(setuid(&[&[ping(b"odd")]])[0].3, "unreadable");
    assert_eq!(setuid(&[&[ping(&raw).mode(0o644)]]), []);
    assert_eq!(setuid(&[&[ping(&raw)], &[file("bin/ping", "x")]]), []);
    assert_eq!(setuid(&[&[ping(&bytes([0x0200_0001, 0, 0, 0, 0]))]]), []);
    let numbered = file("bin/a", "x").mode(0o4755).record("uid", b"7").record("gid", b"8");
    assert_eq!(setuid(&[&[numbered]]).len(), 1);
}

#[test]
fn setuid_files_have_the_package_that_brought_them() {
    let status = "Package: login\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    let base = || {
        vec![
            link("bin", "usr/bin"),
            file("var/lib/dpkg/status", status),
            file("var/lib/dpkg/info/login.list", "/.\n/bin/su\n/usr/bin/passwd\n/usr/bin/find\n"),
            file("usr/bin/su", "x").mode(0o4755),
            file("usr/bin/passwd", "x").mode(0o4755),
            file("usr/bin/other", "x").mode(0o4755),
            file("usr/bin/find", "x"),
        ]
    };
    let upper = [file("usr/bin/find", "x").mode(0o4755)];
    let inventory = image(&[&base(), &upper]);
    let told: Vec<_> = inventory.setuid.iter().map(|one| (one.path.as_str(), one.package.as_str())).collect();
    // A later layer that sets the bit is nobody's package.
    assert_eq!(
        told,
        [
            ("/usr/bin/find", ""),
            ("/usr/bin/other", ""),
            ("/usr/bin/passwd", "login"),
            ("/usr/bin/su", "login")
        ]
    );
}

#[test]
fn more_setuid_files_than_are_noted_are_told() {
    let many: Vec<_> =
        (0..limits::SETUID_FILES + 3).map(|at| file(&format!("s/{at}"), "").mode(0o4755)).collect();
    let inventory = image(&[&many]);
    assert_eq!((inventory.setuid.len(), inventory.unread.len()), (limits::SETUID_FILES, 1));
}

#[test]
fn secrets_of_the_config_are_told_by_their_place() {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {
            "Env": ["PATH=/bin", format!("{}=x", token()), "A=1\n2", format!("B=1\nC={}", token())],
            "Cmd": ["run", format!("--token={}", token())], "Labels": {"a": "b", "z": token()},
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [{"created_by": "RUN x"}, {}, {"created_by": format!("|1 TOKEN={} /bin/sh -c y", token()), "empty_layer": true}],
    });
    let config = ImageConfig::read(Reading::Strict, config.to_string().as_bytes()).unwrap();
    let told = in_config(&config);
    let places: Vec<_> = told.iter().map(|one| (one.path.as_str(), one.line)).collect();
    assert_eq!(
        places,
        [
            ("config.Env[1]", 1),
            ("config.Env[3]", 2),
            ("config.Cmd[1]", 1),
            ("config.Labels[1]", 1),
            ("config.history[2]", 1)
        ]
    );
    assert!(!format!("{told:?}").contains(&token()[8..20]));
    // Two variables make one access key.
    let secret = "mY7kQ2vR9tXcW4bN1zLpJ8sHdF6gA3eUoTiKq5Bx";
    let env = [format!("ID={}{}", "AKI", "AQ3EGSNJXVTQ2WZ7L"), format!("KEY={secret}")];
    let config = json!({"config": {"Env": env}, "rootfs": {}});
    let config = ImageConfig::read(Reading::Strict, config.to_string().as_bytes()).unwrap();
    assert_eq!(in_config(&config).len(), 1);
}
