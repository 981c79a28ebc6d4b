//! The names of zones after times.
//!
//! - A name of the tz database (`Europe/Berlin`) is that zone.
//! - An abbreviation that the zone of the [`Rules`] uses around that date has the meaning that it has
//!   there: with `--tz Asia/Kolkata` IST is +05:30, with `--tz Asia/Jerusalem` +02:00, with
//!   `--tz Asia/Shanghai` CST is +08:00.
//! - Any other abbreviation has the offset of [`words`]. EST, EDT, CST, CDT, MST, MDT, PST and
//!   PDT are those of North America, as RFC 2822 (section 4.3) says. Of the others with several
//!   meanings, BST is British Summer Time, IST is India's, AST Atlantic, GST Gulf, SST Samoa.
//! - Any other three to five capitals are an unknown name, unless they are a usual word of logs:
//!   they are counted, and the time is read in the zone of the rules.

mod words;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Rules;
use crate::value::pack;
use words::{WORDS, abbreviation};

/// The most names that are kept.
const NAMES_MAX: usize = 64;

/// What a word after a time is.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// An abbreviation of this offset, unless the zone of the rules uses it.
    Abbreviation(i32),
    /// A name that is not known here.
    Unknown,
    /// A zone of the tz database.
    Zone(TimeZone),
    /// Another word.
    Word,
}

#[derive(Debug, Clone)]
struct Named {
    name: Box<[u8]>,
    packed: Option<u64>,
    meaning: Meaning,
    /// How many times were read without knowing it.
    unknown: u64,
}

/// The words after times that were seen so far; no more than [`NAMES_MAX`].
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    all: Vec<Named>,
    last: usize,
    /// Times with unknown names for which there was no room.
    others: u64,
}

impl Names {
    /// The number of a word, by which its meaning is found; nothing when there is no room for it. Then
    /// an unknown one is counted where it `counts`.
    #[inline]
    pub(super) fn number(&mut self, word: &[u8], counts: bool, rules: &Rules) -> Option<usize> {
        let packed = pack(word);
        if packed.is_some() {
            let found = self.all.iter().position(|named| named.packed == packed);
            return found.or_else(|| self.look_up(word, counts, rules));
        }
        if self.all.get(self.last).is_some_and(|named| *named.name == *word) {
            return Some(self.last);
        }
        self.look_up(word, counts, rules)
    }

    #[cold]
    fn look_up(&mut self, word: &[u8], counts: bool, rules: &Rules) -> Option<usize> {
        let found = self.all.iter().position(|named| *named.name == *word);
        if found.is_none() && self.all.len() == NAMES_MAX {
            self.others += u64::from(counts && matches!(meaning(word, rules), Meaning::Unknown));
            return None;
        }
        self.last = found.unwrap_or_else(|| {
            let (name, packed) = (word.into(), pack(word));
            self.all.push(Named { name, packed, meaning: meaning(word, rules), unknown: 0 });
            self.all.len() - 1
        });
        Some(self.last)
    }

    pub(super) fn meaning(&self, number: usize) -> &Meaning {
        self.all.get(number).map_or(&Meaning::Word, |named| &named.meaning)
    }

    pub(super) fn name(&self, number: usize) -> &[u8] {
        self.all.get(number).map_or(b"", |named| &named.name)
    }

    /// Counts a time whose zone is not known.
    pub(super) fn count_unknown(&mut self, number: usize) {
        if let Some(named) = self.all.get_mut(number) {
            named.unknown += 1;
        }
    }

    /// The unknown names and how many times have them; they are forgotten.
    pub(super) fn take_unknown(&mut self) -> UnknownZones {
        let mut unknown =
            UnknownZones { counts: Vec::new(), others: std::mem::take(&mut self.others) };
        for named in self.all.iter_mut().filter(|named| named.unknown > 0) {
            let name = String::from_utf8_lossy(&named.name).into_owned();
            unknown.add(name, std::mem::take(&mut named.unknown));
        }
        unknown
    }
}

/// Names of zones that were not known, and how many times have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownZones {
    /// Each name with the number of times, in the order in which they were seen.
    pub counts: Vec<(String, u64)>,
    /// Times with further names, beyond [`UnknownZones::MAX`].
    pub others: u64,
}

impl UnknownZones {
    /// The most names that are kept.
    pub const MAX: usize = 16;

    fn add(&mut self, name: String, count: u64) {
        if let Some((_, total)) = self.counts.iter_mut().find(|(known, _)| *known == name) {
            *total += count;
        } else if self.counts.len() < Self::MAX {
            self.counts.push((name, count));
        } else {
            self.others += count;
        }
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.others += other.others;
        for (name, count) in &other.counts {
            self.add(name.clone(), *count);
        }
    }

    /// How many times have an unknown name.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.others + self.counts.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// Whether `word` is the abbreviation of a zone.
pub(crate) fn is_zone_name(word: &[u8]) -> bool {
    matches!(word, b"UTC" | b"GMT" | b"UT")
        || std::str::from_utf8(word).is_ok_and(|name| abbreviation(name).is_some())
}

fn meaning(word: &[u8], rules: &Rules) -> Meaning {
    let Ok(text) = std::str::from_utf8(word) else { return Meaning::Word };
    if text.contains('/') {
        return match TimeZone::get(text) {
            Ok(zone) => Meaning::Zone(zone),
            Err(_) if is_area(text) => Meaning::Unknown,
            Err(_) => Meaning::Word,
        };
    }
    match abbreviation(text) {
        Some(offset_s) => Meaning::Abbreviation(offset_s),
        None if WORDS.binary_search(&text).is_ok() => Meaning::Word,
        None => match offset_of_rules(rules, text) {
            Some(offset_s) => Meaning::Abbreviation(offset_s),
            None => Meaning::Unknown,
        },
    }
}

/// Whether a name with a slash begins as those of the tz database do.
fn is_area(name: &str) -> bool {
    const AREAS: [&str; 12] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
        "US",
    ];
    name.split('/').next().is_some_and(|area| AREAS.contains(&area))
}

/// The second of a time in a zone that goes by an abbreviation: that of the zone of the rules where
/// it uses the abbreviation around that date, or `default`.
pub(super) fn by_abbreviation(
    at: DateTime,
    name: &[u8],
    rules: &TimeZone,
    default: i32,
) -> Option<i64> {
    let name = std::str::from_utf8(name).ok()?;
    let as_utc = TimeZone::UTC.to_timestamp(at).ok()?;
    let offset_s = offset_in(rules, at, as_utc, name).unwrap_or(default);
    Some(as_utc.as_second() - i64::from(offset_s))
}

/// Half a year: when it is winter at one time, it is summer that much later.
const HALF_YEAR: SignedDuration = SignedDuration::from_hours(24 * 182);

/// The offset that the zone of the rules has under an abbreviation, in the year of their reference.
fn offset_of_rules(rules: &Rules, name: &str) -> Option<i32> {
    let reference = Timestamp::from_second(rules.reference_s).ok()?;
    offset_in(&rules.zone, TimeZone::UTC.to_datetime(reference), reference, name)
}

/// The offset that `zone` has under this abbreviation, at the time or half a year before or after it.
fn offset_in(zone: &TimeZone, at: DateTime, as_utc: Timestamp, name: &str) -> Option<i32> {
    let has_name = |moment: Timestamp| {
        let info = zone.to_offset_info(moment);
        (info.abbreviation() == name).then(|| info.offset().seconds())
    };
    let with_offset = |offset: jiff::tz::Offset| offset.to_timestamp(at).ok().and_then(has_name);
    let here = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => with_offset(offset),
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
            with_offset(before).or_else(|| with_offset(after))
        }
    };
    let later = || as_utc.checked_add(HALF_YEAR).ok().and_then(has_name);
    let earlier = || as_utc.checked_sub(HALF_YEAR).ok().and_then(has_name);
    here.or_else(later).or_else(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted_and_none_of_them_is_a_zone() {
        assert!(WORDS.is_sorted());
        assert!(WORDS.iter().all(|word| abbreviation(word).is_none()));
    }

    #[test]
    fn no_more_names_are_kept_than_there_is_room_for() {
        let mut names = Names::default();
        for number in 0..200 {
            let name = format!("Q{}{}", (b'A' + number / 26) as char, (b'A' + number % 26) as char);
            if let Some(number) = names.number(name.as_bytes(), true, &Rules::default()) {
                names.count_unknown(number);
            }
        }
        let unknown = names.take_unknown();
        assert_eq!((unknown.counts.len(), unknown.total()), (UnknownZones::MAX, 200));
        assert_eq!(names.take_unknown(), UnknownZones::default());
    }
}
