//! `attest`: what is said of an image.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{Form, Means};
use crate::report::SbomFormat;

/// `attest`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("said").required(true).args(["predicate", "sbom", "layer_contents", "provenance_from_ci", "source"]))]
pub struct Attest {
    /// The image.
    pub image: String,
    /// By what it is signed.
    #[command(flatten)]
    pub means: Means,
    /// The predicate, a JSON file.
    #[arg(long, value_name = "FILE", requires = "predicate_type")]
    pub predicate: Option<PathBuf>,
    /// The predicate's type: a URI, or as cosign has it: slsaprovenance (0.2), slsaprovenance1, spdxjson, cyclonedx,
    /// openvex; or csaf, baseline, report (of a scanner, as it is), or vuln (the same in cosign's predicate).
    #[arg(long = "type", value_name = "TYPE", requires = "predicate")]
    pub predicate_type: Option<String>,
    /// Scan the image, and attest what is in it.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub sbom: Option<SbomFormat>,
    /// Scan the image, publish what is in each of its layers beside it, and attest that: other workspaces that name the
    /// key under `layerContents` need not read the layers.
    #[arg(long, conflicts_with = "builder_id")]
    pub layer_contents: bool,
    /// How it was built.
    #[command(flatten)]
    pub build: Build,
    /// Which of cosign's forms to write.
    #[arg(long, value_enum, default_value_t = Form::Bundle)]
    pub form: Form,
}

/// How an image was built.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How it was built (SLSA provenance v1)")]
pub struct Build {
    /// Attest what GitHub Actions or GitLab CI say of the job that runs this.
    #[arg(long)]
    pub provenance_from_ci: bool,
    /// Who builds, a URI. In CI: in place of the job's own workflow or runner, for a reusable workflow.
    #[arg(long, value_name = "URI", conflicts_with_all = ["predicate", "sbom"])]
    pub builder_id: Option<String>,
    /// Elsewhere: the repository it was built from.
    #[arg(long, value_name = "URI", requires = "builder_id", requires = "commit")]
    pub source: Option<String>,
    /// The commit it was built from, in full.
    #[arg(long, value_name = "HASH", requires = "source")]
    pub commit: Option<String>,
    /// The ref it was built from, such as refs/heads/main.
    #[arg(long = "ref", value_name = "REF", requires = "source")]
    pub reference: Option<String>,
    /// The type of the build.
    #[arg(long, value_name = "URI", requires = "source")]
    pub build_type: Option<String>,
    /// What whoever asked for the build chose. May be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, requires = "source")]
    pub parameter: Vec<(String, String)>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
