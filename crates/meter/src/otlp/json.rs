//! A page as an `ExportMetricsServiceRequest`, in the JSON that OTLP over HTTP allows.
//!
//! It is the mapping of protobuf to JSON: names in lowerCamelCase, whole numbers of 64 bits
//! as strings, and enumerations as numbers.

use serde_json::{Value as Json, json};

use super::Attribute;
use crate::expose::Page;
use crate::expose::page::{Entry, MetricType, Sample, Value};
use crate::{BUCKET_BOUNDS_NS, seconds};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: each value is since the start.
const CUMULATIVE: u8 = 2;

/// The name of the sender.
const SCOPE: &str = "cutwater";

/// When counting began and when the values were read, nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start_ns: u64,
    pub(super) now_ns: u64,
}

/// The whole request.
pub(super) fn request(page: &Page, resource: &[(String, Attribute)], span: Span) -> Json {
    let metrics: Vec<_> = page.entries().map(|entry| metric(entry, span)).collect();
    let scope = json!({"name": SCOPE, "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource.iter().map(attribute).collect::<Vec<_>>()},
        "scopeMetrics": [{"scope": scope, "metrics": metrics}],
    }]})
}

fn metric(entry: &Entry, span: Span) -> Json {
    let points: Vec<_> = entry.samples.iter().map(|sample| point(sample, span)).collect();
    let (kind, data) = match entry.kind {
        MetricType::Counter => (
            "sum",
            json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true}),
        ),
        MetricType::Gauge => ("gauge", json!({"dataPoints": points})),
        MetricType::Histogram => {
            ("histogram", json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE}))
        }
    };
    let mut metric = json!({"name": entry.name, "description": entry.help, kind: data});
    if let (Some(unit), Some(fields)) = (unit(entry.name), metric.as_object_mut()) {
        fields.insert("unit".to_owned(), unit.into());
    }
    metric
}

/// The unit in a name's suffix, as in UCUM. A count of things has no unit: with "1", collectors
/// would call it a ratio.
fn unit(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units =
        [("_bytes_per_second", "By/s"), ("_bytes", "By"), ("_seconds", "s"), ("_ratio", "1")];
    units.into_iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, unit)| unit)
}

fn point(sample: &Sample, span: Span) -> Json {
    let mut point = json!({
        "attributes": labels(&sample.labels),
        "startTimeUnixNano": span.start_ns.to_string(),
        "timeUnixNano": span.now_ns.to_string(),
    });
    let values = match &sample.value {
        Value::Whole(n) => match i64::try_from(*n) {
            Ok(_) => json!({"asInt": whole(*n)}),
            Err(_) => json!({"asDouble": *n as f64}),
        },
        Value::Float(x) => json!({"asDouble": x}),
        Value::Buckets(counts) => json!({
            "count": whole(counts.count()),
            "sum": seconds(counts.sum_ns),
            "bucketCounts": counts.each().map(whole).collect::<Vec<_>>(),
            "explicitBounds": BUCKET_BOUNDS_NS.map(seconds),
        }),
    };
    if let (Some(point), Json::Object(values)) = (point.as_object_mut(), values) {
        point.extend(values);
    }
    point
}

/// A count. JSON from protobuf has strings for 64 bits, and every reader must accept numbers
/// too; readers that use the Rust crate opentelemetry-proto drop a point whose counts are
/// strings. So it is a number as long as readers with doubles do not round it.
fn whole(n: u64) -> Json {
    const EXACT_MAX: u64 = 1 << f64::MANTISSA_DIGITS;
    if n <= EXACT_MAX { n.into() } else { n.to_string().into() }
}

fn attribute((key, value): &(String, Attribute)) -> Json {
    let value = match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        Attribute::Whole(n) => json!({"intValue": n.to_string()}),
    };
    json!({"key": key, "value": value})
}

fn labels(pairs: &[(String, String)]) -> Vec<Json> {
    let one =
        |(key, value): &(String, String)| json!({"key": key, "value": {"stringValue": value}});
    pairs.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Buckets;

    #[test]
    fn kinds_values_and_units_are_as_otlp_has_them() {
        let mut page = Page::new();
        page.counter("read_bytes_total", "Bytes.").sample(&[("path", "mmap")], 1 << 60);
        page.gauge("resident_ratio", "Share.").float(&[], 0.5);
        page.counter("cpu_seconds_total", "CPU.").nanoseconds(&[], 1_500_000_000);
        page.gauge("unknown", "Absent.").float(&[], f64::NAN);
        let buckets = Buckets::default();
        [100, 300, u64::MAX / 4].into_iter().for_each(|ns| buckets.record(ns));
        page.histogram("wait_seconds", "Waits.").buckets(&[], &buckets.get());
        let resource = [
            ("service.name".to_owned(), Attribute::from("test")),
            ("process.pid".to_owned(), Attribute::from(7)),
        ];
        let request = request(&page, &resource, Span { start_ns: 1, now_ns: 2 });
        let whole = &request["resourceMetrics"][0];
        let expected = json!([
            {"key": "service.name", "value": {"stringValue": "test"}},
            {"key": "process.pid", "value": {"intValue": "7"}},
        ]);
        assert_eq!(whole["resource"]["attributes"], expected);
        let metrics = whole["scopeMetrics"][0]["metrics"].as_array().unwrap();
        let expected = json!({
            "name": "read_bytes_total", "description": "Bytes.", "unit": "By",
            "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
                "attributes": [{"key": "path", "value": {"stringValue": "mmap"}}],
                "startTimeUnixNano": "1", "timeUnixNano": "2", "asInt": "1152921504606846976",
            }]},
        });
        assert_eq!(metrics[0], expected);
        assert_eq!(metrics[1]["gauge"]["dataPoints"][0]["asDouble"], 0.5);
        assert_eq!((&metrics[1]["unit"], &metrics[2]["unit"]), (&json!("1"), &json!("s")));
        assert_eq!(metrics[2]["sum"]["dataPoints"][0]["asDouble"], 1.5);
        assert_eq!(metrics.len(), 4);
        let wait = &metrics[3]["histogram"]["dataPoints"][0];
        let (counts, bounds) = (&wait["bucketCounts"], &wait["explicitBounds"]);
        let (counts, bounds) = (counts.as_array().unwrap(), bounds.as_array().unwrap());
        assert_eq!(
            (counts.len(), &counts[0], &counts[1]),
            (bounds.len() + 1, &json!(1), &json!(1))
        );
        assert_eq!((&counts[bounds.len()], &wait["count"]), (&json!(1), &json!(3)));
        assert_eq!(bounds[0], 2.5e-7);
    }

    #[test]
    fn a_count_beyond_i64_is_a_double() {
        let mut page = Page::new();
        page.counter("n_total", "N.").sample(&[], u64::MAX);
        let request = request(&page, &[], Span { start_ns: 0, now_ns: 0 });
        let metric = &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
        assert_eq!(metric["sum"]["dataPoints"][0]["asDouble"], u64::MAX as f64);
        assert!(metric.get("unit").is_none());
    }
}
