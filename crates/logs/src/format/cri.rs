//! Kubernetes' CRI: `2016-10-06T00:17:09.669794202Z stdout F text`; `P` marks a part of a line.

use super::LineParser;
use super::cursor::{Cursor, Slot};
use crate::bad::Reason;
use crate::record::{Fields, Record};

#[derive(Debug)]
pub(super) struct Cri {
    time: Slot,
    stream: Slot,
    flag: Slot,
    message: Slot,
}

impl Cri {
    pub(super) fn new(fields: &mut Fields) -> Self {
        let mut slot = |name| Slot::new(fields, name);
        Self {
            time: slot("time"),
            stream: slot("stream"),
            flag: slot("flag"),
            message: slot("message"),
        }
    }
}

impl LineParser for Cri {
    fn parse(
        &mut self,
        block: &[u8],
        start: usize,
        end: usize,
        _: &mut Fields,
        record: &mut Record,
    ) -> Result<(), Reason> {
        let mut c = Cursor::new(block, start, end);
        let time = c.token()?;
        if time.end - time.start < 20 || !time.bytes(block)[0].is_ascii_digit() {
            return Err(Reason::NoMatch);
        }
        let stream = c.token()?;
        let flag = c.token()?;
        let known = matches!(stream.bytes(block), b"stdout" | b"stderr");
        // The flag may have further marks after a colon.
        if !known || !matches!(flag.bytes(block), [b'P' | b'F'] | [b'P' | b'F', b':', ..]) {
            return Err(Reason::NoMatch);
        }
        self.time.set(record, time);
        self.stream.set(record, stream);
        self.flag.set(record, flag);
        self.message.set(record, c.remainder());
        Ok(())
    }
}
