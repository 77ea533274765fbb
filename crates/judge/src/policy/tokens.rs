//! The tokens of a policy file, before it is parsed: what the parser would not survive is refused here.
//!
//! The parser of `regorus` tries brackets as a comprehension first and as a list again, so its work doubles with each
//! level; and chains (`1 + 1 + ...`, `a[0][0]...`) become trees as deep as they are long, which are walked by recursion.
//! Both are counted from the tokens of the same lexer.

use std::num::NonZeroU32;

use regorus::Source;
use regorus::unstable::{Lexer, Span, Token, TokenKind};

use super::limits;
use super::problem::{Place, Problem};

/// A comment: its place, and the text after `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) text: String,
}

/// What a file is made of.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// The comments, in the order of the file.
    pub(super) comments: Vec<Comment>,
    /// Where each opening brace stands: its line and column, and its first byte.
    pub(super) braces: Vec<((u32, u32), u32)>,
}

/// How deep brackets may nest, how long chains may be, and how often the parser may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) nesting: usize,
    pub(super) links: usize,
    pub(super) parsing: usize,
}

/// The bounds of this Edition.
pub(super) const BOUNDS: Bounds =
    Bounds { nesting: limits::NESTING, links: limits::LINKS, parsing: limits::PARSING };

/// Reads the tokens of `source`.
pub(super) fn read(path: &str, source: &Source, bounds: &Bounds) -> Result<Tokens, Problem> {
    let mut lexer = Lexer::new(source);
    lexer.set_max_col(NonZeroU32::new(limits::COLUMNS).unwrap_or(NonZeroU32::MIN));
    let (mut tokens, mut chain) = (Tokens::default(), Chain::default());
    let mut gap = Gap { path, text: source.get_contents(), at: 0, line: 1 };
    let mut count = 0_usize;
    loop {
        let Token(kind, span) =
            lexer.next_token().map_err(|error| super::problem::of_library(path, &error.to_string()))?;
        let place = || Place::of(path, &span);
        gap.until(&kind, &span, &mut tokens.comments);
        if kind == TokenKind::Eof {
            return Ok(tokens);
        }
        count += 1;
        if count > limits::TOKENS {
            return Err(limit(place(), "the file has more than", limits::TOKENS, "tokens", "split it"));
        }
        if kind == TokenKind::Symbol && span.text() == "{" {
            tokens.braces.push(((span.line, span.col), span.start));
        }
        if kind == TokenKind::Number {
            number(&span, place)?;
        }
        chain.take(&kind, &span, bounds).map_err(|(what, most, unit)| {
            limit(place(), what, most, unit, "name parts of it, each in a statement or rule of its own")
        })?;
    }
}

fn limit(place: Place, what: &str, most: usize, unit: &str, fix: &str) -> Problem {
    Problem::new("limit", place, format!("{what} {most} {unit}"), fix.to_owned())
}

/// A number of ordinary size: larger ones are computed with as many digits as they have.
fn number(span: &Span, place: impl Fn() -> Place) -> Result<(), Problem> {
    let (digits, exponent) = match span.text().split_once(['e', 'E']) {
        None => (span.text(), "0"),
        Some(parts) => parts,
    };
    let exponent = exponent.trim_start_matches(['+', '-']).trim_start_matches('0');
    let small = exponent.len() <= 3 && exponent.parse::<u32>().unwrap_or(0) <= limits::EXPONENT;
    if digits.len() <= limits::DIGITS && small {
        return Ok(());
    }
    let what = format!("the number `{}` is too large", span.text().chars().take(40).collect::<String>());
    Err(Problem::new("limit", place(), what, "write a smaller number".to_owned()))
}

/// The text between two tokens: blanks and comments.
struct Gap<'a> {
    path: &'a str,
    text: &'a str,
    at: usize,
    line: usize,
}

impl Gap<'_> {
    /// Collects the comments before the token at `span`, and steps over it.
    fn until(&mut self, kind: &TokenKind, span: &Span, comments: &mut Vec<Comment>) {
        debug_assert!(span.source.get_path() == self.path, "tokens of one file");
        // The span of a string is what stands between its quotes.
        let quote = usize::from(matches!(kind, TokenKind::String | TokenKind::RawString));
        let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let start = match kind {
            TokenKind::Eof => self.text.len(),
            _ => index(span.start).saturating_sub(quote),
        };
        let between = self.text.get(self.at..start).unwrap_or_default();
        let begins = self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let mut indent = self.at.saturating_sub(begins);
        for (number, line) in (self.line..).zip(between.split('\n')) {
            if let Some((blank, comment)) = line.split_once('#') {
                comments.push(Comment {
                    line: number,
                    column: indent + blank.len() + 1,
                    text: comment.trim_end_matches('\r').to_owned(),
                });
            }
            indent = 0;
        }
        self.at = index(span.end).saturating_add(quote).max(start);
        self.line = self.text.get(..self.at).map_or(self.line, |before| before.matches('\n').count() + 1);
    }
}

/// Counts nesting, and what stands in a chain at each level.
#[derive(Default)]
struct Chain {
    /// For each open bracket: how often the parser reads what is in it, and the links of the chain outside.
    open: Vec<(usize, usize)>,
    /// Links since the chain at this level began.
    links: usize,
    /// Whether the last token ended an operand.
    operand: bool,
    /// Whether the last token was a dot: what follows is the name of a field, whatever it is.
    dot: bool,
    work: usize,
}

/// Binary operators, as the lexer gives them.
const OPERATORS: [&str; 14] = ["+", "-", "*", "/", "%", "&", "|", "==", "!=", "<", "<=", ">", ">=", "."];

impl Chain {
    fn take(
        &mut self,
        kind: &TokenKind,
        span: &Span,
        bounds: &Bounds,
    ) -> Result<(), (&'static str, usize, &'static str)> {
        let text = if *kind == TokenKind::Symbol || *kind == TokenKind::Ident { span.text() } else { "" };
        let times = self.open.last().map_or(1, |(times, _)| *times);
        self.work = self.work.saturating_add(times);
        match text {
            "[" | "{" | "(" | "set(" => {
                let index = self.operand && text != "{";
                self.links = if self.operand && !index { 0 } else { self.links + usize::from(index) };
                // A call or an index is read once; what may be a comprehension is tried twice, in a statement twice.
                let factor = if index || text == "set(" { 1 } else { 4 };
                self.open.push((times.saturating_mul(factor), self.links));
                (self.links, self.operand) = (0, false);
            }
            "]" | "}" | ")" => {
                if let Some((_, links)) = self.open.pop() {
                    self.links = links;
                }
                self.operand = true;
            }
            "," | ";" | ":" | ":=" | "=" => (self.links, self.operand) = (0, false),
            "in" | "or" => (self.links, self.operand) = (self.links + 1, false),
            "not" | "some" | "every" | "if" | "else" | "with" | "as" if !self.dot => {
                (self.links, self.operand) = (0, false);
            }
            operator if *kind == TokenKind::Symbol && OPERATORS.contains(&operator) => {
                (self.links, self.operand) = (self.links + 1, false);
            }
            // `1 -1` is a subtraction for the lexer's number.
            _ if *kind == TokenKind::Number && span.text().starts_with('-') => {
                (self.links, self.operand) = (self.links + 1, true);
            }
            _ => {
                // Two operands beside each other: another statement begins.
                self.links = if self.operand { 0 } else { self.links };
                self.operand = true;
            }
        }
        self.dot = text == ".";
        if self.open.len() > bounds.nesting {
            return Err(("brackets stand in each other more than", bounds.nesting, "deep"));
        }
        if self.links > bounds.links {
            return Err(("an expression has more than", bounds.links, "operators, fields and indexes"));
        }
        if self.work > bounds.parsing {
            return Err((
                "reading it takes more than",
                bounds.parsing,
                "steps: lists stand too deep in each other",
            ));
        }
        Ok(())
    }
}
