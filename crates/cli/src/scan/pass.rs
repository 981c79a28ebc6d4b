//! A pass over the logs, in the order in which they are read.

use std::ops::ControlFlow;

use cutwater_logs::scan::{Finished, Part, Sink, scan};
use cutwater_logs::split::Stop;
use cutwater_shell::Failure;

use super::bad::BadLines;
use super::done::Done;
use super::plan::Plan;

/// Takes the parts of a pass.
pub(super) trait Emit<O>: Send {
    /// Takes a part of log `log`. Break to end the pass.
    fn part(&mut self, log: usize, out: &mut O) -> ControlFlow<()>;

    /// Called after the last part.
    ///
    /// # Errors
    /// When the output could not be written.
    fn finish(&mut self) -> Result<(), Failure>;
}

/// Ignores the parts, for sinks that keep everything themselves.
pub(super) struct Ignore;

impl Emit<()> for Ignore {
    fn part(&mut self, _: usize, (): &mut ()) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Makes a pass, and keeps and writes its bad lines. Returns also the sinks, one for each thread.
pub(super) fn pass<S: Sink>(
    plan: &Plan,
    stop: &Stop,
    sink: impl FnMut() -> S,
    mut emit: impl Emit<S::Out>,
) -> Result<(Done, Vec<S>), Failure> {
    let mut bad = BadLines::new(plan)?;
    let each = |log: usize, part: &mut Part<S::Out>| {
        bad.add(plan, log, &mut part.bad_lines)?;
        emit.part(log, &mut part.out)
    };
    let Finished { sinks, tallies, failures } = scan(&plan.logs, &plan.request, stop, sink, each);
    let bad = bad.finish()?;
    emit.finish()?;
    Ok((Done { tallies, failures, bad, ..Done::default() }, sinks))
}
