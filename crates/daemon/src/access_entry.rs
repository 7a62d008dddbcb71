//! An entry of an access list as the data plane has it, for people to read.

use std::net::{Ipv4Addr, Ipv6Addr};

use kedge_dataplane::{Addresses, Between, CodePoints, Messages, PortRange, Rule};

/// An entry, in the words of the configuration.
pub fn text(rule: &Rule) -> String {
    let action = if rule.permit { "permit" } else { "deny" };
    let protocol = match (rule.protocol, rule.between) {
        (None, Between::Ipv4 { .. }) => "ip".to_owned(),
        (None, Between::Ipv6 { .. }) => "ipv6".to_owned(),
        (Some(1), Between::Ipv4 { .. }) | (Some(58), Between::Ipv6 { .. }) => "icmp".to_owned(),
        (Some(6), _) => "tcp".to_owned(),
        (Some(17), _) => "udp".to_owned(),
        (Some(47), _) => "gre".to_owned(),
        (Some(number), _) => number.to_string(),
    };
    let [from, to] = match rule.between {
        Between::Ipv4 { source, destination } => [source, destination].map(ipv4),
        Between::Ipv6 { source, destination } => [source, destination].map(ipv6),
    };
    let [from_ports, to_ports] = [rule.source_ports, rule.destination_ports].map(ports);
    let messages = rule.messages.map_or(String::new(), |Messages { kind, code }| match code {
        Some(code) => format!(" {kind} {code}"),
        None => format!(" {kind}"),
    });
    let established = if rule.established { " established" } else { "" };
    let marked = rule.code_points.map_or(String::new(), |CodePoints { first, last }| {
        if first == last { format!(" dscp {first}") } else { format!(" precedence {}", first >> 3) }
    });
    let log = if rule.log { " log" } else { "" };
    format!(
        "{action} {protocol} {from}{from_ports} {to}{to_ports}{messages}{established}{marked}{log}"
    )
}

fn ipv4(Addresses { address, wildcard }: Addresses<Ipv4Addr>) -> String {
    match wildcard {
        Ipv4Addr::BROADCAST => "any".to_owned(),
        Ipv4Addr::UNSPECIFIED => format!("host {address}"),
        _ => format!("{address} {wildcard}"),
    }
}

fn ipv6(Addresses { address, wildcard }: Addresses<Ipv6Addr>) -> String {
    match wildcard.to_bits().leading_zeros() {
        0 => "any".to_owned(),
        128 => format!("host {address}"),
        length => format!("{address}/{length}"),
    }
}

fn ports(ports: Option<PortRange>) -> String {
    let Some(PortRange { first, last, except }) = ports else { return String::new() };
    match (first, last) {
        _ if except => format!(" neq {first}"),
        (first, last) if first == last => format!(" eq {first}"),
        (0, last) if last < u16::MAX => format!(" lt {}", last + 1),
        (first, u16::MAX) if first > 0 => format!(" gt {}", first - 1),
        (first, last) => format!(" range {first} {last}"),
    }
}
