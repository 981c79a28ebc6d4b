//! The walk over one line.

use cutwater_sys::simd::JsonMasks;

use super::shape::{NodeId, ROOT, Shape, Target};
use super::{DEPTH_MAX, Fault, number, string};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

type Step = Result<usize, Fault>;

pub(super) struct Walk<'a> {
    pub(super) block: &'a [u8],
    pub(super) end: usize,
    pub(super) masks: &'a [JsonMasks],
    pub(super) shape: &'a mut Shape,
    pub(super) fields: &'a mut Fields,
    pub(super) record: &'a mut Record,
}

impl Walk<'_> {
    /// Walks the line that begins at `start`; false when it is blank.
    #[inline]
    pub(super) fn line(&mut self, start: usize) -> Result<bool, Fault> {
        let p = self.space(start);
        if p >= self.end {
            return Ok(false);
        }
        let is_object = self.byte(p) == b'{';
        let p = if is_object {
            self.object(p, Some(ROOT), 1)?
        } else {
            self.value(p, Target::default(), 0)?
        };
        let p = self.space(p);
        match (p >= self.end, is_object) {
            (true, true) => Ok(true),
            (true, false) => Err(Fault::new(Reason::NotObject, start)),
            (false, _) => Err(Fault::new(Reason::Trailing, p)),
        }
    }

    /// The byte at `p`; a line feed at the end of the line, where no token can go on.
    #[inline]
    fn byte(&self, p: usize) -> u8 {
        self.block.get(p).copied().unwrap_or(b'\n')
    }

    #[inline]
    fn space(&self, mut p: usize) -> usize {
        while matches!(self.byte(p), b' ' | b'\t' | b'\r') {
            p += 1;
        }
        p
    }

    /// The fault of a byte that cannot stand at `p`.
    #[cold]
    fn unexpected(&self, p: usize) -> Fault {
        let reason = if p >= self.end { Reason::EndsEarly } else { Reason::Unexpected };
        Fault::new(reason, p)
    }

    /// The object that begins at `p`; its fields go to `node`, or nowhere.
    fn object(&mut self, p: usize, node: Option<NodeId>, depth: u32) -> Step {
        if depth > DEPTH_MAX {
            return Err(Fault::new(Reason::Depth, p));
        }
        let mut p = self.space(p + 1);
        if self.byte(p) == b'}' {
            return Ok(p + 1);
        }
        let mut expected = 0;
        loop {
            p = match node {
                Some(node) => self.member(p, node, &mut expected, depth)?,
                None => self.other_member(p, depth)?,
            };
            if self.byte(p) == b',' {
                p += 1;
                if self.byte(p) != b'"' {
                    p = self.space(p);
                }
                continue;
            }
            p = self.space(p);
            match self.byte(p) {
                b',' => p = self.space(p + 1),
                b'}' => return Ok(p + 1),
                _ => return Err(self.unexpected(p)),
            }
        }
    }

    /// A key and its value, where the object's fields are known.
    #[inline]
    fn member(&mut self, p: usize, node: NodeId, expected: &mut usize, depth: u32) -> Step {
        let rest = self.block.get(p..).unwrap_or_default();
        if let Some((length, target)) = self.shape.expect(node, *expected, rest) {
            if target.child.is_some() {
                self.shape.visit(node, *expected, self.record);
            }
            *expected += 1;
            return self.value(p + length, target, depth);
        }
        let (p, index, target) = self.unexpected_key(p, node)?;
        if let Some(index) = index {
            self.shape.visit(node, index, self.record);
            *expected = index + 1;
        } else if let Some(child) = target.child {
            self.shape.unset_below(child, self.record);
        }
        self.value(p, target, depth)
    }

    /// A key that is not the one that followed last time.
    #[cold]
    fn unexpected_key(
        &mut self,
        p: usize,
        node: NodeId,
    ) -> Result<(usize, Option<usize>, Target), Fault> {
        let (close, escaped) = self.string(p)?;
        let colon = self.colon(close)?;
        let name = &self.block[p + 1..close - 1];
        let name = if escaped { string::unescape(name) } else { name.into() };
        let (index, target) = self.shape.look_up(node, &name, escaped, self.fields);
        Ok((colon, index, target))
    }

    /// A key and its value, where nothing below is wanted.
    fn other_member(&mut self, p: usize, depth: u32) -> Step {
        let (p, _) = self.string(p)?;
        let p = self.colon(p)?;
        self.value(p, Target::default(), depth)
    }

    fn colon(&self, p: usize) -> Step {
        let p = self.space(p);
        if self.byte(p) == b':' { Ok(p + 1) } else { Err(self.unexpected(p)) }
    }

    /// The value at or after `p`.
    #[inline]
    fn value(&mut self, mut p: usize, target: Target, depth: u32) -> Step {
        if self.byte(p) <= b' ' {
            p = self.space(p);
        }
        let (kind, start, end, next) = match self.byte(p) {
            b'"' => {
                let (next, escaped) = self.string(p)?;
                let kind = if escaped { SpanKind::Escaped } else { SpanKind::Str };
                (kind, p + 1, next - 1, next)
            }
            b'-' | b'0'..=b'9' => {
                let (next, kind) = number::number(self.block, p).map_err(|f| self.in_line(f))?;
                (kind, p, next, next)
            }
            b'{' => {
                let next = self.object(p, target.child, depth + 1)?;
                (SpanKind::Json, p, next, next)
            }
            b'[' => {
                let next = self.array(p, target.child, depth + 1)?;
                (SpanKind::Json, p, next, next)
            }
            _ => return self.word(p, target),
        };
        self.set(target, kind, start, end);
        Ok(next)
    }

    /// A fault at the end of the line is that the line ends early.
    #[cold]
    fn in_line(&self, fault: Fault) -> Fault {
        if fault.at >= self.end { Fault::new(Reason::EndsEarly, fault.at) } else { fault }
    }

    #[inline]
    fn set(&mut self, target: Target, kind: SpanKind, start: usize, end: usize) {
        if let Some(field) = target.field {
            self.record.set(field, Span::new(kind, start, end));
        }
    }

    fn word(&mut self, p: usize, target: Target) -> Step {
        let rest = self.block.get(p..self.end).unwrap_or_default();
        let words: [(&[u8], SpanKind); 3] =
            [(b"true", SpanKind::Bool), (b"false", SpanKind::Bool), (b"null", SpanKind::Null)];
        for (word, kind) in words {
            if rest.starts_with(word) {
                self.set(target, kind, p, p + word.len());
                return Ok(p + word.len());
            }
            if !rest.is_empty() && word.starts_with(rest) {
                return Err(Fault::new(Reason::EndsEarly, self.end));
            }
        }
        Err(self.unexpected(p))
    }

    /// The array that begins at `p`; its elements go to `node`, where some were asked for.
    fn array(&mut self, p: usize, node: Option<NodeId>, depth: u32) -> Step {
        if depth > DEPTH_MAX {
            return Err(Fault::new(Reason::Depth, p));
        }
        let node = node.filter(|&node| self.shape.wants_elements(node));
        let mut p = self.space(p + 1);
        if self.byte(p) == b']' {
            return Ok(p + 1);
        }
        for index in 0.. {
            let target = node.map(|n| self.shape.element(n, index)).unwrap_or_default();
            p = self.value(p, target, depth)?;
            p = self.space(p);
            match self.byte(p) {
                b',' => p += 1,
                b']' => break,
                _ => return Err(self.unexpected(p)),
            }
        }
        Ok(p + 1)
    }

    /// The string that begins at `p`: where it ends, past its quote, and whether it has escapes.
    #[inline]
    fn string(&self, p: usize) -> Result<(usize, bool), Fault> {
        if self.byte(p) != b'"' {
            return Err(self.unexpected(p));
        }
        let start = p + 1;
        let mut word = start / 64;
        let mut mask = !0u64 << (start % 64);
        let mut check = 0;
        while let Some(masks) = self.masks.get(word) {
            let quote = masks.quote & mask;
            if quote != 0 {
                let at = word * 64 + quote.trailing_zeros() as usize;
                if at >= self.end {
                    break;
                }
                let before = (quote & quote.wrapping_neg()) - 1;
                check |= masks.check & mask & before;
                let escaped = check != 0 && string::check(self.block, start, at)?;
                return Ok((at + 1, escaped));
            }
            check |= masks.check & mask;
            word += 1;
            mask = !0;
            if word * 64 >= self.end {
                break;
            }
        }
        Err(self.unterminated(start))
    }

    /// The fault of a string without an end: one inside of it comes first.
    #[cold]
    fn unterminated(&self, start: usize) -> Fault {
        match string::check(self.block, start.min(self.end), self.end) {
            Err(fault) if fault.reason != Reason::Escape => fault,
            _ => Fault::new(Reason::EndsEarly, self.end),
        }
    }
}
