//! Ranges of time as ranges of bytes in sorted logs.

use std::ops::Range;

use cutwater_logs::filter::TimeRange;
use cutwater_logs::scan::Log;
use cutwater_logs::seek::seek;

/// Smaller logs are read whole: to seek takes about as long.
const SEEK_BYTES_MIN: u64 = 1 << 20;

/// Which parts of logs a query reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// The bytes to read of each log; `None` for all of it.
    pub(crate) ranges: Vec<Option<Range<u64>>>,
    /// Pages read to find them.
    pub(crate) pages_touched: u64,
    /// Logs found not to be sorted.
    pub(crate) unsorted: usize,
}

/// Finds where in each log the lines of `times` are.
///
/// # Errors
/// When a log cannot be read.
pub(crate) fn find(logs: &[Log], times: TimeRange) -> cutwater_logs::Result<Parts> {
    let mut parts = Parts::default();
    for log in logs {
        let found = if times.is_open() || log.input.size() < SEEK_BYTES_MIN {
            None
        } else {
            seek(log, times.since, times.until)?
        };
        if let Some(found) = &found {
            parts.pages_touched += found.pages_touched;
            parts.unsorted += usize::from(!found.sorted);
        }
        parts.ranges.push(found.filter(|found| found.sorted).map(|found| found.range));
    }
    Ok(parts)
}
