//! Rows in columns.

use std::io::{self, Write};

use cutwater_shell::words::printable;

/// How many rows are held back to find how wide columns are.
const MEASURED_ROWS: usize = 500;

/// Wider cells push the rest of their row to the right.
const WIDTH_MAX: usize = 60;

/// Aligns tab-separated rows.
pub(super) struct Table {
    held: Vec<Vec<u8>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(super) fn new(names: &[String]) -> Self {
        Self { held: vec![names.join("\t").into_bytes()], widths: None }
    }

    pub(super) fn row(&mut self, row: &[u8], out: &mut impl Write) -> io::Result<()> {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        if let Some(widths) = &self.widths {
            return write_row(row, widths, out);
        }
        self.held.push(row.to_vec());
        if self.held.len() > MEASURED_ROWS { self.finish(out) } else { Ok(()) }
    }

    /// Writes what is held back.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        let mut widths = Vec::new();
        for row in &self.held {
            for (at, cell) in row.split(|&b| b == b'\t').enumerate() {
                widths.resize(widths.len().max(at + 1), 0);
                widths[at] = widths[at].max(width(cell)).min(WIDTH_MAX);
            }
        }
        self.held.drain(..).try_for_each(|row| write_row(&row, &widths, out))?;
        self.widths = Some(widths);
        Ok(())
    }
}

fn width(cell: &[u8]) -> usize {
    printable(cell).chars().count()
}

/// A row; control characters that could steer a terminal are shown as `\xNN`.
fn write_row(row: &[u8], widths: &[usize], out: &mut impl Write) -> io::Result<()> {
    let cells: Vec<_> = row.split(|&b| b == b'\t').collect();
    for (at, cell) in cells.iter().enumerate() {
        out.write_all(printable(cell).as_bytes())?;
        if at + 1 < cells.len() {
            let pad = widths.get(at).map_or(0, |w| w.saturating_sub(width(cell)));
            write!(out, "{:pad$}  ", "")?;
        }
    }
    out.write_all(b"\n")
}
