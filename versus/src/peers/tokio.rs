//! Tokio: its files, and its blocking pool with `pread(2)` in it.

use std::fs::File;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

use super::workers::{Lap, Queue, Start, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally};

/// `tokio::fs::File`, a handle for each read in flight: a handle has one position.
pub(crate) struct Fs;

impl Peer for Fs {
    fn name(&self) -> &'static str {
        "tokio-fs"
    }

    fn package(&self) -> Option<&'static str> {
        Some("tokio")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        on_shares(job, |queue, start| {
            runtime(job)?.block_on(async {
                let mut files = Vec::new();
                for _ in 0..job.depth_per_thread() {
                    let opened = tokio::fs::File::open(&job.path).await;
                    files.push(opened.map_err(PeerError::io("open"))?);
                }
                let (queue, len_max) = (Arc::new(queue), job.len_max());
                let lanes = files
                    .into_iter()
                    .map(|file| tokio::spawn(fs_lane(file, Arc::clone(&queue), len_max)));
                timed(start, lanes).await
            })
        })
    }
}

async fn fs_lane(
    mut file: tokio::fs::File,
    queue: Arc<Queue>,
    len_max: usize,
) -> Result<Tally, PeerError> {
    let mut tally = Tally::default();
    let mut buf = vec![0; len_max];
    while let Some(span) = queue.take() {
        let buf = &mut buf[..span.len];
        file.seek(SeekFrom::Start(span.offset)).await.map_err(PeerError::io("seek"))?;
        file.read_exact(buf).await.map_err(PeerError::io("read"))?;
        tally.add(span.offset, buf);
    }
    Ok(tally)
}

/// `pread(2)` in `spawn_blocking`, one call for each read.
pub(crate) struct SpawnBlocking;

impl Peer for SpawnBlocking {
    fn name(&self) -> &'static str {
        "tokio-spawn-blocking"
    }

    fn package(&self) -> Option<&'static str> {
        Some("tokio")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        on_shares(job, |queue, start| {
            let file = Arc::new(File::open(&job.path).map_err(PeerError::io("open"))?);
            let (queue, len_max) = (Arc::new(queue), job.len_max());
            runtime(job)?.block_on(async {
                let lanes = (0..job.depth_per_thread()).map(|_| {
                    tokio::spawn(blocking_lane(Arc::clone(&file), Arc::clone(&queue), len_max))
                });
                timed(start, lanes).await
            })
        })
    }
}

async fn blocking_lane(
    file: Arc<File>,
    queue: Arc<Queue>,
    len_max: usize,
) -> Result<Tally, PeerError> {
    let mut tally = Tally::default();
    let mut buf = vec![0; len_max];
    while let Some(span) = queue.take() {
        let file = Arc::clone(&file);
        let read = spawn_blocking(move || {
            let done = file.read_exact_at(&mut buf[..span.len], span.offset);
            (done, buf)
        });
        let (done, back) = read.await.map_err(|e| PeerError::Panicked(e.to_string()))?;
        done.map_err(PeerError::io("pread"))?;
        buf = back;
        tally.add(span.offset, &buf[..span.len]);
    }
    Ok(tally)
}

fn runtime(job: &Job) -> Result<Runtime, PeerError> {
    Builder::new_current_thread()
        .max_blocking_threads(job.depth_per_thread())
        .build()
        .map_err(PeerError::io("start the runtime"))
}

/// Starts the lanes (they are spawned as the iterator is taken) and waits for all.
async fn timed(
    start: Start<'_>,
    lanes: impl Iterator<Item = JoinHandle<Result<Tally, PeerError>>>,
) -> Result<Lap, PeerError> {
    let clock = start.go();
    let mut tally = Tally::default();
    for lane in lanes.collect::<Vec<_>>() {
        tally.merge(lane.await.map_err(|e| PeerError::Panicked(e.to_string()))??);
    }
    Ok(clock.stop(tally))
}
