//! The host and the files of a measurement.

use std::path::Path;

use cutwater_sys::probe::{block, mount};
use jiff::Timestamp;
use serde::Serialize;

use crate::bench;
use cutwater_shell::words::counted;

/// The host, as far as figures depend on it.
#[derive(Debug, Serialize)]
pub(super) struct Host {
    pub(super) cpus: usize,
    pub(super) kernel: String,
    pub(super) cutwater: &'static str,
    pub(super) quick: bool,
    pub(super) machine: &'static str,
    pub(super) cpu: String,
    pub(super) memory_bytes: u64,
    /// When the run began: UTC, to the second.
    pub(super) date: String,
    /// The compiler that built this.
    pub(super) rustc: &'static str,
    pub(super) directory: Directory,
}

/// Where files were made.
#[derive(Debug, Serialize)]
pub(super) struct Directory {
    pub(super) file_system: Option<String>,
    /// The kernel's name of the block device, if there is one.
    pub(super) disk: Option<String>,
    pub(super) disk_bytes: Option<u64>,
    pub(super) rotational: Option<bool>,
}

impl Host {
    /// This host, with files in `dir`.
    pub(super) fn with_files_in(dir: &Path, quick: bool) -> Self {
        let host = bench::host();
        let now = Timestamp::now();
        let date = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        Self {
            cpus: host.cpus,
            kernel: host.kernel,
            cutwater: env!("CARGO_PKG_VERSION"),
            quick,
            machine: host.machine,
            cpu: host.cpu,
            memory_bytes: host.memory_bytes,
            date,
            rustc: env!("CUTWATER_RUSTC"),
            directory: Directory::describe(dir),
        }
    }

    /// The host in one line.
    pub(super) fn line(&self) -> String {
        let (cpu, memory) = (self.processors(), bench::size(self.memory_bytes));
        let (kernel, place) = (&self.kernel, self.directory.words());
        format!("{cpu}, {memory}, Linux {kernel}, {place}; Cutwater {}", self.cutwater)
    }

    pub(super) fn processors(&self) -> String {
        format!("{} of {}", counted(self.cpus as u64, "CPU"), self.cpu)
    }
}

impl Directory {
    fn describe(dir: &Path) -> Self {
        let mount = mount::find(dir);
        let disk = mount.as_ref().and_then(|mount| block::device(mount.device));
        Self {
            file_system: mount.map(|mount| mount.fs_type),
            rotational: disk.as_ref().and_then(|disk| disk.rotational),
            disk_bytes: disk.as_ref().and_then(|disk| disk.bytes),
            disk: disk.map(|disk| disk.name),
        }
    }

    /// The file system and the disk.
    pub(super) fn words(&self) -> String {
        let kind = self.file_system.as_deref().unwrap_or("an unknown file system");
        let Some(disk) = &self.disk else { return kind.to_owned() };
        let size = self.disk_bytes.map(|bytes| format!(", {}", bench::size(bytes)));
        let turns = if self.rotational == Some(true) { ", rotational" } else { "" };
        format!("{kind} on {disk}{}{turns}", size.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_everything_that_figures_depend_on() {
        let host = Host::with_files_in(Path::new("/proc"), true);
        assert_eq!(host.directory.file_system.as_deref(), Some("proc"));
        assert_eq!(host.directory.words(), "proc");
        assert!(host.memory_bytes > 0 && host.cpus > 0 && !host.cpu.is_empty(), "{host:?}");
        assert!(host.rustc.starts_with("rustc "), "{}", host.rustc);
        let date = host.date.parse::<Timestamp>().unwrap();
        assert!(date <= Timestamp::now() && !host.date.contains('.'), "{}", host.date);
    }
}
