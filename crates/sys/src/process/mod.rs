//! This process: whether it was forked, what it has used, which system calls are refused to it, and which
//! signals it ignores.

pub mod origin;
pub mod seccomp;
pub mod signals;
pub mod usage;
