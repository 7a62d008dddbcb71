//! `show ipv6 mobile pmipv6 {lma | mag} tunnels`: who is reached how, and what went there.
//!
//! One line of the table, and one entry of the JSON, for every pair of outer addresses and kind
//! of encapsulation; GRE keys are a binding's own and stand with the bindings.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedge_dataplane::BindingCounters;
use kedge_model::{CustomerId, Encapsulation, Tunnel, VrfId};
use serde_json::{Value, json};

use super::anchor::CUSTOMER;
use super::layout::{Align, Table};
use super::traffic::{traffic_json, tunnel_kind};
use super::tunnel_policy::PolicyView;
use crate::anchor::Anchor;
use crate::answer::Answer;
use crate::forwarding::Plane;
use crate::gateway::Gateway;

/// The tunnels of an anchor or a gateway.
pub struct Tunnels {
    /// What the other end is, for the head of its column.
    peer: &'static str,
    /// Whether there are customers, and a column for them.
    by_customer: bool,
    list: BTreeMap<(Option<String>, String, Tunnel), Carried>,
    /// Whether the MTU is an operator's choice.
    mtu_is_configured: bool,
    /// What ways to peers were found to carry, where that is less than their first link does.
    narrow: BTreeMap<(VrfId, IpAddr, IpAddr), u16>,
    policy: PolicyView,
}

/// What the bindings of one tunnel add up to.
#[derive(Default)]
struct Carried {
    bindings: u64,
    /// Packets and octets.
    from_nodes: (u64, u64),
    to_nodes: (u64, u64),
}

impl Tunnels {
    /// Those of an anchor, at one customer or at all.
    pub fn of_anchor(anchor: &Anchor, only: Option<CustomerId>) -> Self {
        let machines = || anchor.machines(only).map(|(_, lma)| lma);
        let configured = machines().any(|lma| lma.settings().tunnel_mtu.is_some());
        let vrf = machines().next().map(|lma| lma.settings().vrf);
        let policy = PolicyView::of(anchor.plane(), vrf.unwrap_or_default());
        let mut tunnels = Self::new("Gateway", configured, anchor.plane(), policy);
        tunnels.by_customer = anchor.has_customers();
        for binding in machines().flat_map(|lma| lma.bindings()) {
            let customer = anchor.customer_name(binding.customer);
            let traffic = anchor.traffic(binding.id).unwrap_or_default();
            for (place, path) in binding.paths.iter().enumerate() {
                let name = anchor.peer_name(binding, path).unwrap_or("(learned)");
                let carried = tunnels.entry(customer, name, path.tunnel);
                carried.bindings += 1;
                // The packets of a binding are counted together.
                if place == 0 {
                    carried.add_received(&traffic, |carried| &mut carried.from_nodes);
                    carried.add_sent(&traffic, |carried| &mut carried.to_nodes);
                }
            }
        }
        tunnels
    }

    /// Those of a gateway.
    pub fn of_gateway(gateway: &Gateway, now: std::time::Instant) -> Self {
        let settings = gateway.mag().settings();
        let policy = PolicyView::of(gateway.plane(), settings.inner);
        let configured = settings.tunnel_mtu.is_some();
        let mut tunnels = Self::new("Anchor", configured, gateway.plane(), policy);
        for view in gateway.mag().bindings(now) {
            let Some(tunnel) = view.tunnel else { continue };
            let traffic = gateway.traffic(view.binding).unwrap_or_default();
            let carried = tunnels.entry(None, &view.lma_name, tunnel);
            carried.bindings += 1;
            carried.add_sent(&traffic, |carried| &mut carried.from_nodes);
            carried.add_received(&traffic, |carried| &mut carried.to_nodes);
        }
        tunnels
    }

    fn new(peer: &'static str, mtu_is_configured: bool, plane: &Plane, policy: PolicyView) -> Self {
        let narrow = plane.narrow_ways().into_iter();
        let narrow = narrow.map(|way| ((way.transport, way.local, way.peer), way.outer_mtu));
        let (by_customer, narrow, list) = (false, narrow.collect(), BTreeMap::new());
        Self { peer, by_customer, list, mtu_is_configured, narrow, policy }
    }

    /// The largest inner packet that a tunnel carries whole now, and what says so.
    fn mtu(&self, tunnel: &Tunnel) -> (u16, &'static str) {
        let found = self.narrow.get(&(tunnel.transport, tunnel.local, tunnel.peer));
        let found = found.map(|outer_mtu| outer_mtu.saturating_sub(tunnel.overhead()));
        match found {
            Some(found) if found < tunnel.mtu => (found, "path"),
            _ if self.mtu_is_configured => (tunnel.mtu, "configured"),
            _ => (tunnel.mtu, "link"),
        }
    }

    fn entry(&mut self, customer: Option<&str>, name: &str, mut tunnel: Tunnel) -> &mut Carried {
        if let Encapsulation::Gre { send_key, receive_key } = &mut tunnel.encapsulation {
            *send_key = send_key.map(|_| 0);
            *receive_key = receive_key.map(|_| 0);
        }
        self.list.entry((customer.map(str::to_owned), name.to_owned(), tunnel)).or_default()
    }

    /// The answer to the command.
    pub fn answer(self) -> Answer<'static> {
        let tunnels: Vec<Value> = self.list.iter().map(|entry| self.as_json(entry)).collect();
        let mut data = json!({ "tunnels": tunnels });
        self.policy.add_to_json(&mut data);
        Answer::new(move || self.text(), move || data)
    }

    fn text(&self) -> String {
        let mut head = vec![
            (self.peer, Align::Left),
            ("Bindings", Align::Right),
            ("Packets from nodes", Align::Right),
            ("Packets to nodes", Align::Right),
            ("MTU", Align::Right),
            ("by", Align::Left),
            ("Encapsulation", Align::Left),
            ("Between", Align::Left),
        ];
        if self.by_customer {
            head.insert(0, CUSTOMER);
        }
        let mut table = Table::new(&head);
        for ((customer, name, tunnel), carried) in &self.list {
            let (mtu, by) = self.mtu(tunnel);
            let mut cells = vec![
                name.clone(),
                carried.bindings.to_string(),
                carried.from_nodes.0.to_string(),
                carried.to_nodes.0.to_string(),
                mtu.to_string(),
                by.to_owned(),
                tunnel_kind(tunnel),
                format!("{} and {}", tunnel.local, tunnel.peer),
            ];
            if self.by_customer {
                cells.insert(0, customer.as_deref().unwrap_or("-").to_owned());
            }
            table.row(cells);
        }
        let mut out = format!("Tunnels: {}\n", self.list.len());
        table.write(&mut out);
        self.policy.write(&mut out);
        out
    }

    fn as_json(
        &self,
        ((customer, name, tunnel), carried): (&(Option<String>, String, Tunnel), &Carried),
    ) -> Value {
        let (mtu, by) = self.mtu(tunnel);
        json!({
            "customer": customer,
            "peer": name,
            "local": tunnel.local,
            "remote": tunnel.peer,
            "encapsulation": tunnel_kind(tunnel),
            "mtu": mtu,
            "mtu_from": by,
            "bindings": carried.bindings,
            "traffic": traffic_json(carried.from_nodes, carried.to_nodes),
        })
    }
}

impl Carried {
    fn add_sent(&mut self, traffic: &BindingCounters, to: fn(&mut Self) -> &mut (u64, u64)) {
        let sum = to(self);
        (sum.0, sum.1) = (sum.0 + traffic.sent_packets, sum.1 + traffic.sent_bytes);
    }

    fn add_received(&mut self, traffic: &BindingCounters, to: fn(&mut Self) -> &mut (u64, u64)) {
        let sum = to(self);
        (sum.0, sum.1) = (sum.0 + traffic.received_packets, sum.1 + traffic.received_bytes);
    }
}
