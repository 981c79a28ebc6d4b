//! A regular file in an epoll set.

use std::fs::File;

use rustix::event::epoll;
use rustix::io::Errno;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

pub(super) const CLAIM: Claim = Claim {
    id: "epoll-file",
    text: "epoll refuses a regular file with EPERM",
    claimed_ratio: None,
    measure: |bed| {
        let file = File::open(bed.file(64)?).map_err(failed)?;
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
        let data = epoll::EventData::new_u64(0);
        let answer = epoll::add(&set, &file, data, epoll::EventFlags::IN);
        let why = match answer {
            Ok(()) => "this file system takes part in epoll".to_owned(),
            Err(e) => format!("epoll_ctl(2) answered: {e}"),
        };
        Ok(Measured::fact(Vec::new(), answer == Err(Errno::PERM), why))
    },
};
