//! A pass over memory by the size of its pages.

use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_sys::anon_map::{AnonMap, Pages};
use cutwater_sys::smaps;

use super::passes::failed;
use crate::reproduce::bed::Gauge;
use crate::reproduce::claim::{Claim, Measured};

const SMALL: usize = 4096;

const FILL: Gauge =
    Gauge { what: "filling memory that was populated", unit: "us a MiB", claimed_ratio: None };

/// The kernel may run out of huge pages; below this share the claim is not judged.
const HUGE_SHARE: f64 = 0.9;

pub(super) const CLAIM: Claim = Claim {
    id: "huge-pages",
    text: "1 GB of memory filled in order: 2 MiB pages populated ahead, against 4 KiB pages; what populating takes is counted",
    claimed_ratio: Some(3.7),
    measure: |bed| {
        let mib = bed.sized(1024, 256) as usize;
        enough_for(mib)?;
        let kinds = [Pages::Transparent, Pages::Small];
        let (sides, [fill]) =
            bed.interleave_with(&["2 MiB", "4 KiB"], "us a MiB", [FILL], |side| {
                let mut map = AnonMap::new(mib << 20, kinds[side]).map_err(failed)?;
                let us = |since: Instant| since.elapsed().as_secs_f64() * 1e6 / mib as f64;
                let started = Instant::now();
                map.as_mut_slice().iter_mut().step_by(SMALL).for_each(|byte| *byte = 1);
                let populated = us(started);
                if side == 0 {
                    are_huge(&map)?;
                }
                let started = Instant::now();
                fill(&mut map);
                let ready = us(started);
                let mut sum = Checksum::new();
                sum.add(0, map.as_slice());
                drop(map);
                if side == 0 {
                    return Ok((populated + ready, [ready], sum.value()));
                }
                // Pages of 4 KiB are populated by filling them.
                let mut map = AnonMap::new(mib << 20, kinds[side]).map_err(failed)?;
                let started = Instant::now();
                fill(&mut map);
                Ok((us(started), [ready], sum.value()))
            })?;
        let measured = Measured::less(sides, |s| {
            let [huge, small] = [0, 1].map(|side: usize| s[side].median());
            let [then, again] = [0, 1].map(|side: usize| fill.sides[side].median());
            format!(
                "to populate 2 MiB pages and fill them takes {huge:.0} us a MiB, to fill 4 KiB pages that nothing has touched {small:.0}; filling alone takes {then:.0} where 2 MiB pages were populated ahead, {:.1} times less than untouched 4 KiB pages, and {again:.0} where 4 KiB pages were",
                small / then
            )
        });
        Ok(measured.with([fill]))
    },
};

/// Writes all of it in order.
fn fill(map: &mut AnonMap) {
    let block: Vec<u8> = (0..SMALL).map(|n| (n * 31 / 7) as u8).collect();
    for (n, page) in map.as_mut_slice().chunks_exact_mut(SMALL).enumerate() {
        page.copy_from_slice(&block);
        page[0] = n as u8;
    }
}

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
