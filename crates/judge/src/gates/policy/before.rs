//! The policy gate of Editions before 2026-3: rules by their spelling at the beginning of a line. Nothing is mended here, for
//! recorded Cases keep their bytes; what would end the process is refused (`policy::guard`).

use lockgate_model::{Effect, Finding, Relied, Verdict};
use serde_json::Value;

use super::{GATE, Message, Settings, input};
use crate::findings::{blind, verdict};
use crate::gates::Docket;
use crate::policy::PolicyError;
use crate::policy::before::{PolicySource, Rule, evaluate, read_file};
use crate::settings;

pub(super) fn consider(
    docket: &Docket<'_>,
    settings: &Value,
    earlier: &[Verdict],
) -> Result<Verdict, Box<Finding>> {
    let settings: Settings = settings::read(settings).map_err(|error| {
        Box::new(blind("policy.settings", GATE.name, error.message, "correct lockgate.yaml".to_owned()))
    })?;
    let sources = sources(docket, settings.packages.as_deref())?;
    let mut findings = Vec::new();
    let input = input(docket, earlier, &mut findings)?;
    let said = evaluate(&sources, &input).map_err(|error| broken(&error))?;
    for one in &said {
        let rules =
            sources.iter().filter(|source| source.package == one.package).flat_map(|source| &source.rules);
        let rules: Vec<_> = rules.filter(|rule| rule.kind == one.kind).collect();
        findings.push(finding(&one.message, &rules, &one.package, docket)?);
    }
    let relied_on =
        docket.case.record.policies.iter().map(|policy| Relied::Policy(policy.path.clone(), policy.content));
    let rules: usize = sources.iter().map(|source| source.rules.len()).sum();
    let blocking = findings.iter().filter(|found| found.effect != Effect::Advise).count();
    let summary = format!("{rules} rules in {} files asked, {blocking} objections", sources.len());
    Ok(verdict(GATE.name, false, findings, relied_on.collect(), summary))
}

fn broken(error: &PolicyError) -> Box<Finding> {
    let fix = format!("correct {}: the policy gate answers `unknown` until then", error.path);
    Box::new(blind("policy.broken", &error.path, format!("a policy cannot be evaluated: {error}"), fix))
}

/// The policies to ask, by their packages.
fn sources(docket: &Docket<'_>, packages: Option<&[String]>) -> Result<Vec<PolicySource>, Box<Finding>> {
    let mut sources = Vec::new();
    for policy in &docket.case.record.policies {
        let fail =
            |reason: &str| PolicyError { path: policy.path.clone(), line: None, reason: reason.to_owned() };
        let bytes =
            docket.case.inputs.get(&policy.content).ok_or_else(|| broken(&fail("its content is missing")))?;
        sources.push(read_file(&policy.path, bytes).map_err(|error| broken(&error))?);
    }
    if let Some(packages) = packages {
        for name in packages {
            if !sources.iter().any(|source| source.package == *name) {
                let why = format!("no policy file has the package `{name}`, which the stage asks for");
                return Err(Box::new(blind(
                    "policy.no-package",
                    name,
                    why,
                    "correct lockgate.yaml or add the policy".to_owned(),
                )));
            }
        }
        sources.retain(|source| packages.contains(&source.package));
    }
    if sources.iter().all(|source| source.rules.is_empty()) {
        let why = "there is no rule to ask".to_owned();
        return Err(Box::new(blind(
            "policy.none",
            GATE.name,
            why,
            "add policies, or take the gate out of lockgate.yaml".to_owned(),
        )));
    }
    Ok(sources)
}

fn finding(
    message: &Value,
    rules: &[&Rule],
    package: &str,
    docket: &Docket<'_>,
) -> Result<Finding, Box<Finding>> {
    let fail =
        |reason: String| broken(&PolicyError { path: format!("package {package}"), line: None, reason });
    let word = |name: &str| message.get(name).and_then(Value::as_str);
    let text = message.as_str().or_else(|| word("msg")).ok_or_else(|| {
        fail("a rule gave something that is neither a text nor an object with `msg`".to_owned())
    })?;
    let rule = match (word("code"), rules) {
        (Some(code), rules) => rules.iter().find(|rule| rule.annotation.code == code),
        (None, [rule]) => Some(rule),
        (None, _) => None,
    };
    let rule = rule.ok_or_else(|| {
        fail("several rules of one name: each message must be an object whose `code` is that of its annotation".to_owned())
    })?;
    let message = Message { text, subject: word("subject"), remediation: word("remediation") };
    Ok(message.finding(rule.kind, &rule.annotation, package, docket))
}
