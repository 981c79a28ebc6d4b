//! A directory for rows that do not fit in memory, made when it is needed.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_shell::words::shown;
use cutwater_shell::workdir::{Workdir, remove_leftovers};
use cutwater_shell::{Failure, note};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::spill_file::{SpillFile, TempFileFactory};

/// The names of the directories begin with it.
const PREFIX: &str = "cutwater-query-";

/// A directory for what does not fit in memory. Copies are of the same one.
#[derive(Clone)]
pub struct Spill {
    /// The first of these in which a directory can be made is taken.
    places: Arc<[PathBuf]>,
    made: Arc<Mutex<Option<Made>>>,
}

struct Made {
    files: Arc<DiskManager>,
    /// Dropping it removes the directory.
    _directory: Workdir,
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spill({:?})", self.places)
    }
}

impl Spill {
    /// Spills to the first of `places` that can be written when it is needed. Removes what killed
    /// commands left in them.
    #[must_use]
    pub fn new(places: Vec<PathBuf>) -> Self {
        places.iter().for_each(|place| remove_leftovers(place, PREFIX));
        Self { places: places.into(), made: Arc::default() }
    }

    /// Removes the directory, if it was made. The queries that use it must have ended.
    pub fn close(&self) {
        drop(self.made.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Makes the directory, and says so where it is not in the first place.
    fn make(&self) -> Result<Made> {
        let mut refused = Vec::new();
        for place in &*self.places {
            match Workdir::new(place, PREFIX) {
                Ok(directory) => {
                    if !refused.is_empty() {
                        let (refused, place) = (refused.join("; "), shown(place));
                        note(&format!(
                            "temporary files go to {place}, as others failed: {refused}"
                        ));
                    }
                    return made(directory);
                }
                Err(e) => refused.push(format!("{}: {e}", shown(place))),
            }
        }
        Err(DataFusionError::External(Box::new(Failure::new(format!(
            "the query needs temporary files, and cannot make a directory for them in {}; \
             --temp DIR names another, and more --memory may need none",
            refused.join("; ")
        )))))
    }
}

fn made(directory: Workdir) -> Result<Made> {
    let mode = DiskManagerMode::Directories(vec![directory.path().to_owned()]);
    let files = DiskManagerBuilder::default().with_mode(mode).build()?;
    Ok(Made { files: Arc::new(files), _directory: directory })
}

impl TempFileFactory for Spill {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let mut held = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match held.take() {
            Some(made) => made,
            None => self.make()?,
        };
        held.insert(made).files.create_tmp_file(description)
    }
}
