//! The counts of each core for Prometheus: a source for `cutwater_meter::expose::Registry`.

use cutwater_meter::expose::{Page, Source};

use crate::driver::Snapshot;
use crate::executor::{Cores, Runtime};

/// The counts of a runtime's cores. A core publishes them when it goes to sleep, and every 256 turns while it
/// does not sleep; a core that has not published yet is left out.
#[derive(Debug, Clone)]
pub struct RuntimeMetrics(Cores);

impl RuntimeMetrics {
    /// The counts of `runtime`, whose cores publish them from now on.
    #[must_use]
    pub fn new(runtime: &Runtime) -> Self {
        let cores = runtime.cores();
        cores.watch();
        Self(cores)
    }
}

type Value = fn(&Snapshot) -> u64;

/// The name, help and value of each counter.
const COUNTERS: [(&str, &str, Value); 14] = [
    ("cutwater_rt_submissions_total", "Operations given to the ring.", |c| c.submitted),
    ("cutwater_rt_enters_total", "Calls of io_uring_enter(2).", |c| c.enters),
    ("cutwater_rt_completions_total", "Completions taken from the ring.", |c| c.completed),
    ("cutwater_rt_reaps_total", "Times at which there were completions to take.", |c| c.reaps),
    ("cutwater_rt_overflows_total", "Completions that found the queue full.", |c| c.overflows),
    ("cutwater_rt_pooled_total", "Operations done by a pool of threads.", |c| c.pooled),
    ("cutwater_rt_readied_total", "Operations on sockets done by epoll(7).", |c| c.readied),
    ("cutwater_rt_inline_total", "Reads answered from the page cache.", |c| c.inline),
    ("cutwater_rt_polls_total", "Polls of tasks.", |c| c.polls),
    ("cutwater_rt_wakes_local_total", "Wakes on the task's own core.", |c| c.wakes_local),
    ("cutwater_rt_wakes_remote_total", "Wakes by other threads.", |c| c.wakes_remote),
    ("cutwater_rt_told_total", "Times at which the core's wait was ended for it.", |c| c.unparks),
    ("cutwater_rt_held_back_total", "Operations that waited for room.", |c| c.held_back),
    ("cutwater_rt_switches_total", "Changes between ring and pool.", |c| c.switches),
];

/// The quantiles of the run-queue delays.
const QUANTILES: [(&str, f64); 3] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];

impl Source for RuntimeMetrics {
    fn collect(&self, page: &mut Page) {
        for (core, counters) in self.0.published().iter().enumerate() {
            let Some(counters) = counters else { continue };
            let core = core.to_string();
            let labels = [("core", core.as_str())];
            for (name, help, value) in COUNTERS {
                page.counter(name, help).sample(&labels, value(counters));
            }
            page.gauge("cutwater_rt_in_flight", "Operations in flight.")
                .sample(&labels, counters.in_flight);
            for (name, share) in QUANTILES {
                let Some(ns) = delay_ns(counters, share) else { continue };
                let help = "How long tasks wait to be polled: a bound for this share of samples.";
                page.gauge("cutwater_rt_run_queue_delay_seconds", help)
                    .nanoseconds(&[("core", core.as_str()), ("quantile", name)], ns);
            }
        }
    }
}

/// The end of the class in which `share` of the samples is reached; `None` without samples.
fn delay_ns(counters: &Snapshot, share: f64) -> Option<u64> {
    let total: u64 = counters.delays.iter().sum();
    let wanted = (total as f64 * share).ceil().max(1.0) as u64;
    let mut below = 0;
    let class = counters.delays.iter().position(|n| {
        below += n;
        below >= wanted
    });
    class.map(|class| 2u64 << class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_bounded_by_the_end_of_their_class() {
        let mut counters = Snapshot::default();
        assert_eq!(delay_ns(&counters, 0.5), None);
        counters.delays[10] = 98;
        counters.delays[20] = 2;
        assert_eq!(delay_ns(&counters, 0.5), Some(2048));
        assert_eq!(delay_ns(&counters, 0.98), Some(2048));
        assert_eq!(delay_ns(&counters, 0.99), Some(2 << 20));
    }
}
