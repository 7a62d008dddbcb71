//! What a gateway shows.

use std::collections::BTreeMap;
use std::fmt::Write;

use kedge_config::Extent;
use kedge_mag::{AnchorView, BindingState, BindingView, Dscp, InterfaceId, TunnelMode};
use kedge_model::MnId;
use kedge_net::netlink::{DeviceIndex, Netlink};
use kedge_sansio::Now;
use serde_json::{Value, json};

use super::code_point::code_point;
use super::heartbeats::{rhythm, rhythm_json};
use super::layout::{Align, Block, Table, span};
use super::page::Page;
use super::traffic::{traffic_json, tunnel, tunnel_json, volume};
use crate::answer::Answer;
use crate::gateway::Gateway;

/// `show ipv6 mobile pmipv6 mag bindings [nai NAI] [detail] [from N]`: a line for each, and
/// everything about one subscriber.
pub fn mag_bindings(
    gateway: &Gateway,
    filter: Option<MnId>,
    extent: Extent,
    now: Now,
) -> Answer<'_> {
    let one = filter.is_some();
    let select = move || {
        let filter = filter.clone();
        let bindings = gateway.mag().bindings(now.mono);
        bindings.filter(move |view| filter.as_ref().is_none_or(|mn_id| view.mn_id == *mn_id))
    };
    let page = Page::new(extent, select().count());
    let listed = select.clone();
    let text = move || {
        let mut out = page.head();
        let shown = select().skip(page.skip).take(page.take);
        if extent.detail || one {
            shown.for_each(|view| write_binding(gateway, &view, &mut out));
        } else {
            summary(gateway, shown).write(&mut out);
        }
        out
    };
    let data = move || {
        let shown = listed().skip(page.skip).take(page.take);
        page.data(shown.map(|view| as_json(gateway, &view)).collect())
    };
    Answer::new(text, data)
}

fn summary(gateway: &Gateway, shown: impl Iterator<Item = BindingView>) -> Table {
    let titles = ["Subscriber", "State", "Interface", "Anchor", "Addresses"];
    let mut head = titles.map(|title| (title, Align::Left)).to_vec();
    head.push(("Left", Align::Right));
    let mut table = Table::new(&head);
    for view in shown {
        let prefixes = view.prefixes.iter().map(ToString::to_string);
        let ipv4 = view.ipv4.iter().map(ToString::to_string);
        table.row(vec![
            view.mn_id.to_string(),
            state(&view.state).0.to_owned(),
            interface(gateway, view.interface).to_owned(),
            view.lma_name.clone(),
            prefixes.chain(ipv4).collect::<Vec<_>>().join(" "),
            view.lifetime.map_or("-".to_owned(), |(_, left)| span(left)),
        ]);
    }
    table
}

fn interface(gateway: &Gateway, id: InterfaceId) -> &str {
    gateway.mag().settings().interfaces.get(&id).map_or("-", |interface| interface.name.as_str())
}

fn write_binding(gateway: &Gateway, view: &BindingView, out: &mut String) {
    let _ = writeln!(out, "\n{}", view.mn_id);
    let mut block = Block::default();
    block.row("State", state(&view.state).1);
    let mac = view.mac.map_or("-".to_owned(), |mac| mac.to_string());
    let interface = interface(gateway, view.interface);
    block.row("Access", format!("{interface}, {}, {mac}", view.access_technology));
    for prefix in &view.prefixes {
        block.row("Home network prefix", prefix);
    }
    if let Some(address) = view.ipv4 {
        let router = view.ipv4_router.map_or("-".to_owned(), |router| router.to_string());
        block.row("IPv4 home address", format!("{address}, default router {router}"));
    }
    for prefix in &view.delegated {
        block.row("Mobile network prefix", prefix);
    }
    block.row("Anchor", format!("{} at {} from {}", view.lma_name, view.lma, view.care_of));
    if let Some(path) = &view.tunnel {
        block.row("Tunnel", tunnel(path));
    }
    if let Some((lifetime, left)) = view.lifetime {
        block.row("Lifetime", format!("{} left of {}", span(left), span(lifetime.duration())));
    }
    if let Some(next) = view.next_update {
        block.row("Next update", format!("in {}", span(next)));
    }
    if view.transmissions > 1 {
        block.row("Update sent", format!("{} times without an answer", view.transmissions));
    }
    if let Some(traffic) = gateway.traffic(view.binding) {
        block.row("From the node", volume(traffic.sent_packets, traffic.sent_bytes));
        block.row("To the node", volume(traffic.received_packets, traffic.received_bytes));
    }
    block.write(out);
}

/// The state as a word for programs and as one for people.
pub(super) fn state(state: &BindingState) -> (&'static str, String) {
    match state {
        BindingState::Registering => ("registering", "registering".to_owned()),
        BindingState::Active => ("active", "active".to_owned()),
        BindingState::Refreshing => ("refreshing", "active, refreshing".to_owned()),
        BindingState::Refused(why) => ("refused", format!("no service: {why}")),
        BindingState::Deregistering => ("deregistering", "gone, de-registering".to_owned()),
    }
}

fn as_json(gateway: &Gateway, view: &BindingView) -> Value {
    let prefixes: Vec<String> = view.prefixes.iter().map(ToString::to_string).collect();
    let delegated: Vec<String> = view.delegated.iter().map(ToString::to_string).collect();
    json!({
        "mn_id": view.mn_id.to_string(),
        "state": state(&view.state).0,
        "interface": interface(gateway, view.interface),
        "mac": view.mac.map(|mac| mac.to_string()),
        "access_technology": view.access_technology.0,
        "home_network_prefixes": prefixes,
        "ipv4_home_address": view.ipv4.map(|address| address.to_string()),
        "ipv4_default_router": view.ipv4_router,
        "mobile_network_prefixes": delegated,
        "lma": view.lma_name,
        "lma_address": view.lma,
        "care_of": view.care_of,
        "tunnel": view.tunnel.as_ref().map(tunnel_json),
        "lifetime_seconds": view.lifetime.map(|(lifetime, _)| lifetime.secs()),
        "remaining_seconds": view.lifetime.map(|(_, left)| left.as_secs()),
        "transmissions": view.transmissions,
        "traffic": gateway.traffic(view.binding).map(|traffic| {
            traffic_json(
                (traffic.sent_packets, traffic.sent_bytes),
                (traffic.received_packets, traffic.received_bytes),
            )
        }),
    })
}

/// `show ipv6 mobile pmipv6 mag globals`
pub fn mag_globals(gateway: &Gateway, now: Now) -> Answer<'_> {
    Answer::new(move || globals(gateway, now), move || globals_json(gateway, now))
}

/// What the guards of the access interfaces have dropped, as far as the kernel tells.
fn dropped() -> BTreeMap<DeviceIndex, u32> {
    Netlink::open().and_then(|mut netlink| netlink.dropped_by_guards()).unwrap_or_default()
}

fn globals(gateway: &Gateway, now: Now) -> String {
    let settings = gateway.mag().settings();
    let mut out = format!("Gateway {}, domain {}\n", settings.name, settings.domain);
    let mut block = Block::default();
    if let Some(address) = settings.care_of.ipv6 {
        block.row("Care-of address", address);
    }
    if let Some(address) = settings.care_of.ipv4 {
        block.row("Care-of address", address);
    }
    let bindings = gateway.mag().bindings(now.mono).count();
    block.row("Bindings", format!("{bindings} of at most {}", settings.max_bindings));
    let times = &settings.registration;
    block.row("Lifetime asked for", span(times.lifetime.duration()));
    if let Some(refresh) = times.refresh_time {
        block.row("Refresh", format!("every {}", span(refresh)));
    }
    block.row(
        "Retransmission",
        format!(
            "after {} ms, at most {} ms",
            times.initial_retransmission.as_millis(),
            times.max_retransmission.as_millis()
        ),
    );
    if let Some(detach) = settings.detach {
        let (interval, timeout) = (span(detach.interval), span(detach.timeout));
        let retries = detach.retries;
        block.row(
            "Detach discovery",
            format!("silent for {interval}, then {retries} questions, {timeout} each"),
        );
    }
    block.row("DSCP of signalling", marking(settings.dscp));
    block.row("Heartbeats", rhythm(settings.heartbeat));
    block.row("Restart counter", settings.restart_counter);
    block.row("Forwarding failures", gateway.forwarding_failures());
    block.write(&mut out);
    for anchor in gateway.mag().anchors(now.mono) {
        let Some(lma) = settings.lmas.get(&anchor.name) else { continue };
        let _ = writeln!(out, "\nAnchor {}", anchor.name);
        Block::default()
            .row("Address", lma.address)
            .row("State", anchor_state(&anchor))
            .row("Sessions", sessions(&anchor))
            .row("Encapsulation", mode(lma.encapsulation).1)
            .row("Authentication", if lma.auth.is_some() { "on" } else { "off" })
            .row("DSCP of signalling", marking(settings.dscp_of(lma)))
            .row("Heartbeats", rhythm(gateway.mag().heartbeat_of(lma)))
            .write(&mut out);
    }
    let dropped = dropped();
    for (id, port) in gateway.ports() {
        let _ = writeln!(out, "\nAccess interface {}", port.name());
        let state = match (port.fault(), port.device()) {
            (Some(fault), _) => fault.to_owned(),
            (None, Some(_)) => "in use".to_owned(),
            (None, None) => "there is no such device".to_owned(),
        };
        let mut block = Block::default();
        block.row("State", state);
        if let Some(frames) = port.device().and_then(|device| dropped.get(&device)) {
            block
                .row("Dropped", format!("{frames} frames, of strangers or from foreign addresses"));
        }
        let crowd = port.crowd();
        if crowd.by_control_only {
            block.row("Too many to notice", "a new node, but by what it says to a router");
        }
        if crowd.left_out > 0 {
            let dropped = format!("{} nodes: their packets are dropped", crowd.left_out);
            block.row("Too many to check", dropped);
        }
        if let Some(interface) = settings.interfaces.get(id) {
            block.row("Access technology", interface.access_technology);
            if let Some(identity) = &interface.identity {
                block.row("Mobile node", identity);
            }
        }
        block.write(&mut out);
    }
    out
}

fn anchor_state(anchor: &AnchorView) -> String {
    match (anchor.down_for, anchor.held_for, anchor.heard_ago) {
        (Some(down), _, _) => format!("DOWN for {}", span(down)),
        (None, Some(held), _) => format!("up, not trusted for another {}", span(held)),
        (None, None, Some(heard)) => format!("up, heard {} ago", span(heard)),
        (None, None, None) => "not heard yet".to_owned(),
    }
}

fn sessions(anchor: &AnchorView) -> String {
    let mut text = anchor.sessions.to_string();
    if anchor.displaced > 0 {
        let _ = write!(text, ", {} elsewhere that belong here", anchor.displaced);
    }
    if anchor.waiting > 0 {
        let _ = write!(text, ", {} updates wait for their turn", anchor.waiting);
    }
    text
}

fn marking(dscp: Dscp) -> String {
    code_point(dscp.value.map(|value| (value, dscp.force)))
}

/// An encapsulation as a word for programs and as one for people.
fn mode(mode: TunnelMode) -> (&'static str, &'static str) {
    match mode {
        TunnelMode::IpInIp => ("ip", "IP in IP"),
        TunnelMode::StaticGre => ("static_gre", "static GRE"),
        TunnelMode::Gre => ("gre", "GRE"),
        TunnelMode::GreKeyed => ("gre_with_keys", "GRE with keys"),
        TunnelMode::Udp => ("udp", "UDP"),
    }
}

fn globals_json(gateway: &Gateway, now: Now) -> Value {
    let settings = gateway.mag().settings();
    let anchors = gateway.mag().anchors(now.mono);
    let lmas = anchors.iter().filter_map(|anchor| {
        let lma = settings.lmas.get(&anchor.name)?;
        Some(json!({
            "lma": anchor.name,
            "address": lma.address,
            "down": anchor.down_for.is_some(),
            "down_seconds": anchor.down_for.map(|down| down.as_secs()),
            "held_seconds": anchor.held_for.map(|held| held.as_secs()),
            "heard_seconds_ago": anchor.heard_ago.map(|heard| heard.as_secs()),
            "sessions": anchor.sessions,
            "displaced_sessions": anchor.displaced,
            "waiting_updates": anchor.waiting,
            "encapsulation": mode(lma.encapsulation).0,
            "authentication": lma.auth.is_some(),
            "dscp": settings.dscp_of(lma).value,
            "dscp_force": settings.dscp_of(lma).force,
            "heartbeat": gateway.mag().heartbeat_of(lma).map(rhythm_json),
        }))
    });
    let dropped = dropped();
    let ports = gateway.ports().map(|(_, port)| {
        json!({
            "interface": port.name(),
            "present": port.device().is_some(),
            "fault": port.fault(),
            "dropped_frames": port.device().and_then(|device| dropped.get(&device)),
            "noticed_by_control_only": port.crowd().by_control_only,
            "nodes_left_out": port.crowd().left_out,
        })
    });
    json!({
        "mag": settings.name,
        "domain": settings.domain,
        "ipv4": settings.care_of.ipv4,
        "ipv6": settings.care_of.ipv6,
        "bindings": gateway.mag().bindings(now.mono).count(),
        "binding_maximum": settings.max_bindings,
        "lifetime_seconds": settings.registration.lifetime.secs(),
        "refresh_seconds": settings.registration.refresh_time.map(|time| time.as_secs()),
        "dscp": settings.dscp.value,
        "dscp_force": settings.dscp.force,
        "heartbeat": settings.heartbeat.map(rhythm_json),
        "restart_counter": settings.restart_counter,
        "forwarding_failures": gateway.forwarding_failures(),
        "lmas": lmas.collect::<Vec<_>>(),
        "interfaces": ports.collect::<Vec<_>>(),
    })
}
