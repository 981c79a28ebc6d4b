//! Answers in a file, so that ours are checked where there is no DuckDB.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::tools::Rows;

/// The answers of a file.
#[derive(Debug, Default)]
pub(super) struct Answers {
    kept: BTreeMap<String, Rows>,
    /// Where to write them, if they are not there yet.
    new: Option<PathBuf>,
}

/// Answers as they are in the file: a text for each row, with commas between its values.
type Written = BTreeMap<String, Vec<String>>;

impl Answers {
    /// The answers of a file; none where it is not there yet, or without a path.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Ok(Self { new: Some(path.to_owned()), ..Self::default() });
            }
            Err(e) => return Err(format!("cannot read the answers in {}: {e}", path.display())),
        };
        let written: Written = serde_json::from_str(&text)
            .map_err(|e| format!("{} has no answers: {e}", path.display()))?;
        let row = |row: &String| row.split(',').map(str::to_owned).collect();
        let rows = |(name, rows): (String, Vec<String>)| (name, rows.iter().map(row).collect());
        Ok(Self { kept: written.into_iter().map(rows).collect(), new: None })
    }

    /// Whether they are to be written.
    pub(super) fn are_new(&self) -> bool {
        self.new.is_some()
    }

    /// The answer to a question.
    pub(super) fn get(&self, question: &str) -> Option<&Rows> {
        self.kept.get(question)
    }

    /// Keeps an answer, unless there is one.
    pub(super) fn keep(&mut self, question: &str, rows: &Rows) {
        self.kept.entry(question.to_owned()).or_insert_with(|| rows.clone());
    }

    /// Writes them, where they are new.
    pub(super) fn write(&self) -> Result<(), String> {
        let Some(path) = &self.new else { return Ok(()) };
        let failed = |e| format!("cannot write the answers to {}: {e}", path.display());
        let row = |row: &Vec<String>| row.join(",");
        let rows = |(name, rows): (&String, &Rows)| (name.clone(), rows.iter().map(row).collect());
        let written: Written = self.kept.iter().map(rows).collect();
        let text = serde_json::to_string_pretty(&written).map_err(|e| failed(e.into()))?;
        std::fs::write(path, text + "\n").map_err(failed)
    }
}
