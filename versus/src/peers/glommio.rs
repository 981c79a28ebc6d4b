//! glommio: its buffered files, and its files past the page cache.

use std::rc::Rc;

use glommio::io::{BufferedFile, DmaFile, ReadResult};
use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};

use super::workers::{Lap, Queue, Start, on_shares};
use super::{Job, Outcome, Peer, PeerError, Tally, ring};

/// Which of the two kinds of file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Glommio {
    /// `BufferedFile`.
    Buffered,
    /// `DmaFile`, which reads with `O_DIRECT`.
    Dma,
}

impl Peer for Glommio {
    fn name(&self) -> &'static str {
        match self {
            Self::Buffered => "glommio",
            Self::Dma => "glommio-dma",
        }
    }

    fn package(&self) -> Option<&'static str> {
        Some("glommio")
    }

    fn run(&self, job: &Job) -> Result<Outcome, PeerError> {
        ring::probe()?;
        if matches!(self, Self::Dma) && !job.direct {
            let why = "reads past the page cache are not allowed here";
            return Err(PeerError::Unavailable(why.to_owned()));
        }
        on_shares(job, |queue, start| {
            executor()?.run(async {
                match self {
                    Self::Buffered => {
                        let file = BufferedFile::open(&job.path).await.map_err(failed)?;
                        timed(start, job, AnyFile::Buffered(file), queue).await
                    }
                    Self::Dma => {
                        let file = DmaFile::open(&job.path).await.map_err(failed)?;
                        timed(start, job, AnyFile::Dma(file), queue).await
                    }
                }
            })
        })
    }
}

enum AnyFile {
    Buffered(BufferedFile),
    Dma(DmaFile),
}

impl AnyFile {
    async fn read_at(&self, offset: u64, len: usize) -> Result<ReadResult, PeerError> {
        match self {
            Self::Buffered(file) => file.read_at(offset, len).await.map_err(failed),
            Self::Dma(file) => file.read_at_aligned(offset, len).await.map_err(failed),
        }
    }

    async fn close(self) -> Result<(), PeerError> {
        match self {
            Self::Buffered(file) => file.close().await.map_err(failed),
            Self::Dma(file) => file.close().await.map_err(failed),
        }
    }
}

async fn timed(start: Start<'_>, job: &Job, file: AnyFile, queue: Queue) -> Result<Lap, PeerError> {
    let (file, queue) = (Rc::new(file), Rc::new(queue));
    let clock = start.go();
    let lanes: Vec<_> = (0..job.depth_per_thread())
        .map(|_| glommio::spawn_local(lane(Rc::clone(&file), Rc::clone(&queue))))
        .collect();
    let mut tally = Tally::default();
    for lane in lanes {
        tally.merge(lane.await?);
    }
    let lap = clock.stop(tally);
    if let Some(file) = Rc::into_inner(file) {
        file.close().await?;
    }
    Ok(lap)
}

async fn lane(file: Rc<AnyFile>, queue: Rc<Queue>) -> Result<Tally, PeerError> {
    let mut tally = Tally::default();
    while let Some(span) = queue.take() {
        let read = file.read_at(span.offset, span.len).await?;
        tally.add_whole(span, &read)?;
    }
    Ok(tally)
}

fn executor() -> Result<LocalExecutor, PeerError> {
    LocalExecutorBuilder::new(Placement::Unbound).make().map_err(failed)
}

fn failed<T>(e: glommio::GlommioError<T>) -> PeerError {
    PeerError::Unavailable(e.to_string())
}
