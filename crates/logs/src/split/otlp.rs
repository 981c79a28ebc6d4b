//! Logs of OpenTelemetry's file exporter, as lines.
//!
//! A line is one `LogsData` of OTLP in JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): records
//! within scopes within resources. Each record becomes a line by itself, an object with `time`, `level`,
//! `message`, `attributes`, `resource`, `scope` and what else the record has. Any other line stays as it is,
//! so that nothing is left out.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

use crate::time::format_utc;

/// What a file of it begins with, without blanks.
const MARK: &str = "{\"resourceLogs\":[";

/// A longer line is not taken apart.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Whether a text begins as such a file does.
pub(super) fn is_otlp(head: &[u8]) -> bool {
    let mut text = head.iter().filter(|b| !b.is_ascii_whitespace());
    MARK.bytes().all(|byte| text.next() == Some(&byte))
}

/// The records of a stream, each as a line.
pub(super) struct Otlp<R> {
    lines: BufReader<R>,
    /// What was made of the last line, and how much of it was handed over.
    made: Vec<u8>,
    given: usize,
    /// Whether the last line was too long, and goes on.
    goes_on: bool,
}

impl<R: Read> Otlp<R> {
    pub(super) fn new(bytes: R) -> Self {
        Self { lines: BufReader::new(bytes), made: Vec::new(), given: 0, goes_on: false }
    }

    /// Makes the next lines; false at the end.
    fn make(&mut self) -> io::Result<bool> {
        self.made.clear();
        self.given = 0;
        let mut line = Vec::new();
        if self.lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let cut = line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n");
        let is_whole = !std::mem::replace(&mut self.goes_on, cut) && !cut;
        if !is_whole || records(&line, &mut self.made).is_none() {
            // As it was, whatever was made of its beginning.
            self.made = line;
        }
        Ok(true)
    }
}

impl<R: Read> Read for Otlp<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.given == self.made.len() {
            if !self.make()? {
                return Ok(0);
            }
        }
        let n = buf.len().min(self.made.len() - self.given);
        buf[..n].copy_from_slice(&self.made[self.given..][..n]);
        self.given += n;
        Ok(n)
    }
}

/// Appends the records of `line`, each as a line; nothing where it has none.
fn records(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let data: Value = serde_json::from_slice(line).ok()?;
    let data = data.as_object()?;
    let before = out.len();
    for resource in list(data.get("resourceLogs")) {
        let of_resource = attributes(resource.get("resource").and_then(|r| r.get("attributes")));
        for scope in
            list(resource.get("scopeLogs").or_else(|| resource.get("instrumentationLibraryLogs")))
        {
            let of_scope = scope.get("scope");
            for record in list(scope.get("logRecords")) {
                let record = flat(record, &of_resource, of_scope);
                serde_json::to_writer(&mut *out, &record).ok()?;
                out.push(b'\n');
            }
        }
    }
    // What else a line has must not be lost.
    (out.len() > before && data.len() == 1).then_some(())
}

/// A record as an object of its own.
fn flat(record: &Value, resource: &Value, scope: Option<&Value>) -> Value {
    let mut out = Map::new();
    let text = |key: &str| record.get(key).filter(|v| !v.is_null() && *v != "").cloned();
    let nanos = |key: &str| {
        let value = record.get(key)?;
        let nanos = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
        (nanos != 0).then_some(nanos)
    };
    let (own, observed) = (nanos("timeUnixNano"), nanos("observedTimeUnixNano"));
    if let Some(time) = own.or(observed) {
        out.insert("time".into(), format_utc(time).into());
    }
    let number = record.get("severityNumber");
    let level = text("severityText").or_else(|| number.and_then(level).map(Value::from));
    if let Some(level) = level {
        out.insert("level".into(), level);
    }
    if let Some(body) = record.get("body") {
        out.insert("message".into(), any(body));
    }
    let of_record = attributes(record.get("attributes"));
    for (name, value) in [("attributes", &of_record), ("resource", resource)] {
        if value.as_object().is_some_and(|map| !map.is_empty()) {
            out.insert(name.into(), value.clone());
        }
    }
    if let Some(name) = scope.and_then(|scope| scope.get("name")).filter(|name| *name != "") {
        out.insert("scope".into(), name.clone());
    }
    if let (Some(_), Some(observed)) = (own, observed) {
        out.insert("observed_time".into(), format_utc(observed).into());
    }
    const KNOWN: [&str; 5] =
        ["timeUnixNano", "observedTimeUnixNano", "severityText", "body", "attributes"];
    for (key, value) in record.as_object().into_iter().flatten() {
        if !KNOWN.contains(&&**key) && *value != "" {
            out.entry(key).or_insert_with(|| value.clone());
        }
    }
    Value::Object(out)
}

/// The name of a severity number: 1 to 4 TRACE, and so on in fours.
fn level(number: &Value) -> Option<&'static str> {
    const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let number = number.as_u64().filter(|n| *n > 0)?;
    NAMES.get(usize::try_from((number - 1) / 4).ok()?).copied()
}

/// A list of keys and values as an object.
fn attributes(value: Option<&Value>) -> Value {
    let pair = |pair: &Value| {
        let key = pair.get("key")?.as_str()?.to_owned();
        Some((key, pair.get("value").map_or(Value::Null, any)))
    };
    Value::Object(list(value).iter().filter_map(pair).collect())
}

/// The value within an `AnyValue`, whose key says its type. Whole numbers are in quotes there.
fn any(value: &Value) -> Value {
    let Some((kind, inside)) = value.as_object().and_then(|map| map.iter().next()) else {
        return value.clone();
    };
    let number = || inside.as_str().and_then(|n| n.parse::<i64>().ok()).map(Value::from);
    match kind.as_str() {
        "intValue" => number().unwrap_or_else(|| inside.clone()),
        "arrayValue" => list(inside.get("values")).iter().map(any).collect(),
        "kvlistValue" => attributes(inside.get("values")),
        _ => inside.clone(),
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Value> {
        let mut all = String::new();
        Otlp::new(text.as_bytes()).read_to_string(&mut all).expect("reads memory");
        all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[test]
    fn each_record_is_a_line_with_its_resource() {
        let text = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"scope":{"name":"lib"},"logRecords":[{"timeUnixNano":"1767323045123456789","observedTimeUnixNano":"1767323046000000000","severityNumber":17,"severityText":"Error","body":{"stringValue":"no stock"},"attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"l","value":{"arrayValue":{"values":[{"boolValue":true}]}}}],"traceId":"ab","spanId":""},{"timeUnixNano":"0","observedTimeUnixNano":"1767323047000000000","severityNumber":9,"body":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":1.5}}]}}}]}]}]}"#;
        let got = lines(&format!("{text}\n{{\"other\":1}}\n"));
        assert_eq!(got.len(), 3);
        let first = &got[0];
        assert_eq!(first["time"], "2026-01-02T03:04:05.123456789Z");
        assert_eq!((&first["level"], &first["message"]), (&"Error".into(), &"no stock".into()));
        assert_eq!(first["attributes"], serde_json::json!({"n": 7, "l": [true]}));
        assert_eq!(first["resource"]["service.name"], "shop");
        assert_eq!((&first["scope"], &first["traceId"]), (&"lib".into(), &"ab".into()));
        assert_eq!(got[1]["time"], "2026-01-02T03:04:07Z");
        assert_eq!(got[1]["level"], "INFO");
        assert_eq!(got[1]["message"], serde_json::json!({"a": 1.5}));
        assert_eq!(got[2], serde_json::json!({"other": 1}));
    }

    #[test]
    fn a_line_with_more_than_logs_stays_as_it_is() {
        let text = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}],"more":1}"#;
        assert_eq!(lines(text), [serde_json::from_str::<Value>(text).expect("JSON")]);
        assert!(is_otlp(b"{ \"resourceLogs\": [ {"));
        assert!(!is_otlp(b"{\"resourceSpans\":["));
    }
}
