//! A pass over memory by the size of its pages.

use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_sys::anon_map::{AnonMap, Pages};
use cutwater_sys::smaps;

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const SMALL: usize = 4096;
/// The kernel may have no huge page for some; of fewer than this share nothing is to be said.
const HUGE_SHARE: f64 = 0.9;

pub(super) const CLAIM: Claim = Claim {
    id: "huge-pages",
    text: "1 GB of memory filled in order: 2 MiB pages populated ahead, against 4 KiB pages",
    claimed_ratio: Some(3.7),
    measure: |lab| {
        let mib = lab.sized(1024, 256) as usize;
        enough_for(mib)?;
        let mut ahead = Vec::new();
        let names = ["2 MiB, populated", "4 KiB", "4 KiB, populated"];
        let sides = lab.interleave(&names, "us a MiB", |side| {
            let pages = if side == 0 { Pages::Transparent } else { Pages::Small };
            let mut map = AnonMap::new(mib << 20, pages).map_err(failed)?;
            let started = Instant::now();
            if side != 1 {
                map.as_mut_slice().iter_mut().step_by(SMALL).for_each(|byte| *byte = 1);
            }
            if side == 0 {
                ahead.push(started.elapsed().as_secs_f64() * 1e6 / mib as f64);
                are_huge(&map)?;
            }
            let block: Vec<u8> = (0..SMALL).map(|n| (n * 31 / 7) as u8).collect();
            let started = Instant::now();
            for (n, page) in map.as_mut_slice().chunks_exact_mut(SMALL).enumerate() {
                page.copy_from_slice(&block);
                page[0] = n as u8;
            }
            let us = started.elapsed().as_secs_f64() * 1e6 / mib as f64;
            let mut sum = Checksum::new();
            sum.add(0, map.as_slice());
            Ok((us, sum.value()))
        })?;
        Ok(Measured::less(sides, |s| {
            let (huge, small, both) = (s[0].median(), s[1].median(), s[2].median());
            let ahead = crate::bench::stats::median(ahead);
            format!(
                "the first touch of 4 KiB pages takes {small:.0} us a MiB and the next {both:.0}, {:.2} times the {huge:.0} of 2 MiB pages after theirs; populating these took {ahead:.0} us a MiB, ahead of the pass",
                both / huge
            )
        }))
    },
};

/// More than the host has free would be paged out, or end processes.
fn enough_for(mib: usize) -> Result<(), String> {
    match crate::bench::memory_available() {
        Some(bytes) if (bytes >> 20) < 2 * mib as u64 => {
            Err(format!("it needs {} MiB of memory, and {} are available", 2 * mib, bytes >> 20))
        }
        _ => Ok(()),
    }
}

/// Whether the kernel gave the pages that were asked for.
fn are_huge(map: &AnonMap) -> Result<(), String> {
    let used = smaps::in_use(&[map.addresses()]).map_err(failed)?;
    if used.huge_transparent as f64 >= HUGE_SHARE * map.len() as f64 {
        return Ok(());
    }
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    let setting = setting.unwrap_or_else(|e| e.to_string());
    Err(format!(
        "the kernel gave 2 MiB pages for {} of {} MiB; /sys/kernel/mm/transparent_hugepage/enabled: {}",
        used.huge_transparent >> 20,
        map.len() >> 20,
        setting.trim()
    ))
}
