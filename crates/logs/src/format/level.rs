//! The level of a line of text, where a person would see it.
//!
//! Looked at is the text up to the message proper: words in brackets, numbers, names with marks in
//! them, and a lone word like the name of a logger. A second plain word begins the message, in which
//! only a level between dashes or bars counts. What is found is one of six levels:
//!
//! | level | words |
//! |---|---|
//! | TRACE | trace, trc, trce, verbose, finest, finer, V |
//! | DEBUG | debug, DEBUG1 to DEBUG5 (PostgreSQL), dbg, dbug, fine, config (`java.util.logging`), D |
//! | INFO | info, inf, information, notice, note and system (MySQL), LOG (PostgreSQL), I |
//! | WARN | warn, warning, wrn, W |
//! | ERROR | error, err, erro, severe, fail (.NET), failure (BlueGene/L), E |
//! | FATAL | fatal, ftl, critical, crit, alert, emerg, emergency, panic, F |
//!
//! Cisco's severities and those of syslog are 0 to 2 FATAL, 3 ERROR, 4 WARN, 5 and 6 INFO, 7 DEBUG.

use crate::record::Level;

/// A level, and how much of the text goes with it where nothing but marks is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) level: Level,
    /// Where the message begins, after the level and its marks; 0 where other words are before it.
    pub(super) skip: usize,
}

/// So much of a text is looked at, and no more words than these.
const LOOKED_AT: usize = 160;
const WORDS_MAX: usize = 10;

/// How a word must stand to be a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// It may be the first word.
    Nothing,
    /// It is in capitals, or has a mark after it.
    Capitals,
    /// It has a mark after it, like a bracket or a colon.
    Mark,
}

/// Whether `word` is a usual name of a level.
pub(super) fn is_level(word: &str) -> bool {
    matches!(classify(word.as_bytes()), Some((_, Need::Nothing | Need::Capitals)))
}

/// The level that a word stands for by itself, as the value of `level=` does.
pub(super) fn of_word(word: &[u8]) -> Option<Level> {
    classify(word).or_else(|| letter(word).map(|level| (level, Need::Mark))).map(|found| found.0)
}

fn classify(word: &[u8]) -> Option<(Level, Need)> {
    use Level::{Debug, Error, Fatal, Info, Trace, Warn};
    use Need::{Capitals, Mark, Nothing};
    let mut upper = [0; 12];
    let upper = upper.get_mut(..word.len()).filter(|upper| upper.len() >= 2)?;
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    Some(match &*upper {
        b"INFO" => (Info, Nothing),
        b"ERROR" => (Error, Nothing),
        b"WARN" | b"WARNING" => (Warn, Nothing),
        b"DEBUG" => (Debug, Nothing),
        b"TRACE" => (Trace, Nothing),
        b"NOTICE" | b"INFORMATION" => (Info, Nothing),
        b"INF" | b"INFORMATIONAL" => (Info, Capitals),
        b"ERR" | b"SEVERE" => (Error, Nothing),
        b"FATAL" | b"CRITICAL" | b"CRIT" | b"EMERG" | b"PANIC" => (Fatal, Nothing),
        b"ALERT" | b"EMERGENCY" => (Fatal, Nothing),
        b"VERBOSE" => (Trace, Nothing),
        b"TRC" | b"VRB" | b"FINER" | b"FINEST" => (Trace, Capitals),
        b"DBG" | b"FINE" | b"CONFIG" => (Debug, Capitals),
        b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => (Debug, Capitals),
        b"WRN" | b"DPANIC" => (if upper[0] == b'W' { Warn } else { Fatal }, Capitals),
        b"ERRO" | b"FAILURE" => (Error, Capitals),
        b"FTL" => (Fatal, Capitals),
        b"DBUG" | b"TRCE" => (if upper[0] == b'D' { Debug } else { Trace }, Mark),
        b"LOG" | b"NOTE" | b"SYSTEM" | b"II" => (Info, Mark),
        b"FAIL" | b"EE" => (Error, Mark),
        b"WW" => (Warn, Mark),
        _ => return None,
    })
}

/// The level of one capital letter.
fn letter(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"V" | b"T" => Level::Trace,
        b"D" => Level::Debug,
        b"I" => Level::Info,
        b"W" => Level::Warn,
        b"E" => Level::Error,
        b"F" | b"C" => Level::Fatal,
        _ => return None,
    })
}

/// A severity of syslog, 0 to 7.
fn severity(digit: u8) -> Option<Level> {
    Some(match digit {
        b'0'..=b'2' => Level::Fatal,
        b'3' => Level::Error,
        b'4' => Level::Warn,
        b'5' | b'6' => Level::Info,
        b'7' => Level::Debug,
        _ => return None,
    })
}

/// The level of what is before a line's time: a word, or a letter as glog, Ruby and Tornado write it.
pub(super) fn before_time(head: &[u8]) -> Option<Level> {
    let head = head.trim_ascii_end();
    let start = head.iter().position(u8::is_ascii_alphabetic)?;
    if start > 1 {
        return find(head).map(|found| found.level);
    }
    let length = letters(&head[start..]);
    let word = &head[start..start + length];
    let ends = head[start + length..].iter().all(|b| b" \t,:]|[(-".contains(b));
    match letter(word) {
        Some(level) if ends => Some(level),
        _ => find(head).map(|found| found.level),
    }
}

/// The mark that Redis writes after the time: a full stop for debug, `-` for verbose, which it
/// sends to syslog as information, `*` for notice, `#` for warning.
pub(super) fn of_redis(text: &[u8]) -> Option<Found> {
    let level = match text {
        [b'.', b' ', ..] => Level::Debug,
        [b'-' | b'*', b' ', ..] => Level::Info,
        [b'#', b' ', ..] => Level::Warn,
        _ => return None,
    };
    Some(Found { level, skip: 2 })
}

/// The level of a text after the time.
pub(super) fn find(text: &[u8]) -> Option<Found> {
    let text = &text[..text.len().min(LOOKED_AT)];
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

    /// `[ERROR]`, `<error>`, `(II)`, `[ WARN ]`, `[core:error]`, `[ERROR main.c:12]`.
    fn in_brackets(&self, open: u8, inside: &[u8]) -> Option<Found> {
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
            ends && need == Need::Nothing && self.plain_words == 0 && !self.after_colon
        };
        counts.then(|| {
            self.found(level, end + usize::from(marked)).unwrap_or(Found { level, skip: 0 })
        })
    }

    /// Whether a level in capitals may follow the words before: none of them, or the name of a
    /// logger, is plain.
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

    /// The level with the text up to `end` and the blanks there, if nothing but marks is before.
    fn found(&self, level: Level, end: usize) -> Option<Found> {
        let is_first = self.plain_words + self.names + self.numbers == 0;
        let blanks = self.text[end..].iter().take_while(|b| b" \t".contains(b)).count();
        is_first.then_some(Found { level, skip: end + blanks })
    }

    /// Passes over a word that is no level; `false` where the message begins.
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

/// Whether a pair of this key has the level.
pub(super) fn is_key(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [b"level", b"lvl", b"severity", b"loglevel", b"log_level"];
    KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

fn is_capitals(word: &[u8]) -> bool {
    word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// How many letters and digits a text begins with.
fn word_length(text: &[u8]) -> usize {
    text.iter().take(24).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

fn letters(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphabetic()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The level of a text, and what is left of it.
    fn level(text: &str) -> Option<(&'static str, &str)> {
        find(text.as_bytes()).map(|found| (found.level.name(), &text[found.skip..]))
    }

    #[test]
    fn a_level_at_the_front_is_taken_off() {
        for (text, name, rest) in [
            ("ERROR a", "ERROR", "a"),
            ("[ERROR] b", "ERROR", "b"),
            ("<error> c", "ERROR", "c"),
            ("Error: d", "ERROR", "d"),
            ("error g", "ERROR", "g"),
            ("FATAL: h", "FATAL", "h"),
            ("-- ERR i", "ERROR", "i"),
            ("|ERROR| j", "ERROR", "j"),
            ("[ WARN  ] k", "WARN", "k"),
            ("(II) loaded", "INFO", "loaded"),
            ("INF zerolog", "INFO", "zerolog"),
            ("Info                  CBS    Loaded", "INFO", "CBS    Loaded"),
            ("WARNING", "WARN", ""),
        ] {
            assert_eq!(level(text), Some((name, rest)), "{text}");
        }
    }

    #[test]
    fn a_level_after_other_words_leaves_the_text() {
        for (text, name) in [
            ("E/tag e", "ERROR"),
            ("[main] ERROR f", "ERROR"),
            ("- app - WARN - g", "WARN"),
            ("#1234]  INFO -- : msg", "INFO"),
            ("[1234] LOG:  ready", "INFO"),
            ("[1234] user@db PANIC:  no", "FATAL"),
            ("8 [Warning] Aborted", "WARN"),
            ("9 [Note] Shutdown", "INFO"),
            ("0 [System] [MY-010116] [Server] up", "INFO"),
            ("production.ERROR: request", "ERROR"),
            ("INFO/MainProcess] task", "INFO"),
            ("  1702  2395 D WindowManager: x", "DEBUG"),
            ("%SYS-5-CONFIG_I: configured", "INFO"),
            ("host1 : %ASA-4-302013: built", "WARN"),
            ("25746 WARNING nova.osapi_compute", "WARN"),
            ("queries: info: client", "INFO"),
            ("RAS KERNEL FATAL data TLB", "FATAL"),
            ("root INFO started", "INFO"),
            ("[core:error] [pid 1] x", "ERROR"),
            ("name level=warn msg=x", "WARN"),
            ("[scheduler] [debug] x", "DEBUG"),
            ("org.x.Main main\tSEVERE\tmsg", "ERROR"),
            ("Main::INFO::", "INFO"),
            ("gmetad: Warning: we failed", "WARN"),
        ] {
            assert_eq!(level(text), Some((name, text)), "{text}");
        }
    }

    #[test]
    fn words_of_the_message_are_no_levels() {
        for text in [
            "no error found",
            "no ERROR found",
            "request failed with ERROR from there",
            "Aborted connection",
            "error-handler started",
            "errors: 5",
            "log rotated",
            "fine day",
            "system is up",
            "fail over",
            "user info was sent",
            "GET /info 200",
            "E is a letter",
            "CPU: Trace cache: 12K uops",
            "ip_tables: (C) 2000-2002 Netfilter core team",
            "app[1]: error in x",
            "the level of warning is 3",
            "",
            "[main] no error: all is well",
        ] {
            assert_eq!(level(text), None, "{text}");
        }
    }

    #[test]
    fn a_letter_or_a_word_before_the_time_is_a_level() {
        for (head, name) in [
            ("I, ", Some("INFO")),
            ("[E ", Some("ERROR")),
            ("I", Some("INFO")),
            ("W/", Some("WARN")),
            ("WARN  ", Some("WARN")),
            ("[ERROR] ", Some("ERROR")),
            ("[main] ", None),
            ("1234:M ", None),
            ("host app ", None),
            ("", None),
        ] {
            assert_eq!(before_time(head.as_bytes()).map(Level::name), name, "{head}");
        }
    }
}
