//! This process: whether it was forked, what it has used, which system calls are refused to it.

pub mod origin;
pub mod seccomp;
pub mod usage;
