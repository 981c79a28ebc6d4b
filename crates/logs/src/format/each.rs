//! Each record of sampled lines.

use super::Definition;
use crate::record::{Fields, Record};
use crate::time::Rules;

/// Calls `each` for every record of sampled lines; bad lines are passed over.
pub(crate) fn for_each_record(
    definition: &Definition,
    sample: &[u8],
    rules: &Rules,
    fields: &mut Fields,
    mut each: impl FnMut(&Fields, &Record, &[u8]),
) {
    let mut parser = definition.parser(fields, rules);
    parser.begin_block(sample);
    let mut record = Record::default();
    let mut at = 0;
    while at < sample.len() {
        record.clear();
        let (end, parsed) = parser.parse(sample, at, fields, &mut record);
        if matches!(parsed, Ok(true)) {
            each(fields, &record, sample);
        }
        at = end + 1;
    }
}
