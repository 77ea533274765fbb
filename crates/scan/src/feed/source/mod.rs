//! The files that a feed is made of, told apart by their content, each normalised by a file here.

pub(super) mod alpine;
pub(super) mod csaf;
mod cvss2;
pub(super) mod debian;
pub(super) mod eol;
pub(super) mod epss;
pub(super) mod kev;
pub(super) mod osv;

use std::str::FromStr;

use cvss::Cvss;
use lockgate_model::{Severity, Timestamp};
use serde_json::Value;

use super::Advisory;

/// The date of records whose source has no dates. Nothing is older, so that whatever has a date is heeded before it.
pub(super) const UNDATED: Timestamp = Timestamp::UNIX_EPOCH;

/// An advisory, and whether its own source rated it.
pub(super) struct Rated {
    pub(super) advisory: Advisory,
    pub(super) rated: bool,
}

/// What a JSON document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    Osv,
    Csaf,
    List,
    Kev,
    Alpine,
    EndOfLife,
    Debian,
}

impl Document {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let has = |key: &str| value.get(key).is_some();
        match value {
            Value::Array(_) => Some(Self::List),
            Value::Object(_) if has("id") && has("modified") => Some(Self::Osv),
            Value::Object(_) if value.pointer("/document/csaf_version").is_some() => Some(Self::Csaf),
            Value::Object(_) if has("vulnerabilities") && (has("catalogVersion") || has("title")) => {
                Some(Self::Kev)
            }
            Value::Object(_) if has("packages") && has("distroversion") => Some(Self::Alpine),
            Value::Object(_) if value.pointer("/result/releases").is_some() => Some(Self::EndOfLife),
            Value::Object(_) if debian::is_tracker(value) => Some(Self::Debian),
            _ => None,
        }
    }
}

/// The highest CVSS score of version 3 or 4, else of version 2, in tenths.
fn by_vectors<'a>(vectors: impl Iterator<Item = &'a str> + Clone) -> Option<u8> {
    let whole = vectors.clone().filter(|vector| has_base(vector));
    let scores = whole.filter_map(|vector| Cvss::from_str(vector).ok());
    let newest = scores.map(|cvss| tenths(cvss.score())).max();
    newest.or_else(|| vectors.filter_map(cvss2::tenths).max())
}

/// Whether a vector has every metric that its score needs (CVSS 3.1, table 15; CVSS 4.0, table 23): what is cut off must
/// not score 0.
fn has_base(vector: &str) -> bool {
    const V3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
    const V4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];
    let needed: &[&str] = if vector.starts_with("CVSS:4") { &V4 } else { &V3 };
    let names = || vector.split('/').filter_map(|part| part.split_once(':')).map(|(name, _)| name);
    needed.iter().all(|needed| names().any(|name| name == *needed))
}

fn tenths(score: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a CVSS score is 0.0 to 10.0"
    )]
    let tenths = (score.clamp(0.0, 10.0) * 10.0).round() as u8;
    tenths
}

/// An instant, or a day, which some sources write; `field` is its name in messages.
fn instant(field: &str, text: &str) -> Result<Timestamp, String> {
    let day = || format!("{text}T00:00:00Z").parse();
    text.parse().or_else(|_| day()).map_err(|_| format!("`{field}` is no date: {}", first_line(text)))
}

/// CVSS 3.1, section 5, "Qualitative Severity Rating Scale".
pub(super) fn by_score(tenths: u8) -> Severity {
    match tenths {
        0 => Severity::Info,
        1..=39 => Severity::Low,
        40..=69 => Severity::Medium,
        70..=89 => Severity::High,
        _ => Severity::Critical,
    }
}

/// The word that a database uses where it gives no score.
fn by_word(text: &str) -> Option<Severity> {
    match text.trim().trim_end_matches('*').to_ascii_lowercase().as_str() {
        "critical" => Some(Severity::Critical),
        "high" | "important" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" | "minor" | "negligible" | "unimportant" => Some(Severity::Low),
        _ => None,
    }
}

/// Longest summary that is kept, in characters.
const SUMMARY: usize = 300;

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(SUMMARY).collect()
}
