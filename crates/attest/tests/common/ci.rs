//! What builds on GitHub and GitLab find in their environment.

pub(crate) const COMMIT: &str = "4d329c75e7ec1725f7c9ce917a8799d408d06be3";

pub(crate) const GITHUB: [(&str, &str); 12] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_REPOSITORY", "acme/web"),
    ("GITHUB_REPOSITORY_ID", "1296269"),
    ("GITHUB_REPOSITORY_OWNER_ID", "583231"),
    ("GITHUB_WORKFLOW_REF", "acme/web/.github/workflows/release.yml@refs/heads/main"),
    ("GITHUB_REF", "refs/heads/main"),
    ("GITHUB_SHA", COMMIT),
    ("GITHUB_EVENT_NAME", "push"),
    ("GITHUB_RUN_ID", "9001"),
    ("GITHUB_RUN_ATTEMPT", "2"),
    ("RUNNER_ENVIRONMENT", "github-hosted"),
];

pub(crate) const GITLAB: [(&str, &str); 13] = [
    ("GITLAB_CI", "true"),
    ("CI_PROJECT_URL", "https://gitlab.com/acme/group/web"),
    ("CI_PROJECT_ID", "278964"),
    ("CI_COMMIT_SHA", COMMIT),
    ("CI_COMMIT_TAG", "v1.4.2"),
    ("CI_JOB_ID", "10112241082"),
    ("CI_JOB_NAME", "build-image"),
    ("CI_JOB_STARTED_AT", "2026-11-20T10:15:30Z"),
    ("CI_PIPELINE_SOURCE", "push"),
    ("CI_RUNNER_ID", "12270837"),
    ("CI_RUNNER_VERSION", "18.6.1"),
    ("CI_RUNNER_DESCRIPTION", "green-5.saas-linux-small-amd64"),
    ("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64"),
];
