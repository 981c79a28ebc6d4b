//! What was measured, as a table for people, CSV, JSON or a page: one trait, four exporters.

mod axis;
mod csv;
mod escape;
mod html;
mod json;
mod sheet;
mod table;

pub use axis::Axis;
pub use csv::Csv;
pub use escape::escaped;
pub use html::{Html, page_end, page_start};
pub use json::Json;
pub use sheet::{Cell, Column, Sheet};
pub use table::{Table, wrapped};

/// Why a report could not be exported.
pub type ExportError = serde_json::Error;

/// What can be exported. As JSON it is its own serialization; the other forms are made from its
/// parts.
pub trait Report: serde::Serialize {
    /// What it is about, in a few words.
    fn title(&self) -> String;

    /// Host, versions and settings: names with values.
    fn facts(&self) -> Vec<(&'static str, String)>;

    /// The tables. The first is the one that CSV has.
    fn sheets(&self) -> Vec<Sheet>;

    /// What a reader of the tables has to know, one sentence each.
    fn notes(&self) -> Vec<String>;
}

/// A form in which reports are written.
pub trait Export {
    /// The report as one document that ends with a line feed.
    ///
    /// # Errors
    /// When the report cannot be serialized, such as a map whose keys are not strings.
    fn export<R: Report>(&self, report: &R) -> Result<String, ExportError>;
}
