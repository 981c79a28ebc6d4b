//! Counts the lines before each piece, for numbers of lines in a pass that takes pieces in any order.

use std::ops::ControlFlow;

use super::raw::{Counted, Counter};
use super::{Log, Pieces, Request};
use crate::Result;
use crate::split::{self, Stop, Task};

/// For each piece, the lines of its log before it, found by a pass of its own that only counts
/// lines. 0 for streams, whose lines are counted as they come.
///
/// # Errors
/// When a log cannot be read.
pub fn lines_before(logs: &[Log], request: &Request, pieces: &Pieces) -> Result<Vec<u64>> {
    let (tasks, at_piece) = tasks(logs, pieces);
    let mut before = vec![0; tasks.len()];
    let (mut at, mut counted) = (0, 0);
    let each = |_: usize, part: Counted| {
        if at == 0 || tasks[at - 1].input != tasks[at].input {
            counted = 0;
        }
        before[at] = counted;
        counted += part.lines;
        at += 1;
        ControlFlow::Continue(())
    };
    let inputs: Vec<_> = logs.iter().map(|log| log.input.clone()).collect();
    let workers = (0..request.threads).map(|_| Counter::default()).collect();
    let (_, mut failures) =
        split::run_workers(&inputs, &tasks, request.limits, &Stop::default(), workers, each);
    if let Some((_, error)) = failures.pop() {
        return Err(error);
    }
    Ok(at_piece.into_iter().map(|task| task.map_or(0, |task| before[task])).collect())
}

/// The ranges to count, and for each piece the index of its range; `None` for streams. The lines
/// before the first piece of a log are counted, too.
fn tasks(logs: &[Log], pieces: &Pieces) -> (Vec<Task>, Vec<Option<usize>>) {
    let mut tasks: Vec<Task> = Vec::new();
    let mut at_piece = Vec::with_capacity(pieces.tasks().len());
    for piece in pieces.tasks() {
        if logs.get(piece.input).is_none_or(|log| log.input.plain().is_none()) {
            at_piece.push(None);
            continue;
        }
        let is_first = tasks.last().is_none_or(|before| before.input != piece.input);
        if is_first && piece.range.start > 0 {
            tasks.push(Task { input: piece.input, range: 0..piece.range.start });
        }
        at_piece.push(Some(tasks.len()));
        tasks.push(piece.clone());
    }
    (tasks, at_piece)
}
