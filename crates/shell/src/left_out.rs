//! Notes on what an answer leaves out, for both programs.

use cutwater_logs::misfits::{Misfit, Misfits};
use cutwater_logs::seek::PLACES;
use cutwater_logs::time::UnknownZones;

use crate::note;
use crate::words::{are, counted, printable, unknown_zones};

/// What an answer leaves out, and how to see it.
#[derive(Debug, Default)]
pub struct LeftOut<'a> {
    /// Lines that are not records.
    pub bad_lines: u64,
    /// Those of them that are longer than the longest line.
    pub long_lines: u64,
    /// Whether lines that cannot meet a condition were not looked at, so that there may be more.
    pub looked_at_some: bool,
    /// Shows the bad lines: `--errors FILE lists them`.
    pub shows_bad_lines: &'a str,
    /// Records without a time, or with one that cannot be read.
    pub untimed: u64,
    /// Whether the answer is without those records, as it is about a range of time.
    pub asks_for_times: bool,
    /// Zones that are not known, and how many times name them.
    pub unknown_zones: Option<&'a UnknownZones>,
    /// Values that a condition or a measure could not use.
    pub misfits: Option<&'a Misfits>,
    /// Shows the values that do not fit: `--where 'FIELD~TEXT' finds them`.
    pub shows_misfits: &'a str,
    /// Where a part of a log was not read because its times count as sorted: how to read all of it.
    pub order: Option<&'a str>,
}

impl LeftOut<'_> {
    /// A sentence for each kind of omission.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let misfits = self.misfits.into_iter().flat_map(Misfits::iter);
        let misfits = misfits.map(|misfit| self.of_misfit(misfit));
        let others =
            [self.of_bad_lines(), self.of_long_lines(), self.of_untimed(), self.of_zones()];
        others.into_iter().flatten().chain(misfits).chain(self.of_order()).collect()
    }

    /// Prints them on standard error.
    pub fn print(&self) {
        self.notes().iter().for_each(|text| note(text));
    }

    fn of_bad_lines(&self) -> Option<String> {
        let among = if self.looked_at_some { " of those that were looked at" } else { "" };
        let (lines, shows) = (counted(self.bad_lines, "line"), self.shows_bad_lines);
        let (are_not, were) = if self.bad_lines == 1 {
            ("is not a record", "was")
        } else {
            ("are not records", "were")
        };
        (self.bad_lines > 0)
            .then(|| format!("{lines}{among} {are_not} and {were} left out; {shows}"))
    }

    fn of_long_lines(&self) -> Option<String> {
        let (lines, is) = (counted(self.long_lines, "line"), are(self.long_lines));
        (self.long_lines > 0).then(|| {
            format!(
                "{lines} {is} longer than the longest that is read whole; --line-max MIB raises it"
            )
        })
    }

    fn of_untimed(&self) -> Option<String> {
        let records = counted(self.untimed, "record");
        let (has, are) = if self.untimed == 1 { ("has", "is") } else { ("have", "are") };
        let effect = if self.asks_for_times {
            format!(", and so {are} in no range of time")
        } else {
            String::new()
        };
        (self.untimed > 0).then(|| {
            format!(
                "{records} {has} no time that can be read{effect}; --time-field names another field"
            )
        })
    }

    fn of_zones(&self) -> Option<String> {
        unknown_zones(self.unknown_zones?)
    }

    fn of_order(&self) -> Option<String> {
        self.order.map(|reads_all| {
            format!(
                "the log counts as sorted by time ({PLACES} places of it are), so only a part was read; \
                 lines far out of order are missed, and {reads_all}"
            )
        })
    }

    fn of_misfit(&self, misfit: &Misfit) -> String {
        let Misfit { field, wanted, count, example } = misfit;
        let (values, field) = (counted(*count, "value"), printable(field.as_bytes()));
        let (are_not, were) = if *count == 1 { ("is not", "was") } else { ("are not", "were") };
        let shows = if self.shows_misfits.is_empty() {
            String::new()
        } else {
            format!("; {}", self.shows_misfits)
        };
        format!(
            "{values} of {field} {are_not} {wanted} and {were} left out, such as '{example}'{shows}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_is_missing_is_one_sentence() {
        let mut misfits = Misfits::default();
        misfits.add("ms", "a number", b"time\x1bout");
        misfits.add("ms", "a number", b"slow");
        let zones = UnknownZones { counts: vec![("QQT".to_owned(), 2)], others: 0 };
        let left_out = LeftOut {
            bad_lines: 2,
            long_lines: 1,
            shows_bad_lines: "--errors FILE lists them",
            untimed: 1,
            asks_for_times: true,
            unknown_zones: Some(&zones),
            misfits: Some(&misfits),
            ..LeftOut::default()
        };
        let expected = [
            "2 lines are not records and were left out; --errors FILE lists them",
            "1 line is longer than the longest that is read whole; --line-max MIB raises it",
            "1 record has no time that can be read, and so is in no range of time; --time-field names \
             another field",
            "the zone of 2 times is not known: QQT; they were read as times without a zone, whose zone \
             --tz sets",
            "2 values of ms are not a number and were left out, such as 'time\\x1bout'",
        ];
        assert_eq!(left_out.notes(), expected);
        assert_eq!(LeftOut::default().notes(), [""; 0]);
    }
}
