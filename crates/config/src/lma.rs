//! The anchor's settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::key::Key;
use crate::shared::{self, AuthOption, Dscp, Encap, Heartbeat, ReplayWindow, RevocationTimes};
use crate::{Config, DomainConfig};

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
    /// Gateways that are known.
    pub mags: Vec<PeerMag>,
    /// Sets of pools.
    pub networks: Vec<NetworkConfig>,
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

/// A set of pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkConfig {
    /// Its name.
    pub name: String,
    /// IPv4 home addresses.
    pub ipv4: Option<Ipv4Pool>,
    /// Home network prefixes.
    pub ipv6: Option<Ipv6Pool>,
}

/// A pool of IPv4 home addresses: the prefix around `start`, from `start` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Pool {
    /// The first address handed out.
    pub start: Ipv4Addr,
    /// Length of the prefix that is the pool, 8 to 30.
    pub prefix_len: u8,
}

/// A pool of /64 home network prefixes: the prefix around `start`, from `start`'s /64 on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Pool {
    /// An address in the first prefix handed out.
    pub start: Ipv6Addr,
    /// Length of the prefix that is the pool, 8 to 62.
    pub prefix_len: u8,
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
            bce_lifetime: shared::seconds(section, Key::BceLifetime),
            bce_delete_wait: shared::millis(section, Key::BceDeleteWait),
            bce_create_wait: shared::millis(section, Key::BceCreateWait),
            replay_window: shared::read_replay(section),
            timestamp_required: section.is_on(Key::TimestampRequired),
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
            shared::write_seconds(writer, Key::BceLifetime, self.bce_lifetime);
            shared::write_millis(writer, Key::BceDeleteWait, self.bce_delete_wait);
            shared::write_millis(writer, Key::BceCreateWait, self.bce_create_wait);
            shared::write_replay(self.replay_window, writer);
            writer.on(Key::TimestampRequired, self.timestamp_required);
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
            tunnel_interface: section
                .args(Key::TunnelInterface)
                .map(|args| shared::interface(&args)),
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
            if let Some(interface) = &self.tunnel_interface {
                writer.put(Key::TunnelInterface, shared::interface_args(interface));
            }
            shared::write_dscp(self.dscp, writer);
        });
    }
}

impl NetworkConfig {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let ipv4 = |args: Args| {
            Some(Ipv4Pool {
                start: args.ipv4("ADDRESS")?,
                prefix_len: args.integer("POOL-PREFIX")?,
            })
        };
        let ipv6 = |args: Args| {
            Some(Ipv6Pool {
                start: args.ipv6("ADDRESS")?,
                prefix_len: args.integer("POOL-PREFIX")?,
            })
        };
        Self {
            name: shared::name(&item.args, "NAME"),
            ipv4: section.args(Key::PoolIpv4).and_then(ipv4),
            ipv6: section.args(Key::PoolIpv6).and_then(ipv6),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        writer.block(Key::Network, name, |writer| {
            if let Some(pool) = self.ipv4 {
                writer.put(Key::PoolIpv4, pool_args(Datum::Ipv4(pool.start), pool.prefix_len));
            }
            if let Some(pool) = self.ipv6 {
                writer.put(Key::PoolIpv6, pool_args(Datum::Ipv6(pool.start), pool.prefix_len));
            }
        });
    }
}

fn pool_args(start: Datum, prefix_len: u8) -> Args {
    Args::default().with("ADDRESS", start).with("POOL-PREFIX", Datum::Integer(prefix_len.into()))
}
