//! cosign's `vuln` predicate (sigstore/cosign, `COSIGN_VULN_ATTESTATION_SPEC.md`): a report of any scanner, and when it
//! was made.

use lockgate_model::Timestamp;
use serde_json::{Value, json};

use super::{Report, by_shape, finished, short};
use crate::catalog::documents::word;
use crate::purl::Purl;
use crate::shape::{Fields, Shape, Shapes, check};

/// Its predicate type.
pub const PREDICATE_TYPE: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

const PREDICATE: Shape = Shape::Object(&Fields {
    must: &[("scanner", SCANNER)],
    may: &[("metadata", Shape::Object(&METADATA))],
    other: &["invocation"],
    open: false,
});
const SCANNER: Shape = Shape::Object(&Fields {
    must: &[],
    may: &[("uri", Shape::Text), ("version", Shape::Text)],
    other: &["db", "result"],
    open: false,
});
const METADATA: Fields = Fields {
    must: &[],
    may: &[("scanStartedOn", Shape::Time), ("scanFinishedOn", Shape::Time)],
    other: &[],
    open: false,
};

/// The type; cosign 1 wrote it without the scheme.
pub(super) fn carries(predicate_type: &str) -> bool {
    predicate_type.strip_prefix("https://").unwrap_or(predicate_type)
        == "cosign.sigstore.dev/attestation/vuln/v1"
}

pub(super) fn read(predicate: &Value, shapes: Shapes) -> Result<Report, String> {
    if shapes.is_strict() {
        check(predicate, &PREDICATE)?;
    }
    let scanner = predicate.get("scanner").ok_or("it has no `scanner`")?;
    let result =
        scanner.get("result").filter(|result| !result.is_null()).ok_or("its scanner has no `result`")?;
    let (format, mut raw) = by_shape(result, shapes)?;
    let times = predicate.get("metadata").unwrap_or(&Value::Null);
    let finished_on = word(times, "scanFinishedOn").parse::<Timestamp>();
    // The older of two times: a predicate made later makes no report newer.
    raw.made = match (raw.made, finished_on) {
        (Some(own), Ok(finished)) => Some(own.min(finished)),
        (own, finished) => own.or(finished.ok()),
    };
    if raw.version.is_empty() {
        word(scanner, "version").clone_into(&mut raw.version);
    }
    if raw.scanner.is_empty() {
        raw.scanner = named(word(scanner, "uri"));
    }
    // The predicate is of a scan for vulnerabilities. Read strictly, the report says itself what it looked at.
    finished(format, super::Raw { looked: true, ..raw }, shapes)
}

/// The scanner's name, of its address: `pkg:github/aquasecurity/trivy@v0.76.0`.
fn named(uri: &str) -> String {
    let short_name = Purl::parse(uri).map(|purl| purl.short_name().to_owned());
    short_name.unwrap_or_else(|| uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned())
}

/// The predicate for a report, to be signed; one that is such a predicate already stays as it is. `now` is its time where
/// the report has none. The error says why nobody could read it; whether it answers for anything is for the gate to say.
pub fn wrap(report: Value, now: Timestamp) -> Result<Value, String> {
    if report.get("scanner").is_some_and(|scanner| scanner.get("result").is_some()) {
        return read(&report, Shapes::Lenient).map(|_| report);
    }
    let (_, raw) = by_shape(&report, Shapes::Lenient)?;
    let made = raw.made.unwrap_or(now).to_string();
    let predicate = json!({
        "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": short(&raw.scanner).to_lowercase(),
            "version": raw.version,
            "db": {"uri": "", "version": ""},
            "result": report,
        },
        "metadata": {"scanStartedOn": made, "scanFinishedOn": made},
    });
    read(&predicate, Shapes::Lenient).map(|_| predicate)
}
