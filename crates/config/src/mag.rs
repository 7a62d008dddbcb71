//! The gateway's settings.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Section, Writer};
use kedge_model::MacAddr;

use crate::gateway_link::{AccessInterface, AccessTechnology, RoamingInterface};
use crate::key::Key;
use crate::keyword::keywords;
use crate::peer_lma::PeerLma;
use crate::shared::{self, Dscp, Heartbeat, LabelHeartbeat, ReplayWindow, RevocationTimes};
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
    /// A side of an address translation.
    pub enum NatSide {
        Inside = "inside", "The inner side";
        Outside = "outside", "The outer side";
    }
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
            tunnel_template: section.args(Key::TunnelTemplate).map(|args| shared::interface(&args)),
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
            let template = self.tunnel_template.as_deref().map(shared::interface_args);
            template.into_iter().for_each(|args| writer.put(Key::TunnelTemplate, args));
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
