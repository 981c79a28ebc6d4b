//! The command as a whole: exit codes, closed pipes, errors.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cutwater;

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

/// Where the host permits no samples the command still ends well, and says why.
#[test]
fn any_command_draws_itself_or_says_why_not() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("log");
    std::fs::write(&log, "{\"level\":\"info\",\"message\":\"hello\"}\n".repeat(300_000))?;
    let svg = dir.path().join("all.svg");
    let out = cutwater().arg("scan").arg("--flamegraph").args([&svg, &log]).output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    match std::fs::read_to_string(&svg) {
        Ok(drawn) => {
            assert!(drawn.contains("</svg>") && drawn.contains("cutwater scan"));
            assert!(said.contains("all.svg: ") && said.contains(" sample"), "{said}");
        }
        Err(_) => assert!(said.contains("flame graph"), "{said}"),
    }
    let out = cutwater()
        .args(["--without", "perf_event_open=EPERM", "doctor", "--flamegraph"])
        .arg(dir.path().join("none.svg"))
        .output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("cannot record a flame graph"), "{said}");
    Ok(())
}

/// A log comes through a pipe, late: the wait for it is in the second picture.
#[test]
fn what_a_command_waits_in_is_drawn_beside_what_it_works_on() -> io::Result<()> {
    const WAIT: Duration = Duration::from_millis(400);
    let dir = tempfile::tempdir()?;
    let svg = dir.path().join("all.svg");
    let mut child = cutwater()
        .args(["scan", "-", "--flamegraph"])
        .arg(&svg)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    std::thread::sleep(WAIT);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all("{\"level\":\"info\",\"message\":\"hello\"}\n".repeat(1_000).as_bytes())?;
    drop(stdin);
    let out = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    let Some((_, off_cpu)) = said.split_once("all.offcpu.svg: ") else {
        assert!(said.contains("flame graph"), "{said}");
        cutwater_testing::skip!("{said}");
        return Ok(());
    };
    println!("{off_cpu}");
    let ms: f64 = off_cpu.split(' ').next().and_then(|ms| ms.parse().ok()).unwrap();
    // It may begin to wait some time after it was started.
    assert!(ms >= WAIT.as_millis() as f64 / 4.0, "{said}");
    let drawn = std::fs::read_to_string(dir.path().join("all.offcpu.svg"))?;
    assert!(drawn.contains("off CPU") && drawn.contains("pipe_read"), "{said}");
    Ok(())
}

/// Where the host permits no samples the command still ends well, and says why.
#[test]
fn bench_draws_a_flame_graph_of_each_path_or_says_why_not() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("data");
    std::fs::write(&file, vec![7; 4 << 20])?;
    let graphs = dir.path().join("graphs");
    let args = "--quick --path read,preadv --pattern seq --cache warm --depth 1 --runs 1";
    let out = cutwater()
        .arg("bench")
        .args(args.split(' '))
        .arg("--flamegraph")
        .args([&graphs, &file])
        .output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    for path in ["read", "preadv"] {
        let drawn = std::fs::read_to_string(graphs.join(format!("{path}.svg")));
        if !drawn.is_ok_and(|svg| svg.contains("</svg>") && svg.contains("warm seq")) {
            assert!(said.contains("left out: flame graph"), "{path}: {said}");
        }
        if !graphs.join(format!("{path}.offcpu.svg")).exists() {
            assert!(said.contains("left out: flame graph"), "{path}: {said}");
        }
    }
    Ok(())
}

/// The command alone in a directory, with nothing on the PATH.
fn alone(dir: &std::path::Path) -> io::Result<Command> {
    let copy = dir.join("cutwater");
    copy_program(crate::CUTWATER.as_ref(), &copy)?;
    let mut command = Command::new(copy);
    command.env("PATH", dir.join("nothing"));
    Ok(command)
}

/// Copies a program by another process: had we a descriptor that writes it, the child of another
/// test would have it too until its exec, and it could not be started meanwhile (ETXTBSY).
fn copy_program(from: &std::path::Path, to: &std::path::Path) -> io::Result<()> {
    let copied = Command::new("cp").arg(from).arg(to).status()?;
    if copied.success() { Ok(()) } else { Err(io::Error::other(format!("cp: {copied}"))) }
}

/// A program of these lines of sh in the place of `cutwater-query`.
fn stand_in(dir: &std::path::Path, lines: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let text = dir.join("lines");
    std::fs::write(&text, lines)?;
    std::fs::set_permissions(&text, PermissionsExt::from_mode(0o755))?;
    copy_program(&text, &dir.join("cutwater-query"))
}

#[test]
fn query_says_how_to_build_its_program_where_there_is_none() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let out = alone(dir.path())?.args(["query", "SELECT 1"]).output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("cargo build --release -p cutwater-query"), "{said}");
    assert_eq!(out.status.code(), Some(1));
    Ok(())
}

#[test]
fn query_hands_its_arguments_to_the_program_beside_it() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    stand_in(dir.path(), "#!/bin/sh\nprintf '%s|' \"$@\"\nexit 7\n")?;
    let out = alone(dir.path())?.args(["query", "-o", "csv", "SELECT 1", "--help"]).output()?;
    assert_eq!(String::from_utf8_lossy(&out.stdout), "-o|csv|SELECT 1|--help|");
    assert_eq!(out.status.code(), Some(7));
    Ok(())
}

#[test]
fn what_is_asked_for_before_query_is_passed_on_or_refused() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    stand_in(dir.path(), "#!/bin/sh\nprintf '%s|' \"$@\"\n")?;
    let out = alone(dir.path())?.args(["--metrics", "9464", "query", "SELECT 1"]).output()?;
    assert_eq!(String::from_utf8_lossy(&out.stdout), "--metrics=127.0.0.1:9464|SELECT 1|");
    let out = alone(dir.path())?.args(["--flamegraph", "f.svg", "query", "SELECT 1"]).output()?;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("cutwater trace --flamegraph FILE -- cutwater-query"), "{said}");
    assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0));
    Ok(())
}
