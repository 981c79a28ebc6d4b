//! The layouts in which logs write a time.
//!
//! | layout | written by |
//! |---|---|
//! | `2026-01-02T03:04:05.123Z`, with `/` or `.` in the date, a blank, `_`, `-` or ` - ` before the hour, hours of one digit, `.`, `,` or `:` before the fraction, no seconds | ISO 8601, RFC 3339, log4j, Python, nginx, MySQL, Gin |
//! | `2026-002T03:04:05` | ISO 8601 by the day of the year |
//! | `2026-01-02-03.04.05.123456` | DB2, BlueGene/L |
//! | `20260102T030405Z`, `20260102 03:04:05`, `20260102030405` | ISO 8601 in its basic form |
//! | `260102 03:04:05`, `260102 030405` | MySQL 5, HDFS |
//! | `26/01/02 03:04:05` | Spark, Hadoop |
//! | `2026-Jan-02 03:04:05` | Boost.Log |
//! | `27-Nov-26 10.00.02.123456 PM` | Oracle |
//! | `02-Jan-2026::03:04:05` | Erlang |
//! | `02Jan2026 03:04:05` | Forge |
//! | `03:04:05.123 02/01/2026` | the time of day first |
//! | `02/Jan/2026:03:04:05 +0000` | Apache, nginx |
//! | `02-Jan-2026 03:04:05`, `02 Jan 2026 03:04:05` | Tomcat, BIND, Redis, log4j |
//! | `Jan  2 03:04:05`, with a year before or after the time | RFC 3164, Cisco |
//! | `Jan 2, 2026 3:04:05 PM` | `java.util.logging` |
//! | `Fri Jan  2 03:04:05 UTC 2026`, without zone or year | `asctime`, `date`, Apache |
//! | `Fri, 02 Jan 2026 03:04:05 GMT`, `Friday, 02-Jan-26 03:04:05 GMT` | RFC 2822, RFC 850 |
//! | `Fri 2026-01-02 03:04:05 UTC` | systemd |
//! | `Jan-02-26 03:04:05`, `jan/02/2026 03:04:05` | ASSP, MikroTik |
//! | `2026:01:02-03:04:05` | DirectAdmin, Exif |
//! | `1/2/2026 3:04:05 PM`, `02.01.2026 03:04:05` | Windows, IIS, .NET |
//! | `01-02 03:04:05.123`, `01/02 03:04:05`, `01.02 03:04:05` | Android, Proxifier |
//! | `I0102 03:04:05.123456` | glog, klog |
//!
//! Of a date in numbers whose year is last, a number over 12 is the day. Where both may be the
//! month, the order that other lines of the log prove counts ([`super::Rules::day_first`]). Where no line
//! proves one, the month is first before a slash (`1/2/2026`, as in the United States) and the day
//! is first before a full stop or a hyphen (`02.01.2026`). A date in numbers without a year has the
//! month first. A year of two digits is first (`26/01/02`), unless that is no date, or there are
//! full stops in it; 69 to 99 are in the last century (POSIX, `strptime`).

mod compact;
mod epoch;
mod named;
mod numeric;
mod tail;

use super::reader::Reader;
pub(crate) use epoch::is_sane;
pub(super) use epoch::{dot_net, epoch, front_epoch, tai64n};
pub(super) use named::after_level;

/// A time as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    pub(super) year: Option<i16>,
    pub(super) month: i8,
    pub(super) day: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
}

/// A time, its zone where it has one, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) civil: Civil,
    pub(super) offset_s: Option<i32>,
    pub(super) nanos: u32,
    /// Bytes of the time, without the name of a zone or a year after it.
    pub(super) length: usize,
    /// What may be the name of a zone after the time.
    pub(super) name: Option<ZoneName>,
}

/// What may be the name of a zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct ZoneName {
    /// Where it is.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The length of the stamp with it, and with what closes it.
    pub(super) length: usize,
    /// Whether only a known name counts, as other words may stand here, too.
    pub(super) known_only: bool,
}

/// A year where it is written, a month and a day.
#[derive(Debug, Clone, Copy)]
struct Date {
    year: Option<i16>,
    month: i8,
    day: i8,
}

/// A stamp like `2026-01-02 03:04:` up to its seconds. Lines of a log often have the same minute as the one
/// before, whose date and time need not be read again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minute {
    text: [u8; Self::SHAPE.len()],
    date: Date,
    hour: i8,
    minute: i8,
}

impl Minute {
    const SHAPE: [u8; 17] = *b"dddd-dd-dd dd:dd:";

    /// The minute of a stamp that `text` begins with, where it has this shape.
    pub(super) fn of(text: &[u8], civil: &Civil) -> Option<Self> {
        let text = *text.first_chunk()?;
        let fits = |(byte, shape): (&u8, u8)| match shape {
            b'd' => byte.is_ascii_digit(),
            b'-' => matches!(byte, b'-' | b'/' | b'.'),
            b' ' => matches!(byte, b' ' | b'T' | b'_'),
            other => *byte == other,
        };
        let date = Date { year: Some(civil.year?), month: civil.month, day: civil.day };
        let is_same = text.iter().zip(Self::SHAPE).all(fits);
        is_same.then_some(Self { text, date, hour: civil.hour, minute: civil.minute })
    }

    /// The stamp that `text` begins with, where it is in this minute.
    #[inline]
    pub(super) fn stamp(&self, text: &[u8]) -> Option<Stamp> {
        if *text.first_chunk()? != self.text {
            return None;
        }
        let mut r = Reader { text, at: self.text.len() };
        let second = tail::two_digits(&mut r)?;
        let time = tail::fits((self.hour, self.minute, second))?;
        tail::after_time(&mut r, self.date, time)
    }
}

/// The stamp that `text` begins with, in any of the layouts; `day_first` is the order that the
/// log proves.
#[inline]
pub(super) fn parse(text: &[u8], day_first: Option<bool>) -> Option<Stamp> {
    let mut r = Reader { text, at: 0 };
    match text.first()? {
        b'0'..=b'9' => digits(&mut r, day_first),
        b'A'..=b'Z' => named::letters(&mut r, day_first),
        // Only `jan  2` and `jan/02`: other words in small letters are very frequent.
        b'a'..=b'z' if matches!(text.get(3), Some(b' ' | b'/')) => {
            named::letters(&mut r, day_first)
        }
        _ => None,
    }
}

/// A stamp that begins with a digit.
#[inline]
fn digits(r: &mut Reader<'_>, day_first: Option<bool>) -> Option<Stamp> {
    match r.digits_ahead() {
        4 => year_first(r),
        1 | 2 => numeric::short_first(r, day_first),
        run => compact::parse(r, run),
    }
}

/// `2026-01-02`, `2026/1/2`, `2026 Jan 02`, and a time. `0102 03:04:05.123456` is what glog writes
/// after the level.
fn year_first(r: &mut Reader<'_>) -> Option<Stamp> {
    let year = r.number(4)?;
    let mark = r.one_of(b"-/. :")?;
    // `2026:01:02-03:04:05`; what has colons only is no date.
    if mark == b':' && !matches!(r.text.get(10), Some(b'-' | b' ')) {
        return None;
    }
    if mark == b' ' {
        if r.peek()?.is_ascii_digit() {
            r.at = 0;
            return compact::glog(r);
        }
        let month = r.month()?;
        r.blanks()?;
        let date = Date { year: Some(year as i16), month, day: r.short_number()? };
        return tail::after_date(r, date);
    }
    if mark == b'-' && r.digits_ahead() == 3 {
        let date = by_day_of_year(year as i16, r.number(3)? as i16)?;
        return tail::after_date(r, date);
    }
    let month = match r.peek()?.is_ascii_alphabetic() {
        true => r.month()?,
        false => r.short_number()?,
    };
    r.byte(mark)?;
    let date = Date { year: Some(year as i16), month, day: r.short_number()? };
    tail::after_date(r, date)
}

/// The date of `2026-033`: ISO 8601 counts the days of a year from 1.
fn by_day_of_year(year: i16, day: i16) -> Option<Date> {
    let date = jiff::civil::Date::new(year, 1, 1).ok()?.with().day_of_year(day).build().ok()?;
    Some(Date { year: Some(year), month: date.month(), day: date.day() })
}

/// A year of two digits.
fn short_year(year: i8) -> i16 {
    i16::from(year) + if year < 69 { 2000 } else { 1900 }
}
