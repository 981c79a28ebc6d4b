//! `cutwater formats`, and the page of formats, which is made from their files.

use std::fmt::Write;
use std::path::Path;

use cutwater_logs::format::{DataFormat, data_formats};

use crate::{cutwater, cutwater_in};

const BEGIN: &str = "<!-- formats -->\n";
const END: &str = "<!-- end of formats -->";

fn output(args: &[&str]) -> (String, String, Option<i32>) {
    let mut command = cutwater();
    command.args(args).env("XDG_CONFIG_HOME", "/nowhere");
    let out = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn the_page_of_formats_is_made_from_their_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (text, after) = rest.split_once(END).unwrap();
    let generated = generated();
    if std::env::var_os("CUTWATER_UPDATE_FORMATS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
    } else {
        assert_eq!(text, generated, "run again with CUTWATER_UPDATE_FORMATS=1");
    }
}

fn generated() -> String {
    let mut formats: Vec<_> = data_formats().collect();
    formats.sort_by_key(|format| format.name());
    let mut text = String::new();
    for format in formats {
        section(&mut text, format);
    }
    text
}

fn section(text: &mut String, format: &DataFormat) {
    let (name, title, link) = (format.name(), format.title(), format.link());
    let _ = writeln!(text, "### `{name}`\n\n[{title}]({link}). {}\n", format.note());
    for sample in format.samples() {
        let _ = writeln!(text, "```text\n{}\n```\n", shown(&sample.line));
        let at = sample.at.as_deref().unwrap_or("none");
        let fields: Vec<_> =
            sample.fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(text, "Time {at}; `{}`\n", fields.join("`, `"));
    }
}

/// A line as a page can show it.
fn shown(line: &str) -> String {
    line.replace('\u{1b}', "\\x1b").replace('\t', "\\t")
}

#[test]
fn formats_says_what_it_takes() {
    insta::assert_snapshot!("help", output(&["formats", "--help"]).0);
}

#[test]
fn all_samples_of_all_formats_have_their_values() {
    let (text, _, code) = output(&["formats", "--test"]);
    assert!(text.ends_with(" 0 problems\n"), "{text}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_line_is_explained() {
    let (text, _, code) =
        output(&["formats", "--explain", "W0102 03:04:05.123456  7 a.go:12] slow"]);
    assert_eq!(code, Some(0), "{text}");
    for part in
        ["format   klog", "-02T03:04:05.123456Z, from time", "level     WARN", "text      slow"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (text, _, _) = output(&["formats", "--json"]);
    assert!(text.contains("\"name\": \"aws-alb\""), "{text}");
}

#[test]
fn formats_of_the_user_are_found_tested_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("cutwater/formats");
    std::fs::create_dir_all(&own).unwrap();
    let shop = "name = 'shop'\npattern = 'SHOP (?<time>%{rfc3339}) (?<n>%{int})'\n\
                [[sample]]\nline = 'SHOP 2026-01-02T03:04:05Z 7'\nat = '2026-01-02T03:04:05Z'\nfields = { n = 8 }\n";
    std::fs::write(own.join("shop.toml"), shop).unwrap();
    std::fs::write(own.join("wrong.toml"), "name = 'wrong'").unwrap();
    std::fs::write(
        dir.path().join("a.log"),
        "SHOP 2026-01-02T03:04:05Z 7\nSHOP 2026-01-02T03:04:06Z 9\n",
    )
    .unwrap();
    let run = |args: &[&str]| {
        let out =
            cutwater_in(dir.path(), args).env("XDG_CONFIG_HOME", dir.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(out.stdout), text(out.stderr), out.status.code())
    };
    let (text, notes, _) = run(&["scan", "--fields", "n", "--csv", "a.log"]);
    assert_eq!(text, "n\n7\n9\n");
    assert!(notes.contains("wrong.toml") && notes.contains("left out"), "{notes}");
    let (text, _, code) = run(&["formats", "--test", "cutwater/formats/shop.toml"]);
    assert_eq!(
        (text.as_str(), code),
        ("shop: sample 1: n is 7, not 8\n1 formats, 1 samples, 1 problems\n", Some(1))
    );
    let (text, _, _) = run(&[
        "scan",
        "--format",
        "cutwater/formats/shop.toml",
        "--count",
        "--where",
        "n>8",
        "a.log",
    ]);
    assert_eq!(text, "1\n");
    let (text, _, _) = run(&[
        "scan",
        "--grok",
        "%{WORD:w} %{NOTSPACE:t} %{INT:n:int}",
        "--fields",
        "w,n",
        "--csv",
        "a.log",
    ]);
    assert_eq!(text, "w,n\nSHOP,7\nSHOP,9\n");
}
