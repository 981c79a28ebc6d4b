//! Times near the front of lines.

use super::*;

/// The time, the text of the stamp and the rest of a line.
fn front(line: &str) -> Option<(String, &str, &str)> {
    let mut clock = Clock::new(Rules::new(TimeZone::UTC, 1_795_824_000));
    let found = clock.find_front(line.as_bytes())?;
    Some((format_utc(found.time), &line[found.start..found.end], &line[found.rest..]))
}

#[test]
fn a_time_is_found_wherever_it_stands_near_the_front() {
    for (line, stamp, rest) in [
        ("2026-01-02 03:04:05 msg", "2026-01-02 03:04:05", "msg"),
        ("  2026-01-02 03:04:05 msg", "2026-01-02 03:04:05", "msg"),
        ("[2026-01-02 03:04:05] msg", "2026-01-02 03:04:05", "msg"),
        ("[2026-01-02T03:04:05Z INFO  app] msg", "2026-01-02T03:04:05Z", "INFO  app] msg"),
        ("I, [2026-01-02T03:04:05 #1]  INFO -- : m", "2026-01-02T03:04:05", "#1]  INFO -- : m"),
        ("1234:M 02 Jan 2026 03:04:05 * Ready", "02 Jan 2026 03:04:05", "* Ready"),
        ("[main] 2026-01-02 03:04:05 msg", "2026-01-02 03:04:05", "msg"),
        ("[app][2026-01-02 03:04:05] msg", "2026-01-02 03:04:05", "msg"),
        (" [app][2026-01-02 03:04:05] msg", "2026-01-02 03:04:05", "msg"),
        ("2026-01-02 03:04:05 UTC:192.0.2.1(5):a", "2026-01-02 03:04:05 UTC", "192.0.2.1(5):a"),
        ("<W>2026-01-02 03:04:05 1 => msg", "2026-01-02 03:04:05", "1 => msg"),
        ("Jan-02-26 03:04:05 [a] msg", "Jan-02-26 03:04:05", "[a] msg"),
        ("[2026-Jan-02 03:04:05]: <error> a", "2026-Jan-02 03:04:05", "<error> a"),
        ("####<Jan 2, 2026 3:04:05 AM UTC> <Info>", "Jan 2, 2026 3:04:05 AM UTC", "<Info>"),
        ("=ERROR REPORT==== 2-Jan-2026::03:04:05 ===", "2-Jan-2026::03:04:05", "==="),
        ("2026-01-02 03:04:05 (UTC) INFO a", "2026-01-02 03:04:05 (UTC)", "INFO a"),
        ("03:04:05 2026/01/02 INFO a", "03:04:05 2026/01/02", "INFO a"),
        ("2026:01:02-03:04:05: 'a'", "2026:01:02-03:04:05", "'a'"),
        ("jan  2 03:04:05 --> a", "jan  2 03:04:05", "--> a"),
        ("[PST Jan  1 19:04:05] error", "PST Jan  1 19:04:05", "error"),
        ("INFO  2026-01-02 03:04:05 msg", "2026-01-02 03:04:05", "msg"),
        ("host app 2026-01-02 03:04:05,000 msg", "2026-01-02 03:04:05,000", "msg"),
        ("web-1  | 2026-01-02 03:04:05 msg", "2026-01-02 03:04:05", "msg"),
        ("*Jan  2 03:04:05: %SYS-5-X: c", "Jan  2 03:04:05", "%SYS-5-X: c"),
        ("000123: *Jan  2 03:04:05: %SYS-5-X: c", "Jan  2 03:04:05", "%SYS-5-X: c"),
        ("I0102 03:04:05.000000    1 f.go:1] m", "0102 03:04:05.000000", "1 f.go:1] m"),
        ("[I 2026-01-02 03:04:05.000 App] m", "2026-01-02 03:04:05.000", "App] m"),
        ("[1767323045.000|INFO](p) m", "1767323045.000", "INFO](p) m"),
        ("1767323045 INFO m", "1767323045", "INFO m"),
        ("[02/Jan/2026 03:04:05] \"GET\"", "02/Jan/2026 03:04:05", "\"GET\""),
        ("<2026-01-02 03:04:05> m", "2026-01-02 03:04:05", "m"),
        ("\"2026-01-02 03:04:05\",a", "2026-01-02 03:04:05", "a"),
        ("1,2026-01-02 03:04:05 a", "2026-01-02 03:04:05", "a"),
        (
            "nova.log.2017-05-16_13:53:08 2026-01-02 03:04:05 INFO n",
            "2026-01-02 03:04:05",
            "INFO n",
        ),
        (
            "- 1117838570 2005.06.03 R02-M1 2026-01-02-03.04.05.000000 R02 m",
            "2026-01-02-03.04.05.000000",
            "R02 m",
        ),
        (
            "- 1767323045 2026.01.02 dn228 Nov 9 12:01:01 dn228/dn228 crond: x",
            "1767323045",
            "2026.01.02 dn228 Nov 9 12:01:01 dn228/dn228 crond: x",
        ),
        ("10000 1767323045.000000 execve(", "1767323045.000000", "execve("),
        ("Main::INFO::2026-01-02 03:04:05::vdsm", "2026-01-02 03:04:05", "vdsm"),
        (
            "[pid: 1|app: 0|req: 1/1] 10.0.0.1 () {38 vars in 696 bytes} [Fri Jan  2 03:04:05 2026] P",
            "Fri Jan  2 03:04:05 2026",
            "P",
        ),
        ("#+1767323045", "1767323045", ""),
        ("2026-01-02 03:04:05", "2026-01-02 03:04:05", ""),
    ] {
        let moment = "2026-01-02T03:04:05Z".to_owned();
        assert_eq!(front(line), Some((moment, stamp, rest)), "{line}");
    }
}

#[test]
fn other_times_and_numbers_are_not_those_of_the_line() {
    for line in [
        "",
        "   ",
        "text without one",
        "123456789012 bytes",
        "200 OK",
        "1767323045abc",
        "a 1767323045 b",
        "[12345.678901] kernel",
        "INSERT INTO t VALUES ('2026-01-02 03:04:05')",
        "started at 2026-01-02 03:04:05",
        "valid until 2026-01-02 03:04:05",
        "    at line 2026 of file 2026-01-02 03:04:05",
        "one two three four five six seven 2026-01-02 03:04:05",
        "12026-01-02 03:04:05 a",
        "2026-01-02 03:04:05x",
        "id2026-01-02 03:04:05",
    ] {
        assert_eq!(front(line), None, "{line}");
    }
    let far = format!("{} 2026-01-02 03:04:05", "x".repeat(100));
    assert_eq!(front(&far), None);
}

#[test]
fn no_line_is_cut_out_of_its_bounds() {
    let line = b"\xe2\x80 [<({[[[2026-01-02 03:04:05\xe2\x80\xaf";
    let mut clock = Clock::new(Rules::default());
    for from in 0..line.len() {
        for to in from..line.len() {
            let text = &line[from..to];
            if let Some(found) = clock.find_front(text) {
                assert!(
                    found.start <= found.end && found.end <= found.rest && found.rest <= text.len()
                );
            }
            let _ = clock.parse(text);
        }
    }
}
