//! The anchors that a gateway registers with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kedge_grammar::{Args, Datum, Item, Writer};

use crate::Config;
use crate::key::Key;
use crate::shared::{self, AuthOption, Dscp, Encap, Heartbeat};

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

impl Config {
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

impl PeerLma {
    pub(crate) fn read(item: &Item<Key>) -> Self {
        let section = item.section();
        let template = |item: &Item<Key>| {
            (item.args.text("LABEL").map(str::to_owned), shared::interface(&item.args))
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

    pub(crate) fn write(&self, writer: &mut Writer<Key>) {
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
                let mut args = shared::interface_args(tunnel);
                label.iter().for_each(|label| args.push("LABEL", Datum::Text(label.clone())));
                writer.put(Key::TunnelTemplate, args);
            }
        });
    }
}
