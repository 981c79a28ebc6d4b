//! Aligned columns for people.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use cutwater_shell::words;

use super::{Writer, refused};
use crate::Failure;

/// This many rows are held back to find how wide columns are.
const MEASURED_ROWS: usize = 1000;

/// Wider cells push the rest of their row to the right, unless a terminal's width cuts them.
const WIDTH_MAX: usize = 80;

/// No column is cut to less.
const WIDTH_MIN: usize = 6;

/// Between columns.
const GAP: usize = 2;

/// How values are shown.
pub(super) fn options() -> FormatOptions<'static> {
    FormatOptions::new().with_null("")
}

/// Aligns rows.
pub(super) struct Table<W: Write> {
    out: W,
    /// The terminal's columns.
    terminal: Option<usize>,
    right: Vec<bool>,
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    /// It is the answer to EXPLAIN, whose line breaks are kept.
    plan: bool,
}

/// The columns of what EXPLAIN answers.
const PLAN_COLUMNS: [&str; 2] = ["plan_type", "plan"];

impl<W: Write> Table<W> {
    pub(super) fn new(schema: &SchemaRef, out: W, terminal: Option<usize>) -> Self {
        let right = schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
        let header = schema.fields().iter().map(|f| printable(f.name())).collect();
        let plan = schema.fields().iter().map(|f| f.name().as_str()).eq(PLAN_COLUMNS);
        let held = if plan { Vec::new() } else { vec![header] };
        Self { out, terminal, right, held, widths: None, plan }
    }

    fn row(&mut self, row: Vec<String>) -> io::Result<()> {
        if self.widths.is_some() {
            return self.write(&row);
        }
        self.held.push(row);
        if self.held.len() > MEASURED_ROWS { self.release() } else { Ok(()) }
    }

    /// A plan, line by line; what else could steer a terminal stays as it is shown elsewhere.
    fn write_plan(&mut self, row: &[String]) -> io::Result<()> {
        for (at, cell) in row.iter().enumerate() {
            let end = if at == 0 { ":" } else { "" };
            for line in cell.split("\\n").filter(|line| !line.is_empty()) {
                writeln!(self.out, "{line}{end}")?;
            }
        }
        Ok(())
    }

    /// Writes what is held back.
    fn release(&mut self) -> io::Result<()> {
        if self.widths.is_none() {
            self.widths = Some(widths(&self.held, self.terminal));
        }
        let held = std::mem::take(&mut self.held);
        held.iter().try_for_each(|row| self.write(row))
    }

    fn write(&mut self, row: &[String]) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or(&[]);
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or(0);
            let cell = if self.terminal.is_some() { cut(cell, width) } else { cell.clone() };
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if at > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            match self.right.get(at) {
                Some(true) => line.extend([pad, cell]),
                _ => line.extend([cell, pad]),
            }
        }
        line.truncate(line.trim_end().len());
        writeln!(self.out, "{line}")
    }
}

/// How wide each column is; where they do not fit a terminal, the widest give way.
fn widths(rows: &[Vec<String>], terminal: Option<usize>) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let most = if terminal.is_some() { usize::MAX } else { WIDTH_MAX };
    let mut widths: Vec<usize> = (0..columns).map(|at| widest(at).min(most)).collect();
    let Some(terminal) = terminal else { return widths };
    let room = terminal.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|w| **w > WIDTH_MIN) else { break };
        *widest -= 1;
    }
    widths
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A value on one line, without what could steer a terminal.
pub(super) fn printable(text: &str) -> String {
    words::printable(text.replace('\n', "\\n").replace('\t', "\\t").as_bytes())
}

/// The cells of a batch, row by row; `shown` makes texts one line each.
pub(super) fn rows(
    batch: &RecordBatch,
    shown: fn(&str) -> String,
) -> Result<Vec<Vec<String>>, Failure> {
    let options = options();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()
        .map_err(refused)?;
    let cell = |f: &ArrayFormatter<'_>, row: usize| {
        f.value(row).try_to_string().map(|text| shown(&text)).map_err(refused)
    };
    (0..batch.num_rows()).map(|row| formatters.iter().map(|f| cell(f, row)).collect()).collect()
}

impl<W: Write> Writer for Table<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        for row in rows(batch, printable)? {
            let written = if self.plan { self.write_plan(&row) } else { self.row(row) };
            written.map_err(|e| Failure::output(&e))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.release().and_then(|()| self.out.flush()).map_err(|e| Failure::output(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::{printable, widths};

    #[test]
    fn the_widest_columns_give_way_to_the_terminal() {
        let rows = vec![vec!["a".repeat(10), "b".repeat(50), "c".repeat(60)]];
        assert_eq!(widths(&rows, Some(64)), [10, 25, 25]);
        assert_eq!(widths(&rows, None), [10, 50, 60]);
        assert_eq!(widths(&rows, Some(3)), [6, 6, 6]);
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let steering = "a\x1b[31m\r\n\u{9b}é\u{202e}";
        assert_eq!(printable(steering), "a\\x1b[31m\\x0d\\n\\xc2\\x9bé\\xe2\\x80\\xae");
    }
}
