//! The samples of a cell, as recorded runs keep them.

use cutwater_lab::Series;
use serde::Serialize;

/// The samples of one cell.
#[derive(Debug, Serialize)]
pub(crate) struct RawCell {
    /// The cell's name.
    pub cell: String,
    /// The unit of the samples.
    pub unit: &'static str,
    /// How many operations a sample of ours was taken over.
    pub operations: u64,
    /// The samples by side.
    pub samples: Vec<RawSeries>,
}

impl RawCell {
    /// The samples of all sides, each over one operation.
    pub(crate) fn new(cell: &str, unit: &'static str, all: &[Series]) -> Self {
        Self::with_operations(cell, unit, "", all, |_| 1)
    }

    /// The samples of all sides, each over as many operations as `operations` has for the side.
    pub(crate) fn with_operations(
        cell: &str,
        unit: &'static str,
        ours: &str,
        all: &[Series],
        operations: impl Fn(&Series) -> u64,
    ) -> Self {
        let of_ours = all.iter().find(|s| s.name == ours).map_or(1, &operations);
        let raw = |s: &Series| RawSeries {
            name: s.name.clone(),
            values: s.values.clone(),
            operations: operations(s),
            hash_ok: s.right,
            failed: s.failed.clone(),
        };
        let samples = all.iter().map(raw).collect();
        Self { cell: cell.to_owned(), unit, operations: of_ours, samples }
    }
}

/// The samples of one side, two for each round, in the order in which they were taken.
#[derive(Debug, Serialize)]
pub(crate) struct RawSeries {
    name: String,
    values: Vec<f64>,
    /// How many operations each sample was taken over.
    operations: u64,
    hash_ok: bool,
    failed: Option<String>,
}
