//! `attest`: attach a signed in-toto statement to an image, as cosign does.

use std::collections::BTreeMap;
use std::path::Path;

use lockgate_attest::predicate::ci::{self, CiError, Stated};
use lockgate_attest::statement::Statement;
use lockgate_engine::{contents, scan, sign};
use lockgate_model::reference::Target;
use lockgate_model::{Reference, json as documents, limits};
use lockgate_scan::{baseline, reports};
use serde_json::{Value, json};

use super::DONE;
use super::args::{Attest, Build, Global, Output};
use super::sign::{forms, tell, without_key};
use crate::failure::Failure;
use crate::report::{SbomFormat, Subject, sbom};
use crate::session::{Surroundings, read_file};
use crate::{show, signing};

/// Most gaps of a scan that are told.
const TOLD: usize = 5;

/// What is said, and of what.
struct Said {
    kind: String,
    predicate: Value,
    about: Reference,
}

/// `lockgate attest`
pub(super) async fn run(global: &Global, around: &Surroundings, args: &Attest) -> Result<u8, Failure> {
    if args.layer_contents {
        return publish(global, around, args).await;
    }
    let said = said(global, around, args).await?;
    let statement = |artifact: &lockgate_model::Descriptor| {
        Statement::about(artifact, &said.kind, said.predicate.clone())
    };
    if args.means.keyless.keyless {
        let by = (&args.means.keyless, args.form);
        return without_key(global, around, &said.about, by, "attested", statement).await;
    }
    let key = signing::signer(around, &args.means)?;
    let reach = around.reach(global)?;
    let signed = sign::attest(&reach, &said.about, &*key, &forms(args.form), around.now(), statement).await?;
    tell(global, "attested", &signed, None);
    Ok(DONE)
}

/// Publishes and attests what is in each layer.
async fn publish(global: &Global, around: &Surroundings, args: &Attest) -> Result<u8, Failure> {
    if args.means.keyless.keyless {
        let help = "sign with a key: `layerContents` of the vulnerability gate names keys";
        return Err(Failure::told("layer contents are not attested without a key", help));
    }
    let reference = around.reference(&args.image)?;
    let key = signing::signer(around, &args.means)?;
    let reach = around.reach(global)?;
    let published = contents::publish(&reach, &reference, &*key, &forms(args.form), around.now()).await?;
    if global.output == Output::Json {
        let images = published.iter().map(
            |one| json!({"image": one.image.digest, "contents": one.contents, "manifests": one.statements, "leftOut": one.left_out}),
        );
        show::json(&images.collect::<Vec<_>>());
        return Ok(DONE);
    }
    for one in &published {
        say!("attested the layer contents of {}", one.image.digest);
        say!("  in {}", one.contents.digest);
        for statement in &one.statements {
            say!("  by {}", statement.digest);
        }
        for layer in &one.left_out {
            say!("  without layer {layer}: too much was found in it to be taken from others");
        }
    }
    Ok(DONE)
}

async fn said(global: &Global, around: &Surroundings, args: &Attest) -> Result<Said, Failure> {
    let about = around.reference(&args.image)?;
    if let Some(format) = args.sbom {
        return scanned(global, around, args, about, format).await;
    }
    if let (Some(file), Some(kind)) = (&args.predicate, &args.predicate_type) {
        let kind = predicate_type(kind)?.to_owned();
        return Ok(Said { predicate: from_file(around, file, &kind)?, kind, about });
    }
    Ok(Said { predicate: built(around, &args.build)?, kind: ci::PREDICATE_TYPE.to_owned(), about })
}

fn from_file(around: &Surroundings, file: &Path, kind: &str) -> Result<Value, Failure> {
    let bytes = read_file(file)?;
    let wrong = |why: String, help: &str| Failure::told(format!("{}: {why}", file.display()), help);
    let predicate = documents::value(&bytes, limits::EVIDENCE_BYTES)
        .map_err(|error| wrong(error.to_string(), "the predicate must be one JSON document"))?;
    if kind != reports::COSIGN_VULN {
        return Ok(predicate);
    }
    let help =
        "attach a report of Trivy, Grype, OSV-Scanner, CycloneDX or SARIF, or cosign's predicate with one";
    reports::wrap(predicate, around.now()).map_err(|why| wrong(why.clone(), help))
}

/// What is in the image, by our own scan. The statement is about what was scanned, wherever a tag has moved since.
async fn scanned(
    global: &Global,
    around: &Surroundings,
    args: &Attest,
    mut about: Reference,
    format: SbomFormat,
) -> Result<Said, Failure> {
    let scanned = scan::scan(&around.reach(global)?, &about, None).await?;
    let subject = Subject { reference: &args.image, scanned: &scanned, at: around.now(), most_days: None };
    let gaps = subject.gaps();
    let whole = scanned.images.iter().all(|image| image.inventory.is_some());
    if !whole || !subject.gaps().is_empty() || scanned.images.is_empty() {
        let more = gaps.len().saturating_sub(TOLD);
        let mut told: Vec<_> = gaps.into_iter().take(TOLD).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        return Err(Failure::told(
            format!("not everything in {} could be read: {}", args.image, told.join("; ")),
            "nothing was attested: a bill of materials that leaves something out misleads who relies on it",
        ));
    }
    about.target = Target::Digest(scanned.artifact.digest);
    Ok(Said { kind: format.predicate_type().to_owned(), predicate: sbom(format, &subject), about })
}

fn built(around: &Surroundings, build: &Build) -> Result<Value, Failure> {
    let told = |error: CiError| {
        let help = match &error {
            CiError::NoCi => "elsewhere, say it: --builder-id, --source, --commit and --ref",
            CiError::Missing { .. } => "CI sets it for each job: hand it on to where lockgate runs",
            CiError::Malformed { .. } => "correct what is said; nothing was attested",
        };
        Failure::told(error.to_string(), help)
    };
    let (Some(builder), Some(source), Some(commit)) = (&build.builder_id, &build.source, &build.commit)
    else {
        let set = |name: &&str| Some(((*name).to_owned(), around.variable(name)?));
        let variables: BTreeMap<_, _> = ci::VARIABLES.iter().filter_map(set).collect();
        return ci::of_environment(&variables, build.builder_id.as_deref()).map_err(told);
    };
    let mut parameters = BTreeMap::new();
    for (name, value) in &build.parameter {
        if parameters.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::told(format!("--parameter {name} is given twice"), "give it once"));
        }
    }
    let stated = Stated {
        builder: builder.clone(),
        source: source.clone(),
        commit: commit.clone(),
        reference: build.reference.clone(),
        build_type: build.build_type.clone(),
        parameters,
    };
    stated.predicate().map_err(told)
}

/// The types that have a name, as cosign has it where cosign knows it. Another word is a typing error, of which no gate
/// would ever hear.
fn predicate_type(named: &str) -> Result<&str, Failure> {
    Ok(match named {
        "openvex" => "https://openvex.dev/ns",
        "cyclonedx" => SbomFormat::Cyclonedx.predicate_type(),
        "spdx" | "spdxjson" => SbomFormat::Spdx.predicate_type(),
        "slsaprovenance" | "slsaprovenance02" => "https://slsa.dev/provenance/v0.2",
        "slsaprovenance1" => ci::PREDICATE_TYPE,
        "csaf" => "https://docs.oasis-open.org/csaf/csaf/v2.0",
        "baseline" => baseline::PREDICATE_TYPE,
        "report" => reports::PREDICATE_TYPE,
        "vuln" => reports::COSIGN_VULN,
        uri if uri.contains(['/', ':']) => uri,
        word => {
            return Err(Failure::told(
                format!("`{word}` is not a known predicate type"),
                "give a URI, or one of the names that `lockgate attest --help` lists",
            ));
        }
    })
}
