//! What every JSON document of `scan` has.

use serde_json::{Map, Value, json};

use super::done::Done;
use super::plan::Plan;

/// How the pass went.
pub(super) fn pass_json(plan: &Plan, done: &Done) -> Map<String, Value> {
    let elapsed_s = done.elapsed.as_secs_f64();
    let bytes_per_s = (done.bytes() as f64 / elapsed_s.max(1e-9)).round();
    let mut map = Map::new();
    map.insert("elapsed_s".into(), json!(elapsed_s));
    map.insert("bytes_per_s".into(), json!(bytes_per_s));
    map.insert("pages_touched".into(), json!(done.pages_touched));
    map.insert("path".into(), json!(plan.path.name()));
    map.insert("threads".into(), json!(plan.request.threads));
    map
}
