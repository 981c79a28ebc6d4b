//! The records of several logs in one order: that of their times.

use std::ops::ControlFlow;

use cutwater_logs::bad::BadLine;
use cutwater_logs::scan::{Rows, Sink, merge};
use cutwater_logs::split::Stop;

use super::bad::BadLines;
use super::done::Done;
use super::pass::Emit;
use super::plan::Plan;
use super::rows::Writer;
use cutwater_shell::Failure;

/// Writes the rows that `sink` makes, earliest first.
pub(super) fn merged<S: Sink<Out = Rows>>(
    plan: &Plan,
    stop: &Stop,
    sink: impl Fn() -> S + Sync,
    mut writer: Writer,
) -> Result<Done, Failure> {
    let mut bad = BadLines::new(plan)?;
    let take_bad =
        |log: usize, lines: &mut Vec<BadLine>| -> ControlFlow<()> { bad.add(plan, log, lines) };
    let emit = |_: usize, row: &[u8]| writer.one(row);
    let done = merge(&plan.logs, &plan.request, stop, sink, take_bad, emit)?;
    let bad = bad.finish()?;
    writer.finish()?;
    Ok(Done { tallies: done.tallies, failures: done.failures, bad, ..Done::default() })
}
