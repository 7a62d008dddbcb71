//! A domain: what its gateways, anchors and mobile nodes share.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::MapEntry;
use crate::key::Key;
use crate::keyword::keywords;
use crate::shared::{self, AuthOption, Encap};

/// A Proxy Mobile IPv6 domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainConfig {
    /// Its name.
    pub name: String,
    /// The key shared with every peer that has none of its own.
    pub auth: Option<AuthOption>,
    /// How user packets travel where no peer says otherwise; `None` is IP in IP.
    pub encap: Option<Encap>,
    /// How far clocks may be apart where a service does not say otherwise.
    pub replay_window: Duration,
    /// Profiles of mobile nodes come from RADIUS.
    pub profiles_from_aaa: bool,
    /// Its gateways route between their own nodes.
    pub local_routing: bool,
    /// Mobile maps, entry by entry.
    pub mobile_maps: Vec<MapEntry>,
    /// Its anchors.
    pub lmas: Vec<DomainMember>,
    /// Its gateways.
    pub mags: Vec<DomainMember>,
    /// Profiles of mobile nodes and of realms, in the order of the text.
    pub nais: Vec<NaiConfig>,
}

/// An anchor or a gateway that a domain declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainMember {
    /// Its identifier.
    pub id: String,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
}

keywords! {
    /// The address families that a node is served.
    pub enum Service {
        Ipv4 = "ipv4", "An IPv4 home address";
        Ipv6 = "ipv6", "Home network prefixes";
        Dual = "dual", "Both";
    }
}

impl Service {
    /// Whether nodes get an IPv4 home address.
    pub fn has_ipv4(self) -> bool {
        self != Self::Ipv6
    }

    /// Whether nodes get home network prefixes.
    pub fn has_ipv6(self) -> bool {
        self != Self::Ipv4
    }
}

/// The profile of a mobile node, or of all nodes of a realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NaiConfig {
    /// `user@realm`, or `@realm`.
    pub nai: String,
    /// Service selection.
    pub apn: Option<String>,
    /// Its anchor.
    pub lma: Option<String>,
    /// The anchor's network that its addresses come from.
    pub network: Option<String>,
    /// The families it is served.
    pub service: Service,
    /// Whether it may be a router that is delegated prefixes.
    pub delegation: bool,
    /// The customer it belongs to.
    pub customer: Option<String>,
    /// It has mobile local loop.
    pub local_loop: bool,
    /// The fixed GRE key of packets towards the anchor.
    pub gre_key_up: Option<u32>,
    /// The fixed GRE key of packets towards the node.
    pub gre_key_down: Option<u32>,
    /// A key of its own.
    pub auth: Option<AuthOption>,
}

impl DomainConfig {
    /// The window where neither service nor domain says one.
    pub(crate) const DEFAULT_REPLAY_WINDOW: Duration = Duration::from_secs(7);

    /// The profile of a node: its own, else that of its realm.
    pub fn profile(&self, nai: &str) -> Option<&NaiConfig> {
        let find = |nai: &str| self.nais.iter().find(|profile| profile.nai == nai);
        find(nai).or_else(|| find(&nai[nai.rfind('@')?..]))
    }

    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        Self {
            name: shared::name(&item.args, "NAME"),
            auth: shared::read_auth(section),
            encap: shared::read_encap(section),
            replay_window: shared::seconds(section, Key::ReplayWindow),
            profiles_from_aaa: section.is_on(Key::ProfileFromAaa),
            local_routing: section.is_on(Key::LocalRouting),
            mobile_maps: section.each(Key::MapEntry).map(MapEntry::read).collect(),
            lmas: section.each(Key::DomainLma).map(DomainMember::read).collect(),
            mags: section.each(Key::DomainMag).map(DomainMember::read).collect(),
            nais: section.each(Key::Nai).map(NaiConfig::read).collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
        let name = Args::default().with("NAME", Datum::Text(self.name.clone()));
        writer.block(Key::Domain, name, |writer| {
            shared::write_auth(self.auth.as_ref(), writer);
            shared::write_encap(self.encap, writer);
            shared::write_seconds(writer, Key::ReplayWindow, self.replay_window);
            writer.on(Key::ProfileFromAaa, self.profiles_from_aaa);
            writer.on(Key::LocalRouting, self.local_routing);
            self.mobile_maps.iter().for_each(|entry| entry.write(writer));
            self.lmas.iter().for_each(|lma| lma.write(Key::DomainLma, writer));
            self.mags.iter().for_each(|mag| mag.write(Key::DomainMag, writer));
            self.nais.iter().for_each(|nai| nai.write(writer));
        });
    }
}

impl DomainMember {
    fn read(item: &Item<Key>) -> Self {
        let address = |key| item.section().args(key);
        Self {
            id: shared::name(&item.args, "ID"),
            ipv4: address(Key::Ipv4Address).and_then(|args| args.ipv4("ADDRESS")),
            ipv6: address(Key::Ipv6Address).and_then(|args| args.ipv6("ADDRESS")),
        }
    }

    fn write(&self, key: Key, writer: &mut Writer<Key>) {
        let id = Args::default().with("ID", Datum::Text(self.id.clone()));
        writer.block(key, id, |writer| {
            self.ipv4.iter().for_each(|a| writer.value(Key::Ipv4Address, Datum::Ipv4(*a)));
            self.ipv6.iter().for_each(|a| writer.value(Key::Ipv6Address, Datum::Ipv6(*a)));
        });
    }
}

impl NaiConfig {
    fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let service = section.word(Key::NaiService).and_then(Service::from_word);
        Self {
            nai: shared::name(&item.args, "NAI"),
            apn: section.text(Key::NaiApn),
            lma: section.text(Key::NaiLma),
            network: section.text(Key::NaiNetwork),
            service: service.expect("the table gives a default"),
            delegation: section.is_on(Key::NaiDelegation),
            customer: section.text(Key::NaiCustomer),
            local_loop: section.is_on(Key::NaiLocalLoop),
            gre_key_up: section.optional_number(Key::GreKeyUp),
            gre_key_down: section.optional_number(Key::GreKeyDown),
            auth: shared::read_auth(section),
        }
    }

    fn write(&self, writer: &mut Writer<Key>) {
        let nai = Args::default().with("NAI", Datum::Text(self.nai.clone()));
        writer.block(Key::Nai, nai, |writer| {
            writer.text(Key::NaiApn, self.apn.as_deref());
            writer.text(Key::NaiLma, self.lma.as_deref());
            writer.text(Key::NaiNetwork, self.network.as_deref());
            writer.value(Key::NaiService, Datum::Word(self.service.word()));
            writer.on(Key::NaiDelegation, self.delegation);
            writer.text(Key::NaiCustomer, self.customer.as_deref());
            writer.on(Key::NaiLocalLoop, self.local_loop);
            writer.optional_number(Key::GreKeyUp, self.gre_key_up);
            writer.optional_number(Key::GreKeyDown, self.gre_key_down);
            shared::write_auth(self.auth.as_ref(), writer);
        });
    }
}
