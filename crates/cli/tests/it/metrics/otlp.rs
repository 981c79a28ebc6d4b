//! `--otlp`: what a collector gets of a run, compared with the page that Prometheus gets of the same run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

use cutwater_testing::child::KillOnDrop;
use serde_json::Value;

use super::{quiet, value};

/// The bodies that a collector gets, and where it is.
fn collector() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, pushes) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut length, mut line) = (0, String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = n.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.get_mut().write_all(answer).unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, pushes)
}

/// Every series of a push by the name that Prometheus has for it, with its value; of a histogram
/// its count.
fn series(push: &Value) -> BTreeMap<String, f64> {
    let metrics = push["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let mut all = BTreeMap::new();
    for metric in metrics {
        let name = metric["name"].as_str().unwrap();
        let (kind, suffix) = ["sum", "gauge", "histogram"]
            .into_iter()
            .find(|kind| metric.get(kind).is_some())
            .map(|kind| (kind, if kind == "histogram" { "_count" } else { "" }))
            .unwrap();
        let data = &metric[kind];
        if kind != "gauge" {
            assert_eq!(data["aggregationTemporality"], 2, "{metric}");
        }
        assert_eq!(data["isMonotonic"].as_bool(), (kind == "sum").then_some(true), "{metric}");
        for point in data["dataPoints"].as_array().unwrap() {
            let times = ["startTimeUnixNano", "timeUnixNano"].map(|k| point[k].as_str().unwrap());
            assert!(times[0].parse::<u64>().unwrap() <= times[1].parse::<u64>().unwrap());
            all.insert(format!("{name}{suffix}{}", labels(point)), number(point));
        }
    }
    all
}

fn labels(point: &Value) -> String {
    let pairs: Vec<_> = point["attributes"].as_array().unwrap().iter().collect();
    let pair = |a: &&Value| format!("{}={}", a["key"].as_str().unwrap(), a["value"]["stringValue"]);
    let pairs: Vec<_> = pairs.iter().map(pair).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn number(point: &Value) -> f64 {
    if let Some(counts) = point["bucketCounts"].as_array() {
        let sum: u64 = counts.iter().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(point["count"], sum, "{point}");
        assert_eq!(counts.len(), point["explicitBounds"].as_array().unwrap().len() + 1);
    }
    let value = ["asInt", "asDouble", "count"].iter().find_map(|key| point[key].as_f64());
    value.unwrap()
}

#[test]
fn a_collector_gets_what_prometheus_gets() {
    let (url, pushes) = collector();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let args = ["storm", "--time", "60", "--dir", dir, "--metrics", "0"];
    let push = ["--otlp", &url, "--otlp-every", "1"];
    let mut child = KillOnDrop(quiet(&[&args[..], &push[..]].concat()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("cutwater: metrics at http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    // The first push may come before the storm has reported anything.
    drop(pushes.recv().unwrap());
    drop(pushes.recv().unwrap());
    let before = cutwater_testing::http_get(address, "/metrics").unwrap();
    let push = pushes.recv().unwrap();
    let after = cutwater_testing::http_get(address, "/metrics").unwrap();
    let pushed = series(&push);
    let mut compared = 0;
    for (name, got) in &pushed {
        // What appeared meanwhile is on the later page alone, and gauges go up and down.
        let Some(later) = value(&after, name) else { panic!("Prometheus has no {name}") };
        let grows = name.contains("_total") || name.contains("_count");
        if let (true, Some(earlier)) = (grows, value(&before, name)) {
            assert!((earlier..=later).contains(got), "{name}: {earlier} {got} {later}");
            compared += 1;
        }
    }
    assert!(compared >= 8, "{pushed:?}");
    // Of histograms the count stands for all of it.
    let is_part = |name: &str| name.contains("_bucket") || name.contains("_seconds_sum");
    let names = before.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.rsplit_once(' '));
    let missing = |name: &&str| !is_part(name) && !pushed.contains_key(*name);
    let missing: Vec<_> = names.map(|(name, _)| name).filter(missing).collect();
    assert!(missing.is_empty(), "not pushed: {missing:?}");
    let resource = push["resourceMetrics"][0]["resource"]["attributes"].to_string();
    let pid =
        format!("{{\"key\":\"process.pid\",\"value\":{{\"intValue\":\"{}\"}}}}", child.0.id());
    assert!(resource.contains("host.name") && resource.contains(&pid), "{resource}");
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.0.wait().unwrap();
    let last = pushes.try_iter().last().map(|push| series(&push));
    assert!(last.is_some(), "nothing was pushed at the end");
}

#[test]
fn an_address_of_no_use_is_an_error_as_a_flag_and_said_from_the_environment() {
    let out = quiet(&["doctor", "--otlp", "https://localhost:4318"]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("http:// only"), "{said}");
    let mut command = quiet(&["reproduce", "--list"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:4318");
    let out = command.output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && said.contains("no metrics are pushed"), "{said}");
}

#[test]
fn without_a_collector_a_command_does_its_work_and_says_so_once() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let mut command = quiet(&["reproduce", "--list"]);
    let out = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{said}");
    assert_eq!(said.matches("cannot push metrics").count(), 1, "{said}");
}
