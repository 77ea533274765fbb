//! Columns without borders.

/// Widest column, in characters; what is longer is cut with an ellipsis, except in the last one.
const WIDEST: usize = 44;

/// Prints rows under their heads, columns two spaces apart.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) {
    let cut = |cell: &str, last: bool| -> String {
        if last || cell.chars().count() <= WIDEST {
            return cell.to_owned();
        }
        cell.chars().take(WIDEST - 1).chain(['\u{2026}']).collect()
    };
    let last = heads.len().saturating_sub(1);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().enumerate().map(|(column, cell)| cut(cell, column == last)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    line(heads.iter().map(|head| head.to_uppercase()), &widths);
    for row in rows {
        line(row.into_iter(), &widths);
    }
}

fn line(cells: impl Iterator<Item = String>, widths: &[usize]) {
    let padded: Vec<_> = cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    say!("{}", padded.join("  ").trim_end());
}
