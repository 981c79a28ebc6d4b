//! What goes wrong is said: what, where, the likely cause, the next step.

use cutwater_maps::{Frozen, LeaseOptions, Mapped};

#[test]
fn a_fifo_is_refused_and_not_waited_for_whatever_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let errors = [
        Mapped::open(&fifo).unwrap_err(),
        Frozen::copy_of(&fifo, 1 << 20).unwrap_err(),
        Frozen::by_lease(&fifo, &LeaseOptions::default()).unwrap_err(),
    ];
    for e in errors {
        // A lease is refused first where its file system has none.
        assert!(e.is_not_a_file() || e.is_unsupported(), "{e}");
        assert_eq!(e.path(), Some(&*fifo), "{e}");
    }
}

#[test]
fn a_lease_that_is_refused_says_why_and_what_else_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = tempfile::NamedTempFile::new_in(dir.path()).unwrap();
    std::fs::write(path.path(), b"bytes").unwrap();
    let _writes = std::fs::OpenOptions::new().append(true).open(path.path()).unwrap();
    let e = Frozen::by_lease(path.path(), &LeaseOptions::default());
    let e = e.unwrap_err();
    if e.is_unsupported() || e.is_permission_denied() {
        return cutwater_testing::skip!("{e}");
    }
    let said = e.to_string();
    assert!(e.is_locked() && said.starts_with("cannot take a read lease on "), "{e}");
    assert!(said.contains("likely cause: a program has it open for writing"), "{e}");
    let e = Frozen::from_memfd(path.as_file()).unwrap_err();
    assert!(e.to_string().starts_with("cannot freeze the file: "), "{e}");
}
