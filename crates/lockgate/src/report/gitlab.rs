//! GitLab's container scanning report (gitlab-org/security-products/security-report-schemas, version 15).

use lockgate_model::Severity;
use serde_json::{Value, json};

use super::{HOME, Subject, VERSION, Vulnerability, advice};

pub(super) fn document(subject: &Subject<'_>) -> Value {
    let at = subject.at.to_string();
    let at = at.trim_end_matches('Z');
    let tool = json!({"id": "lockgate", "name": "Lockgate", "version": VERSION, "url": HOME, "vendor": {"name": "Lockgate"}});
    let vulnerabilities =
        subject.vulnerabilities().iter().map(|one| vulnerability(subject, one)).collect::<Vec<_>>();
    let unanswered = subject.unanswered();
    let feed = subject.feed().into_iter().map(|(name, value)| format!("{name} {value}"));
    let feed = feed.map(|text| json!({"level": "info", "value": text}));
    let messages = unanswered.iter().map(|gap| json!({"level": "fatal", "value": gap}));
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
    let identifiers = std::iter::once(&found.id).chain(&found.aliases).map(|id| {
        let kind = id.split('-').next().unwrap_or_default().to_lowercase();
        json!({"type": kind, "name": id, "value": id})
    });
    let description = if found.summary.is_empty() { &found.id } else { &found.summary };
    let links = found.url.iter().map(|url| json!({"url": url}));
    let system = system(subject, vulnerability);
    json!({
        "id": subject.uuid(&format!("{} {}", vulnerability.package_id, found.id)),
        "name": format!("{} in {}", found.id, package.name),
        "description": description,
        "severity": severity(found.severity),
        "solution": advice(vulnerability),
        // Twenty are the most that the schema takes.
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
    distribution.map_or("Unknown".to_owned(), |one| format!("{} {}", one.id, one.version).trim().to_owned())
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
