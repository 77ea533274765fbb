//! The contract of a policy: each rule is asked, used by one that is, or told.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{File, Shape};
use super::metadata::{Annotation, annotation};
use super::problem::{Place, Problem};
use super::uses::{Id, Uses, imports};
use super::{KINDS, Kind};

/// What others call rules that refuse (Conftest, Gatekeeper, OPA's examples), and what they are here.
const CONVENTIONS: [(&str, &str); 14] = [
    ("allow", "deny"),
    ("violation", "deny"),
    ("reject", "deny"),
    ("refuse", "deny"),
    ("forbid", "deny"),
    ("block", "deny"),
    ("fail", "deny"),
    ("error", "deny"),
    ("denied", "deny"),
    ("denial", "deny"),
    ("hold", "pause"),
    ("wait", "pause"),
    ("warning", "warn"),
    ("advise", "warn"),
];

/// A rule that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) package: String,
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) annotation: Annotation,
}

/// The rules that are asked, in the order of the files, and what breaks the contract.
pub(super) fn check(files: &[File], uses: &Uses<'_>) -> (Vec<(Id, Asked)>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut asked = Vec::new();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.is_test()) {
        let said = explanations(file, &mut problems);
        for (at, definition) in file.definitions.iter().enumerate() {
            if let Some(problem) = misshapen(file, at) {
                problems.push(problem);
            } else if let (Some(kind), Some(annotation)) = (definition.kind, said.get(&at)) {
                let (package, path) = (file.package_name(), file.path.clone());
                asked.push(((number, at), Asked { package, path, kind, annotation: annotation.clone() }));
            }
        }
    }
    files.iter().filter(|file| file.is_test()).for_each(|file| problems.extend(no_test(file)));
    same_codes(files, &asked, &mut problems);
    unused(files, uses, &mut problems);
    (asked, problems)
}

/// A file that is called a test and holds a rule to be asked, or no test.
fn no_test(file: &File) -> Option<Problem> {
    let asked = file.definitions.iter().find(|one| KINDS.iter().any(|(word, _)| one.name == [*word]));
    let (place, what) = match asked {
        Some(one) => (
            one.place.clone(),
            format!("the rule `{}` stands in a file of tests, where nothing is asked", one.name.join(".")),
        ),
        None if file.has_tests() => return None,
        None => (
            Place::file(&file.path),
            "the file is called a test, and no rule of it begins with `test_`".to_owned(),
        ),
    };
    Some(Problem::new(
        "not-asked",
        place,
        what,
        "move the rule to a file that does not end in `_test.rego`".to_owned(),
    ))
}

/// The spelling of a rule of that name.
fn spelling(word: &str) -> String {
    format!("write `{word} contains msg if {{ ... }}`")
}

/// A rule whose head names a kind, and which is not asked for how it is written.
fn misshapen(file: &File, at: usize) -> Option<Problem> {
    let definition = file.definitions.get(at)?;
    let (word, _) = KINDS.iter().find(|(word, _)| definition.name.iter().any(|name| name == word))?;
    if definition.kind.is_some() {
        return None;
    }
    let is = match definition.shape {
        _ if definition.name.len() > 1 => "is a part of another rule",
        Shape::Set => "is computed",
        Shape::OldSet => "is a set as Rego wrote it before version 1",
        Shape::Value => "is a single value",
        Shape::Object => "is an object",
        Shape::Function => "is a function",
        Shape::Default => "is a default value",
    };
    let what = format!("the rule `{}` {is}, and only a set of messages is asked", definition.name.join("."));
    Some(Problem::new("shape", definition.place.clone(), what, spelling(word)))
}

/// What the METADATA of a file say of its rules, by the number of the definition.
fn explanations(file: &File, problems: &mut Vec<Problem>) -> BTreeMap<usize, Annotation> {
    let mut told = |line: usize, what: String, fix: &str| {
        problems.push(Problem::new("metadata", Place::at(&file.path, line, 0), what, fix.to_owned()));
    };
    let starts = |line: u32| usize::try_from(line).unwrap_or(usize::MAX);
    let package_line = starts(file.module.package.span.line);
    let (mut package, mut by_rule) = (None, BTreeMap::new());
    for block in &file.blocks {
        let scope = block.fields.get("scope").map(String::as_str);
        let rule = file.definitions.iter().position(|one| one.place.line == block.last + 1);
        if block.last + 1 == package_line {
            if scope.is_some_and(|scope| scope != "package") {
                told(
                    block.line,
                    format!(
                        "the scope of a package's METADATA is `package`, not `{}`",
                        scope.unwrap_or_default()
                    ),
                    "write `scope: package`",
                );
            }
            if block.custom.contains_key("code") {
                told(
                    block.line,
                    "a code names one rule, and this METADATA belongs to the package".to_owned(),
                    "move `code` to the METADATA of the rule",
                );
            }
            package = Some(block);
        } else if let Some(at) = rule {
            by_rule.insert(at, block);
        } else {
            told(
                block.line,
                "the METADATA stands above no rule".to_owned(),
                "put it directly above its rule, without a blank line between",
            );
        }
    }
    let mut said = BTreeMap::new();
    for (at, definition) in file.definitions.iter().enumerate() {
        let block = by_rule.get(&at).copied();
        let scope = block.and_then(|block| block.fields.get("scope")).filter(|scope| *scope != "rule");
        if let (Some(scope), Some(block)) = (scope, block) {
            told(
                block.line,
                format!("the scope of a rule's METADATA is `rule`, not `{scope}`"),
                "write `scope: rule`, or leave it out",
            );
        }
        if definition.kind.is_none() {
            if let Some(block) = block.filter(|block| block.custom.contains_key("code")) {
                let name = definition.name.join(".");
                told(
                    block.line,
                    format!("the METADATA has a code, and the rule `{name}` is not asked"),
                    "name the rule `deny`, `pause` or `warn`, or take the code out",
                );
            }
            continue;
        }
        match annotation(block.unwrap_or(&super::metadata::Block::default()), package) {
            Ok(annotation) => drop(said.insert(at, annotation)),
            Err(why) => told(
                block.map_or(definition.place.line, |block| block.line),
                why,
                "add what is missing above the rule",
            ),
        }
    }
    said
}

/// Two rules of one package and kind whose messages could not be told apart.
fn same_codes(files: &[File], asked: &[(Id, Asked)], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<(&str, Kind, &str), &Annotation> = BTreeMap::new();
    for (id, one) in asked {
        let key = (one.package.as_str(), one.kind, one.annotation.code.as_str());
        let before = seen.entry(key).or_insert(&one.annotation);
        let place = files.get(id.0).and_then(|file| file.definitions.get(id.1)).map(|one| one.place.clone());
        if let (true, Some(place)) = (**before != one.annotation, place) {
            let what = format!("another rule of the package has the code `{}`", one.annotation.code);
            let fix = "give each rule a code of its own".to_owned();
            problems.push(Problem::new("metadata", place, what, fix));
        }
    }
}

/// Rules and files that nothing that is asked uses.
fn unused(files: &[File], uses: &Uses<'_>, problems: &mut Vec<Problem>) {
    let ids = |file: usize| files.get(file).map_or(0, |file| file.definitions.len());
    let all = (0..files.len()).flat_map(|file| (0..ids(file)).map(move |at| (file, at)));
    let asked = all
        .filter(|id| uses.definition(*id).is_some_and(|(file, one)| one.kind.is_some() && !file.is_test()));
    let reached = uses.reached(asked);
    let live: BTreeSet<usize> = reached.iter().map(|(file, _)| *file).collect();
    let imported =
        |file: &File| live.iter().filter_map(|at| files.get(*at)).any(|other| imports_of(other, file));
    for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.is_test()) {
        if !live.contains(&number) && !imported(file) {
            // A rule of another form is told by itself, and is why none is asked.
            if (0..file.definitions.len()).all(|at| misshapen(file, at).is_none()) {
                problems.push(dead_file(file));
            }
            continue;
        }
        for (at, definition) in file.definitions.iter().enumerate() {
            let reached = reached.contains(&(number, at)) || shares_a_name(uses, file, at, &reached);
            let harmless = definition.shape == Shape::Function || definition.constant;
            let (name, hint) = (definition.name.join("."), hint(&definition.name));
            if misshapen(file, at).is_some() || reached || (harmless && hint.is_none()) {
                continue;
            }
            let what = format!(
                "nothing that is asked uses the rule `{name}`{}",
                hint.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
            );
            let fix = format!(
                "{} (or `pause`, `warn`), use it in such a rule, or take it out",
                spelling(hint.unwrap_or("deny"))
            );
            problems.push(Problem::new("not-asked", definition.place.clone(), what, fix));
        }
    }
}

/// Whether a definition of the same rule is used: its default, or another of its bodies.
fn shares_a_name(uses: &Uses<'_>, file: &File, at: usize, reached: &BTreeSet<Id>) -> bool {
    let Some(definition) = file.definitions.get(at) else { return false };
    let path: Vec<String> = file.package.iter().chain(&definition.name).cloned().collect();
    uses.defined(&path).iter().any(|id| reached.contains(id))
}

fn imports_of(other: &File, file: &File) -> bool {
    imports(other).values().any(|path| path.get(1..).is_some_and(|path| path.starts_with(&file.package)))
}

fn dead_file(file: &File) -> Problem {
    let near = file.definitions.iter().find_map(|one| hint(&one.name).map(|word| (one, word)));
    let place = near.map_or_else(|| Place::file(&file.path), |(one, _)| one.place.clone());
    let (what, word) = match near {
        Some((one, word)) => (
            format!(
                "no rule of the file is asked: `{}` is not a name that is; did you mean `{word}`?",
                one.name.join(".")
            ),
            word,
        ),
        None => ("no rule of the file is asked, and no rule that is asked uses it".to_owned(), "deny"),
    };
    let fix = format!(
        "{} (or `pause`, `warn`), use it in such a rule, name it `*_test.rego` if it holds tests, or take it out",
        spelling(word)
    );
    Problem::new("not-asked", place, what, fix)
}

/// The kind that a name likely means.
fn hint(name: &[String]) -> Option<&'static str> {
    let first = name.first()?.to_ascii_lowercase();
    let plain: String = first.chars().filter(char::is_ascii_alphabetic).collect();
    let kinds = KINDS.iter().map(|(word, _)| *word);
    let near = kinds.clone().find(|word| {
        strsim::osa_distance(&plain, word) <= 1
            || first.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'))
    });
    let other = || CONVENTIONS.iter().find(|(word, _)| plain.starts_with(word));
    near.or_else(|| other().map(|(_, word)| *word))
}
