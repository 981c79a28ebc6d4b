//! The counts of a runtime for Prometheus.

use std::time::Duration;

use cutwater_meter::expose::{Format, Registry};
use cutwater_rt::metrics::RuntimeMetrics;
use cutwater_rt::time::sleep;
use cutwater_rt::{Runtime, spawn_on};

#[test]
fn each_core_publishes_its_counts() {
    let runtime = Runtime::options().cores(2).build().expect("it starts");
    let registry = Registry::new();
    assert!(registry.add(RuntimeMetrics::new(&runtime)));
    runtime.block_on(async {
        for core in 0..2 {
            let task = spawn_on(core, || async {
                for _ in 0..5 {
                    sleep(Duration::from_millis(1)).await;
                }
            });
            task.expect("there is one").await.expect("it ends");
        }
        // The other core publishes when it sleeps, which it does now or soon.
        let mut text = String::new();
        for _ in 0..10_000 {
            text = registry.render(Format::Prometheus);
            let polls = |core: &str| {
                let line = text.lines().find(|line| {
                    line.starts_with(&format!("cutwater_rt_polls_total{{core=\"{core}\"}}"))
                });
                line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
            };
            if polls("0") >= 5 && polls("1") >= 5 {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        for name in ["polls_total", "wakes_local_total", "told_total", "in_flight"] {
            for core in 0..2 {
                let wanted = format!("cutwater_rt_{name}{{core=\"{core}\"}} ");
                assert!(text.contains(&wanted), "{wanted}: {text}");
            }
        }
        assert_eq!(text.matches("# TYPE cutwater_rt_polls_total counter").count(), 1);
    });
}
