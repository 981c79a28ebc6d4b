//! Ranges, advice, and copies that end where the file does.

use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use super::*;
use crate::buffer::HUGE_PAGE_BYTES;

fn file(len: usize) -> (std::fs::File, Vec<u8>) {
    let bytes: Vec<u8> = (0..len).map(|i| (i / 251 + i) as u8).collect();
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    (file, bytes)
}

fn map(file: &std::fs::File, offset: u64, len: usize) -> Result<Map> {
    Map::new(file.as_fd(), offset, len, &MapOptions::default())
}

#[test]
fn bad_ranges_are_refused_before_the_kernel_is_asked() {
    let (file, _) = file(1);
    let errno = |offset, len| map(&file, offset, len).err();
    assert_eq!(errno(0, 0), Some(Errno::INVAL));
    assert_eq!(errno(1, 1), Some(Errno::INVAL));
    assert_eq!(errno(0, usize::MAX), Some(Errno::OVERFLOW));
    assert_eq!(errno(0, isize::MAX as usize), Some(Errno::OVERFLOW));
    assert_eq!(errno(i64::MAX as u64 - 4095, 4096), Some(Errno::OVERFLOW));
    assert_eq!(errno(u64::MAX - 4095, 4096), Some(Errno::OVERFLOW));
}

#[test]
fn a_part_of_a_huge_page_is_unmapped_with_the_rest_of_it() {
    use rustix::fs::MemfdFlags;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
    let file = match rustix::fs::memfd_create("huge", flags) {
        Ok(fd) => std::fs::File::from(fd),
        Err(e) => return cutwater_testing::skip!("no huge pages here: {e}"),
    };
    file.set_len(HUGE_PAGE_BYTES as u64).unwrap();
    let map = match map(&file, 0, 5000) {
        Ok(map) => map,
        Err(e) => return cutwater_testing::skip!("no huge page is free: {e}"),
    };
    let at = map.address(0).addr();
    assert!(map.unmap().is_ok());
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains(&format!("{at:x}-")), "still mapped at {at:x}");
}

#[test]
fn ranges_outside_the_map_are_refused() {
    let (file, _) = file(5000);
    let map = map(&file, 0, 5000).unwrap();
    assert_eq!(map.len(), 5000);
    assert_eq!(map.copy_to(4999, &mut [0; 2]), Err(CopyError::OutOfBounds));
    assert_eq!(map.copy_to(usize::MAX, &mut [0; 2]), Err(CopyError::OutOfBounds));
    assert_eq!(map.advise(0..5001, MapAdvice::Normal), Err(Errno::INVAL));
    assert_eq!(map.advise(7..7, MapAdvice::Normal), Err(Errno::INVAL));
}

#[test]
fn every_advice_is_taken_or_refused_by_name_and_the_map_still_unmaps() {
    let (file, _) = file(3 * 4096);
    let map = Map::new(file.as_fd(), 4096, 8192, &MapOptions { populate: true }).unwrap();
    let all = [
        MapAdvice::Normal,
        MapAdvice::Sequential,
        MapAdvice::Random,
        MapAdvice::WillNeed,
        MapAdvice::PopulateRead,
        MapAdvice::Cold,
    ];
    for advice in all {
        // A kernel before 5.14 does not know the newest.
        let result = map.advise(5..8192, advice);
        assert!(matches!(result, Ok(()) | Err(Errno::INVAL)), "{advice:?}: {result:?}");
    }
    // Only kernels with huge pages for maps know it.
    let huge = map.advise(0..8192, MapAdvice::HugePage);
    assert!(matches!(huge, Ok(()) | Err(Errno::INVAL)), "{huge:?}");
    assert!(map.unmap().is_ok());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn copies_end_exactly_where_the_file_does() {
    sigbus::install().unwrap();
    let (file, bytes) = file(5 * 4096);
    let map = map(&file, 4096, 4 * 4096).unwrap();
    let mut buf = vec![0; 4 * 4096];
    assert_eq!(map.copy_to(0, &mut buf), Ok(4 * 4096));
    assert!(buf == bytes[4096..]);
    let caught = sigbus::counters().caught;
    for pages in (0..4).rev() {
        file.set_len(4096 + pages * 4096).unwrap();
        let end = pages as usize * 4096;
        for start in [0, 1, 63, 64, 100, 2048, 4000, 4095].into_iter().filter(|&s| s < end) {
            let copied = end - start;
            for past in [1, 2, 15, 31, 40, 64, 100, 200, 300, 4096] {
                buf.fill(0);
                let got = map.copy_to(start, &mut buf[..copied + past.min(16384 - end)]);
                assert_eq!(got, Err(CopyError::Fault { copied }), "{pages} {start} {past}");
                assert!(buf[..copied] == bytes[4096 + start..][..copied]);
            }
        }
    }
    assert_eq!(map.copy_to(0, &mut buf), Err(CopyError::Fault { copied: 0 }));
    assert!(sigbus::counters().caught > caught);
}
