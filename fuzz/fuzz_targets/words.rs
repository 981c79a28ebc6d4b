//! What users write: conditions, times, measures, templates, patterns.
#![no_main]

use cutwater_logs::filter::Filter;
use cutwater_logs::format::Definition;
use cutwater_logs::scan::Measure;
use cutwater_logs::time::parse_when;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Filter::parse(text, &TimeZone::UTC);
    let _ = Measure::parse(text);
    let _ = Definition::nginx(text);
    let _ = Definition::named(text);
    let _ = parse_when(text, &TimeZone::UTC, Timestamp::UNIX_EPOCH);
    if text.len() < 64 {
        let _ = Definition::regex(text);
    }
});
