//! No line of any format panics, and every span lies in its line.
#![no_main]

use cutwater_logs::format::{Definition, Format, detect};
use cutwater_logs::time::{Clock, Rules};
use cutwater_logs::{Fields, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|block: &[u8]| {
    let rules = Rules::new(jiff::tz::TimeZone::UTC, 1_772_323_200);
    let mut clock = Clock::new(rules.clone());
    let _ = detect(block, &rules);
    let template = r#"$a [$time_local] "$b" $c"#;
    let users = [Definition::nginx(template), Definition::regex(r"(?<a>\w+)[ =](?<b>\d+)")];
    let known = Format::NAMED.into_iter().map(Definition::Known);
    for definition in known.chain(users.into_iter().flatten()) {
        let mut fields = Fields::all();
        let mut parser = definition.parser(&mut fields, &rules);
        let mut record = Record::default();
        parser.begin_block(block);
        let mut at = 0;
        while at < block.len() {
            record.clear();
            let (end, parsed) = parser.parse(block, at, &mut fields, &mut record);
            assert!(end >= at && block.get(end).is_none_or(|&b| b == b'\n'));
            assert!(!block[at..end].contains(&b'\n'));
            if parsed == Ok(true) {
                for (_, span) in record.present().filter(|(_, span)| span.is_in_block()) {
                    assert!(span.start <= span.end && span.start as usize >= at && span.end as usize <= end);
                    let _ = clock.parse(span.bytes(block));
                }
            }
            at = end + 1;
        }
    }
});
