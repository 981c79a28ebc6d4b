//! Checksums of all files below a directory, by many tasks under Tokio.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use cutwater_rt::bridge::{Bridge, Reader};
use tokio::io::AsyncReadExt;

fn files_below(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// FNV-1a, 64 bits.
async fn hash(bridge: Bridge, path: PathBuf) -> std::io::Result<(PathBuf, u64)> {
    let mut reader = Reader::new(bridge.open(&path).await?);
    let (mut buf, mut hash) = (vec![0; 64 << 10], 0xcbf2_9ce4_8422_2325u64);
    loop {
        let n = reader.read(&mut buf).await?;
        if n == 0 {
            return Ok((path, hash));
        }
        for &byte in &buf[..n] {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let mut files = Vec::new();
    files_below(&dir, &mut files)?;
    files.sort();
    let bridge = Bridge::new()?;
    let tasks: Vec<_> = files.into_iter().map(|f| tokio::spawn(hash(bridge.clone(), f))).collect();
    for task in tasks {
        let (path, hash) = task.await.map_err(std::io::Error::other)??;
        println!("{hash:016x}  {}", path.display());
    }
    Ok(())
}
