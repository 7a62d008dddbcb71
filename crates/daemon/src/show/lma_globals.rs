//! `show ipv6 mobile pmipv6 lma globals`: what the anchor was told, and how it stands.

use std::fmt::Write;

use kedge_config::LmaConfig;
use kedge_lma::{EncapsulationPolicy, Load, Settings};
use serde_json::{Value, json};

use super::heartbeats::{rhythm, rhythm_json};
use super::layout::{Align, Block, Table, span};
use crate::anchor::Anchor;
use crate::console::{Answer, plural};

/// The answer to the command.
pub fn lma_globals<'a>(anchor: &'a Anchor, config: &'a LmaConfig) -> Answer<'a> {
    Answer::new(move || text(anchor, config), move || as_json(anchor, config))
}

fn text(anchor: &Anchor, config: &LmaConfig) -> String {
    let mut out = format!("Anchor {}, domain {}\n", config.id, config.domain);
    write_state(anchor, config, &mut out);
    write_settings(anchor.lma().settings(), &mut out);
    for name in anchor.lma().settings().networks.keys() {
        let Some((ipv4, ipv6)) = anchor.lma().usage(name) else { continue };
        let _ = writeln!(out, "\nNetwork {name}");
        let mut block = Block::default();
        for (label, usage) in [("IPv4 home addresses", ipv4), ("Home network prefixes", ipv6)] {
            if let Some(usage) = usage {
                block.row(label, format!("{} of {} taken", usage.taken, usage.size));
            }
        }
        for (pool, usage) in anchor.lma().delegated_usage(name) {
            let (start, len) = (pool.start, pool.network_len);
            let share = format!("{} of {} taken", usage.taken, usage.size);
            block.row("Mobile networks", format!("{share}, each a /{len}, from {start}"));
        }
        block.write(&mut out);
    }
    let mut table = Table::new(&[
        ("Gateway", Align::Left),
        ("Bindings", Align::Right),
        ("Updates", Align::Right),
        ("Accepted", Align::Right),
        ("Denied", Align::Right),
        ("Discarded", Align::Right),
        ("Addresses", Align::Left),
    ]);
    for peer in anchor.lma().peers() {
        let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
        let c = &peer.counters;
        let name = peer.name.as_deref().unwrap_or("(learned)").to_owned();
        let counts = [peer.bindings.into(), c.received, c.accepted, c.denied, c.discarded];
        let numbers = counts.iter().map(ToString::to_string);
        table.row([name].into_iter().chain(numbers).chain([addresses.join(", ")]).collect());
    }
    table.write(&mut out);
    out
}

fn write_state(anchor: &Anchor, config: &LmaConfig, out: &mut String) {
    let (lma, settings) = (anchor.lma(), anchor.lma().settings());
    let mut block = Block::default();
    for address in &config.ipv6 {
        block.row("Address", address);
    }
    for address in &config.ipv4 {
        block.row("Address", address);
    }
    block.row("Bindings", format!("{} of at most {}", lma.len(), settings.bce_maximum));
    block.row("Waiting for a de-registration", lma.pending());
    block.row("Load", load(lma.load()).1);
    block.row("Messages lost unread", anchor.overruns());
    block.row("Forwarding failures", anchor.forwarding_failures());
    block.row("Restart counter", settings.restart_counter);
    block.write(out);
}

fn write_settings(settings: &Settings, out: &mut String) {
    out.push_str("\nSettings\n");
    let mut block = Block::default();
    block.row("Longest lifetime", span(settings.lifetime.duration()));
    block.row("Home network prefixes", format!("at most {} a node", settings.hnp_maximum));
    block.row("Delete wait", format!("{} ms", settings.delete_wait.as_millis()));
    block.row("Create wait", format!("{} ms", settings.create_wait.as_millis()));
    let window = settings.timestamp_window;
    block.row(
        "Timestamp window",
        window.map_or("not checked".to_owned(), |w| format!("{} s", w.as_secs())),
    );
    block.row("Authentication", on(settings.authentication.is_some()));
    block.row("Encapsulation", encapsulation(settings.encapsulation).1);
    block.row("GRE keys", on(settings.generate_grekey));
    let mtu = settings.tunnel_mtu;
    block.row("Tunnel MTU", mtu.map_or("as the tunnel allows".to_owned(), |mtu| mtu.to_string()));
    let dscp = settings.dscp;
    block.row("DSCP", dscp.map_or("as received".to_owned(), |dscp| dscp.value.to_string()));
    block.row("Heartbeats", rhythm(settings.heartbeat));
    let bri = settings.revocation;
    block.row(
        "Revocations",
        format!(
            "sent again {} {}, first after {} ms, at most every {} ms",
            bri.retries,
            plural(bri.retries.into(), "time"),
            bri.delay_min.as_millis(),
            bri.delay_max.as_millis(),
        ),
    );
    block.row(
        "Dynamic MAG learning",
        match settings.dynamic_mag_learning {
            true => format!("on, at most {} gateways", settings.learned_mag_maximum),
            false => "off".to_owned(),
        },
    );
    let profile = if settings.default_profile.is_some() { "served" } else { "refused" };
    block.row("Nodes without a profile", profile);
    block.write(out);
}

fn on(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

/// A load as a word for programs and as one for people.
fn load(load: Load) -> (&'static str, &'static str) {
    match load {
        Load::Normal => ("normal", "normal"),
        Load::Busy => ("busy", "BUSY, new sessions are denied"),
        Load::Saturated => ("saturated", "SATURATED, updates for new sessions are dropped"),
    }
}

/// The same of an encapsulation.
fn encapsulation(policy: EncapsulationPolicy) -> (&'static str, &'static str) {
    match policy {
        EncapsulationPolicy::AsRequested => ("as_requested", "as the gateway asks"),
        EncapsulationPolicy::Gre => ("gre", "GRE"),
        EncapsulationPolicy::StaticGre => ("static_gre", "static GRE"),
        EncapsulationPolicy::Udp => ("udp", "UDP"),
    }
}

fn as_json(anchor: &Anchor, config: &LmaConfig) -> Value {
    let settings = anchor.lma().settings();
    let networks = settings.networks.keys().filter_map(|name| {
        let (ipv4, ipv6) = anchor.lma().usage(name)?;
        let usage = |u: kedge_lma::Usage| json!({ "taken": u.taken, "size": u.size });
        Some(json!({ "network": name, "ipv4": ipv4.map(usage), "ipv6": ipv6.map(usage) }))
    });
    let peers = anchor.lma().peers().map(|peer| {
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
    json!({
        "lma": config.id,
        "domain": config.domain,
        "ipv4": config.ipv4,
        "ipv6": config.ipv6,
        "bindings": anchor.lma().len(),
        "bce_maximum": settings.bce_maximum,
        "pending": anchor.lma().pending(),
        "load": load(anchor.lma().load()).0,
        "messages_lost_unread": anchor.overruns(),
        "forwarding_failures": anchor.forwarding_failures(),
        "restart_counter": settings.restart_counter,
        "lifetime_seconds": settings.lifetime.secs(),
        "hnp_maximum": settings.hnp_maximum,
        "delete_wait_ms": settings.delete_wait.as_millis() as u64,
        "create_wait_ms": settings.create_wait.as_millis() as u64,
        "timestamp_window_seconds": settings.timestamp_window.map(|w| w.as_secs()),
        "authentication": settings.authentication.is_some(),
        "encapsulation": encapsulation(settings.encapsulation).0,
        "generate_grekey": settings.generate_grekey,
        "tunnel_mtu": settings.tunnel_mtu,
        "dscp": settings.dscp.map(|dscp| dscp.value),
        "heartbeat": settings.heartbeat.map(rhythm_json),
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
