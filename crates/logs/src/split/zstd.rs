//! Zstandard files as streams.

use std::io::{self, Read};

/// Whether a Zstandard frame begins that holds no data, as pzstd and seekable files have them.
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A Zstandard file: any number of frames, one after the other.
pub(super) struct ZstdFrames {
    bytes: io::BufReader<Box<dyn Read + Send>>,
    frame: Option<Box<ruzstd::decoding::FrameDecoder>>,
}

impl ZstdFrames {
    /// The frames that `bytes` are.
    pub(super) fn new(bytes: io::BufReader<Box<dyn Read + Send>>) -> Self {
        Self { bytes, frame: None }
    }

    /// Begins the next frame with data; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        use std::io::BufRead;
        let mut frame = self.frame.take().unwrap_or_default();
        while !self.bytes.fill_buf()?.is_empty() {
            let mut magic = [0; 4];
            self.bytes.read_exact(&mut magic).map_err(|e| damaged(&e))?;
            if is_skippable(&magic) {
                self.skip().map_err(|e| damaged(&e))?;
                continue;
            }
            frame.reset((&magic[..]).chain(&mut self.bytes)).map_err(|e| damaged(&e))?;
            self.frame = Some(frame);
            return Ok(true);
        }
        Ok(false)
    }

    /// Skips the rest of a frame without data: a length, and as many bytes.
    fn skip(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.bytes.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let skipped = io::copy(&mut self.bytes.by_ref().take(length), &mut io::sink())?;
        if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBytes;
        loop {
            if let Some(frame) = &mut self.frame {
                if frame.can_collect() > 0 {
                    return frame.read(buf);
                }
                if !frame.is_finished() {
                    let step = UptoBytes(buf.len().max(1));
                    frame.decode_blocks(&mut self.bytes, step).map_err(|e| damaged(&e))?;
                    continue;
                }
                let n = frame.read(buf)?;
                if n > 0 {
                    return Ok(n);
                }
            }
            if !self.begin()? {
                return Ok(0);
            }
        }
    }
}

/// An error of the decoder in plain words.
fn damaged(e: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut cause = Some(e);
    while let Some(at) = cause {
        if let Some(read) = at.downcast_ref::<io::Error>() {
            let words = match read.kind() {
                io::ErrorKind::UnexpectedEof => "unexpected end of file".to_owned(),
                _ => read.to_string(),
            };
            return io::Error::new(read.kind(), words);
        }
        cause = at.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, "the bytes are not a Zstandard frame")
}
