//! The annotations of a policy file (OPA, "Metadata"): comment blocks that begin with `# METADATA`, in YAML. Of it are
//! read `scope`, `title`, `description`, and below `custom` `code`, `owner`, `remediation`, `severity`.
//!
//! A block that would be passed over for how it is written, or that stands above nothing, is a problem: its author
//! believes that it counts.

use std::collections::BTreeMap;

use lockgate_model::Severity;
use saphyr_parser::{Event, Parser};

use super::problem::{Place, Problem};
use super::tokens::Comment;

/// What a policy's author says about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) rationale: String,
    pub(crate) owner: String,
    pub(crate) remediation: String,
    pub(crate) severity: Severity,
}

/// A block: where it begins and ends, and its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) last: usize,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) custom: BTreeMap<String, String>,
}

/// Fields that OPA knows; those below `custom` are the author's own.
const FIELDS: [&str; 11] = [
    "scope",
    "title",
    "description",
    "related_resources",
    "authors",
    "organizations",
    "schemas",
    "entrypoint",
    "custom",
    "labels",
    "compile",
];
/// Fields below `custom` that are read.
const CUSTOM: [&str; 4] = ["code", "owner", "remediation", "severity"];
/// Deepest nesting of a block.
const DEPTH: usize = 8;

/// The blocks of a file, and what is wrong with them.
pub(super) fn blocks(path: &str, comments: &[Comment]) -> (Vec<Block>, Vec<Problem>) {
    let (mut blocks, mut problems) = (Vec::new(), Vec::new());
    let mut rest = comments.iter().peekable();
    while let Some(comment) = rest.next() {
        let place = Place::at(path, comment.line, comment.column);
        if !announces(&comment.text) {
            continue;
        }
        if comment.text.trim_end() != " METADATA" || comment.column != 1 {
            let what =
                "a METADATA block must begin with the line `# METADATA`, in the first column".to_owned();
            problems.push(Problem::new("metadata", place, what, "write `# METADATA`".to_owned()));
            continue;
        }
        let (mut last, mut text) = (comment.line, String::new());
        while let Some(next) = rest.next_if(|next| next.line == last + 1 && next.column == 1) {
            last = next.line;
            text.push_str(&next.text);
            text.push('\n');
        }
        match read(&text) {
            Ok((fields, custom)) => blocks.push(Block { line: comment.line, last, fields, custom }),
            Err((line, what)) => {
                let place = Place::at(path, comment.line + line, 0);
                let fix = "correct the block: it is YAML, each line after `# `".to_owned();
                problems.push(Problem::new("metadata", place, what, fix));
            }
        }
    }
    (blocks, problems)
}

/// Whether a comment is one word that means METADATA, however it is written.
fn announces(comment: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphabetic();
    let word = comment.trim_matches(|c: char| !letters(c));
    let other = |c: char| !letters(c) && !matches!(c, '-' | '_' | ' ');
    if word.is_empty() || word.contains(other) {
        return false;
    }
    let word: String = word.chars().filter(|c| letters(*c)).collect::<String>().to_ascii_uppercase();
    strsim::osa_distance(&word, "METADATA") <= 2
}

type Fields = BTreeMap<String, String>;

/// The fields of a block, and those below `custom`; an error names the line within the block.
fn read(text: &str) -> Result<(Fields, Fields), (usize, String)> {
    let (mut fields, mut custom) = (Fields::new(), Fields::new());
    let mut open: Vec<Option<String>> = Vec::new();
    let mut key: Option<String> = None;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| (error.marker().line(), "the METADATA block is not YAML".to_owned()))?;
        let line = span.start.line();
        let wrong = |what: String| (line, what);
        let (maps, depth) = (open.iter().all(Option::is_some), open.len());
        match event {
            Event::Alias(_) => {
                return Err(wrong("the METADATA block has aliases, which are not read".to_owned()));
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let name = key.take().unwrap_or_default();
                if depth == 1 && fields.insert(name.clone(), String::new()).is_some() {
                    return Err(wrong(format!("`{name}` is there twice")));
                }
                open.push(matches!(event, Event::MappingStart(..)).then_some(name));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                key = None;
            }
            Event::Scalar(value, ..) if maps && depth > 0 => {
                let below = open.last().cloned().flatten().unwrap_or_default();
                let (known, into): (&[&str], _) = match (depth, below.as_str()) {
                    (1, _) => (&FIELDS, Some(&mut fields)),
                    (2, "custom") => (&CUSTOM, Some(&mut custom)),
                    _ => (&[], None),
                };
                match key.take() {
                    None => key = Some(field(&value, known, depth).map_err(wrong)?),
                    Some(name) => {
                        if into.is_some_and(|into| into.insert(name.clone(), value.to_string()).is_some()) {
                            return Err(wrong(format!("`{name}` is there twice")));
                        }
                    }
                }
            }
            Event::Scalar(value, ..) if depth == 0 && !value.is_empty() => {
                return Err(wrong("the METADATA block must hold `name: value` lines".to_owned()));
            }
            _ => {}
        }
        if open.len() > DEPTH {
            return Err((line, "the METADATA block is nested too deep".to_owned()));
        }
    }
    Ok((fields, custom))
}

/// A field's name; one that is likely misspelt is an error.
fn field(name: &str, known: &[&str], depth: usize) -> Result<String, String> {
    if depth == 1 && !known.contains(&name) {
        return Err(format!("METADATA has no field `{name}`{}", crate::settings::nearest(name, known)));
    }
    let near = known.iter().find(|word| **word != name && strsim::osa_distance(word, name) <= 2);
    match near {
        Some(word) if depth > 1 => Err(format!("`{name}` is not read: did you mean `{word}`?")),
        _ => Ok(name.to_owned()),
    }
}

/// What `block` says of a rule, with what the package's block says where it is silent.
pub(super) fn annotation(block: &Block, package: Option<&Block>) -> Result<Annotation, String> {
    let filled = |text: &&String| !text.trim().is_empty();
    let own = |name: &str| block.custom.get(name).filter(filled);
    let custom =
        |name: &str| own(name).or_else(|| package.and_then(|block| block.custom.get(name)).filter(filled));
    let field = |name: &str| {
        let own = block.fields.get(name).filter(filled);
        own.or_else(|| package.and_then(|block| block.fields.get(name)).filter(filled))
    };
    let must = |name: &str, found: Option<&String>| {
        found.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).ok_or_else(|| {
            format!("the rule's METADATA lacks `{name}`: a rule that refuses must explain itself (title, description, and custom.code, custom.owner, custom.remediation)")
        })
    };
    let severity = match custom("severity") {
        None => Severity::High,
        Some(word) => serde_json::from_value(serde_json::Value::from(word.as_str()))
            .map_err(|_| format!("`severity` must be info, low, medium, high or critical, not `{word}`"))?,
    };
    Ok(Annotation {
        code: must("code", own("code"))?,
        title: must("title", field("title"))?,
        rationale: must("description", field("description"))?,
        owner: must("owner", custom("owner"))?,
        remediation: must("remediation", custom("remediation"))?,
        severity,
    })
}
