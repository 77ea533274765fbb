//! Counts what a policy makes and looks at. It stands between the evaluator and each builtin: what would be too much is
//! refused before it is made, and what went wrong is remembered, whatever the evaluator does with the error.
//!
//! Nothing here asks an allocator or a clock: the same policy and input give the same counts everywhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use regorus::unstable::{BUILTINS, Expr, Ref, Span};
use regorus::{Engine, Source, Value};

use super::builtins::{self, Makes};
use super::problem::of_library;
use super::{limits, wrap};

/// What was counted, and the first thing that went wrong.
#[derive(Default)]
pub(super) struct Meter {
    made: AtomicU64,
    looks: AtomicU64,
    text: AtomicU64,
    failed: Mutex<Option<Failed>>,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// Whether a bound was passed; else a builtin had an error.
    pub(super) limit: bool,
    pub(super) what: String,
}

/// The size of a value, as a tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) values: u64,
    pub(super) bytes: u64,
    depth: usize,
}

/// The size of `value`; counting ends after `most` values and bytes.
pub(super) fn size(value: &Value, most: u64) -> Size {
    let mut size = Size::default();
    let mut waiting = vec![(value, 1)];
    while let Some((value, depth)) = waiting.pop() {
        size.values += 1;
        size.depth = size.depth.max(depth);
        let length = match value {
            Value::String(text) => text.len(),
            Value::Number(number) if number.as_i64().is_some() => 8,
            Value::Number(number) => number.format_decimal().len(),
            Value::Array(items) => {
                waiting.extend(items.iter().map(|item| (item, depth + 1)));
                0
            }
            Value::Set(items) => {
                waiting.extend(items.iter().map(|item| (item, depth + 1)));
                0
            }
            Value::Object(fields) => {
                for (key, value) in fields.iter() {
                    waiting.extend([(key, depth + 1), (value, depth + 1)]);
                }
                0
            }
            _ => 0,
        };
        size.bytes = size.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if size.values.saturating_add(size.bytes) > most {
            break;
        }
    }
    size
}

impl Meter {
    /// What went wrong first.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, limit: bool, what: String) -> anyhow::Error {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failed.get_or_insert(Failed { limit, what });
        anyhow!(failed.what.clone())
    }

    fn left(count: &AtomicU64, most: u64) -> u64 {
        most.saturating_sub(count.load(Ordering::Relaxed))
    }

    fn charge(&self, count: &AtomicU64, amount: u64, most: u64, what: &str) -> anyhow::Result<()> {
        let before = count.fetch_add(amount, Ordering::Relaxed);
        if before.saturating_add(amount) > most {
            return Err(self.fail(true, format!("the policies {what} {most}")));
        }
        Ok(())
    }

    /// Counts a value that was made.
    fn made(&self, value: &Value) -> anyhow::Result<()> {
        let size = self.seen(value)?;
        if size.depth > limits::DEPTH {
            return Err(self.fail(true, format!("a value is nested more than {} deep", limits::DEPTH)));
        }
        let most = u64::from(limits::EXPONENT) + 100;
        if matches!(value, Value::Number(_)) && size.bytes > most {
            return Err(self.fail(true, format!("a number has more than {most} digits")));
        }
        self.charge(&self.made, size.values, limits::VALUES, "make more values than")
    }

    /// Counts a value that is looked through.
    fn seen(&self, value: &Value) -> anyhow::Result<Size> {
        let size = size(value, Self::left(&self.looks, limits::LOOKS).saturating_add(1));
        let looks = size.values.saturating_add(size.bytes / 16);
        self.charge(&self.looks, looks, limits::LOOKS, "look at more values than")?;
        Ok(size)
    }

    /// Refuses what would make more than is left.
    fn before(&self, name: &str, makes: Makes, args: &[Value]) -> anyhow::Result<()> {
        let mut all = Size::default();
        for arg in args {
            let size = if makes == Makes::Nothing { self.glanced(arg)? } else { self.seen(arg)? };
            all.values = all.values.saturating_add(size.values);
            all.bytes = all.bytes.saturating_add(size.bytes);
        }
        let length = |at: usize| match args.get(at) {
            Some(Value::String(text)) => u64::try_from(text.len()).unwrap_or(u64::MAX),
            _ => 0,
        };
        let (text, values) = match makes {
            Makes::Nothing => (0, 0),
            Makes::Less if name == "product" && all.values > limits::FACTORS => (u64::MAX, 0),
            Makes::Less => (all.bytes, all.values),
            Makes::Twice => (all.bytes.saturating_mul(6).saturating_add(all.values.saturating_mul(8)), 0),
            Makes::Number => {
                return match args.first() {
                    Some(Value::String(text)) if !ordinary(text) => {
                        Err(self.fail(false, format!("`{name}`: the text is not a number of ordinary size")))
                    }
                    _ => Ok(()),
                };
            }
            Makes::Joined => (all.bytes.saturating_add(length(0).saturating_mul(all.values)), 0),
            Makes::Replaced => {
                let places = length(0) / length(1).max(1) + 1;
                (length(0).saturating_add(places.saturating_mul(length(2))), 0)
            }
            Makes::Formatted => {
                self.format(args)?;
                (all.bytes.saturating_mul(6).saturating_add(all.values.saturating_mul(128)), 0)
            }
            Makes::Letters => (all.bytes, all.bytes.saturating_add(1)),
            Makes::Matched | Makes::MatchedReplaced => {
                let at = usize::from(name == "regex.replace");
                self.pattern(name, args.get(at))?;
                let groups = match args.get(at) {
                    Some(Value::String(text)) => text.matches('(').count() + 1,
                    _ => 1,
                };
                let all = all.bytes.saturating_add(1);
                match makes {
                    Makes::MatchedReplaced => (all.saturating_mul(length(2) + 1).saturating_mul(2), 0),
                    _ => (all, all.saturating_mul(u64::try_from(groups).unwrap_or(u64::MAX))),
                }
            }
        };
        if text > Self::left(&self.text, limits::TEXT_BYTES) {
            return Err(self
                .fail(true, format!("`{name}` could make more than {} bytes of text", limits::TEXT_BYTES)));
        }
        if values > Self::left(&self.made, limits::VALUES) {
            return Err(self.fail(true, format!("`{name}` could make more than {} values", limits::VALUES)));
        }
        Ok(())
    }

    /// Counts a value of which only the length is looked at.
    fn glanced(&self, value: &Value) -> anyhow::Result<Size> {
        let length = match value {
            Value::String(text) => text.len() / 16,
            _ => 0,
        };
        let looks = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
        self.charge(&self.looks, looks, limits::LOOKS, "look at more values than")?;
        Ok(Size::default())
    }

    fn pattern(&self, name: &str, pattern: Option<&Value>) -> anyhow::Result<()> {
        self.charge(&self.looks, limits::PATTERN_LOOKS, limits::LOOKS, "look at more values than")?;
        match pattern {
            Some(Value::String(text)) if text.len() > limits::PATTERN_BYTES => Err(self
                .fail(true, format!("`{name}`: the pattern has more than {} bytes", limits::PATTERN_BYTES))),
            _ => Ok(()),
        }
    }

    /// Refuses formats that ask for a width of three digits or more.
    fn format(&self, args: &[Value]) -> anyhow::Result<()> {
        let Some(Value::String(format)) = args.first() else { return Ok(()) };
        for verb in format.split('%').skip(1) {
            let flags: String = verb.chars().take_while(|c| !c.is_ascii_alphabetic()).collect();
            let wide = flags
                .split(|c: char| !c.is_ascii_digit())
                .any(|number| number.trim_start_matches('0').len() > 2);
            if wide || flags.contains(['*', '[']) {
                return Err(
                    self.fail(true, "`sprintf`: a width has more than two digits, or is computed".to_owned())
                );
            }
        }
        Ok(())
    }
}

/// Whether a text is a number as policies may have it, or no number at all.
fn ordinary(text: &str) -> bool {
    let exponent = text.split_once(['e', 'E']).map_or("", |(_, exponent)| exponent);
    let exponent = exponent.trim_start_matches(['+', '-']);
    text.len() <= 2 * limits::DIGITS
        && exponent.len() <= 3
        && exponent.parse().unwrap_or(0) <= limits::EXPONENT
}

/// Puts the meter between `engine` and every builtin; those that are not allowed fail whenever they are reached.
pub(super) fn install(engine: &mut Engine) -> anyhow::Result<Arc<Meter>> {
    let meter = Arc::new(Meter::default());
    let nowhere = nowhere()?;
    let others = [("print", 1_u8)];
    let names = BUILTINS.iter().map(|(name, (_, arguments))| (*name, *arguments)).chain(others);
    let all: std::collections::BTreeMap<&str, u8> = names.collect();
    for (name, arguments) in all {
        let (meter, nowhere) = (meter.clone(), nowhere.clone());
        let call = move |args: Vec<Value>| call(&meter, name, &args, &nowhere);
        engine.add_extension(name.to_owned(), arguments, Box::new(call))?;
    }
    for name in [wrap::MADE, wrap::SEEN] {
        let meter = meter.clone();
        let count = move |mut args: Vec<Value>| {
            let value = args.pop().unwrap_or(Value::Undefined);
            if name == wrap::MADE {
                meter.made(&value)?;
            } else {
                meter.seen(&value)?;
            }
            Ok(value)
        };
        engine.add_extension(name.to_owned(), 1, Box::new(count))?;
    }
    Ok(meter)
}

/// A builtin is told where its arguments stand; from here it cannot be known, and the evaluator adds the place of the call.
fn nowhere() -> anyhow::Result<(Span, Vec<Ref<Expr>>)> {
    let source = Source::from_contents("builtin".to_owned(), String::new())?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let null = || Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
    Ok((span.clone(), (0..8).map(|_| null()).collect()))
}

fn call(
    meter: &Meter,
    name: &str,
    args: &[Value],
    nowhere: &(Span, Vec<Ref<Expr>>),
) -> anyhow::Result<Value> {
    if let Some(failed) = meter.failed() {
        return Err(anyhow!(failed.what));
    }
    let (Some((_, _, makes)), Some((builtin, _))) = (builtins::allowed(name), BUILTINS.get(name)) else {
        return Err(meter.fail(false, format!("`{name}` is not a function that policies may call")));
    };
    meter.before(name, *makes, args)?;
    let places = nowhere.1.get(..args.len()).unwrap_or_default();
    let value = builtin(&nowhere.0, places, args, true).map_err(|error| {
        meter.fail(false, format!("`{name}`: {}", of_library("", &error.to_string()).what))
    })?;
    match (&value, makes) {
        (Value::Undefined, _) | (_, Makes::Nothing) => {}
        (Value::String(text), _) => {
            let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
            meter.charge(&meter.text, bytes, limits::TEXT_BYTES, "make more bytes of text than")?;
        }
        _ => meter.made(&value)?,
    }
    Ok(value)
}
