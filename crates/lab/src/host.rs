//! The machine: enough to understand a figure, and nothing that identifies a person.

use std::fs;

use serde::Serialize;

/// What figures depend on.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// The processor's model.
    pub cpu: String,
    /// Logical processors that this process may use.
    pub cores: usize,
    /// Memory, bytes; 0 where the kernel does not say.
    pub memory_bytes: u64,
    /// The kernel's release, its numbers only.
    pub kernel: String,
    /// Architecture.
    pub arch: &'static str,
}

impl Host {
    /// This machine, from `/proc` (see `proc(5)`); what cannot be read is unknown or 0.
    pub fn detect() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: field("/proc/meminfo", "MemTotal").map_or(0, |v| kib(&v)),
            kernel: release_numbers(&release).to_owned(),
            arch: std::env::consts::ARCH,
        }
    }

    /// For folder names: `amd-epyc-2c-linux-6.18.44`.
    pub fn slug(&self) -> String {
        let name = format!("{} {}c linux {}", self.cpu, self.cores, self.kernel).to_lowercase();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { ' ' };
        let name: String = name.chars().map(plain).collect();
        name.split_whitespace().collect::<Vec<_>>().join("-")
    }
}

/// The first value of `key` in a file of `key : value` lines.
fn field(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    };
    text.lines().find_map(value)
}

fn kib(value: &str) -> u64 {
    let number = value.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

/// The leading version numbers of a kernel release: what follows may name a site.
fn release_numbers(release: &str) -> &str {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.');
    release[..end.unwrap_or(release.len())].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slug_names_no_site() {
        let host = Host {
            cpu: "AMD EPYC (tm) 7B13".to_owned(),
            cores: 2,
            memory_bytes: 1,
            kernel: release_numbers("6.18.44-acme-prod7").to_owned(),
            arch: "x86_64",
        };
        assert_eq!(host.slug(), "amd-epyc-tm-7b13-2c-linux-6.18.44");
    }
}
