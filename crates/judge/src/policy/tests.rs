//! The contract of policies: each spelling is asked or told, whatever a policy does stays within its bounds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::format_collect,
    reason = "a test may panic, and is as long as its table"
)]

mod bounds;

use serde_json::{Value, json};

use super::*;
use crate::samples::SAMPLES;

/// METADATA that say what they must.
const SAID: &str =
    "# METADATA\n# title: T\n# description: D\n# custom:\n#   code: p.c\n#   owner: o\n#   remediation: r\n";

fn input() -> Value {
    json!({
        "as_of": "2026-11-27T00:00:00Z", "service": "shop", "from": "dev", "to": "prod",
        "artifact": {"digest": "sha256:a", "mediaType": "m", "annotations": {}},
        "images": [{
            "platform": "linux/amd64", "manifest": "sha256:b", "annotations": {},
            "config": {"user": "app", "runs_as_root": false, "exposed_ports": ["80/tcp"], "labels": {"team": "x", "n": "abc"}},
            "distribution": {"id": "alpine", "version": "3.22.1"},
            "packages": [{"name": "musl", "version": "1", "ecosystem": "Alpine:v3.22", "licenses": ["MIT"], "path": "/p"}],
            "secrets": [{"rule": "github-token", "path": "/srv/.env", "line": 3, "layer": "sha256:c", "removed": true}],
            "setuid": [{
                "path": "/bin/su", "mode": "4755", "owner": 0, "group": 0, "capabilities": ["cap_chown"],
                "layer": "sha256:c", "package": "util-linux",
            }],
        }],
        "findings": [{
            "code": "c", "severity": "low", "effect": "advise", "subject": "s", "title": "t", "rationale": "r",
            "remediation": "m", "owner": "o", "details": {"epss": 0.1},
        }],
    })
}

/// What the rules say, or the kind of problem and its line.
fn outcome(files: &[(&str, &str)]) -> Result<Vec<String>, Vec<(&'static str, usize, String)>> {
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let told = |problem: &Problem| (problem.kind, problem.place.line, problem.what.clone());
    let policies =
        Policies::read(&files).map_err(|problems| problems.iter().map(told).collect::<Vec<_>>())?;
    let asked: Vec<_> = policies.asked.iter().collect();
    let said = policies.evaluate(&asked, &input()).map_err(|problem| vec![told(&problem)])?;
    Ok(said.into_iter().map(|said| said.message.to_string()).collect())
}

fn one(text: &str) -> Result<Vec<String>, Vec<(&'static str, usize, String)>> {
    outcome(&[("policy/p.rego", text)])
}

/// That `text` is told as a problem of that kind at that line.
fn told(kind: &str, line: usize, text: &str) {
    match one(text) {
        Ok(said) => panic!("not told ({said:?}):\n{text}"),
        Err(problems) => {
            let found = problems.iter().any(|(found, at, _)| *found == kind && *at == line);
            assert!(found, "expected {kind} in line {line}, got {problems:?}:\n{text}");
        }
    }
}

/// That the one rule of `body` is asked and says something.
fn asked(body: &str) {
    let text = format!("package p\n\n{SAID}{body}");
    assert_eq!(one(&text).map(|said| said.len()), Ok(1), "{text}");
}

#[test]
fn the_shipped_policies_keep_the_contract() {
    let files: Vec<_> = SAMPLES.iter().map(|sample| (sample.path, sample.text)).collect();
    assert!(outcome(&files).is_ok(), "{:?}", outcome(&files));
}

#[test]
fn rules_are_asked_wherever_they_stand() {
    for body in [
        "deny contains \"m\" if true\n",
        "deny contains \"m\"\n",
        "deny contains msg if {\n\tmsg := \"m\"\n}\n",
        "  deny contains \"m\" if { true }\n",
        "\tdeny   contains\t\"m\" if true\n",
        "deny contains {\"msg\": \"m\"} if true\n",
        "deny # why\n\tcontains \"m\" if true\n",
        "deny\ncontains\n\"m\"\nif\ntrue\n",
        "deny contains msg if { some image in input.images; msg := image.platform }\n",
        "deny contains concat(\"\", [\"a\", \"b\"])\n",
        "deny contains msg if msg := \"m\"\n",
        "pause contains \"m\" if true\n",
        "warn contains \"m\" if true\n",
        "deny contains msg if {\n\tevery image in input.images { image.platform != \"\" }\n\tmsg := \"m\"\n}\n",
        "deny contains \"m\" if true; x := 1\n\n# x\nconstant := 1\n",
    ] {
        asked(body.trim_end_matches("; x := 1\n\n# x\nconstant := 1\n"));
    }
    // After another rule on the same line: its METADATA would have to stand above it.
    told("metadata", 4, "package p\n\nx if {\ntrue } deny contains \"m\" if x\n");
}

#[test]
fn rules_of_another_shape_are_told() {
    for body in [
        "deny if { true }",
        "deny if true",
        "deny := true",
        "deny = true",
        "deny := {\"m\"}",
        "deny := {{\"msg\": \"m\"}}",
        "deny := {\"msg\": \"m\"}",
        "deny := [\"m\"]",
        "deny := \"m\" if true",
        "default deny := true",
        "default deny = false",
        "default deny(x) := true",
        "deny(x) := x",
        "deny(x) if x",
        "deny[\"m\"]",
        "deny[\"m\"] if true",
        "deny[msg] if msg := \"m\"",
        "deny[\"m\"] := true",
        "deny[x] := y if { some x, y in {\"a\": 1} }",
        "deny.x := true",
        "deny.x contains \"m\" if true",
        "deny.x.y contains \"m\" if true",
        "x.deny contains \"m\" if true",
        "deny := true if false else := false",
        "pause if true",
        "pause := \"m\"",
        "warn := [1]",
        "warn[\"m\"] := 1",
        "default warn := \"m\"",
        "default pause := false",
        "  deny := true",
        "\tdeny if true",
    ] {
        for before in ["", "fine := 1\n"] {
            let text = format!("package p\n\n{SAID}warn contains \"w\" if false\n\n{before}{body}\n");
            told("shape", 11 + before.lines().count() + 1, &text);
        }
    }
}

#[test]
fn names_that_nothing_asks_are_told() {
    for name in [
        "Deny",
        "DENY",
        "dEny",
        "denied",
        "denies",
        "dney",
        "deyn",
        "den",
        "denyy",
        "deny_root",
        "deny_all",
        "violation",
        "violations",
        "Violation",
        "allow",
        "allowed",
        "reject",
        "refuse",
        "forbid",
        "forbidden",
        "block",
        "blocked",
        "fail",
        "error",
        "errors",
        "Pause",
        "PAUSE",
        "puase",
        "pasue",
        "pauze",
        "hold",
        "Warn",
        "WARN",
        "wran",
        "warning",
        "warnings",
        "warn_old",
        "main",
        "policy",
        "result",
        "not_allowed",
        "must_not_run",
        "_deny",
        "violation_root",
    ] {
        for rule in [
            "{} contains \"m\" if true",
            "{} if true",
            "{} := true if true",
            "  {} contains \"m\"",
            "{}[\"k\"] := 1",
        ] {
            let rule = rule.replace("{}", name);
            let alone = format!("package p\n\n{rule}\n");
            let beside = format!("package p\n\n{SAID}deny contains \"m\" if false\n\n{rule}\n");
            assert!(one(&alone).is_err(), "not told: {alone}");
            told("not-asked", 12, &beside);
        }
        let spelled = format!("package p\n\n{SAID}{name} contains \"m\" if true\n");
        assert!(one(&spelled).is_err(), "not told: {spelled}");
    }
    told("not-asked", 3, "package p\n\ndefault allow := false\n");
    told("not-asked", 3, "package p\n\nallow if { input.to == \"x\"\n} deny_x contains \"m\" if { true }\n");
    told("not-asked", 0, "package p\n");
    told("not-asked", 0, "package p\n\nhelper := 1\n");
}

#[test]
fn what_is_used_need_not_be_asked() {
    for body in [
        "deny contains \"m\" if violation\n\nviolation if true\n",
        "deny contains \"m\" if allowed[\"x\"]\n\nallowed contains \"x\"\n",
        "deny contains \"m\" if not allow\n\ndefault allow := false\n\nallow if input.to == \"nowhere\"\n",
        "deny contains \"m\" if deny_root(1)\n\ndeny_root(x) if x == 1\n",
        "deny contains msg if { some msg in messages }\n\nmessages contains \"m\" if true\n",
        "deny contains m if { m := data.p.word }\n\nword := \"w\"\n",
        "deny contains \"m\" if true\n\nlimits := {\"a\": [1, 2]}\n\nunused(x) := x + 1\n",
        "deny contains \"m\" if { x := value; x == 1 }\n\nvalue := 1 if true\n\nvalue := 2 if false\n\ndefault value := 3\n",
    ] {
        asked(body);
    }
    let rule = format!("package p\n\nimport data.lib\n\n{SAID}deny contains \"m\" if lib.bad[\"x\"]\n");
    for library in [
        "package lib\n\nbad contains \"x\"\n",
        "package lib\n\nbad[\"x\"] := true\n",
        "package lib\n\nbad := {\"x\"}\n",
    ] {
        assert_eq!(
            outcome(&[("a.rego", &rule), ("b.rego", library)]).map(|said| said.len()),
            Ok(1),
            "{library}"
        );
    }
    let found = outcome(&[
        ("a.rego", &rule),
        ("b.rego", "package lib\n\nbad := {\"x\"}\n"),
        ("c.rego", "package c\n\nx if true\n"),
    ]);
    assert!(found.is_err_and(|problems| problems.iter().all(|(kind, ..)| *kind == "not-asked")));
    // Tests are not evaluated.
    let test = "package p_test\n\nimport data.p\n\ntest_deny if p.deny with input as {\"images\": []}\n";
    assert_eq!(
        outcome(&[("a.rego", &rule), ("b.rego", "package lib\n\nbad := {\"x\"}\n"), ("a_test.rego", test)])
            .map(|said| said.len()),
        Ok(1)
    );
}

#[test]
fn references_to_rules_that_are_not_there_are_told() {
    let library = "package lib\n\nbanned contains \"x\"\n\nends := {\"a\": 1}\n";
    for (reference, there) in [
        ("data.lib.banned[\"x\"]", true),
        ("lib.banned[\"x\"]", true),
        ("data[\"lib\"].banned[\"x\"]", true),
        ("lib.ends[\"b\"]", true),
        ("data.lib.baned[\"x\"]", false),
        ("lib.baned[\"x\"]", false),
        ("data.lb.banned[\"x\"]", false),
        ("data[\"lib\"][\"baned\"]", false),
        ("not data.lib.baned", false),
        ("\"x\" in lib.baned", false),
        ("count(data.config) > 0", false),
    ] {
        let rule = format!(
            "package p\n\nimport data.lib\n\n{SAID}deny contains \"m\" if {{\n\tlib.banned[\"x\"]\n\t{reference}\n}}\n"
        );
        let found = outcome(&[("a.rego", &rule), ("b.rego", library)]);
        assert_eq!(found.is_ok(), there, "{reference}: {found:?}");
    }
}

#[test]
fn files_of_tests_hold_tests() {
    let rule = format!("package p\n\n{SAID}deny contains \"m\" if true\n");
    for (test, fine) in [
        ("package p_test\n\ntest_x if data.p.deny\n", true),
        ("package p_test\n\nhelper := 1\n\ntest_x if data.p.deny with input as {\"any\": 1}\n", true),
        ("package p_test\n\ndeny contains \"m\" if true\n", false),
        ("package p_test\n\ntest_x if true\n\ndeny contains \"m\" if true\n", false),
        ("package p_test\n\nx if true\n", false),
        ("package p_test\n\ntest_x if {\n", false),
    ] {
        let found = outcome(&[("a.rego", &rule), ("a_test.rego", test)]);
        assert_eq!(found.is_ok(), fine, "{test}: {found:?}");
    }
}

#[test]
fn one_package_has_one_name() {
    let first = format!("package a.b\n\n{SAID}deny contains \"m\" if true\n");
    let second = format!("package a[\"b\"]\n\n{}warn contains \"w\" if true\n", SAID.replace("p.c", "p.d"));
    let third =
        format!("package a[\"b c\"].d\n\n{}deny contains \"n\" if true\n", SAID.replace("p.c", "p.e"));
    let files = [("1.rego", first), ("2.rego", second), ("3.rego", third)];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let policies = Policies::read(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    let packages: Vec<_> = policies.asked.iter().map(|one| one.package.as_str()).collect();
    assert_eq!(packages, ["a.b", "a.b", "a[\"b c\"].d"]);
    let asked: Vec<_> = policies.asked.iter().collect();
    assert_eq!(policies.evaluate(&asked, &input()).map(|said| said.len()), Ok(3));
}

#[test]
fn metadata_that_would_be_passed_over_are_told() {
    let rule = "deny contains \"m\" if true\n";
    for (line, text) in [
        (3, SAID.replace("# METADATA", "#METADATA")),
        (3, SAID.replace("# METADATA", "# Metadata")),
        (3, SAID.replace("# METADATA", "# metadata")),
        (3, SAID.replace("# METADATA", "# METADATA:")),
        (3, SAID.replace("# METADATA", "## METADATA")),
        (3, SAID.replace("# METADATA", "#  METADATA")),
        (3, SAID.replace("# METADATA", "# METDATA")),
        (3, SAID.replace("# METADATA", "# META DATA")),
        (3, SAID.replace("# METADATA", " # METADATA")),
        (3, format!("{SAID}\n")),
        (3, format!("{SAID}# custom: again\n")),
        (3, SAID.replace("#   owner: o\n", "")),
        (3, SAID.replace("#   code: p.c\n", "")),
        (3, SAID.replace("# title: T\n", "")),
        (3, SAID.replace("# description: D\n", "# description:\n")),
        (3, SAID.replace("#   remediation: r\n", "#   remediation: \"\"\n")),
        (3, SAID.replace("#   owner: o\n", "# owner: o\n")),
        (3, SAID.replace("custom", "custum")),
        (3, SAID.replace("code", "cod")),
        (3, format!("{SAID}#   severty: low\n")),
        (3, format!("{SAID}#   severity: HIGH\n")),
        (3, SAID.replace("# title: T\n", "# title: T\n# scope: document\n")),
        (3, SAID.replace("# title: T\n", "# title: T\n# scope: package\n")),
        (3, SAID.replace("# title: T\n", "# title: [T\n")),
        (3, SAID.replace("# title: T\n", "# title: *x\n")),
        (3, SAID.replace("# title: T\n", "# title: T\n# title: U\n")),
        (3, SAID.replace("#   code", "#\tcode")),
        (3, format!("{SAID}other := 1\n")),
    ] {
        let text = format!("package p\n\n{text}{rule}");
        let problems = one(&text).unwrap_err();
        let found = problems.iter().any(|(kind, at, _)| *kind == "metadata" && *at >= line);
        assert!(found, "{problems:?}\n{text}");
    }
    // A code on another name, METADATA above nothing, and two rules that could not be told apart.
    told("metadata", 13, &format!("package p\n\n{SAID}deny contains \"m\" if x\n\n\n{SAID}x if true\n"));
    told("metadata", 11, &format!("package p\n\n{SAID}{rule}{SAID}"));
    told(
        "metadata",
        19,
        &format!("package p\n\n{SAID}{rule}\n{}{rule}", SAID.replace("title: T", "title: U")),
    );
    told("metadata", 1, &format!("{SAID}package p\n\n{SAID}{rule}"));
    // What the package says holds for its rules.
    let shared = "# METADATA\n# title: T\n# description: D\n# custom:\n#   owner: o\n#   remediation: r\npackage p\n\n# METADATA\n# custom:\n#   code: c\n";
    assert_eq!(one(&format!("{shared}{rule}")).map(|said| said.len()), Ok(1));
}

#[test]
fn paths_that_the_input_lacks_are_told() {
    for (path, good) in [
        ("input.imgs", "input.images"),
        ("input[\"imgs\"]", "input[\"images\"]"),
        ("input[`imgs`]", "input[`images`]"),
        ("input.servce", "input.service"),
        ("input.artifact.mediatype", "input.artifact.mediaType"),
        ("input.images[0].pkgs", "input.images[0].packages"),
        ("input.images[_].pkgs", "input.images[_].packages"),
        ("input.images[_][\"pkgs\"]", "input.images[_][\"packages\"]"),
        ("input.images[i].config.User", "input.images[i].config.user"),
        ("input.images[_].config.label.team", "input.images[_].config.labels.team"),
        ("input.images.packages", "input.images[0].packages"),
        ("input.images[_].packages[_].license", "input.images[_].packages[_].licenses"),
        ("input.images[_].distribution.name", "input.images[_].distribution.id"),
        ("input.findings[_].level", "input.findings[_].severity"),
        ("input.service.name", "input.service"),
        ("input.images[_].platform.os", "input.images[_].platform"),
        ("object.get(input, \"imgs\", [])", "object.get(input, \"images\", [])"),
        ("object.get(input, [\"artifact\", \"sha\"], 1)", "object.get(input, [\"artifact\", \"digest\"], 1)"),
        ("[x | x := input.images[_].pkgs]", "[x | x := input.images[_].packages]"),
        ("{x | some y in input.images; x := y.pkgs}", "{x | some y in input.images; x := y.packages}"),
        (
            "{y.platform: y.pkgs | some y in input.images}",
            "{y.platform: y.packages | some y in input.images}",
        ),
        ("[y | some y in input.images][0].pkgs", "[y | some y in input.images][0].packages"),
        ("shape(input.images[0])", "sound(input.images[0])"),
        ("first.pkgs", "first.packages"),
        ("all[_].pkgs", "all[_].packages"),
        ("data.p.first.pkgs", "data.p.first.packages"),
        ("imported.pkgs", "imported.packages"),
        ("sort(input.images)[0].pkgs", "sort(input.images)[0].packages"),
        ("input[name]", "input[named]"),
        ("(input).imgs", "input.images"),
    ] {
        let text = |path: &str| {
            format!("package p\n\nimport input.images[\"x\"] as unused\n\n{SAID}deny contains \"m\" if {{\n\tx := {path}\n\tx != \"\"\n}}\n\nshape(image) := image.pkgs\n\nsound(image) := image.packages\n\nfirst := input.images[0]\n\nall contains image if some image in input.images\n\nname := \"imgs\"\n\nnamed := \"images\"\n").replace("import input.images[\"x\"] as unused\n\n", "import input.artifact as artifact\n\n").replace("imported.pkgs", "artifact.pkgs").replace("imported.packages", "artifact.digest")
        };
        let text = |path: &str| {
            if path.starts_with("shape") {
                text(path)
            } else {
                text(path).replace("shape(image) := image.pkgs\n\n", "")
            }
        };
        if path == "(input).imgs" {
            assert!(one(&text(path)).is_err(), "{path}");
            continue;
        }
        let problems = one(&text(path)).unwrap_err();
        assert!(problems.iter().any(|(kind, line, _)| *kind == "input" && *line > 0), "{path}: {problems:?}");
        let problems = one(&text(good)).err().unwrap_or_default();
        assert!(problems.iter().all(|(kind, ..)| *kind != "input"), "{good}: {problems:?}");
    }
    for statements in [
        "i := input\n\ti.imgs",
        "i := input\n\tj := i\n\tj.imgs",
        "i = input\n\ti.imgs",
        "input = i\n\ti.imgs",
        "some x in input.images\n\tx.pkgs",
        "some _, x in input.images\n\tx.pkgs",
        "some i\n\tx := input.images[i]\n\tx.pkgs",
        "x := input.images[_]\n\tsome p in x.packages\n\tp.licence",
        "every x in input.images { x.pkgs }",
        "not input.imgs",
        "not input.images[0].pkgs",
        "some image in input.images\n\tlabel := \"usr\"\n\timage.config[label]",
        "x.pkgs\n\tx := input.images[0]",
        "some {\"pkgs\": p} in input.images\n\tp",
        "[first, _] := input.images\n\tfirst.pkgs",
        "count(input.images[_].pkgs) > 1",
        "\"x\" in input.images[_].pkgs",
        "input.images[_].pkgs[_].name == \"x\"",
        "input.images[_].config.labels.team == input.team",
    ] {
        let text = format!("package p\n\n{SAID}deny contains \"m\" if {{\n\t{statements}\n}}\n");
        let problems = one(&text).unwrap_err();
        assert!(problems.iter().any(|(kind, ..)| *kind == "input"), "{statements}: {problems:?}");
    }
    // Open parts are open.
    for path in [
        "input.images[_].config.labels.anything",
        "input.images[_].config.labels[\"org.x/y\"]",
        "input.images[_].annotations.x",
        "input.artifact.annotations[\"x\"]",
        "input.findings[_].details.epss",
        "input.findings[_].details[\"fixed\"]",
    ] {
        let text = format!("package p\n\n{SAID}deny contains \"m\" if {path} == \"nothing\"\n");
        assert_eq!(one(&text), Ok(vec![]), "{path}");
    }
}

#[test]
fn only_listed_builtins_run() {
    let names: Vec<&str> = super::builtins::ALLOWED.iter().map(|(name, ..)| *name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for (name, arguments, _) in super::builtins::ALLOWED {
        let found = regorus::unstable::BUILTINS.get(name).map(|(_, arguments)| usize::from(*arguments));
        assert_eq!(found, Some(arguments), "{name}");
    }
    for call in [
        "http.send({})",
        "http[\"send\"]({})",
        "rand.intn(\"a\", 2)",
        "rand[\"intn\"](\"a\", 2)",
        "numbers.range(1, 3)",
        "numbers[\"range\"](1, 50000000)",
        "numbers[`range`](1, 2)",
        "numbers.range_step(1, 2, 1)",
        "time.now_ns()",
        "time.parse_rfc3339_ns(\"x\")",
        "uuid.rfc4122(\"x\")",
        "opa.runtime()",
        "trace(\"x\")",
        "print(\"x\")",
        "walk(input)",
        "bits.lsh(1, 1000000000)",
        "units.parse(\"1G\")",
        "units.parse_bytes(\"1G\")",
        "json.patch({}, [])",
        "json.unmarshal(\"{}\")",
        "yaml.unmarshal(\"a\")",
        "graph.reachable({}, {})",
        "crypto.sha256(\"x\")",
        "nope(1)",
        "net.lookup_ip_addr(\"x\")",
        "io.jwt.decode(\"x\")",
        "rego.metadata.rule()",
        "strings.replace_n({}, \"x\")",
        "__builtin_sets.union({1}, {2})",
        "__lockgate_made(1)",
        "regex.template_match(\"a\", \"b\", \"c\", \"d\")",
        "concat(\"\", [\"a\"], x)",
        "split(\"a\", \"b\", [x, _])",
        "count()",
        "input.f(1)",
        "data.p.nothing(1)",
    ] {
        for body in
            ["\"#\" == \"#\"; x := {}\n\tx", "x := 1; not {}", "y := [z | z := {}]; y", "true; {}", "{} == 1"]
        {
            let text =
                format!("package p\n\n{SAID}deny contains \"m\" if {{\n\t{}\n}}\n", body.replace("{}", call));
            assert!(one(&text).is_err(), "{text}");
        }
    }
    for text in [
        "deny contains \"m\" if input.to == \"x\" with input as {}",
        "deny contains \"m\" if count([1]) == 1 with count as rand.intn",
        "deny contains \"m\" if f(1) with data.p.f as http.send\n\nf(x) := x",
    ] {
        told("builtin", 10, &format!("package p\n\n{SAID}{text}\n"));
    }
    for name in ["walk", "count", "http.send", "rand.intn"] {
        told(
            "builtin",
            12,
            &format!("package p\n\n{SAID}deny contains \"m\" if {name}(1)\n\n{name}(x) if x == 1\n"),
        );
    }
}

#[test]
fn broken_files_are_told_with_their_line() {
    for (text, line) in [
        ("", 0),
        ("deny contains 1", 1),
        ("package", 1),
        ("package p\n\ndeny contains msg if {\n", 0),
        ("package p\n\nimport foo.bar\n", 3),
        ("package p\n\ndeny contains \"\u{7}\" if true\n", 0),
        ("package p\n\ndeny { true }\n", 3),
        ("package p\n\nx := 1 +\n", 0),
        ("\u{feff}package p\n", 1),
        ("package p\n\nx := `é`.y[`éééééééééééééééééééééééééééééééééééééééééééééé`] + {\n", 0),
    ] {
        let problems = one(text).unwrap_err();
        assert!(problems.iter().any(|(_, at, _)| line == 0 || *at == line), "{text:?}: {problems:?}");
    }
    assert!(Policies::read(&[("p.rego", b"package p\n\xff")]).is_err());
}

#[test]
fn the_input_is_as_its_schema_says() {
    fn fits(shape: &super::schema::Shape, value: &Value, path: &str) {
        use super::schema::Shape;
        match (shape, value) {
            (Shape::Text, Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::Open, _) => {}
            (Shape::List(of), Value::Array(items)) => items.iter().for_each(|item| fits(of, item, path)),
            (Shape::Map(of), Value::Object(fields)) => {
                fields.values().for_each(|value| fits(of, value, path));
            }
            (Shape::Fields(fields), Value::Object(values)) => {
                for name in values.keys() {
                    assert!(
                        fields.iter().any(|field| field.name == name),
                        "{path}.{name} is not in the schema"
                    );
                }
                for field in *fields {
                    match values.get(field.name) {
                        None | Some(Value::Null) => {
                            assert!(field.optional, "{path}.{} is missing", field.name);
                        }
                        Some(value) => fits(field.shape, value, &format!("{path}.{}", field.name)),
                    }
                }
            }
            _ => panic!("{path}: {value}"),
        }
    }
    fits(&super::schema::INPUT, &input(), "input");
}
