//! `cutwater reproduce` as a user runs it.

use std::process::Output;

use serde_json::Value;

fn reproduce(args: &[&str]) -> Output {
    let mut command = crate::cutwater();
    command.arg("reproduce").args(args).output().expect("the command starts")
}

#[test]
fn results_follow_the_schema_and_both_sides_read_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, page) = (dir.path().join("r.json"), dir.path().join("r.html"));
    let out = reproduce(&[
        "--quick",
        "--time=0",
        "--export-json",
        &file.display().to_string(),
        "--export-html",
        &page.display().to_string(),
        "epoll-file",
        "hot-small",
        "vectored-seq",
        "json-parse",
        "degrade",
    ]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = std::fs::read_to_string(&file).expect("it was written");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let wanted = include_str!("../../../../docs/reproduce.schema.json");
    cutwater_testing::check_schema(&serde_json::from_str(wanted).expect("JSON"), &report);
    let claims = report["claims"].as_array().expect("claims");
    let ids: Vec<_> = claims.iter().filter_map(|c| c["id"].as_str()).collect();
    assert_eq!(ids, ["epoll-file", "hot-small", "vectored-seq", "json-parse", "degrade"]);
    for claim in claims {
        let sides = claim["sides"].as_array().expect("sides");
        let hashes: Vec<_> = sides.iter().map(|s| &s["hash"]).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{claim}");
        assert!(claim["why"].as_str().is_some_and(|why| !why.is_empty()), "{claim}");
    }
    assert_eq!(claims[0]["verdict"], "holds");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains("5 claims:") && said.contains("(less is better)"), "{said}");
    let page = std::fs::read_to_string(&page).expect("it was written");
    // All but the fact have a chart, and so has each figure; nothing is loaded from anywhere.
    let figures: usize = claims.iter().map(|c| c["figures"].as_array().map_or(0, Vec::len)).sum();
    let charts = page.matches("<svg role").count();
    assert_eq!((charts, page.matches("<article>").count()), (4 + figures, 5));
    assert!(figures > 0 && page.matches(", less is better: ").count() == charts);
    let claimed = |c: &&Value| c["claimed_ratio"].is_f64();
    let figures = claims.iter().flat_map(|c| c["figures"].as_array().into_iter().flatten());
    let claimed = claims.iter().chain(figures).filter(claimed).count();
    assert_eq!(page.matches("<line class=\"mark\"").count(), claimed);
    the_host_is_on(&page, &report["host"]);
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
}

/// What figures depend on is on the page as it is in the JSON.
fn the_host_is_on(page: &str, host: &Value) {
    let words = ["cpu", "kernel", "machine", "date", "rustc", "cutwater"].map(|key| &host[key]);
    for word in words.into_iter().chain([&host["directory"]["file_system"]]) {
        let word = word.as_str().expect("a word");
        assert!(!word.is_empty() && page.contains(word), "{word:?} is not on the page");
    }
    assert!(host["memory_bytes"].as_u64() > Some(0), "{host}");
}

/// The places of the dots in a chart that are drawn as the best, and of those that are not.
fn dots(chart: &str) -> (Vec<f64>, Vec<f64>) {
    let of = |class: &str| {
        let dot = format!("<circle class=\"{class}\"");
        let dots = chart.split(&dot).skip(1);
        let place = |dot: &str| dot.split("cx=\"").nth(1)?.split('%').next()?.parse().ok();
        dots.map(|dot| place(dot).expect("a place")).collect()
    };
    (of("best"), of("other"))
}

#[test]
fn the_leftmost_dot_is_the_best_whichever_side_it_is_of() {
    let dir = tempfile::tempdir().expect("a directory");
    let page = dir.path().join("r.html");
    let mut args = vec!["--quick", "--rounds=2", "--time=0", "--export-html"];
    let name = page.display().to_string();
    args.extend([name.as_str(), "small-reads", "hot-small", "json-parse", "prefetch-4k"]);
    assert!(reproduce(&args).status.success());
    let page = std::fs::read_to_string(&page).expect("it was written");
    let charts: Vec<_> = page.split("<svg role").skip(1).collect();
    assert!(charts.len() >= 4);
    for chart in charts {
        let chart = chart.split("</svg>").next().expect("an end");
        let (best, others) = dots(chart);
        if best.is_empty() {
            continue;
        }
        assert_eq!(best.len(), 1, "{chart}");
        assert!(others.iter().all(|other| *other >= best[0]), "{chart}");
        assert_eq!(chart.matches(" ▲</text>").count(), 1, "{chart}");
    }
}

#[test]
fn six_rounds_give_an_interval_and_five_leave_the_verdict_open() {
    let claim = |rounds: usize| {
        let rounds = format!("--rounds={rounds}");
        let out = reproduce(&["--quick", "--time=0", "--json", &rounds, "iovec-pool"]);
        let mut report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        report["claims"][0].take()
    };
    let six = claim(6);
    let number = |key: &str| six["interval"][key].as_f64().expect("a number");
    let (low, median, high) = (number("low"), number("median"), number("high"));
    assert!(0.0 < low && low <= median && median <= high, "{six}");
    assert_eq!((&six["interval"]["rounds"], &six["measured_ratio"]), (&6.into(), &median.into()));
    let spread = six["spread"].as_f64().expect("a number");
    assert!((spread - (high - low) / median).abs() < 1e-9, "{six}");
    assert_eq!(six["sides"][0]["values"].as_array().map(Vec::len), Some(12));
    let five = claim(5);
    assert!(five["interval"]["high"].is_null() && five["spread"].is_null(), "{five}");
    assert_eq!(five["decided"], false, "{five}");
    assert!(five["why"].as_str().is_some_and(|why| why.contains("5 rounds are too few")), "{five}");
}

/// The least that `bench` measures.
const ONE_CELL: &str =
    "bench --quick --size=16M --path=read --pattern=seq --cache=warm --depth=1 --runs=1";

#[test]
fn what_a_killed_run_leaves_is_removed_by_the_next_of_its_kind() {
    for (begin, next) in [
        (vec!["reproduce", "seq-paths"], vec!["reproduce", "epoll-file", "--quick"]),
        (vec!["bench", "--size=512M"], ONE_CELL.split(' ').collect()),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let command = |args: &[&str]| {
            let mut command = crate::cutwater();
            command.args(args).arg("--dir").arg(dir.path()).stdout(std::process::Stdio::null());
            command
        };
        let entries = || std::fs::read_dir(dir.path()).expect("it is there").flatten();
        let is_locked = || entries().any(|entry| entry.path().join("lock").exists());
        let mut killed = command(&begin).spawn().expect("the command starts");
        while !is_locked() {
            std::thread::yield_now();
            assert!(killed.try_wait().expect("a state").is_none(), "it ended by itself");
        }
        // What is in use stays.
        assert!(command(&next).status().expect("it ran").success());
        assert_eq!(entries().count(), 1, "{begin:?}");
        killed.kill().and_then(|()| killed.wait()).expect("it is killed");
        assert_eq!(entries().count(), 1, "{begin:?} left nothing");
        assert!(command(&next).status().expect("it ran").success());
        assert_eq!(entries().count(), 0, "{begin:?}");
    }
}

#[test]
fn a_role_that_is_none_is_a_usage_error() {
    let out = reproduce(&["--play", "no-role", "/dev/null"]);
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn what_the_host_refuses_is_not_measurable_and_says_why() {
    let mut command = crate::cutwater();
    let args =
        ["--without", "io_uring", "reproduce", "--quick", "--json", "registered-files", "degrade"];
    let out = command.args(args).output().expect("the command starts");
    let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    for claim in report["claims"].as_array().expect("claims") {
        assert_eq!(claim["verdict"], "not measurable here", "{claim}");
        assert!(
            claim["why"].as_str().is_some_and(|why| why.contains("no io_uring here")),
            "{claim}"
        );
    }
}

/// The page of one claim, whose passes take CPU time.
fn page_of_json_parse(before: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("r.html");
    let mut command = crate::cutwater();
    command
        .args(before)
        .args(["reproduce", "--quick", "--time=0", "json-parse", "--export-html"])
        .arg(&file);
    let out = command.output().expect("the command starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::read_to_string(&file).expect("it was written")
}

#[test]
fn the_page_has_a_flame_graph_of_each_side_that_names_functions() {
    let page = page_of_json_parse(&[]);
    if page.contains("no flame graph of json-parse") {
        return cutwater_testing::skip!("the host refuses samples");
    }
    let graphs: Vec<_> = page.split("<svg class=\"flame\"").skip(1).collect();
    assert_eq!(graphs.len(), 3, "{page}");
    for (graph, side) in graphs.iter().zip(["projecting", "general", "general, every value"]) {
        let label = format!("aria-label=\"Flame graph of json-parse, {side}: ");
        assert!(graph.contains(&label) && graph.contains("<title>"), "{graph}");
    }
    assert!(graphs[1].contains("serde_json"), "{}", graphs[1]);
    assert!(
        page.contains("href=\"#flames-json-parse\"") && page.contains("id=\"flames-json-parse\"")
    );
    assert!(page.len() < 200 << 10, "{} bytes for one claim", page.len());
}

#[test]
fn the_page_says_where_samples_are_refused() {
    let page = page_of_json_parse(&["--without", "perf_event_open=EPERM"]);
    assert!(page.contains("no flame graph of json-parse: cannot record a flame graph: "), "{page}");
    assert!(!page.contains("class=\"flame\"") && !page.contains("href=\"#flames"), "{page}");
    assert!(page.contains("<svg role"), "the chart is there all the same");
}

#[test]
fn an_unknown_claim_is_a_usage_error_that_names_those_near_it() {
    let out = reproduce(&["hot-file"]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        said.contains("no claim is called \"hot-file\"") && said.contains("hot-small"),
        "{said}"
    );
}

#[test]
fn the_list_has_every_claim_once() {
    let out = reproduce(&["--list"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains(" 0.93x ") && text.contains(" 12.00x "), "{text}");
    let mut ids: Vec<_> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (count, 31));
}

#[test]
fn ctrl_c_keeps_what_was_done_and_leaves_no_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut child = crate::cutwater()
        .args(["reproduce", "--json", "--dir", &dir.path().display().to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the command starts");
    // As soon as it has begun to make its first file.
    while std::fs::read_dir(dir.path()).is_ok_and(|mut d| d.next().is_none()) {
        std::thread::yield_now();
        assert!(child.try_wait().expect("a state").is_none(), "it ended by itself");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let out = child.wait_with_output().expect("ends");
    assert_eq!(out.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert!(report["claims"].is_array());
    assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
}
