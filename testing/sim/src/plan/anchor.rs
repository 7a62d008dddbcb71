//! What an anchor is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_lma::{
    Authentication, CustomerSettings, CustomersSettings, EncapsulationPolicy, Ipv4Pool, Ipv6Pool,
    Lma, MobileNetworkPool, Network, Peer, Profile, Settings, Unchecked, Usage,
};
use kedge_model::{Ipv6Net, Lifetime, MnId};

use super::places::{customer_id, gateway_name, inner};
use super::{NETWORK, Plan, key};

/// What an operator has changed at an anchor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AnchorOrders {
    /// Homes come from other pools.
    pub other_pools: bool,
    /// A gateway that is not known any more.
    pub without_gateway: Option<usize>,
    /// A customer that is not served any more.
    pub without_customer: Option<usize>,
    /// Bindings last no longer, in seconds.
    pub lifetime: Option<u64>,
    /// The largest inner packet.
    pub tunnel_mtu: Option<u16>,
    /// Which tunnels are allowed, if not those of the beginning.
    pub policy: Option<EncapsulationPolicy>,
}

impl Plan {
    /// The settings of an anchor that has restarted `restarts` times.
    pub fn anchor(&self, anchor: usize, restarts: u32, orders: AnchorOrders) -> CustomersSettings {
        let customers = (0..self.customers).filter(|n| Some(*n) != orders.without_customer);
        let customers = customers.map(|customer| CustomerSettings {
            name: format!("customer{customer}"),
            settings: self.machine(anchor, customer, restarts, orders),
        });
        CustomersSettings { customers: customers.collect(), entitled: u32::MAX }
    }

    fn machine(
        &self,
        anchor: usize,
        customer: usize,
        restarts: u32,
        orders: AnchorOrders,
    ) -> Settings {
        let known = self.gateways_of(customer).filter(|gateway| {
            !self.is_translated(*gateway) && Some(*gateway) != orders.without_gateway
        });
        let peers = known.map(|gateway| Peer {
            name: gateway_name(gateway),
            transport: self.transport(customer),
            addresses: vec![self.gateway_address(gateway)],
            authentication: None,
            encapsulation: None,
            dscp: None,
        });
        let network = self.network(anchor, orders.other_pools);
        Settings {
            customer: customer_id(customer),
            vrf: inner(customer),
            addresses: vec![(self.transport(customer), self.anchor_address(anchor, customer))],
            lifetime: Lifetime::from_secs(orders.lifetime.unwrap_or(self.lifetime)),
            delete_wait: self.delete_wait,
            create_wait: self.create_wait,
            timestamp_window: self.timestamp_window,
            // Where a gateway behind a translator comes from, nobody knows before.
            dynamic_mag_learning: self.translators,
            authentication: self.authentication.map(|home_address| Authentication {
                key: key(),
                home_address,
                updates_only: self.updates_only,
            }),
            encapsulation: orders.policy.unwrap_or(self.policy),
            generate_grekey: self.generate_grekey,
            heartbeat: self.heartbeat,
            bce_maximum: self.bce_maximum,
            restart_counter: restarts,
            tunnel_mtu: orders.tunnel_mtu,
            peers: peers.collect(),
            networks: BTreeMap::from([(NETWORK.to_owned(), network)]),
            aaa: self.aaa,
            default_profile: (!self.aaa || self.has_default).then(|| self.profile()),
            ..Settings::default()
        }
    }

    fn network(&self, anchor: usize, other_pools: bool) -> Network {
        let n = anchor as u16 + 1;
        let (ipv4, ipv6) = if other_pools { (64, 0x800) } else { (0, 0) };
        let mobile = [
            MobileNetworkPool {
                start: Ipv6Addr::new(0x2001, 0xdb8, n << 12 | 0x400, 0, 0, 0, 0, 0).into(),
                pool_len: 44,
                network_len: 56,
            },
            MobileNetworkPool {
                start: Ipv4Addr::new(172, 16 + n as u8, 0, 0).into(),
                pool_len: 16,
                network_len: 28,
            },
        ];
        Network {
            ipv4: vec![Ipv4Pool {
                start: Ipv4Addr::new(10, ipv4 + n as u8, 0, 1),
                last: None,
                prefix_len: self.pool_lengths.0,
            }],
            ipv6: vec![Ipv6Pool {
                start: Ipv6Addr::new(0x2001, 0xdb8, n << 12 | ipv6, 0, 0, 0, 0, 0),
                prefix_len: self.pool_lengths.1,
            }],
            mobile_networks: if self.delegates { mobile.to_vec() } else { Vec::new() },
            unchecked: match self.delegates {
                true => Unchecked::MobileNetworks,
                false => Unchecked::Nothing,
            },
        }
    }

    /// What a node may have, whoever says so.
    pub fn profile(&self) -> Profile {
        let network = Some(NETWORK.to_owned());
        Profile { service: self.service, network, ..Profile::default() }
    }

    /// What AAA says that a node may have at an anchor.
    pub fn authorized(&self, anchor: usize, orders: AnchorOrders, mn_id: &MnId) -> Profile {
        let mut profile = self.profile();
        if let Some(n) = self.node_of(mn_id).filter(|_| self.names_addresses) {
            let Network { ipv4, ipv6, .. } = self.network(anchor, orders.other_pools);
            let host = |pool: Ipv4Pool| Ipv4Addr::from(pool.start.to_bits() & !0xffff | 0x8000 | n);
            let subnet = |pool: Ipv6Pool| {
                let subnet = pool.start.to_bits() | u128::from(0x800 | n) << 64;
                Ipv6Net::new_assert(subnet.into(), 64)
            };
            profile.ipv4 = ipv4.first().copied().map(host).filter(|_| self.service.has_ipv4());
            let ipv6 = ipv6.into_iter().map(subnet).filter(|_| self.service.has_ipv6());
            profile.prefixes.extend(ipv6);
        }
        profile
    }

    /// Whether an anchor, which has so many bindings, has no place for another session of a
    /// customer.
    pub fn is_full(&self, bindings: u32, lma: &Lma) -> bool {
        let (ipv4, ipv6) = lma.usage(NETWORK).expect("the network is configured");
        let is_used_up = |usage: Usage| usage.taken == usage.size;
        bindings >= self.bce_maximum
            || self.service.has_ipv4() && ipv4.is_some_and(is_used_up)
            || self.service.has_ipv6() && ipv6.is_some_and(is_used_up)
    }

    /// For how long an anchor remembers what has nothing left (RFC 5213 says nothing of it).
    pub fn memory(&self) -> Duration {
        Duration::from_secs(if self.translators { 3_700 } else { 0 })
    }
}
