//! What a pass over the logs found.

use std::time::Duration;

use cutwater_logs::bad::BadLine;
use cutwater_logs::misfits::Misfits;
use cutwater_logs::scan::{Profiling, Tally};
use cutwater_logs::value::Unit;

use super::plan::GroupForm;

/// What a pass over the logs found.
#[derive(Default)]
pub(super) struct Done {
    pub(super) tallies: Vec<Tally>,
    pub(super) failures: Vec<(usize, cutwater_logs::Error)>,
    pub(super) result: PassResult,
    /// The first bad lines of each log.
    pub(super) bad: Vec<(usize, BadLine)>,
    pub(super) elapsed: Duration,
    /// Pages that were read to find the range of time.
    pub(super) pages_touched: u64,
    /// Whether a part of a log was not read because its times count as sorted.
    pub(super) relied_on_order: bool,
    /// Fields that were asked for and no record has.
    pub(super) absent: Vec<String>,
}

/// What is printed after the pass.
#[derive(Default)]
pub(super) enum PassResult {
    /// Nothing: everything was printed during the pass.
    #[default]
    Printed,
    /// A count for each log.
    Counts { counts: Vec<u64>, json: bool },
    /// Groups of records.
    Groups(Groups),
    /// What is in the logs.
    Summary { profiles: Box<Profiling>, json: bool },
}

/// Groups of records, largest first.
pub(super) struct Groups {
    /// The names of the fields, then those of the measures.
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<GroupRow>,
    /// Records outside of all groups, as there were too many groups.
    pub(super) left_out: u64,
    /// Values of another kind, which no measure includes.
    pub(super) misfits: Misfits,
    pub(super) form: GroupForm,
}

/// The values of the fields of a group, and of its measures.
pub(super) type GroupRow = (Vec<Option<String>>, Vec<Measurement>);

/// What was measured over a group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measurement {
    /// No record has the field.
    None,
    Number(f64),
    Quantity(f64, Unit),
}

impl Done {
    /// How many bad lines all logs have.
    pub(super) fn bad_lines(&self) -> u64 {
        self.tallies.iter().map(|t| t.bad.total()).sum()
    }

    /// How many bytes of all logs were read.
    pub(super) fn bytes(&self) -> u64 {
        self.tallies.iter().map(|t| t.bytes).sum()
    }
}
