//! One object for tools.

use super::{Export, ExportError, Report};

/// The report's own serialization, indented.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Export for Json {
    fn export<R: Report>(&self, report: &R) -> Result<String, ExportError> {
        Ok(serde_json::to_string_pretty(report)? + "\n")
    }
}
