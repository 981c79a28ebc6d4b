//! The allocator's setting.

use std::io;

use cutwater_sys::{heap, smaps};

use crate::child::assert_passes;

const BLOCK_BYTES: usize = 1 << 20;

fn resident() -> io::Result<u64> {
    let everywhere = 0..usize::MAX;
    Ok(smaps::in_use(std::slice::from_ref(&everywhere))?.resident)
}

#[test]
fn what_is_freed_is_no_longer_resident() {
    assert_passes(|| free_large_blocks().unwrap());
}

fn free_large_blocks() -> io::Result<()> {
    assert!(heap::return_large_blocks(256 << 10));
    // Left to itself, glibc would keep the second ones: freeing the first raises its threshold.
    for _ in 0..2 {
        let mut blocks: Vec<Vec<u8>> = (0..64).map(|_| vec![1; BLOCK_BYTES]).collect();
        let held = resident()?;
        // One is left, as in the way of a heap's end.
        blocks.drain(..63);
        let left = resident()?;
        assert!(held >= left + 48 * BLOCK_BYTES as u64, "{held} bytes, then {left}");
        assert_eq!(blocks[0][0], 1);
    }
    assert!(!heap::return_large_blocks(usize::MAX), "that is not a size");
    Ok(())
}
