//! Metrics pushed to a collector by OTLP over HTTP: the registry that the endpoint serves, as JSON.
//!
//! It uses no crate of OpenTelemetry: their exporters keep their own instruments next to the existing
//! counters, and bring protobuf and an async client. A push has the page that a
//! scrape gets, in a request of `ureq` without TLS.

mod json;
mod target;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use cutwater_sys::origin::Origin;

use crate::expose::{Page, Registry, Source};
use json::Span;
pub use target::{Target, TargetError};

/// The timeout of a push, including connect and answer; the last push can delay the end by as much.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 << 10;
/// Most characters of an answer that a message quotes.
const QUOTED_CHARS_MAX: usize = 200;

/// Options of a [`Push`].
#[derive(Debug, Clone)]
pub struct PushOptions {
    every: Duration,
    resource: Vec<(String, Attribute)>,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u32> for Attribute {
    fn from(n: u32) -> Self {
        Self::Whole(n.into())
    }
}

impl Default for PushOptions {
    fn default() -> Self {
        Self { every: Duration::from_secs(10), resource: Vec::new() }
    }
}

impl PushOptions {
    /// The time between two pushes: 10 seconds by default, at least 100 ms.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        self.every = time.max(Duration::from_millis(100));
        self
    }

    /// Adds an attribute of the sender: `service.name`, `host.name`, `process.pid`.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<Attribute>) -> Self {
        self.resource.push((key.to_owned(), value.into()));
        self
    }

    /// Pushes the metrics of `registry` from a thread of its own until the [`Push`] is dropped, and then
    /// once more. `on_failure` gets the first failure; later ones are only counted.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        self,
        target: Target,
        registry: Arc<Registry>,
        on_failure: impl FnOnce(&str) + Send + 'static,
    ) -> std::io::Result<Push> {
        let state = Arc::new(State::default());
        registry.add(PushMetrics(Arc::clone(&state)));
        let mut pusher = Pusher {
            agent: agent(),
            target,
            registry,
            resource: self.resource,
            start_ns: unix_ns(),
            on_failure: Some(Box::new(on_failure)),
        };
        let thread = thread::Builder::new().name("metrics-otlp".to_owned()).spawn({
            let state = Arc::clone(&state);
            move || {
                while !state.waits(self.every) {
                    pusher.push(&state);
                }
                pusher.push(&state);
            }
        })?;
        Ok(Push { state, thread: Some(thread), origin: Origin::here() })
    }
}

/// Pushes until it is dropped.
#[derive(Debug)]
pub struct Push {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
    /// The process that owns the thread.
    origin: Origin,
}

impl Push {
    /// How many pushes a collector took, and how many failed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        self.state.counts()
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            // A child made by fork(2) does not have the thread, and would wait for it for ever.
            std::mem::forget(self.thread.take());
            return;
        }
        *self.state.stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.state.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Default)]
struct State {
    sent: AtomicU64,
    failed: AtomicU64,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl State {
    /// Waits for the next push; returns whether that is the last.
    fn waits(&self, time: Duration) -> bool {
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.stopped.wait_timeout_while(stop, time, |stop| !*stop);
        let (stop, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *stop
    }

    fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// Counts of pushes, as a metric once there was a push.
struct PushMetrics(Arc<State>);

impl Source for PushMetrics {
    fn collect(&self, page: &mut Page) {
        let (sent, failed) = self.0.counts();
        if sent + failed > 0 {
            page.counter("cutwater_otlp_pushes_total", "Pushes of metrics to a collector.")
                .sample(&[("outcome", "sent")], sent)
                .sample(&[("outcome", "failed")], failed);
        }
    }
}

/// Gets the message of a failure.
type OnFailure = Box<dyn FnOnce(&str) + Send>;

/// The state of the thread.
struct Pusher {
    agent: ureq::Agent,
    target: Target,
    registry: Arc<Registry>,
    resource: Vec<(String, Attribute)>,
    start_ns: u64,
    on_failure: Option<OnFailure>,
}

impl Pusher {
    fn push(&mut self, state: &State) {
        match self.send() {
            Ok(()) => drop(state.sent.fetch_add(1, Ordering::Relaxed)),
            Err(failure) => {
                state.failed.fetch_add(1, Ordering::Relaxed);
                if let Some(on_failure) = self.on_failure.take() {
                    on_failure(&format!("cannot push metrics to {}: {failure}", self.target));
                }
            }
        }
    }

    fn send(&self) -> Result<(), Failure> {
        let span = Span { start_ns: self.start_ns, now_ns: unix_ns() };
        let body = json::request(&self.registry.page(), &self.resource, span).to_string();
        let request = self.agent.post(self.target.url()).content_type("application/json");
        let mut answer =
            request.send(body).map_err(|e| Failure::Exchange(self.target.grpc(), e))?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.unwrap_or_default();
        if !answer.status().is_success() {
            return Err(Failure::Status(answer.status().as_u16(), cut(&text)));
        }
        refused(&text).map_or(Ok(()), Err)
    }
}

/// A client that follows no redirect and reads no environment variable.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("cutwater/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Why a push failed.
enum Failure {
    /// There was no answer; true when the port is the one for gRPC.
    Exchange(bool, ureq::Error),
    Status(u16, String),
    /// Points that the collector did not take.
    Refused(u64, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(true, e) => {
                write!(f, "{e}; likely cause: port 4317 is that of gRPC, and HTTP's is 4318")
            }
            Self::Exchange(false, e) => {
                write!(
                    f,
                    "{e}; likely cause: no collector listens there (OTLP over HTTP is port 4318)"
                )
            }
            Self::Status(status, text) => write!(f, "the answer is {status}: {text}"),
            Self::Refused(points, text) => write!(f, "{points} points were refused: {text}"),
        }
    }
}

/// The points that a successful answer refuses.
fn refused(answer: &str) -> Option<Failure> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    let partial = &answer["partialSuccess"];
    let points = &partial["rejectedDataPoints"];
    let points = points.as_u64().or_else(|| points.as_str()?.parse().ok())?;
    let text = cut(partial["errorMessage"].as_str().unwrap_or_default());
    (points > 0).then_some(Failure::Refused(points, text))
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect()
}

fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
