//! What goes wrong is said: what, where, why.

use cutwater_keep::append_log::{AppendLog, LogReader, RECORD_LEN_MAX};
use cutwater_keep::hot_files::HotFiles;

#[test]
fn a_fifo_is_refused_and_not_waited_for_whatever_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let errors = [
        HotFiles::new().unwrap().get(&fifo).unwrap_err(),
        LogReader::open(&fifo).unwrap_err(),
        AppendLog::open(&fifo).unwrap_err(),
    ];
    for e in errors {
        assert!(e.is_not_a_file(), "{e}");
        assert_eq!(e.path(), Some(&*fifo), "{e}");
    }
}

#[test]
fn a_record_that_is_too_long_is_out_of_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = AppendLog::open(dir.path().join("log")).unwrap();
    let e = log.append(&vec![0; RECORD_LEN_MAX + 1]).unwrap_err();
    assert!(e.is_out_of_bounds(), "{e:?}");
    assert!(e.to_string().ends_with("16777216 bytes at most go at once"), "{e}");
}
