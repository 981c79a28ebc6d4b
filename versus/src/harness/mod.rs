//! What every suite shares: which cells, how runs are interleaved, what a report holds and
//! how it is shown and kept.

pub(crate) mod cells;
pub(crate) mod host;
pub(crate) mod json;
pub(crate) mod pin;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod table;
pub(crate) mod versions;
