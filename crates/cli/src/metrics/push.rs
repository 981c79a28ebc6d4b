//! `--otlp`: metrics pushed to a collector.

use std::env;
use std::io;
use std::time::Duration;

use cutwater::Metrics;
use cutwater_meter::otlp::{Push, PushOptions, Target};

use super::say;

/// Where OpenTelemetry's programs are told to push, the more special first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// What they are told to be called.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// A push that is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    target: Target,
    every: Duration,
}

/// The push that the flags want, or the environment; an address there that is of no use is said
/// and is no reason to stop, as it is meant for every program.
pub(crate) fn wanted(flag: Option<&Target>, every_s: u64) -> Option<Wanted> {
    let target = flag.cloned().or_else(from_environment)?;
    Some(Wanted { target, every: Duration::from_secs(every_s) })
}

fn from_environment() -> Option<Target> {
    let set = |name| env::var(name).ok().filter(|url| !url.is_empty()).map(|url| (name, url));
    let (name, url) = ENDPOINTS.into_iter().find_map(set)?;
    match Target::new(&url) {
        Ok(target) => Some(target),
        Err(e) => {
            say(&format!("no metrics are pushed: {name} is {url:?}, and {e}"));
            None
        }
    }
}

impl Wanted {
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
                say(&format!("{failure}; further failures are only counted"));
            })
    }
}
