//! Networks of the configuration as a machine knows them: pools, or none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_config::{MobileNetworkCheck, NetworkConfig};
use kedge_lma::{Ipv4Pool, Ipv6Pool, MobileNetworkPool, Network, Unchecked};

/// Networks with pools. `check` is what else is taken: prefixes of mobile networks that are of no
/// pool, as they are sent.
pub fn networks(
    configured: &[NetworkConfig],
    check: Option<MobileNetworkCheck>,
) -> BTreeMap<String, Network> {
    let unchecked = match check {
        Some(MobileNetworkCheck::Unauthorized) => Unchecked::MobileNetworks,
        Some(MobileNetworkCheck::Aaa) | None => Unchecked::Nothing,
    };
    let network = |network: &NetworkConfig| {
        let ipv4 = network.ipv4.map(|p| Ipv4Pool { start: p.start, prefix_len: p.prefix_len });
        let ipv6 = network.ipv6.map(|p| Ipv6Pool { start: p.start, prefix_len: p.prefix_len });
        let mobile_networks = mobile_networks(network);
        (network.name.clone(), Network { ipv4, ipv6, mobile_networks, unchecked })
    };
    configured.iter().map(network).collect()
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
