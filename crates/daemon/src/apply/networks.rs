//! Networks of the configuration as a machine knows them: pools, or none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_config::{self as config, Customer, MobileNetworkCheck, NetworkConfig, PerFamily};
use kedge_lma::{Ipv4Pool, Ipv6Pool, MnpMaximum, MobileNetworkPool, Network, Unchecked};

/// Networks with pools. `check` is what else is taken: prefixes of mobile networks that are of no
/// pool, as they are sent or as AAA has named them.
pub fn networks(
    configured: &[NetworkConfig],
    check: Option<MobileNetworkCheck>,
) -> BTreeMap<String, Network> {
    let unchecked = match check {
        Some(MobileNetworkCheck::Unauthorized) => Unchecked::MobileNetworks,
        Some(MobileNetworkCheck::Aaa) => Unchecked::NamedByAaa,
        None => Unchecked::Nothing,
    };
    let network = |network: &NetworkConfig| {
        let ipv4 = network.ipv4.map(|p| Ipv4Pool { start: p.start, prefix_len: p.prefix_len });
        let ipv6 = network.ipv6.map(|p| Ipv6Pool { start: p.start, prefix_len: p.prefix_len });
        let mobile_networks = mobile_networks(network);
        (network.name.clone(), Network { ipv4, ipv6, mobile_networks, unchecked })
    };
    configured.iter().map(network).collect()
}

/// The one network of a customer that has no pools, and no other network.
pub const UNAUTHORIZED: &str = "unauthorized";

/// The networks of a customer.
pub fn of_customer(
    customer: &Customer,
    check: Option<MobileNetworkCheck>,
) -> BTreeMap<String, Network> {
    match customer.unauthorized {
        true => BTreeMap::from([(UNAUTHORIZED.to_owned(), Network::unauthorized())]),
        false => networks(&customer.networks, check),
    }
}

/// How many mobile network prefixes a session of a customer may have, and all of them together.
/// What the customer does not say is the service's.
pub fn mnp(service: config::MnpMaximum, customer: config::MnpMaximum) -> (MnpMaximum, MnpMaximum) {
    let most = |own: PerFamily, all: PerFamily, usual| {
        let both = own.both.or(all.both);
        let (ipv4, ipv6) = (own.ipv4.or(all.ipv4), own.ipv6.or(all.ipv6));
        maximum(PerFamily { both, ipv4, ipv6 }, usual)
    };
    let session = most(customer.logical_mn, service.logical_mn, config::MnpMaximum::LOGICAL_MN);
    (session, most(customer.customer, service.customer, config::MnpMaximum::CUSTOMER))
}

/// What is said for both families together bounds one that nothing is said for, and what is said
/// for one is not bounded by what is usual for both.
fn maximum(said: PerFamily, usual: u32) -> MnpMaximum {
    let of_family = |family: Option<u32>| family.or(said.both).unwrap_or(usual);
    let (ipv4, ipv6) = (of_family(said.ipv4), of_family(said.ipv6));
    let unsaid = match (said.ipv4, said.ipv6) {
        (None, None) => usual,
        _ => ipv4.saturating_add(ipv6),
    };
    MnpMaximum { both: said.both.unwrap_or(unsaid), ipv4, ipv6 }
}

/// The pools for the networks behind nodes.
fn mobile_networks(network: &NetworkConfig) -> Vec<MobileNetworkPool> {
    let pool =
        |start: IpAddr, pool_len, network_len| MobileNetworkPool { start, pool_len, network_len };
    let ipv4 = network.mobile_ipv4.iter();
    let ipv4 = ipv4.map(|p| pool(p.start.into(), p.prefix_len, p.network_len));
    let ipv6 = network.mobile_ipv6.iter();
    ipv4.chain(ipv6.map(|p| pool(p.start.into(), p.prefix_len, p.network_len))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maximum_that_is_not_said_is_the_other_familys_or_the_usual_one() {
        let said = |both, ipv4, ipv6| {
            let MnpMaximum { both, ipv4, ipv6 } = maximum(PerFamily { both, ipv4, ipv6 }, 2_000);
            (both, ipv4, ipv6)
        };
        assert_eq!(said(None, None, None), (2_000, 2_000, 2_000));
        assert_eq!(said(Some(5_000), None, None), (5_000, 5_000, 5_000));
        assert_eq!(said(None, Some(4_000), None), (6_000, 4_000, 2_000));
        assert_eq!(said(Some(100), Some(80), None), (100, 80, 100));
    }

    #[test]
    fn what_a_customer_does_not_say_is_the_services() {
        let service = config::MnpMaximum {
            customer: PerFamily { both: Some(50), ..PerFamily::default() },
            logical_mn: PerFamily { ipv4: Some(2), ..PerFamily::default() },
        };
        let own = config::MnpMaximum {
            customer: PerFamily { ipv6: Some(7), ..PerFamily::default() },
            ..config::MnpMaximum::default()
        };
        let (session, customer) = mnp(service, own);
        assert_eq!(session, MnpMaximum { both: 18, ipv4: 2, ipv6: 16 });
        assert_eq!(customer, MnpMaximum { both: 50, ipv4: 50, ipv6: 7 });
    }
}
