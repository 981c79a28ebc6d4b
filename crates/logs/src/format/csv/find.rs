//! Finds how sampled lines separate their values.

use std::sync::Arc;

use super::header::{self, Header};
use super::settings::Settings;
use super::{Dialect, cut, for_each};
use crate::format::is_blank;

/// What may separate values; among equals the first is taken.
const DELIMITERS: [u8; 4] = *b",\t;|";

/// How many records at the beginning are looked at.
const RECORDS_MAX: usize = 256;

/// With this many records and columns, a file is separated values without an extension that says
/// so.
const RECORDS_SURE: usize = 4;
const COLUMNS_SURE: usize = 3;

/// Begins a comment, where the first lines do.
const COMMENT: u8 = b'#';

/// The dialect of sampled lines; what `settings` say is not looked for.
pub(super) fn find(sample: &[u8], settings: Settings) -> Dialect {
    let comment = settings.comment.unwrap_or_else(|| comment(sample, &settings));
    let counts = |delimiter| Counts::new(sample, delimiter, comment);
    let counts = match settings.delimiter {
        Some(delimiter) => counts(delimiter),
        None => best(DELIMITERS.map(counts)),
    };
    let header = header::find(sample, counts.delimiter, comment, settings.header);
    let Header { record, names } = header.unwrap_or_else(|| Header::numbered(counts.columns));
    Dialect {
        delimiter: counts.delimiter,
        comment,
        share: counts.share_of(names.len()),
        header: record.map(Arc::from),
        names: names.into(),
        settings,
    }
}

/// The dialect of lines that are clearly separated values.
pub(super) fn without_doubt(sample: &[u8]) -> Option<Dialect> {
    let dialect = find(sample, Settings::default());
    let names = &dialect.names;
    let counts = Counts::new(sample, dialect.delimiter, dialect.comment);
    let sure = dialect.has_header()
        && dialect.share >= 1.0
        && counts.all.len() >= RECORDS_SURE
        && names.len() >= COLUMNS_SURE
        && names.iter().all(|name| header::is_plain_name(name))
        && has_typed_column(sample, &dialect);
    sure.then_some(dialect)
}

/// Whether a column has only numbers, times and bools: lines of prose have no such column.
fn has_typed_column(sample: &[u8], dialect: &Dialect) -> bool {
    let mut typed = vec![true; dialect.names.len()];
    let mut is_header = dialect.has_header();
    for_each(sample, dialect.delimiter, dialect.comment, |at, _| {
        let mut values = Vec::new();
        if !std::mem::take(&mut is_header)
            && cut(sample, at, dialect.delimiter, |value| values.push(value)).is_ok()
        {
            for (typed, value) in typed.iter_mut().zip(&values) {
                *typed &= header::is_value(&header::text(*value, sample));
            }
        }
        true
    });
    typed.contains(&true)
}

/// How many values the first records have.
#[derive(Debug)]
struct Counts {
    delimiter: u8,
    all: Vec<usize>,
    /// The number that most of them have.
    columns: usize,
}

impl Counts {
    fn new(sample: &[u8], delimiter: u8, comment: Option<u8>) -> Self {
        let mut all = Vec::new();
        for_each(sample, delimiter, comment, |_, count| {
            all.push(count);
            all.len() < RECORDS_MAX
        });
        let of = |count: usize| all.iter().filter(|&&other| other == count).count();
        let columns = all.iter().copied().max_by_key(|&count| (of(count), count)).unwrap_or(1);
        Self { delimiter, columns, all }
    }

    fn share_of(&self, columns: usize) -> f64 {
        let fitting = self.all.iter().filter(|&&count| count == columns).count();
        if self.all.is_empty() { 0.0 } else { fitting as f64 / self.all.len() as f64 }
    }

    /// Ranks a delimiter: the best cuts most lines into the same number of values, more than one.
    fn worth(&self) -> (bool, f64, usize) {
        (self.columns > 1, self.share_of(self.columns), self.columns)
    }
}

fn best(all: [Counts; DELIMITERS.len()]) -> Counts {
    let mut all = all.into_iter();
    let first = all.next().unwrap_or_else(|| Counts::new(b"", b',', None));
    all.fold(first, |best, other| if other.worth() > best.worth() { other } else { best })
}

/// The mark of comments, if the first line begins with it and is not a record like those after it.
fn comment(sample: &[u8], settings: &Settings) -> Option<u8> {
    let first = sample.split(|&b| b == b'\n').find(|line| !is_blank(line))?;
    if first.first() != Some(&COMMENT) {
        return None;
    }
    let delimiters = settings.delimiter.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
    let is_header = delimiters.into_iter().any(|delimiter| {
        let counts = Counts::new(sample, delimiter, None);
        counts.columns > 1 && counts.all.first() == Some(&counts.columns)
    });
    (!is_header).then_some(COMMENT)
}
