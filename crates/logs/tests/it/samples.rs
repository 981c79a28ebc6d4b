//! Sample logs of other projects, against times that were worked out by hand.
//!
//! The samples are not in this repository: `CUTWATER_SAMPLES` names a folder with the folders `lnav` and
//! `loghub`, which hold the files of the commits that `samples.json` names.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::Fields;
use cutwater_logs::scan::{Request, Row, Sink, open, scan};
use cutwater_logs::split::Stop;
use cutwater_logs::time::{Clock, Nanos};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Samples whose times are not read, each with the reason.
const NOT_READ: [&str; 1] = [
    // A dump of `ps` between lines of text that hold a time.
    "lnav/logfile_procstate.0",
];

/// The times of the first and the last record that has one.
#[derive(Debug, Default)]
struct Ends(Option<(Nanos, Nanos)>);

impl Sink for Ends {
    type Out = ();

    fn fields(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn begin(&mut self, _: usize, _: &mut Fields) {}

    fn row(&mut self, row: &Row<'_>, _: &mut Clock) {
        if let Some(time) = row.time {
            self.0 = Some((self.0.map_or(time, |(first, _)| first), time));
        }
    }
}

/// The times of `path`, and whether all of its lines are accounted for.
fn ends(path: &Path) -> (Option<(Nanos, Nanos)>, bool) {
    let mut log = open(path, ReadPath::Auto, None, &TimeZone::UTC).expect("the sample opens");
    log.rules.reference_s =
        "2026-11-28T00:00:00Z".parse::<Timestamp>().expect("a time").as_second();
    let mut request = Request::new(1);
    request.with_time = true;
    let go_on = |_: usize, _: &mut _| ControlFlow::Continue(());
    let mut done = scan(&[log], &request, &Stop::default(), Ends::default, go_on);
    let tally = &done.tallies[0];
    let all = tally.records + tally.continued + tally.blank + tally.bad.total();
    (done.sinks.pop().and_then(|sink| sink.0), all == tally.lines)
}

fn is_one_of(time: Option<Nanos>, expected: &Value) -> bool {
    let nanos = |text: &str| {
        let time: Timestamp = text.parse().expect("a time of the table");
        Nanos::try_from(time.as_nanosecond()).expect("a time of logs")
    };
    let all = expected.as_array().expect("an array");
    all.iter().any(|one| one.as_str().map(nanos) == time)
}

#[test]
fn samples_of_other_projects_have_their_times() {
    let Some(folder) = std::env::var_os("CUTWATER_SAMPLES").map(PathBuf::from) else {
        cutwater_testing::skip!("CUTWATER_SAMPLES names no folder with samples");
        return;
    };
    let table: Value = serde_json::from_str(include_str!("../data/samples.json")).expect("JSON");
    let files = table["files"].as_object().expect("an object");
    let mut wrong = Vec::new();
    for (name, expected) in files {
        let (found, accounted) = ends(&folder.join(name));
        let (first, last) = (found.map(|ends| ends.0), found.map(|ends| ends.1));
        let is_right = is_one_of(first, &expected["first"]) && is_one_of(last, &expected["last"]);
        if !accounted || is_right == NOT_READ.contains(&name.as_str()) {
            let shown = [first, last].map(|t| t.map(cutwater_logs::time::format_utc));
            wrong.push(format!("{name}: {shown:?}, accounted for: {accounted}, {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}
