//! Lists of networks.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// What of a text that is no network is repeated to whoever wrote it, in characters.
const SHOWN: usize = 64;

/// Networks of both families. An IPv4 address is looked for among the IPv4 ones, however it is written.
#[derive(Clone, Default)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    /// Adds all of these, or says which one is none.
    pub(super) fn add(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), String> {
        for text in texts {
            self.0.push(network(text.as_ref().trim())?);
        }
        Ok(())
    }

    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(tracing::field::display)).finish()
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().map(|address: IpAddr| IpNet::from(address)).ok();
    let Some(network) = text.parse().ok().or_else(address) else {
        let shown: String = text.chars().take(SHOWN).collect();
        return Err(format!(
            "\"{}\" is no network: one is written as 10.0.0.0/8, fd00::/8, or as a single address",
            shown.escape_debug()
        ));
    };
    if network.addr() != network.network() {
        return Err(format!(
            "{network} is no network, because its address goes on after the prefix: it is {} for the network, or {} \
             for the one address",
            network.trunc(),
            network.addr()
        ));
    }
    Ok(canonical(network))
}

/// `::ffff:10.0.0.0/104` is what some call 10.0.0.0/8.
fn canonical(network: IpNet) -> IpNet {
    let (IpAddr::V4(address), Some(prefix)) =
        (network.addr().to_canonical(), network.prefix_len().checked_sub(96))
    else {
        return network;
    };
    Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let mut networks = Networks::default();
        networks.add(texts).unwrap();
        networks
    }

    #[test]
    fn an_address_is_in_its_networks() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.6/31", "192.0.2.7", "192.0.2.5"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("::/0", "::1", "::ffff:10.0.0.1"),
            ("::ffff:0:0/96", "10.0.0.1", "::1"),
            ("fd00::/8", "fdff::1", "fe80::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            (" 10.0.0.0/8 ", "10.0.0.1", "127.0.0.1"),
            ("127.0.0.0/8", "127.1.2.3", "::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let listed = networks(&[network]);
            assert!(listed.contain(inside.parse().unwrap()), "{inside} in {network}");
            assert!(!listed.contain(outside.parse().unwrap()), "{outside} in {network}");
        }
        let two = networks(&["10.0.0.0/8", "fd00::/8"]);
        assert!(two.contain("10.0.0.1".parse().unwrap()) && two.contain("fd00::1".parse().unwrap()));
    }

    #[test]
    fn loopback_is_in_no_list_that_does_not_say_so() {
        for list in [&[][..], &["10.0.0.0/8", "192.168.0.0/16", "fd00::/8", "fe80::/10"]] {
            for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                assert!(!networks(list).contain(loopback.parse().unwrap()), "{loopback}");
            }
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        let long = "1".repeat(10_000);
        for text in [
            "",
            "/",
            "/8",
            "10/8",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0 /8",
            "10.0.0.0/8,fd00::/8",
            "010.0.0.1",
            "10.0.0.256",
            "fd00::/129",
            "[fd00::]/8",
            "fe80::1%eth0",
            "10.0.0.1:80",
            "localhost",
            "private",
            "10.0.0.0/8\u{0}",
            &long,
        ] {
            let said = network(text).unwrap_err();
            let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
            assert!(said.contains(&format!("\"{shown}\" is no network")) && said.len() < 200, "{said}");
        }
        let said = Networks::default().add(["10.0.0.0/8", "10.1.2.3/8"]).unwrap_err();
        assert!(said.contains("10.0.0.0/8 for the network, or 10.1.2.3 for the one address"), "{said}");
        assert!(network("2001:db8::1/32").unwrap_err().contains("2001:db8::/32 for the network"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[0-9a-f.:/%\\[\\]]{0,40}", address: IpAddr) {
            let mut networks = Networks::default();
            if networks.add([text]).is_ok() {
                let _ = networks.contain(address);
            }
        }

        #[test]
        fn both_spellings_of_an_address_are_one(a: std::net::Ipv4Addr, b: std::net::Ipv4Addr, prefix in 0..=32_u8) {
            let network = Ipv4Net::new(a, prefix).unwrap().trunc();
            let listed = networks(&[&network.to_string()]);
            prop_assert_eq!(listed.contain(b.into()), network.contains(&b));
            prop_assert_eq!(listed.contain(b.to_ipv6_mapped().into()), network.contains(&b));
        }
    }
}
