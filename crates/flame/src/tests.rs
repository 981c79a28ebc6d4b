//! Recordings of this test's own process.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use cutwater_observe::perf::Samples;

use super::*;

/// CPU time for 199 samples at 997 Hz, however busy the host is.
const CPU_NS: u64 = 200_000_000;

#[inline(never)]
fn burn_in_user_code() -> u64 {
    (0..100_000u64).fold(0, |a, b| black_box(a ^ b))
}

#[inline(never)]
fn burn_in_kernel() -> u64 {
    std::fs::read("/proc/self/maps").map_or(0, |bytes| bytes.len() as u64)
}

/// Runs `work` on a thread for `CPU_NS` and gives the samples, or prints why not.
fn record(kernel: bool, work: fn() -> u64) -> Option<Samples> {
    let recording = match Recording::start(SamplerOptions { kernel, ..SamplerOptions::default() }) {
        Ok(recording) => recording,
        Err(FlameError::Refused(e)) => {
            cutwater_testing::skip!("{e}");
            return None;
        }
        Err(e) => panic!("{e}"),
    };
    let thread = std::thread::spawn(move || {
        while cpu_ns(kernel) < CPU_NS {
            black_box(work());
        }
    });
    thread.join().unwrap();
    Some(recording.stop())
}

fn write_svg(samples: &Samples, label: &str, path: &Path) -> Result<Report, FlameError> {
    let mut graph = Graph::default();
    graph.add_samples(samples, None, Some(label));
    graph.write(path, "a test")
}

/// CPU time of this thread as the samples see it.
fn cpu_ns(kernel: bool) -> u64 {
    let usage = cutwater_sys::usage::thread();
    usage.user_ns + if kernel { usage.system_ns } else { 0 }
}

/// Of the samples in this module's threads, the share that `function` is in.
fn share_of(samples: &Samples, function: &str) -> f64 {
    let (names, _) = symbols::resolve(samples, None);
    let folded = fold::fold(&samples.stacks, &names, None);
    let of = |part: &str| -> u64 {
        let lines = folded.iter().filter(|(line, _)| line.contains(part));
        lines.map(|(_, n)| n).sum()
    };
    let all = of("flame::tests::record");
    assert!(all > 0, "no sample names this module: {folded:#?}");
    of(function) as f64 / all as f64
}

fn svg_path(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("graph.svg")
}

#[test]
fn a_busy_function_has_most_of_the_samples() {
    let Some(samples) = record(true, burn_in_user_code) else { return };
    let share = share_of(&samples, "flame::tests::burn_in_user_code");
    assert!(share > 0.2, "{share}");
}

#[test]
fn time_in_the_kernel_is_under_the_function_that_called_it() {
    let Some(samples) = record(true, burn_in_kernel) else { return };
    if !samples.kernel_frames {
        cutwater_testing::skip!("{}", samples.why_not.unwrap_or_default());
        return;
    }
    let share = share_of(&samples, "flame::tests::burn_in_kernel");
    // Asking for the time is a call, too, and what it costs compared with a read depends on the host.
    assert!(share > 0.2, "{share}");
    let (names, notes) = symbols::resolve(&samples, None);
    if notes.is_empty() {
        let shares = shares::shares(&fold::fold(&samples.stacks, &names, None), true);
        assert!(shares.iter().any(|s| s.name == "read"), "{shares:?}");
    }
}

#[test]
fn a_graph_of_user_code_only_says_so_in_report_and_picture() {
    let Some(samples) = record(false, burn_in_user_code) else { return };
    let dir = tempfile::tempdir().unwrap();
    let report = write_svg(&samples, "user code", &svg_path(&dir)).unwrap();
    assert!(!report.kernel_frames && report.samples > 0);
    assert!(report.notes.iter().any(|n| n.contains("time in the kernel is missing")));
    assert!(report.shares.iter().all(|s| s.name == "copy in user code"));
    let svg = std::fs::read_to_string(svg_path(&dir)).unwrap();
    assert!(svg.contains("burn_in_user_code") && svg.contains("time in the kernel is missing"));
    assert!(!svg.contains("_[k]"));
}

#[test]
fn a_recording_without_samples_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let e = write_svg(&Samples::default(), "nothing", &svg_path(&dir)).unwrap_err();
    assert!(matches!(e, FlameError::Empty) && e.to_string().contains("longer run"));
    assert!(!svg_path(&dir).exists());
}

#[test]
fn a_graph_that_cannot_be_written_names_its_path() {
    let Some(samples) = record(false, burn_in_user_code) else { return };
    let path = Path::new("/nonexistent/graph.svg");
    let e = write_svg(&samples, "nowhere", path).unwrap_err();
    let why = std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("/nonexistent/graph.svg"), "{e}: {why}");
}

#[test]
fn recordings_of_one_graph_stand_beside_each_other_under_their_labels() {
    let Some(samples) = record(false, burn_in_user_code) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut graph = Graph::default();
    graph.add_samples(&samples, None, Some("cold seq"));
    graph.add_samples(&samples, None, Some("warm seq"));
    let report = graph.write(&svg_path(&dir), "two").unwrap();
    assert_eq!(report.samples, 2 * samples.count());
    let svg = std::fs::read_to_string(svg_path(&dir)).unwrap();
    assert!(svg.contains("cold seq (") && svg.contains("warm seq ("));
}
