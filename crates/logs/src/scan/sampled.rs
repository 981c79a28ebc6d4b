//! What the sampled lines of a log show of its times.

use super::Log;
use crate::format::for_each_record;
use crate::record::Fields;
use crate::time::{Clock, Nanos};
use crate::value;

impl Log {
    /// The earliest and the latest time of the sampled lines; `None` where they have none. Of a stream only
    /// the beginning is sampled.
    #[must_use]
    pub fn sampled_times(&self) -> Option<(Nanos, Nanos)> {
        let mut fields = Fields::only(&[self.time.as_ref()?]);
        fields.dotted = true;
        let id = self.time.as_ref().and_then(|time| fields.find(time))?;
        let mut clock = Clock::new(self.rules.clone());
        let mut range: Option<(Nanos, Nanos)> = None;
        for_each_record(
            &self.definition,
            &self.sample,
            &self.rules,
            &mut fields,
            |_, record, block| {
                let text = value::text(record.get(id), block);
                if let Some(time) = text.and_then(|text| clock.parse(&text)) {
                    let (first, last) = range.unwrap_or((time, time));
                    range = Some((first.min(time), last.max(time)));
                }
            },
        );
        range
    }
}
