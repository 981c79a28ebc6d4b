//! Dialects that are found, and records that are cut by them.

use super::*;
use crate::format::{Definition, for_each_record};
use crate::value;

/// The names of the columns, and the values of all records; a bad line is its reason.
fn read(text: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let dialect = Dialect::named(name).unwrap().unwrap().for_log(text.as_bytes());
    let mut fields = Fields::all();
    let mut parser = Csv::new(&dialect, &mut fields);
    let (mut record, mut rows, mut at) = (Record::default(), Vec::new(), 0);
    while at < text.len() {
        record.clear();
        let (end, parsed) = parser.parse(text.as_bytes(), at, &mut record);
        match parsed {
            Ok(true) => {
                let mut cells: Vec<_> = record.present().collect();
                cells.sort_by_key(|(id, _)| *id);
                let cell = |span| match value::text(span, text.as_bytes()) {
                    Some(text) => String::from_utf8_lossy(&text).into_owned(),
                    None => "NULL".to_owned(),
                };
                rows.push(cells.into_iter().map(|(_, s)| cell(s)).collect::<Vec<_>>().join("|"));
            }
            Ok(false) => {}
            Err(fault) => rows.push(fault.reason.name().to_owned()),
        }
        at = end + 1;
    }
    (dialect.names.to_vec(), rows)
}

fn check(text: &str, names: &[&str], rows: &[&str]) {
    let (found_names, found_rows) = read(text, "csv");
    assert_eq!(found_names, names, "{text:?}");
    assert_eq!(found_rows, rows, "{text:?}");
}

#[test]
fn delimiters_comments_and_headers_are_found() {
    check("id,zip\n1,01234\n2,90210\n", &["id", "zip"], &["1|01234", "2|90210"]);
    check("id;msg;v\n1;a;1,5\n2;b;2,5\n", &["id", "msg", "v"], &["1|a|1,5", "2|b|2,5"]);
    check("a\tb\n1\t2, 3\n", &["a", "b"], &["1|2, 3"]);
    check("a|b|c\n1||3\n", &["a", "b", "c"], &["1|NULL|3"]);
    check("# made by x\na,b\n1,2\n", &["a", "b"], &["1|2"]);
    check("#a,b\n1,2\n", &["a", "b"], &["1|2"]);
    check("1,x\n2,y\n", &["column1", "column2"], &["1|x", "2|y"]);
    check("2026-01-02 03:04:05,x\n", &["column1", "column2"], &["2026-01-02 03:04:05|x"]);
    check(",a,b\n0,1,2\n", &["column1", "a", "b"], &["0|1|2"]);
    check("a,a\nx,y\n", &["column1", "column2"], &["a|a", "x|y"]);
    check("n\n1\n2\n", &["n"], &["1", "2"]);
}

#[test]
fn an_odd_line_is_a_bad_line() {
    check("a,b,c\n1,2,3\n4,5\n6,7,8,9\n", &["a", "b", "c"], &["1|2|3", "no_match", "no_match"]);
    check("a,b\n\"1\"x,2\n3,4\n", &["a", "b"], &["unexpected_byte", "3|4"]);
    check("a,b\n\"1,2\n3,4\n", &["a", "b"], &["ends_early", "3|4"]);
}

#[test]
fn quotes_keep_what_is_in_them() {
    let text = "a,b\r\n\"x,\"\"y\"\"\n\nz\",\"\"\r\n1, \"2\"\r\n\r\na,b\r\n5\" disk,-\r\n";
    check(text, &["a", "b"], &["x,\"y\"\n\nz|", "1|2", "5\" disk|-"]);
}

#[test]
fn what_is_said_is_not_found() {
    let (names, rows) = read("a,b\n1,2\n", "csv,header=no");
    assert_eq!(
        (names, rows),
        (vec!["column1".into(), "column2".into()], vec!["a|b".into(), "1|2".into()])
    );
    let (names, rows) = read("1;2\n3;4\n", "csv,delimiter=;,header=yes");
    assert_eq!((names, rows), (vec!["1".into(), "2".into()], vec!["3|4".to_owned()]));
    let (names, _) = read("a,a\nx,y\n", "csv,header=yes");
    assert_eq!(names, ["a", "a_2"]);
    let (_, rows) = read("a,b\n#1,2\n", "csv,comment=#");
    assert!(rows.is_empty());
}

#[test]
fn a_csvlog_of_postgresql_has_the_names_of_its_manual() {
    let line = "2026-01-02 03:04:05.146 UTC,\"app\",\"db\",14723,\"[local]\",5d3a5f91.3983,1,\"SELECT\",\
                2026-01-02 03:04:01 UTC,3/3887,0,LOG,00000,\"duration: 52.114 ms  plan:\nQuery Text: select 1;\",\
                \"\",,,,,,,,\"psql\"\n";
    let (names, rows) = read(&line.repeat(2), "csv");
    assert_eq!((names.len(), &*names[0], &*names[13]), (23, "log_time", "message"));
    assert_eq!(rows.len(), 2);
}

#[test]
fn only_what_is_beyond_doubt_is_found_without_a_name() {
    let of_lines = |text: &str| Dialect::of_lines(text.as_bytes()).is_some();
    assert!(of_lines("time,level,message\n1,a,x\n2,b,y\n3,c,z\n"));
    for text in [
        "a,b\n1,2\n3,4\n5,6\n",
        "one, two, three\nfour, five, six\nfive, one, x\nfive, two, y\n",
        "1,2,3\n4,5,6\n7,8,9\n1,2,3\n",
        "time,level,message\n1,a,x\n2,b\n3,c,z\n4,d,e\n",
    ] {
        assert!(!of_lines(text), "{text:?}");
    }
}

#[test]
fn types_are_those_of_values_that_print_alike() {
    let text = "a,b,c,d,e\n1,01234,1.5,true,-\n";
    let definition = Definition::Csv(Dialect::named("csv").unwrap().unwrap());
    let rules = crate::time::Rules::default();
    let definition = definition.for_log(text.as_bytes(), &rules);
    let mut kinds = Vec::new();
    for_each_record(&definition, text.as_bytes(), &rules, &mut Fields::all(), |_, record, _| {
        kinds = record.present().map(|(_, span)| span.kind).collect();
    });
    let expected = [SpanKind::Int, SpanKind::Str, SpanKind::Float, SpanKind::Bool, SpanKind::Str];
    assert_eq!(kinds, expected);
}
