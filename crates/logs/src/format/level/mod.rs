//! The level of a line of text, where a person would see it.
//!
//! Only the text before the message proper is searched: words in brackets, numbers, names with
//! marks in them, and a lone word like the name of a logger. A second plain word begins the message,
//! in which only a level between dashes or bars counts. There are six levels:
//!
//! | level | words |
//! |---|---|
//! | TRACE | trace, trc, trce, verbose, finest, finer, V |
//! | DEBUG | debug, DEBUG1 to DEBUG5 (PostgreSQL), dbg, dbug, fine, config (`java.util.logging`), D |
//! | INFO | info, inf, information, notice, note and system (MySQL), LOG (PostgreSQL), I |
//! | WARN | warn, warning, wrn, W |
//! | ERROR | error, err, erro, eror, severe, fail (.NET), failure (BlueGene/L), E |
//! | FATAL | fatal, ftl, critical, crit, alert, emerg, emergency, panic, F |
//!
//! Cisco's severities and those of syslog are 0 to 2 FATAL, 3 ERROR, 4 WARN, 5 and 6 INFO, 7 DEBUG.

mod search;

pub(super) use search::find;

use crate::record::Level;
use crate::value::pack;

/// A level, and how much of the text belongs to it if only marks are before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) level: Level,
    /// Where the message begins, after the level and its marks; 0 where other words are before it.
    pub(super) skip: usize,
}

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

/// The words of up to eight bytes.
static WORDS: [(u64, Level, Need); 44] = {
    use Level::{Debug, Error, Fatal, Info, Trace, Warn};
    use Need::{Capitals, Mark, Nothing};
    [
        word(b"INFO", Info, Nothing),
        word(b"ERROR", Error, Nothing),
        word(b"WARN", Warn, Nothing),
        word(b"DEBUG", Debug, Nothing),
        word(b"WARNING", Warn, Nothing),
        word(b"TRACE", Trace, Nothing),
        word(b"NOTICE", Info, Nothing),
        word(b"INF", Info, Capitals),
        word(b"ERR", Error, Nothing),
        word(b"SEVERE", Error, Nothing),
        word(b"FATAL", Fatal, Nothing),
        word(b"CRITICAL", Fatal, Nothing),
        word(b"CRIT", Fatal, Nothing),
        word(b"EMERG", Fatal, Nothing),
        word(b"PANIC", Fatal, Nothing),
        word(b"ALERT", Fatal, Nothing),
        word(b"VERBOSE", Trace, Nothing),
        word(b"TRC", Trace, Capitals),
        word(b"VRB", Trace, Capitals),
        word(b"FINER", Trace, Capitals),
        word(b"FINEST", Trace, Capitals),
        word(b"DBG", Debug, Capitals),
        word(b"FINE", Debug, Capitals),
        word(b"CONFIG", Debug, Capitals),
        word(b"DEBUG1", Debug, Capitals),
        word(b"DEBUG2", Debug, Capitals),
        word(b"DEBUG3", Debug, Capitals),
        word(b"DEBUG4", Debug, Capitals),
        word(b"DEBUG5", Debug, Capitals),
        word(b"WRN", Warn, Capitals),
        word(b"DPANIC", Fatal, Capitals),
        word(b"ERRO", Error, Capitals),
        word(b"FAILURE", Error, Capitals),
        word(b"FTL", Fatal, Capitals),
        word(b"DBUG", Debug, Mark),
        word(b"EROR", Error, Mark),
        word(b"TRCE", Trace, Mark),
        word(b"LOG", Info, Mark),
        word(b"NOTE", Info, Mark),
        word(b"SYSTEM", Info, Mark),
        word(b"FAIL", Error, Mark),
        word(b"II", Info, Mark),
        word(b"EE", Error, Mark),
        word(b"WW", Warn, Mark),
    ]
};

/// The longer words.
static LONG_WORDS: [(&[u8], Level, Need); 3] = [
    (b"INFORMATION", Level::Info, Need::Nothing),
    (b"EMERGENCY", Level::Fatal, Need::Nothing),
    (b"INFORMATIONAL", Level::Info, Need::Capitals),
];

const fn word(text: &[u8], level: Level, need: Need) -> (u64, Level, Need) {
    match pack(text) {
        Some(packed) => (packed, level, need),
        None => panic!("a word of up to eight bytes"),
    }
}

/// The level that a word is in capitals or not, and how it must stand.
fn classify(word: &[u8]) -> Option<(Level, Need)> {
    let Some(packed) = pack(word).filter(|_| word.len() > 1) else {
        let known = LONG_WORDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word))?;
        return Some((known.1, known.2));
    };
    let upper = u64::from_le_bytes(packed.to_le_bytes().map(|b| b.to_ascii_uppercase()));
    let known = WORDS.iter().find(|(name, ..)| *name == upper)?;
    Some((known.1, known.2))
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
pub(super) fn severity(digit: u8) -> Option<Level> {
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
    // Erlang writes `=ERROR REPORT==== ` before a time.
    let head = head.trim_ascii_end();
    let head = head.strip_prefix(b"=").unwrap_or(head);
    let start = head.iter().position(u8::is_ascii_alphabetic)?;
    if start > 1 {
        return find(head).map(|found| found.level);
    }
    let length = letters(&head[start..]);
    let word = &head[start..start + length];
    let ends = head[start + length..].iter().all(|b| b" \t,:]>|[(-".contains(b));
    match letter(word) {
        Some(level) if ends => Some(level),
        _ => find(head).map(|found| found.level).or_else(|| after_colon(head)),
    }
}

/// The level right before a time, after the name of a program: `Zigbee2MQTT:warn`.
fn after_colon(head: &[u8]) -> Option<Level> {
    let colon = head.iter().rposition(|b| *b == b':')?;
    let (level, need) = classify(&head[colon + 1..]).filter(|_| colon > 0)?;
    (need < Need::Mark).then_some(level)
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

/// The level that a message begins with, in brackets or before a mark, or in capitals.
#[inline]
pub(super) fn at_start(message: &[u8]) -> Option<Level> {
    let opens = usize::from(message.first().is_some_and(|b| b"[<(".contains(b)));
    let word = message.get(opens..)?;
    let length = word_length(word);
    let next = word.get(length).copied();
    let marked = next.is_some_and(|b| b":]>)".contains(&b)) || next == Some(b' ') && opens == 0;
    classify(&word[..length]).filter(|_| marked)?;
    find(message).filter(|found| found.skip > 0).map(|found| found.level)
}

/// Whether a pair of this key has the level.
pub(super) fn is_key(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [b"level", b"lvl", b"severity", b"loglevel", b"log_level"];
    KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// How many letters and digits a text begins with.
fn word_length(text: &[u8]) -> usize {
    text.iter().take(24).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

fn letters(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphabetic()).count()
}

#[cfg(test)]
mod tests;
