//! Tracepoints by name: their numbers are in tracefs and nowhere else.

use std::fs;

use super::error::{Doing, PerfError};
use cutwater_sys::Errno;

const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The kernel's number of a tracepoint, which is `group:name` as `perf list` prints it.
pub(super) fn id(name: &'static str) -> Result<u64, PerfError> {
    let path = name.replace(':', "/");
    let mut failed = PerfError::new(Doing::FindTracepoint(name), Errno::NOENT);
    for root in TRACEFS {
        match fs::read_to_string(format!("{root}/events/{path}/id")) {
            Ok(id) => {
                let id = id.trim().parse();
                return id.map_err(|_| PerfError::new(Doing::FindTracepoint(name), Errno::INVAL));
            }
            // If one place refuses and the other is missing, the refusal is the reason.
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                failed = PerfError::from_io(Doing::FindTracepoint(name), &e);
            }
            Err(_) => {}
        }
    }
    Err(failed)
}
