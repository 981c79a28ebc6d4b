//! The metrics at a moment: families, and their values by labels.
//!
//! The crate `prometheus-client` is not used, as it prints OpenMetrics only,
//! where the header of a counter lacks `_total`. `promtool check metrics` and older scrapers
//! read the classic format, in which such a counter has neither type nor help.

use crate::{BucketCounts, seconds};

/// The text format of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    #[default]
    Prometheus,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format for a client that sends this `Accept` header.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The value of the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricType {
    Counter,
    Gauge,
    Histogram,
}

/// A family with its samples.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: MetricType,
    pub(crate) samples: Vec<Sample>,
}

/// A value under its labels.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Whole(u64),
    Float(f64),
    Buckets(Box<BucketCounts>),
}

/// Families and their values at a moment.
#[derive(Debug, Default)]
pub struct Page(Vec<Entry>);

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that only grows; `name` ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::Counter)
    }

    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::Gauge)
    }

    /// Latencies in buckets; `name` ends in `_seconds`.
    pub fn histogram(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, help, MetricType::Histogram)
    }

    fn family(&mut self, name: &'static str, help: &'static str, kind: MetricType) -> Family<'_> {
        let known = self.0.iter().position(|e| e.name == name);
        let at = known.unwrap_or_else(|| {
            self.0.push(Entry { name, help, kind, samples: Vec::new() });
            self.0.len() - 1
        });
        Family(&mut self.0[at])
    }

    /// Families that have a sample.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| !entry.samples.is_empty())
    }
}

/// One metric with its values by labels.
#[derive(Debug)]
pub struct Family<'a>(&'a mut Entry);

impl Family<'_> {
    /// A whole number.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: u64) -> &mut Self {
        self.add(labels, Value::Whole(value))
    }

    /// Any number; NaN and infinity mean "unknown" and are left out.
    pub fn float(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        if value.is_finite() { self.add(labels, Value::Float(value)) } else { self }
    }

    /// Nanoseconds, written as seconds.
    pub fn nanoseconds(&mut self, labels: &[(&str, &str)], ns: u64) -> &mut Self {
        self.float(labels, seconds(ns))
    }

    /// A histogram; one without latencies is left out.
    pub fn buckets(&mut self, labels: &[(&str, &str)], counts: &BucketCounts) -> &mut Self {
        if counts.count() == 0 {
            return self;
        }
        self.add(labels, Value::Buckets(Box::new(*counts)))
    }

    fn add(&mut self, labels: &[(&str, &str)], value: Value) -> &mut Self {
        let labels = labels.iter().map(|(label, text)| ((*label).to_owned(), (*text).to_owned()));
        self.0.samples.push(Sample { labels: labels.collect(), value });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Buckets;

    #[test]
    fn a_counter_has_its_suffix_in_the_header_of_one_format_only() {
        let mut page = Page::new();
        page.counter("reads_total", "Reads.").sample(&[("path", "mmap")], 3);
        let sample = "reads_total{path=\"mmap\"} 3\n";
        let classic = format!("# HELP reads_total Reads.\n# TYPE reads_total counter\n{sample}");
        assert_eq!(page.text(Format::Prometheus), classic);
        let open = format!("# HELP reads Reads.\n# TYPE reads counter\n{sample}# EOF\n");
        assert_eq!(page.text(Format::OpenMetrics), open);
    }

    #[test]
    fn what_is_unknown_is_absent_with_its_header() {
        let mut page = Page::new();
        page.gauge("ratio", "A ratio.").float(&[], f64::NAN);
        page.histogram("wait_seconds", "Waits.").buckets(&[], &BucketCounts::ZERO);
        assert_eq!(page.text(Format::Prometheus), "");
    }

    #[test]
    fn a_label_may_hold_any_text() {
        let mut page = Page::new();
        page.gauge("g", "G.").sample(&[("name", "a\\b\"c\nd")], 1);
        assert!(page.text(Format::Prometheus).ends_with("g{name=\"a\\\\b\\\"c\\nd\"} 1\n"));
    }

    #[test]
    fn a_help_of_several_lines_is_one_line() {
        let mut page = Page::new();
        page.gauge("g", "One\ntwo \\ three.").sample(&[], 1);
        assert!(
            page.text(Format::Prometheus).starts_with("# HELP g One\\ntwo \\\\ three.\n# TYPE")
        );
    }

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let buckets = Buckets::default();
        [100, 300, 400].into_iter().for_each(|ns| buckets.record(ns));
        let mut page = Page::new();
        page.histogram("wait_seconds", "Waits.").buckets(&[("kind", "minor")], &buckets.get());
        let text = page.text(Format::Prometheus);
        for line in [
            "wait_seconds_bucket{kind=\"minor\",le=\"0.00000025\"} 1",
            "wait_seconds_bucket{kind=\"minor\",le=\"0.0000005\"} 3",
            "wait_seconds_bucket{kind=\"minor\",le=\"+Inf\"} 3",
            "wait_seconds_sum{kind=\"minor\"} 0.0000008",
            "wait_seconds_count{kind=\"minor\"} 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn the_client_names_the_format() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("*/*"), Format::Prometheus);
        assert_eq!(Format::accepted(""), Format::Prometheus);
    }
}
