//! Opening a descriptor beside few or many others.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::process::{Resource, Rlimit};

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const MANY: u64 = 66_000;
const OPENS: u32 = 5000;

pub(super) const CLAIM: Claim = Claim {
    id: "fd-table",
    text: "a new descriptor with few open, against with more than 65,535 open",
    claimed_ratio: Some(5.3),
    measure: |lab| {
        let before = rustix::process::getrlimit(Resource::Nofile);
        let want = Rlimit {
            current: Some(MANY + 100),
            maximum: before.maximum.map(|m| m.max(MANY + 100)),
        };
        rustix::process::setrlimit(Resource::Nofile, want).map_err(|e| {
            let limit = before.maximum.map_or_else(|| "none".to_owned(), |m| m.to_string());
                format!("it needs {MANY} descriptors, and the hard limit of {limit} cannot be raised: {e}; see: ulimit -Hn")
        })?;
        let null = File::open("/dev/null").map_err(failed)?;
        let sides = lab.interleave(&["few open", "many open"], "ns", |side| {
            let mut held: Vec<OwnedFd> = Vec::new();
            if side == 1 {
                for _ in 0..MANY {
                    held.push(rustix::io::dup(&null).map_err(failed)?);
                }
            }
            let started = Instant::now();
            for _ in 0..OPENS {
                drop(rustix::io::dup(&null).map_err(failed)?);
            }
            Ok((started.elapsed().as_secs_f64() * 1e9 / f64::from(OPENS), 0))
        });
        // The table stays large until the process ends; the limit need not.
        let _ = rustix::process::setrlimit(Resource::Nofile, before);
        Ok(Measured::less(sides?, |_| {
            "the kernel finds the first free place through a bitmap of bitmaps, which hardly depends on how many are taken".into()
        }))
    },
};
