//! The meaning of conditions, and the messages for those without one.

use jiff::tz::TimeZone;

use super::Filter;
use crate::json::JsonParser;
use crate::record::{Fields, Record};
use crate::time::{Clock, Rules};

fn passes(condition: &str, line: &str) -> bool {
    let filter = Filter::parse(condition, &TimeZone::UTC).unwrap();
    let mut fields = Fields::only(&filter.fields().collect::<Vec<_>>());
    let mut bound = filter.bind(&mut fields);
    let mut parser = JsonParser::new(&fields);
    let mut record = Record::default();
    parser.begin_block(line.as_bytes());
    parser.parse(line.as_bytes(), 0, &mut fields, &mut record).1.unwrap();
    let mut clock = Clock::new(Rules::new(TimeZone::UTC, 1_773_100_800));
    bound.passes(line.as_bytes(), line.as_bytes(), &record, None, &mut clock)
}

#[test]
fn each_operator_does_what_it_says() {
    let line = r#"{"status":503,"path":"/api/\u0065rror","lat":1.50,"s":"9","n":null}"#;
    for yes in [
        "status=503",
        "status==503",
        "status>=500",
        "status>499",
        "status<504",
        "status<=503",
        "status!=200",
        "path~error",
        "path ~ 'api/e'",
        "path=/api/error",
        "path!~xyz",
        "path=~^/api/e.*r$",
        "path!=~^x",
        "lat=1.5",
        "s>8",
        "s<10",
        "missing!=1",
        "missing!~x",
        "status=503 and path~\"error\"",
        "_line~u0065",
        "_line!~nothing",
    ] {
        assert!(passes(yes, line), "{yes}");
    }
    for no in [
        "status=200",
        "status>503",
        "status<503",
        "path~xyz",
        "path=/api/",
        "path=~^api",
        "missing=1",
        "missing~x",
        "missing>0",
        "n=null",
        "status=503 and path~xyz",
        "_line~error\"",
    ] {
        assert!(!passes(no, line), "{no}");
    }
}

#[test]
fn durations_and_sizes_compare_by_value() {
    let line =
        r#"{"took":"1.5s","iso":"PT2M","size":"10MB","zero":0,"n":1500,"id":"5m","text":"x"}"#;
    let hold = [
        "took>100ms",
        "took<2m",
        "took=1500ms",
        "took!=1s",
        "took>0",
        "iso=120s",
        "iso>1m59s",
        "size>2KiB",
        "size=10000kB",
        "size>9999999",
        "size<10485761",
        "zero<1ms",
        "zero=0B",
        "n>1kB",
        "id=5m",
        "not text>1s",
    ];
    let do_not = [
        "took>2m",
        "took<100ms",
        "took>5",
        "took<5",
        "took>1MB",
        "size>10MiB",
        "n>1s",
        "n<1s",
        "text>1s",
        "text<1s",
        "text>5",
        "text<5",
    ];
    check(line, &hold, &do_not);
}

#[test]
fn a_quoted_number_is_a_number_and_never_a_time() {
    let line = r#"{"id":"1652857722","at":1652857722,"ts":"2022-05-18T07:08:42Z"}"#;
    let hold =
        ["id=1652857722.0", "id>5", "at>2022-01-01", "ts>2022-01-01", "ts=2022-05-18T07:08:42Z"];
    let do_not = ["id>2022-01-01", "id<2022-01-01", "id=2022-05-18T07:08:42Z"];
    check(line, &hold, &do_not);
}

/// The values that the condition could not test in a line.
fn misfits(condition: &str, line: &str) -> Vec<String> {
    let filter = Filter::parse(condition, &TimeZone::UTC).unwrap();
    let mut fields = Fields::only(&filter.fields().collect::<Vec<_>>());
    let mut bound = filter.bind(&mut fields);
    let mut parser = JsonParser::new(&fields);
    let (mut record, mut clock) = (Record::default(), Clock::new(Rules::default()));
    parser.begin_block(line.as_bytes());
    parser.parse(line.as_bytes(), 0, &mut fields, &mut record).1.unwrap();
    let _ = bound.passes(line.as_bytes(), line.as_bytes(), &record, None, &mut clock);
    let mut all = crate::misfits::Misfits::default();
    bound.take_misfits(&mut all);
    all.iter().map(|m| format!("{} {} {} {}", m.field, m.wanted, m.count, m.example)).collect()
}

#[test]
fn values_that_have_no_order_with_the_word_are_counted() {
    let line = r#"{"ms":"timeout","took":"slow","ts":"soon","n":null}"#;
    for (condition, expected) in [
        ("ms>10", "ms a number 1 timeout"),
        ("took<=1.5s", "took a duration 1 slow"),
        ("took>2KB", "took a size 1 slow"),
        ("ts>=2026-03-01", "ts a time 1 soon"),
        ("(ms>10 or took>1s) and ms=1", "ms a number 1 timeout, took a duration 1 slow"),
        ("ms=10", ""),
        ("ms!=10", ""),
        ("not ms>10", ""),
        ("ms>a", ""),
        ("n>1", ""),
        ("missing>1", ""),
    ] {
        assert_eq!(misfits(condition, line).join(", "), expected, "{condition}");
    }
}

/// Checks that just the first conditions hold for a line.
fn check(line: &str, hold: &[&str], do_not: &[&str]) {
    for condition in hold {
        assert!(passes(condition, line), "{condition}");
    }
    for condition in do_not {
        assert!(!passes(condition, line), "not {condition}");
    }
}

#[test]
fn integers_past_what_a_double_holds_are_distinct() {
    let line = r#"{"id":9007199254740993,"big":18446744073709551616,"t":"\u0031"}"#;
    let hold = [
        "id=9007199254740993",
        "id=9007199254740993.0",
        "id!=9007199254740992",
        "id>9007199254740992",
        "id<9007199254740994",
        "id>=90071992547409929e-1",
        "big>18446744073709551615",
        "big=18446744073709551616",
        "t=1.0",
        "t=1 AND id>0",
    ];
    let do_not = ["id=9007199254740992", "id<=9007199254740992", "big<=18446744073709551615"];
    check(line, &hold, &do_not);
}

#[test]
fn times_compare_as_times_whatever_their_zone_and_their_field() {
    let line = r#"{"ts":"2024-03-01T05:00:00+05:30","made":"2024-02-29T23:59:59.5-08:00","n":"x"}"#;
    let hold = [
        "ts<2024-03-01",
        "ts>=2024-02-29T23:30:00Z",
        "ts=2024-02-29T23:30:00Z",
        "ts!=2024-03-01T05:00:00Z",
        "made>2024-03-01T07:59:59Z",
        "made<2024-03-01T08:00:00Z",
        "made=2024-03-01T07:59:59.500Z",
        "n=x",
        "n!=2024-03-01",
    ];
    let do_not = ["ts>=2024-03-01", "ts=2024-03-01T05:00:00Z", "made<2024-03-01"];
    check(line, &hold, &do_not);
}

#[test]
fn and_binds_closer_than_or_and_not_closer_than_both() {
    let line = r#"{"a":1,"b":2,"not":3,"or":4,"a(":5,"x y":6}"#;
    let hold = [
        "a=1 or b=9 and b=8",
        "(a=1 or b=9) and b=2",
        "a=9 or b=2",
        "A=1 OR a=1",
        "not a=2",
        "NOT (a=2 or b=3) And b=2",
        "not a=1 or b=2",
        "not not a=1",
        "not missing=1",
        "((((a=1))))",
        "( a = 1 )or( b = 9 )",
        "not(a=9)and b=2",
        "a=\"1\"and b=2",
        "a=9 or not (b=2 and a=9)",
    ];
    let do_not = [
        "(a=1 or b=9) and b=8",
        "not (a=1 or b=9)",
        "not a=1 and b=2",
        "not (a=1 and b=2)",
        "a=9 or b=9",
        "not not a=2",
    ];
    check(line, &hold, &do_not);
    let names =
        ["not=3", "not = 3", "or=4 or or=5", "not not=4", "\"a(\"=5", "'x y'=6 and (not=3)"];
    check(line, &names, &["not not=3"]);
}

#[test]
fn values_keep_their_parentheses() {
    let line = r#"{"m":"f(x)","n":"(y)","e":":)"}"#;
    let hold = [
        "m=f(x)",
        "e=:)",
        "m=~^f\\(x\\)$",
        "(m=f(x))",
        "(m=~^f\\(x\\)$)",
        "(m=~^(f|g).(x|y).$ or n=1)",
        "(n=(y))",
        "(e=':)')",
        "(m~\")\")",
    ];
    check(line, &hold, &["(m=f(y))"]);
}

/// The message for what is not a condition, and the text with the mark under it.
fn refused(text: &str) -> String {
    let error = Filter::parse(text, &TimeZone::UTC).unwrap_err();
    assert!(error.is_request(), "{text}: {error}");
    error.to_string()
}

#[test]
fn a_fault_is_shown_at_its_place() {
    for (text, mark, words) in [
        ("status", 6, "is not a condition"),
        ("=5", 0, "a condition is missing"),
        ("status=", 7, "no value"),
        ("a=1 or (b= )", 11, "no value"),
        ("a=1 x=2", 4, "expected `and` or `or`"),
        ("a=1 and", 7, "a condition is missing"),
        ("a=1 or ", 7, "a condition is missing"),
        ("not", 3, "a condition is missing"),
        ("(a=1 or b=2", 0, "not closed"),
        ("(a=1)) or b=2", 5, "was not opened"),
        ("(a=1 or ) b=2", 8, "a condition is missing"),
        ("()", 1, "a condition is missing"),
        ("a=1 && b=2", 4, "by the word `and`"),
        ("a=1 || b=2", 4, "by the word `or`"),
        ("a=\"x", 2, "no second one"),
        ("!(a=1)", 0, "a condition is missing"),
        ("a=1 and b=~[", 11, "not a regular expression"),
        ("\u{fc}=1 or x", 8, "is not a condition"),
    ] {
        let said = refused(text);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].contains(words), "{text}: {said}");
        assert!(lines[0].contains(&format!("character {}", mark + 1)), "{text}: {said}");
        assert_eq!(lines[1], format!("    {text}"));
        assert_eq!(lines[2], format!("    {:mark$}^", ""), "{said}");
    }
}

#[test]
fn a_fault_in_a_long_text_is_shown_with_what_is_around_it() {
    let text = format!("{} b\u{1b}[31m", "a=1 and ".repeat(400));
    let said = refused(&text);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() < 120), "{said}");
    assert!(lines[1].starts_with("    ..."), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn what_is_nested_too_deep_or_too_long_is_refused() {
    let nested = |n: usize| format!("{}a=1{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&nested(Filter::DEPTH_MAX), &TimeZone::UTC).is_ok());
    assert!(refused(&nested(Filter::DEPTH_MAX + 1)).contains("64"));
    assert!(refused(&nested(1_000_000)).contains("64"));
    let long = |n: usize| vec!["a=1"; n].join(" or ");
    assert!(Filter::parse(&long(Filter::CONDITIONS_MAX), &TimeZone::UTC).is_ok());
    assert!(refused(&long(Filter::CONDITIONS_MAX + 1)).contains("512"));
    assert!(Filter::parse(&format!("{}a=1", "not ".repeat(1_000_000)), &TimeZone::UTC).is_ok());
}

/// The literals: a line needs one of them; whether they are raw, and whether they decide.
fn literals(text: &str) -> Option<(Vec<String>, bool, bool)> {
    let filter = Filter::parse(text, &TimeZone::UTC).unwrap();
    let found = filter.literals()?;
    let texts = found.texts.iter().map(|t| String::from_utf8(t.to_vec()).unwrap()).collect();
    Some((texts, found.raw, found.decide))
}

#[test]
fn literals_are_only_taken_from_conditions_that_need_them() {
    let one = |text: &str, raw, decide| Some((vec![text.to_owned()], raw, decide));
    assert_eq!(literals("level=error"), one("error", false, false));
    assert_eq!(literals("_line~error"), one("error", true, true));
    assert_eq!(literals("_line=error"), one("error", true, false));
    assert_eq!(literals("_line~error and a=bc"), one("error", true, false));
    assert_eq!(literals("not not level=error"), one("error", false, false));
    for none in
        ["level!=error", "status=200", "path!~x", "not a=bc", "a=b or c=1", "a=b or not c=d"]
    {
        assert_eq!(literals(none), None, "{none}");
    }
}

#[test]
fn an_or_needs_the_literals_of_both_sides() {
    let some = |texts: &[&str], raw, decide| {
        Some((texts.iter().map(|&t| t.to_owned()).collect::<Vec<_>>(), raw, decide))
    };
    assert_eq!(literals("a=ab or b~cd"), some(&["ab", "cd"], false, false));
    assert_eq!(literals("_line~ab or _line~cd"), some(&["ab", "cd"], true, true));
    assert_eq!(literals("_line~ab or b~cd"), some(&["ab", "cd"], false, false));
    assert_eq!(literals("not (a!=ab and b!~cd)"), some(&["ab", "cd"], false, false));
    assert_eq!(literals("(_line~ab or _line~cd) and x=1"), some(&["ab", "cd"], true, false));
    assert_eq!(literals("(a=abcd or b=efgh) and c=ijkl"), some(&["ijkl"], false, false));
    assert_eq!(literals("(a=abcd or b=efgh) and c=i"), some(&["abcd", "efgh"], false, false));
    assert_eq!(literals("_line~\"a\nb\""), some(&["a\nb"], true, false));
    let many = vec!["a=word"; 33].join(" or ");
    assert_eq!(literals(&many), None);
}
