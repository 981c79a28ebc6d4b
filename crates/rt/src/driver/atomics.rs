//! The atomics of `parking`; its test under loom has others in this place.

pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
