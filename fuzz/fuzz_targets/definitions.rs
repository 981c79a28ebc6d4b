//! Files of formats, grok patterns and lnav's formats: no text panics, and a format that was taken reads any
//! line. The first letter chooses the language.
#![no_main]

use cutwater_logs::format::{DataFormat, Definition, from_lnav};
use cutwater_logs::time::Rules;
use cutwater_logs::{Fields, Record};
use libfuzzer_sys::fuzz_target;

const LINES: &[u8] = b"2026-03-01 00:00:00 INFO a=1 \"b c\" [d]\n{\"a\":1}\n127.0.0.1 - - x\n\xff\n";

fuzz_target!(|text: &str| {
    let mut letters = text.chars();
    let (Some(language), text) = (letters.next(), letters.as_str()) else { return };
    // A pattern may take long to compile; its size is bounded, its time is not.
    if text.len() > 2048 {
        return;
    }
    let formats = match language as u32 % 3 {
        0 => DataFormat::from_toml(text).into_iter().collect(),
        1 => DataFormat::from_grok(text).into_iter().collect(),
        _ => from_lnav(text).map(|(formats, _)| formats).unwrap_or_default(),
    };
    for format in formats {
        let definition = Definition::from(format);
        let mut fields = Fields::all();
        let mut parser = definition.parser(&mut fields, &Rules::new(jiff::tz::TimeZone::UTC, 0));
        let mut record = Record::default();
        parser.begin_block(LINES);
        let mut at = 0;
        while at < LINES.len() {
            record.clear();
            let (end, _) = parser.parse(LINES, at, &mut fields, &mut record);
            assert!(end >= at);
            at = end + 1;
        }
    }
});
