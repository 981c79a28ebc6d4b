//! A log compressed by the programs that people compress logs with.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::find;

/// How much of the NDJSON log is compressed.
const TEXT_BYTES_MAX: u64 = 250_000_000;

/// A program that compresses.
#[derive(Debug)]
pub(super) struct Packer {
    pub program: &'static str,
    /// What makes it compress from standard input to standard output.
    args: &'static [&'static str],
    /// The name of the side that decompresses with it and counts lines with `wc`.
    pub peer: &'static str,
    /// The cells, with one thread and with two.
    pub cells: [&'static str; 2],
}

/// One block and a fast preset for xz: the time to decompress hardly depends on the preset, and several
/// blocks would be decompressed by several threads.
pub(super) const PACKERS: [Packer; 5] = [
    Packer { program: "gzip", args: &["-c"], peer: "gzip-wc", cells: ["gzip-1", "gzip-2"] },
    Packer { program: "zstd", args: &["-qc"], peer: "zstd-wc", cells: ["zstd-1", "zstd-2"] },
    Packer { program: "bzip2", args: &["-c"], peer: "bzip2-wc", cells: ["bzip2-1", "bzip2-2"] },
    Packer { program: "xz", args: &["-1c", "-T1"], peer: "xz-wc", cells: ["xz-1", "xz-2"] },
    Packer { program: "lz4", args: &["-qc"], peer: "lz4-wc", cells: ["lz4-1", "lz4-2"] },
];

/// The first lines of a log, and where they are compressed.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub lines: u64,
    /// Bytes of the lines.
    pub bytes: u64,
    /// By [`PACKERS`]; `None` where the program is not here, or none of its cells is asked for.
    pub files: Vec<Option<PathBuf>>,
}

impl Packed {
    /// Compresses the first lines of `log` into files in `dir`, for the cells that are `asked` for.
    pub(super) fn make(
        dir: &Path,
        log: &Path,
        asked: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let is_asked = |packer: &Packer| packer.cells.iter().any(|cell| asked(cell));
        if !PACKERS.iter().any(is_asked) {
            return Ok(Self::default());
        }
        let failed = |e: std::io::Error| format!("cannot write in {}: {e}", dir.display());
        let text = dir.join("packed.ndjson");
        let (lines, bytes) = copy_lines(log, &text).map_err(failed)?;
        let pack = |packer: &Packer| {
            let program = find(packer.program).filter(|_| is_asked(packer))?;
            let to = dir.join("packed").with_extension(packer.program);
            Some(pack(&program, packer, &text, &to).map(|()| to))
        };
        let files = PACKERS.iter().map(|packer| pack(packer).transpose());
        Ok(Self { lines, bytes, files: files.collect::<Result<_, _>>()? })
    }
}

/// Copies lines until there are [`TEXT_BYTES_MAX`] bytes; how many lines and bytes there are.
fn copy_lines(from: &Path, to: &Path) -> std::io::Result<(u64, u64)> {
    let mut from = BufReader::with_capacity(1 << 20, File::open(from)?);
    let mut to = BufWriter::with_capacity(1 << 20, File::create(to)?);
    let (mut line, mut lines, mut bytes) = (Vec::new(), 0, 0);
    while bytes < TEXT_BYTES_MAX && from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        (lines, bytes) = (lines + 1, bytes + line.len() as u64);
        line.clear();
    }
    to.flush()?;
    Ok((lines, bytes))
}

fn pack(program: &Path, packer: &Packer, text: &Path, to: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{} cannot compress: {e}", packer.program);
    let status = Command::new(program)
        .args(packer.args)
        .stdin(Stdio::from(File::open(text).map_err(failed)?))
        .stdout(File::create(to).map_err(failed)?)
        .status()
        .map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", packer.program)) }
}
