//! A storm: this process changes a file at random while a second process reads it through maps.
//!
//! `CUTWATER_CHANGES` and `CUTWATER_SEED` lengthen and repeat it.

use std::env;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::Dice;
use crate::child::TestChild;

/// Bytes of the file at its full length.
pub const FILE_BYTES: u64 = 64 * 4096;

/// What a reader prints when it has its maps.
pub const READY: &str = "ready";

/// What a reader prints before its four counts, which are separated by spaces.
pub const COUNTS: &str = "counts ";

/// A storm that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// The seed that repeats it.
    pub seed: u64,
    /// How often the file was changed.
    pub changes: u64,
    /// What the reader counted.
    pub counts: [u64; 4],
}

/// The byte that belongs at `offset`; never 0, as holes are.
#[must_use]
pub fn byte(offset: u64) -> u8 {
    ((offset ^ (offset >> 9)) % 255) as u8 + 1
}

/// The bytes of the whole file.
#[must_use]
pub fn contents() -> Vec<u8> {
    (0..FILE_BYTES).map(byte).collect()
}

/// The seed of the storm and of its readers.
#[must_use]
pub fn seed() -> u64 {
    number("CUTWATER_SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Fills the file at `path` and changes it `changes` times while the test with the full name `reader` reads
/// it in a second process.
///
/// There, [`role`](crate::child::role) returns the path. The reader prints [`READY`], reads until its
/// standard input ends, and prints [`COUNTS`].
///
/// # Errors
/// Where the file cannot be written.
///
/// # Panics
/// Where the reader fails or prints something else.
pub fn change_while_read(
    reader: &str,
    path: &Path,
    changes: u64,
    mut change: impl FnMut(&File, &mut Dice),
) -> io::Result<Storm> {
    let (changes, seed) = (number("CUTWATER_CHANGES").unwrap_or(changes), seed());
    println!("CUTWATER_SEED={seed}");
    let file = File::options().write(true).open(path)?;
    file.write_all_at(&contents(), 0)?;
    let mut reader = TestChild::start(reader, &[path.to_str().expect("a path in UTF-8")]);
    // It has its maps: nothing of the storm is wasted on its start.
    reader.line(READY).expect("the reader begins");
    let mut dice = Dice::new(seed);
    for _ in 0..changes {
        change(&file, &mut dice);
        // On one core the reader needs its turn, too.
        std::thread::yield_now();
    }
    reader.end_input();
    let line = reader.line(COUNTS);
    reader.finish();
    let line = line.expect("the reader prints its counts");
    let counts: Vec<u64> = line.split(' ').map(|n| n.parse().expect("a count")).collect();
    let counts: [u64; 4] = counts.try_into().expect("four counts");
    Ok(Storm { seed, changes, counts })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::child::{role, test_name};

    #[test]
    fn a_reader_reads_until_the_last_change() -> io::Result<()> {
        if let Some(role) = role() {
            println!("{READY}");
            io::stdin().read_to_end(&mut Vec::new())?;
            println!("{COUNTS}{} 2 3 4", std::fs::read(&role[0])?.len());
            return Ok(());
        }
        let name = test_name(module_path!(), "a_reader_reads_until_the_last_change");
        let path = env::temp_dir().join(format!("cutwater-storm-{}", std::process::id()));
        File::create(&path)?;
        let mut len = 0;
        let storm = change_while_read(&name, &path, 10, |file, _| {
            len += 1;
            file.set_len(len).expect("its length is set");
        });
        std::fs::remove_file(&path)?;
        let Storm { changes, counts, .. } = storm?;
        assert_eq!(counts, [changes, 2, 3, 4]);
        Ok(())
    }
}
