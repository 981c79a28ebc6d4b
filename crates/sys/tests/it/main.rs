//! What belongs to a whole process (signal handlers, forks, filters of system calls, settings of the
//! allocator), and maps in a storm. Each test runs its body in a process of its own: this program again,
//! with that test alone.
#![allow(clippy::unwrap_used, reason = "tests, also in what they share")]
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]

mod child;
mod forked_lease;
mod forked_ring;
mod forked_runtime;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod heap;
mod interrupted_runtime;
mod refused_registration;
#[cfg(target_arch = "x86_64")]
mod sigbus;
#[cfg(target_arch = "x86_64")]
mod storm;
