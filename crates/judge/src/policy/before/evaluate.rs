//! Evaluates the rules of policies, in `regorus`' virtual machine, with a bound on its instructions.

use std::collections::BTreeSet;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Rc, Value};

use super::{KINDS, Kind, PolicyError, PolicySource};
use crate::policy::guard;

/// Instructions that one rule may take: some seconds on a slow machine.
const INSTRUCTIONS: usize = 20_000_000;
/// Longest error text that is kept of the library's, in characters.
const REASON: usize = 500;

/// One thing that a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) message: serde_json::Value,
}

/// Evaluates every rule of `sources` that is asked, over `input`. Files of one package are evaluated together.
pub(crate) fn evaluate(
    sources: &[PolicySource],
    input: &serde_json::Value,
) -> Result<Vec<Said>, PolicyError> {
    super::circles::refuse(sources)?;
    let texts: Vec<_> = sources.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
    let instructions = guard::instructions(&texts, INSTRUCTIONS).map_err(|(path, reason)| PolicyError {
        path,
        line: None,
        reason,
    })?;
    let mut engine = Engine::new();
    for source in sources {
        engine
            .add_policy(source.path.clone(), source.text.clone())
            .map_err(|error| fail(&source.path, &error))?;
    }
    let input = Value::from(input.clone());
    let asked: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| {
            source.rules.iter().map(|rule| (source.package.as_str(), rule.kind, source.path.as_str()))
        })
        .collect();
    let mut said = Vec::new();
    let mut done = BTreeSet::new();
    for (package, kind, path) in asked {
        if !done.insert((package, kind)) {
            continue;
        }
        let word = KINDS.iter().find(|(_, other)| *other == kind).map_or("deny", |(word, _)| word);
        let messages = run(&mut engine, &format!("data.{package}.{word}"), &input, instructions)
            .map_err(|reason| guard::said(reason, instructions))
            .map_err(|reason| PolicyError { path: path.to_owned(), line: None, reason })?;
        said.extend(messages.into_iter().map(|message| Said { package: package.to_owned(), kind, message }));
    }
    Ok(said)
}

fn fail(path: &str, error: &impl std::fmt::Display) -> PolicyError {
    PolicyError { path: path.to_owned(), line: None, reason: clip(&error.to_string()) }
}

fn clip(text: &str) -> String {
    text.trim().chars().take(REASON).collect()
}

/// The members of the set that `rule` gives.
fn run(
    engine: &mut Engine,
    rule: &str,
    input: &Value,
    instructions: usize,
) -> Result<Vec<serde_json::Value>, String> {
    let compiled =
        engine.compile_with_entrypoint(&Rc::from(rule)).map_err(|error| clip(&error.to_string()))?;
    let mut program =
        Compiler::compile_from_policy(&compiled, &[rule]).map_err(|error| clip(&error.to_string()))?;
    guard::builtins(Rc::make_mut(&mut program));
    let mut machine = RegoVM::new();
    machine.load_program(program);
    machine.set_max_instructions(instructions);
    machine.set_input(input.clone());
    let value = machine.execute().map_err(|error| clip(&error.to_string()))?;
    if value == Value::Undefined {
        return Ok(Vec::new());
    }
    let json = value.to_json_str().map_err(|error| clip(&error.to_string()))?;
    match serde_json::from_str(&json) {
        Ok(serde_json::Value::Array(messages)) => Ok(messages),
        Ok(_) => Err(format!("`{rule}` must be a set of messages: write `deny contains msg if ...`")),
        Err(error) => Err(clip(&error.to_string())),
    }
}
