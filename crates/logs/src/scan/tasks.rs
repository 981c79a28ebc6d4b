//! Logs cut into the tasks of a pass.

use std::ops::Range;

use super::{Log, Request};
use crate::split::Task;

/// The tasks of a pass, in the order of the logs. With fewer bytes than pieces for all
/// threads, pieces are made smaller, but not smaller than a block.
pub(super) fn tasks(logs: &[Log], request: &Request) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        if log.input.plain().is_none() {
            tasks.push(Task { input: index, range: 0..u64::MAX });
            continue;
        }
        let whole = 0..log.input.size();
        let range = request.ranges.get(index).cloned().flatten().unwrap_or(whole);
        let share = (range.end - range.start) / (4 * request.threads as u64);
        let least = (request.limits.block_bytes as u64).min(request.limits.piece_bytes);
        let piece_bytes = request.limits.piece_bytes.min(share.max(least)).max(1);
        pieces(index, range, piece_bytes, &mut tasks);
    }
    tasks
}

/// The pieces of `range`.
fn pieces(log: usize, range: Range<u64>, piece_bytes: u64, tasks: &mut Vec<Task>) {
    let mut start = range.start;
    while start < range.end {
        let end = (start + piece_bytes).min(range.end);
        tasks.push(Task { input: log, range: start..end });
        start = end;
    }
}
