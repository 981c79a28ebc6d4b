//! Measures this host once: the cost of copying resident bytes, timed in a few milliseconds, and the
//! memory that the page cache could take.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::time::Instant;

use cutwater_sys::buffer::Buffer;
use cutwater_sys::map::{Map, MapOptions};
use cutwater_sys::{Errno, memfd, pio};

use crate::choose::facts::Costs;

/// Bytes of the file that is timed: the longest block, at two places.
const FILE_BYTES: usize = 2 * Costs::BLOCKS[Costs::BLOCKS.len() - 1];

/// Times that each way is timed, in turns; the middle one counts.
const ROUNDS: usize = 9;

/// Bytes copied between two looks at the clock, so that a look costs nothing compared with them.
const ROUND_BYTES: usize = 128 << 10;

/// Memory that the page cache could take, bytes: what is available when first asked.
pub(crate) fn memory_bytes() -> u64 {
    static MEMORY: OnceLock<u64> = OnceLock::new();
    *MEMORY.get_or_init(|| available().unwrap_or_else(total))
}

/// `MemAvailable` of `/proc/meminfo`.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn total() -> u64 {
    let info = rustix::system::sysinfo();
    (info.totalram as u64).saturating_mul(u64::from(info.mem_unit))
}

/// The costs that choices between the map and a call rest on. The first call times them, about
/// 5 ms, on a `memfd_create(2)` file that is all resident; where that fails they are assumed.
///
/// To be asked only once maps are protected: an unprotected map copies nothing.
pub(crate) fn costs() -> Costs {
    static COSTS: OnceLock<Costs> = OnceLock::new();
    *COSTS.get_or_init(|| timed().unwrap_or(Costs::ASSUMED))
}

fn timed() -> Result<Costs, Errno> {
    let file = File::from(memfd::create("cutwater-calibration")?);
    let mut buffer = Buffer::new(FILE_BYTES)?;
    // Written and not only made longer, as what was never written has no pages.
    buffer.as_mut_slice().fill(0x5a);
    memfd::write_all_at(file.as_fd(), buffer.as_slice(), 0)?;
    let map = Map::new(file.as_fd(), 0, FILE_BYTES, &MapOptions { populate: true })?;
    let mut costs = Costs::ASSUMED;
    for (i, block) in Costs::BLOCKS.into_iter().enumerate() {
        let buf = &mut buffer.as_mut_slice()[..block];
        let (mut by_call, mut by_map) = ([0; ROUNDS], [0; ROUNDS]);
        for round in 0..ROUNDS {
            by_call[round] = timed_round(buf, |buf, at| by_pread(file.as_fd(), buf, at))?;
            by_map[round] = timed_round(buf, |buf, at| {
                map.copy_to(at, buf).map(drop).map_err(|_| Errno::OPNOTSUPP)
            })?;
        }
        (costs.pread_ns[i], costs.map_ns[i]) = (median(by_call), median(by_map));
    }
    Ok(costs)
}

fn by_pread(fd: BorrowedFd<'_>, buf: &mut [u8], at: usize) -> Result<(), Errno> {
    let n = pio::read(fd, buf, at as u64)?;
    if n == buf.len() { Ok(()) } else { Err(Errno::IO) }
}

/// Nanoseconds for one block, over a round of several at places in turn.
fn timed_round(
    buf: &mut [u8],
    mut copy: impl FnMut(&mut [u8], usize) -> Result<(), Errno>,
) -> Result<u64, Errno> {
    let count = (ROUND_BYTES / buf.len()).max(1);
    let started = Instant::now();
    for i in 0..count {
        let at = (i * buf.len()) % (FILE_BYTES - buf.len());
        copy(buf, at)?;
    }
    Ok(started.elapsed().as_nanos() as u64 / count as u64)
}

fn median(mut values: [u64; ROUNDS]) -> u64 {
    values.sort_unstable();
    values[ROUNDS / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unprotected_map_is_not_timed_as_if_it_were_fast() {
        // Without the handler, and where there is none, copies from maps are refused.
        if !cutwater_sys::sigbus::was_installed() {
            assert_eq!(timed(), Err(Errno::OPNOTSUPP));
        }
        if cutwater_sys::sigbus::install().is_ok() {
            let costs = timed().unwrap();
            assert!(costs.pread_ns.iter().chain(&costs.map_ns).all(|&ns| ns > 0), "{costs:?}");
            // A megabyte takes longer than a page, whatever the machine does meanwhile.
            assert!(costs.pread_ns[2] > costs.pread_ns[0] && costs.map_ns[2] > costs.map_ns[0]);
        }
    }

    #[test]
    fn some_memory_is_there() {
        assert!(memory_bytes() > 0 && total() > 0);
    }
}
