//! The records of the logs, in the order that is asked for.

use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Lines, Rows, Sink};
use cutwater_logs::split::Stop;
use cutwater_shell::Failure;
use cutwater_shell::stop::Watch;

use super::done::Done;
use super::pass::pass;
use super::plan::{Order, Plan, RecordForm, Records};
use super::rows::Writer;
use super::{arrow, follow, merged};

/// Prints `records`.
pub(super) fn print(
    plan: &Plan,
    records: &Records,
    stop: &Stop,
    watch: &Watch,
) -> Result<Done, Failure> {
    if records.order == Order::Written {
        return follow::follow(plan, records, watch);
    }
    match &records.form {
        RecordForm::Lines => {
            ordered(plan, records.order, stop, Lines::default, Writer::lines(records))
        }
        RecordForm::Table(names) => {
            let sink = || Rendering::new(names, Style::Tsv).zoned(plan.zoned.as_ref());
            ordered(plan, records.order, stop, sink, Writer::table(records, names))
        }
        RecordForm::Fields(names, style) => {
            let sink = || Rendering::new(names, *style).zoned(plan.zoned.as_ref());
            ordered(plan, records.order, stop, sink, Writer::fields(records, names, *style))
        }
        RecordForm::Arrow(names, form) => arrow::write(plan, stop, names, *form, records.head),
    }
}

fn ordered<S: Sink<Out = Rows>>(
    plan: &Plan,
    order: Order,
    stop: &Stop,
    sink: impl Fn() -> S + Sync,
    writer: Writer,
) -> Result<Done, Failure> {
    if order == Order::Time {
        return merged::merged(plan, stop, sink, writer);
    }
    pass(plan, stop, sink, writer).map(|(done, _)| done)
}
