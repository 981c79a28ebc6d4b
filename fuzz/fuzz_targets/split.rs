//! Every line once and in order, whatever the sizes of pieces, blocks and reads.
#![no_main]

use std::ops::ControlFlow;

use cutwater_logs::split::{Block, BlockSink, Blocks, Limits};
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Seen(Vec<u8>);

impl BlockSink for Seen {
    fn block(&mut self, block: Block<'_>) -> ControlFlow<()> {
        assert_eq!(block.offset, self.0.len() as u64);
        self.0.extend_from_slice(block.bytes);
        ControlFlow::Continue(())
    }

    fn long_line(&mut self, offset: u64, bytes: u64, start: &[u8]) -> ControlFlow<()> {
        assert_eq!(offset, self.0.len() as u64);
        assert!(start.len() as u64 <= bytes);
        self.0.resize(self.0.len() + bytes as usize, b'?');
        ControlFlow::Continue(())
    }
}

fuzz_target!(|data: &[u8]| {
    let [piece, step, text @ ..] = data else { return };
    let limits = Limits { piece_bytes: u64::from(*piece) + 1, block_bytes: 64, line_bytes_max: 64 };
    let mut blocks = Blocks::new(limits);
    let mut seen = Seen::default();
    let mut start = 0;
    while start < text.len() as u64 {
        let end = (start + limits.piece_bytes).min(text.len() as u64);
        let fill = |at: u64, buf: &mut [u8]| {
            let rest = &text[(at as usize).min(text.len())..];
            let n = rest.len().min(buf.len()).min(usize::from(*step) + 1);
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        blocks.read(start..end, fill, &mut seen).expect("the source does not fail");
        start = end;
    }
    assert_eq!(seen.0.len(), text.len());
    for (ours, theirs) in seen.0.iter().zip(text) {
        assert!(ours == theirs || *ours == b'?');
    }
});
