//! A policy file: its package, its rules, and what its comments say.

use regorus::Source;
use regorus::unstable::{Expr, Module, Parser, Ref, Rule, RuleHead};

use super::metadata::{self, Block};
use super::problem::{Place, Problem, of_library};
use super::tokens::{self, Tokens};
use super::{KINDS, Kind, limits, tree};

/// How a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `name contains x if ...`
    Set,
    /// `name[x] ...`, as Rego had it before version 1.
    OldSet,
    /// `name := x`, `name if ...`
    Value,
    /// `name[x] := y`
    Object,
    Function,
    Default,
}

/// One definition of a rule.
pub(super) struct Definition {
    pub(super) rule: Ref<Rule>,
    /// The names of its head, up to the first that is computed; the package is not among them.
    pub(super) name: Vec<String>,
    pub(super) shape: Shape,
    pub(super) place: Place,
    /// What asking it does.
    pub(super) kind: Option<Kind>,
    /// A value that is written out, and no answer: `name := {"a", "b"}`.
    pub(super) constant: bool,
}

/// A policy file that was read.
pub(super) struct File {
    pub(super) path: String,
    pub(super) package: Vec<String>,
    pub(super) module: Module,
    pub(super) source: Source,
    pub(super) tokens: Tokens,
    pub(super) definitions: Vec<Definition>,
    pub(super) blocks: Vec<Block>,
}

impl File {
    /// Whether it holds tests: those are not evaluated here.
    pub(super) fn is_test(&self) -> bool {
        is_test(&self.path)
    }

    /// The package, in the one way in which it is written here: `a.b["c d"]`.
    pub(super) fn package_name(&self) -> String {
        let word = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut written = String::new();
        for name in &self.package {
            match (written.is_empty(), word(name)) {
                (true, _) => written.push_str(name),
                (false, true) => written.push_str(&format!(".{name}")),
                (false, false) => written.push_str(&format!("[{}]", serde_json::Value::from(name.as_str()))),
            }
        }
        written
    }

    /// Whether a rule of it is a test.
    pub(super) fn has_tests(&self) -> bool {
        let test = |name: &String| name.starts_with("test_") || name.starts_with("todo_test_");
        self.definitions.iter().any(|one| one.name.last().is_some_and(test))
    }
}

/// Whether a file holds tests.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("_test.rego")
}

/// Reads a file.
pub(super) fn read(path: &str, bytes: &[u8]) -> Result<(File, Vec<Problem>), Problem> {
    let broken =
        |what: &str| Problem::new("broken", Place::file(path), what.to_owned(), format!("correct {path}"));
    if bytes.len() > limits::FILE_BYTES {
        let what = format!("the file has more than {} bytes", limits::FILE_BYTES);
        return Err(Problem::new("limit", Place::file(path), what, "split it".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| broken("the file is not text in UTF-8"))?;
    if text.contains(|c: char| c == '\0' || (c.is_control() && !c.is_ascii_whitespace())) {
        return Err(broken("the file has control characters"));
    }
    let library = |error: &dyn std::fmt::Display| of_library(path, &error.to_string());
    let source = Source::from_contents(path.to_owned(), text.to_owned()).map_err(|error| library(&error))?;
    let tokens = tokens::read(path, &source, &tokens::BOUNDS)?;
    parse(path, source, tokens)
}

/// Parses a file whose tokens the parser survives.
pub(super) fn parse(path: &str, source: Source, tokens: Tokens) -> Result<(File, Vec<Problem>), Problem> {
    let library = |error: &dyn std::fmt::Display| of_library(path, &error.to_string());
    let mut parser = Parser::new(&source).map_err(|error| library(&error))?;
    parser.enable_rego_v1().map_err(|error| library(&error))?;
    let module = parser.parse().map_err(|error| library(&error))?;
    let Some((package, true)) = tree::names(&module.package.refr) else {
        let what = "the package is not a path of names".to_owned();
        return Err(Problem::new("broken", Place::file(path), what, "correct it".to_owned()));
    };
    let definitions = module.policy.iter().map(|rule| definition(path, rule)).collect();
    let (blocks, problems) = metadata::blocks(path, &tokens.comments);
    let path = path.to_owned();
    Ok((File { path, package, module, source, tokens, definitions, blocks }, problems))
}

fn definition(path: &str, rule: &Ref<Rule>) -> Definition {
    let head = tree::head(rule);
    let (name, _) = tree::names(head).unwrap_or_default();
    let shape = shape(rule);
    let alone = matches!(head, Expr::Var { .. });
    let kind = match (name.as_slice(), shape, alone) {
        ([name], Shape::Set, true) => KINDS.iter().find(|(word, _)| word == name).map(|(_, kind)| *kind),
        _ => None,
    };
    let place = Place::of(path, rule.span());
    Definition { rule: rule.clone(), name, shape, place, kind, constant: is_constant(rule) }
}

fn shape(rule: &Rule) -> Shape {
    let Rule::Spec { head, .. } = rule else { return Shape::Default };
    match head {
        RuleHead::Func { .. } => Shape::Function,
        RuleHead::Compr { refr, .. } => match refr.as_ref() {
            Expr::RefBrack { .. } => Shape::Object,
            _ => Shape::Value,
        },
        RuleHead::Set { refr, key: Some(key), .. } => {
            let (from, to) = (refr.span().end, key.span().start);
            let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
            let between = refr.span().source.get_contents().get(index(from)..index(to)).unwrap_or("[");
            if between.contains("contains") { Shape::Set } else { Shape::OldSet }
        }
        RuleHead::Set { key: None, .. } => Shape::OldSet,
    }
}

/// Whether a rule is a value that is written out.
fn is_constant(rule: &Rule) -> bool {
    match rule {
        Rule::Spec { head: RuleHead::Compr { refr, assign: Some(assign), .. }, bodies, .. } => {
            let answer = matches!(assign.value.as_ref(), Expr::Bool { .. });
            let alone = matches!(refr.as_ref(), Expr::Var { .. });
            alone && !answer && bodies.is_empty() && is_written_out(&assign.value)
        }
        _ => false,
    }
}

fn is_written_out(expr: &Expr) -> bool {
    match expr {
        Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } => true,
        Expr::Null { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().all(|item| is_written_out(item)),
        Expr::Object { fields, .. } => {
            fields.iter().all(|(_, key, value)| is_written_out(key) && is_written_out(value))
        }
        Expr::UnaryExpr { expr, .. } => is_written_out(expr),
        _ => false,
    }
}
