//! What a scrape says about reads.
//!
//! In a process of its own: metrics are of the whole process, and time the reads of all threads. The
//! tests here keep apart by the class of their files, and there are 8 classes.
#![allow(clippy::unwrap_used, reason = "tests say what they skip")]

use std::io::{IoSliceMut, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cutwater::metrics::Format;
use cutwater::{Advice, File, FileClass, Mapped, Metrics, Order, ReadPath, sigbus};

const PAGE: usize = 4096;

fn file(pages: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; pages * PAGE]).unwrap();
    file
}

/// The value of a sample whose name and labels are `series`.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn text(metrics: &Metrics) -> String {
    metrics.render(Format::Prometheus)
}

#[test]
fn reads_are_counted_by_class_and_path_and_some_of_them_timed() {
    let metrics = Metrics::start().unwrap();
    let temp = file(4);
    let class = FileClass::named("counted");
    let open = |path| File::options().class(class).path(path).open(temp.path()).unwrap();
    let read = open(ReadPath::Read);
    for _ in 0..1000 {
        read.read_at(&mut [0; PAGE], 0).unwrap();
    }
    let ranges: Vec<_> = (0..100).map(|i| i % 4 * PAGE as u64..(i % 4 + 1) * PAGE as u64).collect();
    read.read_ranges(&ranges, Order::Listed, |_| std::ops::ControlFlow::Continue(())).unwrap();
    let text = text(&metrics);
    let labels = "{class=\"counted\",path=\"read\"}";
    let of = |name: &str| value(&text, &format!("{name}{labels}"));
    assert_eq!(of("cutwater_read_ranges_total"), Some(1100.0), "{text}");
    assert_eq!(of("cutwater_read_bytes_total"), Some(1100.0 * PAGE as f64));
    let timed = of("cutwater_read_duration_seconds_count").unwrap();
    assert!((1.0..=2.0).contains(&timed), "{timed} of 1,000 reads");
    assert_eq!(value(&text, "cutwater_pass_duration_seconds_count{class=\"counted\"}"), Some(1.0));
    assert!(value(&text, "cutwater_chosen_ranges_total{reason=\"named\"}").unwrap() >= 1100.0);
}

#[test]
fn vectored_reads_and_reads_that_may_not_wait_are_counted_and_timed_as_preadv() {
    let metrics = Metrics::start().unwrap();
    let temp = file(4);
    let class = FileClass::named("vectored");
    let file = File::options().class(class).open(temp.path()).unwrap();
    let reads = 600;
    for _ in 0..reads {
        let (mut a, mut b) = ([0; PAGE], [0; PAGE]);
        let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(file.read_vectored_at(bufs, 0).unwrap(), 2 * PAGE);
    }
    let labels = "{class=\"vectored\",path=\"preadv\"}";
    let of = |name: &str| value(&text(&metrics), &format!("{name}{labels}"));
    assert_eq!(of("cutwater_read_ranges_total"), Some(f64::from(reads)));
    assert_eq!(of("cutwater_read_bytes_total"), Some(f64::from(reads) * 2.0 * PAGE as f64));
    assert_eq!(of("cutwater_read_syscalls_total"), Some(f64::from(reads)));
    let timed = of("cutwater_read_duration_seconds_count").unwrap();
    assert!((1.0..=2.0).contains(&timed), "{timed} of {reads} reads");
    // What would wait is a call and no range.
    let mut ranges = f64::from(reads);
    match file.read_at_nowait(&mut [0; PAGE], 0) {
        Ok(read) => ranges += f64::from(u8::from(read.is_some())),
        Err(e) => cutwater_testing::skip!("no reads that may not wait: {e}"),
    }
    assert_eq!(of("cutwater_read_ranges_total"), Some(ranges));
    assert_eq!(of("cutwater_read_syscalls_total"), Some(f64::from(reads) + 1.0));
}

#[test]
fn copies_from_a_mapped_file_are_counted_and_timed_as_mmap() {
    let metrics = Metrics::start().unwrap();
    let temp = file(64);
    let class = FileClass::named("mapped");
    let mapped = Mapped::options().observer(class).open(temp.path()).unwrap();
    let reads = 600;
    // From a thread that ends: what it counted stays.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..reads {
                assert_eq!(mapped.read_at(&mut [0; PAGE], PAGE as u64).unwrap(), PAGE);
            }
            let mut buf = [0; 100];
            assert_eq!(mapped.read_vectored(&mut [IoSliceMut::new(&mut buf)], 0).unwrap(), 100);
        });
    });
    let text = text(&metrics);
    let labels = "{class=\"mapped\",path=\"mmap\"}";
    let of = |name: &str| value(&text, &format!("{name}{labels}"));
    assert_eq!(of("cutwater_read_ranges_total"), Some(f64::from(reads + 1)), "{text}");
    assert_eq!(of("cutwater_read_bytes_total"), Some(f64::from(reads) * PAGE as f64 + 100.0));
    let timed = of("cutwater_read_duration_seconds_count").unwrap();
    assert!((1.0..=2.0).contains(&timed), "{timed} of {reads} reads");
    // Each is a copy, or where maps are not protected a read(2) instead of one.
    let (copies, calls) =
        (of("cutwater_read_fallbacks_total").unwrap(), of("cutwater_read_syscalls_total").unwrap());
    assert_eq!(copies, calls);
    assert_eq!(mapped.counts().fallbacks as f64, calls);
}

#[test]
fn windows_of_a_mapped_file_past_its_budget_are_counted() {
    let metrics = Metrics::start().unwrap();
    let temp = file(64);
    let window = 64 << 10;
    let mapped = Mapped::options().budget(window).window(window).open(temp.path()).unwrap();
    for page in [0, 20, 40, 0] {
        mapped.read_at(&mut [0; PAGE], (page * PAGE) as u64).unwrap();
    }
    let mapped = mapped.counts();
    if mapped.windows == 0 {
        cutwater_testing::skip!("maps are not protected here");
        return;
    }
    let windows = value(&text(&metrics), "cutwater_map_windows_total").unwrap();
    assert!(windows >= mapped.windows as f64 && mapped.windows >= 4, "{windows} {mapped:?}");
}

#[test]
fn a_path_that_read_nothing_is_absent_and_not_zero() {
    let metrics = Metrics::start().unwrap();
    let text = text(&metrics);
    assert!(!text.contains("class=\"never-used\""));
    assert!(text.lines().filter(|l| !l.starts_with('#')).count() > 5, "{text}");
}

#[test]
fn reads_from_a_map_that_fault_are_timed_apart() {
    if sigbus::install().is_err() {
        cutwater_testing::skip!("no maps that survive a truncation on this architecture");
        return;
    }
    let metrics = Metrics::start().unwrap();
    let pages = 16 * 509;
    // A hole: none of its pages are there, so each faults when it is read, and none is read ahead.
    let temp = tempfile::NamedTempFile::new().unwrap();
    temp.as_file().set_len((pages * PAGE) as u64).unwrap();
    let file = File::options().path(ReadPath::Mmap).open(temp.path()).unwrap();
    file.advise_map(0..0, cutwater::maps::MapAdvice::Random).unwrap();
    for page in 0..pages {
        file.read_at(&mut [0; PAGE], (page * PAGE) as u64).unwrap();
    }
    let text = text(&metrics);
    let kinds = ["minor", "major"].map(|kind| {
        value(&text, &format!("cutwater_faulting_read_duration_seconds_count{{kind=\"{kind}\"}}"))
            .unwrap_or(0.0)
    });
    assert!(kinds[0] + kinds[1] >= 1.0, "{text}");
}

#[test]
fn a_truncated_map_shows_as_a_fault_that_was_caught() {
    if sigbus::install().is_err() {
        cutwater_testing::skip!("no maps that survive a truncation on this architecture");
        return;
    }
    let metrics = Metrics::start().unwrap();
    let before = value(&text(&metrics), "cutwater_sigbus_caught_total").unwrap();
    let temp = file(4);
    let mapped = Mapped::open(temp.path()).unwrap();
    temp.as_file().set_len(0).unwrap();
    assert!(mapped.read_at(&mut [0; PAGE], 2 * PAGE as u64).is_err());
    let after = value(&text(&metrics), "cutwater_sigbus_caught_total").unwrap();
    assert!(after > before, "{before} {after}");
}

#[test]
fn residency_of_open_files_is_sampled_in_the_background() {
    let every = Duration::from_millis(10);
    let metrics = Metrics::options().rss_every(every).residency_every(every).start().unwrap();
    let temp = file(64);
    let class = FileClass::named("sampled");
    let file = File::options().class(class).open(temp.path()).unwrap();
    if file.residency(0..PAGE as u64).is_err() {
        cutwater_testing::skip!("residency cannot be asked for on this host");
        return;
    }
    let _ = file.advise(0..0, Advice::WillNeed);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = text(&metrics);
        if let Some(asked) = value(&text, "cutwater_sampled_pages_total{class=\"sampled\"}") {
            let of = |name: &str| value(&text, &format!("{name}{{class=\"sampled\"}}"));
            let resident = of("cutwater_sampled_resident_pages_total").unwrap();
            assert!(resident > 0.0 && resident <= asked, "{resident} of {asked}");
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(every);
    }
}

#[test]
fn without_the_sampler_what_it_would_find_is_absent_and_reads_are_timed() {
    let metrics = Metrics::options().without_sampler().start().unwrap();
    let temp = file(1);
    let class = FileClass::named("unsampled");
    let file = File::options().class(class).path(ReadPath::Read).open(temp.path()).unwrap();
    file.read_at(&mut [0; PAGE], 0).unwrap();
    let text = text(&metrics);
    assert!(!text.contains("cutwater_sampler_cpu_seconds_total"), "{text}");
    assert!(!text.contains("cutwater_sampled_pages_total"), "{text}");
    let labels = "{class=\"unsampled\",path=\"read\"}";
    let timed = format!("cutwater_read_duration_seconds_count{labels}");
    assert_eq!(value(&text, &timed), Some(1.0), "{text}");
    assert!(value(&text, "process_resident_memory_bytes").is_some());
}

#[test]
fn promtool_finds_nothing_to_say_about_the_names() {
    let _ = sigbus::install();
    let metrics = Metrics::start().unwrap();
    let temp = file(4);
    let file = File::open(temp.path()).unwrap();
    for _ in 0..200 {
        file.read_at(&mut [0; PAGE], 0).unwrap();
    }
    let command = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match command {
        Ok(child) => child,
        Err(e) => {
            cutwater_testing::skip!("no promtool (package prometheus): {e}");
            return;
        }
    };
    child.stdin.take().unwrap().write_all(text(&metrics).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Names of metrics in quotes in a source file.
fn names_in(source: &str) -> Vec<&str> {
    let is_name = |s: &&str| {
        (s.starts_with("cutwater_") || s.starts_with("process_"))
            && s.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    source.split('"').skip(1).step_by(2).filter(is_name).collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let sources = [
        include_str!("../../keep/src/hot_files/metrics.rs"),
        include_str!("../src/metrics/process.rs"),
        include_str!("../src/metrics/punts.rs"),
        include_str!("../src/metrics/reads.rs"),
        include_str!("../../bench/src/storm/metrics.rs"),
        include_str!("../../meter/src/otlp/mod.rs"),
    ];
    let names: Vec<_> = sources.iter().flat_map(|s| names_in(s)).collect();
    assert!(names.len() > 25, "{names:?}");
    let documented: Vec<_> = include_str!("../../../docs/metrics.md")
        .lines()
        .filter_map(|l| l.strip_prefix("| `")?.split(['`', '{']).next())
        .filter(|name| name.starts_with("cutwater_") || name.starts_with("process_"))
        .collect();
    for name in &names {
        assert!(documented.contains(name), "docs/metrics.md does not list {name}");
    }
    for name in &documented {
        assert!(names.contains(name), "no metric is called {name}");
    }
}
