//! Ranges of versions as CSAF writes them (CSAF 2.0, section 3.1.2.3.2): `vers:TYPE/>=1.0|<2.0` (VERS), or one comparison
//! alone.

use crate::feed::RangeEvent;

/// Most comparisons of one range.
const COMPARISONS: usize = 100;

/// The ranges that a text names, each from its beginning to its end.
pub(super) fn read(text: &str) -> Result<Vec<Vec<RangeEvent>>, String> {
    let constraints = match text.strip_prefix("vers:") {
        Some(vers) => vers.split_once('/').ok_or("a range of VERS has a type")?.1,
        None => text,
    };
    if constraints.trim() == "*" {
        return Ok(vec![vec![introduced("0")]]);
    }
    let mut ranges = Vec::new();
    let mut open = None;
    for (number, constraint) in constraints.split('|').enumerate() {
        if number >= COMPARISONS {
            return Err(format!("a range has more than {COMPARISONS} comparisons"));
        }
        let constraint = constraint.trim();
        let rest = |operator: &str| constraint.strip_prefix(operator).map(|one| one.trim().to_owned());
        // VERS sorts its comparisons by version: what begins a range stands before what ends it.
        if let Some(version) = rest(">=").filter(|one| sound(one)) {
            begin(&mut open, &mut ranges, introduced(&version));
        } else if let Some(version) = rest("<=").filter(|one| sound(one)) {
            ranges.push(vec![open.take().unwrap_or(introduced("0")), RangeEvent::LastAffected(version)]);
        } else if let Some(version) = rest("<").filter(|one| sound(one)) {
            ranges.push(vec![open.take().unwrap_or(introduced("0")), RangeEvent::Fixed(version)]);
        } else if let Some(version) =
            rest("=").or_else(|| Some(constraint.to_owned())).filter(|one| sound(one))
        {
            ranges.push(vec![introduced(&version), RangeEvent::LastAffected(version)]);
        } else {
            // `>` and `!=` have no event that says the same.
            return Err(format!(
                "a range that cannot be read: {}",
                text.chars().take(100).collect::<String>()
            ));
        }
    }
    ranges.extend(open.map(|event| vec![event]));
    Ok(ranges)
}

/// A range that begins while another has no end has none.
fn begin(open: &mut Option<RangeEvent>, ranges: &mut Vec<Vec<RangeEvent>>, event: RangeEvent) {
    ranges.extend(open.replace(event).map(|event| vec![event]));
}

fn introduced(version: &str) -> RangeEvent {
    RangeEvent::Introduced(version.to_owned())
}

/// Whether a text is one version.
fn sound(version: &str) -> bool {
    !version.is_empty() && version.len() <= 200 && !version.contains([' ', '<', '>', '=', '!', '*', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_events() {
        let fixed = |version: &str| RangeEvent::Fixed(version.to_owned());
        let last = |version: &str| RangeEvent::LastAffected(version.to_owned());
        for (text, expected) in [
            ("vers:npm/>=1.0.0|<1.2.3", vec![vec![introduced("1.0.0"), fixed("1.2.3")]]),
            ("vers:deb/<2.0-1", vec![vec![introduced("0"), fixed("2.0-1")]]),
            ("<=4.1", vec![vec![introduced("0"), last("4.1")]]),
            (
                "vers:pypi/>=1|<1.5|>=2|<=2.3",
                vec![vec![introduced("1"), fixed("1.5")], vec![introduced("2"), last("2.3")]],
            ),
            ("vers:gem/1.0|>=3", vec![vec![introduced("1.0"), last("1.0")], vec![introduced("3")]]),
            ("vers:npm/*", vec![vec![introduced("0")]]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        for bad in
            ["", "vers:npm", "before 4.2", "vers:npm/>1.0", "vers:npm/!=1.0", "vers:npm/<", "< 4.2 and later"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&vec!["1"; 101].join("|")).is_err());
    }
}
