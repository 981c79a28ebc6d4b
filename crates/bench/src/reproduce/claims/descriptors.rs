//! The limit of open descriptors, for claims that need many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Does `work` with room for `count` descriptors in this process and its children, then restores
/// the limit.
pub(super) fn with<T>(count: u64, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let before = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= count);
    if enough(before.current) {
        return work();
    }
    let maximum = if enough(before.maximum) { before.maximum } else { Some(count) };
    setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum }).map_err(|e| {
        let limit = before.maximum.map_or_else(|| "none".to_owned(), |m| m.to_string());
        format!(
            "it needs {count} descriptors, and the hard limit of {limit} cannot be raised: {e}; see: ulimit -Hn"
        )
    })?;
    let done = work();
    // Lowering the limit again cannot fail.
    let _ = setrlimit(Resource::Nofile, before);
    done
}
