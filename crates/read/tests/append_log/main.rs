//! The append log between real processes, on damaged files and on full disks.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../support/process.rs"]
mod process;

mod basics;
mod crash;
mod damage;
mod full_disk;
mod readers;
mod text;
