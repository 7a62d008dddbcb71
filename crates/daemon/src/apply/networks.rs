//! Networks of the configuration as a machine knows them: pools, or none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_config::{
    self as config, Config, Customer, MobileNetworkCheck, NamedPool, NetworkConfig, PerFamily,
};
use kedge_lma::{Ipv4Pool, Ipv6Pool, MnpMaximum, MobileNetworkPool, Network, Unchecked};

use super::error::ApplyError;

/// Networks with pools. `check` is what else is taken: prefixes of mobile networks that are of no
/// pool, as they are sent or as AAA has named them.
pub fn networks(
    config: &Config,
    configured: &[NetworkConfig],
    check: Option<MobileNetworkCheck>,
) -> Result<BTreeMap<String, Network>, ApplyError> {
    let unchecked = match check {
        Some(MobileNetworkCheck::Unauthorized) => Unchecked::MobileNetworks,
        Some(MobileNetworkCheck::Aaa) => Unchecked::NamedByAaa,
        None => Unchecked::Nothing,
    };
    let network = |network: &NetworkConfig| {
        let (ipv4, ipv6) = (ipv4_pools(config, network)?, ipv6_pools(config, network)?);
        let mobile_networks = mobile_networks(network);
        Ok((network.name.clone(), Network { ipv4, ipv6, mobile_networks, unchecked }))
    };
    configured.iter().map(network).collect()
}

/// Where home addresses come from: a pool of the network's own, or all that has the name it says.
fn ipv4_pools(config: &Config, network: &NetworkConfig) -> Result<Vec<Ipv4Pool>, ApplyError> {
    if let Some(own) = network.ipv4 {
        let config::Ipv4Pool { start, prefix_len } = own;
        return Ok(vec![Ipv4Pool { start, last: None, prefix_len }]);
    }
    let Some(named) = &network.named_ipv4 else { return Ok(Vec::new()) };
    let pool = config.local_ipv4_pool(named).map(|range| Ipv4Pool {
        start: range.first,
        last: Some(range.last),
        prefix_len: named.prefix_len,
    });
    defined(pool.collect(), network, named, "ip local pool NAME FIRST LAST")
}

/// Where home network prefixes come from, likewise.
fn ipv6_pools(config: &Config, network: &NetworkConfig) -> Result<Vec<Ipv6Pool>, ApplyError> {
    if let Some(own) = network.ipv6 {
        return Ok(vec![Ipv6Pool { start: own.start, prefix_len: own.prefix_len }]);
    }
    let Some(named) = &network.named_ipv6 else { return Ok(Vec::new()) };
    let pool = config
        .local_ipv6_pool(named)
        .map(|block| Ipv6Pool { start: block.block.addr(), prefix_len: block.block.prefix_len() });
    defined(pool.collect(), network, named, "ipv6 local pool NAME PREFIX/LENGTH 64")
}

/// What a network names has to be there.
fn defined<P>(
    pool: Vec<P>,
    network: &NetworkConfig,
    named: &NamedPool,
    syntax: &'static str,
) -> Result<Vec<P>, ApplyError> {
    if pool.is_empty() {
        let (network, pool) = (network.name.clone(), named.pool.clone());
        return Err(ApplyError::NoPool { network, pool, syntax });
    }
    Ok(pool)
}

/// The one network of a customer that has no pools, and no other network.
pub const UNAUTHORIZED: &str = "unauthorized";

/// The networks of a customer.
pub fn of_customer(
    config: &Config,
    customer: &Customer,
    check: Option<MobileNetworkCheck>,
) -> Result<BTreeMap<String, Network>, ApplyError> {
    match customer.unauthorized {
        true => Ok(BTreeMap::from([(UNAUTHORIZED.to_owned(), Network::unauthorized())])),
        false => networks(config, &customer.networks, check),
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

    /// The networks of an anchor with this text before it.
    fn of_anchor(pools: &str) -> Result<BTreeMap<String, Network>, ApplyError> {
        let text = format!(
            "{pools}ipv6 mobile pmipv6-lma lma1 domain d\n network n\n  pool ipv4 v4 pfxlen 24\n  \
             pool ipv6 v6 pfxlen 64\n !\n network m\n  \
             pool mobile-node ipv4 start-address 10.1.0.2 pool-prefix 16\n"
        );
        let (config, _) = config::parse(&text, "text").expect("it reads");
        networks(&config, &config.lma.as_ref().expect("an anchor").networks, None)
    }

    #[test]
    fn a_network_has_the_addresses_of_the_pools_that_it_names() {
        let defined = "ip local pool v4 10.0.0.10 10.0.0.99\nip local pool v4 10.0.0.200\n\
            ipv6 local pool v6 2001:db8::/48 64\n";
        let networks = of_anchor(defined).expect("they are defined");
        let at = |n| std::net::Ipv4Addr::new(10, 0, 0, n);
        let range =
            |first, last| Ipv4Pool { start: at(first), last: Some(at(last)), prefix_len: 24 };
        let ipv4 = [range(10, 99), range(200, 200)];
        let ipv6 = Ipv6Pool { start: "2001:db8::".parse().expect("an address"), prefix_len: 48 };
        assert_eq!(networks["n"].ipv4, ipv4);
        assert_eq!(networks["n"].ipv6, [ipv6]);
        let own = networks["m"].ipv4[0];
        assert_eq!((own.start.octets(), own.last, own.prefix_len), ([10, 1, 0, 2], None, 16));
    }

    #[test]
    fn a_pool_that_is_not_defined_is_refused_with_the_command_that_defines_it() {
        let refused = |pools| {
            let error = of_anchor(pools).expect_err("a pool is missing");
            assert!(error.is_absence());
            error.to_string()
        };
        assert_eq!(
            refused(""),
            "network n: there is no pool 'v4'; add 'ip local pool NAME FIRST LAST' with that name"
        );
        assert_eq!(
            refused("ip local pool v4 10.0.0.10 10.0.0.99\n"),
            "network n: there is no pool 'v6'; add 'ipv6 local pool NAME PREFIX/LENGTH 64' with \
             that name"
        );
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
