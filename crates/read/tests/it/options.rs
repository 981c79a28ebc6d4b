//! What a caller may ask for beyond the defaults, and what is said of it.

use std::io::Write;
use std::ops::ControlFlow;

use cutwater::maps::MapAdvice;
use cutwater::{File, Order, ReadPath, RingOptions};

fn file(bytes: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
    let bytes: Vec<u8> = (0..bytes).map(|i| (i / 251 + i) as u8).collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file.as_file().sync_all().unwrap();
    (file, bytes)
}

fn whole(file: &File, len: usize) -> Vec<u8> {
    let ranges: Vec<_> = (0..len as u64).step_by(5000).map(|at| at..at + 5000).collect();
    let mut out = vec![0; len + 5000];
    file.read_ranges(&ranges, Order::Completion, |piece| {
        let at = piece.offset as usize;
        out[at..at + piece.bytes.len()].copy_from_slice(piece.bytes);
        ControlFlow::Continue(())
    })
    .unwrap();
    out.truncate(len);
    out
}

#[test]
fn rings_with_options_read_the_same_bytes_and_tell_what_they_got() {
    let (temp, bytes) = file(2 << 20);
    for path in [ReadPath::Uring, ReadPath::UringDirect] {
        for (options, feature) in [
            (RingOptions::default(), "IORING_SETUP_SINGLE_ISSUER"),
            (RingOptions::default().sqpoll(1, None), "IORING_SETUP_SQPOLL"),
            (RingOptions::default().sqpoll(1, Some(0)), "IORING_SETUP_SQPOLL"),
            // A CPU that is not there is refused, and the ring goes without the thread.
            (RingOptions::default().sqpoll(1, Some(100_000)), "IORING_SETUP_SQPOLL"),
            (RingOptions::default().iopoll(), "IORING_SETUP_IOPOLL"),
        ] {
            let file = match File::options().path(path).ring(options).open(temp.path()) {
                Ok(file) => file,
                Err(e) => {
                    println!("not tried, {path} is refused here: {e}");
                    continue;
                }
            };
            assert!(whole(&file, bytes.len()) == bytes, "{path} {options:?}");
            let ring = file.explain().ring.expect("a ring was used");
            let granted = ring.granted.contains(&feature);
            let refused = ring.refused.iter().find(|(name, _)| *name == feature);
            // Polling is not even asked of a ring that reads through the page cache.
            let asked = feature != "IORING_SETUP_IOPOLL" || path == ReadPath::UringDirect;
            assert_eq!(asked, granted || refused.is_some(), "{path} {options:?} {ring:?}");
            assert!(!(granted && refused.is_some()), "{path} {options:?} {ring:?}");
        }
    }
}

#[test]
fn every_map_advice_leaves_the_bytes_as_they_are() {
    let (temp, bytes) = file(100_000);
    for populate in [false, true] {
        let options = File::options().path(ReadPath::Mmap).populate_map(populate);
        let file = options.open(temp.path()).unwrap();
        for advice in [
            MapAdvice::Normal,
            MapAdvice::Sequential,
            MapAdvice::Random,
            MapAdvice::WillNeed,
            MapAdvice::PopulateRead,
            MapAdvice::HugePage,
            MapAdvice::Cold,
            MapAdvice::DontNeed,
        ] {
            for range in [0..0, 0..4096, 5000..70_000, 90_000..u64::MAX, 200_000..300_000] {
                if let Err(e) = file.advise_map(range.clone(), advice) {
                    assert!(e.is_unsupported(), "{advice:?} {range:?}: {e}");
                }
            }
            assert!(whole(&file, bytes.len()) == bytes, "{advice:?}");
        }
        file.close().unwrap();
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    File::open(empty.path()).unwrap().advise_map(0..0, MapAdvice::WillNeed).unwrap();
}

#[test]
fn a_read_that_must_not_wait_gives_what_is_resident_or_nothing() {
    let (temp, bytes) = file(1 << 20);
    let file = File::open(temp.path()).unwrap();
    let mut buf = vec![0; 4096];
    match file.read_at_nowait(&mut buf, 8192) {
        Ok(Some(n)) => assert!(n > 0 && buf[..n] == bytes[8192..8192 + n]),
        // Evicted between the write and now.
        Ok(None) => {}
        Err(e) => assert!(e.is_unsupported(), "{e}"),
    }
    assert_eq!(file.read_at_nowait(&mut [], 0).unwrap(), Some(0));
    let e = file.read_at_nowait(&mut buf, u64::MAX).unwrap_err();
    assert!(e.is_out_of_bounds(), "{e}");
}
