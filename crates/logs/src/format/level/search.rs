//! The search for a level in a text.

use super::{Found, Need, classify, is_key, letter, of_word, severity, word_length};
use crate::record::Level;

/// The most bytes and words of a text that are searched.
const LOOKED_AT: usize = 160;
const WORDS_MAX: usize = 10;

/// The level of a text after the time.
pub(in crate::format) fn find(text: &[u8]) -> Option<Found> {
    let text = &text[..text.len().min(LOOKED_AT)];
    if let Some(found) = first_in_capitals(text) {
        return Some(found);
    }
    let mut search =
        Search { text, at: 0, plain_words: 0, names: 0, numbers: 0, after_colon: false };
    for _ in 0..WORDS_MAX {
        search.skip_marks();
        if search.at >= text.len() {
            return None;
        }
        if let Some(found) = search.level() {
            return Some(found);
        }
        if !search.pass_word() {
            return None;
        }
    }
    None
}

/// A level in capitals that a blank follows, as the first word: what most lines have.
#[inline]
fn first_in_capitals(text: &[u8]) -> Option<Found> {
    let length = word_length(text);
    let (word, after) = text.split_at(length);
    let blanks = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    if blanks == 0 || !is_capitals(word) {
        return None;
    }
    let (level, _) = classify(word).filter(|(_, need)| *need < Need::Mark)?;
    Some(Found { level, skip: length + blanks })
}

struct Search<'a> {
    text: &'a [u8],
    at: usize,
    /// Words that may belong to a sentence.
    plain_words: usize,
    /// Words with marks in them, or in brackets.
    names: usize,
    numbers: usize,
    /// Whether a word before ends in a colon: a message often follows.
    after_colon: bool,
}

impl<'a> Search<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Passes over blanks and marks that separate words.
    fn skip_marks(&mut self) {
        self.at += self.rest().iter().take_while(|b| b" \t|-,:;>".contains(b)).count();
    }

    /// The level that the next word is.
    fn level(&self) -> Option<Found> {
        let rest = self.rest();
        match rest.first()? {
            open @ (b'[' | b'<' | b'(' | b'{') => self.in_brackets(*open, &rest[1..]),
            b'%' => cisco(rest).map(|level| Found { level, skip: 0 }),
            b'A'..=b'Z' | b'a'..=b'z' => self.word(rest),
            _ => None,
        }
    }

    /// `[ERROR]`, `<error>`, `(II)`, `[ WARN ]`, `[core:error]`, `[ERROR main.c:12]`,
    /// `[Server thread/ERROR]`.
    fn in_brackets(&self, open: u8, inside: &[u8]) -> Option<Found> {
        if open == b'['
            && let Some(level) = after_slash(inside).filter(|_| self.plain_words == 0)
        {
            return Some(Found { level, skip: 0 });
        }
        let blanks = inside.iter().take_while(|b| **b == b' ').count();
        let mut word = &inside[blanks..];
        let mut length = word_length(word);
        let module = word.get(length) == Some(&b':') && classify(&word[..length]).is_none();
        if module {
            word = &word[length + 1..];
            length = word_length(word);
        }
        let after = &word[length..];
        let padding = after.iter().take_while(|b| **b == b' ').count();
        let closes = after.get(padding).is_some_and(|b| b"]>)}".contains(b));
        let goes_on = after.first().is_some_and(|b| b" :|,".contains(b));
        let word = &word[..length];
        let level = match classify(word) {
            Some((level, _)) if closes => level,
            Some((level, need)) if goes_on && need < Need::Mark && is_capitals(word) => level,
            None if closes && open == b'[' && !self.after_colon => letter(word)?,
            _ => return None,
        };
        if self.plain_words > 1 {
            return None;
        }
        let end = self.text.len() - after.len() + padding + 1;
        Some(
            self.found(level, end)
                .filter(|_| closes && !module)
                .unwrap_or(Found { level, skip: 0 }),
        )
    }

    /// A level without brackets: `ERROR`, `error:`, `|WARN|`, ` - WARN - `, `E/tag`,
    /// `production.ERROR:`, `level=error`.
    fn word(&self, rest: &[u8]) -> Option<Found> {
        let length = word_length(rest);
        let (word, after) = rest.split_at(length);
        let next = after.first().copied();
        match next {
            Some(b':') if after.get(1) == Some(&b' ') && is_key(word) && self.plain_words == 0 => {
                return pair(word, &after[2..]).map(|level| Found { level, skip: 0 });
            }
            Some(b'=') => return pair(word, &after[1..]).map(|level| Found { level, skip: 0 }),
            Some(b'.') => return self.after_full_stop(rest),
            Some(b'/') => return self.before_slash(word),
            _ => {}
        }
        let end = self.at + length;
        let Some((level, need)) = classify(word) else {
            // The level of logcat comes after the numbers of the process and the thread.
            let is_alone = self.numbers > 1 && self.plain_words + self.names == 0;
            let level = letter(word).filter(|_| next == Some(b' ') && is_alone)?;
            return Some(Found { level, skip: 0 });
        };
        let marked = next.is_some_and(|b| b":]|)>,".contains(&b));
        let ends = next.is_none_or(|b| b" \t".contains(&b));
        let capitals = is_capitals(word);
        let counts = if self.is_between_marks(after) {
            self.plain_words <= 3
        } else if marked {
            (need < Need::Mark || next != Some(b',')) && self.may_have_level()
        } else if ends && capitals {
            need < Need::Mark && self.may_have_level()
        } else {
            ends && need == Need::Nothing
                && self.plain_words == 0
                && !self.after_colon
                && !begins_sentence(word, after)
        };
        counts.then(|| {
            self.found(level, end + usize::from(marked)).unwrap_or(Found { level, skip: 0 })
        })
    }

    /// Whether a level in capitals may follow the words before: none of them is plain, or one that
    /// may name a logger.
    fn may_have_level(&self) -> bool {
        self.plain_words == 0 || (self.plain_words == 1 && !self.ends_in_sentence())
    }

    /// Whether the word before is one that only sentences have.
    fn ends_in_sentence(&self) -> bool {
        const WORDS: [&[u8]; 22] = [
            b"no",
            b"not",
            b"an",
            b"a",
            b"the",
            b"any",
            b"got",
            b"with",
            b"without",
            b"on",
            b"of",
            b"is",
            b"was",
            b"in",
            b"as",
            b"if",
            b"by",
            b"to",
            b"after",
            b"for",
            b"from",
            b"returned",
        ];
        let before = self.text[..self.at].trim_ascii_end();
        let start = before.iter().rposition(|b| !b.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        WORDS.iter().any(|word| word.eq_ignore_ascii_case(&before[start..]))
    }

    /// Whether a dash, a bar or a tab is on both sides of the word.
    fn is_between_marks(&self, after: &[u8]) -> bool {
        let before = &self.text[..self.at];
        let blanks = after.iter().take_while(|b| **b == b' ').count();
        let after = &after[blanks..];
        let dashes = before.ends_with(b"- ") && after.starts_with(b"- ");
        let bars = before.trim_ascii_end().ends_with(b"|") && after.starts_with(b"|");
        let tabs = before.ends_with(b"\t") && after.starts_with(b"\t");
        dashes || bars || tabs
    }

    /// `production.ERROR:`, as Laravel writes it.
    fn after_full_stop(&self, rest: &[u8]) -> Option<Found> {
        let length =
            rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)).count();
        let stop = rest[..length].iter().rposition(|b| *b == b'.')?;
        let word = &rest[stop + 1..length];
        let fits = rest.get(length) == Some(&b':') && is_capitals(word) && self.plain_words == 0;
        let (level, _) = classify(word).filter(|_| fits)?;
        Some(Found { level, skip: 0 })
    }

    /// `E/tag` of logcat, `INFO/MainProcess` of Python's multiprocessing.
    fn before_slash(&self, word: &[u8]) -> Option<Found> {
        let level = match classify(word) {
            Some((level, need)) if need < Need::Mark && is_capitals(word) => level,
            Some(_) => return None,
            None => letter(word)?,
        };
        (self.plain_words == 0).then_some(Found { level, skip: 0 })
    }

    /// The level with the text up to `end` and the blanks there, if only marks are before it.
    fn found(&self, level: Level, end: usize) -> Option<Found> {
        let is_first = self.plain_words + self.names + self.numbers == 0;
        let blanks = self.text[end..].iter().take_while(|b| b" \t".contains(b)).count();
        is_first.then_some(Found { level, skip: end + blanks })
    }

    /// Passes over a word that is not a level; `false` where the message begins.
    fn pass_word(&mut self) -> bool {
        let rest = self.rest();
        let close = match rest[0] {
            b'[' => Some(b']'),
            b'(' => Some(b')'),
            b'<' => Some(b'>'),
            _ => None,
        };
        if let Some(length) = close.and_then(|close| memchr::memchr(close, rest)) {
            self.at += length + 1;
            self.names += 1;
            return true;
        }
        let ends = |at: usize| b" \t|[".contains(&rest[at]) || rest[at..].starts_with(b"::");
        let length = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len()).max(1);
        let word = &rest[..length];
        let after = rest.get(length).is_none_or(|b| b" \t".contains(b));
        self.after_colon |= word.ends_with(b":") && after;
        if word.iter().all(u8::is_ascii_digit) {
            self.numbers += 1;
        } else if is_plain(word) {
            self.plain_words += 1;
        } else {
            self.names += 1;
        }
        self.at += length;
        self.plain_words <= 3
    }
}

/// The level in capitals at the end of a bracket, after the name of a thread, as Minecraft writes it.
fn after_slash(inside: &[u8]) -> Option<Level> {
    let end = memchr::memchr(b']', inside)?;
    let slash = inside[..end].iter().rposition(|b| *b == b'/')?;
    let word = &inside[slash + 1..end];
    let (level, need) = classify(word).filter(|_| slash > 0 && is_capitals(word))?;
    (need < Need::Mark).then_some(level)
}

/// Whether a word and what is after it are a sentence: `Critical section entered`, `Debug build
/// enabled`. Nobody writes one with a short name of a level.
fn begins_sentence(word: &[u8], after: &[u8]) -> bool {
    const SHORT: [&[u8]; 5] = [b"Info", b"Warn", b"Err", b"Crit", b"Emerg"];
    let is_capitalized =
        word[0].is_ascii_uppercase() && word[1..].iter().all(u8::is_ascii_lowercase);
    let next = after.strip_prefix(b" ").unwrap_or_default();
    let length = next.iter().take_while(|b| b.is_ascii_lowercase()).count();
    let ends = next.get(length).is_none_or(|b| b" ,.;!?".contains(b));
    is_capitalized && !SHORT.contains(&word) && length > 0 && ends
}

/// Whether a word may be one of a sentence: letters that are not all capitals.
fn is_plain(word: &[u8]) -> bool {
    let core = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
    !core.is_empty()
        && core.iter().all(|b| b.is_ascii_alphabetic() || *b == b'\'')
        && core.iter().any(u8::is_ascii_lowercase)
}

/// The level of `%SYS-5-CONFIG_I` and `%ASA-6-302013`.
fn cisco(text: &[u8]) -> Option<Level> {
    let dash = text.iter().take(32).position(|b| *b == b'-')?;
    let name = text.get(1..dash)?;
    let fits = !name.is_empty()
        && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    match text.get(dash + 1..dash + 3) {
        Some([digit, b'-']) if fits => severity(*digit),
        // A facility may have two parts, as in `%OS-SYSLOG-6-LOG`.
        _ if fits => {
            cisco(&text[dash..]).filter(|_| text.get(dash + 1).is_some_and(u8::is_ascii_uppercase))
        }
        _ => None,
    }
}

/// The level of `level=error`.
fn pair(key: &[u8], value: &[u8]) -> Option<Level> {
    if !is_key(key) {
        return None;
    }
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    of_word(&value[..word_length(value)])
}

fn is_capitals(word: &[u8]) -> bool {
    word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
