//! The append log between real processes, on damaged files and on full disks.

mod basics;
mod crash;
mod damage;
mod full_disk;
mod pairs;
mod readers;
mod text;
