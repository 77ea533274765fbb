//! A policy as it is evaluated: each value that it makes is handed to the meter, which counts it and gives it back.
//!
//! The library has no bound on what a policy makes. So calls of two functions of ours are written into the text, on the
//! same lines: around what makes a value of others (lists, comprehensions, operators), and around what a comparison has
//! to walk through. Places are told as they are in the author's text.

use regorus::unstable::{AssignOp, Expr, Literal, Query, Rule, RuleHead};

use super::file::File;
use super::tree::{self, Step};

/// Counts a value that was made, and gives it back.
pub(super) const MADE: &str = "__lockgate_made";
/// Counts a value that is walked through, and gives it back.
pub(super) const SEEN: &str = "__lockgate_seen";

/// The text of `file` with the calls in it.
pub(super) fn text(file: &File) -> String {
    let mut wrap = Wrap { file, edits: Vec::new() };
    for definition in &file.definitions {
        wrap.rule(&definition.rule);
    }
    let text = file.source.get_contents();
    // At one place what ends comes before what begins; the outermost begins first.
    wrap.edits.sort_by_key(|edit| (edit.at, edit.begins, std::cmp::Reverse(edit.end)));
    let mut wrapped = String::with_capacity(text.len() * 2);
    let mut from = 0;
    for edit in &wrap.edits {
        wrapped.push_str(text.get(from..edit.at).unwrap_or_default());
        wrapped.push_str(edit.text);
        if edit.begins {
            wrapped.push('(');
        }
        from = edit.at;
    }
    wrapped.push_str(text.get(from..).unwrap_or_default());
    wrapped
}

/// Something that is written into the text at a byte.
struct Edit {
    at: usize,
    begins: bool,
    /// The end of what is wrapped.
    end: u32,
    text: &'static str,
}

struct Wrap<'a> {
    file: &'a File,
    edits: Vec<Edit>,
}

impl Wrap<'_> {
    fn around(&mut self, expr: &Expr, name: &'static str) {
        let span = expr.span();
        // The library moves the beginning of an object's span to its last field: its brace is where the span says by line.
        let start = match expr {
            Expr::Object { .. } => {
                let place = (span.line, span.col);
                self.file
                    .tokens
                    .braces
                    .iter()
                    .find(|(at, _)| *at == place)
                    .map_or(span.start, |(_, byte)| *byte)
            }
            _ => span.start,
        };
        let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        self.edits.push(Edit { at: index(start), begins: true, end: span.end, text: name });
        self.edits.push(Edit { at: index(span.end), begins: false, end: span.end, text: ")" });
    }

    fn rule(&mut self, rule: &Rule) {
        let Rule::Spec { head, bodies, .. } = rule else { return };
        match head {
            RuleHead::Set { key, .. } => {
                if let Some(key) = key {
                    self.expr(key);
                }
            }
            RuleHead::Compr { refr, assign, .. } => {
                if let Some(assign) = assign {
                    // The same value under many keys is as large as all of them.
                    match refr.as_ref() {
                        Expr::Var { .. } => self.expr(&assign.value),
                        _ => self.made(&assign.value),
                    }
                }
            }
            RuleHead::Func { assign, .. } => {
                if let Some(assign) = assign {
                    self.expr(&assign.value);
                }
            }
        }
        for body in bodies {
            if let Some(assign) = &body.assign {
                self.expr(&assign.value);
            }
            self.query(&body.query);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { collection, .. } => self.expr(collection),
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
        }
    }

    /// Counts what `expr` gives, unless it is counted anyway.
    fn made(&mut self, expr: &Expr) {
        if !makes(expr) {
            self.around(expr, MADE);
        }
        self.expr(expr);
    }

    fn expr(&mut self, expr: &Expr) {
        if makes(expr) {
            self.around(expr, MADE);
        }
        match expr {
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                for item in items {
                    self.expr(item);
                }
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { params, .. } => {
                for param in params {
                    self.expr(param);
                }
            }
            Expr::BinExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            _ => self.operation(expr),
        }
    }

    /// Comparisons, assignments and references.
    fn operation(&mut self, expr: &Expr) {
        match expr {
            Expr::BoolExpr { lhs, rhs, .. } => {
                if !is_plain(lhs) && !is_plain(rhs) && !makes(lhs) {
                    self.around(lhs, SEEN);
                }
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.expr(rhs);
                if *op == AssignOp::Eq && !matches!(lhs.as_ref(), Expr::Var { .. }) {
                    self.expr(lhs);
                }
            }
            Expr::Membership { key, value, collection, .. } => {
                if let Some(key) = key {
                    self.expr(key);
                }
                self.expr(value);
                if !makes(collection) && !is_written_out(collection) {
                    self.around(collection, SEEN);
                }
                self.expr(collection);
            }
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                let (base, steps) = tree::steps(expr);
                for step in steps {
                    if let Step::Index(index) = step {
                        self.expr(index);
                    }
                }
                if tree::variable(base).is_none() {
                    self.expr(base);
                }
            }
            _ => {}
        }
    }
}

/// Whether `expr` makes a value out of others.
fn makes(expr: &Expr) -> bool {
    match expr {
        Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => !is_written_out(expr),
        Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => true,
        Expr::BinExpr { .. } | Expr::ArithExpr { .. } => true,
        _ => false,
    }
}

/// Whether `expr` holds no value that is named elsewhere: it is as large as its text.
fn is_written_out(expr: &Expr) -> bool {
    match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().all(|item| is_written_out(item)),
        Expr::Object { fields, .. } => {
            fields.iter().all(|(_, key, value)| is_written_out(key) && is_written_out(value))
        }
        _ => is_plain(expr),
    }
}

/// A text, number, truth value or null that is written out.
fn is_plain(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
    )
}
