//! What an anchor shows.

use std::fmt::Write;

use kedge_lma::{Binding, BindingPath, State};
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use serde_json::{Value, json};

use super::layout::{Block, span};
use super::{traffic_json, tunnel, tunnel_json, volume};
use crate::anchor::Anchor;
use crate::console::Answer;

/// Which bindings are to be shown.
#[derive(Clone, Debug)]
pub enum Which {
    /// Every one.
    All,
    /// One node's.
    OfNode(MnId),
    /// Those of the nodes of a realm.
    OfRealm(String),
    /// One gateway's.
    OfPeer(String),
}

/// `show ipv6 mobile pmipv6 lma bindings [nai NAI | mag ID]`
pub fn lma_bindings(anchor: &Anchor, which: Which, now: Now) -> Answer<'_> {
    let wanted = which.clone();
    let text = move || {
        let mut out = String::new();
        let mut count = 0u32;
        for binding in select(anchor, &wanted) {
            count += 1;
            write_binding(anchor, binding, now, &mut out);
        }
        format!("Bindings: {count}\n{out}")
    };
    let data = move || {
        let list = select(anchor, &which).map(|binding| as_json(anchor, binding, now));
        json!({ "bindings": list.collect::<Vec<_>>() })
    };
    Answer::new(text, data)
}

fn select<'a>(anchor: &'a Anchor, which: &'a Which) -> Box<dyn Iterator<Item = &'a Binding> + 'a> {
    match which {
        Which::All => Box::new(anchor.lma().bindings()),
        Which::OfNode(mn_id) => Box::new(anchor.lma().find(CustomerId::DEFAULT, mn_id)),
        Which::OfRealm(realm) => {
            Box::new(anchor.lma().bindings_of_realm(CustomerId::DEFAULT, realm))
        }
        Which::OfPeer(id) => Box::new(anchor.lma().bindings_of_peer(id)),
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
        let own = path.behind.map_or(String::new(), |own| format!(", a translator's for {own}"));
        block.row("Care-of address", format!("{}{own} ({})", path.care_of, peer(anchor, path)));
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
        State::Unreachable => "unreachable, its gateway does not answer",
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
                "behind_translator": path.behind,
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
            State::Unreachable => "unreachable",
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
