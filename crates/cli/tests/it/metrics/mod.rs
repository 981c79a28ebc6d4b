//! `--metrics`, and what is under `ops/`: scraped during a run, and by a real Prometheus.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod otlp;
mod prometheus;
mod work;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater_testing::child::KillOnDrop;
use serde_json::Value;

fn ops(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ops")).join(file)
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A command whose errors alone are kept, and which knows of no collector.
fn quiet(args: &[&str]) -> Command {
    let mut command = crate::cutwater();
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    // The environment of the tests may name a collector.
    command.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    command.env_remove("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    command
}

#[test]
fn a_command_is_scraped_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["storm", "--time", "60", "--metrics", "0", "--dir", dir.path().to_str().unwrap()];
    let mut child = KillOnDrop(quiet(&args).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("cutwater: metrics at http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = cutwater_testing::http_get(address, "/metrics").unwrap();
        let reads = value(&text, "cutwater_storm_reads_total");
        assert!(value(&text, "cutwater_page_faults_total{kind=\"minor\"}").unwrap() > 0.0);
        if reads.unwrap_or(0.0) > 0.0 {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(128 + 15));
    assert!(cutwater_testing::http_get(address, "/metrics").is_err(), "it is served after the end");
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn an_address_that_is_taken_is_an_error_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = quiet(&["storm", "--metrics", &address]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("another program has the port"), "{said}");
    let out = quiet(&["storm", "--metrics", "nonsense"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().contains("HOST:PORT"));
}

/// Every expression of the dashboard, with its panel.
fn dashboard() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read(ops("dashboard.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        targets.iter().map(move |t| (title.to_owned(), t["expr"].as_str().unwrap().to_owned()))
    });
    queries.collect()
}

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_in_name(c));
    words.filter(|w| w.starts_with("cutwater_") || w.starts_with("process_")).collect()
}

fn documented() -> BTreeSet<String> {
    let text = read(ops("../docs/metrics.md"));
    let rows = text.lines().filter_map(|l| l.strip_prefix("| `")?.split('|').next());
    let names = rows.flat_map(|row| names(row).into_iter().map(str::to_owned).collect::<Vec<_>>());
    names.collect()
}

#[test]
fn dashboard_and_alerts_ask_only_for_metrics_that_exist() {
    let documented = documented();
    let dashboard = read(ops("dashboard.json"));
    let alerts = read(ops("alerts.yaml"));
    let asked = names(&dashboard).into_iter().chain(names(&alerts));
    let asked: Vec<_> = asked.filter(|name| *name != "cutwater_").collect();
    assert!(asked.len() > 30, "{asked:?}");
    for name in asked {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s));
        let known =
            documented.contains(name) || of_histogram.is_some_and(|name| documented.contains(name));
        assert!(known, "docs/metrics.md has no {name}");
    }
}

#[test]
fn every_alert_is_explained() {
    let readme = read(ops("README.md"));
    let alerts = read(ops("alerts.yaml"));
    let alerts: Vec<_> =
        alerts.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 10);
    for alert in alerts {
        assert!(readme.contains(&format!("| `{alert}` |")), "ops/README.md has no {alert}");
    }
}

/// `- alertname: X` in the tests is followed by what is expected then: nothing, or the alert.
#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let (alerts, tests) = (read(ops("alerts.yaml")), read(ops("alerts_test.yaml")));
    let lines: Vec<_> = tests.lines().map(str::trim).collect();
    for alert in alerts.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")) {
        let of_it = lines.windows(2).filter(|w| w[0].strip_prefix("alertname: ") == Some(alert));
        let (fires, silent): (Vec<_>, Vec<_>) = of_it.partition(|w| w[1] == "exp_alerts:");
        assert!(!fires.is_empty(), "{alert} fires in no test");
        assert!(silent.iter().any(|w| w[1] == "exp_alerts: []"), "{alert} always fires");
    }
}

#[test]
fn promtool_passes_the_rules_and_their_tests() {
    for args in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        match Command::new("promtool").args(args).current_dir(ops("")).output() {
            Ok(out) => {
                let said = [out.stdout, out.stderr].concat();
                assert!(out.status.success(), "{}", String::from_utf8_lossy(&said));
            }
            Err(e) => cutwater_testing::skip!("no promtool (package prometheus): {e}"),
        }
    }
}
