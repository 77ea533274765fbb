//! Reports, judged by the official tools and schemas of their formats.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use xtask::parts::{self, Validators, or_skip};

fn lockgate(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), text + &String::from_utf8_lossy(&output.stderr))
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn lately() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    lockgate_model::Timestamp::from_unix(i64::try_from(seconds).unwrap() - 3600).to_string()
}

/// A workspace with a feed, and a root folder with packages whose names and licences try to break documents.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    write(&root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(
        &root,
        "var/lib/dpkg/status",
        "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.11-1\n",
    );
    let hostile =
        r#"{"name":"<b>&\"'\u0001","version":"1.0.0 <script>","license":"see <LICENSE> & \"more\""}"#;
    write(&root, "srv/node_modules/hostile/package.json", hostile);
    write(
        &root,
        "srv/node_modules/b/package.json",
        r#"{"name":"@s/b","version":"1.0.0","license":"MIT OR ISC"}"#,
    );
    write(
        &root,
        "srv/node_modules/c/package.json",
        r#"{"name":"c","version":"1.0.0","license":"Public Domain"}"#,
    );
    let feed = [
        r#"{"id":"CVE-2024-0001","modified":"2024-01-01T00:00:00Z","summary":"<img> & \"quotes\" ]]>","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.15-1"}]}]}],"references":[{"type":"ADVISORY","url":"https://example.com/a?b=c&d"}]}"#,
        r#"{"id":"GHSA-aaaa-bbbb-cccc","aliases":["CVE-2024-0002"],"modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"@s/b"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}],"references":[{"type":"WEB","url":"javascript:alert(1)"}]}"#,
    ];
    write(folder.path(), "feed.jsonl", &feed.join("\n"));
    assert_eq!(lockgate(folder.path(), &["init"]).0, 0);
    let (code, told) = lockgate(folder.path(), &["feed", "import", "feed.jsonl", "--fetched", &lately()]);
    assert_eq!(code, 0, "{told}");
    folder
}

const FORMATS: [(&str, &str); 7] = [
    ("cyclonedx", "r.cdx.json"),
    ("spdx", "r.spdx.json"),
    ("spdx3", "r.spdx3.json"),
    ("sarif", "r.sarif"),
    ("junit", "r.xml"),
    ("gitlab", "r.gitlab.json"),
    ("html", "r.html"),
];

fn reports(folder: &Path, image: &str) {
    let wanted: Vec<_> = FORMATS.iter().map(|(format, file)| format!("--report={format}={file}")).collect();
    let arguments: Vec<_> = ["scan", image].into_iter().chain(wanted.iter().map(String::as_str)).collect();
    let (code, told) = lockgate(folder, &arguments);
    assert!(code == 0 || code == 3, "{image}: {told}");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { String::new() } else { text + "failed" }
}

fn validated(validators: &Validators, folder: &Path, what: &str) {
    let script =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/reports/validate.py");
    for format in ["cyclonedx", "spdx", "spdx3"] {
        let file = FORMATS.iter().find(|(name, _)| *name == format).unwrap().1;
        let wrong =
            run(Command::new(&validators.python).arg(&script).args([format, file]).current_dir(folder));
        assert_eq!(wrong, "", "{what}: {format}");
    }
    for schema in &validators.junit {
        let wrong = run(Command::new("xmllint")
            .args(["--noout", "--schema"])
            .arg(schema)
            .arg("r.xml")
            .current_dir(folder));
        assert_eq!(wrong, "", "{what}: {}", schema.display());
    }
    let told = run(Command::new(&validators.sarif)
        .args(["validate", "r.sarif", "--output", "validated.sarif", "--log", "ForceOverwrite"])
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .current_dir(folder));
    assert_eq!(told, "", "{what}: sarif");
    let log: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("validated.sarif")).unwrap()).unwrap();
    let results = log.pointer("/runs/0/results").and_then(serde_json::Value::as_array).unwrap();
    let errors: Vec<_> =
        results.iter().filter(|one| one.get("level").is_some_and(|level| level == "error")).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

#[test]
fn documents_are_what_they_say() {
    let Some(validators) = or_skip(parts::validators(), "reports") else { return };
    let workspace = workspace();
    reports(workspace.path(), "dir:root");
    validated(&validators, workspace.path(), "hostile names");
    let Some(arena) = or_skip(parts::arena(), "images") else { return };
    for image in ["distroless", "java-meta", "rpm-mariner"] {
        reports(workspace.path(), &format!("oci:{}", arena.join("images").join(image).display()));
        validated(&validators, workspace.path(), image);
    }
}

#[test]
fn a_page_shows_text_and_runs_nothing() {
    let workspace = workspace();
    reports(workspace.path(), "dir:root");
    let page = std::fs::read_to_string(workspace.path().join("r.html")).unwrap();
    assert!(page.contains("CVE-2024-0001") && page.contains("3.0.15-1"));
    // Nothing is loaded, and what is shown is filtered without a script.
    assert!(page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
    for class in ["critical", "unrated"] {
        assert!(
            page.contains(&format!("id=\"show-{class}\"")) && page.contains(&format!("is-{class}")),
            "{class}"
        );
    }
    for bad in ["<script", "<img", "javascript:", "\u{1}", "src="] {
        assert!(!page.contains(bad), "{bad}");
    }
}

/// A report as JSON.
fn document(workspace: &Path, format: &str) -> Value {
    serde_json::from_str(&of(workspace, format, 0, &[])).unwrap()
}

/// What the schema of GitLab's container scanning report asks for (security-report-schemas 15.0.7), as far as it concerns
/// the fields that are written.
fn is_gitlabs(report: &Value) {
    let text = |value: &Value, most: usize| {
        let length = value.as_str().unwrap_or_else(|| panic!("{value} is not text")).chars().count();
        assert!((1..=most).contains(&length), "{value}");
    };
    assert_eq!(report["version"], "15.0.7");
    let scan = &report["scan"];
    assert_eq!(scan["type"], "container_scanning");
    assert!(["success", "failure"].contains(&scan["status"].as_str().unwrap()));
    for when in ["start_time", "end_time"] {
        let shape: String =
            scan[when].as_str().unwrap().chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00");
    }
    for tool in ["analyzer", "scanner"] {
        for field in ["/id", "/name", "/version", "/vendor/name"] {
            text(scan[tool].pointer(field).unwrap(), usize::MAX);
        }
        assert!(scan[tool]["url"].as_str().unwrap().starts_with("https://"));
    }
    for message in scan["messages"].as_array().unwrap() {
        assert!(["info", "warn", "fatal"].contains(&message["level"].as_str().unwrap()));
        text(&message["value"], usize::MAX);
    }
    for one in report["vulnerabilities"].as_array().unwrap() {
        text(&one["id"], usize::MAX);
        text(&one["name"], 255);
        text(&one["description"], 1_048_576);
        text(&one["solution"], 7000);
        let severities = ["Info", "Unknown", "Low", "Medium", "High", "Critical"];
        assert!(severities.contains(&one["severity"].as_str().unwrap()), "{one}");
        let identifiers = one["identifiers"].as_array().unwrap();
        assert!((1..=20).contains(&identifiers.len()));
        for field in ["type", "name", "value"] {
            for identifier in identifiers {
                text(&identifier[field], usize::MAX);
            }
        }
        for link in one["links"].as_array().unwrap() {
            let url = link["url"].as_str().unwrap();
            assert!(["https://", "http://", "ftp://"].iter().any(|scheme| url.starts_with(scheme)), "{url}");
        }
        for field in ["/dependency/package/name", "/dependency/version", "/operating_system", "/image"] {
            text(one["location"].pointer(field).unwrap(), usize::MAX);
        }
    }
    assert_eq!(report["remediations"], json!([]));
}

#[test]
fn gitlab_takes_the_report() {
    let workspace = workspace();
    is_gitlabs(&document(workspace.path(), "gitlab"));
    // A name that is longer than the schema's, and what nobody rated.
    let name = "n".repeat(300);
    let package = format!(r#"{{"name":"{name}","version":"1.0.0"}}"#);
    write(&workspace.path().join("root"), "srv/node_modules/long/package.json", &package);
    let record = format!(
        r#"{{"id":"CVE-2024-0003","modified":"2024-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"npm","name":"{name}"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}}]}}]}}]}}"#
    );
    write(workspace.path(), "more.jsonl", &record);
    assert_eq!(lockgate(workspace.path(), &["feed", "import", "more.jsonl", "--fetched", "now"]).0, 0);
    let report = document(workspace.path(), "gitlab");
    is_gitlabs(&report);
    let found = report["vulnerabilities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["location"]["dependency"]["package"]["name"] == name.as_str());
    assert_eq!(found.unwrap()["severity"], "Unknown");
}

#[test]
fn a_bill_of_materials_has_licences_and_dependencies() {
    let workspace = workspace();
    let root = |path: &str, text: &str| write(&workspace.path().join("root"), path, text);
    for (name, license) in [
        ("id", "MIT"),
        ("spelt", "Apache License 2.0"),
        ("with", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ] {
        let package = json!({"name": name, "version": "1.0.0", "license": license}).to_string();
        root(&format!("srv/node_modules/{name}/package.json"), &package);
    }
    // A module that the operating system's package manager installed.
    root(
        "var/lib/dpkg/status",
        "Package: node-six\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0.0-1\n",
    );
    root(
        "var/lib/dpkg/info/node-six.list",
        "/.\n/usr\n/usr/share\n/usr/share/nodejs\n/usr/share/nodejs/six\n/usr/share/nodejs/six/package.json\n",
    );
    root("usr/share/nodejs/six/package.json", r#"{"name":"six","version":"1.0.0"}"#);
    let bom = document(workspace.path(), "cyclonedx");
    let components = bom["components"].as_array().unwrap();
    let component = |name: &str| {
        components.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {components:?}"))
    };
    let license = |name: &str| component(name)["licenses"].clone();
    let declared = |key: &str, value: &str| json!([{"license": {key: value, "acknowledgement": "declared"}}]);
    assert_eq!(license("id"), declared("id", "MIT"));
    assert_eq!(license("spelt"), declared("id", "Apache-2.0"));
    assert_eq!(license("c"), declared("name", "LicenseRef-public-domain"));
    let expression = |text: &str| json!([{"expression": text, "acknowledgement": "declared"}]);
    assert_eq!(license("b"), expression("MIT OR ISC"));
    assert_eq!(license("with"), expression("GPL-2.0-only WITH Classpath-exception-2.0"));
    let dependencies = bom["dependencies"].as_array().unwrap();
    let on = |name: &Value| {
        let of = dependencies.iter().find(|one| one["ref"] == *name);
        of.map(|one| one["dependsOn"].as_array().unwrap().clone()).unwrap_or_default()
    };
    let all: Vec<Value> = components.iter().map(|one| one["bom-ref"].clone()).collect();
    assert_eq!(on(&json!("image")), all);
    assert_eq!(on(&component("node-six")["bom-ref"]), [component("six")["bom-ref"].clone()]);
}

#[test]
fn the_exit_code_answers_fail_on() {
    let workspace = workspace();
    let scan = |more: &[&str]| {
        let arguments: Vec<_> = ["scan", "dir:root"].iter().chain(more).copied().collect();
        lockgate(workspace.path(), &arguments)
    };
    // The hostile version cannot be compared with anything: no advisory names that package.
    assert_eq!(scan(&[]).0, 0);
    assert_eq!(scan(&["--fail-on", "critical"]).0, 4);
    let (code, told) = scan(&["--fail-on", "terrible"]);
    assert!(code == 2 && told.contains("critical"), "{told}");
    let (code, told) = scan(&["--report", "pdf"]);
    assert!(code == 2 && told.contains("cyclonedx"), "{told}");
    let (code, printed) = scan(&["--report", "sarif"]);
    assert!(code == 0 && printed.starts_with('{') && printed.contains("CVE-2024-0001"));
}

/// What a report in `format` says of this root.
fn of(workspace: &Path, format: &str, expected: i32, more: &[&str]) -> String {
    let arguments: Vec<_> = ["scan", "dir:root", "--report", format].iter().chain(more).copied().collect();
    let (code, printed) = lockgate(workspace, &arguments);
    assert_eq!(code, expected, "{format} {more:?}: {printed}");
    printed
}

/// That every output says that something is unknown, and what.
fn every_output_says(workspace: &Path, why: &str, more: &[&str]) {
    for (format, _) in FORMATS {
        let printed = of(workspace, format, 3, more);
        assert!(printed.contains(why), "{format}: {printed}");
        for clean in
            ["no known vulnerabilities", "<p>None.</p>", "\"executionSuccessful\": true", "\"success\""]
        {
            assert!(!printed.contains(clean), "{format}: {printed}");
        }
    }
    let table: Vec<_> = ["scan", "dir:root", "--fail-on", "low"].iter().chain(more).copied().collect();
    let (code, printed) = lockgate(workspace, &table);
    assert!(code == 3 && printed.contains(why), "{printed}");
    let json: Vec<_> = ["scan", "dir:root", "--output", "json"].iter().chain(more).copied().collect();
    let (code, printed) = lockgate(workspace, &json);
    assert!(code == 3 && printed.contains(why), "{printed}");
}

#[test]
fn a_scan_that_nobody_answered_says_so_in_every_output() {
    let folder = tempfile::tempdir().unwrap();
    let status = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n";
    write(folder.path(), "root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(folder.path(), "root/var/lib/dpkg/status", status);
    // No workspace, and then one without a feed.
    let (code, printed) = lockgate(folder.path(), &["scan", "dir:root", "--all"]);
    assert!(code == 3 && printed.contains("bash") && !printed.contains("0 known"), "{printed}");
    every_output_says(folder.path(), "no advisories were asked", &[]);
    assert_eq!(lockgate(folder.path(), &["init"]).0, 0);
    every_output_says(folder.path(), "no advisories were asked", &[]);

    let workspace = workspace();
    let root = |path: &str, text: &str| write(&workspace.path().join("root"), path, text);
    let (code, printed) = lockgate(workspace.path(), &["scan", "dir:root"]);
    assert!(code == 0 && printed.contains("4 packages, 2 known vulnerabilities"), "{printed}");
    let sarif = of(workspace.path(), "sarif", 0, &[]);
    for said in ["\"executionSuccessful\": true", "\"feed\": {", "Debian:12", "feed.jsonl"] {
        assert!(sarif.contains(said), "{said}: {sarif}");
    }
    for (format, _) in FORMATS {
        let printed = of(workspace.path(), format, 0, &[]);
        assert!(printed.contains("feed.jsonl") && printed.contains("sha256:"), "{format}: {printed}");
    }
    // Too old by what was asked.
    every_output_says(workspace.path(), "at most 0 days are allowed", &["--max-feed-age-days", "0"]);
    // Another release, another distribution, none, and a database that nobody reads.
    for (os_release, why) in [
        ("ID=debian\nVERSION_ID=99\n", "Debian:99"),
        ("ID=raspbian\nVERSION_ID=12\n", "raspbian:12"),
        ("ID=debian\n", "have no known release"),
        ("", "have no known release"),
        ("ID=$X\n", "os-release"),
    ] {
        root("etc/os-release", os_release);
        every_output_says(workspace.path(), why, &[]);
    }
    root("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    root("var/db/xbps/pkgdb-0.38.plist", "bash\n");
    every_output_says(workspace.path(), "xbps", &[]);
    std::fs::remove_dir_all(workspace.path().join("root/var/db/xbps")).unwrap();
    root("var/lib/dpkg/status", "");
    every_output_says(workspace.path(), "no system package was found", &[]);
}
