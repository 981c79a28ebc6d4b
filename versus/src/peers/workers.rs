//! Threads that get ready, start together and are timed from there.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::{Job, Outcome, PeerError, Span, Tally};

/// Spans for the lanes of one thread, or of several, to take from.
#[derive(Debug)]
pub(crate) struct Queue {
    spans: Vec<Span>,
    next: AtomicUsize,
}

impl Queue {
    /// Holds `spans`, to be taken in order.
    pub(crate) fn new(spans: Vec<Span>) -> Self {
        Self { spans, next: AtomicUsize::new(0) }
    }

    /// The next span, or `None` when all were taken.
    pub(crate) fn take(&self) -> Option<Span> {
        self.spans.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }
}

/// The start line, where a thread that is ready waits for the others.
///
/// A thread that fails before it is ready passes the line on the way out, so that the
/// others are not left waiting.
pub(crate) struct Start<'a> {
    line: &'a Barrier,
    passed: bool,
}

impl Start<'_> {
    /// Waits for every thread and starts the time.
    pub(crate) fn go(mut self) -> Clock {
        self.passed = true;
        self.line.wait();
        Clock(Instant::now())
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.line.wait();
        }
    }
}

/// The time of one thread.
pub(crate) struct Clock(Instant);

impl Clock {
    /// Stops it with the last byte.
    pub(crate) fn stop(self, tally: Tally) -> Lap {
        Lap { started: self.0, ended: Instant::now(), tally }
    }
}

/// What one thread did.
pub(crate) struct Lap {
    started: Instant,
    ended: Instant,
    tally: Tally,
}

/// Runs `work` on `threads` threads, each with its index and the start line.
pub(crate) fn on_threads(
    threads: usize,
    work: impl Fn(usize, Start<'_>) -> Result<Lap, PeerError> + Sync,
) -> Result<Outcome, PeerError> {
    let threads = threads.max(1);
    let line = Barrier::new(threads);
    let laps = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|index| {
                let start = Start { line: &line, passed: false };
                let work = &work;
                // When there is no thread to be had, the closure is dropped and `start` with it.
                std::thread::Builder::new().spawn_scoped(scope, move || work(index, start))
            })
            .collect();
        let join = |spawned: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| {
            let handle = spawned.map_err(PeerError::io("start a thread"))?;
            handle.join().map_err(|p| PeerError::panicked(p.as_ref()))?
        };
        running.into_iter().map(join).collect::<Vec<Result<Lap, PeerError>>>()
    });
    outcome(laps.into_iter().collect::<Result<_, _>>()?)
}

/// As [`on_threads`], each of the job's threads with a queue of its share of the spans.
pub(crate) fn on_shares(
    job: &Job,
    work: impl Fn(Queue, Start<'_>) -> Result<Lap, PeerError> + Sync,
) -> Result<Outcome, PeerError> {
    on_threads(job.threads, |index, start| work(Queue::new(job.share(index)), start))
}

/// From the first start to the last end.
fn outcome(laps: Vec<Lap>) -> Result<Outcome, PeerError> {
    let started = laps.iter().map(|lap| lap.started).min();
    let ended = laps.iter().map(|lap| lap.ended).max();
    let (Some(started), Some(ended)) = (started, ended) else {
        return Err(PeerError::Unavailable("no thread ran".to_owned()));
    };
    let mut tally = Tally::default();
    laps.iter().for_each(|lap| tally.merge(lap.tally));
    Ok(Outcome { elapsed: ended.saturating_duration_since(started), tally })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_fails_before_the_start_does_not_hold_up_the_others() {
        let ran = on_threads(3, |index, start| match index {
            1 => Err(PeerError::Unavailable("no ring".to_owned())),
            _ => Ok(start.go().stop(Tally::default())),
        });
        assert_eq!(ran.unwrap_err().to_string(), "no ring");
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let ran = on_threads(2, |index, start| {
            assert_ne!(index, 1, "boom");
            Ok(start.go().stop(Tally::default()))
        });
        assert!(ran.unwrap_err().to_string().contains("boom"));
    }
}
