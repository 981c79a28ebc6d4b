//! What goes wrong is said: what, where, the likely cause, the next step.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::checks::{bytes, file_in, open_by_every_path};
use cutwater::{Error, File, Order, ReadPath};

/// `open` fails by every path, with `text` in the words and the name of the file.
fn check_open(path: &Path, text: &str, is: fn(&Error) -> bool) {
    for by in ReadPath::ALL {
        let e = File::options().path(by).open(path).unwrap_err();
        let said = e.to_string();
        let begin = format!("cannot open {}: ", path.display());
        assert!(said.starts_with(&begin) && said.contains(text), "{by}: {said}");
        assert!(is(&e), "{by}: {e:?}");
        assert_eq!(e.path(), Some(path));
        assert_eq!(e.offset(), None);
    }
}

#[test]
fn a_missing_file_is_named_and_so_is_the_likely_cause() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    check_open(&missing, "likely cause: a misspelt name; see: ls", Error::is_not_found);
    let e = File::open(&missing).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(2));
    assert!(std::error::Error::source(&e).is_some());
    assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_link_without_a_target_is_not_told_as_a_misspelt_name() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("gone.log", &link).unwrap();
    check_open(&link, "a symbolic link to gone.log: the link is there", Error::is_not_found);
    let said = File::open(&link).unwrap_err().to_string();
    assert!(!said.contains("misspelt"), "{said}");
}

#[test]
fn what_has_no_bytes_at_offsets_is_said_by_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let says = |path: &Path, kind: &str| {
        let text = format!("it is {kind}, which has no bytes at offsets");
        check_open(path, &text, Error::is_not_a_file);
    };
    says(dir.path(), "a directory");
    let fifo = dir.path().join("fifo");
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    says(&fifo, "a FIFO or pipe");
    let socket = dir.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    says(&socket, "a socket");
    says(Path::new("/dev/null"), "a terminal or another character device");
    if Path::new("/dev/ptmx").exists() {
        says(Path::new("/dev/ptmx"), "a terminal or another character device");
    }
}

#[test]
fn a_descriptor_that_cannot_be_read_at_offsets_is_refused_at_once() {
    let (pipe, _writer) = std::io::pipe().unwrap();
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    for (fd, kind) in [(OwnedFd::from(pipe), "a FIFO or pipe"), (socket.into(), "a socket")] {
        let e = File::options().from_fd(fd).unwrap_err();
        assert!(e.is_not_a_file() && e.path().is_none(), "{e:?}");
        assert!(e.to_string().starts_with(&format!("cannot open the file: it is {kind}")), "{e}");
    }
    let f = file_in(&std::env::temp_dir(), b"abc");
    let write_only = std::fs::OpenOptions::new().write(true).open(f.path()).unwrap();
    let e = File::options().from_fd(write_only.into()).unwrap_err();
    assert!(e.to_string().contains("was not opened for reading; open it with O_RDONLY"), "{e}");
    assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::InvalidInput);
    let both = std::fs::OpenOptions::new().read(true).write(true).open(f.path()).unwrap();
    let file = File::options().from_fd(both.into()).unwrap();
    assert_eq!(file.read_at(&mut [0; 9], 0).unwrap(), 3);
}

#[test]
fn an_open_file_is_taken_over() {
    let f = file_in(&std::env::temp_dir(), b"abc");
    let file = File::try_from(std::fs::File::open(f.path()).unwrap()).unwrap();
    assert_eq!(file.read_at(&mut [0; 9], 0).unwrap(), 3);
    let (pipe, _writer) = std::io::pipe().unwrap();
    assert!(File::try_from(OwnedFd::from(pipe)).unwrap_err().is_not_a_file());
}

/// Runs `f` on a thread that is not root.
fn unprivileged(f: impl FnOnce() + Send) {
    std::thread::scope(|s| {
        let done = s.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = Some(rustix::process::Uid::from_raw(65_534));
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            f();
        });
        done.join().unwrap();
    });
}

#[test]
fn a_file_that_may_not_be_read_says_how_to_see_why() {
    let f = file_in(&std::env::temp_dir(), b"secret");
    std::fs::set_permissions(f.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let path = f.path();
    unprivileged(|| {
        let text = "is not readable for you; see: namei -l";
        check_open(path, text, Error::is_permission_denied);
    });
}

#[test]
fn names_that_are_not_utf8_open_and_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(OsStr::from_bytes(b"caf\xe9"));
    check_open(&path, "misspelt", Error::is_not_found);
    std::fs::write(&path, b"bytes").unwrap();
    for (name, file) in open_by_every_path(&path) {
        let mut buf = [0; 5];
        file.read_exact_at(&mut buf, 0).unwrap();
        assert_eq!(&buf, b"bytes", "{name}");
        let e = file.read_exact_at(&mut buf, 3).unwrap_err();
        assert!(e.is_past_end() && e.path() == Some(&*path), "{name}: {e:?}");
        let said = format!("cannot read 5 bytes at offset 3 of {}: it ends at 5", path.display());
        assert!(e.to_string().starts_with(&said), "{name}: {e}");
    }
}

#[test]
fn offsets_that_no_file_has_are_refused_and_those_it_may_have_are_past_the_end() {
    let f = file_in(&std::env::temp_dir(), &bytes(10_000));
    let last = i64::MAX as u64;
    for (name, file) in open_by_every_path(f.path()) {
        for (offset, len) in [(last, 1), (last - 9, 10), (1 << 63, 1), (u64::MAX, 1), (u64::MAX, 0)]
        {
            let e = match file.read_at(&mut vec![0; len], offset) {
                Ok(n) => {
                    assert!(n == 0 && offset + len as u64 <= last, "{name}: {offset}");
                    continue;
                }
                Err(e) => e,
            };
            assert!(offset.checked_add(len as u64).is_none_or(|end| end > last), "{name}: {e}");
            assert!(e.is_out_of_bounds() && e.offset() == Some(offset), "{name}: {e:?}");
            let said = format!("no file reaches past offset {last}");
            assert!(e.to_string().contains(&said), "{name}: {e}");
            let ranges = [0..10, offset..offset.saturating_add(len as u64)];
            let mut called = false;
            let ranged = file.read_ranges(&ranges, Order::Completion, |_| {
                called = true;
                ControlFlow::Continue(())
            });
            assert!(ranged.unwrap_err().is_out_of_bounds() && !called, "{name}: before any read");
            let e = file.copy_to(offset.saturating_sub(1)..offset, tempfile::tempfile().unwrap());
            assert!(e.is_ok_and(|c| c.bytes == 0) || offset > last, "{name}: {offset}");
        }
        assert_eq!(file.read_at(&mut [0; 10], 10_000).unwrap(), 0);
        assert_eq!(file.read_at(&mut [], last).unwrap(), 0);
        let e = file.read_exact_at(&mut [0; 10], 20_000).unwrap_err();
        assert!(e.is_past_end() && !e.is_truncated(), "{name}: {e:?}");
    }
    let file = File::open(f.path()).unwrap();
    let e = file.copy_to(u64::MAX - 1..u64::MAX, tempfile::tempfile().unwrap()).unwrap_err();
    assert!(e.is_out_of_bounds() && e.to_string().contains("cannot copy"), "{e}");
}

#[test]
fn files_of_proc_and_sys_give_their_bytes_whatever_size_they_claim() {
    let files = [
        "/proc/version",
        "/proc/filesystems",
        "/proc/iomem",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ];
    for path in files.map(Path::new) {
        let Ok(want) = std::fs::read(path) else {
            cutwater_testing::skip!("{}", path.display());
            continue;
        };
        for (name, file) in open_by_every_path(path) {
            let name = format!("{name} of {}", path.display());
            let mut got = vec![0; want.len() + 100];
            let n = file.read_at(&mut got, 0).unwrap();
            assert!(got[..n] == want, "{name}: read_at gave {n} bytes");
            let ranges = [0..100, 0..want.len() as u64 + 100];
            let got = file.read_ranges_to_vecs(&ranges).unwrap();
            assert!(got[0] == want[..want.len().min(100)] && got[1] == want, "{name}: ranges");
            let mut got = Vec::new();
            file.for_each_chunk(0..u64::MAX, 1000, |_, chunk| {
                got.extend_from_slice(chunk);
                ControlFlow::Continue(())
            })
            .unwrap();
            assert!(got == want, "{name}: for_each_chunk gave {}", got.len());
            let mut chunks = file.chunks(0..1 << 30, 1000).unwrap();
            let mut got = Vec::new();
            while let Some((_, chunk)) = chunks.next().unwrap() {
                got.extend_from_slice(chunk);
            }
            assert!(got == want, "{name}: chunks");
            let mut to = tempfile::NamedTempFile::new().unwrap();
            file.copy_to(0..1 << 30, to.as_file_mut()).unwrap();
            assert!(std::fs::read(to.path()).unwrap() == want, "{name}: copy_to");
        }
    }
}

#[test]
fn where_there_is_no_direct_read_the_named_path_says_so_and_the_chooser_goes_on() {
    let path = Path::new("/proc/version");
    let e = File::options().path(ReadPath::UringDirect).open(path).unwrap_err();
    assert!(e.is_unsupported(), "{e:?}");
    let said = e.to_string();
    assert!(said.starts_with("cannot open /proc/version with O_DIRECT: "), "{said}");
    assert!(
        said.contains("likely cause: this file system has no direct I/O; use another path"),
        "{said}"
    );
    assert!(File::open(path).unwrap().read_at(&mut [0; 9], 0).unwrap() == 9);
}

#[test]
fn empty_and_sparse_files_are_read_by_every_path() {
    let empty = file_in(&std::env::temp_dir(), b"");
    for (name, file) in open_by_every_path(empty.path()) {
        assert_eq!(file.read_at(&mut [0; 10], 0).unwrap(), 0, "{name}");
        assert_eq!(file.read_ranges_to_vecs(&[0..10, 5..9]).unwrap(), [b"", b""], "{name}");
        assert!(file.chunks(0..99, 10).unwrap().next().unwrap().is_none(), "{name}");
        assert!(file.par_shards(4, cutwater::Cut::Page).unwrap().is_empty(), "{name}");
        assert_eq!(file.copy_to(0..9, tempfile::tempfile().unwrap()).unwrap().bytes, 0, "{name}");
    }
    let sparse = file_in(&std::env::temp_dir(), b"");
    use std::os::unix::fs::FileExt;
    sparse.as_file().set_len(1 << 40).unwrap();
    sparse.as_file().write_all_at(b"here", 1 << 39).unwrap();
    for (name, file) in open_by_every_path(sparse.path()) {
        let got = file.read_ranges_to_vecs(&[
            0..8192,
            (1 << 39) - 1..(1 << 39) + 5,
            (1 << 40) - 3..(1 << 40) + 3,
        ]);
        let got = got.unwrap();
        assert!(got[0] == [0; 8192] && got[1] == *b"\0here\0" && got[2] == [0; 3], "{name}");
    }
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_gives_no_wrong_byte() {
    use std::os::unix::fs::FileExt;
    let bytes = bytes(5_000_000);
    let f = file_in(&std::env::temp_dir(), &bytes);
    let files = open_by_every_path(f.path());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let kept = 1_000_001;
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                f.as_file().set_len(kept).unwrap();
                // One call, so that what is there between is bytes or a hole, which is zeros.
                f.as_file().write_all_at(&bytes[kept as usize..], kept).unwrap();
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for (name, file) in &files {
                read_while_it_changes(name, file, &bytes, kept);
            }
        }));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
    for (name, file) in &files {
        f.as_file().set_len(kept).unwrap();
        let e = file.read_exact_at(&mut [0; 10], kept - 5).unwrap_err();
        assert!(e.is_truncated() && !e.is_past_end(), "{name}: {e:?}");
        assert!(
            e.to_string().contains("it was truncated to 1000001 bytes meanwhile"),
            "{name}: {e}"
        );
    }
}

fn read_while_it_changes(name: &str, file: &File, bytes: &[u8], kept: u64) {
    let ranges: Vec<_> =
        (0..100u64).map(|i| (i * 104_729) % 5_000_000).map(|s| s..s + 70_000).collect();
    let mut lens = vec![0; ranges.len()];
    let done = file.read_ranges(&ranges, Order::Completion, |piece| {
        for (at, &byte) in (piece.offset..).zip(piece.bytes) {
            // Past what is kept a byte may not have been written yet.
            let right = byte == bytes[at as usize] || (at >= kept && byte == 0);
            assert!(right, "{name}: byte {at}");
        }
        lens[piece.index] += piece.bytes.len() as u64;
        ControlFlow::Continue(())
    });
    assert_eq!(done.unwrap().ranges, 100, "{name}");
    for (range, len) in ranges.iter().zip(lens) {
        assert!(len >= range.end.min(kept).saturating_sub(range.start), "{name}: {range:?}");
    }
}

#[test]
fn a_clone_reads_on_after_another_was_closed() {
    let f = file_in(&std::env::temp_dir(), b"still here");
    for (name, file) in open_by_every_path(f.path()) {
        let clone = file.clone();
        file.close().unwrap();
        let mut buf = [0; 10];
        clone.read_exact_at(&mut buf, 0).unwrap();
        assert_eq!(&buf, b"still here", "{name}");
        clone.close().unwrap();
    }
}
