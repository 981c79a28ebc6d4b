//! The picture.

use std::io::{self, Write};
use std::path::Path;

use inferno::flamegraph::color::{BackgroundColor, BasicPalette, MultiPalette, Palette};
use inferno::flamegraph::{self, Options};

use cutwater_shell::Failure;
use cutwater_shell::output_file::{Inputs, OutputFile};
use cutwater_shell::words::shown;

use super::error::FlameError;
use super::fold::Folded;

/// What a picture shows; it decides the colours and the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picture {
    /// Samples.
    OnCpu,
    /// Microseconds of waits.
    OffCpu,
}

/// Writes `folded` as an SVG that opens by itself in a browser and can be zoomed and searched. The file
/// gets its name when it is whole.
pub(crate) fn write(
    folded: &Folded,
    picture: Picture,
    title: &str,
    notes: &[String],
    path: &Path,
) -> Result<(), FlameError> {
    // What is read was checked against the names of all pictures before the work began.
    let file = OutputFile::create(path, &Inputs::new()).map_err(FlameError::Write)?;
    let mut out = file.writer().map_err(FlameError::Write)?;
    let failed =
        |e| FlameError::Write(Failure::new(format!("cannot write {}", shown(path))).because(e));
    draw(folded, picture, title, notes, &mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.publish().map_err(FlameError::Write)
}

fn draw(
    folded: &Folded,
    picture: Picture,
    title: &str,
    notes: &[String],
    out: impl Write,
) -> io::Result<()> {
    let lines: Vec<String> = folded.iter().map(|(line, count)| format!("{line} {count}")).collect();
    let mut options = Options::default();
    options.title = title.to_owned();
    options.subtitle = (!notes.is_empty()).then(|| notes.join("; "));
    // The palette that knows the marks of kernel and inlined functions.
    options.colors = Palette::Multi(MultiPalette::Java);
    options.bgcolors = Some(BackgroundColor::Grey);
    if picture == Picture::OffCpu {
        options.colors = Palette::Basic(BasicPalette::Io);
        options.bgcolors = Some(BackgroundColor::Blue);
        "us".clone_into(&mut options.count_name);
    }
    // The same function has the same colour in the graphs of all paths.
    options.hash = true;
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out)
}
