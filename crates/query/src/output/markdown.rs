//! A Markdown table.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use cutwater_shell::printable;

use super::Writer;
use super::table::rows;
use crate::Failure;

/// Writes rows between bars.
pub(super) struct Markdown<W: Write>(W);

impl<W: Write> Markdown<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Result<Self, Failure> {
        let mut writer = Self(out);
        let names: Vec<_> = schema.fields().iter().map(|f| one_line(f.name())).collect();
        writer.row(&names)?;
        let rule = |f: &arrow::datatypes::FieldRef| {
            if f.data_type().is_numeric() { "---:" } else { "---" }.to_owned()
        };
        writer.row(&schema.fields().iter().map(rule).collect::<Vec<_>>())?;
        Ok(writer)
    }

    fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        let escape = |cell: &String| cell.replace('\\', "\\\\").replace('|', "\\|");
        let cells: Vec<_> = cells.iter().map(escape).collect();
        writeln!(self.0, "| {} |", cells.join(" | ")).map_err(|e| Failure::output(&e))
    }
}

impl<W: Write> Writer for Markdown<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        rows(batch, one_line)?.iter().try_for_each(|row| self.row(row))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|e| Failure::output(&e))
    }
}

/// A value on one line without control characters. What turns text around is part of a text, and is
/// escaped for terminals alone.
fn one_line(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c.is_control() => printable(c.to_string().as_bytes()),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}
