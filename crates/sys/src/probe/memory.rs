//! Memory and huge pages.
//!
//! # Safety
//! Each map is anonymous, made, advised and removed in one function, and never read through.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::block::chosen;
use super::{Check, small_text};
use crate::Result;
use crate::buffer::HUGE_PAGE_BYTES;

/// Memory of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryFacts {
    /// All memory, bytes.
    pub total_bytes: Option<u64>,
    /// Memory available without swapping, bytes.
    pub available_bytes: Option<u64>,
    /// Reserved huge pages, used and free.
    pub huge_total: Option<u64>,
    /// Free ones among them.
    pub huge_free: Option<u64>,
    /// Bytes of a reserved huge page.
    pub huge_bytes: Option<u64>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub thp: Option<String>,
    /// Maps and advice that were tried: `MAP_HUGETLB`, `MADV_HUGEPAGE`, `MADV_POPULATE_READ`.
    pub checks: Vec<Check>,
}

/// Reads `/proc/meminfo` and tries maps with huge pages.
#[must_use]
pub fn probe() -> MemoryFacts {
    let info = small_text("/proc/meminfo").unwrap_or_default();
    let checks = vec![
        Check::new("MAP_HUGETLB", map_huge()),
        Check::new("MADV_HUGEPAGE", advise(Advice::LinuxHugepage)),
        Check::new("MADV_POPULATE_READ", advise(Advice::LinuxPopulateRead)),
    ];
    MemoryFacts {
        total_bytes: field(&info, "MemTotal"),
        available_bytes: field(&info, "MemAvailable"),
        huge_total: field(&info, "HugePages_Total"),
        huge_free: field(&info, "HugePages_Free"),
        huge_bytes: field(&info, "Hugepagesize"),
        thp: small_text("/sys/kernel/mm/transparent_hugepage/enabled").and_then(|s| chosen(&s)),
        checks,
    }
}

/// The value of a line such as `MemTotal:  123 kB`, in bytes, or `HugePages_Free: 4`, as it is.
fn field(info: &str, name: &str) -> Option<u64> {
    let line = info.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
    let mut words = line.split_whitespace();
    let value: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => value.checked_mul(1024),
        _ => Some(value),
    }
}

/// A map reserves its huge pages at once, so nothing needs to be touched.
fn map_huge() -> Result<()> {
    with_map(MapFlags::PRIVATE | MapFlags::HUGETLB, |_| Ok(()))
}

fn advise(advice: Advice) -> Result<()> {
    with_map(MapFlags::PRIVATE, |start| {
        // SAFETY: neither huge pages nor populating changes the bytes of the map.
        unsafe { madvise(start, HUGE_PAGE_BYTES, advice) }
    })
}

fn with_map(flags: MapFlags, f: impl FnOnce(*mut c_void) -> Result<()>) -> Result<()> {
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a null hint lets the kernel pick free addresses, so no memory of ours changes.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), HUGE_PAGE_BYTES, prot, flags) }?;
    let result = f(start);
    // SAFETY: mapped above with this length; `f` keeps nothing of it.
    unsafe { munmap(start, HUGE_PAGE_BYTES) }?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_meminfo_are_read_in_bytes() {
        let info = "MemTotal:       1024 kB\nHugePages_Free:        3\nHugePages_Freed: 9";
        assert_eq!(field(info, "MemTotal"), Some(1 << 20));
        assert_eq!(field(info, "HugePages_Free"), Some(3));
        assert_eq!(field(info, "MemAvailable"), None);
    }

    #[test]
    fn this_host_has_memory_and_reserves_no_huge_page_for_good() {
        let before = probe();
        assert!(before.total_bytes >= before.available_bytes && before.available_bytes.is_some());
        assert_eq!(probe().huge_free, before.huge_free);
    }
}
