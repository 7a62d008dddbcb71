//! What an anchor shows.

use std::fmt::Write;

use kedge_config::LmaConfig;
use kedge_lma::{Binding, BindingPath, State};
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use serde_json::{Value, json};

use super::layout::{Block, span};
use super::{traffic_json, tunnel, tunnel_json, volume};
use crate::anchor::Anchor;
use crate::console::Answer;

/// `show ipv6 mobile pmipv6 lma bindings [nai NAI]`
pub fn lma_bindings(anchor: &Anchor, filter: Option<MnId>, now: Now) -> Answer<'_> {
    let wanted = filter.clone();
    let text = move || {
        let mut out = String::new();
        let mut count = 0u32;
        for binding in select(anchor, wanted.as_ref()) {
            count += 1;
            write_binding(anchor, binding, now, &mut out);
        }
        format!("Bindings: {count}\n{out}")
    };
    let data = move || {
        let list = select(anchor, filter.as_ref()).map(|binding| as_json(anchor, binding, now));
        json!({ "bindings": list.collect::<Vec<_>>() })
    };
    Answer::new(text, data)
}

fn select<'a>(
    anchor: &'a Anchor,
    filter: Option<&'a MnId>,
) -> Box<dyn Iterator<Item = &'a Binding> + 'a> {
    match filter {
        Some(mn_id) => Box::new(anchor.lma().find(CustomerId::DEFAULT, mn_id)),
        None => Box::new(anchor.lma().bindings()),
    }
}

fn write_binding(anchor: &Anchor, binding: &Binding, now: Now, out: &mut String) {
    let _ = writeln!(out, "\n{}", binding.mn_id);
    let up = now.mono.saturating_duration_since(binding.created);
    let left = binding.expires.saturating_duration_since(now.mono);
    let mut block = Block::default();
    block.row("State", format!("{}, for {}", state(binding), span(up)));
    let link = binding.link_layer_id.as_ref().map_or("-".to_owned(), ToString::to_string);
    block.row("Access", format!("{}, link-layer identifier {link}", binding.access_technology));
    for prefix in binding.addresses.prefixes.iter() {
        block.row("Home network prefix", prefix);
    }
    if let Some(home) = binding.addresses.ipv4 {
        let (address, len, router) = (home.address, home.prefix_len, home.router);
        block.row("IPv4 home address", format!("{address}/{len}, default router {router}"));
    }
    for prefix in &binding.delegated {
        block.row("Mobile network prefix", prefix);
    }
    for path in binding.paths.iter() {
        block.row("Care-of address", format!("{} ({})", path.care_of, peer(anchor, path)));
        block.row("Tunnel", tunnel(&path.tunnel));
    }
    block.row("Lifetime", format!("{} left of {}", span(left), span(binding.lifetime.duration())));
    if let Some(traffic) = anchor.traffic(binding.id) {
        block.row("To the node", volume(traffic.sent_packets, traffic.sent_bytes));
        block.row("From the node", volume(traffic.received_packets, traffic.received_bytes));
    }
    block.write(out);
}

fn peer<'a>(anchor: &'a Anchor, path: &BindingPath) -> &'a str {
    anchor.lma().peer_name(path).unwrap_or("learned")
}

fn state(binding: &Binding) -> &'static str {
    match binding.state {
        State::Active => "active",
        State::Lingering(_) => "de-registered, kept for a handover",
        State::Revoking(_) => "being revoked",
    }
}

fn as_json(anchor: &Anchor, binding: &Binding, now: Now) -> Value {
    let prefixes: Vec<String> = binding.addresses.prefixes.iter().map(|p| p.to_string()).collect();
    let networks: Vec<String> = binding.delegated.iter().map(ToString::to_string).collect();
    let ipv4 = binding.addresses.ipv4.map(|home| {
        json!({
            "address": home.address,
            "prefix_length": home.prefix_len,
            "default_router": home.router,
        })
    });
    let paths: Vec<Value> = binding
        .paths
        .iter()
        .map(|path| {
            json!({
                "care_of": path.care_of,
                "peer": anchor.lma().peer_name(path),
                "tunnel": tunnel_json(&path.tunnel),
            })
        })
        .collect();
    json!({
        "mn_id": binding.mn_id.to_string(),
        "state": match binding.state {
            State::Active => "active",
            State::Lingering(_) => "lingering",
            State::Revoking(_) => "revoking",
        },
        "access_technology": binding.access_technology.0,
        "handoff_indicator": binding.handoff_indicator.0,
        "link_layer_id": binding.link_layer_id.as_ref().map(ToString::to_string),
        "home_network_prefixes": prefixes,
        "ipv4_home_address": ipv4,
        "mobile_network_prefixes": networks,
        "paths": paths,
        "lifetime_seconds": binding.lifetime.secs(),
        "remaining_seconds": binding.expires.saturating_duration_since(now.mono).as_secs(),
        "age_seconds": now.mono.saturating_duration_since(binding.created).as_secs(),
        "traffic": anchor.traffic(binding.id).map(|traffic| {
            traffic_json(
                (traffic.received_packets, traffic.received_bytes),
                (traffic.sent_packets, traffic.sent_bytes),
            )
        }),
    })
}

/// `show ipv6 mobile pmipv6 lma globals`
pub fn lma_globals<'a>(anchor: &'a Anchor, config: &'a LmaConfig) -> Answer<'a> {
    let text = move || {
        let settings = anchor.lma().settings();
        let mut out = format!("Anchor {}, domain {}\n", config.id, config.domain);
        let mut block = Block::default();
        for address in &config.ipv6 {
            block.row("Address", address);
        }
        for address in &config.ipv4 {
            block.row("Address", address);
        }
        let bindings = anchor.lma().len();
        block.row("Bindings", format!("{bindings} of at most {}", settings.bce_maximum));
        block.row("Waiting for a de-registration", anchor.lma().pending());
        block.row("Longest lifetime", span(settings.lifetime.duration()));
        block.row("Home network prefixes", format!("at most {}", settings.hnp_maximum));
        block.row("Delete wait", format!("{} ms", settings.delete_wait.as_millis()));
        block.row("Create wait", format!("{} ms", settings.create_wait.as_millis()));
        let window = settings.timestamp_window;
        block.row(
            "Timestamp window",
            window.map_or("not checked".to_owned(), |w| format!("{} s", w.as_secs())),
        );
        block.row("Dynamic MAG learning", on(settings.dynamic_mag_learning));
        block.row("Authentication", on(settings.authentication.is_some()));
        block.row("GRE keys", on(settings.generate_grekey));
        block.row("Restart counter", settings.restart_counter);
        block.row("Forwarding failures", anchor.forwarding_failures());
        block.write(&mut out);
        for name in settings.networks.keys() {
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
        for peer in anchor.lma().peers() {
            let name = peer.name.as_deref().unwrap_or("(learned)");
            let _ = writeln!(out, "\nGateway {name}");
            let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
            let counters = &peer.counters;
            Block::default()
                .row("Addresses", addresses.join(", "))
                .row("Bindings", peer.bindings)
                .row(
                    "Updates",
                    format!(
                        "{} received, {} accepted, {} denied",
                        counters.received, counters.accepted, counters.denied
                    ),
                )
                .row("Discarded", counters.discarded)
                .write(&mut out);
        }
        out
    };
    Answer::new(text, move || globals_json(anchor, config))
}

fn on(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

fn globals_json(anchor: &Anchor, config: &LmaConfig) -> Value {
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
        "lifetime_seconds": settings.lifetime.secs(),
        "hnp_maximum": settings.hnp_maximum,
        "delete_wait_ms": settings.delete_wait.as_millis() as u64,
        "create_wait_ms": settings.create_wait.as_millis() as u64,
        "timestamp_window_seconds": settings.timestamp_window.map(|w| w.as_secs()),
        "dynamic_mag_learning": settings.dynamic_mag_learning,
        "authentication": settings.authentication.is_some(),
        "generate_grekey": settings.generate_grekey,
        "restart_counter": settings.restart_counter,
        "forwarding_failures": anchor.forwarding_failures(),
        "networks": networks.collect::<Vec<_>>(),
        "peers": peers.collect::<Vec<_>>(),
    })
}
