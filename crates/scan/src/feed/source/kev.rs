//! CISA's catalogue of known exploited vulnerabilities (cisa.gov, "KEV", JSON).

use lockgate_model::Timestamp;
use serde_json::Value;

/// When the catalogue was released.
pub(in crate::feed) fn released(value: &Value) -> Option<Timestamp> {
    let text = value.get("dateReleased").and_then(Value::as_str)?;
    super::instant("dateReleased", text).ok()
}

/// The CVE of each entry; for one without, its place.
pub(in crate::feed) fn read(value: &Value) -> impl Iterator<Item = Result<String, usize>> + '_ {
    let list = value.get("vulnerabilities").and_then(Value::as_array);
    list.into_iter().flatten().enumerate().map(|(index, entry)| {
        let cve = entry.get("cveID").and_then(Value::as_str).filter(|cve| cve.starts_with("CVE-"));
        cve.map(str::to_owned).ok_or(index)
    })
}
