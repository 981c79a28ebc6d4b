//! The bounded table behind the cache: which entries stay and which are evicted.
//!
//! `quick_cache`: S3-FIFO, so a file that is asked for once passes through a small queue
//! and displaces nothing that is asked for again and again. It takes no thread and no
//! clock, and a lookup costs a read lock of one shard.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::entry::Entry;

/// What an entry costs besides its bytes and its path: structs, table, descriptor.
const ENTRY_BYTES: u64 = 512;
/// Shards, so that threads seldom meet; fewer where files are large for the cache.
const SHARDS_MAX: u64 = 16;
/// The share of a shard that entries in frequent use may take; the largest one must fit in it.
const HOT_SHARE: f64 = 0.9;

pub(super) type Table = Cache<Box<[u8]>, Arc<Entry>, Weight, DefaultHashBuilder, Evictions>;

/// Bytes, but at least the share of an entry in the number of entries: so one bound keeps both.
#[derive(Clone)]
pub(super) struct Weight {
    least: u64,
}

impl Weighter<Box<[u8]>, Arc<Entry>> for Weight {
    fn weight(&self, path: &Box<[u8]>, entry: &Arc<Entry>) -> u64 {
        (entry.bytes.len() as u64 + path.len() as u64 + ENTRY_BYTES).max(self.least)
    }
}

/// Hands out what was evicted, so that it is dropped after the shard is unlocked.
#[derive(Clone)]
pub(super) struct Evictions;

impl Lifecycle<Box<[u8]>, Arc<Entry>> for Evictions {
    type RequestState = Vec<Arc<Entry>>;

    fn on_evict(&self, gone: &mut Self::RequestState, _path: Box<[u8]>, entry: Arc<Entry>) {
        gone.push(entry);
    }
}

/// Inserts an entry. Returns how many were evicted, counting this one if it was not admitted.
pub(super) fn insert(table: &Table, path: &[u8], entry: &Arc<Entry>) -> u64 {
    let mut gone = Vec::new();
    table.insert_with_lifecycle(path.into(), Arc::clone(entry), &mut gone);
    let evicted = |e: &&Arc<Entry>| e.path != entry.path || Arc::ptr_eq(e, entry);
    gone.iter().filter(evicted).count() as u64
}

/// A table for `bytes_max` bytes and `entries_max` entries, each of up to `file_bytes_max`.
pub(super) fn table(
    bytes_max: u64,
    entries_max: u64,
    file_bytes_max: u64,
) -> Result<Table, String> {
    let least = bytes_max.div_ceil(entries_max);
    let largest = least.max(file_bytes_max.saturating_add(ENTRY_BYTES + 4096));
    // Several of the largest per shard, or the number of entries suffers.
    let shards = (bytes_max / largest / 8).clamp(1, SHARDS_MAX);
    let shards = 1 << shards.ilog2();
    if largest as f64 > (bytes_max / shards) as f64 * HOT_SHARE {
        return Err(format!(
            "a file of {file_bytes_max} bytes does not fit into a cache of {bytes_max} bytes for {entries_max} entries"
        ));
    }
    let options = OptionsBuilder::new()
        .estimated_items_capacity(usize::try_from(entries_max).unwrap_or(usize::MAX))
        .weight_capacity(bytes_max)
        .hot_allocation(HOT_SHARE)
        .shards(shards as usize)
        .build()
        .map_err(|e| e.to_string())?;
    let hasher = DefaultHashBuilder::default();
    Ok(Cache::with_options(options, Weight { least }, hasher, Evictions))
}
