//! `show ipv6 mobile pmipv6 lma globals`: what the anchor was told, and how it stands.

use std::fmt::Write;
use std::net::IpAddr;

use kedge_config::LmaConfig;
use kedge_lma::{Customer, Delegated, Lma, Load, MnpMaximum, Settings, Unchecked};
use kedge_model::CustomerId;
use serde_json::{Value, json};

use super::anchor::{CUSTOMER, customer};
use super::heartbeats::rhythm_json;
use super::layout::{Align, Block, Table};
use super::lma_settings::{encapsulation, write_settings};
use crate::anchor::Anchor;
use crate::answer::{Answer, count};
use crate::routes::Count;

/// The answer to the command: the anchor as a whole, or one customer of it.
pub fn lma_globals<'a>(
    anchor: &'a Anchor,
    config: &'a LmaConfig,
    only: Option<CustomerId>,
) -> Answer<'a> {
    Answer::new(move || text(anchor, config, only), move || as_json(anchor, config, only))
}

/// The machine whose settings are shown: a customer's, or that of the anchor's own addresses.
fn shown(anchor: &Anchor, only: Option<CustomerId>) -> Option<&Lma> {
    anchor.customers().customer(only.unwrap_or_default()).map(Customer::lma)
}

fn text(anchor: &Anchor, config: &LmaConfig, only: Option<CustomerId>) -> String {
    let mut out = format!("Anchor {}, domain {}\n", config.id, config.domain);
    match only {
        None => write_state(anchor, &mut out),
        Some(id) => write_customer(anchor, id, &mut out),
    }
    if let Some(lma) = shown(anchor, only) {
        write_settings(lma, &mut out);
        write_networks(lma, &mut out);
        write_peers(lma, &mut out);
    }
    if only.is_none() && anchor.has_customers() {
        write_customers(anchor, &mut out);
    }
    out
}

fn write_networks(lma: &Lma, out: &mut String) {
    for name in lma.settings().networks.keys() {
        let Some((ipv4, ipv6)) = lma.usage(name) else { continue };
        let _ = writeln!(out, "\nNetwork {name}");
        let mut block = Block::default();
        for (label, usage) in [("IPv4 home addresses", ipv4), ("Home network prefixes", ipv6)] {
            if let Some(usage) = usage {
                block.row(label, format!("{} of {} taken", usage.taken, usage.size));
            }
        }
        for (pool, usage) in lma.delegated_usage(name) {
            let (start, len) = (pool.start, pool.network_len);
            let share = format!("{} of {} taken", usage.taken, usage.size);
            block.row("Mobile networks", format!("{share}, each a /{len}, from {start}"));
        }
        let unchecked = match lma.settings().networks.get(name).map(|network| network.unchecked) {
            Some(Unchecked::Everything) => Some("all as it is sent"),
            Some(Unchecked::MobileNetworks) => Some("mobile networks as they are sent"),
            Some(Unchecked::NamedByAaa) => Some("mobile networks as AAA names them"),
            Some(Unchecked::Nothing) | None => None,
        };
        unchecked.map(|what| block.row("Beside pools", what));
        block.write(out);
    }
}

/// How many prefixes mobile networks have.
fn delegated(lma: &Lma) -> String {
    let Delegated { ipv4, ipv6 } = lma.delegated();
    match ipv4 + ipv6 {
        0 => "none".to_owned(),
        all => format!("{all}: {ipv4} IPv4, {ipv6} IPv6"),
    }
}

/// The routes of bindings: those there are, and what is amiss with others.
fn routes(of: Count) -> String {
    let Count { made, waiting, refused, refusals } = of;
    let mut parts = vec![if made == 0 { "none".to_owned() } else { format!("{made} made") }];
    if waiting > 0 {
        parts.push(format!("{waiting} not made yet"));
    }
    if refused > 0 {
        parts.push(format!("{refused} REFUSED by the kernel, tried again every 30s"));
    }
    if refusals > 0 {
        parts.push(format!("{} since the start", count(refusals, "refusal")));
    }
    parts.join(", ")
}

fn write_peers(lma: &Lma, out: &mut String) {
    let mut table = Table::new(&[
        ("Gateway", Align::Left),
        ("Bindings", Align::Right),
        ("Updates", Align::Right),
        ("Accepted", Align::Right),
        ("Denied", Align::Right),
        ("Discarded", Align::Right),
        ("Addresses", Align::Left),
    ]);
    for peer in lma.peers() {
        let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
        let c = &peer.counters;
        let name = peer.name.as_deref().unwrap_or("(learned)").to_owned();
        let counts = [peer.bindings.into(), c.received, c.accepted, c.denied, c.discarded];
        let numbers = counts.iter().map(ToString::to_string);
        table.row([name].into_iter().chain(numbers).chain([addresses.join(", ")]).collect());
    }
    table.write(out);
}

/// A line for each customer.
fn write_customers(anchor: &Anchor, out: &mut String) {
    let mut table = Table::new(&[
        CUSTOMER,
        ("Bindings", Align::Right),
        ("Gateways", Align::Right),
        ("Load", Align::Left),
        ("Addresses", Align::Left),
    ]);
    for (id, lma) in anchor.machines(None) {
        let addresses = lma.settings().addresses.iter().map(|(_, address)| address.to_string());
        table.row(vec![
            customer(anchor, id),
            lma.len().to_string(),
            lma.peers().count().to_string(),
            load(lma.load()).0.to_owned(),
            addresses.collect::<Vec<_>>().join(", "),
        ]);
    }
    table.write(out);
}

fn write_addresses(settings: &Settings, block: &mut Block) {
    for (_, address) in &settings.addresses {
        block.row("Address", address);
    }
}

fn write_customer(anchor: &Anchor, id: CustomerId, out: &mut String) {
    let Some(lma) = shown(anchor, Some(id)) else { return };
    let mut block = Block::default();
    block.row("Customer", customer(anchor, id));
    write_addresses(lma.settings(), &mut block);
    block.row("Bindings", lma.len());
    block.row("Waiting for a de-registration", lma.pending());
    block.row("Mobile network prefixes", delegated(lma));
    block.row("Load", load(lma.load()).1);
    block.write(out);
}

fn write_state(anchor: &Anchor, out: &mut String) {
    let customers = anchor.customers();
    let mut block = Block::default();
    if let Some(lma) = shown(anchor, None) {
        write_addresses(lma.settings(), &mut block);
    }
    let (most, restarts) = of_all(anchor);
    block.row("Bindings", format!("{} of at most {most}", customers.len()));
    block.row("Waiting for a de-registration", customers.pending());
    if let Some(lma) = shown(anchor, None) {
        block.row("Mobile network prefixes", delegated(lma));
    }
    block.row("Load", load(customers.load()).1);
    block.row("Messages lost unread", anchor.overruns());
    block.row("Forwarding failures", anchor.forwarding_failures());
    block.row("Routes of bindings", routes(anchor.routes().count()));
    block.row("Restart counter", restarts);
    block.write(out);
}

/// What every machine is told alike: the most bindings of all, and the restart counter.
fn of_all(anchor: &Anchor) -> (u32, u32) {
    let any = anchor.machines(None).next().map(|(_, lma)| lma.settings());
    any.map_or((0, 0), |settings| (settings.bce_maximum, settings.restart_counter))
}

/// A load as a word for programs and as one for people.
fn load(load: Load) -> (&'static str, &'static str) {
    match load {
        Load::Normal => ("normal", "normal"),
        Load::Busy => ("busy", "BUSY, new sessions are denied"),
        Load::Saturated => ("saturated", "SATURATED, updates for new sessions are dropped"),
    }
}

fn maximum_json(MnpMaximum { both, ipv4, ipv6 }: MnpMaximum) -> Value {
    json!({ "both": both, "ipv4": ipv4, "ipv6": ipv6 })
}

fn routes_json(Count { made, waiting, refused, refusals }: Count) -> Value {
    json!({ "made": made, "waiting": waiting, "refused": refused, "refusals": refusals })
}

fn as_json(anchor: &Anchor, config: &LmaConfig, only: Option<CustomerId>) -> Value {
    let customers = anchor.customers();
    let (most, restarts) = of_all(anchor);
    let list = anchor.machines(only).map(|(id, lma)| {
        json!({
            "customer": anchor.customer_name(id),
            "addresses": lma.settings().addresses.iter().map(|(_, a)| a).collect::<Vec<_>>(),
            "bindings": lma.len(),
            "pending": lma.pending(),
            "gateways": lma.peers().count(),
            "load": load(lma.load()).0,
        })
    });
    let mut data = json!({
        "lma": config.id,
        "domain": config.domain,
        "customer": only.and_then(|id| anchor.customer_name(id)),
        "bindings": customers.len(),
        "bce_maximum": most,
        "pending": customers.pending(),
        "load": load(customers.load()).0,
        "messages_lost_unread": anchor.overruns(),
        "forwarding_failures": anchor.forwarding_failures(),
        "routes": routes_json(anchor.routes().count()),
        "restart_counter": restarts,
        "customers": list.collect::<Vec<_>>(),
    });
    let machine = shown(anchor, only).map(machine_json);
    if let (Some(Value::Object(machine)), Value::Object(data)) = (machine, &mut data) {
        data.extend(machine);
    }
    data
}

/// What one machine was told, and how its networks and gateways stand.
fn machine_json(lma: &Lma) -> Value {
    let settings = lma.settings();
    let networks = settings.networks.keys().filter_map(|name| {
        let (ipv4, ipv6) = lma.usage(name)?;
        let usage = |u: kedge_lma::Usage| json!({ "taken": u.taken, "size": u.size });
        Some(json!({ "network": name, "ipv4": ipv4.map(usage), "ipv6": ipv6.map(usage) }))
    });
    let peers = lma.peers().map(|peer| {
        json!({
            "name": peer.name,
            "addresses": peer.addresses,
            "bindings": peer.bindings,
            "received": peer.counters.received,
            "accepted": peer.counters.accepted,
            "denied": peer.counters.denied,
            "discarded": peer.counters.discarded,
        })
    });
    let addresses = |ipv4: bool| -> Vec<IpAddr> {
        let all = settings.addresses.iter().map(|(_, address)| *address);
        all.filter(|address| address.is_ipv4() == ipv4).collect()
    };
    json!({
        "ipv4": addresses(true),
        "ipv6": addresses(false),
        "lifetime_seconds": settings.lifetime.secs(),
        "hnp_maximum": settings.hnp_maximum,
        "mobile_network_prefixes": {
            "ipv4": lma.delegated().ipv4,
            "ipv6": lma.delegated().ipv6,
            "customer_maximum": maximum_json(settings.mnp_of_customer),
            "session_maximum": maximum_json(settings.mnp_of_session),
        },
        "delete_wait_ms": settings.delete_wait.as_millis() as u64,
        "create_wait_ms": settings.create_wait.as_millis() as u64,
        "timestamp_window_seconds": settings.timestamp_window.map(|w| w.as_secs()),
        "authentication": settings.authentication.is_some(),
        "encapsulation": encapsulation(settings.encapsulation).0,
        "generate_grekey": settings.generate_grekey,
        "tunnel_mtu": settings.tunnel_mtu,
        "dscp": settings.dscp.map(|dscp| dscp.value),
        "dscp_force": settings.dscp.is_some_and(|dscp| dscp.force),
        "heartbeat": settings.heartbeat.map(rhythm_json),
        "impose_heartbeat": settings.impose_heartbeat,
        "revocation": {
            "delay_min_ms": settings.revocation.delay_min.as_millis() as u64,
            "delay_max_ms": settings.revocation.delay_max.as_millis() as u64,
            "retries": settings.revocation.retries,
        },
        "dynamic_mag_learning": settings.dynamic_mag_learning,
        "learned_mag_maximum": settings.learned_mag_maximum,
        "default_profile": settings.default_profile.is_some(),
        "networks": networks.collect::<Vec<_>>(),
        "peers": peers.collect::<Vec<_>>(),
    })
}
