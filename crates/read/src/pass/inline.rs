//! One blocking read, carried to its end: short reads continued, `EINTR` and `EAGAIN` tried
//! again, what a path refuses read through the page cache.

use cutwater_meter::ReadCounters;
use cutwater_sys::Errno;

use super::{ATTEMPTS_MAX, Failed};
use crate::source::{How, Source};

/// Fills `buf` from `offset` as far as the file goes; returns the bytes read.
///
/// For [`How::Direct`], `offset`, the length and the address of `buf` must be aligned.
pub(crate) fn read_full<S: Source>(
    source: &S,
    how: How,
    buf: &mut [u8],
    offset: u64,
    counters: &ReadCounters,
) -> Result<usize, Failed> {
    let (mut how, mut done, mut attempts) = (how, 0, 0);
    while done < buf.len() {
        let at = offset + done as u64;
        counters.syscalls.add(u64::from(how != How::Map));
        match source.read(how, &mut buf[done..], at) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                attempts = 0;
                if done == buf.len() {
                    break;
                }
                counters.continued.add(1);
                // A direct read that stopped off the grid can only go on through the cache.
                if how == How::Direct && !is_aligned(source, done) {
                    how = How::Buffered;
                }
            }
            Err(errno) => {
                how = next_attempt(how, errno, &mut attempts, counters).ok_or(Failed {
                    errno,
                    offset: at,
                    len: (buf.len() - done) as u64,
                })?;
            }
        }
    }
    Ok(done)
}

/// How to try again after `errno`, or none when that is of no use.
fn next_attempt(
    how: How,
    errno: Errno,
    attempts: &mut u32,
    counters: &ReadCounters,
) -> Option<How> {
    *attempts += 1;
    if *attempts > ATTEMPTS_MAX {
        return None;
    }
    match errno {
        Errno::INTR => {
            counters.retried.add(1);
            Some(how)
        }
        Errno::AGAIN => {
            counters.retried.add(1);
            std::thread::yield_now();
            Some(how)
        }
        // The path, not the read, was refused: an alignment, a flag, a map without protection.
        Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NODEV if how != How::Buffered => {
            counters.fallbacks.add(1);
            Some(How::Buffered)
        }
        _ => None,
    }
}

fn is_aligned<S: Source>(source: &S, n: usize) -> bool {
    source.align().is_some_and(|align| (n as u64).is_multiple_of(align))
}
