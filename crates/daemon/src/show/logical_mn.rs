//! The gateway as a mobile node, and the networks behind it.

use std::fmt::Write;

use kedge_mag::{BindingView, InterfaceId};
use kedge_model::{IpNet, MnId};
use kedge_sansio::Now;
use serde_json::{Value, json};

use super::gateway::state;
use super::layout::{Align, Block, Table, span};
use crate::answer::{Answer, count};
use crate::gateway::Gateway;
use crate::gateway::branch::NetworkView;

/// `show ipv6 mobile pmipv6 mag logical-mn [nai NAI]`
pub fn logical_mns(gateway: &Gateway, filter: Option<MnId>, now: Now) -> Answer<'_> {
    let chosen = filter.clone();
    let text = move || {
        let mut out = String::new();
        for (id, mn_id) in nodes(gateway, chosen.as_ref()) {
            write_node(gateway, id, mn_id, now, &mut out);
        }
        if out.is_empty() { "No logical mobile node\n".to_owned() } else { out }
    };
    let data = move || {
        let nodes = nodes(gateway, filter.as_ref());
        let nodes = nodes.map(|(id, mn_id)| as_json(gateway, id, mn_id, now));
        json!({ "logical_mns": nodes.collect::<Vec<_>>() })
    };
    Answer::new(text, data)
}

fn nodes<'a>(
    gateway: &'a Gateway,
    filter: Option<&'a MnId>,
) -> impl Iterator<Item = (InterfaceId, &'a MnId)> {
    let interfaces = gateway.mag().settings().interfaces.iter();
    let logical = interfaces.filter(|(_, interface)| interface.logical);
    let nodes = logical.filter_map(|(id, interface)| Some((*id, interface.identity.as_ref()?)));
    nodes.filter(move |(_, mn_id)| filter.is_none_or(|filter| *mn_id == filter))
}

fn binding(gateway: &Gateway, id: InterfaceId, now: Now) -> Option<BindingView> {
    // The one that is being ended comes first, if there are two.
    gateway.mag().bindings(now.mono).filter(|view| view.interface == id).last()
}

fn write_node(gateway: &Gateway, id: InterfaceId, mn_id: &MnId, now: Now, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{mn_id}");
    let mut block = Block::default();
    let binding = binding(gateway, id, now);
    match &binding {
        Some(view) => block.row("State", state(&view.state).1),
        None => block.row("State", "not registered"),
    };
    let home = gateway.branches().plan(id).and_then(|plan| plan.home.as_deref());
    block.row("Home interface", home.unwrap_or("-"));
    if let Some((device, works)) = gateway.branches().fixed(id) {
        let use_of_it = if works { "used in place of the anchor" } else { "does not work" };
        block.row("Fixed link", format!("{device}, {use_of_it}"));
    }
    if let Some(view) = &binding {
        block.row("Anchor", format!("{} at {}", view.lma_name, view.lma));
        if let Some(address) = view.ipv4 {
            block.row("IPv4 home address", address);
        }
        for prefix in &view.prefixes {
            block.row("Home network prefix", prefix);
        }
        for prefix in &view.delegated {
            block.row("Mobile network prefix", prefix);
        }
        if let Some((lifetime, left)) = view.lifetime {
            block.row("Lifetime", format!("{} left of {}", span(left), span(lifetime.duration())));
        }
    }
    block.write(out);
    let networks = gateway.branches().networks(id, now);
    if networks.is_empty() {
        return;
    }
    let titles = ["Network", "State", "Addresses", "Delegated", "Hosts"];
    let mut table = Table::new(&titles.map(|title| (title, Align::Left)));
    for network in &networks {
        table.row(vec![
            network.plan.device.clone(),
            network_state(network).to_owned(),
            list(&network.addresses),
            list(network.given),
            match (network.plan.serve, network.fault) {
                (false, _) => "not served".to_owned(),
                (true, Some(fault)) => fault.to_owned(),
                (true, None) => count(network.leases.len() as u64, "lease"),
            },
        ]);
    }
    table.write(out);
}

fn network_state(network: &NetworkView<'_>) -> &'static str {
    match (network.up, network.plan.register) {
        (false, _) => "down",
        (true, false) => "not registered",
        (true, true) => "up",
    }
}

fn list(nets: &[IpNet]) -> String {
    let texts: Vec<String> = nets.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(" ") }
}

fn as_json(gateway: &Gateway, id: InterfaceId, mn_id: &MnId, now: Now) -> Value {
    let binding = binding(gateway, id, now);
    let view = binding.as_ref();
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let prefixes = view.map_or(Vec::new(), |view| {
        view.prefixes.iter().map(ToString::to_string).collect::<Vec<_>>()
    });
    let networks = gateway.branches().networks(id, now).into_iter().map(|network| {
        let leases = network.leases.iter().map(|lease| {
            json!({
                "address": lease.address,
                "mac": lease.mac.to_string(),
                "remaining_seconds": lease.left.as_secs(),
            })
        });
        json!({
            "interface": network.plan.device,
            "up": network.up,
            "registered": network.plan.register,
            "learns_prefixes": network.plan.learn,
            "serves_hosts": network.plan.serve,
            "addresses": texts(&network.addresses),
            "delegated": texts(network.given),
            "fault": network.fault,
            "leases": leases.collect::<Vec<_>>(),
        })
    });
    json!({
        "mn_id": mn_id.to_string(),
        "state": view.map_or("not_registered", |view| state(&view.state).0),
        "home_interface": gateway.branches().plan(id).and_then(|plan| plan.home.as_deref()),
        "fixed_interface": gateway.branches().fixed(id).map(|(device, _)| device),
        "fixed_link_works": gateway.branches().fixed(id).map(|(_, works)| works),
        "lma": view.map(|view| &view.lma_name),
        "ipv4_home_address": view.and_then(|view| view.ipv4).map(|net| net.to_string()),
        "home_network_prefixes": prefixes,
        "mobile_network_prefixes": texts(view.map_or(&[], |view| &view.delegated)),
        "remaining_seconds": view.and_then(|view| view.lifetime).map(|(_, left)| left.as_secs()),
        "networks": networks.collect::<Vec<_>>(),
    })
}
