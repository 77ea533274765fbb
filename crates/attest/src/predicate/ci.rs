//! Writes SLSA provenance v1 of a build (slsa.dev/spec/v1.0/provenance): from what GitHub Actions and GitLab CI tell a job in
//! its environment, or from what whoever runs the build says.
//!
//! What is written of GitHub is what `actions/attest-build-provenance` writes, and of GitLab what GitLab's runner writes
//! where the environment says it; [`super::Provenance`] reads both. Nothing is guessed: a variable that is missing, or that
//! is not what its documentation says, is an error that names it.

use std::collections::BTreeMap;

use lockgate_model::Timestamp;
use serde_json::{Map, Value, json};

use super::provenance::is_commit;

/// The predicate type of what is written here.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The build type of [`Stated`] builds that name no other (`docs/signing.md`).
pub const STATED_BUILD_TYPE: &str = "https://lockgate.dev/build-types/stated/v1";
/// The build type of GitHub's workflows.
const GITHUB_BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";
/// Longest value that is written, in bytes.
const VALUE_BYTES: usize = 4096;

/// The variables that are read. Of others nothing is written: they may hold secrets.
pub const VARIABLES: [&str; 27] = [
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_SHA",
    "CI_COMMIT_TAG",
    "CI_JOB_ID",
    "CI_JOB_NAME",
    "CI_JOB_STARTED_AT",
    "CI_MERGE_REQUEST_REF_PATH",
    "CI_PIPELINE_SOURCE",
    "CI_PROJECT_ID",
    "CI_PROJECT_URL",
    "CI_RUNNER_DESCRIPTION",
    "CI_RUNNER_EXECUTABLE_ARCH",
    "CI_RUNNER_ID",
    "CI_RUNNER_VERSION",
    "GITHUB_ACTIONS",
    "GITHUB_EVENT_NAME",
    "GITHUB_REF",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW_REF",
    "GITLAB_CI",
    "RUNNER_ENVIRONMENT",
];

/// Why no provenance was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CiError {
    /// Neither `GITHUB_ACTIONS` nor `GITLAB_CI` is set, or both are.
    #[error(
        "this is not a job of GitHub Actions or GitLab CI alone: one of GITHUB_ACTIONS and GITLAB_CI must be `true`"
    )]
    NoCi,
    /// Something is not said.
    #[error("{what} is not set")]
    Missing {
        /// The variable, or variables of which one must be set.
        what: String,
    },
    /// Something is not what it must be.
    #[error("{what} {why}")]
    Malformed {
        /// The variable, or what was said.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

fn malformed(what: &str, why: &str) -> CiError {
    CiError::Malformed { what: what.to_owned(), why: why.to_owned() }
}

/// The provenance of the build that runs in this environment. `builder` names another builder than the job's own
/// workflow or runner: a reusable workflow, of which the environment says nothing.
pub fn of_environment(variables: &BTreeMap<String, String>, builder: Option<&str>) -> Result<Value, CiError> {
    let is = |name: &str| variables.get(name).is_some_and(|value| value == "true");
    let variables = Variables(variables);
    let builder = builder.map(|id| uri("the builder's id", id)).transpose()?;
    match (is("GITHUB_ACTIONS"), is("GITLAB_CI")) {
        (true, false) => variables.github(builder),
        (false, true) => variables.gitlab(builder),
        _ => Err(CiError::NoCi),
    }
}

/// A build as whoever runs it states it.
#[derive(Debug, Clone)]
pub struct Stated {
    /// Who builds, a URI.
    pub builder: String,
    /// The repository, a URI.
    pub source: String,
    /// The commit, in hex.
    pub commit: String,
    /// The ref, such as `refs/heads/main`.
    pub reference: Option<String>,
    /// The type of the build, a URI; [`STATED_BUILD_TYPE`] without one.
    pub build_type: Option<String>,
    /// What whoever asked for the build chose.
    pub parameters: BTreeMap<String, String>,
}

impl Stated {
    /// The predicate.
    pub fn predicate(&self) -> Result<Value, CiError> {
        let repository = repository("the source", &self.source)?;
        let commit = commit("the commit", &self.commit)?;
        let reference = self.reference.as_deref().map(|name| full_ref("the ref", name)).transpose()?;
        let at = reference.map(|name| format!("@{name}")).unwrap_or_default();
        let source = json!({"uri": format!("git+{repository}{at}"), "digest": {"gitCommit": commit}});
        let mut external = Map::from_iter([("source".to_owned(), source.clone())]);
        if !self.parameters.is_empty() {
            for value in self.parameters.values() {
                plain("a parameter's value", value)?;
            }
            external.insert("parameters".to_owned(), json!(self.parameters));
        }
        let build_type = self.build_type.as_deref().unwrap_or(STATED_BUILD_TYPE);
        Ok(json!({
            "buildDefinition": {
                "buildType": uri("the build type", build_type)?,
                "externalParameters": external,
                "resolvedDependencies": [source],
            },
            "runDetails": {"builder": {"id": uri("the builder's id", &self.builder)?}},
        }))
    }
}

struct Variables<'a>(&'a BTreeMap<String, String>);

impl<'a> Variables<'a> {
    /// One that may be missing; an empty one is.
    fn find(&self, name: &str) -> Result<Option<&'a str>, CiError> {
        let found = self.0.get(name).map(String::as_str).filter(|value| !value.is_empty());
        found.map(|value| plain(name, value)).transpose()
    }

    fn get(&self, name: &str) -> Result<&'a str, CiError> {
        self.find(name)?.ok_or_else(|| CiError::Missing { what: name.to_owned() })
    }

    fn number(&self, name: &str) -> Result<&'a str, CiError> {
        let value = self.get(name)?;
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        if digits { Ok(value) } else { Err(malformed(name, "is not a number")) }
    }

    /// As actions/toolkit, packages/attest, `provenance.ts`. It reads the identity token, of which the environment says
    /// the same but for reusable workflows.
    fn github(&self, builder: Option<&str>) -> Result<Value, CiError> {
        let server = repository("GITHUB_SERVER_URL", self.get("GITHUB_SERVER_URL")?)?;
        let name = self.get("GITHUB_REPOSITORY")?;
        if name.split('/').count() != 2 || name.split('/').any(str::is_empty) || name.contains('@') {
            return Err(malformed("GITHUB_REPOSITORY", "is not OWNER/NAME"));
        }
        let workflow = self.get("GITHUB_WORKFLOW_REF")?;
        // Of a workflow in another repository, the source would not be where the path is.
        let of_repository = workflow.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
        let path = of_repository.and_then(|rest| rest.split_once('@'));
        let path = path.filter(|(path, at)| !path.is_empty() && !at.is_empty()).map(|(path, _)| path);
        let path = path.ok_or_else(|| {
            malformed("GITHUB_WORKFLOW_REF", "does not name a workflow of GITHUB_REPOSITORY and its ref")
        })?;
        let address = format!("{server}/{name}");
        let reference = full_ref("GITHUB_REF", self.get("GITHUB_REF")?)?;
        let commit = commit("GITHUB_SHA", self.get("GITHUB_SHA")?)?;
        let (run, attempt) = (self.number("GITHUB_RUN_ID")?, self.number("GITHUB_RUN_ATTEMPT")?);
        let own = format!("{server}/{workflow}");
        Ok(json!({
            "buildDefinition": {
                "buildType": GITHUB_BUILD_TYPE,
                "externalParameters": {"workflow": {"ref": reference, "repository": address, "path": path}},
                "internalParameters": {"github": {
                    "event_name": self.get("GITHUB_EVENT_NAME")?,
                    "repository_id": self.number("GITHUB_REPOSITORY_ID")?,
                    "repository_owner_id": self.number("GITHUB_REPOSITORY_OWNER_ID")?,
                    "runner_environment": self.get("RUNNER_ENVIRONMENT")?,
                }},
                "resolvedDependencies": [
                    {"uri": format!("git+{address}@{reference}"), "digest": {"gitCommit": commit}},
                ],
            },
            "runDetails": {
                "builder": {"id": builder.unwrap_or(&own)},
                "metadata": {"invocationId": format!("{address}/actions/runs/{run}/attempts/{attempt}")},
            },
        }))
    }

    /// As gitlab-org/gitlab-runner, `artifact_metadata.go`, and GitLab's "Provenance metadata format". The runner gives the
    /// commit as a SHA-256, which it is not: here it is what it is, with the ref.
    fn gitlab(&self, builder: Option<&str>) -> Result<Value, CiError> {
        let project = repository("CI_PROJECT_URL", self.get("CI_PROJECT_URL")?)?;
        let commit = commit("CI_COMMIT_SHA", self.get("CI_COMMIT_SHA")?)?;
        let reference = self.gitlab_ref()?;
        let version = self.get("CI_RUNNER_VERSION")?;
        let wrong = |c: char| !(c.is_ascii_alphanumeric() || "._~+-".contains(c));
        if version.contains(wrong) {
            return Err(malformed("CI_RUNNER_VERSION", "is not a version"));
        }
        let tag = if version.starts_with('v') { version.to_owned() } else { format!("v{version}") };
        let started = self.get("CI_JOB_STARTED_AT")?;
        let started: Timestamp =
            started.parse().map_err(|_| malformed("CI_JOB_STARTED_AT", "is not an RFC 3339 timestamp"))?;
        let runner = format!("{project}/-/runners/{}", self.number("CI_RUNNER_ID")?);
        let job = self.number("CI_JOB_ID")?;
        Ok(json!({
            "buildDefinition": {
                "buildType": format!("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/{tag}/PROVENANCE.md"),
                "externalParameters": {"source": project, "entryPoint": self.get("CI_JOB_NAME")?},
                "internalParameters": {
                    "architecture": self.get("CI_RUNNER_EXECUTABLE_ARCH")?,
                    "job": job,
                    "name": self.get("CI_RUNNER_DESCRIPTION")?,
                    "pipelineSource": self.get("CI_PIPELINE_SOURCE")?,
                    "projectId": self.number("CI_PROJECT_ID")?,
                },
                "resolvedDependencies": [
                    {"uri": format!("git+{project}@{reference}"), "digest": {"gitCommit": commit}},
                ],
            },
            "runDetails": {
                "builder": {"id": builder.unwrap_or(&runner), "version": {"gitlab-runner": version}},
                "metadata": {"invocationId": job, "startedOn": started},
            },
        }))
    }

    /// A job is of a tag, of a branch, or of a merge request, whose ref is written in full.
    fn gitlab_ref(&self) -> Result<String, CiError> {
        const NAMES: [&str; 3] = ["CI_COMMIT_TAG", "CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_REF_PATH"];
        let [tag, branch, merge] = NAMES;
        if let Some(name) = self.find(tag)? {
            return full_ref(tag, &format!("refs/tags/{name}")).map(str::to_owned);
        }
        if let Some(name) = self.find(branch)? {
            return full_ref(branch, &format!("refs/heads/{name}")).map(str::to_owned);
        }
        match self.find(merge)? {
            Some(name) => full_ref(merge, name).map(str::to_owned),
            None => Err(CiError::Missing { what: NAMES.join(" or ") }),
        }
    }
}

/// A text that can be written: neither empty nor endless, in one line.
fn plain<'a>(what: &str, text: &'a str) -> Result<&'a str, CiError> {
    match text {
        _ if text.is_empty() => Err(malformed(what, "is empty")),
        _ if text.len() > VALUE_BYTES => Err(malformed(what, "is longer than 4096 bytes")),
        _ if text.contains(char::is_control) => Err(malformed(what, "has control characters")),
        _ => Ok(text),
    }
}

fn uri<'a>(what: &str, text: &'a str) -> Result<&'a str, CiError> {
    let scheme =
        plain(what, text)?.split_once(':').filter(|(_, rest)| !rest.is_empty()).map(|(scheme, _)| scheme);
    let letters =
        |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let named = scheme.is_some_and(|scheme| !scheme.is_empty() && letters(scheme));
    if named && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(malformed(what, "is not a URI, such as https://ci.example.com/builders/1"))
    }
}

/// The address of a repository, or of a server of them, such that ref and commit can be added to it.
fn repository<'a>(what: &str, text: &'a str) -> Result<&'a str, CiError> {
    let text = uri(what, text)?;
    let text = text.strip_prefix("git+").unwrap_or(text).trim_end_matches('/');
    let Some((_, rest)) = text.split_once("://") else {
        return Err(malformed(what, "is not an address, such as https://git.example.com/acme/web"));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.split_once('@').is_some_and(|(who, _)| who.contains(':')) {
        // It is not repeated: everybody reads provenance.
        return Err(malformed(what, "holds a password"));
    }
    if host.is_empty() || path.contains(['@', '#', '?']) || path.contains("/commit/") {
        return Err(malformed(what, "is not the address of a repository alone, without ref and commit"));
    }
    Ok(text)
}

fn commit<'a>(what: &str, text: &'a str) -> Result<&'a str, CiError> {
    if is_commit(text) {
        Ok(text)
    } else {
        Err(malformed(what, "is not a full commit id: 40 or 64 digits of lower-case hex"))
    }
}

/// A ref in full (git-check-ref-format(1), as far as it matters for reading it again).
fn full_ref<'a>(what: &str, text: &'a str) -> Result<&'a str, CiError> {
    let name = plain(what, text)?.strip_prefix("refs/").unwrap_or_default();
    if name.is_empty() || name.contains([' ', ':', '?', '*', '[', '\\', '^', '~']) || name.contains("..") {
        return Err(malformed(what, "is not a full ref, such as refs/heads/main"));
    }
    Ok(text)
}
