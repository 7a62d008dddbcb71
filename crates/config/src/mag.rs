//! The gateway's settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Section, Writer};
use kedge_model::MacAddr;

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared::{
    self, AuthOption, Dscp, Encap, Heartbeat, LabelHeartbeat, ReplayWindow, RevocationTimes,
};
use crate::{Config, GatewayLocalLoop, HybridAccess, LogicalMn, TunnelPolicy};

/// The mobile access gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MagConfig {
    /// Its identifier.
    pub id: String,
    /// Its domain's name. The domain may be missing: then there are no keys and no profiles.
    pub domain: String,
    /// Its IPv4 care-of address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 care-of address.
    pub ipv6: Option<Ipv6Addr>,
    /// The kind of access network.
    pub role: MagRole,
    /// Most bindings.
    pub binding_maximum: u32,
    /// The times of a binding.
    pub times: BindingTimes,
    /// How far clocks may be off; `None` is the domain's window ([`Config::mag_replay_window`]).
    pub replay_window: Option<ReplayWindow>,
    /// Updates are told apart by their sequence numbers alone, and say no time (RFC 5213 §9.3,
    /// TimestampBasedApproachInUse).
    pub updates_by_sequence: bool,
    /// How nodes are probed to notice that they have left.
    pub detach_poll: DetachPoll,
    /// Heartbeats to anchors.
    pub heartbeat: Option<Heartbeat>,
    /// How revocations are sent again.
    pub revocation: RevocationTimes,
    /// The code point of signalling packets.
    pub dscp: Option<Dscp>,
    /// The largest packet the tunnels carry whole; `None` is what the path allows.
    pub tunnel_mtu: Option<u16>,
    /// GRE keys are made (RFC 5845).
    pub generate_grekey: bool,
    /// GRE is without keys.
    pub ignore_grekey: bool,
    /// Nodes get no IPv4 home address.
    pub ignore_home_address: bool,
    /// Its care-of addresses are those of roaming interfaces; `None` when they are configured.
    pub roaming: Option<Vec<RoamingInterface>>,
    /// Heartbeats on the paths of some labels.
    pub label_heartbeats: Vec<LabelHeartbeat>,
    /// What is done with the packets in the tunnels.
    pub tunnels: TunnelPolicy,
    /// Address translation on the tunnels.
    pub tunnel_nat: Option<NatSide>,
    /// The interface whose settings the tunnels get.
    pub tunnel_template: Option<String>,
    /// Access network identifiers are told (RFC 6757).
    pub ani: bool,
    /// A binding may have several paths (RFC 8278).
    pub multipath: bool,
    /// The mobile map that chooses paths.
    pub mobile_map: Option<String>,
    /// Nodes arrive through a session manager.
    pub session_manager: bool,
    /// Packets between nodes of this gateway do not visit the anchor.
    pub local_routing: Option<LocalRouting>,
    /// Service selection.
    pub apn: Option<String>,
    /// Service selection is encoded as a label (RFC 5149).
    pub service_selection_label: bool,
    /// The router as mobile nodes.
    pub logical_mns: Vec<LogicalMn>,
    /// Mobile local loop.
    pub local_loop: Option<GatewayLocalLoop>,
    /// Hybrid access.
    pub hybrid_access: Option<HybridAccess>,
    /// Nodes by their Ethernet addresses.
    pub mobile_nodes: Vec<MobileNode>,
    /// Anchors to register with, in order of preference.
    pub lmas: Vec<PeerLma>,
    /// Access interfaces.
    pub interfaces: Vec<AccessInterface>,
}

keywords! {
    /// The kind of access network.
    pub enum MagRole {
        Gpp = "3GPP", "A 3GPP network";
        Lte = "LTE", "Long term evolution";
        Wimax = "WIMAX", "WiMAX";
        Wlan = "WLAN", "Wireless LAN";
    }
}

keywords! {
    /// Access technologies (RFC 5213 §8.5 and its registry).
    pub enum AccessTechnology {
        Virtual = "virtual", "A virtual interface";
        Ppp = "ppp", "The Point-to-Point Protocol";
        Ethernet = "ethernet", "Ethernet, IEEE 802.3";
        Wlan = "wlan", "Wireless LAN, IEEE 802.11";
        Wimax = "wimax", "WiMAX, IEEE 802.16e";
        Geran = "3gpp-geran", "3GPP GERAN";
        Utran = "3gpp-utran", "3GPP UTRAN";
        EUtran = "3gpp-eutran", "3GPP E-UTRAN";
        Ehrpd = "3gpp2-ehrpd", "3GPP2 eHRPD";
        Hrpd = "3gpp2-hrpd", "3GPP2 HRPD";
        OneXrtt = "3gpp2-1rtt", "3GPP2 1xRTT";
        Umb = "3gpp2-umb", "3GPP2 UMB";
    }
}

keywords! {
    /// The access technology of a roaming interface.
    pub enum EgressTechnology {
        ThirdGeneration = "3G", "Third generation";
        Ethernet = "ETHERNET", "Ethernet";
        Lte = "LTE", "Long term evolution";
        Wlan = "WLAN", "Wireless LAN";
    }
}

keywords! {
    /// A side of an address translation.
    pub enum NatSide {
        Inside = "inside", "The inner side";
        Outside = "outside", "The outer side";
    }
}

/// An interface whose address is a care-of address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoamingInterface {
    /// Its name in the configuration.
    pub name: String,
    /// Preference among the interfaces, 1 to 100.
    pub priority: Option<u8>,
    /// Its access technology.
    pub technology: Option<EgressTechnology>,
    /// The label that mobile maps and heartbeats refer to.
    pub label: Option<String>,
}

/// Packets between nodes of one gateway do not visit the anchor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalRouting {
    /// The packets for which that holds; `None` is all of them.
    pub acl: Option<String>,
}

/// The times of a binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindingTimes {
    /// Lifetime asked for.
    pub lifetime: Duration,
    /// How often a binding is registered again.
    pub refresh: Duration,
    /// Wait before an update is sent again, the first time.
    pub init_retx: Duration,
    /// The longest such wait.
    pub max_retx: Duration,
}

/// How a silent node is probed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DetachPoll {
    /// Between two probes.
    pub interval: Duration,
    /// Wait for an answer.
    pub timeout: Duration,
    /// Unanswered probes until the node is gone.
    pub retries: u8,
}

/// A node by its Ethernet address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MobileNode {
    /// The address.
    pub mac: MacAddr,
    /// Its identifier.
    pub nai: String,
}

/// An anchor that the gateway registers with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerLma {
    /// Its identifier.
    pub id: String,
    /// Its domain's name.
    pub domain: String,
    /// Its IPv4 addresses.
    pub ipv4: Vec<Ipv4Addr>,
    /// Its IPv6 addresses.
    pub ipv6: Vec<Ipv6Addr>,
    /// Its key; `None` is the domain's.
    pub auth: Option<AuthOption>,
    /// Its encapsulation; `None` is the domain's.
    pub encap: Option<Encap>,
    /// A static GRE tunnel to it.
    pub tunnel_interface: Option<String>,
    /// Its code point; `None` is the gateway's.
    pub dscp: Option<Dscp>,
    /// Heartbeats to it; `None` is the gateway's.
    pub heartbeat: Option<Heartbeat>,
    /// The routing world of the tunnels to it.
    pub vrf: Option<String>,
    /// The interfaces whose settings the tunnels get: all (`None`), or the paths of a label.
    pub tunnel_templates: Vec<(Option<String>, String)>,
}

/// An access interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessInterface {
    /// Its name in the configuration.
    pub name: String,
    /// The Linux device when it has another name ([`Self::device`]).
    pub device: Option<String>,
    /// Its access technology; `None` is what the role implies ([`MagConfig::technology`]).
    pub technology: Option<AccessTechnology>,
    /// The identifier of the one node on it.
    pub nai: Option<String>,
    /// That node is attached while the link is up.
    pub attach_static: bool,
}

impl AccessTechnology {
    /// The Access Technology Type option's value.
    pub fn number(self) -> u8 {
        match self {
            Self::Virtual => 1,
            Self::Ppp => 2,
            Self::Ethernet => 3,
            Self::Wlan => 4,
            Self::Wimax => 5,
            Self::Geran => 6,
            Self::Utran => 7,
            Self::EUtran => 8,
            Self::Ehrpd => 9,
            Self::Hrpd => 10,
            Self::OneXrtt => 11,
            Self::Umb => 12,
        }
    }
}

impl AccessInterface {
    /// The Linux device.
    pub fn device(&self) -> &str {
        self.device.as_deref().unwrap_or(&self.name)
    }
}

impl Config {
    /// The window that the gateway applies: its own, else its domain's, else 7 s.
    pub fn mag_replay_window(&self, mag: &MagConfig) -> ReplayWindow {
        mag.replay_window.unwrap_or_else(|| self.domain_window(&mag.domain))
    }

    /// Whether the gateway routes between its own nodes: it says so, or its domain does.
    pub fn mag_local_routing(&self, mag: &MagConfig) -> bool {
        let own = mag.local_routing.as_ref().is_some_and(|routing| routing.acl.is_none());
        own || self.domain(&mag.domain).is_some_and(|domain| domain.local_routing)
    }

    /// The key shared with an anchor: its own, else its domain's.
    pub fn lma_auth<'a>(&'a self, lma: &'a PeerLma) -> Option<&'a AuthOption> {
        lma.auth.as_ref().or_else(|| self.domain(&lma.domain)?.auth.as_ref())
    }

    /// The encapsulation towards an anchor: its own, else its domain's; `None` is IP in IP.
    pub fn lma_encap(&self, lma: &PeerLma) -> Option<Encap> {
        lma.encap.or_else(|| self.domain(&lma.domain)?.encap)
    }

    /// An anchor's addresses: its own, else those its domain declares for it; IPv6 first.
    pub fn lma_addresses(&self, lma: &PeerLma) -> Vec<IpAddr> {
        let ipv6 = lma.ipv6.iter().copied().map(IpAddr::V6);
        let own: Vec<IpAddr> = ipv6.chain(lma.ipv4.iter().copied().map(IpAddr::V4)).collect();
        if !own.is_empty() {
            return own;
        }
        let members = self.domain(&lma.domain).map(|domain| domain.lmas.as_slice());
        let member = members.unwrap_or_default().iter().find(|member| member.id == lma.id);
        let Some(member) = member else { return Vec::new() };
        member.ipv6.map(IpAddr::V6).into_iter().chain(member.ipv4.map(IpAddr::V4)).collect()
    }
}

impl MagConfig {
    /// The access technology of an interface: its own, else what the role implies.
    pub fn technology(&self, interface: &AccessInterface) -> AccessTechnology {
        interface.technology.unwrap_or(match self.role {
            MagRole::Gpp => AccessTechnology::Utran,
            MagRole::Lte => AccessTechnology::EUtran,
            MagRole::Wimax => AccessTechnology::Wimax,
            MagRole::Wlan => AccessTechnology::Wlan,
        })
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let role = section.word(Key::Role).and_then(MagRole::from_word);
        Self {
            id: shared::name(&item.args, "ID"),
            domain: shared::name(&item.args, "DOMAIN"),
            ipv4: section.args(Key::AddressIpv4).and_then(|args| args.ipv4("ADDRESS")),
            ipv6: section.args(Key::AddressIpv6).and_then(|args| args.ipv6("ADDRESS")),
            role: role.expect("the table gives a default"),
            binding_maximum: section.number(Key::BindingMaximum),
            times: BindingTimes {
                lifetime: shared::seconds(section, Key::BindingLifetime),
                refresh: shared::seconds(section, Key::BindingRefreshTime),
                init_retx: shared::millis(section, Key::BindingInitRetx),
                max_retx: shared::millis(section, Key::BindingMaxRetx),
            },
            replay_window: shared::read_replay(section),
            updates_by_sequence: section.is_on(Key::UpdatesBySequence),
            detach_poll: DetachPoll::read(section),
            heartbeat: shared::read_heartbeat(section),
            revocation: shared::read_revocation(section),
            dscp: shared::read_dscp(section),
            tunnel_mtu: section.optional_number(Key::TunnelMtu),
            generate_grekey: section.is_on(Key::GenerateGre),
            ignore_grekey: section.is_on(Key::IgnoreGre),
            ignore_home_address: section.is_on(Key::IgnoreHomeAddress),
            roaming: section.find(Key::AddressDynamic).map(|item| {
                item.section().each(Key::Roaming).map(RoamingInterface::read).collect()
            }),
            label_heartbeats: shared::read_label_heartbeats(section),
            tunnels: TunnelPolicy::read(section),
            tunnel_nat: section.word(Key::TunnelNat).and_then(NatSide::from_word),
            tunnel_template: section.text(Key::TunnelTemplate),
            ani: section.is_on(Key::Ani),
            multipath: section.is_on(Key::Multipath),
            mobile_map: section.text(Key::MobileMap),
            session_manager: section.is_on(Key::SessionManager),
            local_routing: section
                .args(Key::LocalRouting)
                .map(|args| LocalRouting { acl: args.text("ACL").map(str::to_owned) }),
            apn: section.text(Key::Apn),
            service_selection_label: section.is_on(Key::ServiceSelectionLabel),
            logical_mns: section.each(Key::LogicalMn).map(LogicalMn::read).collect(),
            local_loop: section.find(Key::LocalLoop).map(GatewayLocalLoop::read),
            hybrid_access: section
                .find(Key::HybridAccess)
                .map(|item| HybridAccess::read_gateway(item.section())),
            mobile_nodes: section.each(Key::MobileNode).map(MobileNode::read).collect(),
            lmas: section.each(Key::PeerLma).map(PeerLma::read).collect(),
            interfaces: section.each(Key::Interface).map(AccessInterface::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("ID", Datum::Text(self.id.clone()))
            .with("DOMAIN", Datum::Text(self.domain.clone()));
        writer.block(Key::Mag, args, |writer| {
            self.ipv4.iter().for_each(|a| writer.value(Key::AddressIpv4, Datum::Ipv4(*a)));
            self.ipv6.iter().for_each(|a| writer.value(Key::AddressIpv6, Datum::Ipv6(*a)));
            writer.value(Key::Role, Datum::Word(self.role.word()));
            writer.number(Key::BindingMaximum, self.binding_maximum);
            shared::write_seconds(writer, Key::BindingLifetime, self.times.lifetime);
            shared::write_seconds(writer, Key::BindingRefreshTime, self.times.refresh);
            shared::write_millis(writer, Key::BindingInitRetx, self.times.init_retx);
            shared::write_millis(writer, Key::BindingMaxRetx, self.times.max_retx);
            shared::write_replay(self.replay_window, writer);
            writer.on(Key::UpdatesBySequence, self.updates_by_sequence);
            self.detach_poll.write(writer);
            shared::write_heartbeat(self.heartbeat, writer);
            shared::write_revocation(&self.revocation, writer);
            shared::write_dscp(self.dscp, writer);
            self.tunnel_mtu.iter().for_each(|mtu| writer.number(Key::TunnelMtu, *mtu));
            writer.on(Key::GenerateGre, self.generate_grekey);
            writer.on(Key::IgnoreGre, self.ignore_grekey);
            writer.on(Key::IgnoreHomeAddress, self.ignore_home_address);
            if let Some(roaming) = &self.roaming {
                writer.block(Key::AddressDynamic, Args::default(), |writer| {
                    roaming.iter().for_each(|interface| interface.write(writer));
                });
            }
            shared::write_label_heartbeats(&self.label_heartbeats, writer);
            self.tunnels.write(writer);
            writer.word(Key::TunnelNat, self.tunnel_nat.map(NatSide::word));
            writer.text(Key::TunnelTemplate, self.tunnel_template.as_deref());
            writer.on(Key::Ani, self.ani);
            writer.on(Key::Multipath, self.multipath);
            writer.text(Key::MobileMap, self.mobile_map.as_deref());
            writer.on(Key::SessionManager, self.session_manager);
            if let Some(LocalRouting { acl }) = &self.local_routing {
                let mut args = Args::default();
                acl.iter().for_each(|acl| args.push("ACL", Datum::Text(acl.clone())));
                writer.put(Key::LocalRouting, args);
            }
            writer.text(Key::Apn, self.apn.as_deref());
            writer.on(Key::ServiceSelectionLabel, self.service_selection_label);
            self.logical_mns.iter().for_each(|node| node.write(writer));
            self.local_loop.iter().for_each(|service| service.write(writer));
            self.hybrid_access.iter().for_each(|service| service.write(writer));
            self.mobile_nodes.iter().for_each(|node| node.write(writer));
            self.lmas.iter().for_each(|lma| lma.write(writer));
            self.interfaces.iter().for_each(|interface| interface.write(writer));
        });
    }
}

impl DetachPoll {
    fn read(section: Section<'_, Key>) -> Self {
        let args = section.args(Key::DetachPoll).expect("the table gives a default");
        let seconds = |name| Duration::from_secs(args.integer(name).unwrap_or_default());
        Self {
            interval: seconds("INTERVAL"),
            timeout: seconds("TIMEOUT"),
            retries: args.integer("RETRIES").unwrap_or_default(),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("INTERVAL", Datum::Integer(self.interval.as_secs()))
            .with("TIMEOUT", Datum::Integer(self.timeout.as_secs()))
            .with("RETRIES", Datum::Integer(self.retries.into()));
        writer.put(Key::DetachPoll, args);
    }
}

impl MobileNode {
    fn read(item: &Item<Key>) -> Self {
        let mac = item.args.mac("MAC").expect("the table makes it mandatory");
        Self { mac, nai: shared::name(&item.args, "NAI") }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("MAC", Datum::Mac(self.mac))
            .with("NAI", Datum::Text(self.nai.clone()));
        writer.put(Key::MobileNode, args);
    }
}

impl PeerLma {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let template = |item: &Item<Key>| {
            (item.args.text("LABEL").map(str::to_owned), shared::name(&item.args, "TUNNEL"))
        };
        let ipv4 = section.each(Key::Ipv4Address).filter_map(|item| item.args.ipv4("ADDRESS"));
        let ipv6 = section.each(Key::Ipv6Address).filter_map(|item| item.args.ipv6("ADDRESS"));
        Self {
            id: shared::name(&item.args, "ID"),
            domain: shared::name(&item.args, "DOMAIN"),
            ipv4: ipv4.collect(),
            ipv6: ipv6.collect(),
            auth: shared::read_auth(section),
            encap: shared::read_encap(section),
            tunnel_interface: shared::read_tunnel_interface(section),
            dscp: shared::read_dscp(section),
            heartbeat: shared::read_heartbeat(section),
            vrf: section.text(Key::TransportVrf),
            tunnel_templates: section.each(Key::TunnelTemplate).map(template).collect(),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("ID", Datum::Text(self.id.clone()))
            .with("DOMAIN", Datum::Text(self.domain.clone()));
        writer.block(Key::PeerLma, args, |writer| {
            self.ipv4.iter().for_each(|a| writer.value(Key::Ipv4Address, Datum::Ipv4(*a)));
            self.ipv6.iter().for_each(|a| writer.value(Key::Ipv6Address, Datum::Ipv6(*a)));
            shared::write_auth(self.auth.as_ref(), writer);
            shared::write_encap(self.encap, writer);
            shared::write_tunnel_interface(self.tunnel_interface.as_deref(), writer);
            shared::write_dscp(self.dscp, writer);
            shared::write_heartbeat(self.heartbeat, writer);
            writer.text(Key::TransportVrf, self.vrf.as_deref());
            for (label, tunnel) in &self.tunnel_templates {
                let mut args = Args::default().with("TUNNEL", Datum::Text(tunnel.clone()));
                label.iter().for_each(|label| args.push("LABEL", Datum::Text(label.clone())));
                writer.put(Key::TunnelTemplate, args);
            }
        });
    }
}

impl RoamingInterface {
    fn read(item: &Item<Key>) -> Self {
        Self {
            name: shared::interface(&item.args),
            priority: item.args.integer("PRIORITY"),
            technology: item.args.word("att").and_then(EgressTechnology::from_word),
            label: item.args.text("LABEL").map(str::to_owned),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let mut args = shared::interface_args(&self.name);
        if let Some(priority) = self.priority {
            args.push("PRIORITY", Datum::Integer(priority.into()));
        }
        if let Some(technology) = self.technology {
            args.push("att", Datum::Word(technology.word()));
        }
        if let Some(label) = &self.label {
            args.push("LABEL", Datum::Text(label.clone()));
        }
        writer.put(Key::Roaming, args);
    }
}

impl AccessInterface {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            name: shared::interface(&item.args),
            device: section.text(Key::InterfaceDevice),
            technology: section
                .word(Key::InterfaceTechnology)
                .and_then(AccessTechnology::from_word),
            nai: section.text(Key::InterfaceNai),
            attach_static: section.is_on(Key::InterfaceAttach),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::Interface, shared::interface_args(&self.name), |writer| {
            writer.text(Key::InterfaceDevice, self.device.as_deref());
            if let Some(technology) = self.technology {
                writer.value(Key::InterfaceTechnology, Datum::Word(technology.word()));
            }
            writer.text(Key::InterfaceNai, self.nai.as_deref());
            writer.on(Key::InterfaceAttach, self.attach_static);
        });
    }
}
