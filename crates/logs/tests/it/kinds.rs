//! Kinds of logs by what their programs write: the right values come from the formats' own descriptions.

use std::fs;
use std::ops::ControlFlow;

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::record::FieldId;
use cutwater_logs::scan::{Log, Request, Row, Sink, Tally, open, scan};
use cutwater_logs::split::Stop;
use cutwater_logs::time::{Clock, format_utc};
use cutwater_logs::{Fields, value};
use jiff::tz::TimeZone;

/// The values of some fields; `@` is the time of the record, `_line` its lines.
struct Cells {
    names: Vec<String>,
    ids: Vec<Option<FieldId>>,
    rows: Vec<String>,
}

impl Sink for Cells {
    type Out = Vec<String>;

    fn fields(&self) -> Option<Vec<String>> {
        Some(self.names.iter().filter(|name| *name != "@").cloned().collect())
    }

    fn begin(&mut self, _: usize, fields: &mut Fields) {
        self.ids = self.names.iter().map(|name| fields.find(name)).collect();
    }

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        let cell = |(name, id): (&String, &Option<FieldId>)| match id {
            _ if name == "@" => row.time.map(format_utc).unwrap_or_default(),
            _ if name == "_line" => String::from_utf8_lossy(row.line).into_owned(),
            None => String::new(),
            Some(id) => {
                let text = value::text(row.record.get(*id), row.block).unwrap_or_default();
                String::from_utf8_lossy(&text).into_owned()
            }
        };
        let cells: Vec<_> = self.names.iter().zip(&self.ids).map(cell).collect();
        self.rows.push(cells.join("|"));
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.rows)
    }
}

/// The log `text`, in a file whose name ends in `end`.
fn opened(text: &str, end: &str) -> (tempfile::NamedTempFile, Log) {
    let file = tempfile::Builder::new().suffix(end).tempfile().expect("a file");
    fs::write(file.path(), text).expect("writes");
    let log = open(file.path(), ReadPath::Auto, None, &TimeZone::UTC).expect("opens");
    (file, log)
}

fn pass(logs: &[Log], names: &str, request: &Request) -> (Vec<String>, Tally) {
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    let sink = || Cells { names: names.clone(), ids: Vec::new(), rows: Vec::new() };
    let mut rows = Vec::new();
    let done = scan(logs, request, &Stop::default(), sink, |_, part| {
        rows.append(&mut part.out);
        ControlFlow::Continue(())
    });
    (rows, done.tallies[0].clone())
}

/// The fields `names` of the records that pass `filter` in a file whose name ends in `end`, and the
/// counts; the same for any number of pieces.
fn cells_of(text: &str, end: &str, names: &str, filter: &str) -> (Vec<String>, Tally) {
    let (_file, log) = opened(text, end);
    let logs = [log];
    let mut found = None;
    for (threads, piece_bytes) in [(1, 1 << 20), (2, 200), (3, 64)] {
        let mut request = Request { with_time: true, ..Request::new(threads) };
        (request.limits.piece_bytes, request.limits.block_bytes) = (piece_bytes, 64);
        request.filter = Filter::parse(filter, &TimeZone::UTC).expect("a filter");
        let this = pass(&logs, names, &request);
        let tally = &this.1;
        let all = tally.records + tally.continued + tally.blank + tally.bad.total();
        assert!(all == tally.lines || !filter.is_empty(), "all lines are accounted for: {tally:?}");
        let first = found.get_or_insert_with(|| this.clone());
        assert_eq!(*first, this, "{threads} threads, pieces of {piece_bytes}");
    }
    found.expect("three passes")
}

fn cells(text: &str, names: &str) -> Vec<String> {
    cells_of(text, ".log", names, "").0
}

const SLOW: &str = "\
/usr/sbin/mysqld, Version: 5.5.62-log (MySQL Community Server). started with:
Tcp port: 3306  Unix socket: /run/mysqld.sock
Time                 Id Command    Argument
# Time: 260102  3:04:05
# User@Host: app[app] @ web1 [192.0.2.1]
# Query_time: 2.5  Lock_time: 0.0 Rows_sent: 1  Rows_examined: 5
use shop;
SET timestamp=1767323045;
SELECT 1
  FROM a;
# User@Host: app[app] @ web2 [192.0.2.2]
# Query_time: 3.5  Lock_time: 0.0 Rows_sent: 2  Rows_examined: 6
SET timestamp=1767323045;
SELECT 2;
# Time: 260102  3:04:09
# User@Host: root[root] @ localhost []
# Query_time: 4.5  Lock_time: 0.0 Rows_sent: 3  Rows_examined: 7
SET timestamp=1767323049;
SELECT 3;
";

#[test]
fn slow_queries_that_share_a_time_are_records_of_their_own() {
    assert_eq!(
        cells(SLOW, "@,host,query_time"),
        [
            "2026-01-02T03:04:05Z|web1|2.5",
            "2026-01-02T03:04:05Z|web2|3.5",
            "2026-01-02T03:04:09Z|localhost|4.5"
        ]
    );
    // A log that was rotated within a second begins without a time, but for that of the query.
    let rotated = SLOW.split_once("FROM a;\n").expect("the first query").1;
    let (_file, log) = opened(rotated, ".log");
    let (rows, _) = pass(&[log], "@,host", &Request { with_time: true, ..Request::new(1) });
    assert_eq!(rows, ["2026-01-02T03:04:05Z|web2", "2026-01-02T03:04:09Z|localhost"]);
    let (rows, _) = cells_of(SLOW, ".log", "host", "query_time>3");
    assert_eq!(rows, ["web2", "localhost"]);
}

/// A trace of Java with an envelope around each line, from the line's number.
fn enveloped(envelope: impl Fn(usize, &str) -> String) -> String {
    const LINES: [&str; 7] = [
        "starting up",
        "request failed",
        "java.lang.IllegalStateException: no",
        "\tat a.B.c(B.java:1)",
        "Caused by: java.io.IOException: disk",
        "\t... 2 more",
        "goes on",
    ];
    LINES.iter().enumerate().map(|(at, line)| envelope(at, line) + "\n").collect()
}

#[test]
fn traces_whose_lines_have_an_envelope_each_belong_to_one_record() {
    let docker = enveloped(|at, line| {
        let text = line.replace('\t', "\\t");
        format!(
            "{{\"log\":\"{text}\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:0{at}Z\"}}"
        )
    });
    let trace = "request failed\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\
                 Caused by: java.io.IOException: disk\n\t... 2 more";
    let expected = [
        "2026-01-02T03:04:00Z|starting up".to_owned(),
        format!("2026-01-02T03:04:01Z|{trace}"),
        "2026-01-02T03:04:06Z|goes on".to_owned(),
    ];
    assert_eq!(cells(&docker, "@,log"), expected);
    let cri = enveloped(|at, line| format!("2026-01-02T03:04:0{at}.000000000Z stderr F {line}"));
    assert_eq!(cells(&cri, "@,message"), expected);
    let (rows, _) = cells_of(&cri, ".log", "@", "message~IOException");
    assert_eq!(rows, ["2026-01-02T03:04:01Z"]);
    for text in [
        enveloped(|at, line| format!("web-1  | 2026-01-02 03:04:0{at} {line}"))
            .replace("2026-01-02 03:04:03 ", "")
            .replace("2026-01-02 03:04:05 ", ""),
        enveloped(|at, line| format!("[pod/web-7d/app] 2026-01-02T03:04:0{at}Z {line}"))
            .replace("2026-01-02T03:04:03Z ", "")
            .replace("2026-01-02T03:04:05Z ", ""),
        enveloped(|at, line| format!("Jan  2 03:04:0{at} web1 app[77]: {line}")),
        enveloped(|at, line| format!("<14>1 2026-01-02T03:04:0{at}Z web1 app 77 - - {line}")),
    ] {
        let (rows, tally) = cells_of(&text, ".log", "@,_line", "");
        let lines = (tally.lines, tally.continued);
        assert!(lines.0 == 7 && lines.1 >= 2, "{lines:?}: {rows:?}");
        let whole = rows.iter().find(|row| row.contains("at a.B.c")).expect("a record");
        assert!(whole.contains("java.lang.") || whole.contains("failed"), "{whole}");
    }
}

#[test]
fn lines_of_other_programs_do_not_continue_a_record() {
    let compose = "web-1  | 2026-01-02 03:04:05 ERROR a\nweb-2  | \tat b\nweb-1  | \tat c\n";
    let (_, tally) = cells_of(compose, ".log", "message", "");
    assert_eq!((tally.records, tally.continued), (3, 0));
    let compose = "web-1  | 2026-01-02 03:04:05 ERROR a\nweb-1  | \tat b\nweb-1  | \tat c\n";
    let (_, tally) = cells_of(compose, ".log", "message", "");
    assert_eq!((tally.records, tally.continued), (1, 2));
    // What is only indented is a message by itself in syslog, unless it is within a trace.
    let kernel = "Jan  2 03:04:05 h kernel: zones:\nJan  2 03:04:05 h kernel:   DMA 1\n\
                  Jan  2 03:04:05 h kernel:   Normal 2\n";
    assert_eq!(cells(kernel, "message").len(), 3);
    let python = "Jan  2 03:04:05 h app[1]: failed\n\
                  Jan  2 03:04:05 h app[1]: Traceback (most recent call last):\n\
                  Jan  2 03:04:05 h app[1]:   File \"a.py\", line 1, in f\n\
                  Jan  2 03:04:05 h app[1]:     raise X\n\
                  Jan  2 03:04:05 h app[1]: ValueError: bad\n\
                  Jan  2 03:04:06 h app[2]:   File \"b.py\", line 1, in f\n\
                  Jan  2 03:04:06 h app[1]: next\n";
    let (_, tally) = cells_of(python, ".log", "message", "");
    assert_eq!((tally.records, tally.continued), (3, 4));
    let streams = "2026-01-02T03:04:05.000000000Z stdout F a\n\
                   2026-01-02T03:04:05.000000000Z stderr F \tat b\n\
                   2026-01-02T03:04:05.000000000Z stderr F \tat c\n\
                   2026-01-02T03:04:05.000000000Z stdout F d\n";
    assert_eq!(cells(streams, "message"), ["a", "\tat b\n\tat c", "d"]);
}

#[test]
fn journald_writes_texts_as_arrays_of_bytes() {
    let text = "\
{\"__REALTIME_TIMESTAMP\":\"1767323045123456\",\"PRIORITY\":\"3\",\"_COMM\":\"a\",\"MESSAGE\":[104,105,32,27,91,49,109]}
{\"__REALTIME_TIMESTAMP\":\"1767323046000001\",\"PRIORITY\":\"6\",\"_COMM\":\"b\",\"MESSAGE\":\"text\"}
{\"__REALTIME_TIMESTAMP\":\"1767323047000001\",\"_COMM\":\"c\",\"MESSAGE\":null}
";
    assert_eq!(
        cells(text, "@,level,_COMM,MESSAGE"),
        [
            "2026-01-02T03:04:05.123456Z|ERROR|a|hi \u{1b}[1m",
            "2026-01-02T03:04:06.000001Z|INFO|b|text",
            "2026-01-02T03:04:07.000001Z||c|"
        ]
    );
    let (rows, _) = cells_of(text, ".log", "_COMM", "level=ERROR");
    assert_eq!(rows, ["a"]);
    let (_file, log) = opened(text, ".log");
    assert_eq!(log.definition.envelopes().len(), 1);
}

#[test]
fn records_within_json_are_records() {
    let otlp = "{\"resourceLogs\":[{\"resource\":{\"attributes\":[]},\"scopeLogs\":[{\"scope\":{},\"logRecords\":[\
         {\"timeUnixNano\":\"1767323045000000000\",\"severityText\":\"WARN\",\"body\":{\"stringValue\":\"a\"},\
         \"attributes\":[{\"key\":\"n\",\"value\":{\"intValue\":\"7\"}}]},\
         {\"timeUnixNano\":\"1767323046000000000\",\"severityNumber\":9,\"body\":{\"stringValue\":\"b\"}}]}]}]}\n";
    assert_eq!(
        cells(otlp, "@,level,message,attributes.n"),
        ["2026-01-02T03:04:05Z|WARN|a|7", "2026-01-02T03:04:06Z|INFO|b|"]
    );
    let trail = "{\"Records\":[{\"eventVersion\":\"1.08\",\"eventTime\":\"2026-01-02T03:04:05Z\",\"eventName\":\"GetUser\"},\
         {\"eventVersion\":\"1.08\",\"eventTime\":\"2026-01-02T03:04:06Z\",\"eventName\":\"PutObject\"}]}";
    assert_eq!(
        cells(trail, "@,eventName"),
        ["2026-01-02T03:04:05Z|GetUser", "2026-01-02T03:04:06Z|PutObject"]
    );
}

#[test]
fn a_date_and_a_time_of_day_are_the_time_together() {
    for (text, end) in [
        ("date,time,level\n2026-01-02,03:04:05,ERROR\n2026-01-02,03:04:06.5,INFO\n", ".csv"),
        ("date\ttime\tlevel\n2026-01-02\t03:04:05\tERROR\n2026-01-02\t03:04:06.5\tINFO\n", ".tsv"),
        ("Date;Level;Time\n02.01.2026;ERROR;03:04:05\n02.01.2026;INFO;03:04:06.5\n", ".csv"),
        (
            "{\"date\":\"2026-01-02\",\"time\":\"03:04:05\",\"level\":\"ERROR\"}\n\
             {\"date\":\"2026-01-02\",\"time\":\"03:04:06.5\",\"level\":\"INFO\"}\n",
            ".log",
        ),
        (
            "{\"time\": \"03:04:05\", \"level\": \"ERROR\", \"date\": \"2026-01-02\"}\n\
             {\"time\": \"03:04:06.5\", \"level\": \"INFO\", \"date\": \"2026-01-02\"}\n",
            ".log",
        ),
        (
            "date=2026-01-02 time=03:04:05 level=ERROR\ndate=2026-01-02 time=03:04:06.5 level=INFO\n",
            ".log",
        ),
        (
            "date=2026-01-02 level=ERROR time=\"03:04:05\"\ndate=2026-01-02 level=INFO time=\"03:04:06.5\"\n",
            ".log",
        ),
    ] {
        let name = if text.starts_with("Date") { "Level" } else { "level" };
        assert_eq!(
            cells_of(text, end, &format!("@,{name}"), "").0,
            ["2026-01-02T03:04:05Z|ERROR", "2026-01-02T03:04:06.5Z|INFO"],
            "{text}"
        );
    }
    // A field with the whole time counts before both.
    let text = "{\"date\":\"2026-01-02\",\"time\":\"03:04:05\",\"ts\":\"2026-01-02T00:00:00Z\"}\n";
    assert_eq!(cells(&text.repeat(2), "@"), ["2026-01-02T00:00:00Z"; 2]);
}

#[test]
fn levels_of_consoles_are_those_of_their_first_line() {
    let net =
        "info: Shop.Program[0]\n      started\nfail: Shop.Worker[3]\n      failed\n      at x\n";
    assert_eq!(
        cells(net, "level,category,message"),
        ["INFO|Shop.Program|started", "ERROR|Shop.Worker|failed\n      at x"]
    );
    let java = "Jan 2, 2026 3:04:05 PM a.B run\nINFO: started\nJan 2, 2026 3:04:06 PM a.B run\n\
                SEVERE: failed\njava.io.IOException: no\n\tat a.B.run(B.java:1)\n";
    assert_eq!(
        cells(java, "@,level,message"),
        [
            "2026-01-02T15:04:05Z|INFO|started",
            "2026-01-02T15:04:06Z|SEVERE|failed\njava.io.IOException: no\n\tat a.B.run(B.java:1)"
        ]
    );
    let logrus = "INFO[0000] started                     port=80\nWARN[0001] slow  ms=7\n";
    assert_eq!(cells(logrus, "level,port,ms"), ["INFO|80|", "WARN||7"]);
    let thehive = "[info] o.t.Filter took 8ms\n[error] o.t.Filter failed\n";
    assert_eq!(cells(thehive, "level"), ["INFO", "ERROR"]);
}

#[test]
fn lines_of_syslog_have_the_level_of_their_priority_or_of_their_message() {
    let text = "Jan  2 03:04:05 h sshd[1]: error: no\nJan  2 03:04:05 h sshd[1]: [WARNING] x\n\
                Jan  2 03:04:05 h sshd[1]: Accepted\n<27>Jan  2 03:04:05 h app: warning: x\n";
    assert_eq!(cells(text, "level"), ["ERROR", "WARN", "", "ERROR"]);
    let (rows, _) = cells_of(text, ".log", "app", "level=ERROR");
    assert_eq!(rows, ["sshd", "app"]);
    let text =
        "<12>1 2026-01-02T03:04:05Z h app - - - x\n<15>1 2026-01-02T03:04:05Z h app - - - x\n";
    assert_eq!(cells(text, "level"), ["WARN", "DEBUG"]);
}

#[test]
fn exports_of_the_event_viewer_are_events() {
    let text = "Level,Date and Time,Source,Event ID,Task Category\r\n\
                Error,1/2/2026 3:04:05 AM,Disk,7,None,\"The device has a bad block.\"\r\n\
                Information,1/2/2026 3:04:06 AM,Service Control Manager,7036,None,\"It runs.\"\r\n";
    assert_eq!(
        cells_of(text, ".csv", "@,level,event_id", "").0,
        ["2026-01-02T03:04:05Z|ERROR|7", "2026-01-02T03:04:06Z|INFO|7036"]
    );
}

#[test]
fn flow_logs_are_read_by_the_names_in_their_first_line() {
    let text = "version srcaddr dstaddr start end action flow-direction\n\
                5 192.0.2.1 10.0.0.1 1767323045 1767323105 ACCEPT ingress\n\
                5 - - 1767323046 1767323106 - -\n";
    assert_eq!(
        cells(text, "@,srcaddr,action,flow-direction"),
        ["2026-01-02T03:04:05Z|192.0.2.1|ACCEPT|ingress", "2026-01-02T03:04:06Z|||"]
    );
}
