//! Rows on standard output, written while the logs are read.

use std::collections::VecDeque;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::ops::ControlFlow;

use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::Rows;

use super::pass::Emit;
use super::plan::Records;
use super::table::Table;
use cutwater_shell::Failure;
use cutwater_shell::words::escaped_bytes;

/// Writes rows to standard output: all, the first few, or the last few.
pub(super) struct Writer {
    out: BufWriter<Stdout>,
    /// Whether rows go to a terminal, which must not obey what is in them.
    is_terminal: bool,
    table: Option<Table>,
    head_left: Option<usize>,
    tail: Option<(usize, VecDeque<Vec<u8>>)>,
    failed: Option<io::Error>,
}

impl Writer {
    /// Writes lines as they stand.
    pub(super) fn lines(records: &Records) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, io::stdout()),
            is_terminal: io::stdout().is_terminal(),
            table: None,
            head_left: records.head,
            tail: records.tail.map(|n| (n, VecDeque::new())),
            failed: None,
        }
    }

    /// Writes the fields `names` in aligned columns.
    pub(super) fn table(records: &Records, names: &[String]) -> Self {
        Self { table: Some(Table::new(names)), ..Self::lines(records) }
    }

    /// Writes the fields `names` in lines of `style`, after a header.
    pub(super) fn fields(records: &Records, names: &[String], style: Style) -> Self {
        let mut writer = Self::lines(records);
        writer.write(&Rendering::header(names, style));
        writer
    }

    /// Writes every row at once, whatever comes after it.
    pub(super) fn without_end(self) -> Self {
        Self { head_left: None, tail: None, ..self }
    }

    /// Writes which log the next rows are from.
    pub(super) fn title(&mut self, name: &str) {
        self.write(format!("==> {name} <==\n").as_bytes());
    }

    /// Passes on what is buffered; breaks if that fails.
    pub(super) fn flush(&mut self) -> ControlFlow<()> {
        if let Err(e) = self.out.flush() {
            self.failed.get_or_insert(e);
        }
        if self.has_failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether the output could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// One row; breaks after the last one that is wanted.
    pub(super) fn one(&mut self, row: &[u8]) -> ControlFlow<()> {
        if self.head_left == Some(0) {
            return ControlFlow::Break(());
        }
        self.head_left = self.head_left.map(|n| n - 1);
        self.row(row);
        if self.has_failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn write(&mut self, bytes: &[u8]) {
        let result = match &mut self.table {
            Some(table) => table.row(bytes, &mut self.out),
            None if self.is_terminal => self.out.write_all(&escaped_bytes(bytes)),
            None => self.out.write_all(bytes),
        };
        if let Err(e) = result {
            self.failed.get_or_insert(e);
        }
    }

    fn row(&mut self, row: &[u8]) {
        match &mut self.tail {
            Some((n, kept)) => {
                let mut spare = if kept.len() == *n { kept.pop_front() } else { None };
                if *n > 0 {
                    let text = spare.get_or_insert_default();
                    text.clear();
                    text.extend_from_slice(row);
                    kept.extend(spare);
                }
            }
            None => self.write(row),
        }
    }
}

impl Emit<Rows> for Writer {
    fn part(&mut self, _: usize, rows: &mut Rows) -> ControlFlow<()> {
        if self.table.is_none() && self.head_left.is_none() && self.tail.is_none() {
            self.write(&rows.text);
        } else {
            for row in rows.iter() {
                self.one(row)?;
            }
        }
        if self.failed.is_some() || self.head_left == Some(0) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some((_, kept)) = self.tail.take() {
            kept.iter().for_each(|row| self.write(row));
        }
        if let Some(table) = &mut self.table
            && let Err(e) = table.finish(&mut self.out)
        {
            self.failed.get_or_insert(e);
        }
        let flushed = self.out.flush();
        self.failed.take().map_or(flushed, Err).map_err(Failure::output)
    }
}
