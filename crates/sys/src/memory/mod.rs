//! Memory that is mapped or allocated by this process, and how much of it is in use.

pub mod alloc_count;
pub mod anon_map;
pub mod buffer;
pub mod heap;
pub mod shared_map;
pub mod smaps;
