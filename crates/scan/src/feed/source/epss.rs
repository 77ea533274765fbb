//! Probabilities of exploitation (FIRST, "EPSS data", CSV): `cve,epss,percentile`.

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
