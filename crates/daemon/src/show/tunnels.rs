//! `show ipv6 mobile pmipv6 {lma | mag} tunnels`: who is reached how, and what went there.
//!
//! One line of the table, and one entry of the JSON, for every pair of outer addresses and kind
//! of encapsulation; GRE keys are a binding's own and stand with the bindings.

use std::collections::BTreeMap;

use kedge_dataplane::BindingCounters;
use kedge_model::{CustomerId, Encapsulation, Tunnel};
use serde_json::{Value, json};

use super::anchor::CUSTOMER;
use super::layout::{Align, Table};
use super::{traffic_json, tunnel_kind};
use crate::anchor::Anchor;
use crate::console::Answer;
use crate::gateway::Gateway;

/// The tunnels of an anchor or a gateway.
pub struct Tunnels {
    /// What the other end is, for the head of its column.
    peer: &'static str,
    /// Whether there are customers, and a column for them.
    by_customer: bool,
    list: BTreeMap<(Option<String>, String, Tunnel), Carried>,
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
        let by_customer = anchor.has_customers();
        let mut tunnels = Self { peer: "Gateway", by_customer, list: BTreeMap::new() };
        for binding in anchor.machines(only).flat_map(|(_, lma)| lma.bindings()) {
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
        let mut tunnels = Self { peer: "Anchor", by_customer: false, list: BTreeMap::new() };
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

    fn entry(&mut self, customer: Option<&str>, name: &str, mut tunnel: Tunnel) -> &mut Carried {
        if let Encapsulation::Gre { send_key, receive_key } = &mut tunnel.encapsulation {
            *send_key = send_key.map(|_| 0);
            *receive_key = receive_key.map(|_| 0);
        }
        self.list.entry((customer.map(str::to_owned), name.to_owned(), tunnel)).or_default()
    }

    /// The answer to the command.
    pub fn answer(self) -> Answer<'static> {
        let data = json!({ "tunnels": self.list.iter().map(Self::as_json).collect::<Vec<_>>() });
        Answer::new(move || self.text(), move || data)
    }

    fn text(&self) -> String {
        let mut head = vec![
            (self.peer, Align::Left),
            ("Bindings", Align::Right),
            ("Packets from nodes", Align::Right),
            ("Packets to nodes", Align::Right),
            ("MTU", Align::Right),
            ("Encapsulation", Align::Left),
            ("Between", Align::Left),
        ];
        if self.by_customer {
            head.insert(0, CUSTOMER);
        }
        let mut table = Table::new(&head);
        for ((customer, name, tunnel), carried) in &self.list {
            let mut cells = vec![
                name.clone(),
                carried.bindings.to_string(),
                carried.from_nodes.0.to_string(),
                carried.to_nodes.0.to_string(),
                tunnel.mtu.to_string(),
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
        out
    }

    fn as_json(
        ((customer, name, tunnel), carried): (&(Option<String>, String, Tunnel), &Carried),
    ) -> Value {
        json!({
            "customer": customer,
            "peer": name,
            "local": tunnel.local,
            "remote": tunnel.peer,
            "encapsulation": tunnel_kind(tunnel),
            "mtu": tunnel.mtu,
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
