//! Whether the system lets this process start a thread.

use crate::Failure;

/// Checks that a thread can be started, which the engine needs for `what`: its runtime panics otherwise.
///
/// # Errors
/// When none can be started.
pub fn check_thread(what: &str) -> Result<(), Failure> {
    let failed = |e| Failure::new(format!("cannot start a thread, which {what} needs")).because(e);
    // It does nothing that fails.
    std::thread::Builder::new().spawn(|| ()).map(|thread| drop(thread.join())).map_err(failed)
}
