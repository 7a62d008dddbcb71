//! What an operator decides about an anchor, as plain data.
//!
//! The anchor does not know the configuration language; the daemon maps one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use kedge_model::{CustomerId, GreKey, IpNet, Ipv6Net, Lifetime, Tunnel, VrfId};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;

/// Everything an anchor is told. [`Lma::apply`](crate::Lma::apply) changes it in service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The customer that subscribers of this anchor belong to.
    pub customer: CustomerId,
    /// The customer's inner routing world.
    pub vrf: VrfId,
    /// The addresses that gateways send to (LMAA), each in its routing world; one address may be
    /// there in several. A binding at another one has no place any more; none are named where the
    /// shell has no others.
    pub addresses: Vec<(VrfId, IpAddr)>,
    /// The longest lifetime granted; a gateway that asks for less gets less.
    pub lifetime: Lifetime,
    /// How long after an acceptance gateways are advised to refresh (RFC 6275 §6.2.4).
    pub refresh_advice: Option<Lifetime>,
    /// How many home network prefixes one interface of a node may hold, 1 to
    /// [`Prefixes::MAX`](crate::Prefixes::MAX).
    pub hnp_maximum: u8,
    /// How many prefixes one session may hold for the networks behind its node, at most 32
    /// (RFC 7148).
    pub mnp_of_session: MnpMaximum,
    /// How many prefixes all sessions together may.
    pub mnp_of_customer: MnpMaximum,
    /// How many bindings the anchor holds, those of its other customers counted
    /// ([`Lma::set_others`](crate::Lma::set_others)).
    pub bce_maximum: u32,
    /// MinDelayBeforeBCEDelete (RFC 5213 §9.1).
    pub delete_wait: Duration,
    /// MaxDelayBeforeNewBCEAssign (RFC 5213 §9.1); zero makes a new session without waiting.
    pub create_wait: Duration,
    /// TimestampValidityWindow (RFC 5213 §9.1). `None` compares a timestamp only with the one
    /// accepted before it, which is what MobileNodeGeneratedTimestampInUse asks for (§9.3).
    pub timestamp_window: Option<Duration>,
    /// Whether an update must say when it was sent, by a Timestamp or a MESG-ID option, instead
    /// of being ordered by its sequence number (RFC 4285 §6).
    pub timestamp_required: bool,
    /// Whether gateways that are not among [`Self::peers`] may register nodes.
    pub dynamic_mag_learning: bool,
    /// How many gateways that are not among [`Self::peers`] are known at a time.
    pub learned_mag_maximum: u32,
    /// The protection of the exchange with every gateway that has none of its own.
    pub authentication: Option<Authentication>,
    /// The encapsulation towards every gateway that has none of its own.
    pub encapsulation: EncapsulationPolicy,
    /// AcceptForcedIPv4UDPEncapsulationRequest (RFC 5844 §5.1).
    pub accept_forced_udp: bool,
    /// Whether GRE tunnels carry keys of which this anchor chooses its own (RFC 5845 §3.3).
    pub generate_grekey: bool,
    /// The key of the customer's GRE packets in both directions, in place of one for each binding.
    /// A gateway that knows it needs no GRE Key option.
    pub gre_key: Option<GreKey>,
    /// The code point of what the anchor sends, unless the peer has its own.
    pub dscp: Option<Dscp>,
    /// When gateways are asked whether they live; `None` asks none.
    pub heartbeat: Option<Rhythm>,
    /// Whether gateways are told to ask by the same values (EnableLCMPSubOptHeartbeatControl of
    /// RFC 8127 §4.1); without `heartbeat` there are none.
    pub impose_heartbeat: bool,
    /// How revocations are sent again.
    pub revocation: Revocation,
    /// The restart counter that heartbeat answers carry (RFC 5847 §3.3).
    pub restart_counter: u32,
    /// The largest inner packet of a tunnel; `None` derives it from [`Self::link_mtu`].
    pub tunnel_mtu: Option<u16>,
    /// The largest packet that the transport network carries.
    pub link_mtu: u16,
    /// The gateways that are known by address.
    pub peers: Vec<Peer>,
    /// The pools that addresses are taken from, by the name that profiles use. Pools of one
    /// routing world do not overlap.
    pub networks: BTreeMap<String, Network>,
    /// Profiles by network access identifier: `user@realm` for one node, `@realm` for the rest
    /// of a realm.
    pub profiles: BTreeMap<String, Profile>,
    /// Whether AAA is asked about a node that none of [`Self::profiles`] is for.
    pub aaa: bool,
    /// The profile of a node that none of [`Self::profiles`] is for, and that AAA is not asked about
    /// or says nothing about; `None` refuses it.
    pub default_profile: Option<Profile>,
}

/// The defaults of `docs/config`; no peer, no pool, no profile.
impl Default for Settings {
    fn default() -> Self {
        Self {
            customer: CustomerId::DEFAULT,
            vrf: VrfId::DEFAULT,
            addresses: Vec::new(),
            lifetime: Lifetime::from_secs(3_600),
            refresh_advice: None,
            hnp_maximum: 1,
            mnp_of_session: MnpMaximum::each(16),
            mnp_of_customer: MnpMaximum::UNLIMITED,
            bce_maximum: 128_000,
            delete_wait: Duration::from_secs(10),
            create_wait: Duration::from_millis(1_500),
            timestamp_window: Some(Duration::from_secs(7)),
            timestamp_required: false,
            dynamic_mag_learning: false,
            learned_mag_maximum: 65_536,
            authentication: None,
            encapsulation: EncapsulationPolicy::AsRequested,
            accept_forced_udp: true,
            generate_grekey: true,
            gre_key: None,
            dscp: None,
            heartbeat: None,
            impose_heartbeat: false,
            revocation: Revocation::default(),
            restart_counter: 0,
            tunnel_mtu: None,
            link_mtu: 1_500,
            peers: Vec::new(),
            networks: BTreeMap::new(),
            profiles: BTreeMap::new(),
            aaa: false,
            default_profile: None,
        }
    }
}

impl Settings {
    /// The profile that is configured for a node: its own, or its realm's.
    pub fn configured_profile(&self, nai: Option<&str>) -> Option<&Profile> {
        let own = nai.and_then(|nai| self.profiles.get(nai));
        own.or_else(|| nai.and_then(|nai| self.profiles.get(&nai[nai.rfind('@')?..])))
    }

    /// Whether its tunnels are all over UDP, whatever gateways ask for.
    pub fn is_over_udp_alone(&self) -> bool {
        let of_peer = |peer: &Peer| peer.encapsulation.unwrap_or(self.encapsulation);
        let of_learned = self.dynamic_mag_learning.then_some(self.encapsulation);
        let mut policies = self.peers.iter().map(of_peer).chain(of_learned);
        policies.all(|policy| policy == EncapsulationPolicy::Udp)
    }

    /// The largest inner packet of a tunnel.
    pub(crate) fn mtu_of(&self, tunnel: &Tunnel) -> u16 {
        let room = self.link_mtu.saturating_sub(tunnel.overhead());
        self.tunnel_mtu.unwrap_or(room)
    }
}

/// How a Binding Revocation Indication is sent again (RFC 5846 §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// InitMINDelayBRIs: the first wait for the acknowledgement. Each wait is twice the one before.
    pub delay_min: Duration,
    /// MAX_BRACK_TIMEOUT: the longest wait.
    pub delay_max: Duration,
    /// BRIMaxRetriesNumber: how often it is sent again.
    pub retries: u8,
}

impl Default for Revocation {
    fn default() -> Self {
        Self { delay_min: Duration::from_secs(1), delay_max: Duration::from_secs(2), retries: 1 }
    }
}

/// A mobile access gateway that is known by address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its name in the configuration.
    pub name: String,
    /// The routing world its messages come from.
    pub transport: VrfId,
    /// Where its messages come from.
    pub addresses: Vec<IpAddr>,
    /// Its protection; `None` is the anchor's.
    pub authentication: Option<Authentication>,
    /// Its encapsulation; `None` is the anchor's.
    pub encapsulation: Option<EncapsulationPolicy>,
    /// The code point of what it is sent; `None` is the anchor's.
    pub dscp: Option<Dscp>,
}

/// Protection by the MN-HA option of RFC 4285.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authentication {
    /// The shared key and its SPI.
    pub key: Key,
    /// What stands for the home address in the input of the hash.
    pub home_address: AuthenticationHome,
    /// Whether updates and acknowledgements alone are protected, as RFC 4285 has it, and not
    /// heartbeats too, as RFC 5847 §6 has it.
    pub updates_only: bool,
}

/// What stands for the home address in the input of RFC 4285. A Proxy Binding Update has no Home
/// Address option, and no RFC says what takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuthenticationHome {
    /// The care-of address, as RFC 6275 §9.5.1 reads when that option is absent.
    #[default]
    CareOf,
    /// The unspecified address.
    Zero,
    /// The first home network prefix of the message.
    HomeNetworkPrefix,
}

/// How the encapsulation of a tunnel is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EncapsulationPolicy {
    /// The gateway asks: GRE by a GRE Key option, UDP by the F flag, IP in IP otherwise.
    #[default]
    AsRequested,
    /// GRE (RFC 5845).
    Gre,
    /// GRE that both ends are configured for: a GRE Key option is not required.
    StaticGre,
    /// UDP (RFC 5844 §4).
    Udp,
}

/// A configured code point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dscp {
    /// 1 to 63.
    pub value: u8,
    /// Whether it also replaces another code point that a request came with.
    pub force: bool,
}

/// Where the addresses and prefixes of nodes come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Network {
    /// Where IPv4 home addresses come from, in the order in which they are asked; none refuses IPv4.
    pub ipv4: Vec<Ipv4Pool>,
    /// Where home network prefixes come from, likewise; none refuses IPv6.
    pub ipv6: Vec<Ipv6Pool>,
    /// Where prefixes for the networks behind mobile nodes come from, in the order in which they
    /// are asked; without a pool of a family none of that family is delegated.
    pub mobile_networks: Vec<MobileNetworkPool>,
    /// What nodes may have beside that, as their gateways send it.
    pub unchecked: Unchecked,
}

/// What is taken as gateways send it, if it is of no pool and nobody else's. What they leave to the
/// anchor still comes from pools.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unchecked {
    /// Nothing: all that nodes have is of the pools.
    #[default]
    Nothing,
    /// Prefixes of mobile networks that AAA has named for the node, and for those none but these,
    /// of pools or not.
    NamedByAaa,
    /// Prefixes of mobile networks.
    MobileNetworks,
    /// These, home network prefixes and IPv4 home addresses.
    Everything,
}

impl Unchecked {
    pub(crate) fn has_mobile_networks(self) -> bool {
        self != Self::Nothing
    }

    pub(crate) fn has_homes(self) -> bool {
        self == Self::Everything
    }
}

/// How many prefixes mobile networks may hold; a prefix counts in two of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MnpMaximum {
    /// Of both families together.
    pub both: u32,
    /// Of IPv4.
    pub ipv4: u32,
    /// Of IPv6.
    pub ipv6: u32,
}

impl MnpMaximum {
    /// As many as there are.
    pub const UNLIMITED: Self = Self::each(u32::MAX);

    /// The same for either family and for both.
    pub const fn each(most: u32) -> Self {
        Self { both: most, ipv4: most, ipv6: most }
    }

    /// Whether as many of each family are not too many.
    pub(crate) fn allows(&self, ipv4: u32, ipv6: u32) -> bool {
        ipv4 <= self.ipv4 && ipv6 <= self.ipv6 && ipv4.saturating_add(ipv6) <= self.both
    }
}

impl Network {
    /// A network without pools, whose nodes have what their gateways send.
    pub fn unauthorized() -> Self {
        Self { unchecked: Unchecked::Everything, ..Self::default() }
    }

    /// The blocks that home addresses and home network prefixes are cut from.
    pub fn home_blocks(&self) -> impl Iterator<Item = IpNet> + '_ {
        let ipv4 = self.ipv4.iter().map(|pool| (IpAddr::V4(pool.start), pool.prefix_len));
        let ipv6 = self.ipv6.iter().map(|pool| (IpAddr::V6(pool.start), pool.prefix_len));
        // Two pools may be of one subnet.
        let blocks: BTreeSet<IpNet> = ipv4.chain(ipv6).filter_map(block).collect();
        blocks.into_iter()
    }

    /// The blocks that prefixes of mobile networks are cut from.
    pub fn mobile_blocks(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.mobile_networks.iter().map(|pool| (pool.start, pool.pool_len)).filter_map(block)
    }

    /// Whether an address is of any of these blocks.
    pub fn covers(&self, address: IpAddr) -> bool {
        self.home_blocks().chain(self.mobile_blocks()).any(|block| block.contains(&address))
    }
}

/// A length that is none makes no block.
fn block((start, len): (IpAddr, u8)) -> Option<IpNet> {
    IpNet::new(start, len).ok().map(|net| net.trunc())
}

/// A pool of IPv4 home addresses: from `start` to `last`, less the broadcast address of the subnet
/// and its first host, which is the nodes' default router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Pool {
    /// The first address handed out.
    pub start: Ipv4Addr,
    /// The last one; `None` is the subnet's.
    pub last: Option<Ipv4Addr>,
    /// The length of the subnet's prefix.
    pub prefix_len: u8,
}

/// A pool of home network prefixes: the /64s from that of `start` to the end of the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Pool {
    /// An address in the first prefix handed out.
    pub start: Ipv6Addr,
    /// The length of the block's prefix, at most 64.
    pub prefix_len: u8,
}

/// A pool of mobile network prefixes (RFC 7148): those of one length from that of `start` to the
/// end of the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MobileNetworkPool {
    /// An address in the first prefix handed out.
    pub start: IpAddr,
    /// The length of the block's prefix.
    pub pool_len: u8,
    /// The length of each prefix handed out.
    pub network_len: u8,
}

/// What a node may have (RFC 5213 §6.2, RFC 5844 §3.2.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// The families the node is served in.
    pub service: Service,
    /// The network its addresses come from; `None` disables the service for the node.
    pub network: Option<String>,
    /// The one service it may select (RFC 5149); `None` lets it select any.
    pub apn: Option<String>,
    /// The key of its GRE packets to the anchor; `None` is one of the anchor's choosing.
    pub uplink_key: Option<GreKey>,
    /// The protection of updates about it, whichever gateway sends them, and of their answers;
    /// `None` is the gateway's. What AAA says has none.
    pub authentication: Option<Arc<Authentication>>,
    /// How long its sessions last at most; `None` sets no limit. This and what follows is AAA's to
    /// say (RFC 6572).
    pub session: Option<Duration>,
    /// Its IPv4 home address, of the network's pool; `None` takes any.
    pub ipv4: Option<Ipv4Addr>,
    /// Its home network prefixes, /64s of the network's pool; none takes any.
    pub prefixes: Vec<Ipv6Net>,
    /// The mobile network prefixes it may have, of the network's pools or, with
    /// [`Unchecked::NamedByAaa`], of none; without any it is for the network to say.
    pub delegated: Vec<IpNet>,
    /// What the records of its accounting carry (RFC 2865 §5.25).
    pub class: Vec<Box<[u8]>>,
    /// Whom its accounting is for (RFC 4372).
    pub chargeable_user: Option<Box<[u8]>>,
}

/// The families a node is served in (RFC 5844 §3.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Service {
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
    /// Both.
    #[default]
    Dual,
}

impl Service {
    /// Whether IPv4 is served.
    pub fn has_ipv4(self) -> bool {
        self != Self::Ipv6
    }

    /// Whether IPv6 is served.
    pub fn has_ipv6(self) -> bool {
        self != Self::Ipv4
    }
}
