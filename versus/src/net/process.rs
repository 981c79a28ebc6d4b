//! Servers, each in a process of its own on a core of its own, and what they cost.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::cells::Kind;

/// A server, until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) peer: &'static str,
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn start(peer: &'static str, kind: Kind, tls: &Path) -> Result<Self, String> {
        let me = std::env::current_exe().map_err(|e| format!("cannot find myself: {e}"))?;
        let mut command = Command::new(me);
        command.arg("net-serve").arg(peer).stdout(Stdio::piped());
        match kind {
            Kind::Plain => {}
            Kind::Tls => drop(command.arg("--tls").arg(tls)),
            Kind::Udp => drop(command.arg("--udp")),
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
