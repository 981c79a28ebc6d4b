//! What is written in a layout is read as the same moment.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;

use super::*;

/// Layouts of jiff's `strftime`, and the digits that each keeps of a second.
const LAYOUTS: [(&str, u32); 24] = [
    ("%Y-%m-%dT%H:%M:%S.%9f%:z", 9),
    ("%Y-%m-%d %H:%M:%S,%3f %z", 3),
    ("%Y/%m/%d %H:%M:%S%z", 0),
    ("%Y-%m-%dT%H:%M:%S.%6f%z", 6),
    ("%d/%b/%Y:%H:%M:%S %z", 0),
    ("%d-%b-%Y %H:%M:%S.%3f %z", 3),
    ("%d %b %Y %H:%M:%S,%3f %z", 3),
    ("%a, %d %b %Y %H:%M:%S %z", 0),
    ("%A, %d-%b-%y %H:%M:%S %z", 0),
    ("%a %b %e %H:%M:%S %z %Y", 0),
    ("%b %e %Y %H:%M:%S.%3f %z", 3),
    ("%b %d, %Y %I:%M:%S %p %z", 0),
    ("%B %d, %Y, %I:%M:%S %p %z", 0),
    ("%-m/%-d/%Y %-I:%M:%S %p %z", 0),
    ("%d.%m.%Y %H:%M:%S %z", 0),
    ("%y/%m/%d %H:%M:%S %z", 0),
    ("%y%m%d %H:%M:%S %z", 0),
    ("%Y%m%dT%H%M%S%z", 0),
    ("%Y%m%d %H:%M:%S.%3f %z", 3),
    ("%Y%m%d%H%M%S.%6f%z", 6),
    ("%a %Y-%m-%d %H:%M:%S %z", 0),
    ("%Y-%m-%d %H:%M:%S:%3f %z", 3),
    ("%Y %b %d %H:%M:%S %z", 0),
    ("%Y-%m-%d %k:%M:%S %z", 0),
];

proptest! {
    #[test]
    fn every_layout_is_read_back(
        // 1970 to 2068: years of two digits have one meaning there.
        nanos in 0_i64..3_092_601_600 * SECOND,
        quarters in -48_i32..=56,
        follows in "( [a-z]{3}|\\]|: x|)",
    ) {
        let offset = Offset::from_seconds(quarters * 900).unwrap();
        let moment = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
        let zoned = moment.to_zoned(TimeZone::fixed(offset));
        let mut clock = Clock::new(Rules::default());
        for (layout, digits) in LAYOUTS {
            let text = zoned.strftime(layout).to_string();
            let unit = 10_i64.pow(9 - digits);
            let want = Some(nanos / unit * unit);
            prop_assert_eq!(clock.parse(text.as_bytes()), want, "{}: {}", layout, &text);
            let line = format!("[main] {text}{follows}");
            let found = clock.find_front(line.as_bytes());
            prop_assert_eq!(found.map(|f| f.time), want, "{}", &line);
            prop_assert_eq!(found.map(|f| &line[f.start..f.end]), Some(text.as_str()));
        }
    }

    #[test]
    fn nothing_panics_and_no_stamp_is_longer_than_its_text(text in "[0-9A-Z@TZ:./ +,-]{0,40}") {
        let mut clock = Clock::new(Rules::default());
        if let Some((_, length)) = clock.parse_prefix(text.as_bytes()) {
            prop_assert!(length <= text.len());
        }
        if let Some(found) = clock.find_front(text.as_bytes()) {
            prop_assert!(found.start < found.end && found.rest <= text.len());
        }
    }
}
