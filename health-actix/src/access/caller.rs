//! From which address a request comes.

use std::net::IpAddr;

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};

use super::networks::Networks;
use super::{forwarded, hop};

/// In which header declared proxies say for whom they ask. No other one is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, a list of addresses to which every proxy adds the one it was asked from.
    #[default]
    XForwardedFor,
    /// `Forwarded`, as in RFC 7239.
    Forwarded,
}

/// Longer lists come from nobody who means well.
const MOST_HOPS: usize = 32;
const MOST_BYTES: usize = 8 * 1024;

impl ProxyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => FORWARDED,
        }
    }

    /// All lines as one list. `None` for one that is too long or cannot be told apart.
    fn hops(self, headers: &HeaderMap) -> Option<Vec<&[u8]>> {
        let (mut hops, mut bytes) = (Vec::new(), 0);
        for line in headers.get_all(self.name()) {
            bytes += line.len();
            if bytes > MOST_BYTES {
                return None;
            }
            match self {
                Self::XForwardedFor => {
                    hops.extend(line.as_bytes().split(|byte| *byte == b',').take(MOST_HOPS + 1));
                }
                Self::Forwarded => hops.extend(forwarded::split(line.as_bytes(), b',', MOST_HOPS)?),
            }
            if hops.len() > MOST_HOPS {
                return None;
            }
        }
        Some(hops)
    }

    /// One that is empty is no address either: a proxy that does not know whom it asks for may write it, and what
    /// stands before it was written by that somebody.
    fn address(self, hop: &[u8]) -> Option<IpAddr> {
        let hop = hop.trim_ascii();
        match self {
            Self::XForwardedFor => hop::bare_address(hop),
            Self::Forwarded => forwarded::address(hop),
        }
    }
}

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    pub(super) declared: Networks,
    pub(super) header: ProxyHeader,
}

impl Proxies {
    /// The nearest address that is no declared proxy. `None` if a proxy does not say which one it is, if it cannot be
    /// read, or if there is nobody but proxies: an address of theirs is nobody's.
    pub(super) fn caller(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?;
        if !self.declared.contain(peer) {
            return Some(peer);
        }
        for hop in self.header.hops(headers)?.into_iter().rev() {
            // Who wrote what stands before this one is unknown, so it is not searched for an address.
            let address = self.header.address(hop)?;
            if !self.declared.contain(address) {
                return Some(address);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Two networks of proxies, one of them on the loopback interface because it says so.
    fn proxies(header: ProxyHeader) -> Proxies {
        let mut declared = Networks::default();
        declared.add(["10.1.0.0/16", "2001:db8:1::/48", "127.0.0.1"]).unwrap();
        Proxies { declared, header }
    }

    fn headers(name: &HeaderName, lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn text(address: Option<IpAddr>) -> String {
        address.map_or_else(|| "nobody".into(), |address| address.to_canonical().to_string())
    }

    /// The lines are addresses with the spelling of `X-Forwarded-For`; `Forwarded` says the same in its own.
    fn judged(peer: &str, lines: &[&str], expected: &str) {
        let peer = Some(peer.parse().unwrap());
        let plain: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let found = proxies(ProxyHeader::XForwardedFor).caller(peer, &headers(&X_FORWARDED_FOR, &plain));
        assert_eq!(text(found), expected, "{peer:?} {lines:?}");

        let element = |hop: &str| match hop.trim() {
            "" => String::new(),
            hop if hop.contains(':') && hop.parse::<IpAddr>().is_ok() => format!("for=\"[{hop}]\""),
            hop => format!("proto=https;for=\"{hop}\""),
        };
        let lines: Vec<_> =
            lines.iter().map(|line| line.split(',').map(element).collect::<Vec<_>>().join(", ")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        let found = proxies(ProxyHeader::Forwarded).caller(peer, &headers(&FORWARDED, &lines));
        assert_eq!(text(found), expected, "{peer:?} {:?}", lines[..].concat().escape_ascii().to_string());
    }

    #[test]
    fn the_nearest_address_that_is_no_declared_proxy_is_the_caller() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["  192.0.2.1  "], "192.0.2.1"),
            // What stands before the caller is what the caller says.
            (&["10.9.9.9, 192.0.2.1"], "192.0.2.1"),
            (&["unknown, ,, 192.0.2.1"], "192.0.2.1"),
            (&["127.0.0.1, 192.0.2.1"], "192.0.2.1"),
            // Proxies are passed over, however they are written.
            (&["192.0.2.1, 10.1.0.7"], "192.0.2.1"),
            (&["192.0.2.1, 10.1.0.7, ::ffff:10.1.2.3, 2001:db8:1::5, 127.0.0.1"], "192.0.2.1"),
            (&["192.0.2.1, 10.1.0.7:80, [2001:db8:1::5]:80"], "192.0.2.1"),
            (&["198.51.100.9, 192.0.2.1, 10.1.0.7"], "192.0.2.1"),
            // Several lines are one list.
            (&["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
            (&["198.51.100.9, 192.0.2.1", "10.1.0.7", "10.1.0.8, 10.1.0.9"], "192.0.2.1"),
            (&["192.0.2.1, 10.1.0.7", ""], "nobody"),
            // Nobody but proxies.
            (&[], "nobody"),
            (&["10.1.0.7"], "nobody"),
            (&["10.1.0.7, 127.0.0.1", "10.1.0.8"], "nobody"),
            // What cannot be read ends the search.
            (&[""], "nobody"),
            (&[","], "nobody"),
            (&["192.0.2.1,"], "nobody"),
            (&["192.0.2.1, , 10.1.0.7"], "nobody"),
            (&["192.0.2.1, unknown"], "nobody"),
            (&["192.0.2.1, unknown, 10.1.0.7"], "nobody"),
            (&["192.0.2.1, _hidden"], "nobody"),
            (&["192.0.2.1, fe80::1%eth0"], "nobody"),
            (&["192.0.2.1, [fe80::1%eth0]:80"], "nobody"),
            (&["192.0.2.1, 10.1.0"], "nobody"),
            (&["192.0.2.1, 10.1.0.7:port"], "nobody"),
            (&["192.0.2.1, 10.1.0.7:99999"], "nobody"),
            (&["192.0.2.1, ::1"], "::1"),
        ] {
            for peer in ["10.1.0.3", "::ffff:10.1.0.3", "2001:db8:1::3", "127.0.0.1"] {
                judged(peer, lines, expected);
            }
            for stranger in ["203.0.113.1", "::ffff:203.0.113.1"] {
                judged(stranger, lines, "203.0.113.1");
            }
            judged("::1", lines, "::1");
        }
    }

    #[test]
    fn a_list_without_end_is_not_read() {
        let proxy = Some("10.1.0.3".parse().unwrap());
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            let prefix = if header == ProxyHeader::Forwarded { "for=" } else { "" };
            let hops = |count| vec![format!("{prefix}192.0.2.1"); count].join(",");
            let caller = |lines: &[&str]| {
                let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
                text(proxies(header).caller(proxy, &headers(&header.name(), &lines)))
            };
            assert_eq!(caller(&[&hops(MOST_HOPS)]), "192.0.2.1");
            assert_eq!(caller(&[&hops(MOST_HOPS + 1)]), "nobody");
            assert_eq!(caller(&[&hops(MOST_HOPS - 1), &hops(1)]), "192.0.2.1");
            assert_eq!(caller(&[&hops(MOST_HOPS), &hops(1)]), "nobody");
            assert_eq!(caller(&[&",".repeat(100_000)]), "nobody");
            assert_eq!(caller(&[&format!("{}, {}", "x".repeat(MOST_BYTES), hops(1))]), "nobody");
            assert_eq!(caller(&["192.0.2.1\t\u{1f600}"]), "nobody");
        }
    }

    #[test]
    fn only_the_chosen_header_is_read() {
        let proxy = Some("10.1.0.3".parse().unwrap());
        for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
            for name in
                ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "via", "cf-connecting-ip"]
            {
                let name = HeaderName::from_static(name);
                if name == header.name() {
                    continue;
                }
                for line in ["192.0.2.1", "for=192.0.2.1"] {
                    let found = proxies(header).caller(proxy, &headers(&name, &[line.as_bytes()]));
                    assert_eq!(found, None, "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn quotes_of_a_caller_do_not_swallow_what_a_proxy_adds() {
        for made_up in [r#"for=""#, r#"for=192.0.2.9;x=""#, r#"x="\"#, r#"for=10.1.0.1;by="a, "#] {
            for added in ["for=192.0.2.1", r#"for="[2001:db8::1]";host="x""#, r#"for=192.0.2.1;host="a\"b""#]
            {
                let line = format!("{made_up}, {added}");
                let headers = headers(&FORWARDED, &[line.as_bytes()]);
                let found =
                    proxies(ProxyHeader::Forwarded).caller(Some("10.1.0.3".parse().unwrap()), &headers);
                assert_eq!(found, None, "{line}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_a_stranger_stays_itself(
            peer: IpAddr,
            lines in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..80), 0..5
            ),
        ) {
            let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
            for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                let (proxies, headers) = (proxies(header), headers(&header.name(), &lines));
                let found = proxies.caller(Some(peer), &headers);
                if !proxies.declared.contain(peer) {
                    prop_assert_eq!(found, Some(peer));
                }
                let _ = proxies.caller(Some("10.1.0.3".parse().unwrap()), &headers);
                prop_assert_eq!(proxies.caller(None, &headers), None);
            }
        }

        /// Whatever somebody sends, what the proxy adds behind it decides, or nothing does.
        #[test]
        fn nothing_that_a_caller_sends_makes_it_somebody_else(
            sent in prop::collection::vec(r#"(192\.0\.2\.9|for=|[",; =\\a1.:\[\]_])*"#, 0..3),
            added: IpAddr,
            hidden_in_one_line: bool,
        ) {
            for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                let proxies = proxies(header);
                prop_assume!(!proxies.declared.contain(added));
                let added_text = match header {
                    ProxyHeader::XForwardedFor => added.to_string(),
                    ProxyHeader::Forwarded if added.is_ipv6() => format!("for=\"[{added}]\""),
                    ProxyHeader::Forwarded => format!("for={added}"),
                };
                let mut lines = sent.clone();
                if hidden_in_one_line {
                    lines = vec![[lines, vec![added_text]].concat().join(", ")];
                } else {
                    lines.push(added_text);
                }
                let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
                let found = proxies.caller(Some("10.1.0.3".parse().unwrap()), &headers(&header.name(), &lines));
                prop_assert!(found.is_none_or(|found| found == added), "{found:?}");
                if header == ProxyHeader::XForwardedFor && lines.iter().map(|line| line.len()).sum::<usize>() < 30 {
                    prop_assert_eq!(found, Some(added));
                }
            }
        }
    }
}
