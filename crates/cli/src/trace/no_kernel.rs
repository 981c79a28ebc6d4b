//! In the place of `in_kernel` where eBPF was left out of the build.

use std::collections::HashMap;

use cutwater_observe::perf::Start;

use super::tally::Tally;

/// Never made: eBPF is not in this build.
#[derive(Debug)]
pub(super) enum InKernel {}

impl InKernel {
    pub(super) fn open(_pid: u32, _start: Start) -> Result<Self, String> {
        Err("it was left out of this build (feature ebpf)".to_owned())
    }

    pub(super) fn missing(&self) -> Vec<String> {
        match *self {}
    }

    pub(super) fn look(&mut self, _all: bool) {
        match *self {}
    }

    pub(super) fn stop(&mut self) {
        match *self {}
    }

    pub(super) fn fill(&self, _tally: &mut Tally) {
        match *self {}
    }

    pub(super) fn no_frames(&self) -> Option<String> {
        match *self {}
    }

    pub(super) fn chains(&self) -> HashMap<u32, Vec<u64>> {
        match *self {}
    }

    pub(super) fn lost(&self) -> u64 {
        match *self {}
    }
}
