//! Parts of URLs, also of those that are only a path with a query, as access logs have them.

/// Scheme, authority, and the rest from the path on.
fn split(url: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = url.split_once("://") else { return (None, url) };
    if !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return (None, url);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (Some(&rest[..end]), &rest[end..])
}

/// The host, without user and port.
pub(super) fn host(url: &str) -> Option<&str> {
    let authority = split(url).0?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.starts_with('[') {
        return host.find(']').map(|end| &host[1..end]);
    }
    Some(host.split_once(':').map_or(host, |(host, _)| host)).filter(|h| !h.is_empty())
}

/// The path, without the query.
pub(super) fn path(url: &str) -> Option<&str> {
    let rest = split(url).1;
    Some(&rest[..rest.find(['?', '#']).unwrap_or(rest.len())])
}

/// What follows the `?`.
pub(super) fn query(url: &str) -> Option<&str> {
    let rest = split(url).1;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    rest.split_once('?').map(|(_, query)| query)
}

/// A parameter of the query, decoded.
pub(super) fn param(url: &str, name: &str) -> Option<String> {
    let pairs = query(url)?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut found = pairs.filter(|(key, _)| decode(key, true) == name);
    found.next().map(|(_, value)| decode(value, true))
}

/// Resolves `%41`, and `+` where it stands for a space. Everything else stays as it is.
pub(super) fn decode(text: &str, plus: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l),
            _ => None,
        };
        out.push(escaped.unwrap_or(if byte == b'+' && plus { b' ' } else { byte }));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_parts_and_so_have_paths_with_a_query() {
        let url = "https://me@example.org:8443/a/b?x=1&name=J%C3%BCrgen+K#top";
        assert_eq!(host(url), Some("example.org"));
        assert_eq!(path(url), Some("/a/b"));
        assert_eq!(query(url), Some("x=1&name=J%C3%BCrgen+K"));
        assert_eq!(param(url, "name").as_deref(), Some("Jürgen K"));
        assert_eq!(param(url, "y"), None);
        assert_eq!(host("http://[::1]:80/"), Some("::1"));
        assert_eq!((host("/p?q=a://b"), path("/p?q=a://b")), (None, Some("/p")));
        assert_eq!(query("/p"), None);
        assert_eq!(param("/p?flag", "flag").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decode("100%, %4, %zz %41+", false), "100%, %4, %zz A+");
    }
}
