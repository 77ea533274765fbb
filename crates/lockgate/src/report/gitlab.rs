//! GitLab's container scanning report (gitlab-org/security-products/security-report-schemas, version 15).

use lockgate_model::Severity;
use serde_json::{Value, json};

use super::{HOME, Subject, VERSION, Vulnerability, advice, title};
use crate::printable::printable;

/// The longest name, description and solution of a vulnerability, in characters (its `maxLength`).
const NAME: usize = 255;
const DESCRIPTION: usize = 1_048_576;
const SOLUTION: usize = 7000;

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let at = subject.at.to_string();
    let at = at.trim_end_matches('Z');
    let tool = json!({"id": "lockgate", "name": "Lockgate", "version": VERSION, "url": HOME, "vendor": {"name": "Lockgate"}});
    let vulnerabilities =
        subject.vulnerabilities().iter().map(|one| vulnerability(subject, one)).collect::<Vec<_>>();
    let unanswered = subject.unanswered();
    let feed = subject.feed().into_iter().map(|(name, value)| format!("{name} {value}"));
    let feed = feed.map(|text| json!({"level": "info", "value": printable(&text)}));
    let messages = unanswered.iter().map(|gap| json!({"level": "fatal", "value": printable(gap)}));
    let messages: Vec<Value> = messages.chain(feed).collect();
    json!({
        "version": "15.0.7",
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "container_scanning",
            "start_time": at,
            "end_time": at,
            "status": if unanswered.is_empty() { "success" } else { "failure" },
            "messages": messages,
        },
        "vulnerabilities": vulnerabilities,
        "remediations": [],
    })
}

fn vulnerability(subject: &Subject<'_>, vulnerability: &Vulnerability<'_>) -> Value {
    let (found, package) = (vulnerability.found, vulnerability.package);
    let identifiers = found.names().map(|id| {
        let kind = id.split('-').next().filter(|kind| !kind.is_empty()).unwrap_or("advisory");
        json!({"type": kind.to_lowercase(), "name": id, "value": id})
    });
    let web = |url: &&String| ["https://", "http://", "ftp://"].iter().any(|scheme| url.starts_with(scheme));
    let links = found.url.iter().filter(web).map(|url| json!({"url": url}));
    let system = system(subject, vulnerability);
    json!({
        "id": subject.uuid(&format!("{} {}", vulnerability.package_id, found.id)),
        "name": short(format!("{} in {}", found.id, printable(&package.name)), NAME),
        "description": short(title(vulnerability), DESCRIPTION),
        "severity": if found.unrated { "Unknown" } else { severity(found.severity) },
        "solution": short(advice(vulnerability), SOLUTION),
        // Twenty are the most that GitLab takes.
        "identifiers": identifiers.take(20).collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "location": {
            "dependency": {"package": {"name": package.name}, "version": package.version},
            "operating_system": system,
            "image": subject.name(),
        },
    })
}

fn system(subject: &Subject<'_>, vulnerability: &Vulnerability<'_>) -> String {
    let image = subject.inventories().find(|(_, image, _)| image.platform == vulnerability.platform);
    let distribution = image.and_then(|(_, _, inventory)| inventory.distribution.as_ref());
    let named = distribution.map(|one| printable(format!("{} {}", one.id, one.version).trim()).into_owned());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "Unknown".to_owned())
}

/// At most so many characters.
fn short(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['\u{2026}']).collect(),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Info",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}
