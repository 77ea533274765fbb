//! Probabilities of exploitation (FIRST, "EPSS data", CSV): `cve,epss,percentile`.

use lockgate_model::Timestamp;

/// The day of the scores, which the first line has: `#model_version:v2025.03.14,score_date:2026-11-26T00:00:00+0000`.
pub(in crate::feed) fn score_date(text: &str) -> Option<Timestamp> {
    let date = text.strip_prefix('#')?.split(',').find_map(|part| part.strip_prefix("score_date:"))?;
    // Its offset is none that RFC 3339 has: the day is enough.
    format!("{}T00:00:00Z", date.get(..10)?).parse().ok()
}

/// The CVE of a line and its probability in parts per million.
pub(in crate::feed) fn line(text: &str) -> Option<(String, u32)> {
    let mut fields = text.split(',');
    let (cve, score) = (fields.next()?, fields.next()?.trim().parse::<f64>().ok()?);
    if !cve.starts_with("CVE-") || !(0.0..=1.0).contains(&score) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the score is 0 to 1")]
    let ppm = (score * 1_000_000.0).round() as u32;
    Some((cve.to_owned(), ppm))
}
