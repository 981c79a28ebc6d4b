//! A server on a Unix socket: it reads from a file, and appends records to a log.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use cutwater_rt::fs::File;
use cutwater_rt::net::{UnixListener, UnixStream};
use cutwater_rt::time::sleep;
use cutwater_rt::{JoinHandle, spawn};

use crate::FILE_BYTES;

/// Bytes of a request: one letter, and two numbers.
pub(crate) const REQUEST_BYTES: usize = 9;

/// A log to which one task writes at a time.
struct Log {
    file: File,
    /// Where the next record goes.
    end: Cell<u64>,
    taken: Cell<bool>,
}

pub(crate) struct Server {
    accepts: JoinHandle<()>,
    handlers: Rc<RefCell<Vec<JoinHandle<()>>>>,
}

/// Tries again, as a program does that has no descriptors or space for a moment.
async fn patiently<T>(mut attempt: impl AsyncFnMut() -> io::Result<T>) -> T {
    for _ in 0..1000 {
        if let Ok(value) = attempt().await {
            return value;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("it fails a thousand times");
}

impl Server {
    pub(crate) async fn start(dir: &Path) -> Self {
        let listener = UnixListener::bind(dir.join("socket")).expect("listens");
        let served = patiently(async || File::open(dir.join("file")).await).await;
        let file = patiently(async || File::create(dir.join("log")).await).await;
        let log = Rc::new(Log { file, end: Cell::new(0), taken: Cell::new(false) });
        let handlers = Rc::<RefCell<Vec<_>>>::default();
        let all = Rc::clone(&handlers);
        let accepts = spawn(async move {
            let (mut incoming, served) = (listener.incoming(), Rc::new(served));
            while let Ok(stream) = incoming.next().await {
                let (served, log) = (Rc::clone(&served), Rc::clone(&log));
                // A connection that fails is dropped; its client sees that.
                let handler = spawn(async move { drop(handle(stream, &served, &log).await) });
                all.borrow_mut().push(handler);
            }
        });
        Self { accepts, handlers }
    }

    pub(crate) async fn end(self) {
        self.accepts.abort();
        let handlers = self.handlers.take();
        for handler in handlers {
            // Clients are gone, so each comes to its end by itself.
            handler.await.expect("no panic");
        }
        let _ = self.accepts.await;
    }
}

async fn handle(stream: UnixStream, served: &File, log: &Log) -> io::Result<()> {
    loop {
        let (received, request) = stream.recv_exact(vec![0; REQUEST_BYTES]).await;
        match received {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let first = u32::from_le_bytes([request[1], request[2], request[3], request[4]]);
        let second = u32::from_le_bytes([request[5], request[6], request[7], request[8]]);
        if request[0] == b'r' {
            assert!((first + second) as usize <= FILE_BYTES, "another request than was sent");
            let buf = vec![0; second as usize];
            let (read, bytes) = served.read_exact_at(buf, u64::from(first)).await;
            read?;
            stream.send_all(bytes).await.0?;
        } else {
            assert_eq!(request[0], b'w', "another request than was sent");
            log.append(format!("{first}.{second}\n").into_bytes()).await?;
            stream.send_all(b"ok".to_vec()).await.0?;
        }
    }
}

impl Log {
    /// Appends one record, whole or not at all.
    async fn append(&self, record: Vec<u8>) -> io::Result<()> {
        while self.taken.replace(true) {
            sleep(Duration::from_micros(100)).await;
        }
        // Given back also where this future is dropped.
        let _guard = Guard(self);
        let (end, len) = (self.end.get(), record.len() as u64);
        let (written, _) = self.file.write_all_at(record, end).await;
        if let Err(e) = written {
            self.file.set_len(end)?;
            return Err(e);
        }
        self.file.sync_data().await?;
        self.end.set(end + len);
        Ok(())
    }
}

struct Guard<'a>(&'a Log);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.taken.set(false);
    }
}
