//! What keeps policies of Editions before 2026-3 from ending the process. Their reader looked at spelling, and what it did not
//! see ran: circles until the stack was full, lists and texts until the memory was, and chance.
//!
//! A Case that was judged keeps its bytes: only what could not have been judged, or not twice to the same answer, is
//! refused here.

use anyhow::anyhow;
use regorus::rvm::program::Program;
use regorus::unstable::{BUILTINS, Expr, Ref, Span};
use regorus::{LimitError, Source, Value};

use super::meter::size;
use super::tokens::{self, Bounds};
use super::uses::Uses;
use super::{file, limits};

/// What the parser survives: far more than people write.
const BOUNDS: Bounds = Bounds { nesting: 32, links: 500, parsing: 400_000_000 };
/// Instructions of policies in which a rule may come back to itself: fewer than fill the stack.
const CIRCLED: usize = 1000;
/// Most bytes or values that a builtin may make at once.
const MOST: u64 = 1 << 28;

/// Why a policy of an earlier Edition is not evaluated.
pub(super) const AGAIN: &str = "cannot be judged again";

/// How many instructions `sources` may take of `most`: fewer, when a rule of theirs may come back to itself. An error
/// says why they cannot be read, and names the path.
pub(super) fn instructions(sources: &[(&str, &str)], most: usize) -> Result<usize, (String, String)> {
    let mut files = Vec::new();
    for (path, text) in sources {
        let refused = |what: &str| ((*path).to_owned(), format!("{AGAIN}: {what}"));
        let Ok(source) = Source::from_contents((*path).to_owned(), (*text).to_owned()) else { continue };
        match tokens::read(path, &source, &BOUNDS) {
            Ok(tokens) => files.extend(file::parse(path, source, tokens).ok().map(|(file, _)| file)),
            Err(problem)
                if problem.kind == "limit"
                    && !problem.what.contains("tokens")
                    && !problem.what.contains("number") =>
            {
                return Err(refused(&problem.what));
            }
            // What is broken otherwise, the reader of that Edition says in its own words.
            Err(_) => {}
        }
    }
    Ok(if Uses::of(&files).circled() { most.min(CIRCLED) } else { most })
}

/// What an error of the evaluator means, where it was guarded.
pub(super) fn said(error: String, instructions: usize) -> String {
    let circled = instructions == CIRCLED && error.contains("instruction limit");
    match error {
        _ if circled => format!("{AGAIN}: a rule comes back to itself"),
        error if error.contains("exceeded memory limit") => {
            format!("{AGAIN}: it makes values of any size, or asks for randomness")
        }
        error => error,
    }
}

/// Puts guards before the builtins that make values of any size, and before randomness.
pub(super) fn builtins(program: &mut Program) {
    let names: Vec<String> = program.builtin_info_table.iter().map(|info| info.name.clone()).collect();
    for (name, resolved) in names.iter().zip(program.resolved_builtins.iter_mut()) {
        resolved.0 = match name.as_str() {
            "numbers.range" => {
                |span, params, args, strict| bounded("numbers.range", span, params, args, strict)
            }
            "numbers.range_step" => {
                |span, params, args, strict| bounded("numbers.range_step", span, params, args, strict)
            }
            "bits.lsh" => |span, params, args, strict| bounded("bits.lsh", span, params, args, strict),
            "sprintf" => |span, params, args, strict| bounded("sprintf", span, params, args, strict),
            "replace" => |span, params, args, strict| bounded("replace", span, params, args, strict),
            "strings.replace_n" => {
                |span, params, args, strict| bounded("strings.replace_n", span, params, args, strict)
            }
            "concat" => |span, params, args, strict| bounded("concat", span, params, args, strict),
            "json.marshal" => {
                |span, params, args, strict| bounded("json.marshal", span, params, args, strict)
            }
            "to_number" => |span, params, args, strict| bounded("to_number", span, params, args, strict),
            "rand.intn" => |_, _, _, _| Err(refused()),
            _ => resolved.0,
        };
    }
}

/// The one error that rules of the library do not swallow.
fn refused() -> anyhow::Error {
    anyhow!(LimitError::MemoryLimitExceeded { usage: 0, limit: 0 })
}

fn bounded(
    name: &'static str,
    span: &Span,
    params: &[Ref<Expr>],
    args: &[Value],
    strict: bool,
) -> anyhow::Result<Value> {
    let number = |at: usize| args.get(at).and_then(|value| value.as_f64().ok()).unwrap_or(0.0);
    let length = |at: usize| match args.get(at) {
        Some(Value::String(text)) => u64::try_from(text.len()).unwrap_or(u64::MAX),
        _ => 0,
    };
    let all = args
        .iter()
        .map(|arg| size(arg, MOST))
        .fold(0_u64, |all, size| all.saturating_add(size.values + size.bytes));
    let too_much = match name {
        "numbers.range" | "numbers.range_step" => (number(1) - number(0)).abs() > 5_000_000.0,
        "bits.lsh" => number(1) > 1_000_000.0,
        "sprintf" => wide(args.first()),
        "replace" => (length(0) / length(1).max(1) + 1).saturating_mul(length(2)) > MOST,
        "strings.replace_n" => replaced(args) > MOST,
        "concat" => length(0).saturating_mul(all) > MOST * 8 || all > MOST,
        "to_number" => length(0) > 10_000 || exponent(args.first()) > 100_000,
        _ => all > MOST,
    };
    let builtin = BUILTINS.get(name).filter(|_| !too_much).ok_or_else(refused)?;
    builtin.0(span, params, args, strict)
}

/// Whether a format has a width of more than six digits.
fn wide(format: Option<&Value>) -> bool {
    let Some(Value::String(format)) = format else { return false };
    let flags = |verb: &str| verb.chars().take_while(|c| !c.is_ascii_alphabetic()).collect::<String>();
    format.split('%').skip(1).any(|verb| {
        flags(verb)
            .split(|c: char| !c.is_ascii_digit())
            .any(|number| number.trim_start_matches('0').len() > 6)
    })
}

/// How long a text can become when each of many patterns is replaced in turn.
fn replaced(args: &[Value]) -> u64 {
    let (Some(Value::Object(patterns)), Some(Value::String(text))) = (args.first(), args.get(1)) else {
        return 0;
    };
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    patterns.iter().fold(length.saturating_add(1), |length, (_, new)| match new {
        Value::String(new) => length.saturating_mul(u64::try_from(new.len().max(1)).unwrap_or(u64::MAX)),
        _ => length,
    })
}

fn exponent(text: Option<&Value>) -> u64 {
    let Some(Value::String(text)) = text else { return 0 };
    let Some((_, exponent)) = text.split_once(['e', 'E']) else { return 0 };
    let digits = exponent.trim_start_matches(['+', '-']).trim_start_matches('0');
    if digits.len() > limits::DIGITS { u64::MAX } else { digits.parse().unwrap_or(0) }
}
