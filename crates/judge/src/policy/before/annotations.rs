//! The annotations of a policy file (OPA, "Metadata"): comment blocks that begin with `# METADATA`, in YAML of which
//! these fields are read: `scope`, `title`, `description`, and below `custom` `code`, `owner`, `remediation`,
//! `severity`.

use lockgate_model::Severity;

use super::{KINDS, Kind, PolicyError};
use crate::policy::Annotation;

/// Builtins that a policy may not call, and why.
const REFUSED: [(&str, &str); 11] = [
    ("http.send", "asks for the network"),
    ("net.lookup_ip_addr", "asks for the network"),
    ("time.now_ns", "asks for the clock: use input.as_of"),
    ("rand.intn", "asks for randomness"),
    ("uuid.rfc4122", "asks for randomness"),
    ("opa.runtime", "asks for the environment"),
    ("numbers.range", "makes a list of any length"),
    ("numbers.range_step", "makes a list of any length"),
    ("walk", "visits documents of any size"),
    ("print", "prints: a judgement has no output"),
    ("trace", "prints: a judgement has no output"),
];

/// A rule with its annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    pub(crate) annotation: Annotation,
}

/// A file: its package and the rules that are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicySource {
    pub(crate) path: String,
    pub(crate) package: String,
    pub(crate) text: String,
    pub(crate) rules: Vec<Rule>,
}

/// A comment block being read.
#[derive(Debug, Clone, Default)]
struct Block {
    line: usize,
    fields: Vec<(String, String)>,
}

impl Block {
    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a file, refusing what it may not call and rules that do not explain themselves.
pub(crate) fn read_file(path: &str, bytes: &[u8]) -> Result<PolicySource, PolicyError> {
    let fail = |line: Option<usize>, reason: String| PolicyError { path: path.to_owned(), line, reason };
    let text = std::str::from_utf8(bytes).map_err(|_| fail(None, "it is not text in UTF-8".to_owned()))?;
    let (mut package, mut defaults) = (None, Block::default());
    let (mut pending, mut rules): (Option<Block>, Vec<Rule>) = (None, Vec::new());
    let mut in_block = false;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(comment) = line.strip_prefix('#') {
            if comment.trim() == "METADATA" {
                (pending, in_block) = (Some(Block { line: number, fields: vec![] }), true);
            } else if let (true, Some(block)) = (in_block, pending.as_mut()) {
                field(comment, block).map_err(|reason| fail(Some(number), reason))?;
            }
            continue;
        }
        in_block = false;
        refuse_calls(line).map_err(|reason| fail(Some(number), reason))?;
        if let Some(name) = line.strip_prefix("package ") {
            package = Some(name.trim().to_owned());
            defaults = pending.take().unwrap_or_default();
        } else if let Some(kind) = rule_kind(line) {
            let block = pending.take().unwrap_or(Block { line: number, fields: vec![] });
            rules.push(Rule {
                kind,
                annotation: annotation(&block, &defaults).map_err(|reason| fail(Some(block.line), reason))?,
            });
        }
    }
    let package = package.ok_or_else(|| fail(None, "it has no `package`".to_owned()))?;
    Ok(PolicySource { path: path.to_owned(), package, text: text.to_owned(), rules })
}

/// One line of a block: `title: x`, `custom:`, `  code: x`.
fn field(comment: &str, block: &mut Block) -> Result<(), String> {
    let Some((name, value)) = comment.split_once(':') else {
        // A long value goes on in the next line.
        if let (Some((_, value)), text) = (block.fields.last_mut(), comment.trim()) {
            if !value.is_empty() && !text.is_empty() {
                value.push(' ');
            }
            value.push_str(text);
            return Ok(());
        }
        return Err("the METADATA block must hold `name: value` lines".to_owned());
    };
    let name = name.trim();
    match name {
        "scope" | "title" | "description" | "custom" | "code" | "owner" | "remediation" | "severity" => {
            let value = value.trim().trim_matches('"').trim_start_matches(['>', '|', '-']).trim();
            block.fields.push((name.to_owned(), value.to_owned()));
            Ok(())
        }
        // Other fields of OPA's are the author's own; a colon within a text is part of it.
        _ => match block.fields.last_mut() {
            Some((_, last))
                if !matches!(
                    name,
                    "authors" | "organizations" | "related_resources" | "schemas" | "entrypoint"
                ) =>
            {
                last.push(' ');
                last.push_str(comment.trim());
                Ok(())
            }
            _ => Ok(()),
        },
    }
}

fn rule_kind(line: &str) -> Option<Kind> {
    let (name, rest) = line.split_at(line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?);
    let (_, kind) = KINDS.iter().find(|(word, _)| *word == name)?;
    let rest = rest.trim_start();
    (rest.starts_with("contains") || rest.starts_with('[')).then_some(*kind)
}

fn annotation(block: &Block, defaults: &Block) -> Result<Annotation, String> {
    let get = |name: &str| block.get(name).or_else(|| defaults.get(name)).filter(|value| !value.is_empty());
    let must = |name: &str| {
        get(name).map(str::to_owned).ok_or_else(|| {
            format!("the rule's METADATA lacks `{name}`: a rule that refuses must explain itself (title, description, and custom.code, custom.owner, custom.remediation)")
        })
    };
    let severity = match get("severity") {
        None => Severity::High,
        Some(word) => serde_json::from_value(serde_json::Value::from(word))
            .map_err(|_| format!("`severity` must be info, low, medium, high or critical, not `{word}`"))?,
    };
    Ok(Annotation {
        code: must("code")?,
        title: must("title")?,
        rationale: must("description")?,
        owner: must("owner")?,
        remediation: must("remediation")?,
        severity,
    })
}

fn refuse_calls(line: &str) -> Result<(), String> {
    let code = line.split('#').next().unwrap_or_default();
    for (call, why) in REFUSED {
        let mut rest = code;
        while let Some(at) = rest.find(call) {
            let (before, after) = (rest.get(..at).unwrap_or(""), rest.get(at + call.len()..).unwrap_or(""));
            let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            if !word(before.chars().last()) && after.trim_start().starts_with('(') {
                return Err(format!("`{call}` {why}: it is refused"));
            }
            rest = after;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "package a.b\n\n# METADATA\n# title: No root\n# description: Root is\n#   all powerful.\n# custom:\n#   code: no-root\n#   owner: security\n#   remediation: set USER\n#   severity: medium\ndeny contains msg if {\n\tmsg := \"x\"\n}\n";

    #[test]
    fn reads_rules_with_their_annotations() {
        let source = read_file("a.rego", GOOD.as_bytes()).unwrap();
        assert_eq!(source.package, "a.b");
        let [rule] = source.rules.as_slice() else { panic!("{source:?}") };
        assert_eq!((rule.kind, rule.annotation.severity), (Kind::Deny, Severity::Medium));
        assert_eq!(rule.annotation.rationale, "Root is all powerful.");
    }

    #[test]
    fn refuses_rules_that_do_not_explain_themselves() {
        let error = read_file("a.rego", GOOD.replace("#   owner: security\n", "").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("a.rego:3") && error.reason.contains("`owner`"), "{error}");
    }

    #[test]
    fn refuses_what_reaches_outside() {
        for call in ["http.send({})", "time.now_ns()", "rand.intn(\"a\", 1)", "numbers.range (1, 2)"] {
            let text = GOOD.replace("\"x\"", call);
            assert!(read_file("a.rego", text.as_bytes()).unwrap_err().reason.contains("refused"), "{call}");
        }
        let named = GOOD.replace("\"x\"", "my_http.send_all(1)");
        assert!(read_file("a.rego", named.as_bytes()).is_ok());
    }
}
