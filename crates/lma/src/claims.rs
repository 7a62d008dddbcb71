//! Addresses and prefixes that are held as gateways sent them, of no pool.
//!
//! A network that checks nothing has no list of what may be asked for, so three things stand in
//! its place: what is asked for has to be something that a route can lead to, it must not reach
//! into a pool or cover an address of the transport, and nobody else may hold any part of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use kedge_model::{IpNet, Ipv4Net, Ipv6Net};

use crate::addresses::Ipv4Home;
use crate::settings::Settings;

/// What is held, and what nobody can hold.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// By their first addresses their last ones. No two have an address in common, so the one that
    /// begins last before the end of another is the only one that can overlap it.
    held: BTreeMap<IpAddr, IpAddr>,
    /// Pools, and addresses that packets of the tunnels go to in the same routing world.
    reserved: Vec<IpNet>,
}

impl Claims {
    /// Nothing is held; what these settings give to others cannot be.
    pub fn new(settings: &Settings) -> Self {
        Self { held: BTreeMap::new(), reserved: reserved(settings) }
    }

    /// Takes a prefix and says whether it could be had.
    pub fn take(&mut self, prefix: IpNet) -> bool {
        let can = may_hold(&self.reserved, prefix) && !self.is_held(prefix);
        if can {
            self.keep(prefix);
        }
        can
    }

    /// Enters what is held, whatever the settings have come to say of it.
    pub fn keep(&mut self, prefix: IpNet) {
        self.held.insert(prefix.network(), prefix.broadcast());
    }

    /// Frees a prefix and says whether it was held.
    pub fn release(&mut self, prefix: IpNet) -> bool {
        self.held.remove(&prefix.network()).is_some()
    }

    /// Whether any part of a prefix is held.
    pub fn is_held(&self, prefix: IpNet) -> bool {
        let before = self.held.range(..=prefix.broadcast()).next_back();
        before.is_some_and(|(_, last)| *last >= prefix.network())
    }
}

/// Whether settings leave a prefix to who claims it.
pub(crate) fn may_hold(reserved: &[IpNet], prefix: IpNet) -> bool {
    is_routable(prefix) && !reserved.iter().any(|other| overlap(prefix, *other))
}

/// What nobody can claim: the pools, from which it would be given to another, and the addresses of
/// the transport in the customer's own routing world, whose packets would go to the node.
pub(crate) fn reserved(settings: &Settings) -> Vec<IpNet> {
    let pools = settings.networks.values();
    let pools = pools.flat_map(|network| network.home_blocks().chain(network.mobile_blocks()));
    let own = settings.addresses.iter().filter(|(transport, _)| *transport == settings.vrf);
    let own = own.map(|(_, address)| address);
    let peers = settings.peers.iter().filter(|peer| peer.transport == settings.vrf);
    let peers = peers.flat_map(|peer| &peer.addresses);
    pools.chain(own.chain(peers).map(|address| IpNet::from(*address))).collect()
}

/// The address of a node that brought its own, with the router of its subnet. A length of zero is
/// none; `None` is a length that no subnet has.
///
/// The router is the subnet's first host that is not the node. Who has an address and no subnet
/// gets a router on its link (RFC 3927 §2.6.2 lets a route lead there).
pub(crate) fn home(asked: Ipv4Net) -> Option<Ipv4Home> {
    let address = asked.addr();
    let prefix_len = if asked.prefix_len() == 0 { 32 } else { asked.prefix_len() };
    let subnet = Ipv4Net::new(address, prefix_len).ok()?.trunc();
    let router = match prefix_len {
        ..SHORTEST => return None,
        32 => ON_LINK,
        31 => Ipv4Addr::from_bits(address.to_bits() ^ 1), // RFC 3021: both are hosts
        _ if address == subnet.network() || address == subnet.broadcast() => return None,
        _ => subnet.hosts().find(|host| *host != address)?,
    };
    Some(Ipv4Home { address, prefix_len, router })
}

/// The router of a node that has no subnet.
const ON_LINK: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// No shorter prefix is anybody's network; the pools of the language have the same bound.
const SHORTEST: u8 = 8;

/// Whether a route to a prefix makes sense: it is of some length, and no part of it is set apart
/// for something else than hosts elsewhere (RFC 6890).
fn is_routable(prefix: IpNet) -> bool {
    let special = |other: &IpNet| overlap(prefix, *other);
    prefix.prefix_len() >= SHORTEST && !IPV4_SPECIAL.iter().chain(IPV6_SPECIAL).any(special)
}

/// This network, this host, this link, groups, and what is reserved.
const IPV4_SPECIAL: &[IpNet] = &[
    ipv4([0, 0, 0, 0], 8),
    ipv4([127, 0, 0, 0], 8),
    ipv4([169, 254, 0, 0], 16),
    ipv4([224, 0, 0, 0], 3),
];

/// The block of the unspecified address, of this host and of IPv4 addresses; this link, the sites
/// that are no more, and groups.
const IPV6_SPECIAL: &[IpNet] = &[ipv6(0x0000, 8), ipv6(0xfe00, 7)];

const fn ipv4(octets: [u8; 4], len: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), len))
}

const fn ipv6(first: u16, len: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), len))
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_route_leads_to_cannot_be_held() {
        let mut claims = Claims::default();
        for martian in [
            "0.0.0.0/0",
            "0.0.0.0/8",
            "0.1.2.0/24",
            "10.0.0.0/7",
            "127.0.0.0/8",
            "127.1.0.0/16",
            "126.0.0.0/7",
            "169.254.3.0/24",
            "224.0.0.0/24",
            "239.1.1.1/32",
            "240.0.0.0/8",
            "255.255.255.255/32",
            "::/0",
            "::/64",
            "::1/128",
            "::ffff:10.0.0.0/104",
            "2000::/3",
            "2000::/7",
            "fe80::/64",
            "fec0::/64",
            "fe00::/8",
            "ff02::/64",
            "ff00::/8",
            "fe00::/7",
        ] {
            assert!(!claims.take(martian.parse().unwrap()), "{martian}");
        }
        for good in ["10.0.0.0/8", "198.51.100.7/32", "2001:db8::/32", "fd00::/8"] {
            assert!(claims.take(good.parse().unwrap()), "{good}");
        }
    }

    #[test]
    fn the_router_of_a_home_subnet_is_another_host_of_it() {
        let router = |net: &str| home(net.parse().unwrap()).map(|home| home.router.to_string());
        for (net, expected) in [
            ("10.1.2.3/24", Some("10.1.2.1")),
            ("10.1.2.1/24", Some("10.1.2.2")),
            ("10.1.2.3/31", Some("10.1.2.2")),
            ("10.1.2.3/32", Some("169.254.1.1")),
            ("10.1.2.3/0", Some("169.254.1.1")),
            ("10.1.2.3/8", Some("10.0.0.1")),
            ("10.1.2.3/7", None),
            ("10.1.2.0/24", None),
            ("10.1.2.255/24", None),
        ] {
            assert_eq!(router(net).as_deref(), expected, "{net}");
        }
    }

    proptest! {
        /// A small block, so that prefixes overlap often.
        #[test]
        fn no_two_claims_overlap(
            steps in prop::collection::vec((any::<bool>(), any::<u8>(), 24..=32_u8), 0..200)
        ) {
            let mut claims = Claims::default();
            let mut held: BTreeSet<IpNet> = BTreeSet::new();
            for (take, last, len) in steps {
                let net = IpNet::new(Ipv4Addr::new(10, 0, 0, last).into(), len).unwrap().trunc();
                if take {
                    let free = !held.iter().any(|other| overlap(net, *other));
                    prop_assert_eq!(claims.is_held(net), !free);
                    prop_assert_eq!(claims.take(net), free);
                    if free {
                        held.insert(net);
                    }
                } else if held.remove(&net) {
                    prop_assert!(claims.release(net));
                }
            }
            prop_assert_eq!(claims.held.len(), held.len());
        }
    }
}
