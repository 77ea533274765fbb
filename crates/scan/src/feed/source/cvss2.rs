//! CVSS version 2 (FIRST, "A Complete Guide to the Common Vulnerability Scoring System Version 2.0", section 3.2.1).
//!
//! Looked at: the `cvss` crate reads versions 3 and 4 only.

/// The base score of `AV:N/AC:L/Au:N/C:P/I:P/A:P`, in tenths.
pub(super) fn tenths(vector: &str) -> Option<u8> {
    let metric = |name: &str, weights: &[(&str, f64)]| {
        let part = vector.split('/').find_map(|part| part.strip_prefix(name)?.strip_prefix(':'))?;
        weights.iter().find(|(letter, _)| *letter == part).map(|(_, weight)| *weight)
    };
    let impact_weights = [("N", 0.0), ("P", 0.275), ("C", 0.660)];
    let access = metric("AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?;
    let complexity = metric("AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?;
    let authentication = metric("Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let kept = |name: &str| metric(name, &impact_weights).map(|weight| 1.0 - weight);
    let impact = 10.41 * (1.0 - kept("C")? * kept("I")? * kept("A")?);
    let exploitability = 20.0 * access * complexity * authentication;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Some(super::tenths((0.6 * impact + 0.4 * exploitability - 1.5) * factor))
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn scores_are_those_of_the_guide() {
        // Section 3.3: CVE-2002-0392, CVE-2003-0818, CVE-2003-0062.
        assert_eq!(tenths("AV:N/AC:L/Au:N/C:N/I:N/A:C"), Some(78));
        assert_eq!(tenths("AV:N/AC:L/Au:N/C:C/I:C/A:C"), Some(100));
        assert_eq!(tenths("AV:L/AC:H/Au:N/C:C/I:C/A:C"), Some(62));
        assert_eq!(tenths("AV:N/AC:L/Au:N/C:N/I:N/A:N"), Some(0));
        assert_eq!(tenths("AV:N"), None);
    }
}
