//! Whether a provenance is what the settings ask for: each difference is one problem.

use lockgate_attest::predicate::{Provenance, Source};
use lockgate_attest::sigstore::{Claim, Identity};
use serde_json::Value;

use super::settings::{Builder, Settings, admit};
use crate::gates::signers::fill;

/// What differs from what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gates) struct Problem {
    /// The end of the finding's code.
    pub(super) code: &'static str,
    /// What differs, for people.
    pub(super) title: String,
    /// The smallest change that helps.
    pub(super) fix: String,
}

/// Materials that are named in a finding.
const TOLD: usize = 5;

/// Holds `said`, signed by the holder of a certificate or by a key, against the settings. `builder` is the rule that its
/// builder's id is admitted by.
pub(super) fn problems(
    said: &Provenance,
    holder: Option<&Identity>,
    builder: &Builder,
    settings: &Settings,
    service: &str,
) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |code, title: String, fix: &str| {
        found.push(Problem { code, title, fix: fix.to_owned() });
    };
    if !builder.admits_type(&said.build_type, service) {
        let types = builder.build_types.join(" or ");
        let title = format!("it is a build of the type `{}`; this stage asks for {types}", said.build_type);
        add("build-type", title, "build it as this builder is expected to");
    }
    if builder.level < settings.min_level {
        let title = format!(
            "{} reaches SLSA build level {}; this stage asks for {}",
            said.builder, builder.level, settings.min_level
        );
        add("level", title, "build it on a builder that isolates builds and keeps its signing key from them");
    }
    if let Some((code, title)) = from_elsewhere(said.source.as_ref(), settings, service) {
        add(code, title, "build it from the repository and ref that this stage asks for");
    }
    if let Some(title) = holder.and_then(|holder| differs(said, holder)) {
        add("certificate-differs", title, "let the builder itself sign what it says of the build");
    }
    for pointer in unexpected(&said.parameters, settings.parameters.as_deref()) {
        let title = format!("whoever asked for the build set its parameter `{pointer}`");
        add("parameter", title, "build it again without it, or allow the parameter for this stage");
    }
    if settings.hermetic && said.hermetic != Some(true) {
        let how = if said.hermetic.is_some() { "was built" } else { "may have been built" };
        let title = format!("it {how} with access to the network");
        add("not-hermetic", title, "build it without network, from materials that are fetched before");
    }
    if settings.pinned_materials {
        let loose: Vec<&str> =
            said.materials.iter().filter(|one| !one.is_pinned()).map(|one| one.uri.as_str()).collect();
        if said.materials.is_empty() {
            add(
                "materials",
                "it does not say from what it was built".to_owned(),
                "let the builder name its materials",
            );
        } else if !loose.is_empty() {
            let names = loose.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
            let title = format!("{} of its materials are not pinned by a digest: {names}", loose.len());
            add("materials", title, "name each material by its digest");
        }
    }
    found
}

fn from_elsewhere(
    source: Option<&Source>,
    settings: &Settings,
    service: &str,
) -> Option<(&'static str, String)> {
    if settings.sources.is_empty() && settings.refs.is_empty() {
        return None;
    }
    let asked = |patterns: &[String]| {
        let names: Vec<_> = patterns.iter().map(|pattern| fill(pattern, service)).collect();
        format!("this stage asks for {}", names.join(" or "))
    };
    let Some(source) = source else {
        let asked = asked(&[&settings.sources[..], &settings.refs[..]].concat());
        return Some(("source", format!("it does not say clearly from which source it was built; {asked}")));
    };
    if !settings.sources.is_empty() && !admit(&settings.sources, service, &source.repository) {
        let title = format!("it was built from {}; {}", source.repository, asked(&settings.sources));
        return Some(("source", title));
    }
    let reference = source.reference.as_deref();
    if settings.refs.is_empty() || reference.is_some_and(|name| admit(&settings.refs, service, name)) {
        return None;
    }
    let found = reference.map_or("it does not say from which ref it was built".to_owned(), |name| {
        format!("it was built from the ref {name}")
    });
    Some(("ref", format!("{found}; {}", asked(&settings.refs))))
}

/// Where the statement says something else than the issuer said of the very run that signed it: a step of the build could
/// write what it likes into the statement, not into the certificate.
fn differs(said: &Provenance, holder: &Identity) -> Option<String> {
    let claim = |claim: &Claim| holder.claims.get(claim).map(String::as_str);
    let source = said.source.as_ref();
    let compared = [
        (Claim::Repository, source.map(|source| source.repository.as_str())),
        (Claim::Commit, source.and_then(|source| source.commit.as_deref())),
        (Claim::Ref, source.and_then(|source| source.reference.as_deref())),
    ];
    for (name, stated) in compared {
        if let (Some(stated), Some(vouched)) = (stated, claim(&name))
            && stated != vouched
        {
            let what = name.name();
            return Some(format!("it says `{stated}`, and its certificate says {what} `{vouched}`"));
        }
    }
    let is_workflow = said.builder.contains("/.github/workflows/");
    let signers = [Some(holder.subject.name.as_str()), claim(&Claim::BuildSigner)];
    if is_workflow && !signers.contains(&Some(said.builder.as_str())) {
        return Some(format!(
            "it names the builder `{}`, and its certificate is of `{}`",
            said.builder, holder.subject.name
        ));
    }
    None
}

/// Parameters that are set and not allowed, as JSON pointers of their topmost place.
fn unexpected(parameters: &Value, allowed: Option<&[String]>) -> Vec<String> {
    let Some(allowed) = allowed else { return vec![] };
    let mut found = Vec::new();
    collect(parameters, String::new(), allowed, &mut found);
    found.truncate(TOLD);
    found
}

fn collect(value: &Value, at: String, allowed: &[String], found: &mut Vec<String>) {
    let nothing = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if nothing || allowed.contains(&at) {
        return;
    }
    let below = format!("{at}/");
    match value {
        Value::Object(fields) if at.is_empty() || allowed.iter().any(|one| one.starts_with(&below)) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{below}{name}"), allowed, found);
            }
        }
        _ => found.push(at),
    }
}
