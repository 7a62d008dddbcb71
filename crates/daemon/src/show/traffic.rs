//! A tunnel, and what went through it, in words.

use kedge_model::{Encapsulation, Tunnel};
use serde_json::{Value, json};

use crate::answer::count;

/// `12 packets, 3456 bytes`
pub fn volume(packets: u64, bytes: u64) -> String {
    format!("{}, {}", count(packets, "packet"), count(bytes, "byte"))
}

/// Packets and octets from the node and to it.
pub fn traffic_json(from: (u64, u64), to: (u64, u64)) -> Value {
    json!({
        "from_node": { "packets": from.0, "bytes": from.1 },
        "to_node": { "packets": to.0, "bytes": to.1 },
    })
}

/// A tunnel in one line.
pub fn tunnel(tunnel: &Tunnel) -> String {
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
    format!("{how}, MTU {}", tunnel.mtu)
}

/// How a tunnel carries packets, but for the keys.
pub fn tunnel_kind(tunnel: &Tunnel) -> String {
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

/// The same for scripts.
pub fn tunnel_json(tunnel: &Tunnel) -> Value {
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
