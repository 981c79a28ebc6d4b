//! How much memory of this process is in use: `/proc/self/smaps`, see `proc(5)`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;

/// Memory in use, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InUse {
    /// In memory now, on pages of any size.
    pub resident: u64,
    /// The part of it on transparent huge pages.
    pub huge_transparent: u64,
    /// The part of it on explicit huge pages.
    pub huge_explicit: u64,
}

/// Memory in use in `ranges` of addresses, which must be sorted and must not overlap. A mapping that
/// reaches past a range counts up to the length they share.
///
/// # Errors
/// Those of reading `/proc/self/smaps`: not found where `/proc` is not mounted.
pub fn in_use(ranges: &[Range<usize>]) -> io::Result<InUse> {
    sum(BufReader::new(File::open("/proc/self/smaps")?), ranges)
}

fn sum(smaps: impl BufRead, ranges: &[Range<usize>]) -> io::Result<InUse> {
    let mut total = InUse::default();
    let mut shared = 0;
    for line in smaps.lines() {
        let line = line?;
        if let Some(range) = header(&line) {
            shared = shared_bytes(&range, ranges);
            continue;
        }
        if shared == 0 {
            continue;
        }
        let Some((name, bytes)) = field(&line) else { continue };
        let bytes = bytes.min(shared);
        match name {
            "Rss" => total.resident += bytes,
            "AnonHugePages" => total.huge_transparent += bytes,
            // Rss does not include explicit huge pages.
            "Private_Hugetlb" => {
                total.huge_explicit += bytes;
                total.resident += bytes;
            }
            _ => {}
        }
    }
    Ok(total)
}

/// `7f00-7f10 rw-p ...`
fn header(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

/// `Rss:      12 kB`
fn field(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.split_once(':')?;
    let kib: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((name, kib.saturating_mul(1024)))
}

fn shared_bytes(mapping: &Range<usize>, ranges: &[Range<usize>]) -> u64 {
    let from = ranges.partition_point(|r| r.end <= mapping.start);
    let touching = ranges[from..].iter().take_while(|r| r.start < mapping.end);
    touching.map(|r| (r.end.min(mapping.end) - r.start.max(mapping.start)) as u64).sum()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    const SMAPS: &str = "\
1000-3000 rw-p 00000000 00:00 0 [anon:x]\nRss: 8 kB\nAnonHugePages: 0 kB\nVmFlags: rd wr\n\
400000-800000 rw-p 00000000 00:00 0\nRss: 4096 kB\nAnonHugePages: 2048 kB\n\
a00000-c00000 rw-p 00000000 00:0f 9 /anon_hugepage (deleted)\nRss: 0 kB\nPrivate_Hugetlb: 2048 kB\n";

    #[test]
    fn only_the_asked_ranges_count() {
        let all = sum(SMAPS.as_bytes(), &[0x40_0000..0x80_0000, 0xa0_0000..0xc0_0000]).unwrap();
        assert_eq!(
            all,
            InUse { resident: 6 << 20, huge_transparent: 2 << 20, huge_explicit: 2 << 20 }
        );
        assert_eq!(
            sum(SMAPS.as_bytes(), slice::from_ref(&(0x3000..0x4000))).unwrap(),
            InUse::default()
        );
        let part = sum(SMAPS.as_bytes(), slice::from_ref(&(0x2000..0x3000))).unwrap();
        assert_eq!(part.resident, 4096);
    }

    #[test]
    fn a_stack_that_was_touched_is_resident() {
        let here = [1u8; 8192];
        let at = here.as_ptr().addr();
        let Ok(found) = in_use(slice::from_ref(&(at..at + here.len()))) else {
            cutwater_testing::skip!("/proc is not readable");
            return;
        };
        assert!(found.resident > 0);
    }
}
