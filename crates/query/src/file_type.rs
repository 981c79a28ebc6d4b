//! What a file is, by the end of its name.

use std::path::Path;

/// The type of a file that a table is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileType {
    /// Everything else.
    Log,
    Parquet,
    Arrow,
}

impl FileType {
    pub(crate) fn by_extension(path: &Path) -> Self {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        match extension.to_ascii_lowercase().as_str() {
            "parquet" => Self::Parquet,
            "arrow" | "feather" | "ipc" => Self::Arrow,
            _ => Self::Log,
        }
    }
}
