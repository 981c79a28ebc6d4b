//! What every suite shares: cells by name, pinning, versions, and the report.

pub(crate) mod cells;
pub(crate) mod command;
pub(crate) mod pin;
pub(crate) mod publish;
pub(crate) mod raw;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod tables;
pub(crate) mod versions;
