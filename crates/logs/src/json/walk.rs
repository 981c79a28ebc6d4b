//! The walk over one line.

use super::shape::{NodeId, ROOT, Shape, Target};
use super::template::{Value, word};
use super::{DEPTH_MAX, Fault, number, string};
use crate::bad::Reason;
use crate::record::{Fields, Record, Span, SpanKind};

type Step = Result<usize, Fault>;

pub(super) struct Walk<'a> {
    pub(super) block: &'a [u8],
    pub(super) stops: &'a [u32],
    /// The first of `stops` that the walk has not passed.
    pub(super) stop: usize,
    pub(super) shape: &'a mut Shape,
    pub(super) fields: &'a mut Fields,
    pub(super) record: &'a mut Record,
    /// Records the values of the line; `None` once there is a value that no template can have.
    pub(super) values: Option<&'a mut Vec<Value>>,
}

impl Walk<'_> {
    /// Walks the line that begins at `start`: where it ends, and false when it is blank. The
    /// walk finds the end itself, as no token goes past a line feed: to look for it first would
    /// cost a branch that cannot be predicted.
    #[inline]
    pub(super) fn line(&mut self, start: usize) -> Result<(usize, bool), Fault> {
        let p = self.space(start);
        let first = self.byte(p);
        if first == b'\n' {
            return Ok((p, false));
        }
        let is_object = first == b'{';
        let p = if is_object {
            self.object(p, Some(ROOT), 1)?
        } else {
            self.value(p, Target::default(), 0)?
        };
        let p = self.space(p);
        match (self.byte(p) == b'\n', is_object) {
            (true, true) => Ok((p, true)),
            (true, false) => Err(Fault::new(Reason::NotObject, start)),
            (false, _) => Err(Fault::new(Reason::Trailing, p)),
        }
    }

    /// The byte at `p`; a line feed at the end of the block too, where no token can go on.
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
        let reason = if self.byte(p) == b'\n' { Reason::EndsEarly } else { Reason::Unexpected };
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
                self.visit(node, *expected);
            }
            *expected += 1;
            return self.value(p + length, target, depth);
        }
        let (p, index, target) = self.unexpected_key(p, node)?;
        if let Some(index) = index {
            self.visit(node, index);
            *expected = index + 1;
        } else if let Some(child) = target.child {
            self.shape.unset_below(child, self.record);
            self.values = None;
        }
        self.value(p, target, depth)
    }

    /// Notes that key `index` was met. No template takes values back, as a second key of its name
    /// does.
    #[inline]
    fn visit(&mut self, node: NodeId, index: usize) {
        if self.shape.visit(node, index, self.record) {
            self.values = None;
        }
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
        self.take(target, kind, start, end);
        Ok(next)
    }

    /// At the end of the line, the fault is that the line ends early.
    #[cold]
    fn in_line(&self, fault: Fault) -> Fault {
        if self.byte(fault.at) == b'\n' { Fault::new(Reason::EndsEarly, fault.at) } else { fault }
    }

    /// Records a value, and sets its field.
    #[inline]
    fn take(&mut self, target: Target, kind: SpanKind, start: usize, end: usize) {
        if let Some(field) = target.field {
            self.record.set(field, Span::new(kind, start, end));
        }
        match (&mut self.values, kind) {
            (values, SpanKind::Json) => {
                // It spans values, and texts between them.
                if target.field.is_some() {
                    *values = None;
                }
            }
            (Some(values), _) => {
                let is_text = matches!(kind, SpanKind::Str | SpanKind::Escaped);
                values.push(Value { start, end, is_text, field: target.field });
            }
            (None, _) => {}
        }
    }

    fn word(&mut self, p: usize, target: Target) -> Step {
        let rest = self.block.get(p..).unwrap_or_default();
        if let Some((length, kind)) = word(rest) {
            self.take(target, kind, p, p + length);
            return Ok(p + length);
        }
        Err(self.no_word(p))
    }

    /// The fault of an invalid value; one that the end of the line cuts off ends early.
    #[cold]
    fn no_word(&self, p: usize) -> Fault {
        let rest = self.block.get(p..self.line_end(p)).unwrap_or_default();
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        if !rest.is_empty() && words.iter().any(|word| word.starts_with(rest)) {
            return Fault::new(Reason::EndsEarly, p + rest.len());
        }
        self.unexpected(p)
    }

    /// Where the line that `p` is in ends.
    #[cold]
    fn line_end(&self, p: usize) -> usize {
        let rest = self.block.get(p..).unwrap_or_default();
        memchr::memchr(b'\n', rest).map_or(self.block.len(), |at| p + at)
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
    fn string(&mut self, p: usize) -> Result<(usize, bool), Fault> {
        if self.byte(p) != b'"' {
            return Err(self.unexpected(p));
        }
        let start = p + 1;
        while self.stops.get(self.stop).is_some_and(|&stop| (stop as usize) < start) {
            self.stop += 1;
        }
        let Some(close) = string::close(self.block, self.stops, self.stop) else {
            return Err(self.unterminated(start));
        };
        let at = self.stops[close] as usize;
        let escaped = close > self.stop && string::check(self.block, start, at)?;
        self.stop = close;
        Ok((at + 1, escaped))
    }

    /// The fault of a string without an end: one inside of it comes first.
    #[cold]
    fn unterminated(&self, start: usize) -> Fault {
        let end = self.line_end(start);
        match string::check(self.block, start, end) {
            Err(fault) if fault.reason != Reason::Escape => fault,
            _ => Fault::new(Reason::EndsEarly, end),
        }
    }
}
