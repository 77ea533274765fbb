//! Policy: do the workspace's own rules allow it?
//!
//! Settings: `packages` (the Rego packages to report; all unless said). A message of `deny` means rework, of `pause`
//! pause, of `warn` advice. A message is a text, or an object with `msg` and, optionally, `code` (which of the
//! package's annotated rules it is), `subject` and `remediation`. docs/policies.md has the contract, and the input
//! document field by field (`policy/schema.rs`).

mod before;

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::case::Image;
use lockgate_model::inventory::{Secret, Setuid};
use lockgate_model::oci::{Content, ImageConfig};
use lockgate_model::{Effect, Finding, Relied, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Docket, Gate, Reads, image_name};
use crate::account;
use crate::docket::Unread;
use crate::edition::Edition;
use crate::findings::{blind, verdict};
use crate::policy::{Annotation, Asked, Kind, Policies, Problem};
use crate::settings::{self, SettingsError};

/// Characters that a summary has for the files and rules that it names.
const NAMED: usize = 160;

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
    let considered = if docket.edition.reads_policies_by_tree() {
        consider(docket, settings, earlier)
    } else {
        before::consider(docket, settings, earlier).map_err(|found| vec![*found])
    };
    considered.unwrap_or_else(|found| {
        let summary = match found.as_slice() {
            [one] => one.title.clone(),
            more => {
                format!("{} problems in policies: {}", more.len(), more.first().map_or("", |one| &one.title))
            }
        };
        verdict(GATE.name, true, found, vec![], summary)
    })
}

fn consider(docket: &Docket<'_>, settings: &Value, earlier: &[Verdict]) -> Result<Verdict, Vec<Finding>> {
    let settings: Settings = settings::read(settings).map_err(|error| {
        vec![blind("policy.settings", GATE.name, error.message, "correct lockgate.yaml".to_owned())]
    })?;
    let policies = policies(docket)?;
    let asked = asked(&policies, settings.packages.as_deref())?;
    let mut findings = Vec::new();
    let input = input(docket, earlier, &mut findings).map_err(|found| vec![*found])?;
    let said = policies.evaluate(&asked, &input).map_err(|problem| vec![told(&problem)])?;
    for one in &said {
        let rules = asked.iter().filter(|rule| rule.package == one.package && rule.kind == one.kind);
        let rules: Vec<_> = rules.copied().collect();
        findings.push(
            finding(&one.message, &rules, &one.package, docket).map_err(|problem| vec![told(&problem)])?,
        );
    }
    let relied_on =
        docket.case.record.policies.iter().map(|policy| Relied::Policy(policy.path.clone(), policy.content));
    let blocking = findings.iter().filter(|found| found.effect != Effect::Advise).count();
    let files: BTreeSet<&str> = asked.iter().map(|rule| rule.path.as_str()).collect();
    let (rules, files) = (count(asked.len(), "rule"), count(files.len(), "file"));
    let summary = format!("{rules} in {files} evaluated, {}{}", count(blocking, "violation"), names(&asked));
    Ok(verdict(GATE.name, false, findings, relied_on.collect(), summary))
}

/// `1 rule`, `2 rules`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Which rules of which files were asked, the first of them: ` (FILE: CODE, CODE; FILE: CODE; 2 more files)`. What the
/// verdict relied on names every file.
fn names(asked: &[&Asked]) -> String {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in asked {
        files.entry(&rule.path).or_default().push(&rule.annotation.code);
    }
    let mut room = NAMED;
    let fits = |(path, codes): (&&str, &Vec<&str>)| {
        let file = format!("{path}: {}", codes.join(", "));
        room = room.checked_sub(file.chars().count())?;
        Some(file)
    };
    let mut named: Vec<String> = files.iter().map_while(fits).collect();
    let more = files.len() - named.len();
    if named.is_empty() {
        return String::new();
    }
    if more > 0 {
        named.push(count(more, "more file"));
    }
    format!(" ({})", named.join("; "))
}

fn told(problem: &Problem) -> Finding {
    let mut found = broken(&problem.place.to_string(), &problem.what, &problem.fix);
    found.details.insert("problem".to_owned(), problem.kind.into());
    found
}

fn broken(place: &str, what: &str, fix: &str) -> Finding {
    blind("policy.broken", place, format!("{place}: {what}"), fix.to_owned())
}

/// The policies of the Case.
fn policies(docket: &Docket<'_>) -> Result<Policies, Vec<Finding>> {
    let mut files = Vec::new();
    for policy in &docket.case.record.policies {
        let Some(bytes) = docket.case.inputs.get(&policy.content) else {
            return Err(vec![broken(&policy.path, "its content is missing", "judge again")]);
        };
        files.push((policy.path.as_str(), bytes.as_ref()));
    }
    Policies::read(&files).map_err(|problems| problems.iter().map(told).collect())
}

/// The rules to report: those of the named packages, or all.
fn asked<'a>(policies: &'a Policies, packages: Option<&[String]>) -> Result<Vec<&'a Asked>, Vec<Finding>> {
    for name in packages.unwrap_or_default() {
        if !policies.has_package(name) {
            let why = format!("no policy file has the package `{name}`, which the stage asks for");
            let fix = "correct `packages` in lockgate.yaml, or add the policy".to_owned();
            return Err(vec![blind("policy.no-package", name, why, fix)]);
        }
        if !policies.asked.iter().any(|rule| rule.package == *name) {
            let why = format!(
                "the package `{name}`, which the stage asks for, has no rule `deny`, `pause` or `warn`"
            );
            let fix = "name in `packages` what is to be reported: the packages it uses are evaluated anyway"
                .to_owned();
            return Err(vec![blind("policy.no-package", name, why, fix)]);
        }
    }
    let wanted = |rule: &&Asked| packages.is_none_or(|packages| packages.contains(&rule.package));
    let asked: Vec<_> = policies.asked.iter().filter(wanted).collect();
    if asked.is_empty() {
        let why = "there is no rule to ask".to_owned();
        let fix = "add policies to the folder that `policies` in lockgate.yaml names, or take the gate out"
            .to_owned();
        return Err(vec![blind("policy.none", GATE.name, why, fix)]);
    }
    Ok(asked)
}

fn finding(
    message: &Value,
    rules: &[&Asked],
    package: &str,
    docket: &Docket<'_>,
) -> Result<Finding, Problem> {
    let wrong = |what: &str, fix: &str| {
        let path = rules.first().map_or("policies", |rule| rule.path.as_str());
        Problem::of_message(path, format!("a message of the package `{package}` {what}"), fix)
    };
    let word = |name: &str| match message.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(wrong(&format!("has a `{name}` that is not a text"), "give a text")),
    };
    let known = ["msg", "code", "subject", "remediation"];
    let extra =
        message.as_object().and_then(|fields| fields.keys().find(|name| !known.contains(&name.as_str())));
    if let Some(name) = extra {
        let what = format!("has a field `{name}`{}", settings::nearest(name, &known));
        return Err(wrong(&what, "give `msg` and, where needed, `code`, `subject`, `remediation`"));
    }
    let text = match message.as_str() {
        Some(text) => Some(text),
        None => word("msg")?,
    };
    let text = text.ok_or_else(|| {
        wrong(
            "is neither a text nor an object with `msg`",
            "write `deny contains msg if { ... }`, or `{\"msg\": msg}`",
        )
    })?;
    let rule = match (word("code")?, rules) {
        (Some(code), rules) => rules.iter().find(|rule| rule.annotation.code == code),
        (None, [first, rest @ ..]) if rest.iter().all(|rule| rule.annotation == first.annotation) => {
            Some(first)
        }
        (None, _) => None,
    };
    let rule = rule.ok_or_else(|| {
        wrong(
            "does not say which of its rules gave it",
            "let each message of several rules of one name be an object whose `code` is that of its annotation",
        )
    })?;
    let message = Message { text, subject: word("subject")?, remediation: word("remediation")? };
    Ok(message.finding(rule.kind, &rule.annotation, package, docket))
}

/// What a rule says.
struct Message<'a> {
    text: &'a str,
    /// What it is about, where that is not the artifact.
    subject: Option<&'a str>,
    /// What helps, where the rule's annotation is not to say it.
    remediation: Option<&'a str>,
}

impl Message<'_> {
    fn finding(&self, kind: Kind, annotation: &Annotation, package: &str, docket: &Docket<'_>) -> Finding {
        let artifact = docket.case.record.artifact.digest.to_string();
        Finding {
            code: annotation.code.clone(),
            severity: annotation.severity,
            effect: match kind {
                Kind::Deny => Effect::Rework,
                Kind::Pause => Effect::Pause,
                Kind::Warn => Effect::Advise,
            },
            subject: self.subject.map_or(artifact, str::to_owned),
            title: format!("{}: {}", annotation.title, self.text),
            rationale: annotation.rationale.clone(),
            remediation: self.remediation.map_or_else(|| annotation.remediation.clone(), str::to_owned),
            owner: annotation.owner.clone(),
            fixes: vec![],
            details: BTreeMap::from([("package".to_owned(), package.into())]),
        }
    }
}

/// The input document. What nothing in it says is `told`.
fn input(docket: &Docket<'_>, earlier: &[Verdict], told: &mut Vec<Finding>) -> Result<Value, Box<Finding>> {
    let record = &docket.case.record;
    let annotations = match &docket.content {
        Some(Content::Manifest(manifest)) => manifest.annotations.clone(),
        Some(Content::Index(index)) => index.annotations.clone(),
        None => std::collections::BTreeMap::new(),
    };
    let mut images = Vec::new();
    for image in &record.images {
        let one = image_input(docket, image, told).map_err(|Unread { why, fix }| {
            let fix = fix.unwrap_or_else(|| "rebuild the image, then judge again".to_owned());
            Box::new(blind("policy.unread", &image_name(image), why, fix))
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

fn image_input(docket: &Docket<'_>, image: &Image, told: &mut Vec<Finding>) -> Result<Value, Unread> {
    let inputs = &docket.case.inputs;
    let bytes = inputs.get(&image.config).ok_or("its config is missing")?;
    let config = ImageConfig::read(docket.edition.reads_documents(), bytes)
        .map_err(|error| format!("its config is malformed: {error}"))?;
    let run = config.config.unwrap_or_default();
    let user = run.user.unwrap_or_default();
    let manifest = inputs.get(&image.manifest).ok_or("its manifest is missing")?;
    let manifest: Value = serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
    let inventory = docket.inventory(image)?;
    let root = account::runs_as_root(docket.edition, image, &user, inventory.accounts.as_ref(), told);
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
    let mut input = json!({
        "platform": image.platform,
        "manifest": image.manifest,
        "annotations": manifest.get("annotations").cloned().unwrap_or_else(|| json!({})),
        "config": {
            "user": user,
            "runs_as_root": root,
            "exposed_ports": run.exposed_ports.unwrap_or_default().into_keys().collect::<Vec<_>>(),
            "labels": run.labels.unwrap_or_default(),
        },
        "distribution": inventory.distribution,
        "packages": packages,
    });
    if let Some(fields) = input.as_object_mut().filter(|_| docket.edition.notes_secrets()) {
        fields.insert("secrets".to_owned(), inventory.secrets.iter().map(secret).collect());
        fields.insert("setuid".to_owned(), inventory.setuid.iter().map(setuid).collect());
    }
    Ok(input)
}

fn secret(secret: &Secret) -> Value {
    json!({
        "rule": secret.rule, "path": secret.path, "line": secret.line, "layer": secret.layer, "removed": secret.removed,
    })
}

fn setuid(file: &Setuid) -> Value {
    json!({
        "path": file.path, "mode": file.mode, "owner": file.owner, "group": file.group,
        "capabilities": file.capabilities, "layer": file.layer, "package": file.package,
    })
}
