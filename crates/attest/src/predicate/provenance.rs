//! SLSA provenance v0.1 (as Google Cloud Build writes it), v0.2 and v1, read into one form (slsa.dev/spec, `provenance`).
//!
//! Builders put source, commit and entry point where they like. What is read here is where those that people use put
//! them: the SLSA generators and `actions/attest` for GitHub, GitLab's runner, Google Cloud Build, Tekton Chains, BuildKit,
//! npm. Where two places say two things, or nothing says it, the answer is nothing: a gate that asks gets `unknown`.

use std::collections::BTreeMap;

use lockgate_model::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PredicateError, few, malformed, typed};
use crate::limits;
use crate::reading::Reading;

/// BuildKit's own fields in `metadata` of v0.2.
const BUILDKIT_HERMETIC: &str = "https://mobyproject.org/buildkit@v1#hermetic";
const BUILDKIT_METADATA: &str = "https://mobyproject.org/buildkit@v1#metadata";

/// Where the source came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The repository's address, without `git+`, ref and `.git`.
    pub repository: String,
    /// The ref, for example `refs/tags/v1.2.3`.
    pub reference: Option<String>,
    /// The commit, in hex.
    pub commit: Option<String>,
}

/// Something the build used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    /// Its address.
    pub uri: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its digests by algorithm, in hex.
    pub digests: BTreeMap<String, String>,
}

impl Material {
    /// Whether it is pinned by a digest that is relied on. A git commit is: what it names was checked out.
    pub fn is_pinned(&self) -> bool {
        let strong = ["sha256", "sha384", "sha512", "gitCommit", "gitTree", "dirHash"];
        let git = self.uri.starts_with("git+") || self.uri.contains(".git");
        self.digests.iter().any(|(name, digest)| {
            let known = strong.contains(&name.as_str()) || (git && name == "sha1");
            known && digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

/// What the builder says is complete (v0.2 and before).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completeness {
    /// The parameters.
    pub parameters: bool,
    /// The environment.
    pub environment: bool,
    /// The materials.
    pub materials: bool,
}

/// How something was built, as the builder says it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// Who built it, a URI.
    pub builder: String,
    /// What kind of build: it says how the rest is to be read.
    pub build_type: String,
    /// Where the source came from, when that is said once and clearly.
    pub source: Option<Source>,
    /// The file or target that the build starts from.
    pub entry_point: Option<String>,
    /// The run.
    pub invocation: Option<String>,
    /// What whoever asked for the build could choose.
    pub parameters: Value,
    /// What the builder set.
    pub environment: Value,
    /// What the build used.
    pub materials: Vec<Material>,
    /// Whether it ran without network, where the builder says so.
    pub hermetic: Option<bool>,
    /// Whether the builder says that building again gives the same bytes.
    pub reproducible: Option<bool>,
    /// What is complete, in versions that say so.
    pub completeness: Option<Completeness>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Builder {
    id: String,
}

#[derive(Deserialize)]
struct RawMaterial {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    digest: Option<BTreeMap<String, String>>,
}

/// v0.1: https://slsa.dev/provenance/v0.1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound = "I: Default + Deserialize<'de>")]
struct Oldest<I> {
    builder: Builder,
    recipe: Recipe<I>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    materials: Option<Vec<RawMaterial>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound = "I: Default + Deserialize<'de>")]
struct Recipe<I> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    defined_in_material: I,
    #[serde(default)]
    entry_point: Option<String>,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    environment: Value,
}

/// The place of a material. Google Cloud Build writes it as text, as protobuf's JSON does with numbers of 64 bits; -1 is
/// none of them.
#[derive(Debug, Clone, Copy)]
struct Index(Option<usize>);

impl Default for Index {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl From<usize> for Index {
    fn from(place: usize) -> Self {
        Self(Some(place))
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let wrong = || D::Error::custom("`definedInMaterial` must be a whole number from -1, or one as text");
        let number = match &value {
            Value::String(text) => whole(text),
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        let number = number.filter(|number| *number >= -1).ok_or_else(wrong)?;
        Ok(Self(usize::try_from(number).ok()))
    }
}

/// A whole number in its one spelling.
fn whole(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| number.to_string() == text)
}

/// v0.2: https://slsa.dev/provenance/v0.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Second {
    builder: Builder,
    build_type: String,
    #[serde(default)]
    invocation: Option<Invocation>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    materials: Option<Vec<RawMaterial>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(default)]
    config_source: Option<ConfigSource>,
    #[serde(default)]
    parameters: Value,
    #[serde(default)]
    environment: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigSource {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    digest: Option<BTreeMap<String, String>>,
    #[serde(default)]
    entry_point: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    /// `buildInvocationID` in the specification, `buildInvocationId` in Google's.
    #[serde(default, alias = "buildInvocationID")]
    build_invocation_id: Option<String>,
    #[serde(default)]
    build_started_on: Option<Timestamp>,
    #[serde(default)]
    build_finished_on: Option<Timestamp>,
    #[serde(default)]
    completeness: Option<RawCompleteness>,
    #[serde(default)]
    reproducible: Option<bool>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct RawCompleteness {
    #[serde(default)]
    parameters: bool,
    #[serde(default)]
    environment: bool,
    #[serde(default)]
    materials: bool,
}

/// v1: https://slsa.dev/provenance/v1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct First {
    build_definition: Definition,
    run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    build_type: String,
    #[serde(default)]
    external_parameters: Value,
    #[serde(default)]
    internal_parameters: Value,
    #[serde(default)]
    resolved_dependencies: Option<Vec<RawMaterial>>,
}

#[derive(Deserialize)]
struct RunDetails {
    builder: Builder,
    #[serde(default)]
    metadata: Option<RunMetadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunMetadata {
    #[serde(default, alias = "invocationID")]
    invocation_id: Option<String>,
    #[serde(default)]
    started_on: Option<Timestamp>,
    #[serde(default)]
    finished_on: Option<Timestamp>,
    #[serde(default, rename = "buildkit_hermetic")]
    buildkit_hermetic: Option<bool>,
    #[serde(default, rename = "buildkit_metadata")]
    buildkit_metadata: Value,
}

impl Provenance {
    pub(super) fn read(kind: &str, content: &Value, reading: Reading) -> Result<Self, PredicateError> {
        let version = kind.rsplit_once("/v").map_or("", |(_, version)| version);
        let read = match version {
            "0.1" if reading.is_second() => oldest::<Index>(typed(kind, content)?),
            "0.1" => oldest::<usize>(typed(kind, content)?),
            "0.2" => second(typed(kind, content)?),
            "1" | "1.0" | "1.1" | "1.2" => first(typed(kind, content)?),
            _ => return Err(malformed(kind, "of this version nothing is known; 0.1, 0.2 and 1 are read")),
        };
        few("materials", read.materials.len(), limits::PREDICATE_ITEMS)?;
        if read.builder.is_empty() || read.build_type.is_empty() {
            return Err(malformed(kind, "it does not name its builder, or the type of the build"));
        }
        Ok(read)
    }
}

fn materials(raw: Option<Vec<RawMaterial>>) -> Vec<Material> {
    let read = |raw: RawMaterial| Material {
        uri: raw.uri.unwrap_or_default(),
        name: raw.name,
        digests: raw.digest.unwrap_or_default(),
    };
    raw.unwrap_or_default().into_iter().map(read).collect()
}

fn oldest<I: Into<Index>>(raw: Oldest<I>) -> Provenance {
    let materials = materials(raw.materials);
    let metadata = raw.metadata.unwrap_or_default();
    let Index(place) = raw.recipe.defined_in_material.into();
    let source = place.and_then(|place| materials.get(place));
    Provenance {
        source: source.and_then(|material| Source::of(&material.uri, &material.digests)),
        builder: raw.builder.id,
        build_type: raw.recipe.kind,
        entry_point: raw.recipe.entry_point,
        parameters: raw.recipe.arguments,
        environment: raw.recipe.environment,
        materials,
        hermetic: None,
        completeness: metadata.completeness(),
        reproducible: metadata.reproducible,
        invocation: metadata.build_invocation_id,
        started: metadata.build_started_on,
        finished: metadata.build_finished_on,
    }
}

fn second(raw: Second) -> Provenance {
    let materials = materials(raw.materials);
    let invocation = raw.invocation.unwrap_or_default();
    let metadata = raw.metadata.unwrap_or_default();
    let config = invocation.config_source.unwrap_or_default();
    let vcs = vcs(metadata.rest.get(BUILDKIT_METADATA));
    let named = config.uri.as_deref().filter(|uri| !uri.is_empty());
    let source = match named {
        Some(uri) => Source::of(uri, &config.digest.clone().unwrap_or_default()),
        None => vcs.or_else(|| only_repository(&materials)),
    };
    Provenance {
        source,
        builder: raw.builder.id,
        build_type: raw.build_type,
        entry_point: config.entry_point.filter(|entry| !entry.is_empty()),
        parameters: invocation.parameters,
        environment: invocation.environment,
        materials,
        hermetic: metadata.rest.get(BUILDKIT_HERMETIC).and_then(Value::as_bool),
        completeness: metadata.completeness(),
        reproducible: metadata.reproducible,
        invocation: metadata.build_invocation_id,
        started: metadata.build_started_on,
        finished: metadata.build_finished_on,
    }
}

fn first(raw: First) -> Provenance {
    let definition = raw.build_definition;
    let materials = materials(definition.resolved_dependencies);
    let metadata = raw.run_details.metadata.unwrap_or_default();
    let parameters = definition.external_parameters;
    Provenance {
        source: source_of_first(&parameters, &materials, &metadata.buildkit_metadata),
        entry_point: entry_point(&parameters),
        builder: raw.run_details.builder.id,
        build_type: definition.build_type,
        parameters,
        environment: definition.internal_parameters,
        materials,
        hermetic: metadata.buildkit_hermetic,
        reproducible: None,
        completeness: None,
        invocation: metadata.invocation_id,
        started: metadata.started_on,
        finished: metadata.finished_on,
    }
}

impl Metadata {
    fn completeness(&self) -> Option<Completeness> {
        let raw = self.completeness.as_ref()?;
        let RawCompleteness { parameters, environment, materials } = *raw;
        Some(Completeness { parameters, environment, materials })
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Where v1's builders say what they built.
fn source_of_first(parameters: &Value, materials: &[Material], buildkit: &Value) -> Option<Source> {
    // GitHub's workflow, and Google Cloud Build's configuration: repository and ref, the commit among the materials.
    for place in ["/workflow", "/buildConfigSource", "/sourceToBuild"] {
        let Some(repository) = text(parameters, &format!("{place}/repository")) else { continue };
        let mut source = Source::of(repository, &BTreeMap::new())?;
        source.reference = text(parameters, &format!("{place}/ref")).map(str::to_owned);
        source.commit = commit_of(&source, materials);
        return Some(source);
    }
    // GitLab's runner: the project's address alone, ref and commit among the materials.
    if let Some(address) = text(parameters, "/source") {
        let source = Source::of(address, &BTreeMap::new())?;
        let same = materials.iter().filter_map(|material| Source::of(&material.uri, &material.digests));
        let mut same = same.filter(|other| other.repository == source.repository);
        let Some(first) = same.next() else { return Some(source) };
        return same.all(|other| other == first).then_some(first);
    }
    // The container-based generator and BuildKit: one address, with its digest.
    for place in ["/source", "/configSource"] {
        let Some(config) = parameters.pointer(place) else { continue };
        let config = ConfigSource::deserialize(config).ok()?;
        let Some(uri) = config.uri.as_deref().filter(|uri| !uri.is_empty()) else { continue };
        let mut source = Source::of(uri, &config.digest.unwrap_or_default())?;
        source.commit = source.commit.clone().or_else(|| commit_of(&source, materials));
        return Some(source);
    }
    vcs(Some(buildkit)).or_else(|| only_repository(materials))
}

fn entry_point(parameters: &Value) -> Option<String> {
    let places =
        ["/workflow/path", "/buildConfigSource/path", "/configSource/path", "/configPath", "/entryPoint"];
    places.iter().find_map(|place| text(parameters, place)).map(str::to_owned)
}

/// What BuildKit says about the working copy it was given.
fn vcs(metadata: Option<&Value>) -> Option<Source> {
    let metadata = metadata?;
    let mut source = Source::of(text(metadata, "/vcs/source")?, &BTreeMap::new())?;
    source.commit = text(metadata, "/vcs/revision").and_then(commit);
    Some(source)
}

/// The one repository among the materials; of several, none is the source.
fn only_repository(materials: &[Material]) -> Option<Source> {
    let of = |material: &Material| {
        let named = material.uri.starts_with("git+") || material.digests.contains_key("gitCommit");
        named.then(|| Source::of(&material.uri, &material.digests)).flatten()
    };
    let mut found = materials.iter().filter_map(of);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// The commit of the material that is `source`'s repository, at its ref where the material names one.
fn commit_of(source: &Source, materials: &[Material]) -> Option<String> {
    let of = |material: &Material| {
        let other = Source::of(&material.uri, &material.digests)?;
        let same = other.repository == source.repository
            && (other.reference.is_none()
                || source.reference.is_none()
                || other.reference == source.reference);
        if same { other.commit } else { None }
    };
    let mut found = materials.iter().filter_map(of);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Whether it is a commit in full: SHA-1 or SHA-256, in lower-case hex.
pub(super) fn is_commit(text: &str) -> bool {
    let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hex && matches!(text.len(), 40 | 64)
}

fn commit(text: &str) -> Option<String> {
    is_commit(text).then(|| text.to_owned())
}

impl Source {
    /// From an address such as `git+https://github.com/o/r.git@refs/heads/main`, `https://github.com/o/r#main`, or
    /// Google's `https://github.com/o/r/commit/HASH`, with the digests that come with it.
    fn of(uri: &str, digests: &BTreeMap<String, String>) -> Option<Self> {
        let bare = uri.strip_prefix("git+").unwrap_or(uri);
        let (scheme, rest) = bare.split_once("://")?;
        // A ref in full may have both signs in its name.
        let full = rest.split_once("@refs/").filter(|(place, _)| place.contains('/') && !place.contains('#'));
        let full = full.and_then(|(place, _)| Some((place, rest.get(place.len() + 1..)?)));
        let (place, mut reference) = match (rest.split_once('#'), rest.rsplit_once('@')) {
            _ if full.is_some() => full.map(|(place, name)| (place, Some(name)))?,
            (Some((place, fragment)), _) => {
                (place, fragment.split(':').next().filter(|name| !name.is_empty()))
            }
            // An `@` before the path is a user's name.
            (None, Some((place, reference))) if place.contains('/') => (place, Some(reference)),
            _ => (rest, None),
        };
        let (place, named) = match place.split_once("/commit/") {
            Some((place, hash)) => (place, commit(hash)),
            None => (place, None),
        };
        let digest =
            ["gitCommit", "sha1"].iter().find_map(|name| digests.get(*name)).and_then(|text| commit(text));
        let mut found = named;
        if let Some(digest) = digest {
            if found.as_ref().is_some_and(|named| *named != digest) {
                return None;
            }
            found = Some(digest);
        }
        // A commit in place of a ref is a commit.
        if let Some(hash) = reference.and_then(commit) {
            if found.as_ref().is_some_and(|found| *found != hash) {
                return None;
            }
            (reference, found) = (None, Some(hash));
        }
        let place = place.trim_end_matches('/');
        let repository = format!("{scheme}://{}", place.strip_suffix(".git").unwrap_or(place));
        (!place.is_empty()).then(|| Self {
            repository,
            reference: reference.map(str::to_owned),
            commit: found,
        })
    }
}
