//! `cutwater trace`, run as its users run it.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cutwater_testing::text;
use serde_json::Value;

use crate::run_cutwater;

fn report(out: &Output) -> Value {
    let said = || format!("{}{}", text(&out.stdout), text(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| {
        panic!("{e}: {}", said());
    });
    let schema = serde_json::from_str(include_str!("../../../../docs/trace.schema.json")).unwrap();
    cutwater_testing::check_schema(&schema, &report);
    report
}

#[test]
fn help_says_what_it_does() {
    insta::assert_snapshot!("help", text(&run_cutwater(&["trace", "--help"]).stdout));
}

#[test]
fn a_command_keeps_its_exit_code_and_its_output() {
    let out = run_cutwater(&["trace", "--json", "--", "sh", "-c", "echo said; exit 3"]);
    let report = report(&out);
    println!("{report:#}");
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("said"));
    assert_eq!(report["command"][0], "sh");
    assert!(report["counters"]["minor_faults"].as_u64() > Some(10), "{report}");
    let out = run_cutwater(&["trace", "--", "sh", "-c", "echo said; kill -9 $$"]);
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(128 + 9), "said\n"));
    assert!(text(&out.stderr).contains("minor faults"));
}

#[test]
fn a_command_that_cannot_be_run_is_told_as_a_shell_tells_it() {
    let out = run_cutwater(&["trace", "--", "/nonexistent/program"]);
    assert_eq!(out.status.code(), Some(127));
    assert!(text(&out.stderr).contains("cannot run /nonexistent/program"));
}

#[test]
fn reads_are_shown_by_file_where_the_host_lets_us_see_them() {
    const MIB: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("read-me");
    std::fs::write(&file, vec![7; 32 * MIB as usize]).unwrap();
    let path = file.to_str().unwrap();
    // The shell keeps the descriptor until all was looked at.
    let script = format!("exec 3<{path}; dd bs=65536 <&3 2>&1 >/dev/null | cat; sleep 0.2");
    let report = report(&run_cutwater(&["trace", "--json", "--", "sh", "-c", &script]));
    let has_times = report["backend"] == "tracepoints" || report["backend"] == "ebpf";
    if !has_times || report["lost"] != 0 {
        return cutwater_testing::skip!("{} {}", report["without"], report["lost"]);
    }
    let rows = report["rows"].as_array().unwrap();
    let read: Vec<_> = rows.iter().filter(|r| r["kind"] == "read").collect();
    let bytes: u64 = read.iter().map(|r| r["bytes"].as_u64().unwrap()).sum();
    assert!(bytes >= 32 * MIB, "{report:#}");
    let timed = |r: &&&Value| r["p50_ns"].as_u64() <= r["max_ns"].as_u64();
    assert_eq!(read.iter().filter(timed).count(), read.len(), "{report:#}");
    assert!(read.iter().any(|r| r["path"] == path), "{report:#}");
}

/// Rows of a kind: how many operations and bytes.
fn sums(report: &Value, kind: &str, path: &str) -> (u64, u64) {
    let rows = report["rows"].as_array().unwrap().iter();
    let rows = rows.filter(|r| r["kind"] == kind && (path.is_empty() || r["path"] == path));
    rows.fold((0, 0), |(n, bytes), row| {
        (n + row["count"].as_u64().unwrap(), bytes + row["bytes"].as_u64().unwrap())
    })
}

#[test]
fn programs_in_the_kernel_count_reads_exactly_and_name_their_file() {
    const READS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("read-me");
    std::fs::write(&file, vec![7; READS as usize * 4096]).unwrap();
    let path = file.to_str().unwrap();
    // A child of the shell reads; the shell keeps the descriptor until all was looked at.
    let script =
        format!("exec 3<{path}; (dd bs=4096 count={READS} <&3 2>/dev/null) >/dev/null; sleep 0.2");
    let report =
        report(&run_cutwater(&["trace", "--json", "--backend", "ebpf", "--", "sh", "-c", &script]));
    if report["backend"] != "ebpf" {
        assert!(report["without"].to_string().contains("eBPF"), "{report:#}");
        return cutwater_testing::skip!("{}", report["without"]);
    }
    assert_eq!(sums(&report, "read", path), (READS, READS * 4096), "{report:#}");
    assert!(sums(&report, "minor", "").0 > 100, "{report:#}");
    for row in report["rows"].as_array().unwrap() {
        assert!(
            row["p50_ns"].as_u64() <= row["max_ns"].as_u64() && !row["p50_ns"].is_null(),
            "{row}"
        );
    }
}

#[test]
fn what_is_taken_without_being_told_is_the_best_that_there_is() {
    let backend = |wanted: &str| {
        let out = run_cutwater(&["trace", "--json", "--backend", wanted, "--", "true"]);
        report(&out)["backend"].as_str().unwrap().to_owned()
    };
    let (events, in_kernel) = (backend("tracepoints"), backend("ebpf"));
    println!("{events}, {in_kernel}");
    assert_eq!(backend("auto"), if events == "tracepoints" { events } else { in_kernel });
}

#[test]
fn without_bpf_the_next_best_is_taken_and_it_is_said() {
    for refused in ["bpf=EPERM", "bpf=ENOSYS"] {
        let args = ["--without", refused, "trace", "--json", "--backend", "ebpf", "--", "true"];
        let out = run_cutwater(&args);
        let report = report(&out);
        assert_eq!(out.status.code(), Some(0));
        assert_ne!(report["backend"], "ebpf");
        assert!(report["without"].to_string().contains("eBPF: cannot"), "{report:#}");
    }
}

#[test]
fn what_the_host_refuses_is_said_and_counters_are_shown() {
    let without = ["--without", "perf_event_open=EPERM", "trace", "--json", "--flamegraph"];
    let dir = tempfile::tempdir().unwrap();
    let svg = dir.path().join("none.svg");
    let rest = [svg.to_str().unwrap(), "--", "sh", "-c", "cat /proc/self/stat"];
    let out = run_cutwater(&[&without[..], &rest[..]].concat());
    let report = report(&out);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!((&report["backend"], &report["rows"]), (&"counters".into(), &Value::Array(vec![])));
    let said = report["without"].to_string();
    assert!(said.contains("perf event") && said.contains("flame graph"), "{said}");
    assert!(report["counters"]["minor_faults"].as_u64() > Some(10), "{report}");
}

/// `cat` prints the line, then blocks in a read while we sleep.
fn trace_of_a_reader_that_waits(
    before: &[&str],
    args: &[&str],
    wait: Duration,
) -> (Output, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = crate::cutwater()
        .args(before)
        .args(["trace", "--json"])
        .args(args)
        .arg("--flamegraph")
        .arg(dir.path().join("hot.svg"))
        .args(["--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"line\n").unwrap();
    let mut line = [0; 5];
    // With --json what the command writes is on standard error.
    child.stderr.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"line\n");
    std::thread::sleep(wait);
    drop(stdin);
    (child.wait_with_output().unwrap(), dir)
}

/// A command that ended has no maps any more: what it had mapped is kept while it runs.
#[test]
fn functions_of_a_command_that_ended_have_names() {
    let dir = tempfile::tempdir().unwrap();
    let svg = dir.path().join("hot.svg");
    let program = crate::CUTWATER;
    let args = ["trace", "--json", "--flamegraph", svg.to_str().unwrap(), "--", program];
    let work = ["bench", "--quick", "--path", "read", "--cache", "warm", "--dir"];
    let out = run_cutwater(&[&args[..], &work, &[dir.path().to_str().unwrap()]].concat());
    let report = report(&out);
    assert_eq!(out.status.code(), Some(0), "{report:#}");
    if report["flamegraph"].is_null() {
        return cutwater_testing::skip!("{}", report["without"]);
    }
    let drawn = std::fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains("cutwater_bench::bench::"), "{report:#}");
}

#[test]
fn the_wait_for_a_pipe_is_off_the_cpu_under_the_call_that_waits() {
    const WAIT: Duration = Duration::from_millis(400);
    let (out, dir) = trace_of_a_reader_that_waits(&[], &[], WAIT);
    let report = report(&out);
    if report["off_cpu"].is_null() {
        assert!(report["without"].to_string().contains("flame graph"), "{report:#}");
        return cutwater_testing::skip!("{}", report["without"]);
    }
    let shares = report["off_cpu"]["shares"].as_array().unwrap();
    println!("{shares:#?}");
    let read = shares.iter().find(|s| s["name"] == "read").unwrap();
    // The reader may begin to wait some time after its line came.
    assert!(read["microseconds"].as_u64() >= Some(WAIT.as_micros() as u64 / 4), "{report:#}");
    assert_eq!(shares[0]["name"], "read", "{report:#}");
    let svg = std::fs::read_to_string(dir.path().join("hot.offcpu.svg")).unwrap();
    assert!(svg.contains("off CPU") && svg.contains(" us, ") && svg.contains("pipe_read"));
}

/// The slowest read of a process that waits for a pipe, as `backend` reports it.
fn the_slowest_read(backend: &str) {
    const WAIT: Duration = Duration::from_millis(200);
    let (out, dir) = trace_of_a_reader_that_waits(&[], &["--backend", backend], WAIT);
    let report = report(&out);
    let tails = report["tails"].as_array().unwrap();
    if report["backend"] != backend || tails.is_empty() {
        assert!(!report["without"].as_array().unwrap().is_empty(), "{report:#}");
        return cutwater_testing::skip!("{}", report["without"]);
    }
    let reads = tails.iter().find(|t| t["kind"] == "read").unwrap();
    println!("{reads:#}");
    assert!(reads["total_ns"].as_u64() >= Some(WAIT.as_nanos() as u64 / 4), "{reads:#}");
    let first = &reads["frames"][0];
    assert_eq!(first["on_cpu"], false, "{reads:#}");
    assert!(first["share"].as_f64() > Some(0.5) && first["share"].as_f64() <= Some(1.0), "{first}");
    if !report["without"].to_string().contains("kallsyms") {
        let innermost = first["functions"][0].as_str().unwrap();
        assert!(innermost.contains("pipe_read"), "{first}");
    }
    let drawn = report["tail_graph"]["microseconds"].as_u64().unwrap();
    assert!(drawn >= WAIT.as_micros() as u64 / 4, "{report:#}");
    let svg = std::fs::read_to_string(dir.path().join("hot.tail.svg")).unwrap();
    assert!(svg.contains("reads (") && svg.contains("the slowest 1 %"));
}

#[test]
fn the_slowest_read_is_told_by_what_the_kernel_waits_in() {
    the_slowest_read("tracepoints");
}

#[test]
fn programs_in_the_kernel_tell_what_it_waits_in_too() {
    the_slowest_read("ebpf");
}

#[test]
fn without_perf_events_the_time_off_the_cpu_is_said_to_be_missing() {
    let refused = ["--without", "perf_event_open=EPERM"];
    let (out, dir) = trace_of_a_reader_that_waits(&refused, &[], Duration::ZERO);
    let report = report(&out);
    assert_eq!((out.status.code(), &report["off_cpu"]), (Some(0), &Value::Null));
    assert!(report["without"].to_string().contains("flame graph"), "{report:#}");
    assert!(!dir.path().join("hot.offcpu.svg").exists());
}

#[test]
fn a_process_that_runs_is_looked_at_and_left_alone() {
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = other.id().to_string();
    let out = run_cutwater(&["trace", "--pid", &pid, "--time", "0.1", "--json"]);
    let ended = other.try_wait().unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(ended.is_none(), "the process was ended: {ended:?}");
    let report = report(&out);
    assert_eq!((out.status.code(), report["pid"].to_string()), (Some(0), pid));
}

#[test]
fn a_command_that_does_not_want_to_end_is_ended() {
    for script in ["trap '' TERM; while :; do sleep 0.05; done", "kill -STOP $$; sleep 60"] {
        let out = run_cutwater(&["trace", "--time", "0.3", "--json", "--", "sh", "-c", script]);
        assert_eq!(out.status.code(), Some(0), "{script}");
        assert!(report(&out)["seconds"].as_f64() < Some(30.0), "{script}");
    }
}

#[test]
fn a_thread_is_refused_with_the_process_that_it_is_of() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || ended.recv());
    let me = std::process::id().to_string();
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let threads = threads.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let thread = threads.into_iter().find(|tid| *tid != me).unwrap();
    let out = run_cutwater(&["trace", "--pid", &thread]);
    drop(end);
    assert!(other.join().unwrap().is_err());
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains(&format!("--pid {me}")), "{}", text(&out.stderr));
}

#[test]
fn a_low_soft_limit_of_descriptors_takes_nothing_away() {
    const THREADS: usize = 30;
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Arc::new(std::sync::Mutex::new(ended));
    let threads = (0..THREADS).map(|_| {
        let ended = std::sync::Arc::clone(&ended);
        std::thread::spawn(move || ended.lock().unwrap().recv().is_err())
    });
    let threads: Vec<_> = threads.collect();
    let me = std::process::id().to_string();
    let backend = |limit: &str| {
        let script = format!("{limit} exec \"$0\" trace --json --time 0.1 --pid {me}");
        let program = crate::CUTWATER;
        let out = Command::new("sh").args(["-c", &script, program]).output().unwrap();
        report(&out)["backend"].clone()
    };
    let (all, few) = (backend(""), backend("ulimit -S -n 40;"));
    drop(end);
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    println!("{all}");
    assert_eq!(all, few);
}

#[test]
fn a_pipe_that_closes_is_no_error_that_is_shouted() {
    let mut child = crate::cutwater()
        .args(["trace", "--json", "--", "true"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert!(!text(&out.stderr).contains("panicked"), "{}", text(&out.stderr));
    assert!(out.status.code().is_some(), "{:?}", out.status);
}

/// A program of 32 bits that calls `lseek(0, 0, SEEK_SET)` 700 times, which is the number of
/// `readv` for 64 bits, and `read(0, memory, 4)` 300 times.
#[cfg(target_arch = "x86_64")]
fn program_of_32_bits() -> Vec<u8> {
    const AT: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    let calls = |number: u8, times: u32, set_up: &[u8]| {
        let body = [set_up, &[0xb8, number, 0, 0, 0, 0xcd, 0x80, 0x4e][..]].concat();
        // mov esi, times; ...; dec esi; jnz
        let back = -i8::try_from(body.len() + 2).unwrap();
        [&[0xbe][..], &times.to_le_bytes(), &body, &[0x75, back.cast_unsigned()]].concat()
    };
    let memory = AT + 0x1000 - 16;
    let lseek = [0x31, 0xdb, 0x31, 0xc9, 0x31, 0xd2];
    let read = [&[0x31, 0xdb, 0xb9][..], &memory.to_le_bytes(), &[0xba, 4, 0, 0, 0]].concat();
    let exit = [0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80];
    let code = [calls(19, 700, &lseek), calls(3, 300, &read), exit.to_vec()].concat();
    let half = |n: u16| n.to_le_bytes().to_vec();
    let word = |n: u32| n.to_le_bytes().to_vec();
    let mut ident = b"\x7fELF\x01\x01\x01".to_vec();
    ident.resize(16, 0);
    let header = [half(2), half(3), word(1), word(AT + HEADERS), word(52), word(0), word(0)];
    let sizes = [half(52), half(32), half(1), half(0), half(0), half(0)];
    let size = HEADERS + code.len() as u32;
    let segment = [1, 0, AT, AT, size, 0x1000, 7, 0x1000].map(word);
    [ident, header.concat(), sizes.concat(), segment.concat(), code].concat()
}

/// A directory with the program and the script that runs it, in which `PROGRAM` stands for it.
#[cfg(target_arch = "x86_64")]
fn run_32_bits(dir: &std::path::Path, backend: &str, script: &str) -> Option<Value> {
    use std::os::unix::fs::PermissionsExt;
    let program = dir.join("small");
    std::fs::write(&program, program_of_32_bits()).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.replace("PROGRAM", program.to_str().unwrap());
    let out = run_cutwater(&["trace", "--json", "--backend", backend, "--", "sh", "-c", &script]);
    let report = report(&out);
    if out.status.code() == Some(9) || report["backend"] != backend {
        cutwater_testing::skip!("{} {}", text(&out.stderr), report["without"]);
        return None;
    }
    Some(report)
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_programs_of_32_bits_are_known_by_their_own_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("read-me").display().to_string();
    std::fs::write(&file, vec![7; 8_192]).unwrap();
    // The shell keeps the descriptor until all was looked at.
    let script = format!("exec 3<{file}; PROGRAM <&3 || exit 9; sleep 0.2");
    let Some(report) = run_32_bits(dir.path(), "ebpf", &script) else { return };
    assert_eq!(sums(&report, "read", &file), (300, 1_200), "{report:#}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn events_do_not_take_calls_of_programs_of_32_bits_for_others() {
    let dir = tempfile::tempdir().unwrap();
    // It reads until the pipe is closed, and can be looked at meanwhile.
    let script = "sleep 0.5 | PROGRAM || exit 9";
    let Some(report) = run_32_bits(dir.path(), "tracepoints", script) else { return };
    assert!(report["without"].to_string().contains("32-bit"), "{report:#}");
    let rows = report["rows"].as_array().unwrap().iter().filter(|r| r["kind"] == "read");
    assert!(rows.into_iter().all(|r| r["count"].as_u64() < Some(700)), "{report:#}");
}

#[test]
fn wrong_arguments_are_refused_with_what_is_right() {
    for (args, code, said) in [
        (&["trace"][..], 2, "--pid PID or a command after --"),
        (&["trace", "--pid", "0"], 2, "--pid"),
        (&["trace", "--pid", "4194304"], 1, "there is no process 4194304"),
        (&["trace", "--pid", "1", "--", "true"], 2, "cannot be used with"),
        (&["trace", "--time", "0", "--pid", "1"], 2, "is not between"),
    ] {
        let out = run_cutwater(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}");
        assert!(text(&out.stderr).contains(said), "{args:?}: {}", text(&out.stderr));
    }
}
