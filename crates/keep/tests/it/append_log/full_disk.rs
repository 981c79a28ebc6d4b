//! Disks without room. They need root, to mount them.

use std::path::Path;
use std::process::Command;

use cutwater_keep::append_log::{AppendLog, LogReader};

use super::text::{count_sound, record};

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_tmpfs_is_an_error_and_the_log_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    if !run("mount", &["-t", "tmpfs", "-o", "size=3m", "tmpfs", dir.path().to_str().unwrap()]) {
        cutwater_testing::skip!("tmpfs cannot be mounted here");
        return;
    }
    fill_and_go_on(&Mounted(dir.path()));
}

#[test]
fn a_full_ext4_is_an_error_and_the_log_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(8 << 20).unwrap();
    let (image, at) = (image.path().to_str().unwrap(), dir.path().to_str().unwrap());
    let made = run("mkfs.ext4", &["-q", "-F", "-O", "^has_journal", image]);
    if !made || !run("mount", &["-o", "loop", image, at]) {
        cutwater_testing::skip!("ext4 in a file cannot be mounted here");
        return;
    }
    fill_and_go_on(&Mounted(dir.path()));
}

fn fill_and_go_on(disk: &Mounted<'_>) {
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let path = disk.0.join("log");
    let mut log = AppendLog::open(&path).unwrap();
    let mut number = 0;
    let error = loop {
        assert!(number < 1_000_000, "the disk is never full");
        match log.append(&record(5, number)) {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        log.publish();
    };
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("see: df"), "{error}");
    assert!(log.append(&[0; 100_000]).unwrap_err().is_full());
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(count_sound(&mut reader, 5), number);
    std::fs::remove_file(&ballast).unwrap();
    log.append(&record(5, number)).unwrap();
    log.close().unwrap();
    assert_eq!(count_sound(&mut LogReader::open(&path).unwrap(), 5), number + 1);
}
