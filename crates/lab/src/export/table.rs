//! Tables for a terminal: columns as wide as what stands in them.

use super::{Cell, Export, ExportError, Report, Sheet};

/// Text for a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table;

/// Longest line of running text, characters.
const WIDTH: usize = 99;

impl Export for Table {
    fn export<R: Report>(&self, report: &R) -> Result<String, ExportError> {
        let mut out = format!("{}\n", report.title());
        for (name, value) in report.facts() {
            out.push_str(&wrapped(&format!("{name}: "), &value));
        }
        for sheet in report.sheets() {
            out.push_str(&format!("\n{}\n{}", sheet.title, Self::sheet(&sheet)));
        }
        let notes = report.notes();
        if !notes.is_empty() {
            out.push('\n');
        }
        notes.iter().for_each(|note| out.push_str(&wrapped("", note)));
        Ok(out)
    }
}

impl Table {
    /// One table: a line for the headings and a line for each row; the best row is marked.
    pub fn sheet(sheet: &Sheet) -> String {
        let shown: Vec<_> = (0..sheet.columns.len()).filter(|i| sheet.columns[*i].shown).collect();
        let heads = shown.iter().map(|i| sheet.columns[*i].heading.to_owned()).collect();
        let rows = sheet.rows.iter().map(|row| {
            let cell = |i: &usize| row.cells.get(*i).map(Cell::shown).unwrap_or_default();
            (row.best, shown.iter().map(cell).collect::<Vec<_>>())
        });
        let lines: Vec<(bool, Vec<String>)> = std::iter::once((false, heads)).chain(rows).collect();
        let width = |column: usize| {
            lines.iter().map(|(_, cells)| cells[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..shown.len()).map(width).collect();
        let mut out = String::new();
        for (best, cells) in &lines {
            out.push(if *best { '>' } else { ' ' });
            for ((cell, width), i) in cells.iter().zip(&widths).zip(&shown) {
                let gap = width - cell.chars().count();
                let (before, after) = if sheet.columns[*i].numeric { (gap, 0) } else { (0, gap) };
                out.push_str(&format!(" {}{cell}{}", " ".repeat(before), " ".repeat(after)));
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out
    }
}

/// `text` after `first`, broken at spaces before column 100, the rest indented by four.
pub fn wrapped(first: &str, text: &str) -> String {
    let mut out = String::from(first);
    let mut column = first.chars().count();
    let mut fresh = true;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if !fresh && column + 1 + len > WIDTH {
            out.push_str("\n    ");
            column = 4;
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
        fresh = false;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    #[test]
    fn columns_are_aligned_and_the_best_row_is_marked() {
        let mut sheet = Sheet::new(
            "t",
            &[
                Column::text("path", "path"),
                Column::number("n", "MiB/s"),
                Column::text("x", "x").hidden(),
            ],
        );
        sheet.add_marked(
            vec![Cell::text("read"), Cell::number(7.0, 0, "7"), Cell::text("no")],
            true,
        );
        sheet.add(vec![Cell::text("uring-direct"), Cell::Empty, Cell::text("no")]);
        let expected = "  path         MiB/s\n> read             7\n  uring-direct     -\n";
        assert_eq!(Table::sheet(&sheet), expected);
    }

    #[test]
    fn long_text_is_broken_before_column_100_and_loses_no_word() {
        let text = "seventeen letters ".repeat(40);
        let out = wrapped("  noisy: ", &text);
        assert!(out.lines().all(|l| l.len() < 100), "{out}");
        assert_eq!(out.matches("seventeen").count(), 40);
    }
}
