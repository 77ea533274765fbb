//! What predicates say: those of real builders, those of specifications, and what is wrong with forged ones.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;

use common::{entries, files, name, read, text};
use data_encoding::BASE64;
use lockgate_attest::predicate::{
    Outcome, Predicate, PredicateError, Provenance, SbomFormat, Source, Status, Summarised,
};
use lockgate_attest::sigstore::Artifact;
use lockgate_attest::statement::{Aim, Statement};
use lockgate_model::Digest;
use serde_json::{Value, json};
use xtask::parts::{self, or_skip};

fn statement(kind: &str, predicate: &Value) -> Statement {
    let digest = Digest::of(b"the artifact").hex();
    let document = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "web", "digest": {"sha256": digest}}],
        "predicateType": kind,
        "predicate": predicate,
    });
    Statement::read(&serde_json::to_vec(&document).unwrap()).unwrap()
}

fn said(kind: &str, predicate: &Value) -> Result<Predicate, PredicateError> {
    Predicate::read(&statement(kind, predicate))
}

fn provenance(kind: &str, predicate: &Value) -> Provenance {
    match said(kind, predicate).unwrap() {
        Predicate::Provenance(provenance) => *provenance,
        other => panic!("{other:?}"),
    }
}

fn malformed(kind: &str, predicate: &Value) -> String {
    match said(kind, predicate) {
        Err(PredicateError::Malformed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

const V1: &str = "https://slsa.dev/provenance/v1";
const V0_2: &str = "https://slsa.dev/provenance/v0.2";
const COMMIT: &str = "4d329c75e7ec1725f7c9ce917a8799d408d06be3";

fn source(repository: &str, reference: Option<&str>, commit: Option<&str>) -> Option<Source> {
    Some(Source {
        repository: repository.to_owned(),
        reference: reference.map(str::to_owned),
        commit: commit.map(str::to_owned),
    })
}

/// The statements in a file: payloads of envelopes anywhere in it.
fn statements(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::Object(map) => {
            if let (Some(payload), Some(_)) =
                (map.get("payload").and_then(Value::as_str), map.get("payloadType"))
            {
                found.extend(BASE64.decode(payload.as_bytes()).ok());
            }
            map.values().for_each(|value| statements(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| statements(value, found)),
        _ => {}
    }
}

/// Every provenance of slsa-verifier's cases: the GitHub generators, npm, Google Cloud Build, containers.
#[test]
fn provenance_of_real_builders() {
    let Some(arena) = or_skip(parts::arena_signing(), "provenance_of_real_builders") else { return };
    let mut builders = BTreeMap::<String, usize>::new();
    let mut forged = 0;
    for path in files(&arena).iter().filter(|path| path.to_str().unwrap().contains("/slsa-")) {
        let bytes = read(path);
        let mut found = vec![];
        for document in
            serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>().map_while(Result::ok)
        {
            statements(&document, &mut found);
        }
        for payload in found {
            let Ok(statement) = Statement::read(&payload) else { continue };
            let place = path.display();
            let predicate = match Predicate::read(&statement) {
                Ok(Predicate::Provenance(provenance)) => provenance,
                Ok(other) => {
                    // `provenanc` and `publis`: a type that is not known is not guessed.
                    let odd = matches!(&other, Predicate::Other { kind } if kind.contains("/provenanc/"));
                    forged += usize::from(odd);
                    continue;
                }
                Err(error) => {
                    // A draft's type, in the one file whose signature is forged, too.
                    assert!(statement.predicate_type.ends_with("v1.0?draft"), "{place}: {error}");
                    forged += 1;
                    continue;
                }
            };
            let Some(source) = &predicate.source else { panic!("{place}: no source in {predicate:?}") };
            // From a bucket, Google's builder has no commit.
            let bucket = source.repository.starts_with("gs://");
            assert!(bucket || source.repository.starts_with("https://"), "{place}: {source:?}");
            assert!(!source.repository.contains(['@', '#']), "{place}");
            assert_eq!(
                source.commit.as_ref().map(String::len),
                (!bucket).then_some(40),
                "{place}: {source:?}"
            );
            assert!(predicate.builder.starts_with("https://"), "{place}");
            assert!(predicate.invocation.is_some(), "{place}: {predicate:?}");
            let host = predicate.builder.split('/').nth(2).unwrap().to_owned();
            *builders.entry(host).or_default() += 1;
        }
    }
    assert!(builders["github.com"] >= 60 && builders["cloudbuild.googleapis.com"] >= 30, "{builders:?}");
    assert!(forged >= 2, "{forged}");
}

/// Raw envelopes of the GitHub generators: each names its own artifact, by its digest, and no other's.
#[test]
fn provenance_names_its_artifact() {
    let Some(arena) = or_skip(parts::arena_signing(), "provenance_names_its_artifact") else { return };
    let mut checked = 0;
    for path in files(&arena).iter().filter(|path| path.to_str().unwrap().ends_with(".artifact.sha256")) {
        let line = text(path);
        let digest: Digest = format!("sha256:{}", line.split_whitespace().next().unwrap()).parse().unwrap();
        let envelope = path.to_str().unwrap().strip_suffix(".artifact.sha256").unwrap();
        let mut found = vec![];
        statements(&serde_json::from_slice(&read(envelope)).unwrap(), &mut found);
        for payload in found {
            let statement = Statement::read(&payload).unwrap();
            assert!(Artifact::named(&digest).is_subject_of(&statement), "{envelope}");
            assert_eq!(statement.aim(&digest, &[]), Some(Aim::Artifact));
            assert!(!Artifact::named(&Digest::of(b"another")).is_subject_of(&statement));
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked}");
}

#[test]
fn github_workflow() {
    let read = provenance(
        V1,
        &json!({
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {
                    "ref": "refs/heads/main", "repository": "https://github.com/acme/web", "path": ".github/workflows/release.yml"
                }},
                "internalParameters": {"github": {"event_name": "push", "runner_environment": "github-hosted"}},
                "resolvedDependencies": [
                    {"uri": "git+https://github.com/acme/web@refs/heads/main", "digest": {"gitCommit": COMMIT}}
                ],
            },
            "runDetails": {
                "builder": {"id": "https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main"},
                "metadata": {"invocationId": "https://github.com/acme/web/actions/runs/1/attempts/1"},
            },
        }),
    );
    assert_eq!(read.source, source("https://github.com/acme/web", Some("refs/heads/main"), Some(COMMIT)));
    assert_eq!(read.entry_point.as_deref(), Some(".github/workflows/release.yml"));
    assert_eq!(read.environment["github"]["runner_environment"], "github-hosted");
    assert!(read.materials[0].is_pinned());
}

/// The commit of another repository, or of another ref, is not the source's.
#[test]
fn a_commit_belongs_to_its_repository() {
    let of = |dependencies: Value| {
        provenance(
            V1,
            &json!({
                "buildDefinition": {
                    "buildType": "t",
                    "externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": "https://github.com/acme/web"}},
                    "resolvedDependencies": dependencies,
                },
                "runDetails": {"builder": {"id": "b"}},
            }),
        )
        .source
        .unwrap()
        .commit
    };
    let material = |uri: &str, commit: &str| json!({"uri": uri, "digest": {"gitCommit": commit}});
    let right = material("git+https://github.com/acme/web@refs/heads/main", COMMIT);
    assert_eq!(of(json!([right])).as_deref(), Some(COMMIT));
    assert_eq!(of(json!([material("git+https://github.com/acme/tool@refs/heads/main", COMMIT)])), None);
    assert_eq!(of(json!([material("git+https://github.com/acme/web@refs/heads/other", COMMIT)])), None);
    // Two commits of the one source are none.
    let other = material("git+https://github.com/acme/web@refs/heads/main", &COMMIT.replace('4', "5"));
    assert_eq!(of(json!([right, other])), None);
    assert_eq!(of(json!([material("git+https://github.com/acme/web@refs/heads/main", "main")])), None);
}

#[test]
fn google_cloud_build_second_and_first() {
    let read = provenance(
        V1,
        &json!({
            "buildDefinition": {
                "buildType": "https://cloud.google.com/build/gcb-buildtypes/google-worker/v1",
                "externalParameters": {
                    "buildConfigSource": {"ref": "refs/heads/main", "repository": "git+https://github.com/acme/web", "path": "cloudbuild.yaml"},
                    "substitutions": {},
                },
                "internalParameters": {"systemSubstitutions": {"COMMIT_SHA": COMMIT}},
                "resolvedDependencies": [
                    {"uri": "git+https://github.com/acme/web@refs/heads/main", "digest": {"gitCommit": COMMIT}},
                    {"uri": "gcr.io/cloud-builders/docker@sha256:1", "digest": {"sha256": "a".repeat(64)}},
                ],
            },
            "runDetails": {"builder": {"id": "https://cloudbuild.googleapis.com/GoogleHostedWorker"},
                "metadata": {"startedOn": "2023-03-15T03:14:09.188170704Z", "finishedOn": "2023-03-15T03:14:35Z"}},
        }),
    );
    assert_eq!(read.source, source("https://github.com/acme/web", Some("refs/heads/main"), Some(COMMIT)));
    assert_eq!(read.entry_point.as_deref(), Some("cloudbuild.yaml"));
    assert_eq!(read.started, Some("2023-03-15T03:14:09Z".parse().unwrap()));
    let old = json!({
        "builder": {"id": "https://cloudbuild.googleapis.com/GoogleHostedWorker@v0.2"},
        "recipe": {"type": "t", "entryPoint": "cloudbuild.yaml", "arguments": {"options": {}}},
        "materials": [{"uri": format!("https://github.com/acme/web/commit/{COMMIT}")}],
        "metadata": {"buildInvocationId": "1"},
    });
    let read = provenance("https://slsa.dev/provenance/v0.1", &old);
    assert_eq!(read.source, source("https://github.com/acme/web", None, Some(COMMIT)));
    assert_eq!(read.invocation.as_deref(), Some("1"));
}

#[test]
fn tekton_chains() {
    let second = provenance(
        V0_2,
        &json!({
            "builder": {"id": "https://tekton.dev/chains/v2"},
            "buildType": "tekton.dev/v1beta1/TaskRun",
            "invocation": {"configSource": {}, "parameters": {"CHAINS-GIT_URL": "https://github.com/acme/web"}},
            "materials": [
                {"uri": "oci://gcr.io/kaniko@sha256:1", "digest": {"sha256": "b".repeat(64)}},
                {"uri": "git+https://github.com/acme/web.git", "digest": {"sha1": COMMIT}},
            ],
            "metadata": {"buildStartedOn": "2024-01-01T00:00:00Z", "reproducible": false,
                "completeness": {"parameters": false, "environment": false, "materials": true}},
        }),
    );
    assert_eq!(second.source, source("https://github.com/acme/web", None, Some(COMMIT)));
    assert!(second.completeness.unwrap().materials && second.reproducible == Some(false));
    let chains = |dependencies: Value| {
        provenance(
            V1,
            &json!({
                "buildDefinition": {
                    "buildType": "https://tekton.dev/chains/v2/slsa",
                    "externalParameters": {"runSpec": {"pipelineRef": {"name": "build"}}},
                    "internalParameters": {"tekton-pipelines-feature-flags": {}},
                    "resolvedDependencies": dependencies,
                },
                "runDetails": {"builder": {"id": "https://tekton.dev/chains/v2"}, "metadata": {"invocationID": "uid"}},
            }),
        )
    };
    let git = json!({"name": "inputs/result", "uri": "git+https://github.com/acme/web.git", "digest": {"sha1": COMMIT}});
    let task =
        json!({"name": "pipelineTask", "uri": "oci://registry/task", "digest": {"sha256": "c".repeat(64)}});
    let read = chains(json!([git, task]));
    assert_eq!(read.source, source("https://github.com/acme/web", None, Some(COMMIT)));
    assert_eq!(read.invocation.as_deref(), Some("uid"));
    assert_eq!(read.materials[1].name.as_deref(), Some("pipelineTask"));
    // Two repositories: which of them was built is not said.
    let other = json!({"uri": "git+https://github.com/acme/tasks.git", "digest": {"sha1": COMMIT}});
    assert_eq!(chains(json!([git, task, other])).source, None);
}

#[test]
fn buildkit() {
    let second = provenance(
        V0_2,
        &json!({
            "builder": {"id": ""},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": [{"uri": "pkg:docker/alpine@3.20?platform=linux%2Famd64", "digest": {"sha256": "d".repeat(64)}}],
            "invocation": {
                "configSource": {"uri": "https://github.com/acme/web.git#refs/heads/main", "digest": {"sha1": COMMIT}, "entryPoint": "Dockerfile"},
                "parameters": {"frontend": "dockerfile.v0", "args": {}},
                "environment": {"platform": "linux/amd64"},
            },
            "metadata": {
                "buildInvocationID": "x", "buildStartedOn": "2024-01-01T00:00:00.1Z", "buildFinishedOn": "2024-01-01T00:01:00Z",
                "https://mobyproject.org/buildkit@v1#hermetic": true,
            },
        })
        .as_object_mut()
        .map(|map| {
            map["builder"]["id"] = json!("https://github.com/acme/web/actions/runs/1");
            Value::Object(map.clone())
        })
        .unwrap(),
    );
    assert_eq!(second.source, source("https://github.com/acme/web", Some("refs/heads/main"), Some(COMMIT)));
    assert_eq!((second.hermetic, second.entry_point.as_deref()), (Some(true), Some("Dockerfile")));
    // A local context: the working copy is what BuildKit says of it.
    let first = provenance(
        V1,
        &json!({
            "buildDefinition": {
                "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
                "externalParameters": {"configSource": {"path": "Dockerfile"}, "request": {"frontend": "dockerfile.v0"}},
                "internalParameters": {"builderPlatform": "linux/amd64"},
            },
            "runDetails": {"builder": {"id": "https://builder.example"}, "metadata": {
                "buildkit_hermetic": false,
                "buildkit_metadata": {"vcs": {"source": "https://github.com/acme/web.git", "revision": COMMIT}},
            }},
        }),
    );
    assert_eq!(first.source, source("https://github.com/acme/web", None, Some(COMMIT)));
    assert_eq!((first.hermetic, first.entry_point.as_deref()), (Some(false), Some("Dockerfile")));
}

#[test]
fn provenance_that_is_none() {
    let builderless = json!({"builder": {"id": ""}, "buildType": "t"});
    assert!(malformed(V0_2, &builderless).contains("builder"));
    assert!(malformed(V0_2, &json!({"buildType": "t"})).contains("builder"));
    // One version's content under the other's name.
    assert!(malformed(V1, &json!({"builder": {"id": "b"}, "buildType": "t"})).contains("buildDefinition"));
    assert!(malformed(V0_2, &json!({"buildDefinition": {}, "runDetails": {}})).contains("builder"));
    assert!(malformed("https://slsa.dev/provenance/v2", &json!({})).contains("version"));
    assert!(malformed(V0_2, &json!(null)).contains("null"));
    // Addresses that contradict themselves name no source.
    let other = COMMIT.replace('4', "5");
    let uri = format!("https://github.com/acme/web/commit/{COMMIT}");
    let config = json!({"configSource": {"uri": uri, "digest": {"sha1": other}}});
    let read = provenance(V0_2, &json!({"builder": {"id": "b"}, "buildType": "t", "invocation": config}));
    assert_eq!(read.source, None);
}

#[test]
fn materials_are_pinned_by_strong_digests_only() {
    let pinned = |uri: &str, digest: Value| {
        let predicate =
            json!({"builder": {"id": "b"}, "buildType": "t", "materials": [{"uri": uri, "digest": digest}]});
        provenance(V0_2, &predicate).materials[0].is_pinned()
    };
    assert!(pinned("pkg:docker/alpine", json!({"sha256": "a".repeat(64)})));
    assert!(pinned("git+https://github.com/acme/web", json!({"sha1": COMMIT})));
    for (uri, digest) in [
        ("pkg:docker/alpine", json!({})),
        ("pkg:docker/alpine", json!({"sha1": COMMIT})),
        ("pkg:docker/alpine", json!({"md5": "a".repeat(64)})),
        ("pkg:docker/alpine", json!({"sha256": ""})),
        ("pkg:docker/alpine", json!({"sha256": "latest".repeat(11)})),
    ] {
        assert!(!pinned(uri, digest.clone()), "{uri} {digest}");
    }
}

#[test]
fn a_subject_with_another_digest_besides_is_another() {
    let artifact = Artifact::of(b"the artifact");
    let mut statement = statement(V1, &json!({}));
    assert!(artifact.is_subject_of(&statement));
    let digest = &mut statement.subject[0].digest;
    digest.insert("sha512".to_owned(), "0".repeat(128));
    assert!(!artifact.is_subject_of(&statement));
    // Not known is not another: a digest by SHA-256 alone says nothing of the other.
    assert!(Artifact::named(&Digest::of(b"the artifact")).is_subject_of(&statement));
    let only_weak = BTreeMap::from([("sha1".to_owned(), "0".repeat(40))]);
    statement.subject[0].digest = only_weak;
    assert!(!artifact.is_subject_of(&statement));
    statement.subject.clear();
    assert!(!artifact.is_subject_of(&statement));
}

#[test]
fn index_and_platform() {
    let (index, platform) = (Digest::of(b"the index"), Digest::of(b"the artifact"));
    let statement = statement(V1, &json!({}));
    assert_eq!(statement.aim(&platform, &[]), Some(Aim::Artifact));
    assert_eq!(statement.aim(&index, &[Digest::of(b"arm"), platform]), Some(Aim::Platform(platform)));
    assert_eq!(statement.aim(&index, &[Digest::of(b"arm")]), None);
    assert_eq!(statement.aim(&index, &[]), None);
}

#[test]
fn verification_summaries() {
    const KIND: &str = "https://slsa.dev/verification_summary/v1";
    let summary = json!({
        "verifier": {"id": "https://lockgate.example"}, "timeVerified": "2026-01-01T00:00:00Z",
        "resourceUri": "registry.example/web", "policy": {"uri": "p", "digest": {"sha256": "a"}},
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3", "X"],
        "dependencyLevels": {"SLSA_BUILD_LEVEL_1": "7", "SLSA_BUILD_LEVEL_0": 3},
    });
    let Ok(Predicate::Summary(read)) = said(KIND, &summary) else { panic!() };
    assert_eq!((read.result, read.build_level()), (Summarised::Passed, Some(3)));
    assert_eq!(read.dependencies["SLSA_BUILD_LEVEL_1"], 7);
    let mut failed = summary.clone();
    failed["verificationResult"] = json!("FAILED");
    let Ok(Predicate::Summary(read)) = said(KIND, &failed) else { panic!() };
    assert_eq!((read.result, read.build_level()), (Summarised::Failed, None));
    for (field, value) in
        [("verificationResult", json!("passed")), ("resourceUri", json!("")), ("verifier", json!({"id": ""}))]
    {
        let mut changed = summary.clone();
        changed[field] = value;
        assert!(said(KIND, &changed).is_err(), "{field}");
    }
}

#[test]
fn scans() {
    let cosigns = json!({
        "invocation": {"uri": ""}, "scanner": {"uri": "pkg:trivy", "version": "0.1", "db": {"uri": "", "version": ""}, "result": {"holes": []}},
        "metadata": {"scanStartedOn": "0001-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:00Z"},
    });
    let Ok(Predicate::Scan(scan)) = said("https://cosign.sigstore.dev/attestation/vuln/v1", &cosigns) else {
        panic!()
    };
    assert_eq!((scan.found, scan.started), (None, None));
    assert_eq!(scan.report, Some(json!({"holes": []})));
    let in_totos = json!({
        "scanner": {"uri": "pkg:grype", "db": {"lastUpdate": "2026-01-01T00:00:00Z"},
            "result": [{"id": "CVE-1", "severity": [{"method": "CVSS_V3", "score": "9.8"}, {"method": "nvd", "score": 5}]}]},
        "metadata": {"scanFinishedOn": "2026-01-01T00:00:00Z"},
    });
    let kind = "https://in-toto.io/attestation/vulns/v0.2";
    let Ok(Predicate::Scan(scan)) = said(kind, &in_totos) else { panic!() };
    let found = scan.found.unwrap();
    assert_eq!(found[0].id, "CVE-1");
    assert_eq!(found[0].severity[1], ("nvd".to_owned(), "5".to_owned()));
    // No result is no clean bill.
    let mut silent = in_totos.clone();
    silent["scanner"].as_object_mut().unwrap().remove("result");
    assert!(malformed(kind, &silent).contains("result"));
    silent["scanner"]["result"] = json!(null);
    assert!(malformed(kind, &silent).contains("null"));
}

#[test]
fn test_results_and_attributes() {
    let kind = "https://in-toto.io/attestation/test-result/v0.1";
    let result = json!({"result": "PASSED", "configuration": [], "passedTests": ["a"]});
    let Ok(Predicate::TestResult(read)) = said(kind, &result) else { panic!() };
    assert_eq!(read.result, Outcome::Passed);
    assert!(malformed(kind, &json!({"result": "PASSED", "failedTests": ["b"]})).contains("nothing failed"));
    assert!(malformed(kind, &json!({"result": "OK"})).contains("OK"));
    let kind = "https://in-toto.io/attestation/scai/attribute-report/v0.3";
    let report =
        json!({"attributes": [{"attribute": "WITH_STACK_PROTECTION", "conditions": {"flags": "-f"}}]});
    let Ok(Predicate::Attributes(read)) = said(kind, &report) else { panic!() };
    assert_eq!(read.attributes[0].attribute, "WITH_STACK_PROTECTION");
    assert!(malformed(kind, &json!({"attributes": []})).contains("nothing"));
}

#[test]
fn bills_of_materials() {
    for (kind, document, format) in [
        ("https://spdx.dev/Document", json!({"spdxVersion": "SPDX-2.3"}), SbomFormat::Spdx),
        ("https://spdx.dev/Document/v2.3", json!({"spdxVersion": "SPDX-2.3"}), SbomFormat::Spdx),
        (
            "https://spdx.dev/Document/v3.0",
            json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}),
            SbomFormat::Spdx,
        ),
        (
            "https://cyclonedx.org/bom",
            json!({"bomFormat": "CycloneDX", "specVersion": "1.6"}),
            SbomFormat::CycloneDx,
        ),
        (
            "https://cyclonedx.org/bom",
            json!({"Data": {"bomFormat": "CycloneDX", "specVersion": "1.4"}, "Timestamp": ""}),
            SbomFormat::CycloneDx,
        ),
    ] {
        let Ok(Predicate::Sbom(sbom)) = said(kind, &document) else { panic!("{kind}") };
        assert_eq!(sbom.format, format);
    }
    // One format under the other's name.
    assert!(malformed("https://cyclonedx.org/bom", &json!({"spdxVersion": "SPDX-2.3"})).contains("format"));
    assert!(malformed("https://cyclonedx.org/bom", &json!({"specVersion": "1.6"})).contains("format"));
    assert!(malformed("https://spdx.dev/Document", &json!({"specVersion": "1.6"})).contains("format"));
    assert!(matches!(said("https://spdx.dev/Documents", &json!({})), Ok(Predicate::Other { .. })));
}

#[test]
fn vex() {
    const KIND: &str = "https://openvex.dev/ns/v0.2.0";
    let document = |statement: Value| {
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.example/1", "author": "acme",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [statement],
        })
    };
    let right = json!({
        "vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "products": [{"@id": "pkg:oci/web", "identifiers": {"purl": "pkg:x"}}],
        "status": "not_affected", "justification": "component_not_present",
    });
    let Ok(Predicate::Vex(read)) = said(KIND, &document(right.clone())) else { panic!() };
    let one = &read.statements[0];
    assert_eq!((one.status, one.vulnerability.len(), one.products.len()), (Status::NotAffected, 2, 2));
    for (field, value, words) in [
        ("justification", json!(null), "not why"),
        ("justification", json!("we_looked"), "no justification"),
        ("status", json!("fine"), "fine"),
        ("vulnerability", json!(""), "names no vulnerability"),
    ] {
        let mut wrong = right.clone();
        wrong[field] = value;
        assert!(malformed(KIND, &document(wrong)).contains(words), "{words}");
    }
    let mut other = document(right);
    other["@context"] = json!("https://example.com/ns");
    assert!(malformed(KIND, &other).contains("context"));
}

/// JSON in which specifications wrote comments, and left things out with dots: what is whole is read.
fn uncommented(text: &str) -> Option<Value> {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&lines.join("\n")).ok()
}

#[test]
fn documents_of_openvex_and_the_specifications() {
    let Some(arena) = or_skip(parts::arena_signing(), "documents_of_openvex_and_the_specifications") else {
        return;
    };
    let (mut vex, mut typed) = (0, 0);
    let folders = ["openvex", "openvex-spec-examples", "in-toto-attestation-examples"];
    for path in folders.iter().flat_map(|folder| files(&arena.join(folder))) {
        let Some(value) = uncommented(&text(&path)) else { continue };
        if value["@context"].as_str().is_some_and(|context| context.starts_with("https://openvex.dev/ns")) {
            let read = said("https://openvex.dev/ns", &value);
            // Abridged ones leave out what the specification asks for.
            let whole = value["author"].is_string()
                && value["timestamp"].is_string()
                && value["statements"].is_array();
            assert_eq!(read.is_ok(), whole, "{}: {read:?}", path.display());
            vex += usize::from(whole);
        }
        if value["predicateType"].is_string() {
            let statement = Statement::read(&serde_json::to_vec(&value).unwrap()).unwrap();
            let read = Predicate::read(&statement);
            assert!(read.is_ok(), "{}: {read:?}", path.display());
            typed += usize::from(!matches!(read, Ok(Predicate::Other { .. })));
        }
    }
    assert!(vex >= 4 && typed >= 2, "{vex} {typed}");
}

#[test]
fn bills_of_materials_of_the_specifications() {
    let Some(arena) = or_skip(parts::arena_signing(), "bills_of_materials_of_the_specifications") else {
        return;
    };
    let (mut cyclone, mut spdx) = (0, 0);
    for path in files(&arena.join("cyclonedx")).iter().filter(|path| name(path).starts_with("valid-")) {
        let Ok(document) = serde_json::from_slice::<Value>(&read(path)) else { continue };
        assert!(said("https://cyclonedx.org/bom", &document).is_ok(), "{}", path.display());
        cyclone += 1;
    }
    for path in files(&arena.join("spdx")) {
        let Ok(document) = serde_json::from_slice::<Value>(&read(&path)) else { continue };
        assert!(said("https://spdx.dev/Document", &document).is_ok(), "{}", path.display());
        spdx += 1;
    }
    assert!(cyclone >= 80 && spdx >= 20 && !entries(&arena).is_empty(), "{cyclone} {spdx}");
}
