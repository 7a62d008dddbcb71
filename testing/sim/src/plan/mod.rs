//! What kind of domain a run has: its size, its addresses, its settings. All of it is drawn from
//! the seed.

mod anchor;
mod gateway;
mod places;

use std::time::Duration;

use kedge_lma::{AuthenticationHome, EncapsulationPolicy};
use kedge_mag::{DetachDiscovery, InterfaceId, Replay, TunnelMode};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;

use crate::chance::Chance;

pub use anchor::AnchorOrders;
pub use gateway::GatewayOrders;
pub use places::{
    DATA_PORT, SIGNALLING_PORT, customer_id, customer_inside, customer_number, gateway_name, inner,
};

/// The links on which any number of nodes are, and nobody sees one leave.
pub const SHARED: [InterfaceId; 2] = [InterfaceId(1), InterfaceId(2)];
/// The link of each gateway with a node that never says a word and is always there.
pub const STATIC: InterfaceId = InterfaceId(50);
/// What stands for a link where the gateway is a node itself.
pub const LOGICAL: InterfaceId = InterfaceId(60);
/// The first of the links that are one node's, whose carrier says whether it is there.
pub const FIRST_PORT: u32 = 100;

/// What a gateway asks for. GRE is first.
const MODES: [TunnelMode; 4] =
    [TunnelMode::Gre, TunnelMode::GreKeyed, TunnelMode::IpInIp, TunnelMode::Udp];
/// What an anchor allows. GRE alone is last.
const POLICIES: [EncapsulationPolicy; 4] = [
    EncapsulationPolicy::AsRequested,
    EncapsulationPolicy::AsRequested,
    EncapsulationPolicy::Udp,
    EncapsulationPolicy::Gre,
];

/// The network of all nodes.
pub const NETWORK: &str = "home";

/// A kind of domain.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many anchors.
    pub anchors: usize,
    /// Whether a node goes to the other anchor when its own does not answer, and returns.
    pub fails_over: bool,
    /// How many customers the anchors have.
    pub customers: usize,
    /// Whether each has a transport world of its own, all of them with the same addresses.
    pub own_transports: bool,
    /// How many gateways.
    pub gateways: usize,
    /// Whether every other gateway is behind a translator.
    pub translators: bool,
    /// How many interfaces of mobile nodes.
    pub hosts: usize,
    /// How many of them one node has.
    pub hosts_per_node: usize,
    /// How many links of one node each a gateway has.
    pub ports: u32,
    /// Whether there are networks behind nodes and gateways.
    pub delegates: bool,
    /// Whether AAA says what a node may have.
    pub aaa: bool,
    /// Whether a node has it too when AAA says nothing.
    pub has_default: bool,
    /// Whether AAA names a node's addresses, too.
    pub names_addresses: bool,
    /// Whether signalling and tunnels are IPv4.
    pub ipv4_transport: bool,
    /// Whether nodes can leave without being seen; gateways then look for the silent.
    pub unseen_leaves: bool,
    /// Whether the second shared link of each gateway is of another technology.
    pub two_technologies: bool,
    /// What the anchor serves.
    pub service: kedge_lma::Service,
    gateway_service: kedge_mag::Service,
    /// Whether messages are protected, and how.
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
        let customers = chance.pick(&[1, 1, 2, 3]).min(gateways);
        let ipv4_transport = chance.one_in(2);
        let mut plan = Self {
            anchors: chance.between(1, 2) as usize,
            fails_over: false,
            customers,
            own_transports: chance.one_in(2),
            gateways,
            translators: ipv4_transport && chance.one_in(2),
            hosts,
            hosts_per_node: if chance.one_in(4) { 2 } else { 1 },
            ports: (hosts / gateways) as u32 + 3,
            delegates: chance.one_in(2),
            aaa: chance.one_in(3),
            has_default: chance.one_in(2),
            names_addresses: chance.one_in(2),
            ipv4_transport,
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
            pool_lengths: if chance.one_in(4) {
                scarce(chance, hosts / customers)
            } else {
                (16, 52)
            },
        };
        // Where all have a place, all are where they would rather be in the end.
        let is_roomy = plan.bce_maximum as usize > hosts && plan.pool_lengths == (16, 52);
        plan.fails_over = plan.anchors > 1 && is_roomy && chance.one_in(2);
        // What AAA names is one interface's, and in the upper halves of pools of the full size.
        plan.names_addresses &= plan.aaa && is_roomy && plan.hosts_per_node == 1;
        plan
    }

    /// What both sides ask for and allow, as far as the two can agree.
    fn encapsulation(chance: &mut Chance) -> (TunnelMode, EncapsulationPolicy, bool) {
        let (mode, policy) = (chance.pick(&MODES), chance.pick(&POLICIES));
        let asks_for_gre = matches!(mode, TunnelMode::Gre | TunnelMode::GreKeyed);
        // GRE that is configured at the anchor alone cannot be agreed on without its option.
        let keys = policy == EncapsulationPolicy::Gre && !asks_for_gre;
        (mode, policy, keys || !chance.one_in(3))
    }

    /// What else a gateway may ask for, whatever its anchors allow.
    pub fn another_mode(&self, chance: &mut Chance) -> TunnelMode {
        let is_free = self.generate_grekey || self.policy != EncapsulationPolicy::Gre;
        chance.pick(if is_free { &MODES } else { &MODES[..2] })
    }

    /// What else an anchor may allow, whatever its gateways ask for. A session that has once done
    /// without the option does not agree on GRE that is configured at the anchor alone.
    pub fn another_policy(&self, chance: &mut Chance) -> EncapsulationPolicy {
        match (self.generate_grekey, self.policy) {
            (true, _) => chance.pick(&POLICIES),
            (false, EncapsulationPolicy::Gre) => EncapsulationPolicy::Gre,
            (false, _) => chance.pick(&POLICIES[..3]),
        }
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
    let bits = (hosts as u32 / 2).max(1).ilog2() as u8 + 1;
    match chance.one_in(2) {
        true => (32 - bits.max(2), 52),
        false => (16, 64 - bits),
    }
}

/// What gateways and anchors share.
fn key() -> Key {
    Key::new(0x100, b"the secret of a domain")
}
