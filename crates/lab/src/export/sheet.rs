//! A table as data.

use crate::ratio::Ratio;

/// A column of a [`Sheet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in CSV.
    pub key: &'static str,
    /// Its name for people.
    pub heading: &'static str,
    /// Whether it holds numbers, which are put to the right.
    pub numeric: bool,
    /// Whether people see it, or only CSV has it.
    pub shown: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(key: &'static str, heading: &'static str) -> Self {
        Self { key, heading, numeric: false, shown: true }
    }

    /// A column of numbers.
    pub const fn number(key: &'static str, heading: &'static str) -> Self {
        Self { key, heading, numeric: true, shown: true }
    }

    /// The same column, in CSV alone.
    pub const fn hidden(mut self) -> Self {
        self.shown = false;
        self
    }
}

/// What stands in a row under a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// Words.
    Text(String),
    /// A number: as it is exported and sorted, and as it is shown.
    Number {
        /// As CSV has it.
        plain: String,
        /// What tables are sorted by.
        value: f64,
        /// As people read it.
        shown: String,
    },
    /// A ratio with its interval.
    Ratio(Ratio),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with `digits` digits after the decimal point in CSV.
    pub fn number(value: f64, digits: usize, shown: impl Into<String>) -> Self {
        Self::Number { plain: format!("{value:.digits$}"), value, shown: shown.into() }
    }

    /// What people read.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => "-".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number { shown, .. } => shown.clone(),
            Self::Ratio(ratio) => ratio.to_string(),
        }
    }
}

/// A table: columns, and rows with a cell for each column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// What the table is of.
    pub title: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a [`Sheet`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Whether it is marked as the best one.
    pub best: bool,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

impl Sheet {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: &[Column]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, cells: Vec<Cell>) {
        self.add_marked(cells, false);
    }

    /// Adds a row that is marked where it is the best one.
    pub fn add_marked(&mut self, cells: Vec<Cell>, best: bool) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(Row { best, cells });
    }
}
