//! Output cannot lie: whatever an image, a feed, evidence, a policy or an argument is called, no command prints a
//! control character, an invisible one, or a line that somebody else wrote.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use layout::layer;
use lockgate::commands::args::Cli;
use lockgate::printable::is_printable;
use serde_json::{Value, json};
use support::{Ran, Workspace};

mod layout;
mod support;

/// Colours, a bell, line breaks, a carriage return, a change of direction, an invisible blank, a control sequence in one
/// character, a line separator and a stack of marks.
const EVIL: &str = "x\u{1b}[31mred\u{7}\n\rFORGED row\u{202e}\u{200b}\u{9b}1m\u{2028}e\u{301}\u{301}\u{301}";

/// An image whose packages, paths, platform, user and annotations are called badly.
fn image(folder: &Path) {
    let package = |name: &str, version: &str| {
        json!({"name": name, "version": version, "license": format!("{EVIL} licence")}).to_string()
    };
    let status = format!(
        "Package: {0}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n",
        "x\u{1b}[31m"
    );
    let tar = layer(&[
        ("etc/os-release".to_owned(), "ID=alpine\nVERSION_ID=3.22.2\n".to_owned()),
        (format!("srv/{EVIL}/node_modules/a/package.json"), package(EVIL, "1.0.0")),
        (format!("srv/{EVIL}/node_modules/b/package.json"), package("plain", "1.0.0")),
        (format!("opt/{EVIL}/node_modules/b/package.json"), package("plain", "1.0.0")),
        (format!("srv/{EVIL}/node_modules/c/package.json"), package("c", EVIL)),
        (format!("srv/{EVIL}/node_modules/broken/package.json"), format!("{{ {EVIL}")),
        ("var/lib/dpkg/status".to_owned(), status),
    ]);
    let config = json!({"author": EVIL, "config": {"User": EVIL, "Labels": {EVIL: EVIL}}});
    layout::add(folder, Some("1"), &[tar], &config, &json!({EVIL: EVIL}));
}

fn feed() -> String {
    let record = |id: &str, name: &str| {
        json!({
            "id": id, "aliases": [format!("{id}-ALIAS")], "modified": "2026-01-01T00:00:00Z", "summary": EVIL,
            "affected": [{"package": {"ecosystem": "npm", "name": name},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}],
            "references": [{"type": "ADVISORY", "url": format!("https://example.com/{EVIL}")}],
        })
        .to_string()
    };
    [
        record("CVE-2026-0001", EVIL),
        record("CVE-2026-0002", "plain"),
        record("CVE-2026-0003", "c"),
        EVIL.to_owned(),
    ]
    .join("\n")
}

const DENY: &str = "package lockgate.policy\n\ndeny contains {\"code\": \"evil\", \"title\": sprintf(\"%s\", [input.image.config.user])} if true\n";

/// A workspace in which everything that others can name is called badly.
fn workspace() -> Workspace {
    let w = Workspace::quickstart();
    let write = |path: &str, text: &str| {
        let file = w.folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    image(&w.folder.join("registry/dev/evil"));
    write("evil.jsonl", &feed());
    write("policy/evil.rego", DENY);
    write(&format!("named {EVIL}/package.json"), "{");
    let vex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("urn:{EVIL}"), "author": EVIL,
        "timestamp": "2026-01-01T00:00:00Z", "version": 1,
        "statements": [{"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": EVIL}],
            "status": "not_affected", "justification": EVIL, "impact_statement": EVIL}],
    });
    write("vex.json", &vex.to_string());
    let provenance = json!({
        "buildDefinition": {"buildType": EVIL, "externalParameters": {EVIL: EVIL},
            "resolvedDependencies": [{"uri": EVIL, "digest": {EVIL: EVIL}}]},
        "runDetails": {"builder": {"id": EVIL}, "metadata": {"invocationId": EVIL}},
    });
    write("provenance.json", &provenance.to_string());
    let bom = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{"type": "library", "name": EVIL, "version": EVIL, "purl": format!("pkg:npm/{EVIL}@1")}],
    });
    write("bom.json", &bom.to_string());
    w
}

/// The commands, in an order in which each has something to say.
const RUNS: &str = "
scan IMAGE
scan IMAGE --all
scan IMAGE --output json
scan EVIL
scan oci:EVIL:EVIL
scan dir:EVIL
scan docker-archive:EVIL
scan IMAGE --report EVIL
scan IMAGE --feed EVIL
scan IMAGE --report sarif=EVIL/EVIL
sign IMAGE --key keys/build.key
sign IMAGE --key EVIL
attest IMAGE --key keys/build.key --type openvex --predicate vex.json
attest IMAGE --key keys/build.key --type slsaprovenance1 --predicate provenance.json
attest IMAGE --key keys/build.key --type cyclonedx --predicate bom.json
attest IMAGE --key keys/build.key --type EVIL --predicate bom.json
provenance IMAGE --all
evidence list IMAGE
evidence forget FEED --image IMAGE --reason EVIL
reproduce IMAGE oci:registry/dev/web:1.4.2
judge evil:1 --to staging --all
judge evil:EVIL --to EVIL
promote evil:1 --to staging --all --actor EVIL
promote EVIL --to staging
status
history evil
history EVIL
show DECISION --all
show EVIL
explain DECISION
explain DECISION --output json
replay DECISION
ledger verify --checkpoint EVIL
ledger verify
ledger list
ledger proof 1
ledger rebuild
ledger checkpoint
recover
recover --undo DECISION --reason EVIL
init EVIL --origin EVIL
init EVIL
key generate EVIL
key generate fine
key public keys/EVIL
key public keys/build.key
key add fine --owner EVIL --role approver
key add fine --owner ann --role EVIL --stages EVIL
key add fine --owner ann --role approver --stages * --actor EVIL
key rotate fine --to EVIL
key list --all
key show fine
key blast-radius fine
key revoke fine --propose --reason EVIL
key retire EVIL
identity add EVIL --issuer EVIL --subject EVIL --owner EVIL --role builder
identity list
identity show EVIL
identity revoke EVIL --propose --reason EVIL
identity retire EVIL
identity rotate EVIL --to EVIL
identity blast-radius EVIL
trust root EVIL --expires EVIL
trust sign EVIL --key EVIL
trust export EVIL
trust import EVIL
trust update
feed import EVIL --fetched now
feed import evil.jsonl --name EVIL
feed list
feed show
feed verify EVIL
feed update
feed delta EVIL --file EVIL
feed apply EVIL
feed affected
feed remove EVIL --reason EVIL
feed remove evil.jsonl --reason EVIL
quickstart EVIL
EVIL
--EVIL
--config EVIL status
";

/// That every line is printable, and that none begins as others want it to.
fn honest(what: &str, text: &str) {
    for line in text.lines() {
        assert!(is_printable(line), "{what}: {line:?}");
        assert!(!line.trim_start().starts_with("FORGED"), "{what}: {line:?}");
    }
}

fn leaves(command: &clap::Command, at: &[&str], found: &mut BTreeSet<String>) {
    for below in command.get_subcommands() {
        let path = [at, &[below.get_name()]].concat();
        if below.has_subcommands() {
            leaves(below, &path, found);
        } else {
            found.insert(path.join(" "));
        }
    }
}

#[test]
fn no_command_prints_what_others_want_a_terminal_to_do() {
    let w = workspace();
    let imported = w.run(&["feed", "import", "evil.jsonl", "--fetched", "now"]).expect(0);
    honest("feed import", &(imported.out + &imported.err));
    let judged = w.run(&["judge", "evil:1", "--to", "staging", "--output", "json"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let decision = text(&judged.json()["decision"]);
    // Its commands may be copied: names of others are one word.
    let shown = w.run(&["show", &decision, "--all"]).out;
    assert!(shown.contains("npm install 'x\\u{1b}"), "{shown}");
    let feed = text(&w.run(&["feed", "show", "--output", "json"]).expect(0).json()["row"]["feed"]);
    let (mut missing, mut evil) = (BTreeSet::new(), 0);
    leaves(&Cli::command(), &[], &mut missing);
    let given =
        [("IMAGE", "oci:registry/dev/evil:1"), ("DECISION", &decision), ("FEED", &feed), ("EVIL", EVIL)];
    for line in RUNS.trim().lines() {
        let words = line
            .split(' ')
            .map(|word| given.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value)));
        let words: Vec<_> = words.collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let ran = w.run(&words);
        assert!((0..=4).contains(&ran.code), "{words:?}: {}", ran.err);
        honest(&format!("{words:?}"), &ran.out);
        honest(&format!("{words:?}"), &ran.err);
        evil += usize::from((ran.out + &ran.err).contains("FORGED row"));
        missing.retain(|command| !words.join(" ").starts_with(command.as_str()));
    }
    assert!(missing.is_empty(), "no run of {missing:?}");
    // The names arrive, where they can be seen.
    assert!(evil > 30, "only {evil} runs print the name");
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let w = workspace();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(w.command(&["feed", "list"]).stdout(full).output().unwrap());
    assert!(ran.code == 1 && ran.err.contains("the answer cannot be written"), "{}: {}", ran.code, ran.err);
}

#[test]
fn no_report_shows_what_others_want_a_screen_to_do() {
    let w = workspace();
    w.run(&["feed", "import", "evil.jsonl", "--fetched", "now"]).expect(0);
    for format in ["cyclonedx", "spdx", "spdx3", "sarif", "junit", "gitlab", "html"] {
        let ran = w.run(&["scan", "oci:registry/dev/evil:1", "--report", format]);
        assert!(ran.out.contains("CVE-2026-0002") || format == "spdx", "{format}: {}", ran.out);
        honest(format, &ran.out);
        // In a file it is the same text.
        w.run(&["scan", "oci:registry/dev/evil:1", "--report", &format!("{format}=report")]);
        let file = fs::read_to_string(w.folder.join("report")).unwrap();
        honest(format, &file);
    }
    // What machines read is as it was: the name itself.
    let json = w.run(&["scan", "oci:registry/dev/evil:1", "--output", "json"]).json();
    let packages = json["images"][0]["inventory"]["packages"].as_array().unwrap();
    assert!(packages.iter().any(|package| package["name"].as_str().unwrap() == EVIL), "{packages:?}");
}
