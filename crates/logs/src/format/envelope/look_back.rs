//! Pieces that begin before the place where reading begins.

use super::pieces::LOOK_BACK_BYTES;
use super::rewrite::Rewriter;
use crate::Result;
use crate::split::ReadAt;

/// By how much to look back further for the first piece of a text, at a time.
const FACTOR: u64 = 4;

impl Rewriter {
    /// Finds the pieces that were not completed before `at`, where a line begins. Texts longer than
    /// the longest are not looked for to their beginning.
    ///
    /// # Errors
    /// When a read fails.
    pub(crate) fn look_back(&mut self, source: &impl ReadAt, at: u64) -> Result<()> {
        if !self.joins() {
            return Ok(());
        }
        let longest = (self.pieces.bytes_max() as u64).saturating_mul(2);
        let mut window = LOOK_BACK_BYTES;
        loop {
            let from = at.saturating_sub(window);
            let bytes = read(source, from, at)?;
            let settled = self.look(&bytes, from);
            if from == 0 || settled || window > longest {
                self.next = Some(at);
                return Ok(());
            }
            window = window.saturating_mul(FACTOR);
        }
    }

    /// Whether the beginning of every text that is incomplete after `bytes` is known.
    fn look(&mut self, bytes: &[u8], from: u64) -> bool {
        let cut =
            if from == 0 { 0 } else { memchr::memchr(b'\n', bytes).map_or(bytes.len(), |n| n + 1) };
        let mut ended: Vec<Vec<u8>> = Vec::new();
        self.reset();
        self.pass_over(from + cut as u64, &bytes[cut..], |stream, last| {
            if last && !ended.iter().any(|known| known == stream) {
                ended.push(stream.to_vec());
            }
        });
        self.pieces.iter().all(|open| ended.iter().any(|known| known == open.stream()))
    }
}

/// The bytes from `from` to `to`, or to the end of a file that became shorter.
fn read(source: &impl ReadAt, from: u64, to: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; (to - from) as usize];
    let mut done = 0;
    while done < bytes.len() {
        match source.read_at(&mut bytes[done..], from + done as u64)? {
            0 => break,
            n => done += n,
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}
