//! The thread that looks now and then.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cutwater_sys::origin::Origin;
use cutwater_sys::usage;

use super::MetricsOptions;
use super::residency::Sampled;
use super::window::Window;

/// What the thread sampled, for scrapes.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) residency: Sampled,
    pub(super) rss: Mutex<Window>,
    /// CPU time of the thread; none where no thread was started.
    pub(super) cpu_ns: Option<AtomicU64>,
    stop: Mutex<bool>,
    stopped: Condvar,
}

/// The thread; it ends when dropped.
#[derive(Debug)]
pub(super) struct Sampler {
    samples: Arc<Samples>,
    thread: Option<JoinHandle<()>>,
    made_in: Origin,
}

impl Sampler {
    pub(super) fn start(options: MetricsOptions) -> std::io::Result<Self> {
        let samples = Arc::new(Samples::new(&options, Some(AtomicU64::new(0))));
        let thread = thread::Builder::new().name("metrics-sampler".to_owned()).spawn({
            let samples = Arc::clone(&samples);
            move || samples.sample_until_stopped(&options)
        })?;
        Ok(Self { samples, thread: Some(thread), made_in: Origin::here() })
    }

    /// Looks at nothing.
    pub(super) fn none(options: MetricsOptions) -> Self {
        let samples = Arc::new(Samples::new(&options, None));
        Self { samples, thread: None, made_in: Origin::here() }
    }

    pub(super) fn samples(&self) -> &Arc<Samples> {
        &self.samples
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if !self.made_in.is_here() {
            // A forked child does not have the thread.
            std::mem::forget(self.thread.take());
            return;
        }
        *self.samples.stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.samples.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Samples {
    fn new(options: &MetricsOptions, cpu_ns: Option<AtomicU64>) -> Self {
        Self {
            residency: Sampled::default(),
            rss: Mutex::new(Window::new(options.rss_window)),
            cpu_ns,
            stop: Mutex::new(false),
            stopped: Condvar::new(),
        }
    }

    fn sample_until_stopped(&self, options: &MetricsOptions) {
        let started = Instant::now();
        let mut asked = None::<Instant>;
        loop {
            if let Some(bytes) = resident_bytes() {
                let mut rss = self.rss.lock().unwrap_or_else(PoisonError::into_inner);
                rss.add(started.elapsed(), bytes);
            }
            if asked.is_none_or(|at| at.elapsed() >= options.residency_every) {
                asked = Some(Instant::now());
                self.residency.round(options.residency_every.mul_f64(options.residency_share));
            }
            if let Some(cpu_ns) = &self.cpu_ns {
                let used = usage::thread();
                cpu_ns.store(used.user_ns + used.system_ns, Ordering::Relaxed);
            }
            if self.waits(options.rss_every) {
                return;
            }
        }
    }

    /// Waits for the next look; true when it is to stop.
    fn waits(&self, time: Duration) -> bool {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        let (stop, _) = self
            .stopped
            .wait_timeout_while(stop, time, |stop| !*stop)
            .unwrap_or_else(PoisonError::into_inner);
        *stop
    }
}

/// Memory of this process that is resident, bytes; none where `/proc` is not mounted.
pub(super) fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
