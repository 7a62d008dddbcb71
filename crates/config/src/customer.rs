//! Mobile local loop at the anchor: customers, each with its own routing world, addresses and
//! keys.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Section, Writer};

use crate::NetworkConfig;
use crate::key::Key;
use crate::shared::{self, AuthOption, Heartbeat};

/// The service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalLoop {
    /// Nodes get no home address and no home network prefix.
    pub ignore_home_address: bool,
    /// How many mobile network prefixes there may be.
    pub mnp: MnpMaximum,
    /// The customers, sorted by name.
    pub customers: Vec<Customer>,
}

/// How many mobile network prefixes there may be; `None` is not said here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MnpMaximum {
    /// Of a customer.
    pub customer: PerFamily,
    /// Of a logical mobile node, at most 32.
    pub logical_mn: PerFamily,
}

/// A number for each address family.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PerFamily {
    /// Of both together.
    pub both: Option<u32>,
    /// Of IPv4.
    pub ipv4: Option<u32>,
    /// Of IPv6.
    pub ipv6: Option<u32>,
}

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Customer {
    /// Its name.
    pub name: String,
    /// The routing world of its nodes; no two customers share one.
    pub vrf: String,
    /// The key shared with its gateways; `None` is the domain's.
    pub auth: Option<AuthOption>,
    /// Heartbeats to its gateways; `None` is the anchor's.
    pub heartbeat: Option<Heartbeat>,
    /// Longest lifetime granted; `None` is the anchor's.
    pub bce_lifetime: Option<Duration>,
    /// Fixed GRE keys, the same both ways: of all paths (`None`), and of the paths of a label.
    pub gre_keys: Vec<(Option<String>, u32)>,
    /// How many mobile network prefixes there may be; what is not said here is the service's.
    pub mnp: MnpMaximum,
    /// Bandwidth of all its nodes together, in kbit/s.
    pub bandwidth: Option<u32>,
    /// Administrative distance of routes to its nodes.
    pub admin_distance: Option<u8>,
    /// Its mobile map; `None` is the anchor's.
    pub mobile_map: Option<String>,
    /// Its core interfaces.
    pub interfaces: Vec<String>,
    /// Addresses and prefixes are taken as gateways ask for them; then it has no networks.
    pub unauthorized: bool,
    /// Its networks.
    pub networks: Vec<NetworkConfig>,
    /// Where its gateways are reached.
    pub transports: Vec<Transport>,
}

/// Where a customer's gateways are reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transport {
    /// In this routing world; `None` is the global one.
    pub vrf: Option<String>,
    /// At this address.
    pub ipv4: Option<Ipv4Addr>,
    /// At this address.
    pub ipv6: Option<Ipv6Addr>,
}

impl LocalLoop {
    /// The customer of that name.
    pub fn customer(&self, name: &str) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.name == name)
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            ignore_home_address: section.is_on(Key::IgnoreHomeAddress),
            mnp: MnpMaximum::read(section),
            customers: section.each(Key::Customer).map(Customer::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::LocalLoop, Args::default(), |writer| {
            writer.on(Key::IgnoreHomeAddress, self.ignore_home_address);
            self.mnp.write(writer);
            self.customers.iter().for_each(|customer| customer.write(writer));
        });
    }
}

impl MnpMaximum {
    /// What one logical mobile node may have where nothing is said.
    pub const LOGICAL_MN: u32 = 16;
    /// What one customer may have where nothing is said.
    pub const CUSTOMER: u32 = 2000;

    fn read(section: Section<'_, Key>) -> Self {
        let per_family = |key| {
            let of = |family: Option<&str>| {
                let line = section.each(key).find(|item| item.args.word("family") == family)?;
                line.args.integer("COUNT")
            };
            PerFamily { both: of(None), ipv4: of(Some("ipv4")), ipv6: of(Some("ipv6")) }
        };
        Self { customer: per_family(Key::MnpCustomer), logical_mn: per_family(Key::MnpLogicalMn) }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        for (key, most) in [(Key::MnpCustomer, self.customer), (Key::MnpLogicalMn, self.logical_mn)]
        {
            let families =
                [(None, most.both), (Some("ipv4"), most.ipv4), (Some("ipv6"), most.ipv6)];
            for (family, count) in families {
                let Some(count) = count else { continue };
                let mut args = Args::default();
                if let Some(family) = family {
                    args.push("family", Datum::Word(family));
                }
                writer.put(key, args.with("COUNT", Datum::Integer(count.into())));
            }
        }
    }
}

impl Customer {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let gre_key = |item: &Item<Key>| {
            Some((item.args.text("LABEL").map(str::to_owned), item.args.integer("KEY")?))
        };
        let interfaces = section.each(Key::CoreInterface);
        Self {
            name: shared::name(&item.args, "NAME"),
            vrf: shared::name(&item.args, "VRF"),
            auth: shared::read_auth(section),
            heartbeat: shared::read_heartbeat(section),
            bce_lifetime: section.optional_number(Key::BceLifetime).map(Duration::from_secs),
            gre_keys: section.each(Key::FixedGre).filter_map(gre_key).collect(),
            mnp: MnpMaximum::read(section),
            bandwidth: section.optional_number(Key::Bandwidth),
            admin_distance: section.optional_number(Key::MobileRoute),
            mobile_map: section.text(Key::MobileMap),
            interfaces: interfaces.map(|item| shared::interface(&item.args)).collect(),
            unauthorized: section.is_on(Key::NetworkUnauthorized),
            networks: section.each(Key::Network).map(NetworkConfig::read).collect(),
            transports: section.each(Key::Transport).map(Transport::read).collect(),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let args = Args::default()
            .with("NAME", Datum::Text(self.name.clone()))
            .with("VRF", Datum::Text(self.vrf.clone()));
        writer.block(Key::Customer, args, |writer| {
            shared::write_auth(self.auth.as_ref(), writer);
            shared::write_heartbeat(self.heartbeat, writer);
            writer.optional_number(Key::BceLifetime, self.bce_lifetime.map(|t| t.as_secs()));
            for (label, key) in &self.gre_keys {
                let mut args = Args::default().with("KEY", Datum::Integer((*key).into()));
                if let Some(label) = label {
                    args.push("LABEL", Datum::Text(label.clone()));
                }
                writer.put(Key::FixedGre, args);
            }
            self.mnp.write(writer);
            writer.optional_number(Key::Bandwidth, self.bandwidth);
            writer.optional_number(Key::MobileRoute, self.admin_distance);
            writer.text(Key::MobileMap, self.mobile_map.as_deref());
            let interfaces = self.interfaces.iter().map(|name| shared::interface_args(name));
            interfaces.for_each(|args| writer.put(Key::CoreInterface, args));
            writer.on(Key::NetworkUnauthorized, self.unauthorized);
            self.networks.iter().for_each(|network| network.write(writer));
            self.transports.iter().for_each(|transport| transport.write(writer));
        });
    }
}

impl Transport {
    fn read(item: &Item<Key>) -> Self {
        Self {
            vrf: item.args.text("VRF").map(str::to_owned),
            ipv4: item.section().ipv4(Key::AddressIpv4),
            ipv6: item.section().ipv6(Key::AddressIpv6),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let mut args = Args::default();
        if let Some(vrf) = &self.vrf {
            args.push("VRF", Datum::Text(vrf.clone()));
        }
        writer.block(Key::Transport, args, |writer| {
            writer.ipv4(Key::AddressIpv4, self.ipv4);
            writer.ipv6(Key::AddressIpv6, self.ipv6);
        });
    }
}
