//! What holds for every `Mapped`, with every option, with the handler for SIGBUS and without.

use std::fs::OpenOptions;
use std::io::IoSliceMut;

use cutwater_maps::{Mapped, MappedOptions};
use tempfile::TempPath;

/// Not a multiple of a page, and more than one window of 64 KiB.
pub(crate) const SIZE: usize = 200_001;

pub(crate) fn sample() -> (TempPath, Vec<u8>) {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let bytes: Vec<u8> = (0..SIZE).map(|i| (i / 253 + i) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

fn set_len(path: &TempPath, len: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}

pub(crate) fn conforms(options: &MappedOptions) {
    reads_are_the_files_bytes(options);
    values_are_copied_then_judged(options);
    what_is_cut_off_is_a_fault_until_it_is_accepted(options);
    a_cut_inside_a_page_hands_out_no_zeros(options);
    a_file_that_grows_is_read_to_its_new_end(options);
}

fn reads_are_the_files_bytes(options: &MappedOptions) {
    let (path, bytes) = sample();
    let mapped = options.open(&path).unwrap();
    assert_eq!(mapped.size().unwrap(), SIZE as u64);
    let mut buf = vec![0; SIZE + 10];
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(SIZE));
    assert!(buf[..SIZE] == bytes);
    for (offset, len) in [(1, 1), (4095, 2), (65_535, 2), (65_536, 70_000), (SIZE - 1, 1)] {
        assert_eq!(mapped.read_at(&mut buf[..len], offset as u64), Ok(len));
        assert!(buf[..len] == bytes[offset..offset + len]);
    }
    assert_eq!(mapped.read_at(&mut buf[..10], SIZE as u64 - 3), Ok(3));
    assert_eq!(mapped.read_at(&mut buf, SIZE as u64), Ok(0));
    assert_eq!(mapped.read_at(&mut buf, 1 << 40), Ok(0));
    assert_eq!(mapped.read_at(&mut [], 0), Ok(0));
    for offset in [u64::MAX, i64::MAX as u64] {
        assert!(mapped.read_at(&mut buf, offset).unwrap_err().is_out_of_bounds());
    }
    let (mut a, mut b, mut c) = ([0; 3], [0; 70_000], [0; 200_000]);
    let mut all = [&mut a[..], &mut b[..], &mut [], &mut c[..]].map(IoSliceMut::new);
    assert_eq!(mapped.read_vectored(&mut all, 7), Ok(SIZE - 7));
    assert!(a == bytes[7..10] && b == bytes[10..70_010]);
    assert!(c[..SIZE - 70_010] == bytes[70_010..]);
    mapped.close().unwrap();
}

fn values_are_copied_then_judged(options: &MappedOptions) {
    let (path, bytes) = sample();
    let mapped = options.open(&path).unwrap();
    let expected = u64::from_ne_bytes(bytes[65_533..65_541].try_into().unwrap());
    assert_eq!(mapped.read_value(65_533), Ok(expected));
    assert_eq!(mapped.read_value::<bool>(1), Ok(true));
    assert!(mapped.read_value::<bool>(2).unwrap_err().is_invalid());
    let past = mapped.read_value::<u64>(SIZE as u64 - 7).unwrap_err();
    assert!(past.is_past_end());
    assert_eq!(past.copied(), 7);
}

fn what_is_cut_off_is_a_fault_until_it_is_accepted(options: &MappedOptions) {
    let (path, bytes) = sample();
    let mapped = options.open(&path).unwrap();
    let mut buf = vec![0; SIZE];
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(SIZE));
    for len in [150_000, 100_000, 65_536, 65_535, 4096, 0] {
        set_len(&path, len as u64);
        let fault = mapped.read_at(&mut buf, 0).unwrap_err();
        assert!(fault.is_truncated(), "{fault}");
        assert_eq!(fault.copied(), len);
        assert!(buf[..len] == bytes[..len]);
        let mut parts = buf.chunks_mut(40_000).map(IoSliceMut::new).collect::<Vec<_>>();
        let fault = mapped.read_vectored(&mut parts, 0).unwrap_err();
        assert!(fault.is_truncated() && fault.copied() <= len, "{fault}");
        let again = mapped.read_at(&mut buf[..1], len as u64).unwrap_err();
        assert_eq!((again.copied(), again.is_truncated()), (0, true));
        if len > 0 {
            assert_eq!(mapped.read_at(&mut buf[..1], len as u64 - 1), Ok(1));
        }
    }
    assert_eq!(mapped.refresh().unwrap(), 0);
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(0));
}

fn a_cut_inside_a_page_hands_out_no_zeros(options: &MappedOptions) {
    let (path, _) = sample();
    let mapped = options.open(&path).unwrap();
    set_len(&path, 4096 + 100);
    let mut buf = [0; 50];
    let fault = mapped.read_at(&mut buf, 4096 + 70).unwrap_err();
    assert_eq!((fault.copied(), fault.is_truncated()), (30, true));
    let fault = mapped.read_at(&mut buf, 4096 + 2000).unwrap_err();
    assert_eq!((fault.copied(), fault.is_truncated()), (0, true));
}

fn a_file_that_grows_is_read_to_its_new_end(options: &MappedOptions) {
    let (path, bytes) = sample();
    let mapped = options.open(&path).unwrap();
    set_len(&path, SIZE as u64 + 300_000);
    let mut buf = vec![1; SIZE + 300_000];
    assert_eq!(mapped.read_at(&mut buf, 0), Ok(SIZE + 300_000));
    assert!(buf[..SIZE] == bytes && buf[SIZE..].iter().all(|&b| b == 0));
    set_len(&path, SIZE as u64);
    assert!(mapped.read_at(&mut buf, 0).unwrap_err().is_truncated());
}

pub(crate) fn every_way_to_map() -> Vec<MappedOptions> {
    vec![
        Mapped::options(),
        Mapped::options().populate(true),
        Mapped::options().budget(64 << 10),
        Mapped::options().budget(150_000).window(1),
        Mapped::options().budget(SIZE as u64 + 65_536).window(65_536),
    ]
}
