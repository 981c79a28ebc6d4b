//! `--otlp`: metrics pushed to a collector.

use std::env;
use std::io;
use std::time::Duration;

use cutwater::Metrics;
use cutwater_meter::otlp::{Push, PushOptions, Target};

use crate::note;

/// The variables that say where OpenTelemetry's programs push, the more specific one first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// The variable that names the service.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// A collector, and how often to push to it.
#[derive(Debug)]
pub struct PushTo {
    target: Target,
    every: Duration,
}

impl PushTo {
    /// The collector that `--otlp` names, otherwise the one that the environment names, every
    /// `every_s` seconds.
    ///
    /// A wrong address in the environment is meant for every program, so it is noted and does not
    /// stop the command.
    #[must_use]
    pub fn from_option_or_environment(option: Option<&Target>, every_s: u64) -> Option<Self> {
        let target = option.cloned().or_else(from_environment)?;
        Some(Self { target, every: Duration::from_secs(every_s) })
    }

    pub(super) fn start(self, metrics: &Metrics) -> io::Result<Push> {
        let name = env::var(SERVICE).ok().filter(|name| !name.is_empty());
        let uname = rustix::system::uname();
        PushOptions::default()
            .every(self.every)
            .attribute("service.name", name.as_deref().unwrap_or("cutwater"))
            .attribute("service.version", env!("CARGO_PKG_VERSION"))
            .attribute("host.name", &*uname.nodename().to_string_lossy())
            .attribute("process.pid", std::process::id())
            .start(self.target, metrics.registry(), |failure| {
                note(&format!("{failure}; further failures are only counted"));
            })
    }
}

fn from_environment() -> Option<Target> {
    let set = |name| env::var(name).ok().filter(|url| !url.is_empty()).map(|url| (name, url));
    let (name, url) = ENDPOINTS.into_iter().find_map(set)?;
    match Target::new(&url) {
        Ok(target) => Some(target),
        Err(e) => {
            note(&format!("no metrics are pushed: {name} is {url:?}, and {e}"));
            None
        }
    }
}
