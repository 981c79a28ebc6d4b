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
//! | ERROR | error, err, erro, severe, fail (.NET), failure (BlueGene/L), E |
//! | FATAL | fatal, ftl, critical, crit, alert, emerg, emergency, panic, F |
//!
//! Cisco's severities and those of syslog are 0 to 2 FATAL, 3 ERROR, 4 WARN, 5 and 6 INFO, 7 DEBUG.

mod search;

pub(super) use search::find;

use crate::record::Level;

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
    let head = head.trim_ascii_end();
    let start = head.iter().position(u8::is_ascii_alphabetic)?;
    if start > 1 {
        return find(head).map(|found| found.level);
    }
    let length = letters(&head[start..]);
    let word = &head[start..start + length];
    let ends = head[start + length..].iter().all(|b| b" \t,:]>|[(-".contains(b));
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
