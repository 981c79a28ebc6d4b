//! `cutwater reproduce` as a user runs it.

#[path = "support/schema.rs"]
mod schema;

use std::process::{Command, Output};

use serde_json::Value;

fn reproduce(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater"));
    command.arg("reproduce").args(args).output().expect("the command starts")
}

#[test]
fn results_follow_the_schema_and_both_sides_read_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, page) = (dir.path().join("r.json"), dir.path().join("r.html"));
    let out = reproduce(&[
        "--quick",
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
    let wanted = include_str!("../../../docs/reproduce.schema.json");
    schema::check(&serde_json::from_str(wanted).expect("JSON"), &report);
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
    assert!(said.contains("5 claims:"), "{said}");
    let page = std::fs::read_to_string(&page).expect("it was written");
    // All but the fact has a chart; nothing is loaded from anywhere.
    assert_eq!((page.matches("<svg role").count(), page.matches("<article>").count()), (4, 5));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
}

#[test]
fn claims_that_take_other_processes_and_sockets_are_measured_or_say_why_not() {
    let ids = ["shared-config", "arrow", "small-packets", "wake-10k", "huge-pages"];
    let out = reproduce(&[&["--quick", "--json"], &ids[..]].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let claims = report["claims"].as_array().expect("claims");
    assert_eq!(claims.iter().filter_map(|c| c["id"].as_str()).collect::<Vec<_>>(), ids);
    for claim in claims {
        let (sides, why) = (claim["sides"].as_array().expect("sides"), &claim["why"]);
        if claim["verdict"] == "not measurable here" {
            cutwater_testing::skip!("{}: {why}", claim["id"]);
            continue;
        }
        assert!(sides.len() >= 2 && sides.iter().all(|s| s["hash"] == sides[0]["hash"]), "{claim}");
        assert!(sides[0]["hash"] != "0000000000000000", "{claim}");
    }
    // What needs nothing of the host is measured on each.
    let measured = |id| claims.iter().any(|c| c["id"] == id && c["measured_ratio"].is_f64());
    assert!(measured("arrow") && measured("small-packets"), "{claims:?}");
}

#[test]
fn a_role_that_is_none_is_a_usage_error() {
    let out = reproduce(&["--play", "no-role", "/dev/null"]);
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn what_the_host_refuses_is_not_measurable_and_says_why() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater"));
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutwater"));
    command.args(before).args(["reproduce", "--quick", "json-parse", "--export-html"]).arg(&file);
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
    assert_eq!(graphs.len(), 2, "{page}");
    for (graph, side) in graphs.iter().zip(["projecting", "general"]) {
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
    let mut ids: Vec<_> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (count, 31));
}

#[test]
fn ctrl_c_keeps_what_was_done_and_leaves_no_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(env!("CARGO_BIN_EXE_cutwater"))
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
