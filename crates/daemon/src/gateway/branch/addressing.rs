//! Which prefixes the networks of a branch have, and which they are given.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_config::Service;
use kedge_mag::Branch;
use kedge_model::{IpNet, Ipv4Net, Ipv6Net};

use crate::apply::{NetworkPlan, has_family};

/// The prefix length that hosts make addresses with (RFC 4862 §5.5.3, RFC 2464 §4).
const LAN_PREFIX_LEN: u8 = 64;

/// What is known about the addresses of one network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Addressing {
    /// The router's own addresses on it; `None` before its device was seen.
    pub own: Option<Vec<IpNet>>,
    /// The prefixes that an anchor has delegated and the network was given.
    pub given: Vec<IpNet>,
}

impl Addressing {
    /// The router's addresses on the network, in its subnets: its own, and the first of each
    /// prefix that it was given.
    pub fn addresses(&self) -> impl Iterator<Item = IpNet> {
        let given = self.given.iter().map(|prefix| first_address(*prefix));
        self.own.iter().flatten().copied().chain(given)
    }
}

/// What is asked for in the name of networks, given what they have.
pub fn wanted<'a>(
    service: Service,
    networks: impl Iterator<Item = (&'a NetworkPlan, &'a Addressing)>,
) -> Branch {
    let mut branch = Branch::default();
    for (plan, addressing) in networks {
        let Some(own) = addressing.own.as_ref().filter(|_| plan.register) else { continue };
        if own.is_empty() {
            branch.lacking_ipv4 += usize::from(service != Service::Ipv6);
            branch.lacking_ipv6 += usize::from(service != Service::Ipv4);
        }
        for net in own.iter().map(IpNet::trunc) {
            if has_family(service, net.addr()) && !branch.networks.contains(&net) {
                branch.networks.push(net);
            }
        }
    }
    branch
}

/// Gives what an anchor has delegated to the networks that have nothing of their own: one prefix
/// of each family, the one that a network has already if it is among them.
pub fn give(networks: &mut [(&NetworkPlan, &mut Addressing)], delegated: &[IpNet]) {
    let own: Vec<IpNet> =
        networks.iter().flat_map(|(_, a)| a.own.iter().flatten().map(IpNet::trunc)).collect();
    let mut free: Vec<IpNet> = delegated.iter().filter(|net| !own.contains(net)).copied().collect();
    free.sort();
    for (plan, addressing) in networks.iter_mut() {
        let lacks = plan.register && addressing.own.as_ref().is_some_and(Vec::is_empty);
        addressing.given.retain(|net| lacks && free.contains(net));
        free.retain(|net| !addressing.given.contains(net));
    }
    for (plan, addressing) in networks {
        if !plan.register || addressing.own.as_ref().is_none_or(|own| !own.is_empty()) {
            continue;
        }
        for is_ipv4 in [true, false] {
            let of_family = |net: &IpNet| net.addr().is_ipv4() == is_ipv4;
            if !addressing.given.iter().any(of_family)
                && let Some(place) = free.iter().position(of_family)
            {
                addressing.given.push(free.remove(place));
            }
        }
    }
}

/// The router's address in a prefix: the first for a host, and for IPv6 in the first subnet.
pub fn first_address(prefix: IpNet) -> IpNet {
    let host = |len: u8, longest: u8| u8::from(len < longest - 1);
    match prefix {
        IpNet::V4(net) => {
            let first = u32::from(net.network()) + u32::from(host(net.prefix_len(), 32));
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(first), net.prefix_len()))
        }
        IpNet::V6(net) => {
            let len = net.prefix_len().max(LAN_PREFIX_LEN);
            let first = u128::from(net.network()) + u128::from(host(len, 128));
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from(first), len))
        }
    }
}

/// Whether an address makes a network that can be registered.
pub fn is_global(address: IpAddr) -> bool {
    let is_special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    !is_special
        && match address {
            IpAddr::V4(address) => !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn plan(register: bool) -> NetworkPlan {
        NetworkPlan { device: "lan".to_owned(), learn: false, register, serve: false }
    }

    fn with(own: &[&str]) -> Addressing {
        Addressing { own: Some(nets(own)), given: vec![] }
    }

    #[test]
    fn networks_with_addresses_are_named_and_those_without_lack_one_of_each_family() {
        let plan = plan(true);
        let all = [with(&["10.7.0.1/24", "2001:db8:7::1/64", "10.7.0.2/24"]), with(&[])];
        let branch = |service| wanted(service, all.iter().map(|addressing| (&plan, addressing)));
        let dual = branch(Service::Dual);
        assert_eq!(dual.networks, nets(&["10.7.0.0/24", "2001:db8:7::/64"]));
        assert_eq!((dual.lacking_ipv4, dual.lacking_ipv6), (1, 1));
        let ipv4 = branch(Service::Ipv4);
        assert_eq!(ipv4.networks, nets(&["10.7.0.0/24"]));
        assert_eq!((ipv4.lacking_ipv4, ipv4.lacking_ipv6), (1, 0));
    }

    #[test]
    fn a_network_that_was_never_seen_or_is_not_registered_is_not_asked_for() {
        let unseen = wanted(Service::Dual, [(&plan(true), &Addressing::default())].into_iter());
        let skipped = wanted(
            Service::Dual,
            [(&plan(false), &with(&["10.7.0.1/24"])), (&plan(false), &with(&[]))].into_iter(),
        );
        assert_eq!((unseen, skipped), (Branch::default(), Branch::default()));
    }

    #[test]
    fn each_network_is_given_one_prefix_of_each_family_and_keeps_it() {
        let (plan, skipped) = (plan(true), plan(false));
        let mut one = with(&[]);
        let mut two = with(&["10.7.0.1/24"]);
        let mut three = with(&[]);
        let mut aside = with(&[]);
        let mut share = |delegated: &[&str]| {
            let delegated = nets(delegated);
            let mut all =
                [(&plan, &mut one), (&plan, &mut two), (&skipped, &mut aside), (&plan, &mut three)];
            give(&mut all, &delegated);
            all.map(|(_, addressing)| addressing.given.clone())
        };
        let all = ["10.7.0.0/24", "10.99.0.16/28", "10.99.0.0/28", "2001:db8:d0::/56"];
        let [first, own, not_registered, last] = share(&all);
        assert_eq!(first, nets(&["10.99.0.0/28", "2001:db8:d0::/56"]));
        assert_eq!(last, nets(&["10.99.0.16/28"]));
        assert_eq!((own, not_registered), (vec![], vec![]));
        // The first one's IPv4 prefix is another one now; the last one's stays where it is.
        let [first, .., last] = share(&["10.7.0.0/24", "10.99.0.16/28", "10.99.0.32/28"]);
        assert_eq!(first, nets(&["10.99.0.32/28"]));
        assert_eq!(last, nets(&["10.99.0.16/28"]));
    }

    #[test]
    fn the_router_has_the_first_address_of_a_prefix() {
        for (prefix, address) in [
            ("10.99.0.16/28", "10.99.0.17/28"),
            ("10.99.0.16/31", "10.99.0.16/31"),
            ("10.99.0.16/32", "10.99.0.16/32"),
            ("2001:db8:d0::/56", "2001:db8:d0::1/64"),
            ("2001:db8:d0::/64", "2001:db8:d0::1/64"),
            ("2001:db8:d0::8/128", "2001:db8:d0::8/128"),
        ] {
            assert_eq!(first_address(prefix.parse().unwrap()), address.parse::<IpNet>().unwrap());
        }
    }
}
