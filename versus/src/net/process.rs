//! Servers, each in a process of its own, and their processor time and memory.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::cells::Transport;

/// What a server is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// The library that serves.
    pub peer: &'static str,
    pub transport: Transport,
    /// The directory with the certificate.
    pub tls: &'a Path,
    /// The core it keeps to.
    pub cpu: usize,
    /// Percent of processor time that it burns for each request.
    pub slow: f64,
}

/// A server, until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) peer: &'static str,
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(super) fn start(setup: &Setup<'_>) -> Result<Self, String> {
        let peer = setup.peer;
        let me = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let mut command = Command::new(me);
        command.arg("net-serve").arg(peer).args(["--cpu", &setup.cpu.to_string()]);
        command.args(["--slow", &setup.slow.to_string()]).stdout(Stdio::piped());
        match setup.transport {
            Transport::Plain => {}
            Transport::Tls => drop(command.arg("--tls").arg(setup.tls)),
            Transport::Udp => drop(command.arg("--udp")),
        }
        let mut child = command.spawn().map_err(|e| format!("cannot start {peer}: {e}"))?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        let read = BufReader::new(out).read_line(&mut line);
        let address = read
            .map_err(|e| e.to_string())
            .and_then(|_| line.trim().parse().map_err(|_| "it did not start".to_owned()));
        match address {
            Ok(address) => Ok(Self { peer, child, address }),
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(why)
            }
        }
    }

    /// Nanoseconds that all its threads, and the kernel's workers for it, have run.
    pub(super) fn cpu_ns(&self) -> Result<u64, String> {
        let say = |e| format!("cannot read what {} has run: {e}", self.peer);
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut total = 0;
        for task in std::fs::read_dir(tasks).map_err(say)? {
            let path = task.map_err(say)?.path().join("schedstat");
            // A thread that has just ended has no file any more.
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            let first = text.split_whitespace().next();
            total += first.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(total)
    }

    /// Resident bytes.
    pub(super) fn rss_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()));
        let pages = text.ok().and_then(|t| t.split_whitespace().nth(1)?.parse::<u64>().ok());
        pages.unwrap_or(0) * 4096
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
