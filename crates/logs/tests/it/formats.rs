//! Each format in its usual variants, line by line: fields and their kinds written out.

use cutwater_logs::format::{Definition, Format, detect};
use cutwater_logs::time::{Clock, Rules};
use cutwater_logs::{Fields, Record, SpanKind, value};
use jiff::tz::TimeZone;

/// The fields of a line as `name=value`, or the reason for which it is bad. Numbers are marked
/// by `#`, null by `-`.
fn parsed(definition: &Definition, line: &str) -> String {
    let mut fields = Fields::all();
    let mut parser = definition.parser(&mut fields, &rules());
    let mut record = Record::default();
    parser.begin_block(line.as_bytes());
    match parser.parse(line.as_bytes(), 0, &mut fields, &mut record).1 {
        Err(fault) => return format!("bad: {}", fault.reason),
        Ok(false) => return "blank".into(),
        Ok(true) => {}
    }
    let mut present: Vec<_> = record.present().collect();
    present.sort_by_key(|(id, _)| *id);
    let show = |(id, span): (cutwater_logs::FieldId, cutwater_logs::Span)| {
        let text = value::text(span, line.as_bytes()).unwrap_or_default().into_owned();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mark = match span.kind {
            SpanKind::Int | SpanKind::Float => "#",
            SpanKind::Null => "-",
            SpanKind::Bool => "?",
            _ => "",
        };
        format!("{}={mark}{text}", fields.name(id))
    };
    present.into_iter().map(show).collect::<Vec<_>>().join("|")
}

fn known(format: Format, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        let definition = Definition::of(format, line.as_bytes(), &rules());
        assert_eq!(parsed(&definition, line), *expected, "{line}");
    }
}

fn rules() -> Rules {
    // 2026-03-10T00:00:00Z
    Rules::new(TimeZone::UTC, 1_773_100_800)
}

fn detected(text: &str) -> Format {
    detect(text.as_bytes(), &rules()).expect("detection does not fail").format
}

#[test]
fn access_logs() {
    known(
        Format::Access,
        &[
            (
                r#"1.2.3.4 - bob [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.0" 200 2326"#,
                "host=1.2.3.4|ident=-|user=bob|time=10/Oct/2000:13:55:36 -0700|request=GET /a?b=c HTTP/1.0|method=GET|path=/a?b=c|protocol=HTTP/1.0|status=#200|bytes=#2326",
            ),
            (
                r#"::1 - - [10/Oct/2000:13:55:36 +0000] "-" 408 - "-" "-""#,
                "host=::1|ident=-|user=-|time=10/Oct/2000:13:55:36 +0000|request=-|status=#408|bytes=-|referer=-|user_agent=-",
            ),
            (
                r#"1.2.3.4 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "http://x/\"q\"" "a \"b\" c" 0.003"#,
                "host=1.2.3.4|ident=-|user=-|time=10/Oct/2000:13:55:36 +0000|request=GET / HTTP/1.1|method=GET|path=/|protocol=HTTP/1.1|status=#200|bytes=#5|referer=http://x/\"q\"|user_agent=a \"b\" c|extra1=#0.003",
            ),
            ("1.2.3.4 - - nothing of the kind", "bad: no_match"),
            (
                r#"h - - [t] "GET /x" 200 -"#,
                "host=h|ident=-|user=-|time=t|request=GET /x|method=GET|path=/x|status=#200|bytes=-",
            ),
            (
                r#"h - - [t] "GET /a b\x20\"c" 200 -"#,
                "host=h|ident=-|user=-|time=t|request=GET /a b \"c|method=GET|path=/a b \"c|status=#200|bytes=-",
            ),
            (
                r#"h - - [t] "\x16\x03\x01\x02" 400 166"#,
                "host=h|ident=-|user=-|time=t|request=\u{16}\u{3}\u{1}\u{2}|status=#400|bytes=#166",
            ),
            (r#"h - - [t] "" 400 0"#, "host=h|ident=-|user=-|time=t|request=|status=#400|bytes=#0"),
            (
                r#"h - - [t] "GET / HTTP/1.1 " 400 0"#,
                "host=h|ident=-|user=-|time=t|request=GET / HTTP/1.1 |status=#400|bytes=#0",
            ),
            (
                r#"h - - [t] "\x03 /x" 400 0"#,
                "host=h|ident=-|user=-|time=t|request=\u{3} /x|status=#400|bytes=#0",
            ),
            (
                r#"h - - [t] "GET" 400 0"#,
                "host=h|ident=-|user=-|time=t|request=GET|status=#400|bytes=#0",
            ),
            ("", "blank"),
            ("   \r", "blank"),
        ],
    );
}

#[test]
fn hosts_and_columns_of_access_logs() {
    let rest = r#"[02/Jan/2026:03:04:00 +0100] "GET /a HTTP/1.1" 200 57"#;
    let tail = "time=02/Jan/2026:03:04:00 +0100|request=GET /a HTTP/1.1|method=GET|path=/a|protocol=HTTP/1.1|status=#200|bytes=#57";
    for (who, expected, more) in [
        (" 192.0.2.1 - - ", "host=192.0.2.1|ident=-|user=-", ""),
        ("192.0.2.1  -  bob  ", "host=192.0.2.1|ident=-|user=bob", ""),
        ("- - - ", "host=-|ident=-|user=-", ""),
        ("10.0.0.1:5000 - - ", "host=10.0.0.1:5000|ident=-|user=-", ""),
        ("::1 - two words ", "host=::1|ident=-|user=two words", ""),
        ("[2001:db8::1]:443 - - ", "host=[2001:db8::1]:443|ident=-|user=-", ""),
        ("www.x.de:443 2001:db8::1 - - ", "host=2001:db8::1|ident=-|user=-", "|vhost=www.x.de:443"),
        ("x [2001:db8::1]:443 - - ", "host=[2001:db8::1]:443|ident=-|user=-", "|vhost=x"),
        (
            "10.0.0.1, 10.0.0.2 - bob ",
            "host=10.0.0.1|ident=-|user=bob",
            "|forwarded=10.0.0.1, 10.0.0.2",
        ),
        (
            "10.0.0.1,10.0.0.2, ::3 - - ",
            "host=10.0.0.1|ident=-|user=-",
            "|forwarded=10.0.0.1,10.0.0.2, ::3",
        ),
        (
            "www.x.de 10.0.0.1, 10.0.0.2 - - ",
            "host=10.0.0.1|ident=-|user=-",
            "|vhost=www.x.de|forwarded=10.0.0.1, 10.0.0.2",
        ),
        (
            "10.0.0.1, 10.0.0.2 192.0.2.9 - - ",
            "host=10.0.0.1|ident=-|user=-",
            "|forwarded=10.0.0.1, 10.0.0.2|remote_addr=192.0.2.9",
        ),
        (
            "\"10.0.0.1, 10.0.0.2\" - - ",
            "host=10.0.0.1|ident=-|user=-",
            "|forwarded=10.0.0.1, 10.0.0.2",
        ),
    ] {
        known(Format::Access, &[(&format!("{who}{rest}"), &format!("{expected}|{tail}{more}"))]);
    }
    let columns = r#"  "-"  "x" rt=0.006 uct="0.001" "urt=0.1, 0.2" host=h.de "a=1; b=2" 7 pipe=. empty= x=-,"#;
    let expected = r#"|referer=-|user_agent=x|rt=#0.006|uct=#0.001|urt=0.1, 0.2|extra_host=h.de|extra5=a=1; b=2|extra6=#7|pipe=.|empty=|x=-"#;
    let line = format!("h - - {rest}{columns}");
    known(Format::Access, &[(&line, &format!("host=h|ident=-|user=-|{tail}{expected}"))]);
    for odd in ["2026-01-15T14:19:31+00:00 web nginx: 10.0.0.1 - - ", "api-1 api 10.0.0.1 - - "] {
        known(Format::Access, &[(&format!("{odd}{rest}"), "bad: no_match")]);
    }
}

#[test]
fn error_logs_of_apache() {
    known(
        Format::Data("apache-error"),
        &[
            (
                "[Sun Dec 04 04:47:44 2005] [error] [client 1.2.3.4] no such file",
                "time=Sun Dec 04 04:47:44 2005|level=error|client=1.2.3.4|message=no such file",
            ),
            (
                "[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 35:tid 42] [client 1.2.3.4:5678] AH00124: too many",
                "time=Wed Oct 11 14:32:52.123456 2023|module=core|level=error|pid=#35|tid=#42|client=1.2.3.4:5678|message=AH00124: too many",
            ),
        ],
    );
}

#[test]
fn syslog_of_both_kinds() {
    known(
        Format::Syslog,
        &[
            (
                "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed",
                "time=Oct 11 22:14:15|host=mymachine|app=su|pid=#12|message='su root' failed|priority=#34|level=FATAL",
            ),
            (
                "2026-03-01T10:00:00.123456+01:00 h cron: run",
                "time=2026-03-01T10:00:00.123456+01:00|host=h|app=cron|message=run",
            ),
        ],
    );
    known(
        Format::Syslog5424,
        &[
            (
                r#"<165>1 2003-10-11T22:14:15.003Z m.example.com evntslog - ID47 [ex@1 iut="3" e="a\"b"] An event"#,
                r#"priority=#165|time=2003-10-11T22:14:15.003Z|host=m.example.com|app=evntslog|pid=-|msgid=ID47|data=[ex@1 iut="3" e="a\"b"]|message=An event|data.ex@1.iut=#3|data.ex@1.e=a"b|level=INFO"#,
            ),
            (
                "<165>1 - - - - - - text",
                "priority=#165|time=-|host=-|app=-|pid=-|msgid=-|data=-|message=text|level=INFO",
            ),
        ],
    );
}

#[test]
fn parameters_of_structured_data_are_fields() {
    let head = "priority=#13|time=-|host=-|app=-|pid=-|msgid=-|";
    let known = |data: &str, expected: &str| {
        let line = format!("<13>1 - - - - - {data} m");
        let got = parsed(&Definition::Known(Format::Syslog5424), &line);
        assert_eq!(got, format!("{head}data={data}|message=m{expected}|level=INFO"));
    };
    known(
        r#"[a@1 x="1"][b.c y="two words" z=""]"#,
        "|data.a@1.x=#1|data.b.c.y=two words|data.b.c.z=",
    );
    // Escaped are these three only; any other backslash stands for itself.
    known(r#"[a x="\"q\" [1\] \\ C:\new \u0041"]"#, r#"|data.a.x="q" [1] \ C:\new \u0041"#);
    // The last one counts, as everywhere; an element without parameters is a field itself.
    known(r#"[o ip="::1" ip="::2"][mark]"#, "|data.o.ip=::2|data.mark=");
    known(
        r#"[o  a="-"  b="007" c="1.5" d="true"]"#,
        "|data.o.a=-|data.o.b=007|data.o.c=#1.5|data.o.d=?true",
    );
    // What is not of the shape has no fields, and is a record all the same.
    for odd in [r#"[]"#, r#"[ x="1"]"#, r#"[a x=1]"#, r#"[a x]"#, r#"[a ="1"]"#] {
        known(odd, "");
    }
    known(r#"[a x="1" y=2][b z="3"]"#, "|data.a.x=#1");
}

#[test]
fn only_the_parameters_asked_for_are_set() {
    let line = br#"<13>1 - - - - - [a@1 x="1" y="2"][b z="3"] m"#;
    let names = ["data.a@1.y", "data.b", "data.c.d", "message"];
    let mut fields = Fields::only(&names);
    let mut parser = Definition::Known(Format::Syslog5424).parser(&mut fields, &rules());
    let mut record = Record::default();
    assert_eq!(parser.parse(line, 0, &mut fields, &mut record).1, Ok(true));
    let text = |name| {
        let span = record.get(fields.find(name).expect("was asked for"));
        value::text(span, line).map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!(names.map(text), [Some("2".into()), Some("z=\"3\"".into()), None, Some("m".into())]);
    assert_eq!(fields.len(), names.len());
}

#[test]
fn logfmt() {
    known(
        Format::Logfmt,
        &[
            (
                r#"ts=2026-03-01T10:00:00Z level=info msg="a \"b\" c" n=3 f=1.5 ok=true empty= "#,
                "ts=2026-03-01T10:00:00Z|level=info|msg=a \"b\" c|n=#3|f=#1.5|ok=?true|empty=",
            ),
            (
                r#"2026-03-01T10:00:00Z level=error message="a b""#,
                "time=2026-03-01T10:00:00Z|level=error|message=a b",
            ),
            ("[2026-03-01 10:00:00,5] a=1", "time=2026-03-01 10:00:00,5|a=#1"),
            ("Mar  1 10:00:00 a=1", "time=Mar  1 10:00:00|a=#1"),
            // A key all the same.
            ("2026-03-01=1 Mar=2", "2026-03-01=#1|Mar=#2"),
            ("2026-03-01T10:00:00Z", "bad: no_match"),
        ],
    );
}

#[test]
fn containers() {
    known(
        Format::Cri,
        &[(
            "2026-03-01T10:00:00.123456789Z stdout F the text",
            "time=2026-03-01T10:00:00.123456789Z|stream=stdout|flag=F|message=the text",
        )],
    );
    known(
        Format::Docker,
        &[(
            r#"{"log":"a\tb\n","stream":"stderr","time":"2026-03-01T10:00:00Z"}"#,
            "log=a\tb\n|stream=stderr|time=2026-03-01T10:00:00Z",
        )],
    );
}

#[test]
fn json_nested_with_escapes_and_a_key_that_comes_twice() {
    known(
        Format::Json,
        &[
            (
                r#"{"a":{"b":{"c":1}},"d":[1,{"e":2}]}"#,
                "a={\"b\":{\"c\":1}}|a.b={\"c\":1}|a.b.c=#1|d=[1,{\"e\":2}]",
            ),
            (r#"{"\u0061":"\u0065rror \ud83d\ude00"}"#, "a=error 😀"),
            // The last one counts, as with most parsers.
            (r#"{"a":1,"a":2}"#, "a=#2"),
            (r#"{"a":null,"b":true,"c":-0.5e3}"#, "a=-|b=?true|c=#-0.5e3"),
            (r#"{}"#, ""),
            (r#"{"a":1}x"#, "bad: trailing_bytes"),
            (r#"[1]"#, "bad: not_an_object"),
        ],
    );
}

#[test]
fn patterns_of_the_user() {
    let regex = Definition::regex(r"^(?P<who>\w+) did (?P<n>\d+)$").expect("a pattern");
    assert_eq!(parsed(&regex, "bob did 12"), "who=bob|n=#12");
    assert_eq!(parsed(&regex, "bob did it"), "bad: no_match");
    assert!(Definition::regex("no group").is_err());
    let template = r#"$remote_addr [$time_local] "$request" $status rt=$request_time"#;
    let nginx = Definition::nginx(template).expect("a template");
    assert_eq!(
        parsed(&nginx, r#"1.2.3.4 [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 rt=0.002"#),
        "remote_addr=1.2.3.4|time_local=10/Oct/2000:13:55:36 -0700|request=GET / HTTP/1.1|method=GET|path=/|protocol=HTTP/1.1|status=#200|request_time=#0.002"
    );
    assert!(Definition::nginx("$a$b").is_err(), "nothing between two variables");
}

#[test]
fn formats_are_told_apart() {
    let cases = [
        (Format::Json, "{\"a\":1}\n{\"a\":2}\n"),
        // Most are broken, and yet it is JSON.
        (Format::Json, "{\"a\":1}\n{\"a\":}\n{\"a\n{\n"),
        (
            Format::Docker,
            "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-01T10:00:00Z\"}\n",
        ),
        (Format::Cri, "2026-03-01T10:00:00.1Z stdout F x\n2026-03-01T10:00:00.2Z stderr P y\n"),
        (Format::Access, "1.2.3.4 - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.0\" 200 2\n"),
        (Format::Syslog, "Mar  1 10:00:00 host app[1]: x\nMar  1 10:00:01 host app: y\n"),
        (Format::Syslog5424, "<165>1 2003-10-11T22:14:15.003Z m app - - - x\n"),
        (Format::Logfmt, "level=info msg=\"x y\"\nlevel=warn msg=z\n"),
        (Format::Logfmt, "user=- referer=- ip=- n=1\n"),
        // A host has no `=` in it.
        (Format::Logfmt, "2026-03-01T10:00:00Z level=error message=\"a b\"\n"),
        (Format::Plain, "2026-03-01T10:00:00Z INFO msg=\"a b\" user=x\n"),
        (Format::Logfmt, "Mar  1 10:00:00 level=error message=\"a b\"\n"),
        (Format::Plain, "2026-03-01T10:00:00Z user bob came in, id=5\n"),
        // What follows a time is a host where the line goes on as syslog does.
        (Format::Plain, "2026-03-01T10:00:00Z INFO server: listens\n"),
        (Format::Plain, "2026-03-01T10:00:00Z server listens on port 80\n"),
        (Format::Syslog, "2026-03-01T10:00:00Z web1 app[1]: the user=x came\n"),
        // Pairs in an envelope.
        (Format::Logfmt, "2026-03-01T10:00:00Z web1 app[1]: level=error user=x\n"),
        (
            Format::Syslog,
            "2026-03-01T10:00:00Z h a: x\n2026-03-01T10:00:01Z h a: y\n\
             2026-03-01T10:00:02Z h last message repeated 2 times\n",
        ),
        (Format::Syslog, "Mar  1 10:00:00 host -- MARK --\n"),
        (Format::Syslog, "<13>2026-03-01T10:00:00Z host text without a tag\n"),
        (
            Format::Plain,
            "2026-03-01 10:00:00,123 INFO x\n  at line 2\n2026-03-01 10:00:01,000 WARN y\n",
        ),
        (Format::Raw, "just\nsome\ntext\n"),
        (Format::Raw, ""),
    ];
    for (format, text) in cases {
        assert_eq!(detected(text), format, "{text}");
    }
}

#[test]
fn times_of_all_layouts_are_the_same_moment() {
    let mut clock = Clock::new(rules());
    let expected = 1_772_359_200_000_000_000; // 2026-03-01T10:00:00Z
    for text in [
        "2026-03-01T10:00:00Z",
        "2026-03-01T11:00:00+01:00",
        "2026-03-01 10:00:00",
        "2026-03-01 10:00:00,000",
        "2026-03-01T10:00:00.000000000Z",
        "2026/03/01 10:00:00",
        "01/Mar/2026:10:00:00 +0000",
        "Sun Mar 01 10:00:00 2026",
        "Mar  1 10:00:00",
        "1772359200",
        "1772359200.000",
        "1772359200000",
    ] {
        assert_eq!(clock.parse(text.as_bytes()), Some(expected), "{text}");
    }
    for text in ["2026-02-30T10:00:00Z", "2026-13-01", "yesterday", "", "12", "Mar 40 10:00:00"] {
        assert_eq!(clock.parse(text.as_bytes()), None, "{text}");
    }
    // Without a year: not more than a day after the reference.
    assert_eq!(clock.parse(b"Mar 10 12:00:00"), Some(1_773_144_000_000_000_000));
    assert_eq!(clock.parse(b"Mar 12 12:00:00"), Some(1_741_780_800_000_000_000));
}

#[test]
fn pairs_end_where_the_next_one_begins() {
    let line = "2026-03-01 10:00:00 INFO [traceId=ab,spanId=cd;user=bob] done d='q r' n=1,2 x=y\n";
    let definition = Definition::Known(Format::Plain);
    let mut fields = Fields::all();
    let mut parser = definition.parser(&mut fields, &Rules::default());
    let mut record = Record::default();
    parser.begin_block(line.as_bytes());
    let _ = parser.parse(line.as_bytes(), 0, &mut fields, &mut record);
    let value = |name: &str| {
        let id = fields.find(name).unwrap_or_else(|| panic!("there is no {name}"));
        String::from_utf8_lossy(record.get(id).bytes(line.as_bytes())).into_owned()
    };
    let names = ["traceId", "spanId", "user", "d", "n", "x"];
    assert_eq!(names.map(value), ["ab", "cd", "bob", "q r", "1,2", "y"]);
}
