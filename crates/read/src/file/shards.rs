//! Cuts a file into parts for a parallel pass.

use cutwater_sys::buffer::PAGE_BYTES;

use super::File;
use crate::{Cut, Result, Shard};

/// Bytes looked at a time for a delimiter.
const LOOK_BYTES: usize = 16 << 10;

impl File {
    /// Cuts the file into at most `n` parts that hold every byte exactly once, in order.
    ///
    /// With [`Cut::Page`] parts begin at page boundaries. With [`Cut::After`] a part begins
    /// after the first such byte at or past its page boundary, so that no record is cut; its
    /// `delta` is what a map, which must begin at the page boundary *before*, has to skip.
    /// A file with few delimiters gives fewer parts.
    ///
    /// # Errors
    /// When the size cannot be had or, for [`Cut::After`], a read fails.
    pub fn par_shards(&self, n: usize, cut: Cut) -> Result<Vec<Shard>> {
        let size = self.size()?;
        let page = PAGE_BYTES as u64;
        let step = size.div_ceil(n.max(1) as u64).next_multiple_of(page).max(page);
        let mut starts = vec![0];
        let mut at = step;
        while at < size {
            let start = match cut {
                Cut::Page => Some(at),
                Cut::After(byte) => self.after_next(byte, at - 1, size)?,
            };
            let Some(start) = start else { break };
            // One record may reach past several cuts: those parts would be empty.
            if starts.last().is_none_or(|&last| last < start) && start < size {
                starts.push(start);
            }
            at = at.max(start - start % page) + step;
        }
        let ends = starts.iter().skip(1).copied().chain([size]);
        let shards = starts.iter().zip(ends).enumerate().map(|(index, (&start, end))| Shard {
            index,
            range: start..end,
            delta: start % page,
        });
        Ok(shards.filter(|s| !s.range.is_empty()).collect())
    }

    /// The offset after the first `byte` in `at..size`.
    fn after_next(&self, byte: u8, at: u64, size: u64) -> Result<Option<u64>> {
        let mut buf = [0; LOOK_BYTES];
        let mut at = at;
        while at < size {
            let n = self.read_at(&mut buf, at)?;
            if n == 0 {
                break;
            }
            if let Some(found) = buf[..n].iter().position(|&b| b == byte) {
                return Ok(Some(at + found as u64 + 1));
            }
            at += n as u64;
        }
        Ok(None)
    }
}
