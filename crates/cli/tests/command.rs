//! The command as a whole: exit codes, closed pipes, errors.

use std::io;
use std::process::{Command, Stdio};

fn cutwater() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cutwater"))
}

#[test]
fn a_closed_pipe_ends_quietly_with_success() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    drop(reader);
    let out = cutwater().arg("doctor").stdout(writer).stderr(Stdio::piped()).output()?;
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    assert!(out.status.success(), "{}", out.status);
    Ok(())
}

#[test]
fn a_full_disk_is_an_error_with_its_cause() -> io::Result<()> {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let out = cutwater().arg("doctor").stdout(full).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(said, "cutwater: cannot write the output: No space left on device (os error 28)\n");
    assert_eq!(out.status.code(), Some(1));
    Ok(())
}

#[test]
fn wrong_arguments_exit_with_2() -> io::Result<()> {
    for args in [&["docter"][..], &["doctor", "--jsn"], &["doctor", "/proc/no/such/path"]] {
        let out = cutwater().args(args).output()?;
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(out.stdout.is_empty(), "{args:?}");
    }
    Ok(())
}
