//! Clients: some slow, some that give up, some that end in the middle of a request.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cutwater_rt::net::UnixStream;
use cutwater_rt::op::Op;
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{JoinHandle, operation, spawn, spawn_blocking};
use cutwater_testing::Dice;

use crate::server::REQUEST_BYTES;
use crate::{Case, FILE_BYTES, byte};

/// Clients of one history at most.
const CLIENTS_MAX: u64 = 6;

/// Requests of one client at most.
const REQUESTS_MAX: u64 = 8;

pub(crate) struct Clients {
    tasks: Vec<JoinHandle<Counts>>,
    /// Some clients are aborted after this time.
    abort_after: Option<Duration>,
}

/// What one client saw.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) answers: u64,
    pub(crate) errors: u64,
    /// Records that the server said are in the log.
    written: BTreeSet<String>,
}

impl Clients {
    pub(crate) fn start(case: &Case, dir: &Path) -> Self {
        let mut dice = Dice::new(case.seed ^ 0xc11e);
        let tasks = (0..1 + dice.below(CLIENTS_MAX))
            .map(|number| spawn(client(number, Dice::new(dice.roll()), dir.join("socket"))))
            .collect();
        let abort_after = (dice.below(3) == 0).then(|| Duration::from_micros(dice.below(2000)));
        Self { tasks, abort_after }
    }

    /// Waits for all; what they saw together.
    pub(crate) async fn ended(self) -> Counts {
        if let Some(after) = self.abort_after {
            sleep(after).await;
            self.tasks.iter().step_by(2).for_each(JoinHandle::abort);
        }
        let mut all = Counts::default();
        for task in self.tasks {
            // An aborted one is of no interest.
            let Ok(counts) = task.await else { continue };
            all.answers += counts.answers;
            all.errors += counts.errors;
            all.written.extend(counts.written);
        }
        all
    }
}

impl Counts {
    /// Compares the log with the server's answers.
    pub(crate) fn check(&self, dir: &Path) {
        let log = std::fs::read_to_string(dir.join("log")).expect("it is text");
        let mut seen = BTreeSet::new();
        for line in log.lines() {
            let (client, request) = line.split_once('.').expect("a whole record");
            assert!(client.parse().is_ok_and(|n: u64| n < CLIENTS_MAX), "{line}");
            assert!(request.parse().is_ok_and(|n: u64| n < REQUESTS_MAX), "{line}");
            assert!(seen.insert(line.to_owned()), "a record that is there twice: {line}");
        }
        let written = &self.written;
        assert!(seen.is_superset(written), "lost: {written:?} of {seen:?}");
    }
}

async fn client(number: u64, mut dice: Dice, socket: PathBuf) -> Counts {
    let mut counts = Counts::default();
    let Ok(mut stream) = UnixStream::connect(&socket).await else { return counts };
    for request in 0..1 + dice.below(REQUESTS_MAX) {
        if dice.below(4) == 0 {
            sleep(Duration::from_micros(dice.below(5000))).await;
        }
        let limit = match dice.below(8) {
            0 => Duration::from_micros(dice.below(500)),
            _ => Duration::from_secs(24 * 3600),
        };
        match timeout(limit, ask(&stream, number, request, &mut dice)).await {
            Ok(Ok(written)) => {
                counts.answers += 1;
                counts.written.extend(written);
                continue;
            }
            Ok(Err(_)) => counts.errors += 1,
            // It gave up: what comes on this connection is the answer to an old question.
            Err(_) => {}
        }
        let Ok(next) = UnixStream::connect(&socket).await else { return counts };
        stream = next;
    }
    counts
}

/// Sends one request and checks the answer; returns the record that the server has written.
async fn ask(
    stream: &UnixStream,
    number: u64,
    request: u64,
    dice: &mut Dice,
) -> io::Result<Option<String>> {
    match dice.below(8) {
        0 => {
            // Begun, and perhaps dropped in flight.
            let mut nop = Box::pin(operation(Op::Nop));
            let _ = timeout(Duration::from_micros(dice.below(40)), nop.as_mut()).await;
        }
        1 => assert_eq!(spawn_blocking(move || number + 1).await, Ok(number + 1)),
        _ => {}
    }
    if dice.below(3) == 0 {
        send(stream, b'w', number as u32, request as u32, dice).await?;
        let (received, answer) = stream.recv_exact(vec![0; 2]).await;
        received?;
        assert_eq!(answer, b"ok");
        return Ok(Some(format!("{number}.{request}")));
    }
    let len = match dice.below(4) {
        0 => 1 + dice.below(20),
        _ => 1 + dice.below(FILE_BYTES as u64 - 1),
    } as usize;
    let offset = dice.below((FILE_BYTES - len) as u64 + 1) as usize;
    send(stream, b'r', offset as u32, len as u32, dice).await?;
    if dice.below(2) == 0 {
        let (received, answer) = stream.recv_exact(vec![0; len]).await;
        received?;
        assert!(answer.iter().enumerate().all(|(at, b)| *b == byte(offset + at)), "wrong bytes");
        return Ok(None);
    }
    let (mut pieces, mut done) = (stream.received(), 0);
    while done < len {
        let piece = pieces.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let right = |(at, b): (usize, &u8)| *b == byte(offset + done + at);
        assert!(piece.iter().enumerate().all(right), "wrong bytes");
        done += piece.len();
        if dice.below(16) == 0 {
            sleep(Duration::from_micros(dice.below(300))).await;
        }
    }
    assert_eq!(done, len, "more than was asked for");
    Ok(None)
}

/// Sends a request at once, or byte by byte.
async fn send(
    stream: &UnixStream,
    kind: u8,
    first: u32,
    second: u32,
    dice: &mut Dice,
) -> io::Result<()> {
    let request = [&[kind], &first.to_le_bytes()[..], &second.to_le_bytes()[..]].concat();
    assert_eq!(request.len(), REQUEST_BYTES);
    if dice.below(4) > 0 {
        return stream.send_all(request).await.0;
    }
    for byte in request {
        stream.send_all(vec![byte]).await.0?;
        sleep(Duration::from_micros(dice.below(200))).await;
    }
    Ok(())
}
