//! The user's own format: a `log_format` string of nginx, as a pattern.
//!
//! Fields have the names of the variables. The values a variable can have show where it ends
//! (<https://nginx.org/en/docs/varindex.html>); for an unknown variable, the text after it does.
//! The variables of an upstream are lists, in which `, ` and ` : ` separate its attempts.

use std::fmt::Write;

use super::data::DataFormat;
use super::data::language::{Expanded, expand};
use crate::{Error, Result};

/// The format of a `log_format` string.
pub(super) fn format(template: &str) -> Result<DataFormat> {
    let parts = parts(template)?;
    let mut pattern = String::from("^");
    let mut names: Vec<&str> = Vec::new();
    for part in &parts {
        match part {
            Part::Text(text) => pattern.push_str(&literal(text)),
            Part::Variable { name, before, after } => {
                // Writing to a String does not fail.
                let _ = write!(pattern, "(?<{name}>{})", value(name, *before, *after));
                names.push(name);
            }
        }
    }
    pattern.push('$');
    let expanded: Expanded = expand(&pattern)?;
    let format = DataFormat::of_patterns("nginx", vec![expanded], false)?;
    let time = ["time_iso8601", "time_local", "msec"].into_iter().find(|t| names.contains(t));
    let names = names.iter().map(|name| (*name).to_owned());
    Ok(format.with_request("request").with_time(time).with_escapes(names))
}

/// A part of a `log_format` string.
#[derive(Debug)]
enum Part<'a> {
    Text(&'a str),
    /// A variable, with the character before it and the one after it.
    Variable {
        name: &'a str,
        before: Option<char>,
        after: Option<char>,
    },
}

fn parts(template: &str) -> Result<Vec<Part<'_>>> {
    let mut pieces = template.split('$');
    let lead = pieces.next().unwrap_or_default();
    let mut parts = vec![Part::Text(lead)];
    let mut before = lead.chars().next_back();
    let mut touching: Option<&str> = None;
    for piece in pieces {
        let (name, text) = variable(piece);
        if name.is_empty() {
            return Err(Error::request(format!(
                "the log_format has a $ without a name before {text:?}"
            )));
        }
        if let Some(earlier) = touching {
            return Err(Error::request(format!(
                "nothing separates ${earlier} from the variable after it, so lines cannot be split there"
            )));
        }
        touching = text.is_empty().then_some(name);
        parts.push(Part::Variable { name, before, after: text.chars().next() });
        parts.push(Part::Text(text));
        before = text.chars().next_back();
    }
    if parts.len() == 1 {
        return Err(Error::request(
            "the log_format has no variables; it should look like $remote_addr [$time_local] ...",
        ));
    }
    Ok(parts)
}

/// A variable's name, with or without braces, and the text after it.
fn variable(piece: &str) -> (&str, &str) {
    if let Some((name, text)) = piece.strip_prefix('{').and_then(|p| p.split_once('}')) {
        return (name, text);
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    piece.split_at(piece.find(|c| !is_name(c)).unwrap_or(piece.len()))
}

/// Text as the pattern that matches it alone.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && c != '<' && c != '>' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What one attempt of an upstream is: an address, a number, `-`, or a socket's path.
const ATTEMPT: &str = "[^ ,]+";

/// Variables that are lists of attempts, one for each server that was tried.
const ATTEMPTS: [&str; 9] = [
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_connect_time",
    "upstream_first_byte_time",
    "upstream_header_time",
    "upstream_response_length",
    "upstream_response_time",
    "upstream_status",
];

/// Variables that are numbers, or `-`.
const NUMBERS: [&str; 19] = [
    "body_bytes_sent",
    "bytes_received",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "content_length",
    "gzip_ratio",
    "msec",
    "pid",
    "proxy_protocol_port",
    "proxy_protocol_server_port",
    "remote_port",
    "request_length",
    "request_time",
    "server_port",
    "session_time",
    "status",
    "upstream_port",
];

/// Variables in which no blank can be.
const WORDS: [&str; 26] = [
    "binary_remote_addr",
    "document_uri",
    "host",
    "hostname",
    "http_host",
    "https",
    "is_args",
    "nginx_version",
    "pipe",
    "protocol",
    "proxy_host",
    "proxy_port",
    "proxy_protocol_addr",
    "realip_remote_addr",
    "remote_addr",
    "req_id",
    "request_id",
    "request_method",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_protocol",
    "ssl_cipher",
    "ssl_protocol",
    "ssl_session_id",
];

/// The pattern of what `name` can be between these characters.
fn value(name: &str, before: Option<char>, after: Option<char>) -> String {
    if let Some(('"', '"')) = before.zip(after) {
        return r#"(?:[^"\\]|\\.)*"#.into();
    }
    if let Some(('[', ']')) = before.zip(after) {
        return r"[^\]]*".into();
    }
    let list = |separator: &str| format!("{ATTEMPT}(?:{separator}{ATTEMPT})*|");
    match name {
        "time_local" => "%{clf}".into(),
        "time_iso8601" => "%{rfc3339}".into(),
        // A broken request has no protocol at its end.
        "request" => r"[A-Z]+ .*? HTTP/[0-9.]+|[^ ]*".into(),
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => list(", ?"),
        _ if ATTEMPTS.contains(&name) => list("(?:, | : )"),
        _ if NUMBERS.contains(&name) => "[0-9.]+|-|".into(),
        _ if WORDS.contains(&name) => match after {
            Some(after @ ('"' | ',' | ';' | '|' | '\'')) => {
                format!("[^ {}]*", literal(&after.to_string()))
            }
            _ => "[^ ]*?".into(),
        },
        _ => match after {
            None => ".*".into(),
            Some(_) => ".*?".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::format;

    /// The fields of `line` that are set, as `name=value`.
    fn read(template: &str, line: &str) -> Vec<String> {
        let format = format(template).expect("a template");
        let data = crate::format::data::Data::new(format.into(), b"");
        let mut fields = crate::Fields::all();
        let mut parser = data.parser(&mut fields, &crate::time::Rules::default());
        let mut record = crate::Record::default();
        parser.begin_block(line.as_bytes());
        let parsed = parser.parse(line.as_bytes(), 0, &mut fields, &mut record).1;
        assert_eq!(parsed, Ok(true), "{line}");
        let mut present: Vec<_> = record.present().collect();
        present.sort_by_key(|(id, _)| *id);
        let text =
            |span| crate::value::text(span, line.as_bytes()).unwrap_or_default().into_owned();
        let text = |span| String::from_utf8_lossy(&text(span)).into_owned();
        present.iter().map(|(id, span)| format!("{}={}", fields.name(*id), text(*span))).collect()
    }

    #[test]
    fn a_variable_ends_where_what_it_can_be_ends() {
        let cases = [
            (
                "$remote_addr $upstream_addr $upstream_status $upstream_response_time $req_id",
                "192.0.2.1 10.0.0.1:80, unix:/run/a.sock : 10.0.0.2:80 502, 502 : 200 0.001, - : 0.002 abc",
                "remote_addr=192.0.2.1|upstream_addr=10.0.0.1:80, unix:/run/a.sock : 10.0.0.2:80|\
                 upstream_status=502, 502 : 200|upstream_response_time=0.001, - : 0.002|req_id=abc",
            ),
            (
                "$http_x_forwarded_for $remote_user $request $status",
                "192.0.2.1, 192.0.2.2,192.0.2.3 a b GET /x y HTTP/1.1 200",
                "http_x_forwarded_for=192.0.2.1, 192.0.2.2,192.0.2.3|remote_user=a b|\
                 request=GET /x y HTTP/1.1|method=GET|path=/x y|protocol=HTTP/1.1|status=200",
            ),
            (
                "$status|$http_user_agent|$time_local",
                "404|a|b|02/Jan/2026:03:04:05 +0000",
                "status=404|http_user_agent=a|b|time_local=02/Jan/2026:03:04:05 +0000",
            ),
            (
                r#"$msec "$http_user_agent" ${request_time}s $upstream_addr"#,
                r#"1767323045.001 "say \"x\" y" 0.25s -"#,
                r#"msec=1767323045.001|http_user_agent=say "x" y|request_time=0.25|upstream_addr="#,
            ),
        ];
        for (template, line, expected) in cases {
            assert_eq!(read(template, line).join("|"), expected, "{template}");
        }
    }

    #[test]
    fn a_string_that_cannot_be_read_by_is_refused() {
        for (template, words) in
            [("$a$b", "nothing separates $a"), ("text", "no variables"), ("$ x", "without a name")]
        {
            let error = format(template).expect_err("refused").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
