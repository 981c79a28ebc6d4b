//! Addresses and networks.

use std::net::IpAddr;

/// An address; an IPv4 one that is written as IPv6 is IPv4.
fn address(text: &str) -> Option<IpAddr> {
    Some(text.trim().parse::<IpAddr>().ok()?.to_canonical())
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// The first `length` bits of an address.
fn masked(address: IpAddr, length: u32) -> Option<IpAddr> {
    let (value, width) = bits(address);
    let kept = value >> width.checked_sub(length)?.min(127);
    let kept = if length == 0 { 0 } else { kept << (width - length) };
    Some(match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(kept).ok()?.into()),
        IpAddr::V6(_) => IpAddr::V6(kept.into()),
    })
}

/// Whether an address is in a network like `10.0.0.0/8`; null where one of them is invalid.
pub(super) fn is_in(text: &str, network: &str) -> Option<bool> {
    let (start, length) = network.split_once('/').unwrap_or((network, ""));
    let (ip, start) = (address(text)?, address(start)?);
    let width = bits(start).1;
    let length = if length.is_empty() { width } else { length.parse().ok()? };
    let same = ip.is_ipv4() == start.is_ipv4();
    // A length that no address has makes the network invalid.
    let start = masked(start, length)?;
    Some(same && masked(ip, length)? == start)
}

pub(super) fn version(text: &str) -> Option<i64> {
    Some(if address(text)?.is_ipv4() { 4 } else { 6 })
}

/// Whether an address is of a private network (RFC 1918, RFC 4193), link-local, or this host.
pub(super) fn is_private(text: &str) -> Option<bool> {
    Some(match address(text)? {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    })
}

/// The network of an address, as in `10.1.0.0/16`.
pub(super) fn network(text: &str, length: &str) -> Option<String> {
    let start = masked(address(text)?, length.parse().ok()?)?;
    Some(format!("{start}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_their_networks() {
        for (ip, network, expected) in [
            ("10.1.2.3", "10.0.0.0/8", Some(true)),
            ("11.1.2.3", "10.0.0.0/8", Some(false)),
            ("11.1.2.3", "0.0.0.0/0", Some(true)),
            ("10.1.2.3", "10.1.2.3", Some(true)),
            ("::ffff:10.1.2.3", "10.0.0.0/8", Some(true)),
            ("2001:db8::1", "2001:db8::/32", Some(true)),
            ("2001:db9::1", "::/0", Some(true)),
            ("2001:db9::1", "10.0.0.0/8", Some(false)),
            ("x", "10.0.0.0/8", None),
            ("10.1.2.3", "10.0.0.0/33", None),
            ("10.1.2.3", "ten", None),
        ] {
            assert_eq!(is_in(ip, network), expected, "{ip} in {network}");
        }
    }

    #[test]
    fn networks_are_cut_to_their_bits() {
        assert_eq!(network("10.1.2.3", "16").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(network("10.1.2.3", "0").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(network("2001:db8:1::1", "32").as_deref(), Some("2001:db8::/32"));
        assert_eq!(network("10.1.2.3", "40"), None);
        assert_eq!((version("::1"), version("1.2.3.4"), version("")), (Some(6), Some(4), None));
        assert_eq!(is_private("192.168.1.1"), Some(true));
        assert_eq!(is_private("fe80::1"), Some(true));
        assert_eq!(is_private("8.8.8.8"), Some(false));
    }
}
