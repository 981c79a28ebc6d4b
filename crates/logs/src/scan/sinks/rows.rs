//! Lines as they stand.

use crate::record::Fields;
use crate::scan::{Row, Sink};
use crate::time::Clock;

/// Rows of text, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The text of all rows.
    pub text: Vec<u8>,
    /// Where each row ends.
    pub ends: Vec<usize>,
}

impl Rows {
    /// The rows one by one.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.row(at))
    }

    /// The row of index `at`; empty past the last one.
    #[must_use]
    pub fn row(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or_default() };
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or_default()
    }
}

/// This many bytes of rows are handed over before a piece ends.
const ROWS_BYTES_MAX: usize = 8 << 20;

/// Keeps the lines as they stand.
#[derive(Debug, Default)]
pub struct Lines {
    rows: Rows,
}

impl Sink for Lines {
    type Out = Rows;

    fn fields(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        self.rows.text.extend_from_slice(row.line);
        self.rows.text.push(b'\n');
        self.rows.ends.push(self.rows.text.len());
    }

    fn is_full(&self) -> bool {
        self.rows.text.len() >= ROWS_BYTES_MAX
    }

    fn take(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }
}
