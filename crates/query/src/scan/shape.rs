//! What a pass makes of lines.

use arrow::datatypes::SchemaRef;

use crate::column::{Column, Source};

/// What a pass makes of lines; shared by all its threads.
#[derive(Debug)]
pub(crate) struct Shape {
    /// All columns of the table.
    pub(crate) columns: Vec<Column>,
    /// Those that are shown, in their order.
    pub(crate) shown: Vec<usize>,
    /// The schema of those.
    pub(crate) schema: SchemaRef,
    /// Whether bad lines are rows.
    pub(crate) bad_lines: bool,
    /// Paths of the logs.
    pub(crate) names: Vec<String>,
    pub(crate) batch_rows: usize,
}

impl Shape {
    /// The columns whose fields have to be found in lines.
    pub(super) fn fields(&self) -> Vec<usize> {
        let is_field = |at: &usize| matches!(self.columns[*at].source, Source::Field(_));
        let mut fields: Vec<usize> = self.shown.iter().copied().filter(is_field).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}
