//! What kind of domain a run has: its size, its addresses, its settings. All of it is drawn from
//! the seed.
//!
//! | | anchors | gateways |
//! |---|---|---|
//! | transport | 2001:db8:a::n, 192.0.2.n | 2001:db8:b::n, 198.51.100.n |
//! | pools | 2001:db8:n000::/52, 10.n.0.0/16 | |

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use kedge_lma::{Authentication, AuthenticationHome, EncapsulationPolicy};
use kedge_mag::{Auth, AuthHome, CareOf, DetachDiscovery, InterfaceId, Replay, TunnelMode};
use kedge_model::{CustomerId, Lifetime, MacAddr, MnId, SignalPath, VrfId};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;
use kedge_wire::registry::AccessTechnologyType;

use crate::chance::Chance;

/// The routing world of signalling and tunnels.
pub const TRANSPORT: VrfId = VrfId(1);
/// The routing world of the nodes' packets.
pub const INNER: VrfId = VrfId(2);
/// The tenant.
pub const CUSTOMER: CustomerId = CustomerId(7);
/// The port of data in UDP (RFC 5844 §4.1.3.2).
pub const DATA_PORT: u16 = 5437;
/// The port of signalling over IPv4 (RFC 5844 §4.1.3.1).
const SIGNALLING_PORT: u16 = 5436;
/// The links on which any number of nodes are, and nobody sees one leave.
pub const SHARED: [InterfaceId; 2] = [InterfaceId(1), InterfaceId(2)];
/// The link of each gateway with a node that never says a word and is always there.
pub const STATIC: InterfaceId = InterfaceId(50);
/// The first of the links that are one node's, whose carrier says whether it is there.
pub const FIRST_PORT: u32 = 100;

const NETWORK: &str = "home";

/// A kind of domain.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many anchors.
    pub anchors: usize,
    /// Whether a node goes to the other anchor when its own does not answer, and returns.
    pub fails_over: bool,
    /// How many gateways.
    pub gateways: usize,
    /// How many interfaces of mobile nodes.
    pub hosts: usize,
    /// How many of them one node has.
    pub hosts_per_node: usize,
    /// How many links of one node each a gateway has.
    pub ports: u32,
    /// Whether signalling and tunnels are IPv4.
    pub ipv4_transport: bool,
    /// Whether nodes can leave without being seen; gateways then look for the silent.
    pub unseen_leaves: bool,
    /// Whether the second shared link of each gateway is of another technology.
    pub two_technologies: bool,
    /// What the anchor serves.
    pub service: kedge_lma::Service,
    gateway_service: kedge_mag::Service,
    authentication: Option<AuthenticationHome>,
    updates_only: bool,
    mode: TunnelMode,
    policy: EncapsulationPolicy,
    generate_grekey: bool,
    replay: Replay,
    timestamp_window: Option<Duration>,
    create_wait: Duration,
    delete_wait: Duration,
    /// The longest lifetime.
    pub lifetime: u64,
    refresh_time: Option<Duration>,
    discovery: DetachDiscovery,
    /// When anchors and gateways ask each other whether they live.
    pub heartbeat: Option<Rhythm>,
    /// How many bindings an anchor holds.
    bce_maximum: u32,
    /// The lengths of the pools' blocks, of IPv4 and of IPv6.
    pool_lengths: (u8, u8),
}

impl Plan {
    /// A kind of domain that the dice choose.
    pub fn drawn(chance: &mut Chance) -> Self {
        let gateways = chance.between(2, 8) as usize;
        let hosts = chance.pick(&[4, 12, 40, 100, 240]);
        let home = [AuthenticationHome::CareOf, AuthenticationHome::Zero];
        let (mode, policy, generate_grekey) = Self::encapsulation(chance);
        let services = [
            (kedge_lma::Service::Dual, kedge_mag::Service::Dual),
            (kedge_lma::Service::Dual, kedge_mag::Service::Dual),
            (kedge_lma::Service::Dual, kedge_mag::Service::Dual),
            (kedge_lma::Service::Ipv6, kedge_mag::Service::Ipv6),
            (kedge_lma::Service::Ipv4, kedge_mag::Service::Ipv4),
            // The anchor allows less than the gateway asks for.
            (kedge_lma::Service::Ipv6, kedge_mag::Service::Dual),
            (kedge_lma::Service::Ipv4, kedge_mag::Service::Dual),
        ];
        let (service, gateway_service) = chance.pick(&services);
        let mut plan = Self {
            anchors: chance.between(1, 2) as usize,
            fails_over: false,
            gateways,
            hosts,
            hosts_per_node: if chance.one_in(4) { 2 } else { 1 },
            ports: (hosts / gateways) as u32 + 3,
            ipv4_transport: chance.one_in(2),
            unseen_leaves: !chance.one_in(3),
            two_technologies: chance.one_in(4),
            service,
            gateway_service,
            authentication: chance.one_in(2).then(|| chance.pick(&home)),
            updates_only: chance.one_in(2),
            mode,
            policy,
            generate_grekey,
            replay: if chance.one_in(3) { Replay::Sequence } else { Replay::Timestamp },
            timestamp_window: (!chance.one_in(5)).then_some(Duration::from_secs(7)),
            create_wait: Duration::from_millis(chance.pick(&[0, 1_500, 4_000])),
            delete_wait: Duration::from_secs(chance.pick(&[1, 10, 30])),
            lifetime: chance.pick(&[40, 120, 300]),
            refresh_time: chance.pick(&[None, Some(20), Some(100)]).map(Duration::from_secs),
            discovery: DetachDiscovery {
                interval: Duration::from_secs(chance.pick(&[5, 15])),
                timeout: Duration::from_secs(1),
                retries: 3,
            },
            heartbeat: chance.one_in(2).then_some(Rhythm {
                interval: Duration::from_secs(chance.pick(&[10, 30])),
                timeout: Duration::from_secs(2),
                allowed: chance.pick(&[1, 3]),
            }),
            bce_maximum: if chance.one_in(8) { hosts as u32 / 2 + 1 } else { 128_000 },
            pool_lengths: if chance.one_in(4) { scarce(chance, hosts) } else { (16, 52) },
        };
        // Where all have a place, all are where they would rather be in the end.
        let is_roomy = plan.bce_maximum as usize > hosts && plan.pool_lengths == (16, 52);
        plan.fails_over = plan.anchors > 1 && is_roomy && chance.one_in(2);
        plan
    }

    /// What both sides ask for and allow, as far as the two can agree.
    fn encapsulation(chance: &mut Chance) -> (TunnelMode, EncapsulationPolicy, bool) {
        let modes = [TunnelMode::IpInIp, TunnelMode::Gre, TunnelMode::GreKeyed, TunnelMode::Udp];
        let policies = [
            EncapsulationPolicy::AsRequested,
            EncapsulationPolicy::AsRequested,
            EncapsulationPolicy::Gre,
            EncapsulationPolicy::Udp,
        ];
        let (mode, policy) = (chance.pick(&modes), chance.pick(&policies));
        let asks_for_gre = matches!(mode, TunnelMode::Gre | TunnelMode::GreKeyed);
        // GRE that is configured at the anchor alone cannot be agreed on without its option.
        let keys = policy == EncapsulationPolicy::Gre && !asks_for_gre;
        (mode, policy, keys || !chance.one_in(3))
    }

    /// The settings of an anchor that has restarted `restarts` times.
    pub fn anchor(&self, anchor: usize, restarts: u32) -> kedge_lma::Settings {
        let key = || Key::new(0x100, b"the secret of a domain");
        let n = anchor as u16 + 1;
        let network = kedge_lma::Network {
            ipv4: Some(kedge_lma::Ipv4Pool {
                start: Ipv4Addr::new(10, n as u8, 0, 1),
                prefix_len: self.pool_lengths.0,
            }),
            ipv6: Some(kedge_lma::Ipv6Pool {
                start: Ipv6Addr::new(0x2001, 0xdb8, n << 12, 0, 0, 0, 0, 0),
                prefix_len: self.pool_lengths.1,
            }),
            ..Default::default()
        };
        let peers = (0..self.gateways).map(|gateway| kedge_lma::Peer {
            name: gateway_name(gateway),
            transport: TRANSPORT,
            addresses: vec![self.gateway_address(gateway)],
            authentication: None,
            encapsulation: None,
            dscp: None,
        });
        kedge_lma::Settings {
            customer: CUSTOMER,
            vrf: INNER,
            lifetime: Lifetime::from_secs(self.lifetime),
            delete_wait: self.delete_wait,
            create_wait: self.create_wait,
            timestamp_window: self.timestamp_window,
            authentication: self.authentication.map(|home_address| Authentication {
                key: key(),
                home_address,
                updates_only: self.updates_only,
            }),
            encapsulation: self.policy,
            generate_grekey: self.generate_grekey,
            heartbeat: self.heartbeat,
            bce_maximum: self.bce_maximum,
            restart_counter: restarts,
            peers: peers.collect(),
            networks: BTreeMap::from([(NETWORK.to_owned(), network)]),
            default_profile: Some(kedge_lma::Profile {
                service: self.service,
                network: Some(NETWORK.to_owned()),
                ..kedge_lma::Profile::default()
            }),
            ..kedge_lma::Settings::default()
        }
    }

    /// The settings of a gateway that has restarted `restarts` times.
    pub fn gateway(&self, gateway: usize, restarts: u32) -> kedge_mag::Settings {
        let address = self.gateway_address(gateway);
        let lma = |anchor: usize| kedge_mag::Lma {
            address: self.anchor_address(anchor),
            encapsulation: self.mode,
            auth: self.authentication.map(|home| Auth {
                key: Key::new(0x100, b"the secret of a domain"),
                home: match home {
                    AuthenticationHome::CareOf => AuthHome::CareOf,
                    AuthenticationHome::Zero => AuthHome::Zero,
                    AuthenticationHome::HomeNetworkPrefix => AuthHome::HomeNetworkPrefix,
                },
                updates_only: self.updates_only,
            }),
        };
        let profile = |anchor: usize| kedge_mag::Profile {
            service: self.gateway_service,
            lma: Some(anchor_name(anchor)),
            ..kedge_mag::Profile::default()
        };
        kedge_mag::Settings {
            name: gateway_name(gateway),
            domain: "example".to_owned(),
            care_of: CareOf {
                ipv4: if let IpAddr::V4(address) = address { Some(address) } else { None },
                ipv6: if let IpAddr::V6(address) = address { Some(address) } else { None },
            },
            transport: TRANSPORT,
            inner: INNER,
            lmas: (0..self.anchors).map(|n| (anchor_name(n), Arc::new(lma(n)))).collect(),
            // Each host has its anchor, which is asked first.
            preference: match self.fails_over {
                true => (0..self.anchors).map(anchor_name).collect(),
                false => Vec::new(),
            },
            interfaces: self.interfaces().map(|id| (id, self.interface(gateway, id))).collect(),
            identities: (0..self.hosts).map(|n| (mac(n), self.mn_id(n))).collect(),
            aaa: false,
            profiles: (0..self.hosts)
                .map(|n| (self.mn_id(n), profile(self.anchor_of(n))))
                .chain([(static_node(gateway), profile(self.anchor_of_static(gateway)))])
                .collect(),
            default_profile: None,
            registration: kedge_mag::Registration {
                lifetime: Lifetime::from_secs(self.lifetime),
                refresh_time: self.refresh_time,
                ..kedge_mag::Registration::default()
            },
            replay: self.replay,
            replay_window: None,
            revocation: kedge_mag::Revocation::default(),
            detach: self.unseen_leaves.then_some(self.discovery),
            max_bindings: 10_000,
            tunnel_mtu: None,
            outer_mtu: 1500,
            dscp: kedge_mag::Dscp::default(),
            heartbeat: self.heartbeat,
            restart_counter: restarts,
        }
    }

    /// The access links of every gateway.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceId> + use<> {
        let ports = (FIRST_PORT..FIRST_PORT + self.ports).map(InterfaceId);
        SHARED.into_iter().chain([STATIC]).chain(ports)
    }

    fn interface(&self, gateway: usize, id: InterfaceId) -> kedge_mag::Interface {
        let other = self.two_technologies && id == SHARED[1];
        kedge_mag::Interface {
            name: format!("access{}", id.0),
            access_technology: match other {
                true => AccessTechnologyType::IEEE_802_3,
                false => AccessTechnologyType::IEEE_802_11A_B_G,
            },
            mtu: 1500,
            identity: (id == STATIC).then(|| static_node(gateway)),
            static_node: id == STATIC,
            logical: false,
        }
    }

    /// Whose interface a host is.
    pub fn mn_id(&self, host: usize) -> MnId {
        let node = host / self.hosts_per_node;
        MnId::nai(&format!("mn{node}@example.com")).expect("a short identifier")
    }

    /// The anchor of a host's node.
    pub fn anchor_of(&self, host: usize) -> usize {
        host / self.hosts_per_node % self.anchors
    }

    /// The anchor of a gateway's static node.
    pub fn anchor_of_static(&self, gateway: usize) -> usize {
        gateway % self.anchors
    }

    /// Whether an anchor has no place for another session.
    pub fn is_full(&self, lma: &kedge_lma::Lma) -> bool {
        let (ipv4, ipv6) = lma.usage(NETWORK).expect("the network is configured");
        let is_used_up = |usage: kedge_lma::Usage| usage.taken == usage.size;
        lma.len() >= self.bce_maximum
            || self.service.has_ipv4() && ipv4.is_some_and(is_used_up)
            || self.service.has_ipv6() && ipv6.is_some_and(is_used_up)
    }

    /// Where an anchor is reached.
    pub fn anchor_address(&self, anchor: usize) -> IpAddr {
        let n = anchor as u16 + 1;
        match self.ipv4_transport {
            true => Ipv4Addr::new(192, 0, 2, n as u8).into(),
            false => Ipv6Addr::new(0x2001, 0xdb8, 0xa, 0, 0, 0, 0, n).into(),
        }
    }

    /// Where a gateway is reached.
    pub fn gateway_address(&self, gateway: usize) -> IpAddr {
        let n = gateway as u16 + 1;
        match self.ipv4_transport {
            true => Ipv4Addr::new(198, 51, 100, n as u8).into(),
            false => Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, n).into(),
        }
    }

    /// The path of messages between an anchor and a gateway, as the anchor sees it.
    pub fn signal_path(&self, anchor: usize, gateway: usize) -> SignalPath {
        let port = if self.ipv4_transport { SIGNALLING_PORT } else { 0 };
        SignalPath {
            transport: TRANSPORT,
            local: (self.anchor_address(anchor), port).into(),
            peer: (self.gateway_address(gateway), port).into(),
        }
    }

    /// The anchor with a pool that an address is from.
    pub fn anchor_with_pool(&self, address: IpAddr) -> Option<usize> {
        let n = match address {
            IpAddr::V4(address) => address.octets()[1].into(),
            IpAddr::V6(address) => address.segments()[2] >> 12,
        };
        usize::from(n).checked_sub(1).filter(|anchor| *anchor < self.anchors)
    }

    /// Within what time a domain left in peace has come to rest.
    ///
    /// A refused node waits up to 600 s (the gateway's patience, doubled from 10 s); a node holds
    /// on to a lease of a lost session for half of its lifetime; the gateway that lost a session
    /// finds out by a refresh, after half of a lifetime too. A session returns to an anchor that
    /// ignored it after 600 s, to one that fell again and again after 960 s.
    pub fn settling_time(&self) -> Duration {
        let return_time = if self.fails_over { 960 + 600 } else { 0 };
        Duration::from_secs(700 + 2 * self.lifetime + return_time)
    }
}

/// Pools of which one or the other is too small for all.
fn scarce(chance: &mut Chance, hosts: usize) -> (u8, u8) {
    // Of about half as many addresses as there are hosts.
    let bits = (hosts as u32 / 2).ilog2() as u8 + 1;
    match chance.one_in(2) {
        true => (32 - bits.max(2), 52),
        false => (16, 64 - bits),
    }
}

/// The node that is always there at a gateway.
pub fn static_node(gateway: usize) -> MnId {
    MnId::nai(&format!("static{gateway}@example.com")).expect("a short identifier")
}

/// The hardware address of a host.
pub fn mac(host: usize) -> MacAddr {
    let [.., a, b] = (host as u32).to_be_bytes();
    MacAddr([0x02, 0, 0x5e, 0x10, a, b])
}

/// What a gateway calls itself, and is called by its anchors.
pub fn gateway_name(gateway: usize) -> String {
    format!("gateway{gateway}")
}

fn anchor_name(anchor: usize) -> String {
    format!("anchor{anchor}")
}
