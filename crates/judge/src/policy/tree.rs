//! Walking the syntax tree of a policy.

use regorus::unstable::{Expr, Literal, LiteralStmt, Query, Rule, RuleBody, RuleHead, Span};

/// One step of a reference: `.name`, `["name"]`, or an index that is computed.
#[derive(Clone)]
pub(super) enum Step<'a> {
    Name(String, &'a Span),
    Index(&'a Expr),
}

/// A reference, taken apart: what it begins with, and its steps.
pub(super) fn steps(expr: &Expr) -> (&Expr, Vec<Step<'_>>) {
    let (mut base, mut steps) = (expr, Vec::new());
    loop {
        match base {
            Expr::RefDot { refr, field, .. } => {
                steps.push(Step::Name(field.0.text().to_owned(), &field.0));
                base = refr.as_ref();
            }
            Expr::RefBrack { refr, index, .. } => {
                steps.push(match text(index) {
                    Some(name) => Step::Name(name, index.span()),
                    None => Step::Index(index.as_ref()),
                });
                base = refr.as_ref();
            }
            _ => break,
        }
    }
    steps.reverse();
    (base, steps)
}

/// The text of a string.
pub(super) fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::String { value, .. } | Expr::RawString { value, .. } => {
            value.as_string().ok().map(std::string::ToString::to_string)
        }
        _ => None,
    }
}

/// The name of a variable.
pub(super) fn variable(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Var { span, .. } => Some(span.text()),
        _ => None,
    }
}

/// The names with which `expr` begins: `data.a["b"][x].c` is `[data, a, b]`. Nothing when it does not begin with a name.
pub(super) fn names(expr: &Expr) -> Option<(Vec<String>, bool)> {
    let (base, steps) = steps(expr);
    let mut names = vec![variable(base)?.to_owned()];
    for step in &steps {
        match step {
            Step::Name(name, _) => names.push(name.clone()),
            Step::Index(_) => return Some((names, false)),
        }
    }
    Some((names, true))
}

/// Who looks at the parts of a rule.
pub(super) trait Visitor<'a> {
    /// A reference as a whole: what it begins with, and its steps.
    fn reference(&mut self, _whole: &'a Expr, _base: &'a Expr, _steps: &[Step<'a>]) {}
    /// A call of a function.
    fn call(&mut self, _whole: &'a Expr, _function: &'a Expr, _arguments: usize) {}
    /// Any expression but references.
    fn expression(&mut self, _whole: &'a Expr) {}
    /// A statement of a body.
    fn statement(&mut self, _statement: &'a LiteralStmt) {}
    /// A body: of a rule, of `every`, or of a comprehension.
    fn body(&mut self, _query: &'a Query) {}
}

/// Shows every part of `rule` to `visitor`, its head first.
pub(super) fn rule<'a>(rule: &'a Rule, visitor: &mut dyn Visitor<'a>) {
    match rule {
        Rule::Default { refr, args, value, .. } => {
            head_indexes(refr, visitor);
            for arg in args {
                expression(arg, visitor);
            }
            expression(value, visitor);
        }
        Rule::Spec { head, bodies, .. } => {
            match head {
                RuleHead::Compr { refr, assign, .. } => {
                    head_indexes(refr, visitor);
                    if let Some(assign) = assign {
                        expression(&assign.value, visitor);
                    }
                }
                RuleHead::Set { refr, key, .. } => {
                    head_indexes(refr, visitor);
                    if let Some(key) = key {
                        expression(key, visitor);
                    }
                }
                RuleHead::Func { refr, args, assign, .. } => {
                    head_indexes(refr, visitor);
                    for arg in args {
                        expression(arg, visitor);
                    }
                    if let Some(assign) = assign {
                        expression(&assign.value, visitor);
                    }
                }
            }
            for RuleBody { assign, query, .. } in bodies {
                if let Some(assign) = assign {
                    expression(&assign.value, visitor);
                }
                body(query, visitor);
            }
        }
    }
}

/// The indexes of a head; its names are no references.
fn head_indexes<'a>(refr: &'a Expr, visitor: &mut dyn Visitor<'a>) {
    for step in steps(refr).1 {
        if let Step::Index(index) = step {
            expression(index, visitor);
        }
    }
}

/// The reference of a rule's head.
pub(super) fn head(rule: &Rule) -> &Expr {
    match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => refr,
        },
    }
}

fn body<'a>(query: &'a Query, visitor: &mut dyn Visitor<'a>) {
    visitor.body(query);
    for statement in &query.stmts {
        visitor.statement(statement);
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                if let Some(key) = key {
                    expression(key, visitor);
                }
                expression(value, visitor);
                expression(collection, visitor);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => expression(expr, visitor),
            Literal::Every { domain, query, .. } => {
                expression(domain, visitor);
                body(query, visitor);
            }
        }
        for with in &statement.with_mods {
            expression(&with.refr, visitor);
            expression(&with.r#as, visitor);
        }
    }
}

/// Shows `whole` and what is in it.
pub(super) fn expression<'a>(whole: &'a Expr, visitor: &mut dyn Visitor<'a>) {
    match whole {
        Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            let (base, steps) = steps(whole);
            visitor.reference(whole, base, &steps);
            for step in steps {
                if let Step::Index(index) = step {
                    expression(index, visitor);
                }
            }
            if variable(base).is_none() {
                expression(base, visitor);
            }
            return;
        }
        Expr::Call { fcn, params, .. } => {
            visitor.call(whole, fcn, params.len());
            for param in params {
                expression(param, visitor);
            }
            return;
        }
        _ => visitor.expression(whole),
    }
    match whole {
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            for item in items {
                expression(item, visitor);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                expression(key, visitor);
                expression(value, visitor);
            }
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            expression(term, visitor);
            body(query, visitor);
        }
        Expr::ObjectCompr { key, value, query, .. } => {
            expression(key, visitor);
            expression(value, visitor);
            body(query, visitor);
        }
        Expr::UnaryExpr { expr, .. } => expression(expr, visitor),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            expression(lhs, visitor);
            expression(rhs, visitor);
        }
        Expr::Membership { key, value, collection, .. } => {
            if let Some(key) = key {
                expression(key, visitor);
            }
            expression(value, visitor);
            expression(collection, visitor);
        }
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::RefDot { .. }
        | Expr::RefBrack { .. }
        | Expr::Call { .. } => {}
    }
}
