//! Policy: do the workspace's own rules allow it?
//!
//! Settings: `packages` (the Rego packages to ask; all unless said). A message of `deny` means rework, of `pause`
//! pause, of `warn` advice. A message is a text, or an object with `msg` and, optionally, `code` (which of the
//! package's annotated rules it is), `subject` and `remediation`.
//!
//! The input document: `as_of`, `service`, `from`, `to`, `artifact` (`digest`, `mediaType`, `annotations`), `images`
//! (each `platform`, `manifest`, `annotations`, `config` with `user`, `runs_as_root`, `exposed_ports`, `labels`;
//! `distribution`; `packages` with `name`, `version`, `ecosystem`, `licenses`, `path`), and `findings` of the gates
//! before this one.

use lockgate_model::case::Image;
use lockgate_model::oci::{Content, ImageConfig};
use lockgate_model::{Effect, Finding, Relied, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Docket, Gate, Reads, image_name};
use crate::edition::Edition;
use crate::findings::{blind, verdict};
use crate::policy::before::{PolicySource, Rule, evaluate, read_file};
use crate::policy::{Kind, PolicyError};
use crate::settings::{self, SettingsError};

pub(super) const GATE: Gate = Gate {
    name: "policy",
    asks: "do our own rules allow it?",
    always: false,
    since: Edition::E2026_1,
    reads: Reads { images: true, findings: true, ..Reads::NOTHING },
    alerts: false,
    members: |_| vec![],
    check_settings,
    judge,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    #[serde(default)]
    packages: Option<Vec<String>>,
}

fn check_settings(settings: &Value) -> Result<(), SettingsError> {
    settings::read::<Settings>(settings).map(drop)
}

fn judge(docket: &Docket<'_>, settings: &Value, earlier: &[Verdict]) -> Verdict {
    match consider(docket, settings, earlier) {
        Ok(verdict) => verdict,
        Err(found) => {
            let summary = found.title.clone();
            verdict(GATE.name, true, vec![*found], vec![], summary)
        }
    }
}

fn consider(docket: &Docket<'_>, settings: &Value, earlier: &[Verdict]) -> Result<Verdict, Box<Finding>> {
    let settings: Settings = settings::read(settings).map_err(|error| {
        Box::new(blind("policy.settings", GATE.name, error.message, "correct lockgate.yaml".to_owned()))
    })?;
    let sources = sources(docket, settings.packages.as_deref())?;
    let input = input(docket, earlier)?;
    let said = evaluate(&sources, &input).map_err(|error| broken(&error))?;
    let mut findings = Vec::new();
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
    let annotation = &rule.annotation;
    let artifact = docket.case.record.artifact.digest.to_string();
    Ok(Finding {
        code: annotation.code.clone(),
        severity: annotation.severity,
        effect: match rule.kind {
            Kind::Deny => Effect::Rework,
            Kind::Pause => Effect::Pause,
            Kind::Warn => Effect::Advise,
        },
        subject: word("subject").map_or(artifact, str::to_owned),
        title: format!("{}: {text}", annotation.title),
        rationale: annotation.rationale.clone(),
        remediation: word("remediation").map_or_else(|| annotation.remediation.clone(), str::to_owned),
        owner: annotation.owner.clone(),
        fixes: vec![],
        details: std::collections::BTreeMap::from([("package".to_owned(), package.into())]),
    })
}

/// The input document.
fn input(docket: &Docket<'_>, earlier: &[Verdict]) -> Result<Value, Box<Finding>> {
    let record = &docket.case.record;
    let annotations = match &docket.content {
        Some(Content::Manifest(manifest)) => manifest.annotations.clone(),
        Some(Content::Index(index)) => index.annotations.clone(),
        None => std::collections::BTreeMap::new(),
    };
    let mut images = Vec::new();
    for image in &record.images {
        let one = image_input(docket, image).map_err(|why| {
            Box::new(blind(
                "policy.unread",
                &image_name(image),
                why,
                "rebuild the image, then judge again".to_owned(),
            ))
        })?;
        images.push(one);
    }
    let findings: Vec<_> = earlier.iter().flat_map(|verdict| &verdict.findings).collect();
    Ok(json!({
        "as_of": record.as_of,
        "service": record.service,
        "from": record.from,
        "to": record.to,
        "artifact": {
            "digest": record.artifact.digest,
            "mediaType": record.artifact.media_type,
            "annotations": annotations,
        },
        "images": images,
        "findings": findings,
    }))
}

fn image_input(docket: &Docket<'_>, image: &Image) -> Result<Value, String> {
    let inputs = &docket.case.inputs;
    let bytes = inputs.get(&image.config).ok_or("its config is missing")?;
    let config: ImageConfig = lockgate_model::json::from_slice(bytes, lockgate_model::limits::CONFIG_BYTES)
        .map_err(|error| format!("its config is malformed: {error}"))?;
    let run = config.config.unwrap_or_default();
    let user = run.user.unwrap_or_default();
    let manifest = inputs.get(&image.manifest).ok_or("its manifest is missing")?;
    let manifest: Value = serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    let inventory = docket.inventory(image)?;
    let packages: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| {
            json!({
                "name": package.name, "version": package.version, "ecosystem": package.ecosystem,
                "licenses": package.licenses, "path": package.path,
            })
        })
        .collect();
    Ok(json!({
        "platform": image.platform,
        "manifest": image.manifest,
        "annotations": manifest.get("annotations").cloned().unwrap_or_else(|| json!({})),
        "config": {
            "user": user,
            "runs_as_root": runs_as_root(&user),
            "exposed_ports": run.exposed_ports.unwrap_or_default().into_keys().collect::<Vec<_>>(),
            "labels": run.labels.unwrap_or_default(),
        },
        "distribution": inventory.distribution,
        "packages": packages,
    }))
}

/// An empty account is root's (image-spec, config.md, "User").
fn runs_as_root(user: &str) -> bool {
    let account = user.split(':').next().unwrap_or_default().trim();
    account.is_empty() || account == "root" || account.chars().all(|c| c == '0')
}

#[cfg(test)]
mod tests {
    use super::runs_as_root;

    #[test]
    fn knows_root_by_every_name() {
        for root in ["", "0", "root", "0:0", "root:wheel", "00"] {
            assert!(runs_as_root(root), "{root}");
        }
        for other in ["65532", "app", "app:0", "1000:1000"] {
            assert!(!runs_as_root(other), "{other}");
        }
    }
}
