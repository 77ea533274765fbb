//! Policies as a Case holds them: mutants of the shipped ones give the same bytes in two processes within bounds of memory,
//! and Cases of earlier Editions keep their bytes or cannot be judged again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::assigning_clones,
    reason = "a test may panic, and the child prints what the parent compares"
)]

mod making;

use std::process::{Command, Stdio};

use lockgate_judge::SAMPLES;
use lockgate_model::inventory::{Secret, Setuid};
use lockgate_model::{Answer, Decision, Outcome, canon};
use making::Making;
use serde_json::json;

/// Says which mutants a child process judges: `FROM..TO`.
const CHILD: &str = "LOCKGATE_MUTANTS_OF_CHILD";
/// How many mutants are judged, when it is set.
const MUTANTS: &str = "LOCKGATE_MUTANTS";
/// Mutants of one child, and its memory in KiB.
const BATCH: u64 = 250;
const MEMORY: u64 = 256 << 10;

/// xorshift64*: the same numbers everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % below
    }
}

/// The tokens of a text, blanks and comments among them.
fn tokens(text: &str) -> Vec<String> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |at| at + 2),
            '`' => rest[1..].find('`').map_or(rest.len(), |at| at + 2),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        tokens.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    tokens
}

/// What is put in the place of a token: the grammar of Rego, and what is refused.
const WORDS: [&str; 60] = [
    "deny",
    "pause",
    "warn",
    "contains",
    "if",
    "else",
    "default",
    "not",
    "some",
    "every",
    "in",
    "with",
    "as",
    "import",
    "package",
    "input",
    "data",
    "true",
    "null",
    "set()",
    ":=",
    "=",
    "==",
    "!=",
    "<",
    "|",
    "&",
    "-",
    "+",
    "*",
    "/",
    "%",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ";",
    ".",
    ":",
    "\n",
    "\t",
    "_",
    "0",
    "1e308",
    "\"x\"",
    "`x`",
    "walk",
    "numbers.range",
    "rand.intn",
    "sprintf",
    "concat",
    "count",
    "input.images[_]",
    "data.lockgate",
    "x",
    "[x | x := 1]",
    "# METADATA\n",
];

/// The mutant of that number: a shipped policy with up to six changes.
fn mutant(number: u64) -> String {
    let mut chance = Chance(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        chance.next(2);
    }
    let mut mutant = tokens(SAMPLES[chance.next(SAMPLES.len())].text);
    // Most have one or two changes, so that some still are Rego.
    for _ in 0..=chance.next(6).min(chance.next(6)).min(chance.next(6)) {
        let at = chance.next(mutant.len().max(1));
        let other = chance.next(mutant.len().max(1));
        match chance.next(8) {
            _ if mutant.is_empty() => {}
            0 => drop(mutant.remove(at)),
            1 => mutant.insert(at, mutant[other].clone()),
            2 => mutant.swap(at, other),
            3 => mutant[at] = WORDS[chance.next(WORDS.len())].to_owned(),
            4 => mutant.insert(at, WORDS[chance.next(WORDS.len())].to_owned()),
            5 => mutant[at] = mutant[other].clone(),
            6 => drop(mutant.drain(at..(at + chance.next(12)).min(mutant.len()))),
            _ => {
                let (from, to) = (at.min(other), at.max(other).min(at.min(other) + 40));
                let part = mutant[from..to].to_vec();
                mutant.splice(at..at, part);
            }
        }
    }
    mutant.concat()
}

fn judged(text: &str) -> Decision {
    let mut making = Making::new();
    making.record.gates.retain(|gate, _| gate == "policy");
    // The key is made anew by each process.
    making.record.keys.clear();
    making.record.evidence.clear();
    making.set_policy(text);
    making.decide()
}

/// Judges the mutants that the parent asks for; alone it has nothing to do.
#[test]
fn child_judges_mutants() {
    let Ok(range) = std::env::var(CHILD) else { return };
    let (from, to) = range.split_once("..").unwrap();
    for number in from.parse().unwrap()..to.parse().unwrap() {
        let decision = judged(&mutant(number));
        let answer = decision.verdicts.iter().find(|verdict| verdict.gate == "policy").unwrap().answer;
        let (_, digest) = canon::encode(&decision).unwrap();
        println!("mutant {number} {answer:?} {digest}");
    }
}

/// What a child says of a range of mutants, within its memory.
fn child(from: u64, to: u64) -> std::process::Child {
    let program = std::env::current_exe().unwrap();
    let run =
        format!("ulimit -v {MEMORY}; exec \"$0\" --exact child_judges_mutants --nocapture --test-threads 1");
    let mut command = Command::new("sh");
    command.args(["-c", &run]).arg(program).env(CHILD, format!("{from}..{to}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn said(child: std::process::Child, from: u64) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Vec<_> =
        text.lines().filter_map(|line| line.split_once("mutant ")).map(|(_, said)| said.to_owned()).collect();
    let last = said.last().map_or(from.to_string(), Clone::clone);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "after {last}: {error}");
    said
}

#[test]
fn mutants_of_policies_give_the_same_bytes_in_two_processes() {
    let all: u64 = std::env::var(MUTANTS).ok().and_then(|all| all.parse().ok()).unwrap_or(10_000);
    let mut answers = std::collections::BTreeMap::new();
    for from in (0..all).step_by(usize::try_from(BATCH).unwrap()) {
        let to = all.min(from + BATCH);
        let (one, other) = (child(from, to), child(from, to));
        let (one, other) = (said(one, from), said(other, from));
        assert_eq!(u64::try_from(one.len()).unwrap(), to - from);
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "{}", mutant(one.split(' ').next().unwrap().parse().unwrap()));
            *answers.entry(one.split(' ').nth(1).unwrap().to_owned()).or_insert(0_u64) += 1;
        }
    }
    println!("{answers:?}");
    assert!(answers.len() >= 2, "mutants that are all alike test nothing: {answers:?}");
}

const RULE: &str = "package p\n\n# METADATA\n# title: T\n# description: D\n# custom:\n#   code: p.c\n#   owner: o\n#   remediation: r\n";

fn before(body: &str) -> Decision {
    let mut making = Making::new();
    making.record.gates.retain(|gate, _| gate == "policy");
    making.record.edition = "2026-2".into();
    making.set_policy(&format!("{RULE}{body}"));
    making.decide()
}

#[test]
fn what_would_have_ended_the_process_cannot_be_judged_again() {
    for body in [
        "deny contains \"m\" if a\n\n a if b\n\n b if a\n",
        "deny contains \"m\" if a\n\na if data[\"p\"].b\n\nb if data[\"p\"].a\n",
        "deny contains \"m\" if f(1)\n\n f(x) if f(x + 1)\n",
        "deny contains \"m\" if {\n\tcount(numbers[\"range\"](1, 50000000)) > 0\n}\n",
        "deny contains \"m\" if {\n\t\"#\" == \"#\"; x := numbers.range(1, 2000000000)\n\tcount(x) > 0\n}\n",
        "deny contains msg if {\n\t\"#\" == \"#\"; x := rand.intn(\"a\", 1000000)\n\tmsg := sprintf(\"%d\", [x])\n}\n",
        "deny contains msg if {\n\tmsg := sprintf(\"%2000000000d\", [1])\n}\n",
    ] {
        let decision = before(body);
        assert_eq!(decision.outcome, Outcome::Pause, "{body}");
        let verdict = &decision.verdicts.iter().find(|verdict| verdict.gate == "policy").unwrap();
        assert_eq!(verdict.answer, Answer::Unknown, "{body}");
        assert!(verdict.findings[0].title.contains("cannot be judged again"), "{body}: {verdict:?}");
    }
    let nested =
        format!("deny contains \"m\" if {{\n\tx := {}1{}\n\tx\n}}\n", "[".repeat(200), "]".repeat(200));
    assert!(format!("{:?}", before(&nested)).contains("cannot be judged again"));
}

#[test]
fn what_was_judged_before_is_judged_as_before() {
    // Neither is asked by the reader of that Edition, or asked without a word.
    for (body, outcome) in [
        ("deny contains \"m\" if true\n", Outcome::Rework),
        ("warn contains \"m\" if true\n\n deny contains \"n\" if true\n", Outcome::Proceed),
        ("warn contains \"m\" if true\n\ndeny if true\n", Outcome::Proceed),
        ("deny contains \"m\" if input.servce == \"x\"\n", Outcome::Proceed),
        ("deny contains \"m\" if count(numbers[\"range\"](1, 10)) == 10\n", Outcome::Rework),
        ("deny contains \"m\" if sprintf(\"%5d\", [1]) == \"    1\"\n", Outcome::Rework),
        ("deny contains \"m\" if a == 1\n\n a := 1 if not false\n", Outcome::Rework),
    ] {
        let decision = before(body);
        assert_eq!(decision.outcome, outcome, "{body}: {decision:?}");
    }
}

#[test]
fn packages_choose_what_is_reported_and_not_what_is_evaluated() {
    let mut making = Making::new();
    making.record.gates.retain(|gate, _| gate == "policy");
    let library = "package lib\n\nbanned contains \"musl\"\n";
    let rule = format!(
        "{}deny contains msg if {{\n\tsome image in input.images\n\tsome found in image.packages\n\tdata.lib.banned[found.name]\n\tmsg := found.name\n}}\n",
        RULE.replace("package p", "package q")
    );
    let file = |making: &mut Making, path: &str, text: &str| {
        let content = making.inputs.insert(text.to_owned());
        making.record.policies.push(lockgate_model::case::PolicyFile { path: path.into(), content });
    };
    making.record.policies.clear();
    file(&mut making, "policy/lib.rego", library);
    file(&mut making, "policy/q.rego", &rule);
    file(
        &mut making,
        "policy/r.rego",
        &format!("{}deny contains \"always\" if true\n", RULE.replace("package p", "package r")),
    );
    let mut inventory = making::inventory();
    inventory.packages[0] = making::package("musl", "1");
    making.set_inventory(&inventory);
    making.record.gates.insert("policy".into(), json!({"packages": ["q"]}));
    let decision = making.decide();
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "policy").unwrap();
    assert_eq!(verdict.answer, Answer::Fail);
    assert_eq!(verdict.findings.len(), 1, "{verdict:?}");
    assert_eq!(verdict.summary, "1 rule in 1 file evaluated, 1 violation (policy/q.rego: p.c)");
    making.record.gates.insert("policy".into(), json!({"packages": ["lib"]}));
    assert_eq!(making.decide().outcome, Outcome::Pause);
}

/// An inventory with a secret that a later layer removes, and a setuid file that no package owns.
fn noted() -> lockgate_model::Inventory {
    let layer = lockgate_model::Digest::of(b"layer");
    let secret = Secret {
        path: "/srv/.env".into(),
        line: 3,
        rule: "github-token".into(),
        layer: Some(layer),
        layer_index: Some(0),
        removed: true,
    };
    let setuid = Setuid {
        path: "/opt/x".into(),
        mode: "4755".into(),
        owner: 0,
        group: 0,
        capabilities: vec![],
        layer,
        layer_index: 0,
        package: String::new(),
    };
    lockgate_model::Inventory { secrets: vec![secret], setuid: vec![setuid], ..making::inventory() }
}

/// The example of docs/policies.md and the shipped policy speak of what the inventory has, and of nothing else.
#[test]
fn policies_see_secrets_and_setuid_files() {
    let documented = include_str!("../../../docs/policies.md")
        .split("```")
        .find(|part| part.contains("package acme.setuid"));
    let setuid = documented.unwrap().strip_prefix("rego\n").unwrap();
    let shipped = SAMPLES.iter().find(|sample| sample.path == "no-secrets.rego").unwrap();
    for (text, told) in [
        (shipped.text, "github-token in /srv/.env, line 3 (removed by a later layer)"),
        (setuid, "/opt/x has mode 4755 and []"),
    ] {
        let mut making = Making::new();
        making.record.gates.retain(|gate, _| gate == "policy");
        making.record.gates.insert("policy".into(), json!({}));
        let content = making.inputs.insert(text.to_owned());
        making.record.policies = vec![lockgate_model::case::PolicyFile { path: "p.rego".into(), content }];
        assert_eq!(making.decide().outcome, Outcome::Proceed, "{text}");
        making.set_inventory(&noted());
        let decision = making.decide();
        assert_eq!(decision.outcome, Outcome::Rework, "{text}");
        let findings: Vec<_> = decision.verdicts.iter().flat_map(|verdict| &verdict.findings).collect();
        assert!(findings.iter().any(|one| format!("{one:?}").contains(told)), "{findings:?}");
    }
}

/// However many rules there are: counts, and the first of them.
#[test]
fn the_summary_of_many_rules_stays_short() {
    let mut making = Making::new();
    making.record.gates.retain(|gate, _| gate == "policy");
    making.record.policies.clear();
    for number in 0..40 {
        let rule = RULE.replace("package p", &format!("package p{number}"));
        let content = making.inputs.insert(format!("{rule}deny contains \"x\" if false\n"));
        let path = format!("policy/{number:02}.rego");
        making.record.policies.push(lockgate_model::case::PolicyFile { path, content });
    }
    making.record.gates.insert("policy".into(), json!({}));
    let decision = making.decide();
    let verdict = decision.verdicts.iter().find(|verdict| verdict.gate == "policy").unwrap();
    let start = "40 rules in 40 files evaluated, 0 violations (policy/00.rego: p.c; policy/01.rego: p.c; ";
    assert!(verdict.summary.starts_with(start), "{}", verdict.summary);
    assert!(verdict.summary.ends_with("more files)") && verdict.summary.len() < 300, "{}", verdict.summary);
    let relied = verdict.relied_on.iter().filter(|one| matches!(one, lockgate_model::Relied::Policy(..)));
    assert_eq!(relied.count(), 40);
}

#[test]
fn the_published_schema_of_the_input_is_the_one_that_is_checked() {
    let made = format!("{}\n", serde_json::to_string_pretty(&lockgate_judge::policy_input_schema()).unwrap());
    let published = include_str!("../../../docs/schemas/policy-input.json");
    assert_eq!(published, made, "write what is made to docs/schemas/policy-input.json");
}
