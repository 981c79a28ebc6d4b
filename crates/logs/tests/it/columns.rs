//! Columns have the values that the lines have, by the rules of SQL and JSON.

use std::ops::ControlFlow;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use cutwater::ReadPath;
use cutwater_logs::columns::{ColumnSpec, ColumnType, Columns};
use cutwater_logs::scan::{Part, Request, open, scan};
use cutwater_logs::split::Stop;
use jiff::tz::TimeZone;

/// The columns `name` of a log of these lines, and how many values did not fit each.
fn columns(lines: &str, columns: &[(&str, ColumnType)]) -> (RecordBatch, Vec<u64>) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), lines).expect("the log is written");
    let log = open(file.path(), ReadPath::Preadv, None, &TimeZone::UTC).expect("it opens");
    let spec =
        |&(name, kind): &(&str, _)| ColumnSpec { name: String::from(name), kind, exact: false };
    let specs: Vec<_> = columns.iter().map(spec).collect();
    let mut batch = None;
    let keep = |_: usize, part: &mut Part<Option<RecordBatch>>| {
        batch = batch.take().or(part.out.take());
        ControlFlow::Continue(())
    };
    let mut done = scan(&[log], &Request::new(1), &Stop::default(), || Columns::new(&specs), keep);
    (batch.expect("rows"), done.sinks.remove(0).misfits)
}

#[test]
fn zero_has_no_sign() {
    let lines = "{\"x\":-0.0}\n{\"x\":0.0}\n{\"x\":\"-0.0\"}\n{\"x\":-0e9}\n";
    let (batch, misfits) = columns(lines, &[("x", ColumnType::Float)]);
    let values = batch.column(0).as_primitive::<Float64Type>().values();
    assert!(values.iter().all(|x| x.to_bits() == 0), "{values:?}");
    assert_eq!((values.len(), misfits), (4, vec![0]));
}

#[test]
fn a_text_is_the_same_however_it_is_escaped() {
    let lines = "{\"n\":\"12\",\"x\":\"1.5\",\"b\":\"true\"}\n\
                 {\"n\":\"\\u0031\\u0032\",\"x\":\"1\\u002e5\",\"b\":\"tru\\u0065\"}\n";
    let kinds = [("n", ColumnType::Integer), ("x", ColumnType::Float), ("b", ColumnType::Bool)];
    let (batch, misfits) = columns(lines, &kinds);
    let integers: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
    let floats: Vec<_> = batch.column(1).as_primitive::<Float64Type>().iter().collect();
    let bools: Vec<_> = batch.column(2).as_boolean().iter().collect();
    assert_eq!(integers, [Some(12), Some(12)]);
    assert_eq!(floats, [Some(1.5), Some(1.5)]);
    assert_eq!(bools, [Some(true), Some(true)]);
    assert_eq!(misfits, [0, 0, 0]);
}
