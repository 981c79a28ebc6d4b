//! The time of a line, wherever it stands near the front.

use super::{Clock, Nanos, Rules, layout};

/// The time that was found in a line, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// The time.
    pub time: Nanos,
    /// Where it begins, without brackets.
    pub start: usize,
    /// One past its last byte; its zone is part of it.
    pub end: usize,
    /// Where the rest of the line begins, after what closes the time and blanks.
    pub rest: usize,
}

/// A time begins within this many bytes of the front, and after no more words than this.
const FRONT_BYTES: usize = 96;
const WORDS_MAX: usize = 6;

/// More words may be before a time in brackets, as uWSGI writes it.
const WORDS_BEFORE_BRACKET_MAX: usize = 16;

/// The longest word in brackets right before a time.
const WORD_BYTES_MAX: usize = 32;

/// How much of a line is looked at: enough for a time with a long zone at the end of the front.
const LOOKED_AT: usize = FRONT_BYTES + 96;

/// A time after one of these words is part of a sentence.
const BEFORE_OTHER_TIMES: [&[u8]; 14] = [
    b"after", b"at", b"before", b"by", b"expires", b"expired", b"for", b"from", b"on", b"since",
    b"than", b"till", b"to", b"until",
];

/// Letters that stand for a level in front of a time, as glog writes them.
const GLOG: &[u8] = b"IWEFDV";

/// The lines that show whether times are indented.
const SHOWN_MAX: usize = 256;

/// Whether lines with blanks before their time are records of a log with these lines: not where more lines
/// have a time without blanks before it. Tables and the output of other programs in a message may have times.
#[must_use]
pub fn find_indented(sample: &[u8], rules: &Rules) -> bool {
    let mut clock = Clock::new(rules.clone());
    let mut more = 0_isize;
    for line in sample.split(|b| *b == b'\n').take(SHOWN_MAX) {
        if clock.find_front(line).is_some() {
            more += if line.first().is_some_and(|b| is_blank(*b)) { 1 } else { -1 };
        }
    }
    more >= 0
}

impl Clock {
    /// The time of a line that stands near its front: at its start, in brackets or quotes, or after a
    /// few words, such as a host, a thread or a level. A line that begins with a blank has its time
    /// right after the blanks or not at all. A number counts only as the first word, as a time from
    /// 2000 to 2099; `second_number` has the exceptions. A time in quotes further on is a value.
    ///
    /// The answer depends on nothing but the line and the rules.
    #[inline]
    pub fn find_front(&mut self, line: &[u8]) -> Option<Front> {
        let text = &line[..line.len().min(LOOKED_AT)];
        let blanks = text.iter().take_while(|b| is_blank(**b)).count();
        if blanks > 0 && !self.rules.indented {
            return None;
        }
        let first = blanks + opening(&text[blanks..], b"[(<{\"'*|#+.");
        if let Some(found) = self.first_word(text, first) {
            return Some(found);
        }
        if let Some(found) = self.after_brackets(text, blanks) {
            return Some(found);
        }
        if blanks > 0 { None } else { self.after_words(text) }
    }

    /// The time right after a word in brackets: `<W>2026-01-02 03:04:05`, ` [main][2026-01-02 03:04:05]`.
    fn after_brackets(&mut self, text: &[u8], blanks: usize) -> Option<Front> {
        let close = match text.get(blanks)? {
            b'[' => b']',
            b'<' => b'>',
            b'(' => b')',
            _ => return None,
        };
        let inside = text.get(blanks + 1..)?;
        let end = memchr::memchr(close, &inside[..inside.len().min(WORD_BYTES_MAX)])?;
        let after = blanks + 1 + end + 1;
        let start = after + opening(text.get(after..)?, b"[<(");
        let found = text.get(start..).filter(|rest| rest.first().is_some_and(u8::is_ascii_digit));
        let (time, length) = found.and_then(|rest| self.parse_prefix(rest))?;
        front(text, start, time, length).filter(|_| blanks <= 1)
    }

    /// The time that is the first word.
    fn first_word(&mut self, text: &[u8], start: usize) -> Option<Front> {
        let word = text.get(start..)?;
        let found = match *word.first()? {
            b'0'..=b'9' => self.parse_prefix(word).or_else(|| layout::front_epoch(word)),
            b'@' => layout::tai64n(word),
            first if GLOG.contains(&first) && word.get(1)?.is_ascii_digit() => {
                let (time, length) = self.after_level(&word[1..])?;
                return front(text, start + 1, time, length);
            }
            b'A'..=b'Z' => self.parse_prefix(word).or_else(|| self.after_zone(word)),
            b'a'..=b'z' => self.parse_prefix(word),
            _ => None,
        };
        let (time, length) = found?;
        front(text, start, time, length)
    }

    fn after_level(&mut self, text: &[u8]) -> Option<(Nanos, usize)> {
        let stamp = layout::after_level(text)?;
        self.moment(text, &stamp)
    }

    /// The time after a few words.
    fn after_words(&mut self, text: &[u8]) -> Option<Front> {
        let mut at = 0;
        let mut number = None;
        for word in 1..=WORDS_BEFORE_BRACKET_MAX {
            let next = next_word(text, at)?;
            if next > FRONT_BYTES {
                return None;
            }
            let start = next + opening(&text[next..], b"[<*|");
            let first = *text.get(start)?;
            let allowed = word <= WORDS_MAX || text[next] == b'[';
            if allowed && (first.is_ascii_digit() || first.is_ascii_uppercase()) {
                let found = self.parse_prefix(&text[start..]);
                let found = found.and_then(|(time, length)| front(text, start, time, length));
                if found.is_some() {
                    let better = number.filter(|_| self.lacks_year(&text[start..]));
                    return better.or(found).filter(|_| !is_in_sentence(&text[at..next]));
                }
                if word == 1 && first.is_ascii_digit() {
                    match second_number(text, at, start) {
                        Some((found, true)) => return Some(found),
                        Some((found, false)) => number = Some(found),
                        None => {}
                    }
                }
            }
            at = start;
        }
        None
    }

    fn lacks_year(&self, text: &[u8]) -> bool {
        layout::parse(text, self.rules.day_first).is_some_and(|stamp| stamp.civil.year.is_none())
    }
}

/// The number since 1970 that is the second word, and whether it is the time of the line in any case:
/// with microseconds after the number of a process, as `strace -f -ttt` writes it. Before a date, as
/// Thunderbird's and other logs of supercomputers have it, it is better than a time without a year.
#[cold]
fn second_number(text: &[u8], first: usize, start: usize) -> Option<(Front, bool)> {
    let (time, length) = layout::front_epoch(&text[start..])?;
    let found = front(text, start, time, length)?;
    let micros = text[start..start + length].iter().rev().position(|b| *b == b'.') == Some(6);
    let process = text[first..start].trim_ascii().iter().all(u8::is_ascii_digit);
    let of_date = |(at, byte): (usize, &u8)| match at {
        4 | 7 => *byte == b'.',
        _ => byte.is_ascii_digit(),
    };
    let date = text[found.rest..].get(..10);
    let dated = date.is_some_and(|date| date.iter().enumerate().all(of_date));
    ((micros && process) || dated).then_some((found, micros && process))
}

/// The time, unless the word goes on after it.
#[inline]
fn front(text: &[u8], start: usize, time: Nanos, length: usize) -> Option<Front> {
    let end = start + length;
    let rest = text.get(end..)?;
    if rest.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
        return None;
    }
    let closing = rest.iter().take(2).take_while(|b| b"])>}\"'|:,;".contains(b)).count();
    let blanks = rest[closing..].iter().take_while(|b| is_blank(**b)).count();
    Some(Front { time, start, end, rest: end + closing + blanks })
}

/// How many of the bytes in front open something.
#[inline]
fn opening(text: &[u8], marks: &[u8]) -> usize {
    text.iter().take(5).take_while(|b| marks.contains(b)).count()
}

/// Where the word after the one at `at` begins.
#[inline]
fn next_word(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let opens_word = |at: usize| b"[|".contains(&rest[at]) && at > 0;
    // Two colons separate fields in some logs of Python.
    let colons = |at: usize| rest[at] == b':' && rest.get(at + 1) == Some(&b':');
    let ends = |at: usize| b" \t,;".contains(&rest[at]) || opens_word(at) || colons(at);
    let end = (0..rest.len()).find(|&at| ends(at))?;
    let separators: &[u8] = if rest[end] == b':' { b":" } else { b" \t,;" };
    let gap = rest[end..].iter().take_while(|b| separators.contains(b)).count();
    Some(at + end + gap)
}

/// Whether a time after this word belongs to a sentence.
fn is_in_sentence(word: &[u8]) -> bool {
    let word = word.trim_ascii();
    BEFORE_OTHER_TIMES.iter().any(|before| before.eq_ignore_ascii_case(word))
}

#[inline]
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
