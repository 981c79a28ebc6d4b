//! A real Prometheus scrapes this process, answers the dashboard's queries and fires an alert.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cutwater::Metrics;
use cutwater_testing::child::KillOnDrop;
use cutwater_testing::wait_until;
use serde_json::Value;

use super::work::{Without, Work};
use super::{dashboard, ops, read};

/// All queries must have data by then.
const PATIENCE: Duration = Duration::from_secs(90);

struct Prometheus {
    address: String,
    _process: KillOnDrop,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    /// A Prometheus that scrapes `target` five times a second, or why it cannot run.
    fn start(target: &str) -> Result<Self, String> {
        let dir = tempfile::tempdir().unwrap();
        // The rules as they are, but without the minutes that they wait.
        let rules = read(ops("alerts.yaml"));
        let rules = rules.lines().filter(|l| !l.trim().starts_with("for: "));
        let rules: String = rules.flat_map(|l| [l, "\n"]).collect();
        std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
             rule_files: [rules.yaml]\n\
             scrape_configs: [{{job_name: test, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        std::fs::write(dir.path().join("config.yaml"), config).unwrap();
        // Free a moment ago. If another program takes it, the start fails and the test says so.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let process = Command::new("prometheus")
            .arg("--config.file=config.yaml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("no prometheus (package prometheus): {e}"))?;
        Ok(Self { address, _process: KillOnDrop(process), _dir: dir })
    }

    fn ask(&self, target: &str) -> Option<Value> {
        let answer = cutwater_testing::http_get(&self.address, target).ok()?;
        serde_json::from_str::<Value>(&answer).ok()
    }

    fn has_data(&self, query: &str) -> bool {
        let target = format!("/api/v1/query?query={}", cutwater_testing::url_escaped(query));
        let Some(answer) = self.ask(&target) else { return false };
        let result = answer["data"]["result"].as_array();
        result.is_some_and(|r| r.iter().any(|s| s["value"][1] != "NaN"))
    }

    fn fires(&self, alert: &str) -> bool {
        let Some(answer) = self.ask("/api/v1/alerts") else { return false };
        let is = |a: &Value| a["labels"]["alertname"] == alert && a["state"] == "firing";
        answer["data"]["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(is))
    }
}

/// Why a query may have no answer on this host, where it may.
fn excused(query: &str, without: Without) -> Option<&'static str> {
    if query.contains("punts") {
        return Some("punts need tracefs and the right to it");
    }
    if query.contains("refusals") {
        return Some("no ring was refused");
    }
    if without.ring && query.contains("ring") {
        return Some("no ring here");
    }
    if without.maps && (query.contains("sigbus") || query.contains("faulting")) {
        return Some("no maps that survive a truncation here");
    }
    (without.leases && query.contains("lease")).then_some("no leases here")
}

#[test]
fn a_real_prometheus_answers_the_dashboard_and_fires_when_memory_grows() {
    let second = Duration::from_secs(1);
    let options = Metrics::options().rss_every(second / 20).rss_window(2 * second);
    let metrics = options.residency_every(second / 5).start().unwrap();
    let endpoint = metrics.serve("127.0.0.1:0").unwrap();
    let prometheus = match Prometheus::start(&endpoint.address().to_string()) {
        Ok(prometheus) => prometheus,
        Err(why) => return cutwater_testing::skip!("{why}"),
    };
    wait_until("a first scrape", PATIENCE, || prometheus.has_data("up == 1"));
    let work = Work::new(&metrics);
    let stop = AtomicBool::new(false);
    let queries = dashboard();
    assert!(queries.len() > 30);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work.until(&stop));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("CutwaterMemoryGrowth", PATIENCE, || {
                assert!(!worker.is_finished(), "the work ended");
                prometheus.fires("CutwaterMemoryGrowth")
            });
            for (panel, query) in &queries {
                if let Some(why) = excused(query, work.without) {
                    println!("not asked: {panel}: {why}");
                    continue;
                }
                let query = query.replace("$__rate_interval", "1m").replace("$job", ".*");
                wait_until(&format!("{panel}: {query}"), PATIENCE, || prometheus.has_data(&query));
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}
