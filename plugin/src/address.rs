//! Whose address a request came from. A header is believed only where the peer that sent it is a proxy that the
//! configuration names; everybody else could write any address into it.

use std::net::{IpAddr, Ipv6Addr};

use schemars::JsonSchema;
use serde::Deserialize;

/// A range of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// The address lies in the range.
    fn holds(&self, other: IpAddr) -> bool {
        let same = |own: u128, other: u128, bits: u32| (own ^ other).checked_shr(bits - self.prefix).unwrap_or(0) == 0;
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (address, prefix) = text
            .split_once('/')
            .map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
        let address: Option<IpAddr> = address.parse().ok();
        let network = address.and_then(|address| {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
            (prefix <= bits).then_some(Self { address, prefix })
        });
        network.ok_or_else(|| format!("`{text}` is no range of addresses like 192.0.2.0/24"))
    }
}

/// What the shopper's address is counted by: an IPv4 address, or the /64 of an IPv6 one, which belongs to one
/// subscriber. None where it is not known.
///
/// Of `forwarded` (`x-forwarded-for`), to which each proxy adds whom it saw, the rightmost that is no trusted proxy is
/// the shopper; what stands before it is what that shopper wrote.
pub(crate) fn counted_by(peer: &str, forwarded: Option<&str>, trusted: &[Network]) -> Option<String> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    let peer = parse(peer)?;
    let mut nearest = peer;
    if is_trusted(peer) {
        for hop in forwarded.unwrap_or("").rsplit(',') {
            // What is no address was not written by a proxy of ours: the last that one of them vouched for counts.
            let Some(address) = parse(hop) else { break };
            nearest = address;
            if !is_trusted(address) {
                break;
            }
        }
    }
    // A proxy, named or not, says nothing of whom it serves: counting by it would make all shoppers one.
    (!is_trusted(nearest) && !is_inside(nearest)).then(|| match nearest {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            const NETWORK: u128 = !(u64::MAX as u128);
            Ipv6Addr::from_bits(address.to_bits() & NETWORK).to_string()
        }
    })
}

/// An address of this machine or of a private network: no shopper of a shop on the internet has one.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; an IPv4 address in IPv6's clothes is one.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let socket = || text.parse().map(|socket: std::net::SocketAddr| socket.ip());
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = bare.parse().or_else(|_| socket()).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        let network = |text: &&str| Network::try_from((*text).to_owned()).unwrap();
        texts.iter().map(network).collect()
    }

    #[test]
    fn s20_a_header_is_believed_from_a_named_proxy_alone() {
        let proxies = networks(&["192.0.2.0/24", "2001:db8:aa::/48"]);
        let counted = |peer, forwarded| counted_by(peer, Some(forwarded), &proxies);
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(counted("203.0.113.9", "198.51.100.1"), is("203.0.113.9"), "spoofed");
        assert_eq!(counted("192.0.2.7", "198.51.100.1"), is("198.51.100.1"));
        assert_eq!(
            counted("192.0.2.7", "8.8.8.8, 198.51.100.1, 192.0.2.8"),
            is("198.51.100.1"),
            "the rightmost that is no proxy; what the shopper wrote before it is passed over"
        );
        assert_eq!(counted("2001:db8:aa::1", "198.51.100.1:443"), is("198.51.100.1"));
        assert_eq!(counted("192.0.2.7", "198.51.100.1, nonsense"), None);
        assert_eq!(counted("192.0.2.7", ""), None, "the proxy itself is nobody");
        assert_eq!(counted_by("192.0.2.7", Some("198.51.100.1"), &[]), is("192.0.2.7"));
    }

    #[test]
    fn s12_a_subscriber_of_ipv6_is_one_however_many_addresses_they_take() {
        let counted = |peer| counted_by(peer, None, &[]);
        assert_eq!(counted("2001:db8:1:2::1"), counted("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:203.0.113.9"), Some("203.0.113.9".to_owned()));
    }

    #[test]
    fn s15_a_proxy_that_nobody_named_makes_not_all_shoppers_one() {
        for peer in ["127.0.0.1", "10.0.0.5", "192.168.1.1", "::1", "fd00::1", "", "nobody"] {
            assert_eq!(counted_by(peer, Some("203.0.113.9"), &[]), None, "{peer}");
        }
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        for text in ["", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/x", "proxy.example"] {
            assert!(Network::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(networks(&["0.0.0.0/0"])[0].holds("203.0.113.9".parse().unwrap()));
        assert!(networks(&["::/0"])[0].holds("2001:db8::1".parse().unwrap()));
    }
}
