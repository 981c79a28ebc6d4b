//! io_uring compared with vectored calls and a map, in order.

use cutwater::ReadPath;

use super::passes::in_order;
use crate::reproduce::claim::{Claim, Measured};

pub(super) const CLAIM: Claim = Claim {
    id: "seq-paths",
    text: "a large cold file read once, in order: io_uring is faster than mmap, mmap than readv",
    claimed_ratio: Some(1.56),
    measure: |bed| {
        let mib = bed.sized(1024, 256);
        let path = bed.file(mib)?;
        let paths = [ReadPath::Uring, ReadPath::Preadv, ReadPath::Mmap];
        let sides = bed.interleave(&["io_uring", "readv", "mmap"], "s", |side| {
            bed.chill(&path)?;
            in_order(&path, paths[side], 1 << 20)
        })?;
        Ok(Measured::less(sides, |s| {
            let mmap = s[1].median() / s[2].median();
            let [ring, call, map] = [0, 1, 2].map(|n: usize| mib as f64 / 1024.0 / s[n].median());
            format!(
                "{ring:.2} GiB/s by io_uring, {call:.2} by readv, {map:.2} by mmap, which is {mmap:.2} times as fast as readv (claimed 1.29)"
            )
        }))
    },
};
