//! The anchor's settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::keyword::keywords;
use crate::shared::{
    self, AuthOption, Dscp, Encap, Heartbeat, LabelHeartbeat, ReplayWindow, RevocationTimes,
};
use crate::{
    AccessTechnology, Config, DomainConfig, HybridAccess, LocalLoop, NetworkConfig, TunnelPolicy,
};

/// The local mobility anchor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LmaConfig {
    /// Its identifier.
    pub id: String,
    /// Its domain's name. The domain may be missing: then there are no keys and no profiles.
    pub domain: String,
    /// IPv4 addresses it answers on.
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses it answers on.
    pub ipv6: Vec<Ipv6Addr>,
    /// Most home network prefixes of one interface of a node, 1 to 3.
    pub hnp_maximum: u8,
    /// Heartbeats to gateways.
    pub heartbeat: Option<Heartbeat>,
    /// Most bindings.
    pub bce_maximum: u32,
    /// Bindings that the operator is entitled to; more are served, and reported.
    pub bce_license: u32,
    /// Longest lifetime granted.
    pub bce_lifetime: Duration,
    /// MinDelayBeforeBCEDelete (RFC 5213 §9.1).
    pub bce_delete_wait: Duration,
    /// MaxDelayBeforeNewBCEAssign (RFC 5213 §9.1).
    pub bce_create_wait: Duration,
    /// How far clocks may be off; `None` is the domain's window ([`Config::lma_replay_window`]).
    pub replay_window: Option<ReplayWindow>,
    /// An update must say when it was sent.
    pub timestamp_required: bool,
    /// Updates may ask for UDP encapsulation where no translator is on the path
    /// (RFC 5844 §5.1, AcceptForcedIPv4UDPEncapsulationRequest).
    pub accept_forced_udp: bool,
    /// Profile of nodes without one of their own.
    pub default_profile: Option<String>,
    /// How revocations are sent again.
    pub revocation: RevocationTimes,
    /// Gateways that are not configured are accepted.
    pub dynamic_mag_learning: bool,
    /// RADIUS accounting.
    pub accounting: Option<Accounting>,
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
    /// Heartbeats on the paths of some labels.
    pub label_heartbeats: Vec<LabelHeartbeat>,
    /// Gateways take this anchor's heartbeat values.
    pub enforce_heartbeat: bool,
    /// Refresh interval advised to gateways.
    pub refresh_time: Option<Duration>,
    /// What is done with the packets in the tunnels.
    pub tunnels: TunnelPolicy,
    /// Access network identifiers are processed (RFC 6757).
    pub ani: bool,
    /// A binding may have several paths (RFC 8278).
    pub multipath: bool,
    /// The mobile map that chooses paths.
    pub mobile_map: Option<String>,
    /// Interfaces on the correspondents' side, where the mobile map holds.
    pub interfaces: Vec<String>,
    /// Which routes of home addresses routing protocols get; `None` is those of the pools.
    pub redistribute: Option<Redistribute>,
    /// Administrative distance of routes to mobile nodes.
    pub admin_distance: Option<u8>,
    /// Priorities of access technologies.
    pub rats: Vec<(AccessTechnology, u8)>,
    /// It is the anchor of a 3G network.
    pub role_3gma: bool,
    /// How mobile network prefixes are checked.
    pub mobile_network_check: Option<MobileNetworkCheck>,
    /// Subscribers may come from a P-GW.
    pub pgw_continuity: bool,
    /// Customers.
    pub local_loop: Option<LocalLoop>,
    /// Hybrid access.
    pub hybrid_access: Option<HybridAccess>,
    /// Gateways that are known.
    pub mags: Vec<PeerMag>,
    /// Sets of pools.
    pub networks: Vec<NetworkConfig>,
}

keywords! {
    /// Which routes of home addresses routing protocols get.
    pub enum Redistribute {
        HostPrefix = "host-prefix", "A route for each node";
        Disable = "disable", "No routes";
    }
}

keywords! {
    /// How mobile network prefixes are checked.
    pub enum MobileNetworkCheck {
        Unauthorized = "unauthorized", "They are not checked";
        Aaa = "aaa-authorized", "Against RADIUS";
    }
}

/// The access technologies of `rat`, by the words of IOS XE.
const RATS: &[(&str, AccessTechnology)] = &[
    ("VIRTUAL", AccessTechnology::Virtual),
    ("PPP", AccessTechnology::Ppp),
    ("ETHERNET", AccessTechnology::Ethernet),
    ("WLAN", AccessTechnology::Wlan),
    ("WIMAX", AccessTechnology::Wimax),
    ("3GPP_GERAN", AccessTechnology::Geran),
    ("3GPP_UTRAN", AccessTechnology::Utran),
    ("3GPP_E_UTRAN", AccessTechnology::EUtran),
    ("3GPP2_EHRPD", AccessTechnology::Ehrpd),
    ("3GPP2_HRPD", AccessTechnology::Hrpd),
    ("3GPP2_1_RTT", AccessTechnology::OneXrtt),
    ("3GPP2_UMB", AccessTechnology::Umb),
];

fn read_rat(item: &Item<Key>) -> Option<(AccessTechnology, u8)> {
    let word = item.args.word("technology")?;
    let (_, technology) = RATS.iter().find(|(known, _)| *known == word)?;
    Some((*technology, item.args.integer("PRIORITY")?))
}

fn rat_args(technology: AccessTechnology, priority: u8) -> Args {
    let word = RATS.iter().find(|(_, known)| *known == technology);
    let (word, _) = word.expect("every technology is in the list");
    Args::default()
        .with("technology", Datum::Word(word))
        .with("PRIORITY", Datum::Integer(priority.into()))
}

/// RADIUS accounting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accounting {
    /// Between two interim records; `None` is start and stop only.
    pub interim: Option<Duration>,
}

/// A gateway that the anchor knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerMag {
    /// Its identifier.
    pub id: String,
    /// Its domain's name.
    pub domain: String,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// Its key; `None` is the domain's.
    pub auth: Option<AuthOption>,
    /// Its encapsulation; `None` is the domain's.
    pub encap: Option<Encap>,
    /// A static tunnel to it.
    pub tunnel_interface: Option<String>,
    /// Its code point; `None` is the anchor's.
    pub dscp: Option<Dscp>,
}

impl Config {
    /// The window that the anchor applies: its own, else its domain's, else 7 s.
    pub fn lma_replay_window(&self, lma: &LmaConfig) -> ReplayWindow {
        lma.replay_window.unwrap_or_else(|| self.domain_window(&lma.domain))
    }

    pub(crate) fn domain_window(&self, domain: &str) -> ReplayWindow {
        let window = self.domain(domain).map(|domain| domain.replay_window);
        ReplayWindow::Within(window.unwrap_or(DomainConfig::DEFAULT_REPLAY_WINDOW))
    }

    /// The key shared with a gateway: its own, else its domain's.
    pub fn mag_auth<'a>(&'a self, mag: &'a PeerMag) -> Option<&'a AuthOption> {
        mag.auth.as_ref().or_else(|| self.domain(&mag.domain)?.auth.as_ref())
    }

    /// The encapsulation towards a gateway: its own, else its domain's; `None` is IP in IP.
    pub fn mag_encap(&self, mag: &PeerMag) -> Option<Encap> {
        mag.encap.or_else(|| self.domain(&mag.domain)?.encap)
    }

    /// A gateway's addresses: its own, else those its domain declares for it.
    pub fn mag_addresses(&self, mag: &PeerMag) -> Vec<IpAddr> {
        let own: Vec<IpAddr> = addresses(mag.ipv4, mag.ipv6);
        if !own.is_empty() {
            return own;
        }
        let members = self.domain(&mag.domain).map(|domain| domain.mags.as_slice());
        let member = members.unwrap_or_default().iter().find(|member| member.id == mag.id);
        member.map(|member| addresses(member.ipv4, member.ipv6)).unwrap_or_default()
    }
}

fn addresses(ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Vec<IpAddr> {
    ipv4.map(IpAddr::V4).into_iter().chain(ipv6.map(IpAddr::V6)).collect()
}

impl LmaConfig {
    /// The network of that name.
    pub fn network(&self, name: &str) -> Option<&NetworkConfig> {
        self.networks.iter().find(|network| network.name == name)
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let ipv4 = section.each(Key::AddressIpv4).filter_map(|item| item.args.ipv4("ADDRESS"));
        let ipv6 = section.each(Key::AddressIpv6).filter_map(|item| item.args.ipv6("ADDRESS"));
        Self {
            id: shared::name(&item.args, "ID"),
            domain: shared::name(&item.args, "DOMAIN"),
            ipv4: ipv4.collect(),
            ipv6: ipv6.collect(),
            hnp_maximum: section.number(Key::HnpMaximum),
            heartbeat: shared::read_heartbeat(section),
            bce_maximum: section.number(Key::BceMaximum),
            bce_license: section.number(Key::BceLicense),
            bce_lifetime: shared::seconds(section, Key::BceLifetime),
            bce_delete_wait: shared::millis(section, Key::BceDeleteWait),
            bce_create_wait: shared::millis(section, Key::BceCreateWait),
            replay_window: shared::read_replay(section),
            timestamp_required: section.is_on(Key::TimestampRequired),
            accept_forced_udp: section.is_on(Key::AcceptForcedUdp),
            default_profile: section.text(Key::DefaultProfile),
            revocation: shared::read_revocation(section),
            dynamic_mag_learning: section.is_on(Key::DynamicMagLearning),
            accounting: section.args(Key::Accounting).map(|args| Accounting {
                interim: args.integer("MINUTES").map(|n: u64| Duration::from_secs(60 * n)),
            }),
            dscp: shared::read_dscp(section),
            tunnel_mtu: section.optional_number(Key::TunnelMtu),
            generate_grekey: section.is_on(Key::GenerateGre),
            ignore_grekey: section.is_on(Key::IgnoreGre),
            ignore_home_address: section.is_on(Key::IgnoreHomeAddress),
            label_heartbeats: shared::read_label_heartbeats(section),
            enforce_heartbeat: section.is_on(Key::EnforceHeartbeat),
            refresh_time: section.optional_number(Key::BceRefreshTime).map(Duration::from_secs),
            tunnels: TunnelPolicy::read(section),
            ani: section.is_on(Key::Ani),
            multipath: section.is_on(Key::Multipath),
            mobile_map: section.text(Key::MobileMap),
            interfaces: section
                .each(Key::CoreInterface)
                .map(|item| shared::interface(&item.args))
                .collect(),
            redistribute: section.word(Key::Redistribute).and_then(Redistribute::from_word),
            admin_distance: section.optional_number(Key::MobileRoute),
            rats: section.each(Key::Rat).filter_map(read_rat).collect(),
            role_3gma: section.is_on(Key::Role3gma),
            mobile_network_check: section
                .word(Key::MobileNetworkCheck)
                .and_then(MobileNetworkCheck::from_word),
            pgw_continuity: section.is_on(Key::PgwContinuity),
            local_loop: section.find(Key::LocalLoop).map(LocalLoop::read),
            hybrid_access: section
                .find(Key::HybridAccess)
                .map(|item| HybridAccess::read_anchor(item.section())),
            mags: section.each(Key::PeerMag).map(PeerMag::read).collect(),
            networks: section.each(Key::Network).map(NetworkConfig::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("ID", Datum::Text(self.id.clone()))
            .with("DOMAIN", Datum::Text(self.domain.clone()));
        writer.block(Key::Lma, args, |writer| {
            self.ipv4.iter().for_each(|a| writer.value(Key::AddressIpv4, Datum::Ipv4(*a)));
            self.ipv6.iter().for_each(|a| writer.value(Key::AddressIpv6, Datum::Ipv6(*a)));
            writer.number(Key::HnpMaximum, self.hnp_maximum);
            shared::write_heartbeat(self.heartbeat, writer);
            writer.number(Key::BceMaximum, self.bce_maximum);
            writer.number(Key::BceLicense, self.bce_license);
            shared::write_seconds(writer, Key::BceLifetime, self.bce_lifetime);
            shared::write_millis(writer, Key::BceDeleteWait, self.bce_delete_wait);
            shared::write_millis(writer, Key::BceCreateWait, self.bce_create_wait);
            shared::write_replay(self.replay_window, writer);
            writer.on(Key::TimestampRequired, self.timestamp_required);
            writer.on(Key::AcceptForcedUdp, self.accept_forced_udp);
            writer.text(Key::DefaultProfile, self.default_profile.as_deref());
            shared::write_revocation(&self.revocation, writer);
            writer.on(Key::DynamicMagLearning, self.dynamic_mag_learning);
            if let Some(accounting) = &self.accounting {
                let mut args = Args::default();
                if let Some(interim) = accounting.interim {
                    args.push("MINUTES", Datum::Integer(interim.as_secs() / 60));
                }
                writer.put(Key::Accounting, args);
            }
            shared::write_dscp(self.dscp, writer);
            self.tunnel_mtu.iter().for_each(|mtu| writer.number(Key::TunnelMtu, *mtu));
            writer.on(Key::GenerateGre, self.generate_grekey);
            writer.on(Key::IgnoreGre, self.ignore_grekey);
            writer.on(Key::IgnoreHomeAddress, self.ignore_home_address);
            shared::write_label_heartbeats(&self.label_heartbeats, writer);
            writer.on(Key::EnforceHeartbeat, self.enforce_heartbeat);
            writer.optional_number(Key::BceRefreshTime, self.refresh_time.map(|t| t.as_secs()));
            self.tunnels.write(writer);
            writer.on(Key::Ani, self.ani);
            writer.on(Key::Multipath, self.multipath);
            writer.text(Key::MobileMap, self.mobile_map.as_deref());
            let interfaces = self.interfaces.iter().map(|name| shared::interface_args(name));
            interfaces.for_each(|args| writer.put(Key::CoreInterface, args));
            writer.word(Key::Redistribute, self.redistribute.map(Redistribute::word));
            writer.optional_number(Key::MobileRoute, self.admin_distance);
            let rats = self.rats.iter().map(|(technology, n)| rat_args(*technology, *n));
            rats.for_each(|args| writer.put(Key::Rat, args));
            writer.on(Key::Role3gma, self.role_3gma);
            let check = self.mobile_network_check.map(MobileNetworkCheck::word);
            writer.word(Key::MobileNetworkCheck, check);
            writer.on(Key::PgwContinuity, self.pgw_continuity);
            self.local_loop.iter().for_each(|service| service.write(writer));
            self.hybrid_access.iter().for_each(|service| service.write(writer));
            self.mags.iter().for_each(|mag| mag.write(writer));
            self.networks.iter().for_each(|network| network.write(writer));
        });
    }
}

impl PeerMag {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            id: shared::name(&item.args, "ID"),
            domain: shared::name(&item.args, "DOMAIN"),
            ipv4: section.args(Key::Ipv4Address).and_then(|args| args.ipv4("ADDRESS")),
            ipv6: section.args(Key::Ipv6Address).and_then(|args| args.ipv6("ADDRESS")),
            auth: shared::read_auth(section),
            encap: shared::read_encap(section),
            tunnel_interface: shared::read_tunnel_interface(section),
            dscp: shared::read_dscp(section),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("ID", Datum::Text(self.id.clone()))
            .with("DOMAIN", Datum::Text(self.domain.clone()));
        writer.block(Key::PeerMag, args, |writer| {
            self.ipv4.iter().for_each(|a| writer.value(Key::Ipv4Address, Datum::Ipv4(*a)));
            self.ipv6.iter().for_each(|a| writer.value(Key::Ipv6Address, Datum::Ipv6(*a)));
            shared::write_auth(self.auth.as_ref(), writer);
            shared::write_encap(self.encap, writer);
            shared::write_tunnel_interface(self.tunnel_interface.as_deref(), writer);
            shared::write_dscp(self.dscp, writer);
        });
    }
}
