//! Where levels are, and where they are not.

use super::search::find;
use super::*;

/// The level of a text, and what is left of it.
fn level(text: &str) -> Option<(&'static str, &str)> {
    find(text.as_bytes()).map(|found| (found.level.name(), &text[found.skip..]))
}

#[test]
fn a_level_at_the_front_is_taken_off() {
    for (text, name, rest) in [
        ("ERROR a", "ERROR", "a"),
        ("[ERROR] b", "ERROR", "b"),
        ("<error> c", "ERROR", "c"),
        ("Error: d", "ERROR", "d"),
        ("error something failed", "ERROR", "something failed"),
        ("Error  something failed", "ERROR", "something failed"),
        ("Info started up", "INFO", "started up"),
        ("Warning Disk is full", "WARN", "Disk is full"),
        ("error g", "ERROR", "g"),
        ("FATAL: h", "FATAL", "h"),
        ("-- ERR i", "ERROR", "i"),
        ("|ERROR| j", "ERROR", "j"),
        ("[ WARN  ] k", "WARN", "k"),
        ("(II) loaded", "INFO", "loaded"),
        ("INF zerolog", "INFO", "zerolog"),
        ("Info                  CBS    Loaded", "INFO", "CBS    Loaded"),
        ("WARNING", "WARN", ""),
    ] {
        assert_eq!(level(text), Some((name, rest)), "{text}");
    }
}

#[test]
fn a_level_after_other_words_leaves_the_text() {
    for (text, name) in [
        ("E/tag e", "ERROR"),
        ("[main] ERROR f", "ERROR"),
        ("- app - WARN - g", "WARN"),
        ("#1234]  INFO -- : msg", "INFO"),
        ("[1234] LOG:  ready", "INFO"),
        ("[1234] user@db PANIC:  no", "FATAL"),
        ("8 [Warning] Aborted", "WARN"),
        ("9 [Note] Shutdown", "INFO"),
        ("0 [System] [MY-010116] [Server] up", "INFO"),
        ("production.ERROR: request", "ERROR"),
        ("INFO/MainProcess] task", "INFO"),
        ("  1702  2395 D WindowManager: x", "DEBUG"),
        ("%SYS-5-CONFIG_I: configured", "INFO"),
        ("host1 : %ASA-4-302013: built", "WARN"),
        ("25746 WARNING nova.osapi_compute", "WARN"),
        ("queries: info: client", "INFO"),
        ("RAS KERNEL FATAL data TLB", "FATAL"),
        ("root INFO started", "INFO"),
        ("[core:error] [pid 1] x", "ERROR"),
        ("name level=warn msg=x", "WARN"),
        ("I1234E567             LEVEL: Error", "ERROR"),
        ("[main/INFO] [net.x.Y/]: loading", "INFO"),
        ("[Server thread/ERROR]: bad", "ERROR"),
        ("name lvl=eror msg=x", "ERROR"),
        ("[scheduler] [debug] x", "DEBUG"),
        ("org.x.Main main\tSEVERE\tmsg", "ERROR"),
        ("Main::INFO::", "INFO"),
        ("gmetad: Warning: we failed", "WARN"),
    ] {
        assert_eq!(level(text), Some((name, text)), "{text}");
    }
}

#[test]
fn words_of_the_message_are_no_levels() {
    for text in [
        "no error found",
        "no ERROR found",
        "request failed with ERROR from there",
        "Aborted connection",
        "error-handler started",
        "errors: 5",
        "log rotated",
        "fine day",
        "system is up",
        "fail over",
        "user info was sent",
        "GET /info 200",
        "E is a letter",
        "CPU: Trace cache: 12K uops",
        "ip_tables: (C) 2000-2002 Netfilter core team",
        "app[1]: error in x",
        "the level of warning is 3",
        "",
        "[main] no error: all is well",
        "[main] Critical section entered",
        "Error handling initialised",
        "Debug build enabled",
        "=== Verbose logging started",
    ] {
        assert_eq!(level(text), None, "{text}");
    }
}

#[test]
fn a_letter_or_a_word_before_the_time_is_a_level() {
    for (head, name) in [
        ("I, ", Some("INFO")),
        ("[E ", Some("ERROR")),
        ("I", Some("INFO")),
        ("W/", Some("WARN")),
        ("WARN  ", Some("WARN")),
        ("[ERROR] ", Some("ERROR")),
        ("[main] ", None),
        ("=ERROR REPORT==== ", Some("ERROR")),
        ("Zigbee2MQTT:warn  ", Some("WARN")),
        ("1234:M ", None),
        ("host app ", None),
        ("", None),
    ] {
        assert_eq!(before_time(head.as_bytes()).map(Level::name), name, "{head}");
    }
}
