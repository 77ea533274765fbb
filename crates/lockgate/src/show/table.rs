//! Columns without borders.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::out::width;
use crate::printable::printable;

/// Blanks between columns.
const GAP: usize = 2;
/// What a column keeps, in columns of a terminal, when a table is too wide for it.
const LEAST: usize = 24;

/// Most columns of a cell that is wrapped on a terminal: nobody's name fills the screen.
const WRAPPED: usize = 240;

/// Which end of a cell stays when it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Start,
    End,
}

/// A column: its head, how narrow it may become, and which end of its cells stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) least: usize,
    pub(super) keep: Keep,
}

/// Prints rows under their heads. On a terminal, wide columns are cut until a row fits; in a pipe nothing is.
pub(super) fn table(heads: &[&'static str], rows: &[Vec<String>]) {
    let columns: Vec<_> = heads.iter().map(|head| Column { head, least: LEAST, keep: Keep::Start }).collect();
    for line in laid_out(&columns, rows, width()) {
        say!("{line}");
    }
}

/// The lines of a table, its heads first.
pub(super) fn laid_out(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let heads = columns.iter().map(|column| column.head.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heads)
        .chain(rows.iter().map(|row| row.iter().map(|cell| printable(cell).into_owned()).collect()))
        .collect();
    let widths = widths(columns, &rows, width);
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(columns).zip(&widths);
        let cells = cells.map(|((cell, column), width)| padded(&cut(cell, *width, column.keep), *width));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The lines of each row, without heads: a cell that is wider than its column goes on in the next line.
pub(super) fn wrapped(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<Vec<String>> {
    let most = if width.is_some() { WRAPPED } else { usize::MAX };
    let cells = |row: &Vec<String>| row.iter().map(|cell| cut(&printable(cell), most, Keep::Start)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let widths = widths(columns, &rows, width);
    let row = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| lines(cell, *width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at: usize| {
            let parts = cells.iter().zip(&widths);
            let parts = parts.map(|(cell, width)| padded(cell.get(at).map_or("", String::as_str), *width));
            parts.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
        };
        (0..height).map(line).collect()
    };
    rows.iter().map(row).collect()
}

/// A text in lines of at most `width` columns, broken at blanks where there are some.
fn lines(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ') {
        if used > 0 {
            if used + 1 + word.width() <= width {
                line.push(' ');
                used += 1;
            } else {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
        }
        for one in word.chars() {
            let needed = one.width().unwrap_or(0);
            if used > 0 && used + needed > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(one);
            used += needed;
        }
    }
    lines.push(line);
    lines
}

/// How wide each column is.
fn widths(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<usize> {
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max();
    let mut widths: Vec<_> = (0..columns.len()).map(|at| widest(at).unwrap_or(0)).collect();
    if let Some(width) = width {
        narrow(columns, &mut widths, width);
    }
    widths
}

/// Makes the widest columns that may become narrower so narrow that a row fits, as far as that goes.
fn narrow(columns: &[Column], widths: &mut [usize], width: usize) {
    let mut over =
        (widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)).saturating_sub(width);
    while over > 0 {
        let candidates = widths.iter_mut().zip(columns).filter(|(width, column)| **width > column.least);
        let Some((widest, _)) = candidates.max_by_key(|(width, _)| **width) else { return };
        *widest -= 1;
        over -= 1;
    }
}

/// At most `width` columns of the text, with an ellipsis where something was left out.
pub(super) fn cut(text: &str, width: usize, keep: Keep) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut fits = |one: &char| {
        let needed = one.width().unwrap_or(0);
        let fits = needed <= room;
        room = if fits { room - needed } else { 0 };
        fits
    };
    match keep {
        Keep::Start => text.chars().take_while(|one| fits(one)).chain(['\u{2026}']).collect(),
        Keep::End => {
            let mut kept: Vec<char> = text.chars().rev().take_while(|one| fits(one)).collect();
            // A mark whose letter was cut off would stand on the ellipsis.
            while kept.pop_if(|one| one.width() == Some(0)).is_some() {}
            kept.push('\u{2026}');
            kept.iter().rev().collect()
        }
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { head: "name", least: 8, keep: Keep::Start },
        Column { head: "path", least: 8, keep: Keep::End },
        Column { head: "id", least: 20, keep: Keep::Start },
    ];

    fn row(cells: [&str; 3]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn wide_columns_are_cut_at_the_end_that_says_less() {
        let rows = [row(["a-name-of-a-package", "/usr/lib/python3/METADATA", "CVE-2024-0001"])];
        let wide = laid_out(&COLUMNS, &rows, None);
        assert_eq!(wide[1], "a-name-of-a-package  /usr/lib/python3/METADATA  CVE-2024-0001");
        let narrow = laid_out(&COLUMNS, &rows, Some(40));
        assert_eq!(
            narrow,
            ["NAME          PATH         ID", "a-name-of-a\u{2026}  \u{2026}3/METADATA  CVE-2024-0001"]
        );
    }

    #[test]
    fn what_does_not_fit_goes_on_in_the_next_line() {
        let rows =
            [row(["a name of a package", "1.0-verylongversion", "clears 3"]), row(["b", "1", "clears 1"])];
        let columns = [8, 8, 8].map(|least| Column { least, ..COLUMNS[0] });
        assert_eq!(
            wrapped(&columns, &rows, None)[1],
            ["b                    1                    clears 1"],
            "whole"
        );
        let narrow = ["a name of   1.0-veryl  clears 3", "a package   ongversio", "            n"];
        assert_eq!(wrapped(&columns, &rows, Some(31))[0], narrow);
        let endless = [row([&"x".repeat(10_000), "1", "clears 1"])];
        assert!(wrapped(&columns, &endless, Some(31))[0].len() < 30);
        assert!(wrapped(&columns, &endless, None)[0][0].len() > 10_000);
    }

    proptest! {
        #[test]
        fn what_is_wrapped_is_whole_and_fits(
            names in prop::collection::vec("(\\PC|[\\p{C}\\p{Z}\\p{M}]|[ -~]){0,40}", 3),
            width in 40_usize..200,
        ) {
            let columns = [8, 8, 8].map(|least| Column { least, ..COLUMNS[0] });
            let [lines] = &wrapped(&columns, std::slice::from_ref(&names), Some(width))[..] else { panic!("one row") };
            let letters = |text: &str| {
                let mut all: Vec<char> = text.chars().filter(|one| *one != ' ').collect();
                all.sort_unstable();
                all
            };
            let whole: String = names.iter().map(|name| printable(name)).collect();
            prop_assert_eq!(letters(&lines.concat()), letters(&whole));
            for line in lines {
                prop_assert!(line.width() <= width, "{line:?}");
                prop_assert!(crate::printable::is_printable(line), "{line:?}");
            }
        }

        #[test]
        fn a_row_is_one_line_that_fits(
            names in prop::collection::vec("(\\PC|[\\p{C}\\p{Z}\\p{M}]|[ -~]){0,40}", 3),
            width in 40_usize..200,
        ) {
            let rows = [names];
            let lines = laid_out(&COLUMNS, &rows, Some(width));
            prop_assert_eq!(lines.len(), 2);
            for line in lines {
                prop_assert!(line.width() <= width, "{line:?}");
                prop_assert!(crate::printable::is_printable(&line), "{line:?}");
            }
        }
    }
}
