//! Lines sampled across a log.

use crate::Result;
use crate::split::ReadAt;

/// At how many places a log is sampled, and how much is read at each.
const PLACES: u64 = 8;
const SAMPLE_BYTES: usize = 32 << 10;

/// The most lines that are taken from one place, and from the only place of a small log.
const LINES_PER_PLACE: usize = 64;
const LINES_OF_SMALL: usize = 512;

/// Of more lines than these, runs of this many lines are taken, spread evenly.
const RUN_LINES: usize = 16;

/// How far to look for the end of a line that is longer than what is read at a place.
const LONG_LINE_BYTES: usize = 4 << 20;

/// More places are tried where the usual ones have no lines, as in a log with large holes.
const PLACES_MORE: u64 = 64;

/// Lines from places spread evenly over a log of `size` bytes, each with its line feed. Holes and runs
/// of NUL bytes are passed over.
///
/// # Errors
/// When a read fails.
pub fn sample(source: &impl ReadAt, size: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    places(source, size, PLACES, &mut out)?;
    if !has_lines(&out) && size > SAMPLE_BYTES as u64 {
        places(source, size, PLACES_MORE, &mut out)?;
    }
    if !has_lines(&out) && size > SAMPLE_BYTES as u64 {
        place(source, size, size - SAMPLE_BYTES as u64, &mut out)?;
    }
    Ok(out)
}

fn has_lines(sample: &[u8]) -> bool {
    sample.iter().any(|b| !matches!(b, b'\n' | b' ' | 0))
}

fn places(source: &impl ReadAt, size: u64, count: u64, out: &mut Vec<u8>) -> Result<()> {
    let mut reached = 0;
    for index in 0..count {
        let at = (u128::from(size) * u128::from(index) / u128::from(count)) as u64;
        let at = source.next_data(at);
        if at >= size || at < reached || (at == reached && at > 0) {
            continue;
        }
        reached = place(source, size, at, out)?;
    }
    Ok(())
}

/// Takes lines at `at`, and returns how far was read.
fn place(source: &impl ReadAt, size: u64, at: u64, out: &mut Vec<u8>) -> Result<u64> {
    let mut buf = vec![0; SAMPLE_BYTES];
    let mut n = source.read_at(&mut buf, at)?;
    // A line that is longer than what was read is read to its end, as far as it is near.
    while n == buf.len() && n < LONG_LINE_BYTES && !has_whole_line(&buf, at > 0) {
        buf.resize(n * 2, 0);
        let more = source.read_at(&mut buf[n..], at + n as u64)?;
        n += more;
        buf.truncate(n);
        if more == 0 {
            break;
        }
    }
    buf.truncate(n);
    let whole = at + n as u64 >= size;
    // After a hole a line begins, whatever the bytes before it are.
    let zeros = buf.iter().take_while(|&&b| b == 0).count();
    take_lines(&buf[zeros..], at > 0 && zeros == 0, whole, out);
    Ok(at + n as u64)
}

fn has_whole_line(bytes: &[u8], first_cut: bool) -> bool {
    let bytes = &bytes[bytes.iter().take_while(|&&b| b == 0).count()..];
    memchr::memchr_iter(b'\n', bytes).nth(usize::from(first_cut)).is_some()
}

/// Appends whole lines of `bytes`: not the first or the last if they may be cut. Of many lines, the
/// first ones and further runs are taken, so that a banner at the beginning does not stand for all.
pub(crate) fn take_lines(bytes: &[u8], first_cut: bool, whole: bool, out: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    if first_cut && !lines.is_empty() {
        lines.remove(0);
    }
    if !whole && lines.last().is_some_and(|last| !last.ends_with(b"\n")) {
        lines.pop();
    }
    let most = if !first_cut && whole { LINES_OF_SMALL } else { LINES_PER_PLACE };
    for line in spread(&lines, most) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let zeros = line.iter().take_while(|&&b| b == 0).count();
        out.extend_from_slice(&line[zeros..]);
        out.push(b'\n');
    }
}

/// At most `most` lines: all of them, or runs spread evenly.
fn spread<'a>(lines: &'a [&'a [u8]], most: usize) -> impl Iterator<Item = &'a [u8]> {
    let runs = if lines.len() <= most { 1 } else { most / RUN_LINES };
    let length = if runs == 1 { lines.len() } else { RUN_LINES };
    (0..runs).flat_map(move |run| {
        let start = if runs == 1 { 0 } else { run * (lines.len() - length) / (runs - 1) };
        lines[start..start + length].iter().copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes in memory.
    struct Bytes(Vec<u8>);

    impl ReadAt for Bytes {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
            let rest = self.0.get(offset as usize..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        }
    }

    fn sampled(bytes: Vec<u8>) -> String {
        let size = bytes.len() as u64;
        String::from_utf8(sample(&Bytes(bytes), size).expect("reads")).expect("is text")
    }

    #[test]
    fn a_banner_is_not_all_that_is_seen_of_a_place() {
        let banner: String = (0..100).map(|n| format!("banner {n}\n")).collect();
        let lines: String = (0..4000).map(|n| format!("line {n}\n")).collect();
        let text = sampled((banner + &lines).into_bytes());
        let banners = text.lines().filter(|line| line.starts_with("banner")).count();
        assert!(banners > 0 && banners * 4 < text.lines().count(), "{banners} lines of the banner");
    }

    #[test]
    fn lines_longer_than_a_place_are_seen() {
        let text = sampled(format!("{}\n", "x".repeat(40_000)).repeat(10).into_bytes());
        assert!(text.lines().count() >= 2);
        assert!(text.lines().all(|line| line.len() == 40_000));
    }

    #[test]
    fn runs_of_nul_bytes_are_passed_over() {
        let mut bytes = vec![0; 3 << 20];
        bytes.extend_from_slice(&b"a line\n".repeat(20));
        let text = sampled(bytes);
        assert!(text.lines().count() >= 20);
        assert!(text.lines().all(|line| line == "a line"), "{text}");
    }
}
