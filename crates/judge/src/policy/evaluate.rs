//! Evaluates the rules that are asked, all in one go, so that there is one bound on all of them.

use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, PolicyLengthConfig, Value};

use super::contract::Asked;
use super::file::File;
use super::meter::{self, Meter, size};
use super::problem::{Place, Problem, of_library};
use super::{KINDS, Kind, limits, wrap};

/// One thing that a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) message: serde_json::Value,
}

/// The package and rule by which all are asked.
const ALL: &str = "__lockgate_all";

/// Evaluates `asked` over `input`.
pub(super) fn evaluate(
    files: &[File],
    asked: &[&Asked],
    input: &serde_json::Value,
) -> Result<Vec<Said>, Problem> {
    let mut questions: Vec<(&str, Kind)> = asked.iter().map(|one| (one.package.as_str(), one.kind)).collect();
    questions.sort_unstable();
    questions.dedup();
    let answers = catch_unwind(AssertUnwindSafe(|| ask(files, &questions, input))).unwrap_or_else(|_| {
        Err(broken("the evaluator gave up".to_owned(), "tell the authors of Lockgate, with the policies"))
    })?;
    let mut said = Vec::new();
    let mut bytes = 0;
    for (number, (package, kind)) in questions.iter().enumerate() {
        let Some(Value::Set(messages)) = answers.get(number) else {
            let what = format!("a rule of the package `{package}` gives no set of messages");
            return Err(broken(what, "correct it"));
        };
        for message in messages.iter() {
            let most = u64::try_from(limits::MESSAGE_BYTES).unwrap_or(u64::MAX);
            let size = size(message, most);
            bytes += size.bytes.saturating_add(size.values);
            let all = u64::try_from(limits::ALL_MESSAGE_BYTES).unwrap_or(u64::MAX);
            if size.bytes.saturating_add(size.values) > most || bytes > all || said.len() >= limits::MESSAGES
            {
                return Err(too_much(package));
            }
            let message = serde_json::to_value(message).map_err(|_| {
                broken(format!("a message of the package `{package}` is not JSON"), "correct it")
            })?;
            said.push(Said { package: (*package).to_owned(), kind: *kind, message });
        }
    }
    Ok(said)
}

fn broken(what: String, fix: &str) -> Problem {
    Problem::new("broken", Place::file("policies"), what, fix.to_owned())
}

fn too_much(package: &str) -> Problem {
    let what = format!(
        "the rules say more than {} messages, {} bytes in one, or {} bytes together (package `{package}`)",
        limits::MESSAGES,
        limits::MESSAGE_BYTES,
        limits::ALL_MESSAGE_BYTES
    );
    Problem::new(
        "limit",
        Place::file("policies"),
        what,
        "say less, or put several things into one message".to_owned(),
    )
}

/// The sets of messages, in the order of the questions.
fn ask(files: &[File], questions: &[(&str, Kind)], input: &serde_json::Value) -> Result<Vec<Value>, Problem> {
    let mut engine = Engine::new();
    engine.set_policy_length_config(lengths());
    engine.set_strict_builtin_errors(true);
    let library = |error: anyhow::Error| of_library("policies", &error.to_string());
    let meter = meter::install(&mut engine).map_err(library)?;
    for file in files.iter().filter(|file| !file.is_test()) {
        engine.add_policy(file.path.clone(), wrap::text(file)).map_err(library)?;
    }
    engine.add_policy(ALL.to_owned(), all(questions)).map_err(library)?;
    // The count is the bound: after so many steps it is asked whether any time has passed since the beginning, and some
    // has. How much is never looked at.
    let steps = NonZeroU32::new(limits::STEPS).unwrap_or(NonZeroU32::MAX);
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: Duration::ZERO, check_interval: steps });
    engine.set_input(Value::from(input.clone()));
    let value = engine.eval_rule(format!("data.{ALL}.all"));
    if let Some(problem) = failure(&meter, value.as_ref().err()) {
        return Err(problem);
    }
    match value.map_err(library)? {
        Value::Array(answers) => Ok(answers.to_vec()),
        _ => Err(broken("a rule that is asked has no answer".to_owned(), "correct it")),
    }
}

/// What went wrong: what the meter remembers, then what the evaluator says.
fn failure(meter: &Meter, error: Option<&anyhow::Error>) -> Option<Problem> {
    let text = error.map(ToString::to_string);
    let told = text.as_deref().map(|text| of_library("policies", text));
    if text.as_deref().is_some_and(|text| text.contains("execution exceeded time limit")) {
        let what = format!("the rules take more than {} steps", limits::STEPS);
        return Some(limit(Place::file("policies"), what));
    }
    if let Some(failed) = meter.failed() {
        let place = told.map_or_else(|| Place::file("policies"), |told| told.place);
        return Some(if failed.limit { limit(place, failed.what) } else { value(place, failed.what) });
    }
    told.map(|told| value(told.place, told.what))
}

fn limit(place: Place, what: String) -> Problem {
    Problem::new("limit", place, what, "write rules that do less".to_owned())
}

/// Something in the input is not as the policy expects.
fn value(place: Place, what: String) -> Problem {
    let fix = "let the rule look at the value before it uses it (such as with `regex.match` or `is_number`), or correct the image";
    Problem::new("error", place, what, fix.to_owned())
}

fn lengths() -> PolicyLengthConfig {
    PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
    }
}

/// The policy that asks all of them.
fn all(questions: &[(&str, Kind)]) -> String {
    let mut text = format!("package {ALL}\n\nall := [\n");
    for (package, kind) in questions {
        let word = KINDS.iter().find(|(_, other)| other == kind).map_or("deny", |(word, _)| word);
        text.push_str(&format!("\tdata.{package}.{word},\n"));
    }
    text.push_str("]\n");
    text
}
