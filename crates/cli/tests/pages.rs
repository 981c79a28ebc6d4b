//! The pages that commands export, in a real browser on a screen as narrow as a phone's.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on says where")]

use std::path::{Path, PathBuf};
use std::process::Command;

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
    let out = Command::new(env!("CARGO_BIN_EXE_cutwater"))
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

/// Tells what became of the page in the frame.
const TELL: &str = "<script>window.onload = () => {\
    const d = document.getElementById('f').contentDocument, e = d.documentElement;\
    d.querySelectorAll('details').forEach(x => { x.open = true; });\
    const wide = [...d.querySelectorAll('body *')].filter(x => \
        x.getBoundingClientRect().right > e.clientWidth + 1 && !x.closest('svg') &&\
        ![...parents(x)].some(p => getComputedStyle(p).overflowX != 'visible'));\
    document.getElementById('out').textContent = JSON.stringify({errors: window.errors, \
        width: e.clientWidth, scroll: e.scrollWidth, svgs: d.querySelectorAll('svg').length,\
        wide: wide.map(x => x.tagName + '.' + x.className).slice(0, 5),\
        titled: [...d.querySelectorAll('svg')].filter(s => s.getAttribute('aria-label') || \
            s.getAttribute('aria-labelledby') || s.querySelector('title') || \
            s.getAttribute('aria-hidden')).length,\
        lang: e.lang, title: d.title});};\
    function* parents(x) { for (x = x.parentElement; x; x = x.parentElement) yield x; }\
    window.errors = [];</script>";

/// What the browser says of a page that is [`WIDTH`] wide.
fn seen(browser: &str, dir: &Path, page: &Path) -> Value {
    let html = std::fs::read_to_string(page).unwrap();
    assert!(!html.contains("http://") || html.contains("http://www.w3.org"), "it needs a network");
    let watched = html.replacen("<head>", &format!("<head>{WATCH}"), 1);
    assert_ne!(watched, html, "the page has no head");
    let quoted = watched.replace('&', "&amp;").replace('"', "&quot;");
    let around = format!(
        "<!doctype html><meta charset=utf-8>{TELL}<pre id=out></pre>\
         <iframe id=f style='border:0;width:{WIDTH}px;height:800px' srcdoc=\"{quoted}\"></iframe>"
    );
    let wrapper = dir.join("around.html");
    std::fs::write(&wrapper, around).unwrap();
    let out = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .args(["--window-size=1000,900", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", wrapper.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&out.stdout).into_owned();
    let told = dom.split("<pre id=\"out\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let told = told.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let told = told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}: {told:?}"))
}

fn check(args: &[&str]) {
    let Some(browser) = browser() else {
        return cutwater_testing::skip!("none of {BROWSERS:?} runs");
    };
    let dir = tempfile::tempdir().unwrap();
    let page = export(dir.path(), args);
    let seen = seen(browser, dir.path(), &page);
    println!("{seen}");
    assert_eq!(seen["errors"], Value::Array(Vec::new()));
    assert!(seen["svgs"].as_u64() > Some(0), "no chart");
    assert_eq!(seen["titled"], seen["svgs"], "a chart without a name");
    // Less than a phone's by the bar to scroll down with.
    let [width, scroll] = ["width", "scroll"].map(|key| seen[key].as_u64().unwrap());
    assert!(width > 0 && width <= u64::from(WIDTH), "the frame is not as wide as a phone");
    assert!(scroll <= width, "it scrolls sideways: {seen}");
    assert!(seen["lang"] != "" && seen["title"] != "", "no language or no title");
}

#[test]
fn the_page_of_bench_has_charts_and_fits_a_phone() {
    let cells =
        "bench --quick --path read,preadv --pattern seq,rand --cache warm --depth 1 --runs 1";
    let mut args: Vec<_> = cells.split(' ').collect();
    args.extend(["--size", "16M"]);
    check(&args);
}

#[test]
fn the_page_of_reproduce_has_charts_and_fits_a_phone() {
    check(&["reproduce", "--quick", "iovec-pool"]);
}
