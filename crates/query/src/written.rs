//! Checks that statements do not write what they read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cutwater_shell::output_file::Inputs;
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::{ListingTable, ListingTableUrl};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{CreateExternalTable, DmlStatement, LogicalPlan, TableScan};

use crate::{Failure, LogTable};

/// The files and directories of external tables, by the table's name.
#[derive(Debug, Default)]
pub(crate) struct External(BTreeMap<String, Vec<PathBuf>>);

impl External {
    /// Adds the files of a new table. A view may still use the table that it replaces, so those
    /// files stay.
    pub(crate) fn add(&mut self, table: &CreateExternalTable) {
        let files = self.0.entry(table.name.table().to_owned()).or_default();
        // A stream takes its location as it is, other tables take it as a URL or a pattern.
        files.extend(table.locations.iter().map(PathBuf::from));
        files.extend(table.locations.iter().filter_map(|location| path(location)));
    }

    fn files(&self, table: &TableReference) -> &[PathBuf] {
        self.0.get(table.table()).map_or(&[], Vec::as_slice)
    }

    /// Checks that INSERT reads nothing of the table that it writes: it would read what it wrote.
    ///
    /// # Errors
    /// A usage error that names both files.
    pub(crate) fn check_insert(&self, insert: &DmlStatement) -> Result<(), Failure> {
        let mut inputs = Inputs::new();
        // The closure never fails, so neither does the walk.
        let _ = insert.input.apply_with_subqueries(|plan| {
            if let LogicalPlan::TableScan(scan) = plan {
                inputs.add_all(self.files(&scan.table_name));
                inputs.add_all(scanned(scan));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        self.files(&insert.table_name).iter().try_for_each(|path| inputs.check(path))
    }
}

/// The files that a scan reads, as far as the table knows them.
fn scanned(scan: &TableScan) -> Vec<PathBuf> {
    let Ok(table) = source_as_provider(&scan.source) else { return Vec::new() };
    if let Some(logs) = table.downcast_ref::<LogTable>() {
        return logs.logs().iter().map(|log| log.input.path.clone()).collect();
    }
    let listed = table.downcast_ref::<ListingTable>().map(ListingTable::table_paths);
    let urls = listed.into_iter().flatten().map(ListingTableUrl::get_url);
    urls.filter_map(|url| url.to_file_path().ok()).collect()
}

/// The local path that the engine makes of a location.
pub(crate) fn path(location: &str) -> Option<PathBuf> {
    ListingTableUrl::parse(location).ok()?.get_url().to_file_path().ok()
}
