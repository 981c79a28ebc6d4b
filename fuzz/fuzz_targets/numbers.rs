//! Times, numbers and quantities in a line: what is read of the beginning is what is read of the whole.
#![no_main]

use cutwater_logs::time::{Clock, Rules, find_day_first, time_of_day};
use cutwater_logs::value::{parse_number, parse_quantity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let rules = Rules::new(jiff::tz::TimeZone::UTC, 1_772_323_200);
    let mut clock = Clock::new(rules.clone());
    for line in text.split(|&b| b == b'\n') {
        if let Some((nanos, length)) = clock.parse_prefix(line) {
            assert!(length > 0 && length <= line.len());
            // What the clock keeps of the lines before changes nothing.
            let fresh = Clock::new(rules.clone()).parse_prefix(line);
            assert_eq!(fresh, Some((nanos, length)));
            if length == line.len() {
                assert_eq!(clock.parse(line), Some(nanos));
            }
        }
        let _ = clock.parse(line);
        let _ = std::str::from_utf8(line).map(time_of_day);
        let _ = parse_quantity(line);
        let plain = line.iter().all(|b| b.is_ascii_digit() || b"-.eE+".contains(b));
        let theirs = std::str::from_utf8(line).ok().and_then(|text| text.parse::<f64>().ok());
        if let (true, Some(ours)) = (plain, parse_number(line)) {
            assert_eq!(Some(ours), theirs.map(|number| number + 0.0));
        }
    }
    let _ = clock.take_unknown_zones();
    let _ = find_day_first(text);
});
