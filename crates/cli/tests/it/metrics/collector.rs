//! `--otlp` into a collector that others wrote: Rotel, where `python3` has its package.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use cutwater_testing::child::KillOnDrop;

use super::quiet;

/// The longest wait for a line of the collector.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where its program is.
const WHERE: &str = "import os, rotel; print(os.path.dirname(rotel.__file__) + '/rotel-agent')";

/// A free address; another program may take it before it is used.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_collector_of_others_reads_every_metric() {
    let asked = Command::new("python3").args(["-c", WHERE]).stderr(Stdio::null()).output();
    let Some(asked) = asked.ok().filter(|out| out.status.success()) else {
        cutwater_testing::skip!("python3 has no rotel");
        return;
    };
    let program = String::from_utf8(asked.stdout).unwrap();
    let (http, grpc) = (free_address(), free_address());
    let mut command = Command::new(program.trim());
    command.args(["start", "--exporter", "blackhole", "--otlp-http-endpoint", &http]);
    command.args(["--otlp-grpc-endpoint", &grpc]);
    command.args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut agent = KillOnDrop(command.spawn().unwrap());
    let (sender, lines) = mpsc::channel();
    let shown = BufReader::new(agent.0.stdout.take().unwrap());
    std::thread::spawn(move || {
        shown.lines().map_while(Result::ok).try_for_each(|line| sender.send(line).map_err(drop))
    });
    let next = || lines.recv_timeout(PATIENCE).expect("the collector shows nothing more");
    while !next().contains("Starting") {}
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    std::fs::write(&file, "{\"a\":1}\n".repeat(1000)).unwrap();
    let url = format!("http://{http}");
    let mut line = String::new();
    // It says that it starts before it listens.
    for _ in 0..100 {
        let out = quiet(&["scan", "--count", file.to_str().unwrap(), "--otlp", &url]).output();
        line = String::from_utf8(out.unwrap().stderr).unwrap();
        if line.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(line, "", "nothing could be pushed");
    // The page up to the value of its last metric.
    let (mut page, mut is_last) = (Vec::new(), false);
    while !is_last || page.last().is_some_and(|line: &String| !line.starts_with("Value:")) {
        page.push(next());
        is_last |= page.last().is_some_and(|l| l.ends_with("cutwater_sigbus_displaced_total"));
    }
    let of =
        |key: &str| page.iter().filter_map(|l| l.split_once(key)).map(|l| l.1.trim()).collect();
    let (names, kinds): (Vec<&str>, Vec<&str>) = (of("Name:"), of("DataType:"));
    assert!(names.contains(&"cutwater_read_bytes_total"), "{names:?}");
    assert!(kinds.contains(&"Histogram") && !kinds.contains(&"Empty"), "{kinds:?}");
    let points = page.iter().filter(|line| line.starts_with("NumberDataPoints")).count();
    let values = page.iter().filter(|line| line.starts_with("Value:")).count();
    assert!(points > 8 && values == points, "{points} points, {values} values");
}
