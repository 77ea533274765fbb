//! What the provenance gate is asked.

use lockgate_attest::sigstore::Pattern;
use serde::Deserialize;
use serde_json::Value;

use crate::gates::Members;
use crate::gates::signers::{Wanted, fill};
use crate::settings::{self, SettingsError};

/// Most builders, sources, refs or parameters that are named.
const NAMED: usize = 64;
/// The highest level of the build track (slsa.dev/spec/v1.1, `levels`).
const TOP: u8 = 3;

/// The settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Settings {
    /// The builders that are trusted.
    pub(super) builders: Vec<Builder>,
    /// Repositories it may be built from; anything when none is named.
    #[serde(default)]
    pub(super) sources: Vec<String>,
    /// Refs it may be built from; anything when none is named.
    #[serde(default)]
    pub(super) refs: Vec<String>,
    /// The lowest SLSA build level.
    #[serde(default = "first")]
    pub(super) min_level: u8,
    /// The only parameters that whoever asked for the build may have set, as JSON pointers; any when it is not said.
    #[serde(default)]
    pub(super) parameters: Option<Vec<String>>,
    /// Whether it must have been built without network.
    #[serde(default)]
    pub(super) hermetic: bool,
    /// Whether everything it was built from must be pinned by digest.
    #[serde(default)]
    pub(super) pinned_materials: bool,
    /// What must be attested of the source itself.
    #[serde(default)]
    pub(super) source_level: Option<SourceLevel>,
}

/// A builder, and who signs for it: a claim to be a builder counts only by whom that builder signs with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::gates) struct Builder {
    /// Its id, exactly or with stars.
    pub(in crate::gates) id: String,
    /// Who signs what it says.
    pub(super) signed_by: Wanted,
    /// The SLSA build level that it reaches, as whoever trusts it has judged it.
    #[serde(default = "first")]
    pub(super) level: u8,
    /// Types of builds that are known of it; any when none is named.
    #[serde(default)]
    pub(super) build_types: Vec<String>,
}

impl Builder {
    /// Whether it is known for builds of this type.
    pub(in crate::gates) fn admits_type(&self, build_type: &str, service: &str) -> bool {
        self.build_types.is_empty() || admit(&self.build_types, service, build_type)
    }
}

/// What a source-track summary must say of the commit (slsa.dev/spec/v1.2, "Source track").
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SourceLevel {
    /// The lowest level: 3 has its history protected, 4 was reviewed by two people.
    pub(super) min: u8,
    /// Further properties that it must name, such as `ORG_SOURCE_SIGNED`.
    #[serde(default)]
    pub(super) properties: Vec<String>,
    /// Who signs it.
    pub(super) signed_by: Wanted,
}

fn first() -> u8 {
    1
}

/// Reads the settings and says what is wrong with them.
pub(super) fn read(settings: &Value) -> Result<Settings, SettingsError> {
    let settings: Settings = settings::read(settings)?;
    let error = |path: String, message: String| Err(SettingsError { path, message });
    check_builders(&settings.builders)?;
    if !(1..=TOP).contains(&settings.min_level) {
        return error("minLevel".to_owned(), format!("a build level is 1 to {TOP}"));
    }
    patterns(&settings.sources, "sources")?;
    patterns(&settings.refs, "refs")?;
    for pointer in settings.parameters.iter().flatten() {
        if !pointer.starts_with('/') {
            let message = format!("`{pointer}` is not a JSON pointer: write /inputs/version and the like");
            return error("parameters".to_owned(), message);
        }
    }
    if let Some(source) = &settings.source_level {
        if !(1..=4).contains(&source.min) {
            return error("sourceLevel.min".to_owned(), "a source level is 1 to 4".to_owned());
        }
        nested(&source.signed_by, "sourceLevel.signedBy")?;
    }
    Ok(settings)
}

/// What is wrong with a list of builders.
pub(in crate::gates) fn check_builders(builders: &[Builder]) -> Result<(), SettingsError> {
    let error = |path: String, message: String| Err(SettingsError { path, message });
    if builders.is_empty() || builders.len() > NAMED {
        return error("builders".to_owned(), format!("name 1 to {NAMED} builders"));
    }
    for (index, builder) in builders.iter().enumerate() {
        let at = format!("builders[{index}]");
        if !(1..=TOP).contains(&builder.level) {
            return error(format!("{at}.level"), format!("a build level is 1 to {TOP}"));
        }
        nested(&builder.signed_by, &format!("{at}.signedBy"))?;
        patterns(std::slice::from_ref(&builder.id), &format!("{at}.id"))?;
        patterns(&builder.build_types, &format!("{at}.buildTypes"))?;
    }
    Ok(())
}

/// The names of keys and identities that settings hold.
pub(super) fn members(settings: &Value) -> Vec<Members> {
    let mut members = builders_members(settings);
    members.extend(Members::of("sourceLevel.signedBy.", settings.pointer("/sourceLevel/signedBy")));
    members
}

/// The names of keys and identities that a list of builders holds.
pub(in crate::gates) fn builders_members(settings: &Value) -> Vec<Members> {
    let builders = settings.get("builders").and_then(Value::as_array);
    let named = builders.into_iter().flatten().enumerate();
    named
        .flat_map(|(at, builder)| Members::of(&format!("builders[{at}].signedBy."), builder.get("signedBy")))
        .collect()
}

fn nested(wanted: &Wanted, at: &str) -> Result<(), SettingsError> {
    wanted.check().map_err(|error| {
        let dot = if error.path.is_empty() { "" } else { "." };
        SettingsError { path: format!("{at}{dot}{}", error.path), message: error.message }
    })
}

fn patterns(given: &[String], at: &str) -> Result<(), SettingsError> {
    let error = |message: String| Err(SettingsError { path: at.to_owned(), message });
    if given.len() > NAMED {
        return error(format!("more than {NAMED} are named"));
    }
    match given.iter().find_map(|text| Pattern::glob(&fill(text, "x")).err()) {
        Some(why) => error(why.to_string()),
        None => Ok(()),
    }
}

/// Whether one of `patterns` admits `text`.
pub(super) fn admit(patterns: &[String], service: &str, text: &str) -> bool {
    let mut read = patterns.iter().filter_map(|pattern| Pattern::glob(&fill(pattern, service)).ok());
    read.any(|pattern| pattern.admits(text))
}
