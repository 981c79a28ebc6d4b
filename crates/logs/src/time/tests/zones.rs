//! Zones by offset, by abbreviation and by the names of the tz database.

use super::*;

/// The moment of a text by rules with a zone of the tz database.
fn read_in(zone: &str, text: &str) -> String {
    let zone = TimeZone::get(zone).unwrap();
    let mut clock = Clock::new(Rules::new(zone, 1_795_824_000));
    clock.parse(text.as_bytes()).map(format_utc).unwrap_or_else(|| format!("none: {text}"))
}

#[test]
fn offsets_and_names_that_have_one_meaning() {
    for (zone, moment) in [
        ("Z", "03:04:05Z"),
        (" UTC", "03:04:05Z"),
        (" GMT", "03:04:05Z"),
        (" GMT+2", "01:04:05Z"),
        (" GMT +1", "02:04:05Z"),
        (" GMT -8", "11:04:05Z"),
        (" UTC-5", "08:04:05Z"),
        (" UTC+05:30", "21:34:05Z"),
        (" EST", "08:04:05Z"),
        (" EDT", "07:04:05Z"),
        (" CDT", "08:04:05Z"),
        (" MST", "10:04:05Z"),
        (" MDT", "09:04:05Z"),
        (" PST", "11:04:05Z"),
        (" PDT", "10:04:05Z"),
        (" CET", "02:04:05Z"),
        (" CEST", "01:04:05Z"),
        (" MSK", "00:04:05Z"),
        (" EET", "01:04:05Z"),
        (" EEST", "00:04:05Z"),
        (" WET", "03:04:05Z"),
        (" WEST", "02:04:05Z"),
        (" JST", "18:04:05Z"),
        (" KST", "18:04:05Z"),
        (" SGT", "19:04:05Z"),
        (" HKT", "19:04:05Z"),
        (" AEST", "17:04:05Z"),
        (" AEDT", "16:04:05Z"),
        (" NZST", "15:04:05Z"),
        (" Europe/Berlin", "02:04:05Z"),
        (" America/Argentina/Buenos_Aires", "06:04:05Z"),
        ("[Asia/Tokyo]", "18:04:05Z"),
        (" (EST)", "08:04:05Z"),
        (" [EST]", "08:04:05Z"),
        (" (UTC)", "03:04:05Z"),
        (" [Europe/Berlin]", "02:04:05Z"),
        // What the abbreviations with several meanings stand for by default.
        (" IST", "21:34:05Z"),
        (" CST", "09:04:05Z"),
        (" BST", "02:04:05Z"),
    ] {
        let found = read_in("UTC", &format!("2026-01-02 03:04:05{zone}"));
        assert_eq!(&found[11..], moment, "{zone}");
    }
}

#[test]
fn the_zone_of_the_rules_settles_what_an_abbreviation_means() {
    let read = |zone, name: &str| read_in(zone, &format!("2026-01-02 03:04:05 {name}"));
    assert_eq!(read("Asia/Shanghai", "CST"), "2026-01-01T19:04:05Z");
    assert_eq!(read("America/Chicago", "CST"), "2026-01-02T09:04:05Z");
    assert_eq!(read("Asia/Jerusalem", "IST"), "2026-01-02T01:04:05Z");
    assert_eq!(read("Asia/Kolkata", "IST"), "2026-01-01T21:34:05Z");
    // Summer time in winter: the zone has the name half a year later.
    assert_eq!(read("Europe/Dublin", "IST"), "2026-01-02T02:04:05Z");
    assert_eq!(read("Europe/Berlin", "EST"), "2026-01-02T08:04:05Z");
}

#[test]
fn an_abbreviation_tells_the_two_hours_at_the_end_of_summer_time_apart() {
    let read = |name: &str| read_in("Europe/Berlin", &format!("2026-10-25 02:30:00 {name}"));
    assert_eq!(read("CEST"), "2026-10-25T00:30:00Z");
    assert_eq!(read("CET"), "2026-10-25T01:30:00Z");
}

#[test]
fn unknown_names_are_counted_and_other_words_are_not() {
    let mut clock = Clock::new(Rules::new(TimeZone::UTC, 1_795_824_000));
    let mut prefix =
        |text: &str| clock.parse_prefix(text.as_bytes()).map(|(t, n)| (format_utc(t), n));
    let moment = "2026-01-02T03:04:05Z".to_owned();
    for (rest, length) in [
        (" XYZT msg", 24),
        (" XYZT", 24),
        (" QQQ [1] msg", 23),
        ("FOO err", 22),
        (" Europe/Atlantis msg", 35),
        (" INFO msg", 19),
        (" GET /", 19),
        (" OK msg", 19),
        (" Started", 19),
        (" ABC-1 msg", 19),
        (" ABC=1 msg", 19),
        (" LONGWORD msg", 19),
        (" a/b msg", 19),
        (" Foo/Bar msg", 19),
        (" CMD: msg", 19),
        (" [QQQQ] msg", 19),
        (" [INFO] msg", 19),
        (" [main] msg", 19),
        (" [Http/Worker] msg", 19),
    ] {
        let found = prefix(&format!("2026-01-02 03:04:05{rest}"));
        assert_eq!(found, Some((moment.clone(), length)), "{rest}");
    }
    // A host may be in capitals.
    assert_eq!(prefix("Jan  2 03:04:05 QHOST app: x").unwrap().1, 15);
    let unknown = clock.take_unknown_zones();
    let expected =
        [("XYZT".into(), 2), ("QQQ".into(), 1), ("FOO".into(), 1), ("Europe/Atlantis".into(), 1)];
    assert_eq!(unknown.counts, expected);
    assert_eq!(clock.take_unknown_zones(), UnknownZones::default());
}

#[test]
fn times_of_several_zones_in_one_log_do_not_mix() {
    let mut clock = Clock::new(Rules::new(TimeZone::get("Europe/Berlin").unwrap(), 1_795_824_000));
    let mut read = |text: &str| format_utc(clock.parse(text.as_bytes()).unwrap());
    for _ in 0..2 {
        assert_eq!(read("2026-01-02 03:04:05"), "2026-01-02T02:04:05Z");
        assert_eq!(read("2026-01-02 03:04:05 EST"), "2026-01-02T08:04:05Z");
        assert_eq!(read("2026-01-02 03:04:05 PST"), "2026-01-02T11:04:05Z");
        assert_eq!(read("2026-01-02 03:04:05Z"), "2026-01-02T03:04:05Z");
        assert_eq!(read("2026-01-02 03:04:05 Asia/Tokyo"), "2026-01-01T18:04:05Z");
    }
}
