//! What speaks for a format besides the shape of its lines.

use super::each::for_each_record;
use super::{Definition, Format};
use crate::record::{FieldId, Fields, Record, Span, SpanKind};
use crate::time::{Clock, Rules};

/// How many lines of `sample` are of `format`.
pub(super) fn share(format: Format, sample: &[u8], rules: &Rules) -> usize {
    let mut fields = Fields::all();
    let mut clock = Clock::new(rules.clone());
    let mut evidence = Evidence::default();
    let definition = Definition::Known(format);
    for_each_record(&definition, sample, rules, &mut fields, |fields, record, block| {
        let line = Line { fields, record, block };
        let time = line.span("time").map(|s| clock.parse(s.bytes(block)).is_some());
        let fits = match format {
            Format::Docker => line.has("log") && line.has("stream") && time == Some(true),
            Format::Json => true,
            Format::Logfmt => begins_with_pair(&line) && is_mostly_pairs(record, block),
            Format::Syslog => time == Some(true) && evidence.syslog(&line),
            Format::Syslog5424 => time != Some(false) || line.span("time").is_some_and(is_null),
            Format::Raw => false,
            _ => time == Some(true),
        };
        evidence.fitting += usize::from(fits);
    });
    evidence.believed()
}

/// A line and what was parsed of it.
struct Line<'a> {
    fields: &'a Fields,
    record: &'a Record,
    block: &'a [u8],
}

impl<'a> Line<'a> {
    fn span(&self, name: &str) -> Option<Span> {
        let id: FieldId = self.fields.find(name)?;
        Some(self.record.get(id)).filter(|span| span.is_present())
    }

    fn has(&self, name: &str) -> bool {
        self.span(name).is_some()
    }

    fn bytes(&self, name: &str) -> &'a [u8] {
        self.span(name).map_or(b"", |span| span.bytes(self.block))
    }
}

fn is_null(span: Span) -> bool {
    span.kind == SpanKind::Null
}

/// Two values at least, and more values than bare words: text may have a pair here and there.
fn is_mostly_pairs(record: &Record, block: &[u8]) -> bool {
    let all = record.present().count();
    // `key=-` is nothing too, but a pair.
    let words = record.present().filter(|(_, s)| is_null(*s) && s.bytes(block).is_empty()).count();
    all - words > words.max(1)
}

/// Whether the first word after the time is a pair. Text that has pairs begins with other words.
fn begins_with_pair(line: &Line<'_>) -> bool {
    let time = line.fields.find("time");
    let others = line.record.present().filter(|(id, _)| Some(*id) != time);
    let first = others.map(|(_, span)| span).min_by_key(|span| span.start);
    first.is_some_and(|span| !(is_null(span) && span.bytes(line.block).is_empty()))
}

/// Lines that fit, and how many of them have a time that proves little.
#[derive(Debug, Default)]
struct Evidence {
    fitting: usize,
    /// Syslog with an RFC 3339 time and no priority: any text after a time has that shape.
    weak: usize,
    /// The weak ones with `app[pid]:` or `app:`.
    tagged: usize,
}

impl Evidence {
    /// Whether the word after the time may be a host, or the program where there is no host.
    fn syslog(&mut self, line: &Line<'_>) -> bool {
        let hosted = line.has("host");
        let fits = if hosted { is_host(line.bytes("host")) } else { is_program(line.bytes("app")) };
        let by_year = line.bytes("time").first().is_some_and(u8::is_ascii_digit);
        if fits && by_year && !line.has("priority") {
            self.weak += 1;
            self.tagged += usize::from(line.has(if hosted { "app" } else { "pid" }));
        }
        fits
    }

    /// The lines that count: with all weak ones if most are tagged (`last message repeated 2 times`
    /// has no tag), else only with the tagged ones.
    fn believed(&self) -> usize {
        let most = self.tagged * 2 > self.weak;
        if most { self.fitting } else { self.fitting - self.weak + self.tagged }
    }
}

/// A name or an address of a host, `-` or `localhost:port`; not a level, nor `key=value`.
fn is_host(word: &[u8]) -> bool {
    let shape = |b: &u8| b.is_ascii_alphanumeric() || !b.is_ascii() || b"-._:%/@".contains(b);
    let level = std::str::from_utf8(word).is_ok_and(super::level::is_level);
    !word.is_empty() && word.iter().all(shape) && !word.ends_with(b":") && !level
}

/// A name of a program; not a level.
fn is_program(word: &[u8]) -> bool {
    let level = std::str::from_utf8(word).is_ok_and(super::level::is_level);
    // `[info][auth]:` is a level and a part of the program.
    !word.is_empty() && !level && !word.contains(&b'=') && !word.starts_with(b"[")
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["combo", "web-1.example.com", "10.0.0.1", "fe80::1%eth0", "-", "h_1", "LabSZ"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for word in ["level=error", "[main]", "INFO", "warning", "sshd:", "\"x\"", "(a)", ""] {
            assert!(!is_host(word.as_bytes()), "{word}");
        }
    }
}
