//! Which places of the input a policy names. A path that a closed part of the schema lacks is never there: the rule would
//! be silent for ever.
//!
//! Followed are: fields and indexes, also by a text that is named before; variables; `some ... in`, `every`, and iteration
//! by index; comprehensions; `object.get`; the parameters and results of functions; rules and imports. Not followed are
//! objects that a policy makes, what other builtins return, and indexes that are computed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use regorus::unstable::{BinOp, Expr, Literal, LiteralStmt, Query, Rule, RuleAssign, RuleHead, Span};

use super::file::{File, Shape as Form};
use super::limits;
use super::problem::{Place, Problem};
use super::schema::{INPUT, Shape};
use super::tree::{self, Step};
use super::uses::{Id, Uses, imports};

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// Nothing, or what is not followed.
    Any,
    /// A part of the input.
    Part(&'static Shape),
    /// A list or set that the policy makes.
    ListOf(Rc<Known>),
    /// A text that is written out.
    Word(Rc<str>),
}

impl Known {
    fn list(of: Known) -> Self {
        if of == Known::Any { Known::Any } else { Known::ListOf(Rc::new(of)) }
    }

    /// What is known when it is one or the other.
    fn or(self, other: &Known) -> Self {
        if self == *other { self } else { Known::Any }
    }

    /// What an iteration over it gives.
    fn element(&self) -> Known {
        match self {
            Known::Part(Shape::List(of) | Shape::Map(of)) => Known::Part(of),
            Known::ListOf(of) => of.as_ref().clone(),
            _ => Known::Any,
        }
    }
}

/// Variables and what is known of them.
type Scope = BTreeMap<String, Known>;

/// The paths of `files` that the input does not have.
pub(super) fn check(files: &[File], uses: &Uses<'_>) -> Vec<Problem> {
    let mut follow = Follow { files, uses, ..Follow::new(files, uses) };
    for (number, file) in files.iter().enumerate().filter(|(_, file)| !file.is_test()) {
        for (at, definition) in file.definitions.iter().enumerate() {
            if definition.shape == Form::Function {
                follow.function((number, at), &[]);
            } else {
                follow.rule((number, at));
            }
        }
    }
    follow.problems.into_iter().collect()
}

struct Follow<'a> {
    files: &'a [File],
    uses: &'a Uses<'a>,
    imports: Vec<BTreeMap<String, Vec<String>>>,
    file: usize,
    problems: BTreeSet<Problem>,
    /// What rules and functions give, and `Any` while they are looked at.
    rules: BTreeMap<Id, Known>,
    functions: BTreeMap<(Id, String), Known>,
    /// Whether a body is read for its variables only.
    quiet: bool,
}

impl<'a> Follow<'a> {
    fn new(files: &'a [File], uses: &'a Uses<'a>) -> Self {
        let imports = files.iter().map(imports).collect();
        Self {
            files,
            uses,
            imports,
            file: 0,
            problems: BTreeSet::new(),
            rules: BTreeMap::new(),
            functions: BTreeMap::new(),
            quiet: false,
        }
    }

    /// Looks at something of another file, then goes on where it was.
    fn within<T>(&mut self, file: usize, look: impl FnOnce(&mut Self) -> T) -> T {
        let (before, quiet) = (self.file, self.quiet);
        (self.file, self.quiet) = (file, false);
        let found = look(self);
        (self.file, self.quiet) = (before, quiet);
        found
    }

    /// What a rule gives.
    fn rule(&mut self, id: Id) -> Known {
        if let Some(known) = self.rules.get(&id) {
            return known.clone();
        }
        self.rules.insert(id, Known::Any);
        let Some((_, definition)) = self.uses.definition(id) else { return Known::Any };
        let rule = definition.rule.clone();
        let known = self.within(id.0, |follow| match rule.as_ref() {
            Rule::Default { value, .. } => follow.expr(value, &mut Scope::new()),
            Rule::Spec { head, .. } => {
                let (refr, key, value) = match head {
                    RuleHead::Set { refr, key, .. } => (refr, key.as_ref(), None),
                    RuleHead::Compr { refr, assign, .. } | RuleHead::Func { refr, assign, .. } => {
                        (refr, None, assign.as_ref())
                    }
                };
                let given =
                    follow.bodies(&rule, &Scope::new(), |follow, scope, assign: Option<&RuleAssign>| {
                        for step in tree::steps(refr).1 {
                            if let Step::Index(index) = step {
                                follow.expr(index, scope);
                            }
                        }
                        match (key, assign.or(value)) {
                            (Some(key), _) => Known::list(follow.expr(key, scope)),
                            (None, Some(assign)) => follow.expr(&assign.value, scope),
                            (None, None) => Known::Any,
                        }
                    });
                if matches!(refr.as_ref(), Expr::Var { .. }) { given } else { Known::Any }
            }
        });
        self.rules.insert(id, known.clone());
        known
    }

    /// What a function gives for these arguments.
    fn function(&mut self, id: Id, arguments: &[Known]) -> Known {
        let key = (id, format!("{arguments:?}"));
        if let Some(known) = self.functions.get(&key) {
            return known.clone();
        }
        if self.functions.len() >= limits::FOLLOWED {
            return Known::Any;
        }
        self.functions.insert(key.clone(), Known::Any);
        let Some((_, definition)) = self.uses.definition(id) else { return Known::Any };
        let rule = definition.rule.clone();
        let known = self.within(id.0, |follow| match rule.as_ref() {
            Rule::Spec { head: RuleHead::Func { args, assign, .. }, .. } => {
                let mut scope = Scope::new();
                for (at, arg) in args.iter().enumerate() {
                    follow.bind(arg, arguments.get(at).cloned().unwrap_or(Known::Any), &mut scope);
                }
                follow.bodies(&rule, &scope, |follow, scope, own: Option<&RuleAssign>| {
                    own.or(assign.as_ref()).map_or(Known::Any, |assign| follow.expr(&assign.value, scope))
                })
            }
            _ => Known::Any,
        });
        self.functions.insert(key, known.clone());
        known
    }

    /// What the head gives after each body.
    fn bodies(
        &mut self,
        rule: &Rule,
        scope: &Scope,
        mut head: impl FnMut(&mut Self, &mut Scope, Option<&RuleAssign>) -> Known,
    ) -> Known {
        let Rule::Spec { bodies, .. } = rule else { return Known::Any };
        if bodies.is_empty() {
            return head(self, &mut scope.clone(), None);
        }
        let mut given: Option<Known> = None;
        for body in bodies {
            let mut scope = scope.clone();
            self.query(&body.query, &mut scope);
            let one = head(self, &mut scope, body.assign.as_ref());
            given = Some(match given {
                Some(before) => before.or(&one),
                None => one,
            });
        }
        given.unwrap_or(Known::Any)
    }

    /// The statements of a body, which may stand in any order: first for what they bind, then for what they name.
    fn query(&mut self, query: &Query, scope: &mut Scope) {
        let quiet = std::mem::replace(&mut self.quiet, true);
        for statement in &query.stmts {
            self.statement(statement, scope);
        }
        self.quiet = quiet;
        for statement in &query.stmts {
            self.statement(statement, scope);
        }
    }

    fn statement(&mut self, statement: &LiteralStmt, scope: &mut Scope) {
        match &statement.literal {
            Literal::SomeVars { vars, .. } => {
                for var in vars {
                    scope.entry(var.text().to_owned()).or_insert(Known::Any);
                }
            }
            Literal::SomeIn { key, value, collection, .. } => {
                let known = self.expr(collection, scope);
                if let Some(key) = key {
                    self.bind(key, Known::Any, scope);
                }
                self.bind(value, known.element(), scope);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => drop(self.expr(expr, scope)),
            Literal::Every { key, value, domain, query, .. } => {
                let known = self.expr(domain, scope);
                let mut inner = scope.clone();
                if let Some(key) = key {
                    inner.insert(key.text().to_owned(), Known::Any);
                }
                inner.insert(value.text().to_owned(), known.element());
                self.query(query, &mut inner);
            }
        }
        for with in &statement.with_mods {
            self.expr(&with.r#as, scope);
        }
    }

    /// Binds the variables of a pattern.
    fn bind(&mut self, pattern: &Expr, known: Known, scope: &mut Scope) {
        match pattern {
            Expr::Var { span, .. } => {
                scope.insert(span.text().to_owned(), known);
            }
            Expr::Array { items, .. } => {
                for item in items {
                    self.bind(item, known.element(), scope);
                }
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    let part = match tree::text(key) {
                        Some(name) => self.field(&known, &name, key.span()),
                        None => Known::Any,
                    };
                    self.bind(value, part, scope);
                }
            }
            _ => drop(self.expr(pattern, scope)),
        }
    }

    /// What is known of an expression; the places of the input that it names are checked.
    fn expr(&mut self, expr: &Expr, scope: &mut Scope) -> Known {
        match expr {
            Expr::String { .. } | Expr::RawString { .. } => {
                tree::text(expr).map_or(Known::Any, |text| Known::Word(text.into()))
            }
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr, scope),
            Expr::Call { fcn, params, .. } => self.call(fcn, params, scope),
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                let all: Vec<_> = items.iter().map(|item| self.expr(item, scope)).collect();
                let one = all.into_iter().reduce(|one, other| one.or(&other)).unwrap_or(Known::Any);
                Known::list(one)
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key, scope);
                    self.expr(value, scope);
                }
                Known::Any
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                let mut inner = scope.clone();
                self.query(query, &mut inner);
                Known::list(self.expr(term, &mut inner))
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                let mut inner = scope.clone();
                self.query(query, &mut inner);
                self.expr(key, &mut inner);
                // Iterating over its values is like iterating over a list of them.
                Known::list(self.expr(value, &mut inner))
            }
            Expr::AssignExpr { lhs, rhs, .. } => {
                let known = self.expr(rhs, scope);
                let unknown = |expr: &Expr, scope: &Scope| {
                    tree::variable(expr).is_some_and(|name| !scope.contains_key(name))
                };
                if matches!(lhs.as_ref(), Expr::Var { .. } | Expr::Array { .. } | Expr::Object { .. }) {
                    let backwards = known == Known::Any && unknown(rhs, scope);
                    let left = if backwards { self.expr(lhs, scope) } else { Known::Any };
                    if backwards && left != Known::Any {
                        self.bind(rhs, left, scope);
                    } else {
                        self.bind(lhs, known, scope);
                    }
                } else {
                    let left = self.expr(lhs, scope);
                    if unknown(rhs, scope) || known == Known::Any && tree::variable(rhs).is_some() {
                        self.bind(rhs, left, scope);
                    }
                }
                Known::Any
            }
            Expr::BinExpr { op, lhs, rhs, .. } => {
                let (left, right) = (self.expr(lhs, scope), self.expr(rhs, scope));
                if *op == BinOp::Union { left.or(&right) } else { left }
            }
            Expr::BoolExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expr(lhs, scope);
                self.expr(rhs, scope);
                Known::Any
            }
            Expr::Membership { key, value, collection, .. } => {
                if let Some(key) = key {
                    self.expr(key, scope);
                }
                self.expr(value, scope);
                self.expr(collection, scope);
                Known::Any
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr, scope),
            Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. } => Known::Any,
        }
    }

    /// What a reference leads to.
    fn reference(&mut self, expr: &Expr, scope: &mut Scope) -> Known {
        let (base, steps) = tree::steps(expr);
        let (mut known, taken) = match tree::variable(base) {
            None => (self.expr(base, scope), 0),
            Some(name) => match scope.get(name) {
                Some(known) => (known.clone(), 0),
                None => self.outer(name, &steps),
            },
        };
        for step in steps.iter().skip(taken) {
            known = match step {
                Step::Name(name, span) => self.field(&known, name, span),
                Step::Index(index) => match self.expr(index, scope) {
                    Known::Word(name) => self.field(&known, &name, index.span()),
                    _ => known.element(),
                },
            };
        }
        known
    }

    /// What a name means that is not a variable of the body, and how many of the steps after it belong to it.
    fn outer(&mut self, name: &str, steps: &[Step<'_>]) -> (Known, usize) {
        if name == "input" {
            return (Known::Part(&INPUT), 0);
        }
        let Some(file) = self.files.get(self.file) else { return (Known::Any, 0) };
        let mut path = Vec::new();
        if name != "data" {
            match self.imports.get(self.file).and_then(|imports| imports.get(name)) {
                Some(import) if import.first().is_some_and(|root| root == "input") => {
                    let mut known = Known::Part(&INPUT);
                    for name in import.clone().iter().skip(1) {
                        known = self.field(&known, name, &file.module.package.span);
                    }
                    return (known, 0);
                }
                Some(import) => path.extend(import.iter().skip(1).cloned()),
                None => path.extend(file.package.iter().cloned().chain([name.to_owned()])),
            }
        }
        for taken in 0..=steps.len() {
            let ids = self.uses.defined(&path).to_vec();
            if !ids.is_empty() {
                let known = ids.into_iter().map(|id| self.rule(id)).reduce(|one, other| one.or(&other));
                return (known.unwrap_or(Known::Any), taken);
            }
            match steps.get(taken) {
                Some(Step::Name(name, _)) => path.push(name.clone()),
                _ => break,
            }
        }
        (Known::Any, steps.len())
    }

    /// The field `name` of a value.
    fn field(&mut self, known: &Known, name: &str, span: &Span) -> Known {
        let Known::Part(shape) = known else { return Known::Any };
        let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let (what, fix) = match shape {
            Shape::Open => return Known::Any,
            Shape::Map(of) => return Known::Part(of),
            Shape::Fields(fields) => {
                if let Some(field) = fields.iter().find(|field| field.name == name) {
                    return Known::Part(field.shape);
                }
                let names: Vec<_> = fields.iter().map(|field| field.name).collect();
                let near = crate::settings::nearest(name, &names);
                (
                    format!("the input has no field `{name}` here{near}"),
                    "correct the path: docs/policies.md lists the input, field by field",
                )
            }
            Shape::List(of) if number => return Known::Part(of),
            Shape::List(_) => {
                (format!("a list of the input has no field `{name}`"), "go through the list: `some x in ...`")
            }
            Shape::Text | Shape::Bool | Shape::Number => (
                format!("a text of the input has no field `{name}`"),
                "correct the path: docs/policies.md lists the input, field by field",
            ),
        };
        if let (false, Some(file)) = (self.quiet, self.files.get(self.file)) {
            let place = Place::of(&file.path, span);
            self.problems.insert(Problem::new("input", place, what, fix.to_owned()));
        }
        Known::Any
    }

    /// What a call gives.
    fn call(&mut self, function: &Expr, params: &[regorus::unstable::Ref<Expr>], scope: &mut Scope) -> Known {
        let arguments: Vec<Known> = params.iter().map(|param| self.expr(param, scope)).collect();
        let (Some((name, _)), Some(file)) = (tree::names(function), self.files.get(self.file)) else {
            return Known::Any;
        };
        if let Some(ids) = self.uses.function(file, &name) {
            let ids = ids.to_vec();
            return ids
                .into_iter()
                .map(|id| self.function(id, &arguments))
                .reduce(|one, other| one.or(&other))
                .unwrap_or(Known::Any);
        }
        let first = arguments.first().cloned().unwrap_or(Known::Any);
        match (name.join(".").as_str(), params) {
            ("object.get", [_, key, _]) => self.got(first, key, scope),
            ("sort" | "array.reverse" | "array.slice", _) => first,
            ("array.concat", _) => first.or(arguments.get(1).unwrap_or(&Known::Any)),
            _ => Known::Any,
        }
    }

    /// `object.get` with a key, or a path of keys.
    fn got(&mut self, mut known: Known, key: &Expr, scope: &mut Scope) -> Known {
        let keys: Vec<&Expr> = match key {
            Expr::Array { items, .. } => items.iter().map(AsRef::as_ref).collect(),
            _ => vec![key],
        };
        for key in keys {
            known = match (self.expr(key, scope), key) {
                (Known::Word(name), _) => self.field(&known, &name, key.span()),
                (_, Expr::Number { .. }) => known.element(),
                _ => Known::Any,
            };
        }
        known
    }
}
