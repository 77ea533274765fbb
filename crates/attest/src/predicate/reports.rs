//! What scanners, tests and others report: cosign's and in-toto's vulnerability scans, test results, SCAI
//! (in-toto/attestation, `spec/predicates`; cosign, `COSIGN_VULN_ATTESTATION_SPEC.md`).

use lockgate_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{PredicateError, few, malformed, typed};
use crate::limits;

/// One vulnerability that a scanner found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vulnerability {
    /// Its id.
    pub id: String,
    /// Its severities: by which method, and the score.
    pub severity: Vec<(String, String)>,
}

/// What a scanner found.
#[derive(Debug, Clone, PartialEq)]
pub struct VulnerabilityScan {
    /// The scanner, a URI.
    pub scanner: String,
    /// Its version.
    pub version: Option<String>,
    /// The database: its address, its version, and when it was made.
    pub database: (Option<String>, Option<String>, Option<Timestamp>),
    /// When the scan began.
    pub started: Option<Timestamp>,
    /// When the scan ended.
    pub finished: Option<Timestamp>,
    /// What it found, in in-toto's form. In cosign's form, the scanner's own report is what there is.
    pub found: Option<Vec<Vulnerability>>,
    /// The scanner's own report, in cosign's form.
    pub report: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawScan {
    scanner: RawScanner,
    #[serde(default)]
    metadata: RawTimes,
}

#[derive(Deserialize)]
struct RawScanner {
    uri: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    db: Option<RawDatabase>,
    result: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDatabase {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default, alias = "lastUpdated")]
    last_update: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTimes {
    #[serde(default)]
    scan_started_on: Option<Timestamp>,
    #[serde(default)]
    scan_finished_on: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RawFound {
    id: String,
    #[serde(default)]
    severity: Vec<RawSeverity>,
}

#[derive(Deserialize)]
struct RawSeverity {
    method: String,
    score: Value,
}

impl VulnerabilityScan {
    fn of(raw: RawScan, found: Option<Vec<Vulnerability>>, report: Option<Value>) -> Self {
        let database = raw.scanner.db.unwrap_or_default();
        // Go's zero time stands for none.
        let said = |time: Option<Timestamp>| time.filter(|time| time.unix() > 0);
        Self {
            scanner: raw.scanner.uri,
            version: raw.scanner.version.filter(|version| !version.is_empty()),
            database: (database.uri, database.version, said(database.last_update)),
            started: said(raw.metadata.scan_started_on),
            finished: said(raw.metadata.scan_finished_on),
            found,
            report,
        }
    }

    pub(super) fn read_cosigns(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let mut raw: RawScan = typed(kind, content)?;
        let report = raw.scanner.result.take();
        Ok(Self::of(raw, None, Some(report)))
    }

    pub(super) fn read_in_totos(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let mut raw: RawScan = typed(kind, content)?;
        if raw.scanner.uri.is_empty() {
            return Err(malformed(kind, "it does not name its scanner"));
        }
        let found: Vec<RawFound> = typed(kind, &raw.scanner.result.take())?;
        few("vulnerabilities", found.len(), limits::PREDICATE_ITEMS)?;
        let score = |raw: RawSeverity| {
            let score = raw.score.as_str().map_or_else(|| raw.score.to_string(), str::to_owned);
            (raw.method, score)
        };
        let read = |raw: RawFound| Vulnerability {
            id: raw.id,
            severity: raw.severity.into_iter().map(score).collect(),
        };
        let found = found.into_iter().map(read).collect();
        Ok(Self::of(raw, Some(found), None))
    }
}

/// What tests said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// All passed.
    Passed,
    /// All passed, with warnings.
    Warned,
    /// Some failed.
    Failed,
}

/// A test result (in-toto `test-result` v0.1).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// The outcome.
    pub result: Outcome,
    /// Where to read more.
    #[serde(default)]
    pub url: Option<String>,
    /// Tests that passed.
    #[serde(default)]
    pub passed_tests: Vec<String>,
    /// Tests that warned.
    #[serde(default)]
    pub warned_tests: Vec<String>,
    /// Tests that failed.
    #[serde(default)]
    pub failed_tests: Vec<String>,
}

impl TestResult {
    pub(super) fn read(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let read: Self = typed(kind, content)?;
        let most = read.passed_tests.len().max(read.warned_tests.len()).max(read.failed_tests.len());
        few("tests", most, limits::PREDICATE_ITEMS)?;
        if read.result != Outcome::Failed && !read.failed_tests.is_empty() {
            return Err(malformed(kind, "it says that nothing failed, and lists tests that did"));
        }
        Ok(read)
    }
}

/// One attribute of a SCAI report.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Attribute {
    /// What is said.
    pub attribute: String,
    /// About what, where not about the subject.
    #[serde(default)]
    pub target: Option<Value>,
    /// Under which conditions.
    #[serde(default)]
    pub conditions: Option<Value>,
    /// What shows it.
    #[serde(default)]
    pub evidence: Option<Value>,
}

/// A SCAI attribute report (in-toto `scai/attribute-report` v0.2 and v0.3).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AttributeReport {
    /// The attributes; there is at least one.
    pub attributes: Vec<Attribute>,
    /// Who made the subject.
    #[serde(default)]
    pub producer: Option<Value>,
}

impl AttributeReport {
    pub(super) fn read(kind: &str, content: &Value) -> Result<Self, PredicateError> {
        let read: Self = typed(kind, content)?;
        few("attributes", read.attributes.len(), limits::PREDICATE_ITEMS)?;
        if read.attributes.is_empty() || read.attributes.iter().any(|one| one.attribute.is_empty()) {
            return Err(malformed(kind, "it says nothing"));
        }
        Ok(read)
    }
}
