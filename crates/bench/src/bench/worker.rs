//! Threads that read, and outlive the cells, so that what a path sets up once for each thread
//! is not set up in every run.

use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use cutwater::{File, Order};
use cutwater_meter::{Checksum, Latencies};
use cutwater_observe::perf::{Counter, Event, Scope};

use cutwater_shell::Failure;
use cutwater_shell::stop::Stop;

/// What all threads of a pass have in common.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) file: File,
    pub(super) ranges: Arc<[Range<u64>]>,
    pub(super) mode: ReadMode,
}

/// How a thread reads its part of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadMode {
    /// One range per call, each timed.
    OneByOne,
    /// All ranges in one call.
    AtOnce,
    /// Calls of this many ranges; of each range the time from the call to its last byte.
    InBatches(usize),
    /// As the depth asks for, untimed, under the system call counter.
    Counted(usize),
}

/// What one thread did.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) reads: u64,
    pub(super) bytes: u64,
    pub(super) checksum: Checksum,
    /// Without samples where none were asked for.
    pub(super) latencies: Latencies,
    /// System calls, where they were asked for and may be counted.
    pub(super) syscalls: Option<u64>,
}

/// The threads.
#[derive(Debug)]
pub(super) struct Pool {
    workers: Vec<Worker>,
    done: Receiver<Result<Part, Failure>>,
}

#[derive(Debug)]
struct Worker {
    /// Taken when the pool ends, which ends the thread.
    work: Option<SyncSender<Task>>,
    thread: Option<JoinHandle<()>>,
}

struct Task {
    job: Job,
    part: Range<usize>,
    start: Arc<Barrier>,
    /// Set by the first thread that fails: the others' work is of no use then.
    failed: Arc<AtomicBool>,
}

impl Pool {
    /// `threads` threads, idle.
    pub(super) fn new(threads: u32, stop: &Stop) -> Result<Self, Failure> {
        let (done_in, done) = sync_channel(threads as usize);
        let workers = (0..threads)
            .map(|i| {
                let (work, tasks) = sync_channel::<Task>(1);
                let (done, stop) = (done_in.clone(), stop.clone());
                let thread = thread::Builder::new()
                    .name(format!("bench-{i}"))
                    .spawn(move || serve(&tasks, &done, &stop))
                    .map_err(|e| Failure::new("cannot start a thread").because(e))?;
                Ok(Worker { work: Some(work), thread: Some(thread) })
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self { workers, done })
    }

    /// Reads `job` on `threads` threads, each with an equal part of the list, and waits.
    pub(super) fn run(&self, job: &Job, threads: u32) -> Result<Vec<Part>, Failure> {
        let n = job.ranges.len();
        let threads = (threads as usize).min(self.workers.len());
        let start = Arc::new(Barrier::new(threads));
        let failed = Arc::new(AtomicBool::new(false));
        let gone = || Failure::new("a reading thread ended unasked");
        for (i, worker) in self.workers.iter().take(threads).enumerate() {
            let task = Task {
                job: job.clone(),
                part: n * i / threads..n * (i + 1) / threads,
                start: Arc::clone(&start),
                failed: Arc::clone(&failed),
            };
            let work = worker.work.as_ref().ok_or_else(gone)?;
            work.send(task).map_err(|_| gone())?;
        }
        // Every answer is taken even after a failure, so that none is left for the next pass.
        let parts: Vec<_> =
            (0..threads).map(|_| self.done.recv()).collect::<Result<_, _>>().map_err(|_| gone())?;
        parts.into_iter().collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.work = None;
            if let Some(thread) = worker.thread.take() {
                // A panic there was already printed, and cost a pass its answer.
                let _ = thread.join();
            }
        }
    }
}

fn serve(tasks: &Receiver<Task>, done: &SyncSender<Result<Part, Failure>>, stop: &Stop) {
    // Its 250 KiB are taken here and not in a pass.
    let mut latencies = Latencies::new();
    while let Ok(task) = tasks.recv() {
        latencies.clear();
        let mut reader =
            Reader { stop, failed: &task.failed, checksum: Checksum::new(), reads: 0, bytes: 0 };
        let ranges = &task.job.ranges[task.part.clone()];
        let counter = match task.job.mode {
            ReadMode::Counted(_) => Counter::open(Event::Syscalls, Scope::Thread).ok(),
            _ => None,
        };
        task.start.wait();
        let counted = counter.as_ref().and_then(|c| c.read().ok());
        let began = Instant::now();
        // A thread that died without an answer would leave its asker waiting.
        let result =
            catch_unwind(AssertUnwindSafe(|| reader.read(&task.job, ranges, &mut latencies)))
                .map_err(|_| {
                    Failure::new("a reading thread panicked; this is a bug, please report it")
                })
                .and_then(|result| Ok(result?));
        let ended = Instant::now();
        // The second reading's own call is seen only after it was made; the first one's is.
        let syscalls = counter
            .and_then(|c| c.read().ok())
            .zip(counted)
            .map(|(after, before)| after.saturating_sub(before).saturating_sub(1));
        if result.is_err() {
            task.failed.store(true, Ordering::Relaxed);
        }
        let (reads, bytes, checksum) = (reader.reads, reader.bytes, reader.checksum);
        // The file is closed before the answer: its receiver may drop the pages, and
        // mapped pages stay.
        drop(task);
        let part = result.map(|()| Part {
            began,
            ended,
            reads,
            bytes,
            checksum,
            latencies: latencies.clone(),
            syscalls,
        });
        if done.send(part).is_err() {
            return;
        }
    }
}

struct Reader<'a> {
    stop: &'a Stop,
    failed: &'a AtomicBool,
    checksum: Checksum,
    reads: u64,
    bytes: u64,
}

impl Reader<'_> {
    fn read(
        &mut self,
        job: &Job,
        ranges: &[Range<u64>],
        latencies: &mut Latencies,
    ) -> Result<(), cutwater::Error> {
        match job.mode {
            ReadMode::AtOnce => self.call(&job.file, ranges, |_| {}),
            ReadMode::OneByOne => self.one_by_one(&job.file, ranges, latencies),
            ReadMode::InBatches(depth) => self.in_batches(&job.file, ranges, depth, latencies),
            ReadMode::Counted(1) => {
                ranges.chunks(1).try_for_each(|one| self.call(&job.file, one, |_| {}))
            }
            ReadMode::Counted(_) => self.call(&job.file, ranges, |_| {}),
        }
    }

    fn one_by_one(
        &mut self,
        file: &File,
        ranges: &[Range<u64>],
        latencies: &mut Latencies,
    ) -> Result<(), cutwater::Error> {
        let mut last = Instant::now();
        for one in ranges.chunks(1) {
            self.call(file, one, |_| {})?;
            let now = Instant::now();
            latencies.record((now - last).as_nanos() as u64);
            last = now;
        }
        Ok(())
    }

    fn in_batches(
        &mut self,
        file: &File,
        ranges: &[Range<u64>],
        depth: usize,
        latencies: &mut Latencies,
    ) -> Result<(), cutwater::Error> {
        for batch in ranges.chunks(depth.max(1)) {
            let asked = Instant::now();
            self.call(file, batch, |last| {
                if last {
                    latencies.record(asked.elapsed().as_nanos() as u64);
                }
            })?;
        }
        Ok(())
    }

    fn call(
        &mut self,
        file: &File,
        ranges: &[Range<u64>],
        mut seen: impl FnMut(bool),
    ) -> Result<(), cutwater::Error> {
        if self.is_over() {
            return Ok(());
        }
        let (checksum, stop, failed) = (&mut self.checksum, self.stop, self.failed);
        let summary = file.read_ranges(ranges, Order::Completion, |piece| {
            checksum.add(piece.offset, piece.bytes);
            seen(piece.last);
            if stop.is_set() || failed.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        self.reads += summary.ranges;
        self.bytes += summary.bytes;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stop.is_set() || self.failed.load(Ordering::Relaxed)
    }
}
