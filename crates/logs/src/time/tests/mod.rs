use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;

mod fronts;
mod layouts;
mod round_trip;
mod zones;

/// When the tests take place.
const REFERENCE: &str = "2026-11-28T12:00:00Z";

/// The stamp `text`, as UTC, by rules whose reference is `reference`.
fn read(text: &str, zone: &str, reference: &str) -> Option<String> {
    let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::posix(zone).unwrap() };
    let reference_s = reference.parse::<Timestamp>().unwrap().as_second();
    Clock::new(Rules::new(zone, reference_s)).parse(text.as_bytes()).map(format_utc)
}

#[test]
fn every_layout_gives_its_moment() {
    let cases = [
        ("2026-03-01T10:00:00.125Z", "2026-03-01T10:00:00.125Z"),
        ("2026-03-01 10:00:00,5", "2026-03-01T10:00:00.5Z"),
        ("2026-03-01T10:00:00+01:30", "2026-03-01T08:30:00Z"),
        ("2026-03-01T10:00:00-0800", "2026-03-01T18:00:00Z"),
        ("2026-03-01T10:00:00.123456789123Z", "2026-03-01T10:00:00.123456789Z"),
        ("2026/03/01 10:00:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01 10:00:00 UTC", "2026-03-01T10:00:00Z"),
        ("17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03Z"),
        ("17/May/2015:10:05:03 -0230", "2015-05-17T12:35:03Z"),
        ("Sun Dec 04 04:47:44 2005", "2005-12-04T04:47:44Z"),
        ("Wed Oct 11 14:32:52.123456 2000", "2000-10-11T14:32:52.123456Z"),
        ("Jun 14 15:16:01", "2019-06-14T15:16:01Z"),
        ("Jul  4 05:06:07", "2019-07-04T05:06:07Z"),
        ("1433188255", "2015-06-01T19:50:55Z"),
        ("1433188255.5", "2015-06-01T19:50:55.5Z"),
        ("1433188255123", "2015-06-01T19:50:55.123Z"),
        ("1433188255123456", "2015-06-01T19:50:55.123456Z"),
        ("1433188255123456789", "2015-06-01T19:50:55.123456789Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ];
    for (text, want) in cases {
        assert_eq!(read(text, "UTC", "2019-08-01T00:00:00Z").as_deref(), Some(want), "{text}");
    }
}

#[test]
fn a_missing_year_is_the_latest_that_is_not_after_the_reference() {
    let read = |text, reference| read(text, "UTC", reference);
    assert_eq!(read("Dec 31 23:59:59", "2020-01-01T08:00:00Z").unwrap(), "2019-12-31T23:59:59Z");
    assert_eq!(read("Jan  1 00:00:00", "2020-01-01T08:00:00Z").unwrap(), "2020-01-01T00:00:00Z");
    // Up to a day ahead: clocks and zones differ.
    assert_eq!(read("Jan  2 07:00:00", "2020-01-01T08:00:00Z").unwrap(), "2020-01-02T07:00:00Z");
    assert_eq!(read("Jan  2 09:00:00", "2020-01-01T08:00:00Z").unwrap(), "2019-01-02T09:00:00Z");
    assert_eq!(read("Jan  1 00:30:00", "2019-12-31T23:00:00Z").unwrap(), "2020-01-01T00:30:00Z");
    assert_eq!(read("Feb 29 12:00:00", "2023-06-01T00:00:00Z").unwrap(), "2020-02-29T12:00:00Z");
}

#[test]
fn a_missing_zone_is_the_one_of_the_rules_with_its_summer_time() {
    let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    let read = |text| read(text, berlin, "2026-11-01T00:00:00Z").unwrap();
    assert_eq!(read("2026-03-29 01:30:00"), "2026-03-29T00:30:00Z");
    assert_eq!(read("2026-03-29 03:30:00"), "2026-03-29T01:30:00Z");
    assert_eq!(read("2026-03-29T03:30:00Z"), "2026-03-29T03:30:00Z");
}

#[test]
fn the_cached_hour_never_leaks_into_another() {
    let mut clock = Clock::new(Rules::default());
    let fresh = |text: &str| Clock::new(Rules::default()).parse(text.as_bytes());
    for text in [
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:59:59Z",
        "2026-03-01T11:00:00Z",
        "2026-03-02T11:00:00Z",
        "2027-03-02T11:00:00Z",
        "2027-03-02T11:00:00+02:00",
        "17/May/2015:10:05:03 +0000",
        "2026-03-01T10:00:01Z",
    ] {
        assert_eq!(clock.parse(text.as_bytes()), fresh(text), "{text}");
    }
}

#[test]
fn times_as_people_give_them() {
    let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    let when = |text| parse_when(text, &TimeZone::UTC, now).map(format_utc).ok();
    let cases = [
        ("yesterday", "2026-03-01T00:00:00Z"),
        ("today", "2026-03-02T00:00:00Z"),
        ("now", "2026-03-02T10:00:00Z"),
        ("15m", "2026-03-02T09:45:00Z"),
        ("2h30m", "2026-03-02T07:30:00Z"),
        ("3d ago", "2026-02-27T10:00:00Z"),
        ("1 hour ago", "2026-03-02T09:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("2026-03-01T10:30", "2026-03-01T10:30:00Z"),
        ("2026-03-01 10:30:15", "2026-03-01T10:30:15Z"),
        ("09:15", "2026-03-02T09:15:00Z"),
    ];
    for (text, want) in cases {
        assert_eq!(when(text).as_deref(), Some(want), "{text}");
    }
    for text in ["", "tomorrowish", "15", "15x", "m"] {
        assert_eq!(when(text), None, "{text}");
    }
}
