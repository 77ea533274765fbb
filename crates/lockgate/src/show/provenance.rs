//! How an image was built, and who says so.

use lockgate_attest::predicate::Provenance;
use lockgate_engine::provenance::{Record, Told};
use serde_json::Value;

/// Materials, parameters and the like that are shown of one build; more are counted.
const SHOWN: usize = 8;

/// Prints what is said about how an artifact was built.
pub fn provenance(record: &Record, all: bool) {
    say!("{}", record.artifact.digest);
    for told in &record.said {
        say!();
        if told.about != record.artifact.digest {
            say!("  image      {}", told.about);
        }
        if let Some(said) = &told.provenance {
            build(said, all);
        }
        signed(told, all);
    }
    for told in &record.refused {
        let why = told.refusal.as_deref().unwrap_or("it says something else");
        say!();
        say!("  not believed: {} about {}: {why}", told.evidence.short(), told.about.short());
    }
    for unread in &record.unread {
        say!();
        say!("  not read: {unread}");
    }
    if record.said.is_empty() {
        say!();
        say!("  Nobody whom this workspace trusts says how it was built.");
        say!("  Let the build attach its provenance: lockgate attest IMAGE --provenance-from-ci --key KEY");
    }
}

fn build(said: &Provenance, all: bool) {
    say!("  built by   {}", said.builder);
    say!("  build type {}", said.build_type);
    match &said.source {
        Some(source) => {
            say!("  source     {}", source.repository);
            say!("  ref        {}", source.reference.as_deref().unwrap_or("not said"));
            say!("  commit     {}", source.commit.as_deref().unwrap_or("not said"));
        }
        None => say!("  source     not said, or not clearly"),
    }
    let lines = [
        ("entry      ", said.entry_point.clone()),
        ("run        ", said.invocation.clone()),
        ("started    ", said.started.map(|at| at.to_string())),
        ("finished   ", said.finished.map(|at| at.to_string())),
        ("hermetic   ", said.hermetic.map(|yes| yes.to_string())),
        ("repeatable ", said.reproducible.map(|yes| yes.to_string())),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            say!("  {name}{value}");
        }
    }
    listed("parameters", &flat(&said.parameters), all);
    listed("environment", &flat(&said.environment), all);
    let pinned = said.materials.iter().filter(|one| one.is_pinned()).count();
    let materials: Vec<String> = said
        .materials
        .iter()
        .map(|one| {
            let digest = one.digests.iter().next().map(|(name, digest)| format!("{name}:{digest}"));
            format!("{} {}", one.uri, digest.unwrap_or_else(|| "not pinned".to_owned()))
        })
        .collect();
    listed(&format!("materials ({pinned} of {} pinned)", materials.len()), &materials, all);
}

fn listed(what: &str, lines: &[String], all: bool) {
    if lines.is_empty() {
        return;
    }
    say!("  {what}");
    let shown = if all { lines.len() } else { SHOWN };
    for line in lines.iter().take(shown) {
        say!("    {line}");
    }
    if lines.len() > shown {
        say!("    and {} more; --all shows them", lines.len() - shown);
    }
}

/// A document as lines of `path: value`.
fn flat(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, lines: &mut Vec<String>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    walk(value, &format!("{at}/{name}"), lines);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    walk(value, &format!("{at}/{index}"), lines);
                }
            }
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => lines.push(format!("{at}: {text}")),
            other => lines.push(format!("{at}: {other}")),
        }
    }
    let mut lines = Vec::new();
    walk(value, "", &mut lines);
    lines
}

fn signed(told: &Told, all: bool) {
    if !told.keys.is_empty() {
        say!("  signed by  the key {}", told.keys.join(", "));
    }
    if let Some(holder) = &told.holder {
        let instance = told.instance.as_deref().unwrap_or_default();
        say!("  signed by  {holder}, for whom {instance} vouches");
        let claims: Vec<String> =
            holder.claims.iter().map(|(claim, value)| format!("{}: {value}", claim.name())).collect();
        listed("certificate", &claims, all);
    }
    match told.proven_at {
        Some(at) => say!("  existed by {at}"),
        None => say!("  existed by nothing proves when"),
    }
    say!("  evidence   {}", told.evidence);
}
