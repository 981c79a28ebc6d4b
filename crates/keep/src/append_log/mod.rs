//! A log with one writer, and readers in other processes that see each record when it is
//! published.
//!
//! ```
//! use cutwater_keep::append_log::{AppendLog, LogReader};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("log");
//! let mut log = AppendLog::open(&path)?;
//! log.append(b"first")?;
//! log.append(b"second")?;
//! log.publish(); // readers see both
//!
//! // In any process:
//! let mut reader = LogReader::open(&path)?;
//! while let Some(record) = reader.read_next()? {
//!     println!("{} {:?}", record.position, record.payload);
//! }
//! log.close()?; // on the device
//! # Ok(()) }
//! ```
//!
//! # What is promised
//! - A reader sees whole records, in order, or an error; never a part of one.
//! - A writer that is killed loses what it had not published. Opening the log again finds all
//!   that was published, and continues.
//! - When the machine goes down, all that was there at the last [`AppendLog::sync`] stays.
//!   Of what came after it, checksums decide how much is kept: [`Recovery`] says.
//! - A full disk is an error of [`AppendLog::append`]: blocks are allocated before a page is
//!   touched. A truncated file is an error of the reader, which maps nothing that it touches.
//! - A second writer is refused, by a lock on `PATH.lock`, which is made next to the log and stays
//!   there. Only the log's writers can open it, so nobody else can keep a writer out. The lock
//!   (`F_OFD_SETLK` of `fcntl(2)`) goes with the process, also a killed one. A child made by
//!   `fork(2)` shares it until it calls `exec`. On NFS the server holds it, so that it works
//!   between hosts, unless the mount option is `nolock` or `local_lock`. Where `PATH.lock` cannot
//!   be made, a lock on the log itself takes its place. A reader can prevent that lock; opening
//!   then fails with an error that says so.
//!
//! # What is not
//! - The writer stores into a map: if another program truncates the file below it, that is
//!   SIGBUS. On file systems that copy on write (btrfs), allocation is not a promise.
//! - Readers must be on the same host: they rely on a shared page cache.
//! - Nothing is ever removed from a log; begin another file.
//!
//! # Format
//! Numbers are little-endian. Version 1.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic: `89 43 57 4c 4f 47 0d 0a` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | bytes of this header, 4096: where the first record begins |
//! | 16 | 8 | random identity of the log |
//! | 24 | 4 | longest payload, 16 MiB |
//! | 28 | 4 | 0 |
//! | 32 | 4 | CRC32C of bytes 0 to 31 |
//! | 64 | 16 | identity of the boot in which the last writer began, or 0 |
//! | 80 | 16 | durable length and its check |
//! | 128 | 32 | the published length: two slots of a length and its check, equal after a sync |
//! | 160 | 8 | sequence number of the publication; readers sleep on its low half (futex) |
//! | 4096 | | records |
//!
//! The published length has a cache line of its own. Publication `n` is stored in slot
//! `n mod 2`, length first and then, with Release, the check, which is a mix of length and
//! identity. The longest slot whose check is right counts: also when the writer was killed
//! between the two stores, and also for a reader that copies the bytes one by one.
//!
//! A record begins at a multiple of 8: payload length with bit 31 set (4 bytes), CRC32C of
//! identity, position, the four bytes before and the payload (4 bytes), payload, zeros up to
//! the next multiple of 8. So zeros, a record of another log and a record at another place
//! are not records.

mod failure;
mod format;
mod length;
mod lock;
mod open;
mod options;
mod published;
mod reader;
mod records;
mod recover;
mod space;
mod writer;

pub use format::RECORD_LEN_MAX;
pub use options::AppendLogOptions;
pub use reader::{LogReader, Record, WAIT_SLICE};
pub use recover::Recovery;
pub use writer::AppendLog;
