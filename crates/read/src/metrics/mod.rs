//! What this process reads, for Prometheus.
//!
//! Reads are always counted, by counters of their own in each thread;
//! [`Metrics`] adds them up when it is scraped. While there is one, a read in 509 is timed as
//! well, and one thread of its own looks at resident memory each second and at the residency of
//! the open files each 10 seconds. `docs/metrics.md` lists every metric.
//!
//! ```
//! use cutwater::{File, FileClass, Metrics};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let metrics = Metrics::start()?;
//! let endpoint = metrics.serve("127.0.0.1:0")?; // or render() in a server of your own
//! println!("curl http://{}/metrics", endpoint.address());
//!
//! let file = File::options().class(FileClass::named("manifests")).open("Cargo.toml")?;
//! file.read_at(&mut [0; 64], 0)?;
//! let text = metrics.render(cutwater::metrics::Format::Prometheus);
//! assert!(text.contains(r#"cutwater_read_ranges_total{class="manifests""#));
//! # Ok(()) }
//! ```

mod process;
mod punts;
mod reads;
mod residency;
mod sampler;
mod window;

use std::io;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use crate::counting::threads::counts;
pub use cutwater_meter::expose::{Endpoint, Family, Format, Page, Registry, Source};

use crate::counting::timing;
use crate::file::opened;
use sampler::Sampler;

/// How often to look, and how far back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricsOptions {
    rss_every: Duration,
    rss_window: Duration,
    residency_every: Duration,
    /// Share of the time between two rounds that a round may take.
    residency_share: f64,
    sampler: bool,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            rss_every: Duration::from_secs(1),
            rss_window: Duration::from_secs(60),
            residency_every: Duration::from_secs(10),
            residency_share: 0.004,
            sampler: true,
        }
    }
}

impl MetricsOptions {
    /// The time between two looks at resident memory; a second by default, 10 ms at the least.
    #[must_use]
    pub fn rss_every(mut self, time: Duration) -> Self {
        self.rss_every = time.max(Duration::from_millis(10));
        self
    }

    /// The window over which growth of resident memory is measured; a minute by default.
    #[must_use]
    pub fn rss_window(mut self, time: Duration) -> Self {
        self.rss_window = time;
        self
    }

    /// The time between two rounds of asking what of the open files is resident; 10 seconds by
    /// default, and not shorter than [`rss_every`](Self::rss_every). A round takes at most 0.4 % of that time.
    #[must_use]
    pub fn residency_every(mut self, time: Duration) -> Self {
        self.residency_every = time;
        self
    }

    /// Starts no thread: residency and the growth of resident memory are unknown then.
    ///
    /// For a program of one thread that reads by calls. With any second thread the kernel counts a
    /// reference to the file at each call, some 35 ns. An endpoint is a thread, too.
    #[must_use]
    pub fn without_sampler(mut self) -> Self {
        self.sampler = false;
        self
    }

    /// Starts timing and looking.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(self) -> io::Result<Metrics> {
        let sampler = if self.sampler { Sampler::start(self)? } else { Sampler::none(self) };
        let registry = Arc::new(Registry::new());
        registry.add(process::Process(Arc::clone(sampler.samples())));
        registry.add(reads::Reads);
        if let Some(punts) = punts::Punts::open() {
            registry.add(punts);
        }
        switch(|live| live + 1);
        Ok(Metrics { registry, _sampler: sampler })
    }
}

/// Number of [`Metrics`] alive: reads are timed while there is any.
static LIVE: Mutex<usize> = Mutex::new(0);

fn switch(change: impl FnOnce(usize) -> usize) {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    *live = change(*live);
    timing::switch(*live > 0);
    opened::watch(*live > 0);
}

/// The metrics of this process, from [`Metrics::start`] until it is dropped.
///
/// Files that are opened while it exists are sampled for residency, 1,024 at most.
#[derive(Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Ends its thread when dropped.
    _sampler: Sampler,
}

impl Metrics {
    /// Starts with the defaults of [`MetricsOptions`].
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start() -> io::Result<Self> {
        MetricsOptions::default().start()
    }

    /// How often to look, to choose.
    #[must_use]
    pub fn options() -> MetricsOptions {
        MetricsOptions::default()
    }

    /// The values now, as text, for a program with a server of its own; the header
    /// `Content-Type` is [`Format::content_type`].
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        self.registry.render(format)
    }

    /// Serves `GET /metrics` from one more thread, until the endpoint is dropped.
    ///
    /// # Errors
    /// See [`Endpoint::bind`].
    pub fn serve(&self, address: impl ToSocketAddrs) -> io::Result<Endpoint> {
        Endpoint::bind(address, Arc::clone(&self.registry))
    }

    /// Where the metrics are, for other ways to export them: `cutwater_meter::otlp` pushes them.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Adds metrics of the program's own. False when there is no room for another source.
    pub fn add(&self, source: impl Source + 'static) -> bool {
        self.registry.add(source)
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        switch(|live| live.saturating_sub(1));
    }
}
