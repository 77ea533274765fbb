//! Rules that call each other in a circle. OPA refuses them; the library that evaluates here would run out of stack,
//! so they are found before.
//!
//! The names that a rule uses are read from its text, without strings and comments. A local variable with the name of
//! a rule counts as a use of it: such a policy is clearer with another name.

use std::collections::{BTreeMap, BTreeSet};

use super::{PolicyError, PolicySource};

/// A rule by package and name.
type Name = (String, String);

/// What is known of one rule: where it stands, and what it uses.
#[derive(Default)]
struct Known {
    path: String,
    line: usize,
    uses: BTreeSet<Name>,
}

/// Refuses policies with a circle of rules.
pub(super) fn refuse(sources: &[PolicySource]) -> Result<(), PolicyError> {
    let definitions = definitions(sources);
    let names: BTreeSet<Name> =
        definitions.iter().map(|(package, definition)| (package.clone(), definition.name.clone())).collect();
    let mut rules: BTreeMap<Name, Known> = BTreeMap::new();
    for (package, definition) in &definitions {
        let known = rules.entry((package.clone(), definition.name.clone())).or_default();
        if known.line == 0 {
            (known.path, known.line) = (definition.path.clone(), definition.line);
        }
        known.uses.extend(uses(package, &definition.body, &names));
    }
    match circle(&rules) {
        None => Ok(()),
        Some(name) => {
            let known = rules.remove(&name).unwrap_or_default();
            let reason = format!(
                "the rule `{}` comes back to itself: rules may not call each other in a circle",
                name.1
            );
            Err(PolicyError { path: known.path, line: Some(known.line), reason })
        }
    }
}

/// One definition of a rule.
struct Definition {
    name: String,
    path: String,
    line: usize,
    body: String,
}

fn definitions(sources: &[PolicySource]) -> Vec<(String, Definition)> {
    let mut all: Vec<(String, Definition)> = Vec::new();
    for source in sources {
        let text = without_strings(&source.text);
        let mut open = false;
        for (line, content) in (1..).zip(text.lines()) {
            let begins = content.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            let first = words(content).next().map(|(_, word)| word);
            match first {
                Some("package" | "import") if begins => open = false,
                Some("else") if begins => {}
                Some(word) if begins => {
                    let name = if word == "default" {
                        words(content).nth(1).map_or(word, |(_, name)| name)
                    } else {
                        word
                    };
                    let body = content.split_once(name).map_or("", |(_, rest)| rest).to_owned();
                    let path = source.path.clone();
                    all.push((
                        source.package.clone(),
                        Definition { name: name.to_owned(), path, line, body },
                    ));
                    open = true;
                    continue;
                }
                _ => {}
            }
            if let (true, Some((_, definition))) = (open, all.last_mut()) {
                definition.body.push('\n');
                definition.body.push_str(content);
            }
        }
    }
    all
}

/// The text with the content of strings, and comments, blanked out.
fn without_strings(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let (mut quote, mut escaped, mut comment) = (None, false, false);
    for c in text.chars() {
        match (quote, c) {
            (_, '\n') => {
                comment = false;
                quote = quote.filter(|open| *open == '`');
                clean.push('\n');
                continue;
            }
            _ if comment => {}
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                clean.push(' ');
                continue;
            }
            (Some(open), c) if c == open && !escaped => quote = None,
            (Some(_), _) => {}
            (None, '#') => comment = true,
            (None, '"' | '`') => quote = Some(c),
            (None, c) => clean.push(c),
        }
        escaped = false;
        if comment || quote.is_some() {
            clean.push(' ');
        }
    }
    clean
}

/// The words of a text, each with the character before it.
fn words(text: &str) -> impl Iterator<Item = (Option<char>, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !part(c)).filter(|word| !word.is_empty()).map(move |word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        (text.get(..at).and_then(|before| before.chars().last()), word)
    })
}

/// The rules that `body` names: those of its package by name, those of others as `data.PACKAGE.NAME`.
fn uses(package: &str, body: &str, names: &BTreeSet<Name>) -> BTreeSet<Name> {
    let mut uses = BTreeSet::new();
    for (before, word) in words(body) {
        let own = (package.to_owned(), word.to_owned());
        if before != Some('.') && names.contains(&own) {
            uses.insert(own);
        }
    }
    for name in names.iter().filter(|name| body.contains(&format!("data.{}.{}", name.0, name.1))) {
        uses.insert(name.clone());
    }
    uses
}

/// A rule from which its own uses lead back to it.
fn circle(rules: &BTreeMap<Name, Known>) -> Option<Name> {
    rules
        .keys()
        .find(|start| {
            let (mut seen, mut waiting) = (BTreeSet::new(), vec![*start]);
            while let Some(name) = waiting.pop() {
                for used in rules.get(name).into_iter().flat_map(|known| &known.uses) {
                    if used == *start {
                        return true;
                    }
                    if seen.insert(used) {
                        waiting.push(used);
                    }
                }
            }
            false
        })
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(package: &str, text: &str) -> PolicySource {
        PolicySource {
            path: format!("{package}.rego"),
            package: package.into(),
            text: text.into(),
            rules: vec![],
        }
    }

    #[test]
    fn finds_circles_of_any_length() {
        for text in [
            "a if a\n",
            "a if b\n\nb if {\n\tc\n}\n\nc := a\n",
            "f(x) := f(x + 1)\n",
            "default a := b\nb := a\n",
        ] {
            let error = refuse(&[source("p", text)]).unwrap_err();
            assert!(error.reason.contains("circle") && error.line.is_some(), "{text}");
        }
        let across = [source("p", "a := data.q.b\n"), source("q", "b := data.p.a\n")];
        assert!(refuse(&across).is_err());
    }

    #[test]
    fn passes_over_strings_comments_and_fields() {
        for text in [
            "a := \"a\"\n",
            "a := `a` # a\n",
            "a := input.a\n",
            "a := \"\\\"a\"\n",
            "a if b\n\nb if input.x == \"a\"\n",
            "deny contains msg if {\n\tmsg := \"deny\"\n}\n",
        ] {
            assert_eq!(refuse(&[source("p", text)]), Ok(()), "{text}");
        }
    }
}
