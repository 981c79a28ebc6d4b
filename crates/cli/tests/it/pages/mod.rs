//! The pages that commands export, in a real browser: on a screen as narrow as a phone's, in the light
//! and in the dark, on paper, and with tables that are clicked.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// CSS pixels of a narrow phone.
const WIDTH: u32 = 360;
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<&'static str> {
    let runs = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success())
    };
    BROWSERS.into_iter().find(runs)
}

fn export(dir: &Path, args: &[&str]) -> PathBuf {
    let page = dir.join("page.html");
    let out = crate::cutwater()
        .args(args)
        .arg("--export-html")
        .arg(&page)
        .arg("--dir")
        .arg(dir)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    page
}

/// Says what went wrong in the page to the page around it.
const WATCH: &str = "<script>\
    window.onerror = (e) => { parent.errors.push(String(e)); };\
    console.error = (...e) => { parent.errors.push(e.join(' ')); };</script>";

/// Reports what became of the page in the frame.
const AUDIT: &str = include_str!("audit.js");

/// What has the browser prefer dark pages, as its settings number it.
const DARK: &str = "--blink-settings=preferredColorScheme=0";

/// What the browser says of a page that is [`WIDTH`] wide.
fn seen(browser: &str, dir: &Path, page: &Path, flags: &[&str]) -> Value {
    let html = std::fs::read_to_string(page).unwrap();
    assert!(!html.contains("http://") || html.contains("http://www.w3.org"), "it needs a network");
    let watched = html.replacen("<head>", &format!("<head>{WATCH}"), 1);
    assert_ne!(watched, html, "the page has no head");
    let quoted = watched.replace('&', "&amp;").replace('"', "&quot;");
    let around = format!(
        "<!doctype html><meta charset=utf-8><meta name=color-scheme content=\"light dark\">\
         <script>{AUDIT}</script><pre id=out></pre>\
         <iframe id=f style='border:0;width:{WIDTH}px;height:800px' srcdoc=\"{quoted}\"></iframe>"
    );
    let wrapper = dir.join("around.html");
    std::fs::write(&wrapper, around).unwrap();
    let flags: Vec<_> =
        flags.iter().copied().chain(["--virtual-time-budget=5000", "--dump-dom"]).collect();
    let out = shown(browser, dir, &wrapper, &flags);
    let dom = String::from_utf8_lossy(&out.stdout).into_owned();
    let report = dom.split("<pre id=\"out\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let report = report.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let report = report.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&report).unwrap_or_else(|e| panic!("{e}: {report:?}"))
}

/// Has the browser open a page.
fn shown(browser: &str, dir: &Path, page: &Path, flags: &[&str]) -> Output {
    Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .arg("--window-size=1000,900")
        .args(flags)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap()
}

fn check(args: &[&str]) {
    let Some(browser) = browser() else {
        return cutwater_testing::skip!("none of {BROWSERS:?} runs");
    };
    let dir = tempfile::tempdir().unwrap();
    let page = export(dir.path(), args);
    let light = seen(browser, dir.path(), &page, &[]);
    println!("{light}");
    assert_eq!(light["errors"], Value::Array(Vec::new()));
    fits_a_phone(&light);
    can_be_read(&light);
    assert!(light["tables"].as_u64() > Some(0), "no table");
    assert_eq!(light["unsorted"], Value::Array(Vec::new()), "a click does not sort");
    let dark = seen(browser, dir.path(), &page, &[DARK]);
    assert_eq!((&light["dark"], &dark["dark"]), (&Value::Bool(false), &Value::Bool(true)));
    let ground = |seen: &Value| seen["ground"].as_f64().unwrap();
    assert!(ground(&light) > 0.8 && ground(&dark) < 0.1, "{} {}", ground(&light), ground(&dark));
    prints(browser, dir.path(), &page);
}

fn fits_a_phone(seen: &Value) {
    assert!(seen["svgs"].as_u64() > Some(0), "no chart");
    assert_eq!(seen["titled"], seen["svgs"], "a chart without a name");
    // The width of a phone, less the scroll bar.
    let [width, scroll] = ["width", "scroll"].map(|key| seen[key].as_u64().unwrap());
    assert!(width > 0 && width <= u64::from(WIDTH), "the frame is not as wide as a phone");
    assert!(scroll <= width, "it scrolls sideways: {seen}");
    assert_eq!(seen["wide"], Value::Array(Vec::new()), "something reaches past the edge");
    assert!(seen["lang"] != "" && seen["title"] != "", "no language or no title");
    let levels: Vec<_> =
        seen["headings"].as_array().unwrap().iter().flat_map(Value::as_u64).collect();
    let leap = levels.windows(2).any(|pair| pair[1] > pair[0] + 1);
    assert!(levels.first() == Some(&1) && !leap, "headings leave a level out: {levels:?}");
}

/// Contrast in the light, in the dark and on paper.
fn can_be_read(seen: &Value) {
    for mode in ["light", "dark", "paper"] {
        let page = &seen["modes"][mode];
        assert!(page["faint"]["texts"].as_u64() > Some(20), "{mode}: few texts were looked at");
        assert_eq!(page["faint"]["found"], Value::Array(Vec::new()), "{mode}: hard to read");
        assert!(page["bars"]["bars"].as_u64() > Some(0), "{mode}: no bar was looked at");
        assert_eq!(page["bars"]["found"], 0, "{mode}: bars that are hard to see");
        assert_eq!(page["scrolls"], false, "{mode}: it scrolls sideways");
        let is_dark = page["ground"].as_f64().unwrap() < 0.5;
        assert_eq!(is_dark, mode == "dark", "{mode}: {page}");
    }
}

fn prints(browser: &str, dir: &Path, page: &Path) {
    let paper = dir.join("page.pdf");
    let flag = format!("--print-to-pdf={}", paper.display());
    let out = shown(browser, dir, page, &[&flag]);
    let pdf = std::fs::read(&paper).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    let pages = pdf.windows(12).filter(|w| *w == b"/Type /Page\n" || *w == b"/Type /Page ").count();
    assert!(pdf.starts_with(b"%PDF") && pages > 0, "{pages} pages");
}

#[test]
fn the_page_of_bench_can_be_read_sorted_and_printed() {
    let cells =
        "bench --quick --path read,preadv --pattern seq,rand --cache warm --depth 1 --runs 1";
    let mut args: Vec<_> = cells.split(' ').collect();
    args.extend(["--size", "16M"]);
    check(&args);
}

#[test]
fn the_page_of_reproduce_can_be_read_sorted_and_printed() {
    let claims = ["iovec-pool", "json-parse", "small-reads", "vectored-seq", "epoll-file"];
    check(&[&["reproduce", "--quick", "--rounds=2", "--time=0"], &claims[..]].concat());
}
