//! One address as proxies write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]` or `[2001:db8::1]:80` (RFC 7239, section 6). `None` for what is
/// unknown, obfuscated, has a zone, or a port that is none.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let (address, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (address.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => {
            let (address, port) =
                text.split_once(':').map_or((text, None), |(address, port)| (address, Some(port)));
            (address.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    port.is_none_or(is_port).then_some(address)
}

/// As [`address`], and IPv6 without brackets too, which is what most write into `X-Forwarded-For`.
pub(super) fn bare_address(text: &[u8]) -> Option<IpAddr> {
    let bare = || std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok();
    address(text).or_else(|| bare().map(IpAddr::V6))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_in_every_spelling() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("192.0.2.1:65535", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1"),
        ] {
            let expected = Some(expected.parse().unwrap());
            assert_eq!(address(text.as_bytes()), expected, "{text}");
            assert_eq!(bare_address(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(address(b"2001:db8::1"), None);
        assert_eq!(bare_address(b"2001:db8::1"), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(bare_address(b"::ffff:192.0.2.1"), Some("::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "_hidden:80",
            "localhost",
            "example.org",
            "unix:",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.01",
            "0x7f.0.0.1",
            "3221225985",
            "192.0.2.1/32",
            "192.0.2.1:",
            "192.0.2.1:+80",
            "192.0.2.1:65536",
            "192.0.2.1:_http",
            "192.0.2.1:80:80",
            " 192.0.2.1",
            "192.0.2.1 ",
            "192.0.2.1\0",
            "\"192.0.2.1\"",
            "[192.0.2.1]",
            "[]",
            "[",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "[2001:db8::1]:",
            "[2001:db8::1]:x",
            "[2001:db8::1]]",
            "[[2001:db8::1]]",
            "fe80::1%eth0",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]:80",
        ] {
            assert_eq!(bare_address(text.as_bytes()), None, "{text}");
        }
        assert_eq!(bare_address(b"192.0.2.1\xff"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, likely in "[0-9a-f.:%\\[\\]_]{0,50}") {
            let _ = (address(&bytes), bare_address(&bytes));
            let _ = (address(likely.as_bytes()), bare_address(likely.as_bytes()));
        }

        #[test]
        fn what_is_written_is_read(plain: IpAddr, port: u16) {
            let text = std::net::SocketAddr::new(plain, port).to_string();
            prop_assert_eq!(address(text.as_bytes()), Some(plain));
            prop_assert_eq!(bare_address(plain.to_string().as_bytes()), Some(plain));
        }
    }
}
