//! One blocking read, carried to its end: short reads continued, `EINTR` and `EAGAIN` tried
//! again, what a path refuses read through the page cache.

use cutwater_meter::ReadCounters;
use cutwater_sys::Errno;

use super::{ATTEMPTS_MAX, Failed};
use crate::pass::lane::Lane;
use crate::pass::source::Source;

/// Fills `buf` from `offset` as far as the file goes; returns the bytes read.
///
/// For [`Lane::DirectRead`], `offset`, the length and the address of `buf` must be aligned.
pub(crate) fn read_full<S: Source>(
    source: &S,
    lane: Lane,
    buf: &mut [u8],
    offset: u64,
    counters: &ReadCounters,
) -> Result<usize, Failed> {
    let (mut lane, mut done, mut attempts) = (lane, 0, 0);
    while done < buf.len() {
        let at = offset + done as u64;
        counters.syscalls.add(u64::from(lane != Lane::Map));
        match source.read(lane, &mut buf[done..], at) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                attempts = 0;
                if done == buf.len() {
                    break;
                }
                counters.continued.add(1);
                // A direct read that stopped off the grid can only go on through the cache.
                if lane == Lane::DirectRead && !is_aligned(source, done) {
                    lane = Lane::Read;
                }
            }
            Err(errno) => {
                lane = next_attempt(lane, errno, &mut attempts, counters).ok_or(Failed {
                    errno,
                    offset: at,
                    len: (buf.len() - done) as u64,
                })?;
            }
        }
    }
    Ok(done)
}

/// The lane to try again in after `errno`; `None` if another try is useless.
fn next_attempt(
    lane: Lane,
    errno: Errno,
    attempts: &mut u32,
    counters: &ReadCounters,
) -> Option<Lane> {
    *attempts += 1;
    if *attempts > ATTEMPTS_MAX {
        return None;
    }
    match errno {
        Errno::INTR => {
            counters.retried.add(1);
            Some(lane)
        }
        Errno::AGAIN => {
            counters.retried.add(1);
            std::thread::yield_now();
            Some(lane)
        }
        // The path, not the read, was refused: an alignment, a flag, a map without protection.
        Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NODEV if !lane.is_plain() => {
            counters.fallbacks.add(1);
            Some(Lane::Read)
        }
        _ => None,
    }
}

fn is_aligned<S: Source>(source: &S, n: usize) -> bool {
    source.align().is_some_and(|align| (n as u64).is_multiple_of(align))
}
