//! The router as a mobile node, with the networks behind it.

use std::net::{IpAddr, Ipv4Addr};

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::Service;
use crate::key::Key;
use crate::shared;

/// A logical mobile node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogicalMn {
    /// Its identifier.
    pub nai: String,
    /// Its home address comes from the anchor.
    pub dynamic: bool,
    /// The interface that carries its home address.
    pub home: Option<String>,
    /// Interfaces whose prefixes are registered.
    pub networks: Vec<MobileNetwork>,
    /// The families it is served.
    pub service: Service,
    /// Routes into the tunnel.
    pub routes: Vec<ReverseRoute>,
    /// A link that is used instead while it works.
    pub fixed: Option<String>,
    /// The prefix that tells whether that link works.
    pub watch: Option<(Ipv4Addr, u8)>,
    /// Its mobile map; `None` is the gateway's.
    pub mobile_map: Option<String>,
}

/// An interface whose prefixes are registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MobileNetwork {
    /// The interface.
    pub interface: String,
    /// Its label.
    pub label: Option<String>,
    /// Its prefixes are learned.
    pub learn_prefix: bool,
    /// Its prefixes are not registered after all.
    pub skip_register: bool,
    /// Its hosts get addresses from the gateway.
    pub serve_hosts: bool,
}

/// A route into the tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReverseRoute {
    /// The prefix's address.
    pub address: IpAddr,
    /// The prefix's length.
    pub len: u8,
    /// The metric, 1 to 255.
    pub metric: Option<u8>,
}

/// Mobile local loop at the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayLocalLoop {
    /// Nodes get no home address.
    pub ignore_home_address: bool,
    /// There is a default route into the tunnel.
    pub default_route: Option<DefaultRoute>,
    /// The interface towards the anchor.
    pub egress: Option<String>,
}

/// A default route into the tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DefaultRoute {
    /// Its metric, 1 to 255.
    pub metric: Option<u8>,
}

impl LogicalMn {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let interface = |key| section.find(key).map(|item| shared::interface(&item.args));
        let service = section.word(Key::NaiService).and_then(Service::from_word);
        let watch = |args: Args| Some((args.ipv4("ADDRESS")?, args.integer("LENGTH")?));
        Self {
            nai: shared::name(&item.args, "NAI"),
            dynamic: section.is_on(Key::LogicalDynamic),
            home: interface(Key::HomeInterface),
            networks: section.each(Key::MobileNetwork).map(MobileNetwork::read).collect(),
            service: service.expect("the table gives a default"),
            routes: section.each(Key::ReverseRoute).filter_map(ReverseRoute::read).collect(),
            fixed: interface(Key::FixedInterface),
            watch: section.args(Key::Watch).and_then(watch),
            mobile_map: section.text(Key::MobileMap),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let nai = Args::default().with("NAI", Datum::Text(self.nai.clone()));
        writer.block(Key::LogicalMn, nai, |writer| {
            writer.on(Key::LogicalDynamic, self.dynamic);
            let interfaces = [(Key::HomeInterface, &self.home), (Key::FixedInterface, &self.fixed)];
            for (key, interface) in interfaces {
                let args = interface.iter().map(|name| shared::interface_args(name));
                args.for_each(|args| writer.put(key, args));
            }
            self.networks.iter().for_each(|network| network.write(writer));
            writer.value(Key::NaiService, Datum::Word(self.service.word()));
            self.routes.iter().for_each(|route| route.write(writer));
            if let Some((address, len)) = self.watch {
                let args = Args::default()
                    .with("ADDRESS", Datum::Ipv4(address))
                    .with("LENGTH", Datum::Integer(len.into()));
                writer.put(Key::Watch, args);
            }
            writer.text(Key::MobileMap, self.mobile_map.as_deref());
        });
    }
}

impl MobileNetwork {
    fn read(item: &Item<Key>) -> Self {
        Self {
            interface: shared::interface(&item.args),
            label: item.args.text("LABEL").map(str::to_owned),
            learn_prefix: item.args.has("learn-prefix"),
            skip_register: item.args.has("skip-register"),
            serve_hosts: item.args.has("serve-hosts"),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let mut args = shared::interface_args(&self.interface);
        if let Some(label) = &self.label {
            args.push("LABEL", Datum::Text(label.clone()));
        }
        for (flag, on) in [
            ("learn-prefix", self.learn_prefix),
            ("skip-register", self.skip_register),
            ("serve-hosts", self.serve_hosts),
        ] {
            if on {
                args.push(flag, Datum::Word(flag));
            }
        }
        writer.put(Key::MobileNetwork, args);
    }
}

impl ReverseRoute {
    fn read(item: &Item<Key>) -> Option<Self> {
        let args = &item.args;
        let address = args.ip("ADDRESS")?;
        Some(Self { address, len: args.integer("LENGTH")?, metric: args.integer("METRIC") })
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let family = if self.address.is_ipv4() { "ipv4" } else { "ipv6" };
        let mut args = Args::default()
            .with(family, Datum::Word(family))
            .with("ADDRESS", self.address.into())
            .with("LENGTH", Datum::Integer(self.len.into()));
        if let Some(metric) = self.metric {
            args.push("METRIC", Datum::Integer(metric.into()));
        }
        writer.put(Key::ReverseRoute, args);
    }
}

impl GatewayLocalLoop {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let default_route = |args: Args| DefaultRoute { metric: args.integer("METRIC") };
        Self {
            ignore_home_address: section.is_on(Key::IgnoreHomeAddress),
            default_route: section.args(Key::ReverseDefaultRoute).map(default_route),
            egress: section.find(Key::EgressInterface).map(|item| shared::interface(&item.args)),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        writer.block(Key::LocalLoop, Args::default(), |writer| {
            writer.on(Key::IgnoreHomeAddress, self.ignore_home_address);
            if let Some(DefaultRoute { metric }) = self.default_route {
                let mut args = Args::default();
                if let Some(metric) = metric {
                    args.push("METRIC", Datum::Integer(metric.into()));
                }
                writer.put(Key::ReverseDefaultRoute, args);
            }
            let egress = self.egress.iter().map(|name| shared::interface_args(name));
            egress.for_each(|args| writer.put(Key::EgressInterface, args));
        });
    }
}
