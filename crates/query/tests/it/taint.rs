//! What logs, queries and names of files hold never steers a terminal.
//!
//! One marker is put everywhere. Standard error, tables, and every format on a terminal must not
//! have it.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use crate::support::query;
use cutwater_query::output::{Format, for_terminal, writer};
use cutwater_testing::text;

use crate::support::{Written, rows, session};

/// Colours, a title (OSC), a C1 control, and each kind of character that turns text around.
const MARKER: &str = "\u{1b}[31m\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}";

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| cutwater_logs::bad::is_steering(c) && c != '\n' && c != '\t')
}

/// A log with the marker in keys, values, nested names and lines that are no records.
fn log() -> String {
    let json =
        |text: &str| text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<String>();
    let marker = json(MARKER);
    format!(
        "{{\"p\":\"{marker}\",\"k{marker}\":1,\"o\":{{\"{marker}\":\"{marker}\"}},\"n\":1}}\n\
         {{\"p\":\"x\",\"n\":2}}\nno record {MARKER}\n"
    )
}

#[test]
fn errors_and_notes_have_no_marker() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(format!("in{MARKER}.json"));
    fs::write(&path, log())?;
    let path = path.display().to_string();
    let csv = dir.path().join(format!("in{MARKER}.csv")).display().to_string();
    fs::write(&csv, format!("a,b{MARKER}\n1,{MARKER}\n{MARKER}\n"))?;
    let table = format!("t{MARKER}={path}");
    for args in [
        vec!["SELECT * FROM log", &path],
        vec!["SELECT nosuch FROM log", &path],
        vec!["SELECT * FROM log ORDER BY nosuch", &path],
        vec!["SELECT CAST(p AS INT) FROM log", &path],
        vec!["SELECT CAST(p AS TIMESTAMP) FROM log", &path],
        vec!["SELECT CAST(p AS BOOLEAN) FROM log", &path],
        vec!["SELECT sum(p) FROM log", &path],
        vec!["SELECT count(*) FROM log WHERE p > 5", &path],
        vec!["SELECT ip_in(p, p), url_host(p), json_get(p, p) FROM log", &path],
        vec!["SELECT regexp_match(p, p) FROM log", &path],
        vec!["SELECT date_trunc(p, now()) FROM log", &path],
        vec!["SELECT * FROM log WHERE \u{1b}[31m", &path],
        vec![&format!("SELECT \"{MARKER}\" FROM log"), &path],
        vec![&format!("SELECT '{MARKER}' FROM \"{MARKER}\""), &path],
        vec![&format!("SELECT \"{MARKER}\"(1)"), &path],
        vec![&format!("SELECT * FROM '{path}{MARKER}'")],
        vec![&format!("SELECT * FROM log('{path}', format => '{MARKER}')")],
        vec![&format!("SELECT * FROM log('{path}', {MARKER} => 'x')")],
        vec![&format!("SELECT {MARKER}"), &path],
        vec!["DESCRIBE log", &path],
        vec!["EXPLAIN SELECT * FROM log WHERE p = 'x'", &path],
        vec!["SHOW TABLES", "--table", &table],
        vec!["SELECT 1 FROM log", &path, "--table", &table, "--table", &table],
        vec!["SELECT * FROM log", &csv],
        vec!["SELECT nosuch FROM log", &csv],
        vec!["SELECT 1 FROM log", &path, "--output", &format!("/no/{MARKER}")],
        vec!["SELECT 1 FROM log", &path, "--output", &path],
        vec!["SELECT 1 FROM log", &path, "--temp", MARKER],
        vec!["SELECT 1 FROM log", &path, "--time-field", MARKER],
        vec!["SELECT 1 FROM log", &path, "-o", MARKER],
        vec!["--file", MARKER],
        vec!["SELECT 1 FROM log", &format!("{path}*{MARKER}*")],
    ] {
        let out = query().args(&args).output()?;
        assert!(is_clean(&text(&out.stderr)), "{args:?}: {:?}", text(&out.stderr));
        assert!(is_clean(&text(&out.stdout)), "{args:?}: {:?}", text(&out.stdout));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_format_has_the_marker_on_a_terminal() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("in.json");
    fs::write(&path, log()).expect("the log is written");
    let mut session = session(&[]).await;
    session.add("log", &[path.display().to_string()]).await.expect("it opens");
    let batches = rows(&mut session, "SELECT *, _raw, _error FROM log").await.expect("rows");
    for (name, format) in Format::NAMED {
        if format.is_binary() {
            continue;
        }
        let out = Written::default();
        let schema = batches[0].schema();
        let mut writer =
            writer(format, &schema, for_terminal(format, out.clone()), None).expect("it begins");
        batches.iter().for_each(|batch| writer.batch(batch).expect("rows are written"));
        writer.finish().expect("it ends");
        let shown =
            String::from_utf8(out.0.lock().expect("nobody panicked").clone()).expect("text");
        assert!(is_clean(&shown) && shown.contains("31m"), "{name}: {shown:?}");
    }
}

#[test]
fn a_terminal_gets_no_marker() -> io::Result<()> {
    // script(1) gives the command a terminal.
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("in.json");
    fs::write(&path, log())?;
    let asked = format!(
        "{} -o csv 'SELECT p FROM log' {}",
        env!("CARGO_BIN_EXE_cutwater-query"),
        path.display()
    );
    let script =
        Command::new("script").args(["-qec", &asked, "/dev/null"]).stdin(Stdio::null()).output();
    let Ok(out) = script else {
        cutwater_testing::skip!("there is no script(1)");
        return Ok(());
    };
    let shown = text(&out.stdout).replace('\r', "");
    assert!(shown.contains("31m") && is_clean(&shown), "{shown:?}");
    Ok(())
}
