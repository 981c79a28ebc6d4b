//! A page as text, in the formats of Prometheus.

use std::fmt::Write;

use super::page::{Entry, MetricType, Sample, Value};
use super::{Format, Page};
use crate::seconds;

impl Page {
    /// The text; families without a sample are left out.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        for entry in self.entries() {
            let Entry { name, help, kind, .. } = entry;
            let (family, kind) = match (kind, format) {
                (MetricType::Counter, Format::OpenMetrics) => {
                    (name.strip_suffix("_total").unwrap_or(name), "counter")
                }
                (MetricType::Counter, Format::Prometheus) => (*name, "counter"),
                (MetricType::Gauge, _) => (*name, "gauge"),
                (MetricType::Histogram, _) => (*name, "histogram"),
            };
            let help = help.replace('\\', r"\\").replace('\n', r"\n");
            let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}");
            entry.samples.iter().for_each(|sample| sample.write(&mut text, name));
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

impl Sample {
    fn write(&self, text: &mut String, name: &str) {
        match &self.value {
            Value::Whole(value) => self.line(text, name, "", None, value),
            Value::Float(value) => self.line(text, name, "", None, value),
            Value::Buckets(counts) => {
                for (bound_ns, below) in counts.cumulative() {
                    let le = seconds(bound_ns).to_string();
                    self.line(text, name, "_bucket", Some(&le), below);
                }
                let count = counts.count();
                self.line(text, name, "_bucket", Some("+Inf"), count);
                self.line(text, name, "_sum", None, seconds(counts.sum_ns));
                self.line(text, name, "_count", None, count);
            }
        }
    }

    fn line(
        &self,
        text: &mut String,
        name: &str,
        suffix: &str,
        le: Option<&str>,
        value: impl std::fmt::Display,
    ) {
        text.push_str(name);
        text.push_str(suffix);
        let own = self.labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
        for (i, (label, value)) in own.chain(le.map(|le| ("le", le))).enumerate() {
            let _ = write!(text, "{}{label}=\"", if i == 0 { '{' } else { ',' });
            escape(text, value);
            text.push('"');
        }
        if !self.labels.is_empty() || le.is_some() {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
