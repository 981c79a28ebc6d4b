//! Metrics pushed to a collector by OTLP over HTTP: the registry that the endpoint serves, as JSON.
//!
//! No crate of OpenTelemetry: their exporters keep instruments of their own beside the counters
//! that are there, and bring protobuf and an async client. What is pushed is the page that a
//! scrape gets, and the request one of `ureq`, without TLS.

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

/// For one push, connect and answer included; also how long the last one can hold up the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 16 << 10;
/// Characters of an answer that are told.
const TOLD_CHARS_MAX: usize = 200;

/// How to push.
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
    /// Pushes so often; each 10 seconds by default, 100 ms at the least.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        self.every = time.max(Duration::from_millis(100));
        self
    }

    /// Adds an attribute of what sends: `service.name`, `host.name`, `process.pid`.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<Attribute>) -> Self {
        self.resource.push((key.to_owned(), value.into()));
        self
    }

    /// Pushes what is in `registry` from one thread more, until the [`Push`] is dropped, and then
    /// once more. `failed` is told the first failure; those after it are only counted.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        self,
        target: Target,
        registry: Arc<Registry>,
        failed: impl FnOnce(&str) + Send + 'static,
    ) -> std::io::Result<Push> {
        let state = Arc::new(State::default());
        registry.add(Told(Arc::clone(&state)));
        let mut pusher = Pusher {
            agent: agent(),
            target,
            registry,
            resource: self.resource,
            start_ns: unix_ns(),
            failed: Some(Box::new(failed)),
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
    /// The process that has the thread.
    origin: Origin,
}

impl Push {
    /// Pushes that a collector took, and that failed.
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
    /// Waits for the next push; true when it is to be the last.
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

/// What became of the pushes, among the metrics; of none there is nothing.
struct Told(Arc<State>);

impl Source for Told {
    fn collect(&self, page: &mut Page) {
        let (sent, failed) = self.0.counts();
        if sent + failed > 0 {
            page.counter("cutwater_otlp_pushes_total", "Pushes of metrics to a collector.")
                .sample(&[("outcome", "sent")], sent)
                .sample(&[("outcome", "failed")], failed);
        }
    }
}

/// Is told a failure.
type Tell = Box<dyn FnOnce(&str) + Send>;

/// What the thread has.
struct Pusher {
    agent: ureq::Agent,
    target: Target,
    registry: Arc<Registry>,
    resource: Vec<(String, Attribute)>,
    start_ns: u64,
    failed: Option<Tell>,
}

impl Pusher {
    fn push(&mut self, state: &State) {
        match self.send() {
            Ok(()) => drop(state.sent.fetch_add(1, Ordering::Relaxed)),
            Err(failure) => {
                state.failed.fetch_add(1, Ordering::Relaxed);
                if let Some(failed) = self.failed.take() {
                    failed(&format!("cannot push metrics to {}: {failure}", self.target));
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

/// A client that follows nobody and reads no environment.
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
    /// Nothing was answered; whether the port is that of gRPC.
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

/// What an answer of success refuses all the same.
fn refused(answer: &str) -> Option<Failure> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    let partial = &answer["partialSuccess"];
    let points = &partial["rejectedDataPoints"];
    let points = points.as_u64().or_else(|| points.as_str()?.parse().ok())?;
    let text = cut(partial["errorMessage"].as_str().unwrap_or_default());
    (points > 0).then_some(Failure::Refused(points, text))
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TOLD_CHARS_MAX).collect()
}

fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
