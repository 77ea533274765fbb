//! Provenance that is written in a build: read again it says what the environment said, and nothing is written of an
//! environment that does not say all of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use ci::{COMMIT, GITHUB, GITLAB};
use lockgate_attest::predicate::ci::{
    CiError, PREDICATE_TYPE, STATED_BUILD_TYPE, Stated, VARIABLES, of_environment,
};
use lockgate_attest::predicate::{Predicate, Provenance, Source};
use lockgate_attest::statement::Statement;
use lockgate_model::Descriptor;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "common/ci.rs"]
mod ci;

fn environment(variables: &[(&str, &str)], other: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().chain(other).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What is read of a predicate, as of any builder's.
fn read(predicate: Value) -> Provenance {
    let artifact = Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"the artifact");
    match Predicate::read(&Statement::about(&artifact, PREDICATE_TYPE, predicate)).unwrap() {
        Predicate::Provenance(provenance) => *provenance,
        other => panic!("{other:?}"),
    }
}

fn source(repository: &str, reference: &str) -> Option<Source> {
    let (reference, commit) = (Some(reference.to_owned()), Some(COMMIT.to_owned()));
    Some(Source { repository: repository.to_owned(), reference, commit })
}

#[test]
fn a_github_job() {
    let predicate = of_environment(&environment(&GITHUB, &[("SECRET", "hunter2")]), None).unwrap();
    // Field by field what actions/attest-build-provenance writes.
    let expected = json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {
                "ref": "refs/heads/main", "repository": "https://github.com/acme/web", "path": ".github/workflows/release.yml",
            }},
            "internalParameters": {"github": {
                "event_name": "push", "repository_id": "1296269", "repository_owner_id": "583231",
                "runner_environment": "github-hosted",
            }},
            "resolvedDependencies": [
                {"uri": "git+https://github.com/acme/web@refs/heads/main", "digest": {"gitCommit": COMMIT}},
            ],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main"},
            "metadata": {"invocationId": "https://github.com/acme/web/actions/runs/9001/attempts/2"},
        },
    });
    assert_eq!(predicate, expected);
    let said = read(predicate);
    assert_eq!(said.source, source("https://github.com/acme/web", "refs/heads/main"));
    assert_eq!(said.entry_point.as_deref(), Some(".github/workflows/release.yml"));
    assert_eq!(said.builder, "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main");
    assert!(said.materials.iter().all(lockgate_attest::predicate::Material::is_pinned));

    let reusable = "https://github.com/acme/ci/.github/workflows/image.yml@refs/tags/v3";
    let said = read(of_environment(&environment(&GITHUB, &[]), Some(reusable)).unwrap());
    assert_eq!(said.builder, reusable);
    assert!(of_environment(&environment(&GITHUB, &[]), Some("me")).is_err());
}

#[test]
fn a_gitlab_job() {
    let said = read(of_environment(&environment(&GITLAB, &[("CI_JOB_TOKEN", "hunter2")]), None).unwrap());
    assert_eq!(said.source, source("https://gitlab.com/acme/group/web", "refs/tags/v1.4.2"));
    assert_eq!(said.builder, "https://gitlab.com/acme/group/web/-/runners/12270837");
    assert_eq!(said.build_type, "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v18.6.1/PROVENANCE.md");
    assert_eq!(said.entry_point.as_deref(), Some("build-image"));
    assert_eq!(said.invocation.as_deref(), Some("10112241082"));
    assert_eq!(said.started, Some("2026-11-20T10:15:30Z".parse().unwrap()));
    let written = of_environment(&environment(&GITLAB, &[("CI_JOB_TOKEN", "hunter2")]), None).unwrap();
    assert!(!written.to_string().contains("hunter2"));
    let of = |variables: &[(&str, &str)]| {
        let all = environment(&GITLAB, variables);
        read(of_environment(&all, None).unwrap()).source.unwrap().reference.unwrap()
    };
    assert_eq!(of(&[("CI_COMMIT_TAG", ""), ("CI_COMMIT_BRANCH", "feature/@x#7")]), "refs/heads/feature/@x#7");
    let merge = [("CI_COMMIT_TAG", ""), ("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head")];
    assert_eq!(of(&merge), "refs/merge-requests/1/head");
}

#[test]
fn every_variable_that_is_missing_is_named() {
    for all in [&GITHUB[..], &GITLAB[..]] {
        for (name, _) in &all[1..] {
            for without in [None, Some("")] {
                let mut variables = environment(all, &[]);
                variables.remove(*name);
                variables.extend(without.map(|empty| ((*name).to_owned(), empty.to_owned())));
                match of_environment(&variables, None) {
                    Err(CiError::Missing { what }) => assert!(what.contains(name), "{name}: {what}"),
                    other => panic!("{name}: {other:?}"),
                }
            }
            assert!(VARIABLES.contains(name));
        }
    }
    let both = environment(&GITHUB, &GITLAB);
    let told = environment(&GITHUB, &[("GITHUB_ACTIONS", "yes")]);
    for none in [BTreeMap::new(), both, told] {
        assert_eq!(of_environment(&none, None), Err(CiError::NoCi));
    }
}

#[test]
fn every_variable_that_is_malformed_is_named() {
    let long = "a".repeat(5000);
    let github = [
        ("GITHUB_SERVER_URL", "github.com"),
        ("GITHUB_SERVER_URL", "https://"),
        ("GITHUB_SERVER_URL", "https://x:hunter2@github.com"),
        ("GITHUB_REPOSITORY", "web"),
        ("GITHUB_REPOSITORY", "acme/web/x"),
        ("GITHUB_REPOSITORY", "acme/"),
        ("GITHUB_REPOSITORY", "acme/web@x"),
        ("GITHUB_REPOSITORY_ID", "a"),
        ("GITHUB_REPOSITORY_OWNER_ID", "-1"),
        ("GITHUB_WORKFLOW_REF", "other/web/.github/workflows/release.yml@refs/heads/main"),
        ("GITHUB_WORKFLOW_REF", "acme/website/.github/workflows/release.yml@refs/heads/main"),
        ("GITHUB_WORKFLOW_REF", "acme/web/.github/workflows/release.yml"),
        ("GITHUB_WORKFLOW_REF", "acme/web/@refs/heads/main"),
        ("GITHUB_REF", "main"),
        ("GITHUB_REF", "refs/"),
        ("GITHUB_REF", "refs/heads/a b"),
        ("GITHUB_REF", "refs/heads/a\nb"),
        ("GITHUB_SHA", "4d329c7"),
        ("GITHUB_SHA", "4D329C75E7EC1725F7C9CE917A8799D408D06BE3"),
        ("GITHUB_EVENT_NAME", long.as_str()),
        ("GITHUB_RUN_ID", "9001/../1"),
        ("GITHUB_RUN_ATTEMPT", "two"),
        ("RUNNER_ENVIRONMENT", "a\tb"),
    ];
    let gitlab = [
        ("CI_PROJECT_URL", "https://gitlab-ci-token:hunter2@gitlab.com/acme/web.git"),
        ("CI_PROJECT_URL", "https://gitlab.com/acme/web@main"),
        ("CI_PROJECT_ID", "x"),
        ("CI_COMMIT_SHA", "x"),
        ("CI_COMMIT_TAG", "../x"),
        ("CI_JOB_ID", "x"),
        ("CI_JOB_STARTED_AT", "yesterday"),
        ("CI_RUNNER_ID", "x"),
        ("CI_RUNNER_VERSION", "18/../../x"),
    ];
    for (all, wrong) in [(&GITHUB[..], &github[..]), (&GITLAB[..], &gitlab[..])] {
        for change in wrong {
            match of_environment(&environment(all, &[*change]), None) {
                Err(error @ CiError::Malformed { .. }) => {
                    let told = error.to_string();
                    assert!(told.contains(change.0) && !told.contains("hunter2"), "{change:?}: {told}");
                }
                other => panic!("{change:?}: {other:?}"),
            }
        }
    }
}

fn stated() -> Stated {
    Stated {
        builder: "https://ci.example.com/builders/1".to_owned(),
        source: "https://git.example.com/acme/web.git".to_owned(),
        commit: COMMIT.to_owned(),
        reference: Some("refs/heads/main".to_owned()),
        build_type: None,
        parameters: BTreeMap::from([("target".to_owned(), "release".to_owned())]),
    }
}

#[test]
fn a_build_as_it_is_stated() {
    let said = read(stated().predicate().unwrap());
    assert_eq!(said.source, source("https://git.example.com/acme/web", "refs/heads/main"));
    assert_eq!(
        (said.builder.as_str(), said.build_type.as_str()),
        ("https://ci.example.com/builders/1", STATED_BUILD_TYPE)
    );
    assert_eq!(said.parameters["parameters"], json!({"target": "release"}));
    let said = read(Stated { reference: None, parameters: BTreeMap::new(), ..stated() }.predicate().unwrap());
    assert_eq!(said.source.unwrap().reference, None);
    assert_eq!(said.parameters.as_object().unwrap().len(), 1);
    let refused = |what: &str, change: &dyn Fn(&mut Stated)| {
        let mut wrong = stated();
        change(&mut wrong);
        let told = wrong.predicate().unwrap_err().to_string();
        assert!(told.contains(what), "{told}");
    };
    refused("builder", &|stated| stated.builder = "ci".to_owned());
    refused("builder", &|stated| stated.builder.clear());
    refused("source", &|stated| stated.source = "acme/web".to_owned());
    refused("source", &|stated| {
        stated.source = "https://git.example.com/acme/web@refs/heads/other".to_owned();
    });
    refused("source", &|stated| stated.source = format!("https://git.example.com/acme/web/commit/{COMMIT}"));
    refused("commit", &|stated| stated.commit = "main".to_owned());
    refused("ref", &|stated| stated.reference = Some("main".to_owned()));
    refused("build type", &|stated| stated.build_type = Some("make".to_owned()));
    refused("parameter", &|stated| stated.parameters = BTreeMap::from([("a".to_owned(), "\n".to_owned())]));
}

proptest! {
    /// Whatever is written is read as what was said.
    #[test]
    fn what_is_written_is_read(
        server in "https://[a-z.]{1,12}", name in "[a-zA-Z0-9._-]{1,9}/[a-zA-Z0-9._-]{1,9}",
        branch in "\\PC{1,30}", commit in "[0-9a-f]{40}",
    ) {
        let reference = format!("refs/heads/{branch}");
        let workflow = format!("{name}/.github/workflows/a.yml@{reference}");
        let changed = [
            ("GITHUB_SERVER_URL", server.as_str()), ("GITHUB_REPOSITORY", name.as_str()),
            ("GITHUB_REF", reference.as_str()), ("GITHUB_SHA", commit.as_str()),
            ("GITHUB_WORKFLOW_REF", workflow.as_str()),
        ];
        if let Ok(predicate) = of_environment(&environment(&GITHUB, &changed), None) {
            let found = read(predicate).source.unwrap();
            prop_assert_eq!(found.reference, Some(reference.clone()));
            prop_assert_eq!(found.commit, Some(commit.clone()));
            let address = format!("{server}/{name}");
            prop_assert_eq!(found.repository, address.strip_suffix(".git").unwrap_or(&address));
        }
        let stated = Stated { reference: Some(reference.clone()), commit: commit.clone(), ..stated() };
        if let Ok(predicate) = stated.predicate() {
            let found = read(predicate).source.unwrap();
            prop_assert_eq!((found.reference, found.commit), (Some(reference), Some(commit)));
        }
    }
}
