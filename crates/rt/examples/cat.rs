//! `cat` on the native runtime.
#![forbid(unsafe_code)]

use std::io::Write;

use cutwater_rt::{Runtime, fs::File};

const BLOCK_BYTES: usize = 256 << 10;

fn main() -> std::io::Result<()> {
    let runtime = Runtime::new()?;
    let mut out = std::io::stdout().lock();
    runtime.block_on(async {
        for path in std::env::args_os().skip(1) {
            let file = File::open(path).await?;
            let (mut buf, mut offset) = (vec![0; BLOCK_BYTES], 0);
            loop {
                let (read, back) = file.read_at(buf, offset).await;
                buf = back;
                let n = read?;
                if n == 0 {
                    break;
                }
                out.write_all(&buf[..n])?;
                offset += n as u64;
            }
        }
        out.flush()
    })
}
