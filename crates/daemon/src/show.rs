//! The answers of `show`.

mod anchor;
mod capture;
mod events;
mod fit;
mod gateway;
mod heartbeats;
mod layout;
mod license;
mod lma_globals;
mod logical_mn;
mod page;
mod radius;
mod scan;
mod tech_support;
mod tunnel_policy;
mod tunnels;
mod version;

use std::time::Duration;

use kedge_api::{Refusal, RemoteCounters};
use kedge_config::Config;
use kedge_model::{Encapsulation, Tunnel};
use kedge_telemetry::Group;
use serde_json::{Value, json};

use crate::console::Answer;
use crate::shell::Shell;
use crate::show::layout::Block;
use layout::span;

pub use anchor::Bindings;
pub use capture::{capture, debug};
pub use events::{MOST as MOST_EVENTS, USUAL as USUAL_EVENTS, events, utc};
pub use fit::fit;
pub use gateway::{mag_bindings, mag_globals};
pub use heartbeats::Heartbeats;
pub use license::license;
pub use lma_globals::lma_globals;
pub use logical_mn::logical_mns;
pub use radius::{dead_criteria, radius, radius_accounting};
pub use scan::Which;
pub use tech_support::tech_support;
pub use tunnels::Tunnels;
pub use version::version;

/// `show running-config [SECTION]`
pub fn running_config(config: &Config, section: &[String]) -> Result<Answer<'static>, Refusal> {
    let words: Vec<&str> = section.iter().map(String::as_str).collect();
    let text = kedge_config::render_section(config, &words).ok_or_else(|| {
        Refusal::new(format!("no command of the configuration begins with '{}'", words.join(" ")))
    })?;
    let data = match words[..] {
        [] => kedge_config::to_json(config),
        _ => json!({ "configuration": &text }),
    };
    Ok(Answer::new(move || text, move || data))
}

/// `show management-api`
pub fn management_api(shell: &Shell) -> Answer<'static> {
    let listen = shell.config.management_api.as_ref().and_then(|api| api.listen);
    let RemoteCounters { admitted, wrong_tokens, failed_entrances, turned_away } =
        shell.server.remote_counters();
    let text = move || {
        let mut out = String::from("Management clients of other hosts\n");
        Block::default()
            .row("Address", listen.map_or_else(|| "none".to_owned(), |at| at.to_string()))
            .row("Came in with a token", admitted)
            .row("Showed a wrong token", wrong_tokens)
            .row("Did not get as far as a token", failed_entrances)
            .row("Turned away before", turned_away)
            .write(&mut out);
        out
    };
    let data = move || {
        json!({
            "listen": listen.map(|at| at.to_string()),
            "admitted": admitted,
            "wrong_tokens": wrong_tokens,
            "failed_entrances": failed_entrances,
            "turned_away": turned_away,
        })
    };
    Answer::new(text, data)
}

/// `show lma-service statistics` and its sisters. `age` is how long the counters have counted.
pub fn statistics(groups: Vec<Group>, age: Duration) -> Answer<'static> {
    let data = layout::groups_json(&groups);
    let text = move |width: Option<u16>| {
        let mut out = format!("Counted for {}\n\n", span(age));
        layout::groups(&groups, layout::counters_a_line(width), &mut out);
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    };
    Answer::laid_out(text, move || data)
}

/// `12 packets, 3456 bytes`
fn volume(packets: u64, bytes: u64) -> String {
    format!("{packets} packets, {bytes} bytes")
}

/// Packets and octets from the node and to it.
fn traffic_json(from: (u64, u64), to: (u64, u64)) -> Value {
    json!({
        "from_node": { "packets": from.0, "bytes": from.1 },
        "to_node": { "packets": to.0, "bytes": to.1 },
    })
}

/// A tunnel in one line.
fn tunnel(tunnel: &Tunnel) -> String {
    let family = if tunnel.peer.is_ipv4() { "IPv4" } else { "IPv6" };
    let how = match tunnel.encapsulation {
        Encapsulation::IpInIp => format!("IP in {family}"),
        Encapsulation::Gre { send_key, receive_key } => {
            format!("GRE over {family}{}", keys(send_key, receive_key))
        }
        Encapsulation::Udp { local_port, peer_port } => {
            format!("UDP over {family}, port {local_port} to {peer_port}")
        }
        Encapsulation::GreUdp { local_port, peer_port, send_key, receive_key } => {
            let keys = keys(send_key, receive_key);
            format!("GRE in UDP over {family}, port {local_port} to {peer_port}{keys}")
        }
    };
    format!("{how}, mtu {}", tunnel.mtu)
}

/// How a tunnel carries packets, but for the keys.
fn tunnel_kind(tunnel: &Tunnel) -> String {
    let family = if tunnel.peer.is_ipv4() { "IPv4" } else { "IPv6" };
    match tunnel.encapsulation {
        Encapsulation::IpInIp => format!("IP in {family}"),
        Encapsulation::Gre { send_key: None, receive_key: None } => format!("GRE over {family}"),
        Encapsulation::Gre { .. } => format!("GRE over {family} with keys"),
        Encapsulation::Udp { .. } => format!("UDP over {family}"),
        Encapsulation::GreUdp { send_key: None, receive_key: None, .. } => {
            format!("GRE in UDP over {family}")
        }
        Encapsulation::GreUdp { .. } => format!("GRE in UDP over {family} with keys"),
    }
}

/// The keys of GRE, where there are any.
fn keys(send_key: Option<u32>, receive_key: Option<u32>) -> String {
    let key = |key: Option<u32>| key.map_or("none".to_owned(), |key| key.to_string());
    match (send_key, receive_key) {
        (None, None) => String::new(),
        _ => format!(", key out {}, key in {}", key(send_key), key(receive_key)),
    }
}

fn tunnel_json(tunnel: &Tunnel) -> Value {
    let (kind, send_key, receive_key) = match tunnel.encapsulation {
        Encapsulation::IpInIp => ("ip", None, None),
        Encapsulation::Gre { send_key, receive_key } => ("gre", send_key, receive_key),
        Encapsulation::Udp { .. } => ("udp", None, None),
        Encapsulation::GreUdp { send_key, receive_key, .. } => ("gre-udp", send_key, receive_key),
    };
    let ports = tunnel.encapsulation.udp_ports().unzip();
    json!({
        "encapsulation": kind,
        "local": tunnel.local,
        "local_port": ports.0,
        "peer": tunnel.peer,
        "peer_port": ports.1,
        "send_key": send_key,
        "receive_key": receive_key,
        "mtu": tunnel.mtu,
    })
}
