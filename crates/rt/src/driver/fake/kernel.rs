//! What a simulated kernel does with one operation: all of it, a part of it, or nothing but an error.

use cutwater_sys::ring::{Op, Outcome};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::dice::Dice;
use crate::driver::perform::{perform, perform_now};
use crate::driver::sockets::is_on_stream;

/// A length at which every device can stop.
const DIRECT_GRID: u32 = 4096;

/// One operation in this many fails, where operations fail.
const FAILS: u64 = 64;

/// Carries out `op`, or returns it if it would wait for a peer. With `fails`, it may also end with
/// an error that a retry does not fix.
pub(super) fn carry_out(op: Op, fails: bool, dice: &mut Dice) -> Result<Outcome, Op> {
    if fails
        && dice.one_in(FAILS)
        && let Some(errno) = failure(&op)
    {
        return Ok(Outcome::plain(op, Err(errno)));
    }
    match dice.below(16) {
        // The real kernel never gives these for a poll, and multishot operations do not come here.
        0 if !matches!(op, Op::Poll { .. }) => Ok(Outcome::plain(op, Err(Errno::INTR))),
        1 if !matches!(op, Op::Poll { .. }) => Ok(Outcome::plain(op, Err(Errno::AGAIN))),
        2..=4 => cut(op, dice),
        _ => whole(op),
    }
}

/// An error that the operation may have on a healthy kernel.
fn failure(op: &Op) -> Option<Errno> {
    Some(match op {
        Op::Read { .. } | Op::Sync { .. } => Errno::IO,
        Op::Write { .. } | Op::WriteSynced { .. } | Op::Allocate { .. } | Op::Mkdir { .. } => {
            Errno::NOSPC
        }
        Op::Open { .. } | Op::Accept { .. } => Errno::MFILE,
        Op::Recv { .. } | Op::Send { .. } | Op::SendZeroCopy { .. } | Op::SendVectored { .. } => {
            Errno::CONNRESET
        }
        Op::SendTo { .. } | Op::SendSegments { .. } => Errno::NOBUFS,
        Op::Rename { .. } | Op::Unlink { .. } => Errno::IO,
        _ => return None,
    })
}

fn whole(op: Op) -> Result<Outcome, Op> {
    // The peer may run on this thread, so the thread must not wait for it.
    if is_on_stream(&op) { perform_now(op) } else { Ok(perform(op)) }
}

/// Carries out a part of a transfer.
fn cut(mut op: Op, dice: &mut Dice) -> Result<Outcome, Op> {
    if is_direct(&op) {
        return Ok(cut_direct(op, dice));
    }
    let mut part = |at: usize, end: usize| {
        let len = end.saturating_sub(at) as u64;
        at + if len > 1 { 1 + dice.below(len - 1) as usize } else { len as usize }
    };
    if let Op::Send { at, to, .. } | Op::SendZeroCopy { at, to, .. } = &mut op {
        let end = *to;
        *to = part(*at, end);
        let mut done = whole(op);
        let op = done.as_mut().map_or_else(|op| op, |outcome| &mut outcome.op);
        if let Op::Send { to, .. } | Op::SendZeroCopy { to, .. } = op {
            *to = end;
        }
        return done;
    }
    let (Op::Read { buf, at, .. } | Op::Write { buf, at, .. } | Op::Recv { buf, at, .. }) = &mut op
    else {
        return whole(op);
    };
    let mut all = std::mem::take(buf);
    let end = part(*at, all.len()).min(all.len());
    *buf = all[..end].to_vec();
    let mut done = whole(op);
    let op = done.as_mut().map_or_else(|op| op, |outcome| &mut outcome.op);
    if let Op::Read { buf, .. } | Op::Write { buf, .. } | Op::Recv { buf, .. } = op {
        all[..buf.len()].copy_from_slice(buf);
        *buf = all;
    }
    done
}

/// A direct read goes to its own memory, and may stop only on the grid of any device.
fn cut_direct(op: Op, dice: &mut Dice) -> Outcome {
    let mut outcome = perform(op);
    if let (Op::Read { .. }, Ok(n)) = (&outcome.op, outcome.result)
        && n > DIRECT_GRID
    {
        let pieces = u64::from(n / DIRECT_GRID);
        outcome.result = Ok(DIRECT_GRID * (1 + dice.below(pieces) as u32));
    }
    outcome
}

fn is_direct(op: &Op) -> bool {
    let (Op::Read { file, .. } | Op::Write { file, .. }) = op else { return false };
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::DIRECT))
}
