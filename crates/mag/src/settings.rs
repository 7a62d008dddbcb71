//! What the machine is told about the world it works in.
//!
//! The machine does not know the configuration language; the daemon maps one to the other.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use kedge_model::{GreKey, Lifetime, MacAddr, MnId, VrfId};
use kedge_sansio::Rhythm;
use kedge_wire::auth::Key;
use kedge_wire::registry::AccessTechnologyType;

use crate::InterfaceId;

/// Everything an operator decides about a gateway.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's name.
    pub name: String,
    /// The Proxy Mobile IPv6 domain.
    pub domain: String,
    /// Where updates are sent from and tunnels end (Proxy-CoA), by family.
    pub care_of: CareOf,
    /// The routing world of signalling and tunnels.
    pub transport: VrfId,
    /// The routing world of the mobile nodes' packets.
    pub inner: VrfId,
    /// The anchors by name.
    pub lmas: BTreeMap<String, Arc<Lma>>,
    /// Their names, the most preferred first. An anchor that is not here serves the nodes whose
    /// profiles name it, and no others.
    pub preference: Vec<String>,
    /// The access interfaces.
    pub interfaces: BTreeMap<InterfaceId, Interface>,
    /// Who a node is by its MAC address; goes before the identity of an interface.
    pub identities: BTreeMap<MacAddr, MnId>,
    /// Whether AAA is asked who a node is that neither its MAC address nor its interface tells.
    pub aaa: bool,
    /// What single nodes get.
    pub profiles: BTreeMap<MnId, Profile>,
    /// What a node without a profile of its own gets; `None` refuses such nodes.
    pub default_profile: Option<Profile>,
    /// When updates are sent.
    pub registration: Registration,
    /// How the anchor tells old updates from new ones.
    pub replay: Replay,
    /// How old the timestamp that an accepting acknowledgement repeats may be; `None` takes any.
    pub replay_window: Option<Duration>,
    /// How a revocation of ours is sent again.
    pub revocation: Revocation,
    /// How to find out that a node has left without a word; `None` relies on link events.
    pub detach: Option<DetachDiscovery>,
    /// How many nodes are served at once; sessions that are being ended count.
    pub max_bindings: usize,
    /// The largest inner packet of every tunnel; `None` computes it from `outer_mtu`.
    pub tunnel_mtu: Option<u16>,
    /// The largest packet that the way to the anchors carries.
    pub outer_mtu: u16,
    /// The code point of signalling with anchors that have none of their own.
    pub dscp: Dscp,
    /// When anchors without a rhythm of their own are asked whether they live (RFC 5847); `None`
    /// asks none of them.
    pub heartbeat: Option<Rhythm>,
    /// How often this gateway has restarted (RFC 5847 §3.4); survives reboots.
    pub restart_counter: u32,
}

impl Settings {
    /// Our address towards an anchor; `None` if there is none of its family.
    pub fn care_of_towards(&self, lma: IpAddr) -> Option<IpAddr> {
        match lma {
            IpAddr::V4(_) => self.care_of.ipv4.map(IpAddr::V4),
            IpAddr::V6(_) => self.care_of.ipv6.map(IpAddr::V6),
        }
    }

    /// The code point of signalling with an anchor.
    pub fn dscp_of(&self, lma: &Lma) -> Dscp {
        lma.dscp.unwrap_or(self.dscp)
    }

    /// When an anchor is asked whether it lives; `None` is never.
    pub fn heartbeat_of(&self, lma: &Lma) -> Option<Rhythm> {
        lma.heartbeat.or(self.heartbeat)
    }

    /// The anchor at an address.
    pub(crate) fn lma_at(&self, address: IpAddr) -> Option<&Arc<Lma>> {
        self.lmas.values().find(|lma| lma.address == address)
    }

    /// Who the node with this address on this interface is.
    pub(crate) fn identify<'a>(
        &'a self,
        interface: &'a Interface,
        mac: Option<MacAddr>,
    ) -> Option<&'a MnId> {
        mac.and_then(|mac| self.identities.get(&mac)).or(interface.identity.as_ref())
    }

    /// What a node gets.
    pub(crate) fn profile(&self, mn_id: &MnId) -> Option<&Profile> {
        self.profiles.get(mn_id).or(self.default_profile.as_ref())
    }

    /// How updates about a node and their acknowledgements are protected.
    pub(crate) fn auth_of<'a>(&'a self, mn_id: &MnId, lma: &'a Lma) -> Option<&'a Auth> {
        self.profile(mn_id).and_then(|profile| profile.auth.as_ref()).or(lma.auth.as_ref())
    }

    /// The anchors that may serve a node, the most preferred first: its own, then all the others
    /// in their order. Those of a family in which the gateway has no address are not among them.
    pub(crate) fn anchors_of<'a>(
        &'a self,
        profile: &'a Profile,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<Lma>)> {
        let own = profile.lma.as_ref();
        let others = self.preference.iter().filter(move |name| own != Some(*name));
        let known = own.into_iter().chain(others).filter_map(|name| self.lmas.get_key_value(name));
        let known = known.map(|(name, lma)| (name.as_str(), lma));
        known.filter(|(_, lma)| self.care_of_towards(lma.address).is_some())
    }
}

/// How a Binding Revocation Indication is sent again (RFC 5846 §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// InitMINDelayBRIs: before the first retransmission.
    pub min_delay: Duration,
    /// The longest wait; each is twice the one before.
    pub max_delay: Duration,
    /// BRIMaxRetriesNumber: retransmissions at most.
    pub retries: u8,
}

impl Default for Revocation {
    fn default() -> Self {
        let (min_delay, max_delay) = (Duration::from_secs(1), Duration::from_secs(2));
        Self { min_delay, max_delay, retries: 1 }
    }
}

/// The gateway's addresses towards the anchors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CareOf {
    /// IPv4-Proxy-CoA (RFC 5844 §4).
    pub ipv4: Option<Ipv4Addr>,
    /// Proxy-CoA (RFC 5213 §2.2).
    pub ipv6: Option<Ipv6Addr>,
}

/// An anchor to register with.
#[derive(Clone, Debug)]
pub struct Lma {
    /// Where it answers; its family is that of signalling and of the tunnel.
    pub address: IpAddr,
    /// The encapsulation to ask for.
    pub encapsulation: TunnelMode,
    /// How messages are protected.
    pub auth: Option<Auth>,
    /// The code point of signalling with it; `None` is the gateway's.
    pub dscp: Option<Dscp>,
    /// When it is asked whether it lives; `None` is as the gateway's other anchors are.
    pub heartbeat: Option<Rhythm>,
}

impl Lma {
    /// An anchor that nothing but its address is said of.
    pub fn at(address: IpAddr) -> Self {
        let encapsulation = TunnelMode::default();
        Self { address, encapsulation, auth: None, dscp: None, heartbeat: None }
    }
}

/// The encapsulation a gateway asks for; the anchor may decide otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TunnelMode {
    /// IP in IP, the default of RFC 5213 §6.10.2 and RFC 5844 §4.2.2.
    #[default]
    IpInIp,
    /// GRE without keys that the anchor is configured for too: it is not asked for.
    StaticGre,
    /// GRE without keys (RFC 5845 §3.2).
    Gre,
    /// GRE with a key for each direction (RFC 5845 §3.3).
    GreKeyed,
    /// UDP, asked for with the F flag (RFC 5844 §4.2.2.1).
    Udp,
}

/// Protection by RFC 4285.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Auth {
    /// The key shared with the anchor.
    pub key: Key,
    /// What stands for the home address in the sum.
    pub home: AuthHome,
    /// Protect updates and their acknowledgements only, not heartbeats and revocations.
    pub updates_only: bool,
}

/// Readings of RFC 4285's "home address" where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuthHome {
    /// The care-of address: without a Home Address option, RFC 6275 §9.5.1 takes the source.
    #[default]
    CareOf,
    /// All zero.
    Zero,
    /// The first home network prefix in the message itself; all zero if it has none.
    HomeNetworkPrefix,
}

/// An interface on which nodes attach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What the operator calls it.
    pub name: String,
    /// The kind of link, for the Access Technology Type option.
    pub access_technology: AccessTechnologyType,
    /// The largest packet of the link, until [`Mag::handle_mtu`](crate::Mag::handle_mtu) says.
    pub mtu: u16,
    /// Who every node on it is, unless its MAC address says otherwise.
    pub identity: Option<MnId>,
    /// The node of `identity` is there whenever the link is up, heard or not.
    pub static_node: bool,
    /// It is no link: the node of `identity`, a static one, is this router itself, and
    /// [`Mag::handle_branch`](crate::Mag::handle_branch) says what it asks for.
    pub logical: bool,
}

/// What a node gets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// The address families.
    pub service: Service,
    /// The name of the anchor that it prefers to all others.
    pub lma: Option<String>,
    /// The service that an update selects when it begins a session (RFC 5149); `None` is the
    /// anchor's default.
    pub service_selection: Option<String>,
    /// The key of its GRE packets from the anchor; `None` is one of the gateway's choosing.
    pub downlink_key: Option<GreKey>,
    /// How updates about it and their acknowledgements are protected; `None` is as the messages
    /// of its anchor are.
    pub auth: Option<Auth>,
    /// It may be a router with a network behind it, for which it is delegated prefixes
    /// (RFC 7148 §5.1.2).
    pub delegated_prefixes: bool,
}

/// Address families of a mobility session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Service {
    /// An IPv4 home address (RFC 5844).
    Ipv4,
    /// Home network prefixes.
    Ipv6,
    /// Both.
    #[default]
    Dual,
}

impl Service {
    /// Whether an IPv4 home address is asked for.
    pub fn ipv4(self) -> bool {
        self != Self::Ipv6
    }

    /// Whether home network prefixes are asked for.
    pub fn ipv6(self) -> bool {
        self != Self::Ipv4
    }
}

/// When updates are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The lifetime to ask for.
    pub lifetime: Lifetime,
    /// When to refresh; half the granted lifetime if that is earlier, or if this is `None`.
    pub refresh_time: Option<Duration>,
    /// Before the first retransmission.
    pub initial_retransmission: Duration,
    /// Between retransmissions at most.
    pub max_retransmission: Duration,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            lifetime: Lifetime::from_secs(3600),
            refresh_time: Some(Duration::from_secs(300)),
            initial_retransmission: Duration::from_secs(1),
            max_retransmission: Duration::from_secs(32),
        }
    }
}

/// How the anchor tells old updates from new ones (RFC 5213 §5.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Replay {
    /// By the Timestamp option.
    #[default]
    Timestamp,
    /// By the sequence number of the session, which this gateway begins at random.
    Sequence,
}

/// How often a silent node is asked whether it is still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DetachDiscovery {
    /// Silence before the first question.
    pub interval: Duration,
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How often to ask again.
    pub retries: u8,
}

/// The code point of signalling messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dscp {
    /// The configured value, 1 to 63.
    pub value: Option<u8>,
    /// Use it in answers too when the request came with another one.
    pub force: bool,
}

impl Dscp {
    /// For a message of our own making.
    pub fn of_request(self) -> u8 {
        self.value.unwrap_or(0)
    }

    /// For the answer to a message that came with `received`.
    pub fn of_answer(self, received: u8) -> u8 {
        match self.value {
            Some(value) if self.force || received == 0 => value,
            Some(_) | None => received,
        }
    }
}
