//! The upgrade plan of a scanned image, for people. Nothing of it is cut: what does not fit is wrapped.

use lockgate_scan::Plan;

use super::out::{Colour, Line};
use super::scanned::colour;
use super::table::{Column, Keep, wrapped};
use crate::report::plan::{Group, Planned, Step};
use crate::report::{Vulnerability, percent};

/// Upgrades that are shown of one layer and owner; more are counted.
const UPGRADES: usize = 10;
/// A probability of exploitation that comes before a severity ([`lockgate_scan::Match::pressing`]), in parts per million.
const LIKELY: u32 = 100_000;
/// Fewest columns of what an upgrade clears: `clears 10 of 12`.
const CLEARS: usize = 15;
/// Columns before a group, and before its upgrades.
const INDENT: usize = 2;

/// The lines of a plan; none where no upgrade is known. `all` shows every upgrade.
pub(super) fn planned(
    plan: &Plan,
    vulnerabilities: &[&Vulnerability<'_>],
    width: Option<usize>,
    all: bool,
) -> Vec<Line> {
    let Some(planned) = Planned::of(plan, vulnerabilities) else { return vec![] };
    let mut lines = indented(0, &format!("plan: {}", planned.total()), Some(Colour::Bold), width);
    let shown = if all { usize::MAX } else { UPGRADES };
    // One width for each column, over all groups.
    let steps: Vec<_> =
        planned.groups.iter().flat_map(|group| group.steps.iter().take(shown)).flat_map(rows).collect();
    let cells: Vec<_> = steps.iter().map(|(_, cells)| cells.to_vec()).collect();
    let columns = [usize::MAX, 12, 8, 8, CLEARS].map(|least| Column { head: "", least, keep: Keep::Start });
    let room = width.map(|width| width.saturating_sub(2 * INDENT));
    let mut laid_out = wrapped(&columns, &cells, room).into_iter().zip(steps);
    for group in &planned.groups {
        lines.extend(indented(INDENT, &group.title, None, width));
        let rows = group.steps.iter().take(shown).map(|step| step.targets.len()).sum();
        for (row, (step, _)) in laid_out.by_ref().take(rows) {
            lines.extend(row.iter().enumerate().map(|(at, line)| urgent(line, step.filter(|_| at == 0))));
        }
        lines.extend(
            rest(group, shown).iter().flat_map(|said| indented(2 * INDENT, said, Some(Colour::Faint), width)),
        );
    }
    lines
}

/// What is not shown of a group, and what has no fix.
fn rest(group: &Group<'_>, shown: usize) -> Vec<String> {
    let more = group.more(shown).map(|more| format!("{more} (--all)"));
    let unfixed = (!group.unfixed.is_empty()).then(|| format!("without a fix: {}", group.unfixed));
    more.into_iter().chain(unfixed).collect()
}

/// A row for each version to go to: the first says what is upgraded.
fn rows<'a>(step: &'a Step<'a>) -> impl Iterator<Item = (Option<&'a Vulnerability<'a>>, [String; 5])> {
    step.targets.iter().enumerate().map(|(at, (version, clears))| {
        let (worst, packages, installed, to) = match (at, step.worst) {
            (0, worst) => (worst.map_or(String::new(), urgency), &*step.packages, step.installed, "->"),
            _ => (String::new(), "", "", "or"),
        };
        let texts = [packages, installed, &format!("{to} {version}"), clears].map(str::to_owned);
        let [packages, installed, to, clears] = texts;
        (step.worst.filter(|_| at == 0), [worst, packages, installed, to, clears])
    })
}

/// How bad the worst is that an upgrade clears, and what brings it so far up.
fn urgency(worst: &Vulnerability<'_>) -> String {
    let word = worst.word();
    match worst.found.epss_ppm.filter(|ppm| *ppm >= LIKELY) {
        _ if worst.found.known_exploited => format!("{word} KEV"),
        Some(ppm) => format!("{word} EPSS {}", percent(ppm)),
        None => word.to_owned(),
    }
}

/// A row, with how bad it is in its colour.
fn urgent(row: &str, worst: Option<&Vulnerability<'_>>) -> Line {
    let line = Line::of(format_args!("{}", " ".repeat(2 * INDENT)));
    let word = worst.map(urgency);
    match (
        worst.and_then(colour),
        word.as_deref().and_then(|word| row.strip_prefix(word).map(|rest| (word, rest))),
    ) {
        (Some(colour), Some((word, rest))) => line.coloured(word, colour).text(format_args!("{rest}")),
        _ => line.text(format_args!("{row}")),
    }
}

/// A text with so many blanks before each of its lines.
fn indented(blanks: usize, text: &str, colour: Option<Colour>, width: Option<usize>) -> Vec<Line> {
    let column = Column { head: "", least: 0, keep: Keep::Start };
    let room = width.map(|width| width.saturating_sub(blanks));
    let lines = wrapped(&[column], &[vec![text.to_owned()]], room).into_iter().flatten();
    let line = |text: String| {
        let line = Line::of(format_args!("{}", " ".repeat(blanks)));
        match colour {
            Some(colour) => line.coloured(&text, colour),
            None => line.text(format_args!("{text}")),
        }
    };
    lines.map(line).collect()
}
