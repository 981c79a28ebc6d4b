//! The kernel's sums, compared with the operations that were done.

use super::*;
use cutwater_sys::anon_map::{AnonMap, Pages};
use cutwater_sys::buffer::PAGE_BYTES;

/// Traces this process, or prints why it cannot.
fn open_or_skip() -> Option<Tracer> {
    match Tracer::open(std::process::id(), Start::Now) {
        Ok(tracer) => Some(tracer),
        Err(e) => {
            assert!(e.is_refused() || e.is_unsupported(), "{e}");
            cutwater_testing::skip!("{e}");
            None
        }
    }
}

fn sum(rows: &[Row], of: impl Fn(&Row) -> bool) -> (u64, u64) {
    let rows = rows.iter().filter(|row| of(row));
    rows.fold((0, 0), |(n, bytes), row| (n + row.count, bytes + row.bytes))
}

#[test]
fn each_page_that_is_touched_first_is_a_fault_with_a_time() {
    const PAGES: usize = 1_000;
    let Some(mut tracer) = open_or_skip() else { return };
    let mut map = AnonMap::new(PAGES * PAGE_BYTES, Pages::Small).unwrap();
    map.as_mut_slice().iter_mut().step_by(PAGE_BYTES).for_each(|b| *b = 1);
    tracer.stop();
    let rows = tracer.rows();
    let anonymous = |row: &Row| row.kind == Operation::Minor && row.file == FileId::Anonymous;
    assert!(sum(&rows, anonymous).0 >= PAGES as u64, "{rows:?}");
    for row in &rows {
        assert_eq!(row.times.iter().map(|(_, n)| n).sum::<u64>(), row.count, "{row:?}");
    }
}

#[test]
fn reads_of_a_file_are_counted_exactly_and_those_of_others_are_not() {
    use std::os::unix::fs::MetadataExt;
    const READS: u64 = 777;
    let Some(mut tracer) = open_or_skip() else { return };
    let file = tempfile::tempfile().unwrap();
    rustix::io::pwrite(&file, &[7; 4096], 0).unwrap();
    for _ in 0..READS {
        assert_eq!(rustix::io::pread(&file, &mut [0u8; 4096], 0).unwrap(), 4096);
    }
    let mut part = [0u8; 4096];
    let mut parts = [std::io::IoSliceMut::new(&mut part)];
    rustix::io::preadv(&file, &mut parts, 0).unwrap();
    tracer.stop();
    rustix::io::pread(&file, &mut [0u8; 4096], 0).unwrap();
    let meta = file.metadata().unwrap();
    let id = FileId::Inode(meta.dev(), meta.ino());
    let rows = tracer.rows();
    let of_file = sum(&rows, |row| row.kind == Operation::Read && row.file == id);
    let expected = READS + 1;
    assert_eq!(of_file, (expected, expected * 4096), "{rows:?}");
}

/// Whether a thread of ours waits.
fn waits(tid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().starts_with('S')
}

#[test]
fn the_wait_of_a_read_is_measured_and_has_the_stack_that_it_is_in() {
    const WAIT: std::time::Duration = std::time::Duration::from_millis(30);
    let Some(mut tracer) = open_or_skip() else { return };
    if let Some(e) = tracer.no_frames() {
        return cutwater_testing::skip!("{e}");
    }
    let (from, to) = rustix::pipe::pipe().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        sender.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        rustix::io::read(&from, &mut [0u8; 1]).unwrap()
    });
    let tid = receiver.recv().unwrap();
    while !waits(tid) {
        std::thread::yield_now();
    }
    std::thread::sleep(WAIT);
    rustix::io::write(&to, &[1]).unwrap();
    assert_eq!(reader.join().unwrap(), 1);
    tracer.stop();
    let wait_ns = WAIT.as_nanos() as u64;
    let seen = tracer.tail_stacks();
    let waited = |s: &&TailStack| {
        s.kind == Operation::Read && s.off_ns >= wait_ns && s.from_ns >= wait_ns / 2
    };
    let waited = seen.iter().find(waited).unwrap_or_else(|| panic!("{seen:?}"));
    assert!(tracer.chains()[&waited.stack.unwrap()].len() > 3, "{seen:?}");
    assert_eq!(tracer.dropped(), 0);
}

#[test]
fn each_operation_is_in_a_span_with_or_without_stacks() {
    let Some(mut tracer) = open_or_skip() else { return };
    let file = tempfile::tempfile().unwrap();
    for _ in 0..100 {
        rustix::io::pread(&file, &mut [0u8; 8], 0).unwrap();
    }
    tracer.stop();
    // Programs may still be running on another CPU, for another test's thread.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let (rows, spans) = (tracer.rows(), tracer.spans());
    for kind in Operation::ALL {
        let of_kind = spans.iter().filter(|span| span.kind == kind);
        let counted = sum(&rows, |row| row.kind == kind).0;
        assert_eq!(of_kind.map(|span| span.count).sum::<u64>(), counted, "{kind:?}");
    }
    assert!(spans.iter().all(|span| span.total_ns >= span.count * span.from_ns), "{spans:?}");
    assert!(sum(&rows, |row| row.kind == Operation::Read).0 >= 100);
}

#[test]
fn the_number_of_a_process_that_has_ended_is_not_followed_when_another_has_it() {
    const TRIES: usize = 200;
    const LAST: &str = "/proc/sys/kernel/ns_last_pid";
    let sleep = || std::process::Command::new("sleep").arg("60").spawn();
    let Ok(mut child) = sleep() else { return };
    let tracer = Tracer::open(child.id(), Start::Now);
    child.kill().unwrap();
    child.wait().unwrap();
    let Ok(tracer) = tracer else { return cutwater_testing::skip!("{}", tracer.unwrap_err()) };
    // Others may take the number before we do.
    let is_taken = (0..TRIES).find_map(|_| {
        fs::write(LAST, (child.id() - 1).to_string()).ok()?;
        let mut next = std::process::Command::new("true").spawn().ok()?;
        next.wait().ok()?;
        (next.id() == child.id()).then_some(())
    });
    if is_taken.is_none() {
        return cutwater_testing::skip!("the kernel does not reuse the number");
    }
    assert!(tracer.processes().is_empty(), "{:?}", tracer.processes());
}

#[test]
fn a_process_that_is_not_followed_is_not_counted() {
    let Ok(mut child) = std::process::Command::new("sleep").arg("60").spawn() else { return };
    let tracer = Tracer::open(child.id(), Start::OnExec);
    let _ = fs::read("/proc/self/maps").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    match tracer {
        // It never runs another program, and this is not that process.
        Ok(tracer) => {
            assert_eq!((tracer.rows(), tracer.processes()), (vec![], vec![child.id()]))
        }
        Err(e) => cutwater_testing::skip!("{e}"),
    }
}

#[test]
fn cpus_that_cannot_be_counted_are_none_and_not_one() {
    let counts = ["0\n", "0-3\n", "0,2-5", "", "no list"].map(cpus_in);
    assert_eq!(counts, [Some(1), Some(4), Some(6), None, None]);
}

#[test]
fn the_last_words_of_a_log_are_one_line() {
    assert_eq!(last_words(b"0: r1\n1: bad\n\0\0\0"), "0: r1 | 1: bad");
    assert!(last_words(&[b'x'; 5_000]).len() == LOG_BYTES_SAID);
}
