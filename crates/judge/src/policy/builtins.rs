//! The builtins that policies may call, and what may be written: pure, deterministic, and of a cost that is known before.

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Rule};

use super::file::{File, Shape};
use super::limits;
use super::problem::{Place, Problem};
use super::tree::{self, Step, Visitor};
use super::uses::Uses;

/// How much text or how many values a builtin may make of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// Nothing: it gives a number, a truth value, or a part of its arguments, and looks at no more than their length.
    Nothing,
    /// No more than its arguments have.
    Less,
    /// Twice the text of its arguments: encodings, quotes, cases.
    Twice,
    /// `to_number`.
    Number,
    /// `concat`: the parts, and the separator between them.
    Joined,
    /// `replace`: the new text for each place.
    Replaced,
    /// `sprintf`: a format without widths.
    Formatted,
    /// A list with at most an element for each letter of its texts.
    Letters,
    /// A regular expression or glob, the pattern first.
    Matched,
    /// `regex.replace`: the new text for each place.
    MatchedReplaced,
}

/// A builtin: its name, its arguments, what it may make.
pub(super) type Builtin = (&'static str, usize, Makes);

/// The builtins that are allowed, by name.
pub(super) const ALLOWED: [Builtin; 71] = [
    ("abs", 1, Makes::Less),
    ("array.concat", 2, Makes::Less),
    ("array.reverse", 1, Makes::Less),
    ("array.slice", 3, Makes::Less),
    ("base64.decode", 1, Makes::Less),
    ("base64.encode", 1, Makes::Twice),
    ("base64.is_valid", 1, Makes::Less),
    ("ceil", 1, Makes::Less),
    ("concat", 2, Makes::Joined),
    ("contains", 2, Makes::Less),
    ("count", 1, Makes::Nothing),
    ("endswith", 2, Makes::Less),
    ("floor", 1, Makes::Less),
    ("format_int", 2, Makes::Twice),
    ("glob.match", 3, Makes::Matched),
    ("hex.decode", 1, Makes::Less),
    ("hex.encode", 1, Makes::Twice),
    ("indexof", 2, Makes::Less),
    ("indexof_n", 2, Makes::Letters),
    ("intersection", 1, Makes::Less),
    ("is_array", 1, Makes::Nothing),
    ("is_boolean", 1, Makes::Nothing),
    ("is_null", 1, Makes::Nothing),
    ("is_number", 1, Makes::Nothing),
    ("is_object", 1, Makes::Nothing),
    ("is_set", 1, Makes::Nothing),
    ("is_string", 1, Makes::Nothing),
    ("json.filter", 2, Makes::Less),
    ("json.marshal", 1, Makes::Twice),
    ("json.remove", 2, Makes::Less),
    ("lower", 1, Makes::Twice),
    ("max", 1, Makes::Less),
    ("min", 1, Makes::Less),
    ("object.filter", 2, Makes::Less),
    ("object.get", 3, Makes::Nothing),
    ("object.keys", 1, Makes::Less),
    ("object.remove", 2, Makes::Less),
    ("object.subset", 2, Makes::Less),
    ("object.union", 2, Makes::Less),
    ("object.union_n", 1, Makes::Less),
    ("product", 1, Makes::Less),
    ("regex.find_all_string_submatch_n", 3, Makes::Matched),
    ("regex.find_n", 3, Makes::Matched),
    ("regex.is_valid", 1, Makes::Matched),
    ("regex.match", 2, Makes::Matched),
    ("regex.replace", 3, Makes::MatchedReplaced),
    ("regex.split", 2, Makes::Matched),
    ("replace", 3, Makes::Replaced),
    ("round", 1, Makes::Less),
    ("semver.compare", 2, Makes::Less),
    ("semver.is_valid", 1, Makes::Less),
    ("sort", 1, Makes::Less),
    ("split", 2, Makes::Letters),
    ("sprintf", 2, Makes::Formatted),
    ("startswith", 2, Makes::Less),
    ("strings.any_prefix_match", 2, Makes::Less),
    ("strings.any_suffix_match", 2, Makes::Less),
    ("strings.count", 2, Makes::Less),
    ("strings.reverse", 1, Makes::Less),
    ("substring", 3, Makes::Less),
    ("sum", 1, Makes::Less),
    ("to_number", 1, Makes::Number),
    ("trim", 2, Makes::Less),
    ("trim_left", 2, Makes::Less),
    ("trim_prefix", 2, Makes::Less),
    ("trim_right", 2, Makes::Less),
    ("trim_space", 1, Makes::Less),
    ("trim_suffix", 2, Makes::Less),
    ("type_name", 1, Makes::Nothing),
    ("union", 1, Makes::Less),
    ("upper", 1, Makes::Twice),
];

/// Why others are refused, by the beginning of their names.
const REFUSED: [(&str, &str); 25] = [
    ("bits.", "makes numbers of any length"),
    ("crypto.", "is not part of the contract: digests are in the input"),
    ("graph.", "visits documents of any size"),
    ("http.", "asks for the network"),
    ("io.jwt.", "is not part of the contract: signatures are judged by the signature gate"),
    ("json.match_schema", "visits documents of any size"),
    ("json.patch", "makes documents of any size"),
    ("json.unmarshal", "makes documents of any size of a text"),
    ("json.verify_schema", "visits documents of any size"),
    ("net.", "asks for the network"),
    ("numbers.range", "makes a list of any length"),
    ("opa.", "asks for the environment"),
    ("print", "prints: a judgement has no output"),
    ("providers.", "asks for the network"),
    ("rand.", "asks for randomness"),
    ("rego.", "reads policies while they are evaluated"),
    ("strings.replace_n", "makes texts of any length: use `replace`"),
    ("time.now_ns", "asks for the clock: use `input.as_of`"),
    ("time.", "is not part of the contract: compare dates as text"),
    ("trace", "prints: a judgement has no output"),
    ("units.", "is not part of the contract"),
    ("uuid.", "asks for randomness"),
    ("walk", "visits documents of any size: name the fields"),
    ("yaml.", "makes documents of any size of a text"),
    ("__builtin", "is not a function of Rego"),
];

/// The builtin of that name.
pub(super) fn allowed(name: &str) -> Option<&'static Builtin> {
    ALLOWED.binary_search_by(|(other, ..)| (*other).cmp(name)).ok().and_then(|at| ALLOWED.get(at))
}

/// Why the builtin of that name is refused.
fn refused(name: &str) -> Option<&'static str> {
    let family = |other: &str| other.ends_with('.') || other == "numbers.range" || other == "__builtin";
    let found = REFUSED
        .iter()
        .find(|(other, _)| name == other.trim_end_matches('.') || (family(other) && name.starts_with(other)));
    let other = regorus::unstable::BUILTINS.contains_key(name) && allowed(name).is_none();
    found.map(|(_, why)| *why).or_else(|| other.then_some("is not part of the contract"))
}

/// Names that begin with this are the evaluator's own.
pub(super) const RESERVED: &str = "__lockgate";

/// What a file may not say.
pub(super) fn check(file: &File, uses: &Uses<'_>) -> Vec<Problem> {
    let mut checked = Checked { file, uses, problems: Vec::new(), defaults: false };
    for definition in &file.definitions {
        let bodies = match definition.rule.as_ref() {
            Rule::Spec { bodies, .. } => bodies.len(),
            Rule::Default { .. } => 0,
        };
        if bodies > limits::BODIES {
            let what = format!("the rule has more than {} bodies", limits::BODIES);
            checked.problems.push(Problem::new(
                "limit",
                definition.place.clone(),
                what,
                "split it".to_owned(),
            ));
        }
        checked.defaults = bodies == 0 && matches!(definition.rule.as_ref(), Rule::Default { .. });
        tree::rule(&definition.rule, &mut checked);
        let plain = definition.name.join(".");
        if definition.shape == Shape::Function && (allowed(&plain).is_some() || refused(&plain).is_some()) {
            let what = format!("the function `{plain}` has the name of a builtin");
            let fix = "choose another name".to_owned();
            checked.problems.push(Problem::new("builtin", definition.place.clone(), what, fix));
        }
        if definition.name.iter().any(|name| name.starts_with(RESERVED)) {
            checked.reserved(definition.place.clone());
        }
    }
    for import in &file.module.imports {
        let path = tree::names(&import.refr).map(|(path, _)| path).unwrap_or_default();
        if path == ["data"] {
            let place = Place::of(&file.path, &import.span);
            let fix = "import the package that is meant".to_owned();
            checked.problems.push(Problem::new("circle", place, "all of `data` is imported".to_owned(), fix));
        }
    }
    checked.problems
}

struct Checked<'a> {
    file: &'a File,
    uses: &'a Uses<'a>,
    problems: Vec<Problem>,
    /// Whether the value of a default is looked at.
    defaults: bool,
}

impl Checked<'_> {
    fn refuse(&mut self, kind: &'static str, span: &regorus::unstable::Span, what: String, fix: &str) {
        let place = Place::of(&self.file.path, span);
        self.problems.push(Problem::new(kind, place, what, fix.to_owned()));
    }

    fn reserved(&mut self, place: Place) {
        let what = format!("names that begin with `{RESERVED}` are the evaluator's own");
        self.problems.push(Problem::new("builtin", place, what, "choose another name".to_owned()));
    }
}

impl<'a> Visitor<'a> for Checked<'a> {
    fn reference(&mut self, whole: &'a Expr, base: &'a Expr, steps: &[Step<'a>]) {
        if tree::variable(base).is_some_and(|name| name.starts_with(RESERVED)) {
            self.reserved(Place::of(&self.file.path, base.span()));
        }
        let name = tree::names(whole).map(|(name, _)| name).unwrap_or_default();
        if !self.file.is_test() && !self.uses.leads(self.file, &name) {
            let what = format!("there is no rule `{}`", name.join("."));
            self.refuse("broken", whole.span(), what, "correct its name, or add the rule");
        }
        let composite = |step: &Step<'_>| match step {
            Step::Index(index) => is_composite(index),
            Step::Name(..) => false,
        };
        if steps.iter().any(composite) {
            let what = "a list, set or object is an index".to_owned();
            self.refuse("broken", whole.span(), what, "ask with `in`, or name the value first");
        }
    }

    fn call(&mut self, whole: &'a Expr, function: &'a Expr, arguments: usize) {
        let span = function.span();
        let Some((name, true)) = tree::names(function) else {
            self.refuse("builtin", span, "the function's name is computed".to_owned(), "name it");
            return;
        };
        let plain = name.join(".");
        if self.defaults {
            self.refuse("broken", span, "a default value is computed".to_owned(), "write the value out");
        }
        if let Some(definitions) = self.uses.function(self.file, &name) {
            let expected = definitions.iter().find_map(|id| parameters(self.uses, *id));
            if expected.is_some_and(|expected| expected != arguments) {
                let what = format!(
                    "`{plain}` is called with {arguments} arguments, and has {}",
                    expected.unwrap_or(0)
                );
                self.refuse("broken", whole.span(), what, "correct the call");
            }
            return;
        }
        match allowed(&plain) {
            Some((_, expected, _)) if *expected == arguments => {}
            Some((_, expected, _)) => {
                let what = format!("`{plain}` is called with {arguments} arguments, and has {expected}");
                self.refuse("broken", whole.span(), what, "correct the call");
            }
            None => {
                let what = if let Some(why) = refused(&plain) {
                    format!("`{plain}` {why}: it is refused")
                } else {
                    let names: Vec<_> = ALLOWED.iter().map(|(name, ..)| *name).collect();
                    format!("`{plain}` is not a function that policies may call{}", near(&plain, &names))
                };
                self.refuse(
                    "builtin",
                    span,
                    what,
                    "do without it: docs/policies.md lists what may be called",
                );
            }
        }
    }

    fn expression(&mut self, whole: &'a Expr) {
        if let Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, span, .. } = whole
            && (is_composite(lhs) || is_composite(rhs))
        {
            let what = "`=` stands beside a list, set or object".to_owned();
            self.refuse("broken", span, what, "write `:=` to name a value, or `==` to compare");
        }
    }

    fn statement(&mut self, statement: &'a LiteralStmt) {
        if let Some(with) = statement.with_mods.first() {
            let what = "`with` replaces what is judged".to_owned();
            self.refuse("builtin", &with.span, what, "use it in tests (`*_test.rego`) only");
        }
        let reserved = |span: &regorus::unstable::Span| span.text().starts_with(RESERVED);
        let names: Vec<_> = match &statement.literal {
            Literal::SomeVars { vars, .. } => vars.iter().collect(),
            Literal::Every { key, value, .. } => key.iter().chain([value]).collect(),
            _ => vec![],
        };
        if names.into_iter().any(reserved) {
            self.reserved(Place::of(&self.file.path, &statement.span));
        }
    }

    fn body(&mut self, query: &'a Query) {
        if query.stmts.len() > limits::STATEMENTS {
            let what = format!("a body has more than {} statements", limits::STATEMENTS);
            self.refuse("limit", &query.span, what, "move some into rules of their own");
        }
    }
}

/// `; did you mean ...?`, when one of `known` is near.
fn near(wrong: &str, known: &[&str]) -> String {
    let closest = known.iter().map(|name| (strsim::osa_distance(wrong, name), name)).min();
    closest
        .filter(|(distance, _)| *distance <= 2)
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

/// How many parameters a definition has.
fn parameters(uses: &Uses<'_>, id: super::uses::Id) -> Option<usize> {
    use regorus::unstable::RuleHead;
    match uses.definition(id)?.1.rule.as_ref() {
        Rule::Spec { head: RuleHead::Func { args, .. }, .. } => Some(args.len()),
        _ => None,
    }
}

/// A list, set or object that is written out or made.
pub(super) fn is_composite(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Array { .. }
            | Expr::Set { .. }
            | Expr::Object { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. }
    )
}
