//! A flame graph per path, with a frame per shape, from passes of their own: taking samples
//! would cost the timed ones a little.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cutwater::ReadPath;
use cutwater_observe::perf::SamplerOptions;

use super::group::{Bed, Group, timed_mode};
use super::ranges;
use super::report::{self, Skipped};
use cutwater_flame::{self as flame, FlameError, Graph, Recording, explained};
use cutwater_shell::Failure;
use cutwater_shell::words::shown;

/// The files that graphs of all paths are drawn into, in the directory `dir`.
pub(super) fn pictures(dir: &Path) -> Vec<PathBuf> {
    let of_path = |path: ReadPath| {
        let file = picture(dir, path);
        [flame::beside(&file), file]
    };
    ReadPath::ALL.into_iter().flat_map(of_path).collect()
}

fn picture(dir: &Path, path: ReadPath) -> PathBuf {
    dir.join(format!("{path}.svg"))
}

/// Flame graphs in the making.
#[derive(Debug)]
pub(super) struct Flames<'a> {
    dir: &'a Path,
    graphs: BTreeMap<ReadPath, Graph>,
    /// Why the host lets nobody sample.
    refused: Option<FlameError>,
}

impl<'a> Flames<'a> {
    /// Graphs that will be in `dir`, which is made where it is missing.
    pub(super) fn new(dir: &'a Path) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|e| {
            Failure::new(format!("cannot make the directory {} for flame graphs", shown(dir)))
                .because(e)
        })?;
        Ok(Self { dir, graphs: BTreeMap::new(), refused: None })
    }

    /// Records one more pass of each path of `group`.
    pub(super) fn record(&mut self, bed: &Bed<'_>, group: &Group) -> Result<(), Failure> {
        let shape = &group.shape;
        let list = ranges::window(shape, bed.size, bed.plan.seed, group.reads, (0, 1)).into();
        for &path in group.paths.keys() {
            if self.refused.is_some() || bed.stop.is_set() {
                return Ok(());
            }
            bed.cache.establish(shape.cache)?;
            let options = SamplerOptions { off_cpu: true, ..SamplerOptions::default() };
            match Recording::start(options) {
                Ok(recording) => {
                    bed.bench.pass(path, shape, &list, timed_mode(shape))?;
                    self.graphs.entry(path).or_default().add(recording, Some(&shape.to_string()));
                }
                Err(e) => self.refused = Some(e),
            }
        }
        Ok(())
    }

    /// Writes the graphs and gives what to print; what is missing goes to the report.
    pub(super) fn write(self, report: &mut report::Report) -> Result<String, Failure> {
        let mut skip = |what: &str, why: String| {
            let skipped = Skipped { what: what.to_owned(), why };
            if !report.skipped.iter().any(|s| s.what == skipped.what && s.why == skipped.why) {
                report.skipped.push(skipped);
            }
        };
        if let Some(e) = self.refused {
            skip("flame graphs", explained(&e));
        }
        let mut text = String::new();
        for (path, graph) in self.graphs {
            let file = picture(self.dir, path);
            let title = format!("cutwater bench: {path}");
            match graph.write(&file, &title) {
                Ok(drawn) => {
                    text.push_str(&format!("  {}\n", drawn.line(&file)));
                    drawn.notes.into_iter().for_each(|note| skip("in flame graphs", note));
                }
                Err(e @ FlameError::Write(_)) => {
                    return Err(Failure::new("no flame graph").because(e));
                }
                Err(e) => skip(&format!("flame graph of {path}"), explained(&e)),
            }
            let beside = flame::beside(&file);
            match graph.write_off_cpu(&beside, &title) {
                Ok(drawn) => {
                    text.push_str(&format!("  {}\n", drawn.line(&beside)));
                    drawn.notes.into_iter().for_each(|note| skip("in flame graphs", note));
                }
                Err(e @ FlameError::Write(_)) => {
                    return Err(Failure::new("no flame graph").because(e));
                }
                Err(e) => skip(&format!("flame graph of {path} off CPU"), explained(&e)),
            }
        }
        if !text.is_empty() {
            text.insert_str(
                0,
                "Flame graphs, and where time went on the CPU and off it (shares overlap)\n",
            );
            text.push('\n');
        }
        Ok(text)
    }
}
