//! The hot path of a runtime compared with its cold path.

use cutwater_rt::{Backend, Path, Runtime, operation};
use cutwater_sys::ring::Op;

use crate::reproduce::claim::{Claim, Measured};

const OPERATIONS: u32 = 20_000;

pub(super) const CLAIM: Claim = Claim {
    id: "degrade",
    text: "an operation on the hot path (io_uring), against the cold path",
    claimed_ratio: Some(2.5),
    measure: |bed| {
        let runtime = Runtime::options()
            .backend(Backend::Ring)
            .build()
            .map_err(|e| format!("no io_uring here: {e}"))?;
        let paths = [Path::Hot, Path::Cold];
        let sides = bed.interleave(&["hot: ring", "cold: pool"], "us", |side| {
            runtime.force_path(Some(paths[side]));
            let started = std::time::Instant::now();
            runtime.block_on(async {
                for _ in 0..OPERATIONS {
                    operation(Op::Nop).await;
                }
            });
            Ok((started.elapsed().as_secs_f64() * 1e6 / f64::from(OPERATIONS), 0))
        })?;
        Ok(Measured::less(sides, |s| {
            let (hot, cold) = (s[0].median(), s[1].median());
            let word = if cold > hot { "more" } else { "less" };
            format!(
                "the cold path hands each operation to another thread and back: {:.2} us {word}",
                (cold - hot).abs()
            )
        }))
    },
};
