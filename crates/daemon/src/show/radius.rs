//! What is shown of RADIUS: the servers, and the records that go to them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_model::CustomerId;
use kedge_radius::ServerState;
use kedge_sansio::Now;
use kedge_telemetry::Group;
use serde_json::{Value, json};

use super::layout::{Align, Block, Table, counters_a_line, groups, groups_json, span};
use super::traffic::traffic_json;
use crate::aaa::{self, Aaa, Accounting, TunnelKey, TunnelSession};
use crate::answer::Answer;
use crate::shell::Shell;

/// `show radius`: each server, its state and its counters; what they said about nodes, and what
/// they asked for.
pub fn radius(shell: &Shell, now: Now) -> Answer<'_> {
    let aaa = &shell.aaa;
    let asked = move || [Group::of(aaa.access_counters()), Group::of(shell.dynamic.counters())];
    let text = move |width| {
        let a_line = counters_a_line(width);
        let mut out = String::new();
        for (place, state) in aaa.servers().enumerate() {
            let _ = writeln!(out, "Server {}", state.server.name);
            let mut block = Block::default();
            let port = |at: Option<std::net::SocketAddr>| at.map_or(0, |at| at.port());
            let ports = (port(state.server.authentication), port(state.server.accounting));
            block.row("Ports", format!("authentication {}, accounting {}", ports.0, ports.1));
            block.row("State", condition(state, now).1);
            if let Some(trouble) = aaa.trouble(place) {
                block.row("Trouble", trouble);
            }
            if let Some(answered) = state.answered {
                let ago = now.mono.saturating_duration_since(answered);
                block.row("Last answer", format!("{} ago", span(ago)));
            }
            if let Some(took) = state.round_trip {
                block.row("Round trip", format!("{:.1} ms", took.as_secs_f64() * 1000.0));
            }
            block.row("Requests that wait", state.waiting);
            block.write(&mut out);
            out.push('\n');
            groups(&[Group::of(&state.counters)], a_line, &mut out);
        }
        if out.is_empty() {
            out = "No RADIUS server is configured\n\n".to_owned();
        }
        groups(&asked(), a_line, &mut out);
        out.trim_end().to_owned() + "\n"
    };
    let data = move || {
        let servers = aaa.servers().enumerate().map(|(place, state)| {
            json!({
                "server": state.server.name,
                "authentication": state.server.authentication.map(|at| at.to_string()),
                "accounting": state.server.accounting.map(|at| at.to_string()),
                "state": condition(state, now).0,
                "trouble": aaa.trouble(place),
                "round_trip_us": state.round_trip.map(|took| took.as_micros() as u64),
                "waiting": state.waiting,
                "counters": groups_json(&[Group::of(&state.counters)]),
            })
        });
        json!({ "servers": servers.collect::<Vec<_>>(), "counters": groups_json(&asked()) })
    };
    Answer::laid_out(text, data)
}

/// The state of a server as a word for programs and as one for people.
fn condition(state: &ServerState, now: Now) -> (&'static str, String) {
    match state.dead_until.filter(|until| now.mono < *until) {
        Some(until) => {
            let left = until.saturating_duration_since(now.mono);
            ("dead", format!("DEAD, left alone for {}", span(left)))
        }
        None if state.answered.is_some() => ("up", "up".to_owned()),
        None => ("unknown", "never heard".to_owned()),
    }
}

/// `show radius dead-criteria`
pub fn dead_criteria(aaa: &Aaa, now: Now) -> Answer<'_> {
    let text = move || {
        let mut table = Table::new(&[
            ("Server", Align::Left),
            ("Timeout", Align::Right),
            ("Tries", Align::Right),
            ("Dead time", Align::Right),
            ("Times dead", Align::Right),
            ("State", Align::Left),
        ]);
        for state in aaa.servers() {
            table.row(vec![
                state.server.name.clone(),
                span(state.server.timeout),
                (u16::from(state.server.retransmit) + 1).to_string(),
                span(state.server.dead_time),
                state.counters.deaths.to_string(),
                condition(state, now).1,
            ]);
        }
        let mut out =
            String::from("A server is dead when none of its requests is answered in time\n");
        table.write(&mut out);
        out
    };
    let data = move || {
        let servers = aaa.servers().map(|state| {
            json!({
                "server": state.server.name,
                "timeout_seconds": state.server.timeout.as_secs(),
                "tries": u16::from(state.server.retransmit) + 1,
                "dead_time_seconds": state.server.dead_time.as_secs(),
                "times_dead": state.counters.deaths,
                "state": condition(state, now).0,
            })
        });
        json!({ "servers": servers.collect::<Vec<_>>() })
    };
    Answer::new(text, data)
}

/// `show radius accounting`: what is accounted for, at one customer or at all, and what waits for a
/// server. The servers and the disk are everybody's.
pub fn radius_accounting(shell: &Shell, only: Option<CustomerId>, now: Now) -> Answer<'_> {
    let text = move |width| accounting_text(shell, only, width, now);
    Answer::laid_out(text, move || accounting_json(shell, only, now))
}

/// The name of a customer that is asked about.
fn name(shell: &Shell, only: Option<CustomerId>) -> Option<&str> {
    shell.anchor.as_ref()?.customer_name(only?)
}

/// The records that wait, and the oldest of them.
pub(super) fn waiting(shell: &Shell, customer: Option<&str>) -> (usize, Option<Instant>) {
    let queue = shell.aaa.queue();
    let Some(name) = customer else { return (queue.len(), queue.oldest()) };
    let mut own = queue.iter().filter(|held| aaa::customer(&held.attributes) == Some(name));
    let oldest = own.next().map(|held| held.happened);
    (usize::from(oldest.is_some()) + own.count(), oldest)
}

fn accounting_text(
    shell: &Shell,
    only: Option<CustomerId>,
    width: Option<u16>,
    now: Now,
) -> String {
    let customer = name(shell, only);
    let (aaa, mut out) = (&shell.aaa, String::from("RADIUS accounting\n"));
    let accounting = shell.anchor.as_ref().and_then(|anchor| anchor.accounting());
    let mut block = Block::default();
    if let Some(name) = customer {
        block.row("Customer", name);
    }
    block.row("Accounting", condition_of(accounting));
    if let Some(accounting) = accounting {
        block.row("Sessions of nodes", accounting.nodes(only));
        block.row("Sessions of tunnels", tunnels(shell, customer).count());
        block.row(
            "Interim records",
            accounting.interim().map_or("none".to_owned(), |interim| {
                format!("of tunnels, every {}", span(interim))
            }),
        );
    }
    let queue = aaa.queue();
    let (octets, limit) = queue.octets();
    let (waiting, oldest) = waiting(shell, customer);
    let under_way = if customer.is_some() { "of all" } else { "on their way" };
    let others = if customer.is_some() { queue.len() } else { queue.under_way() };
    block.row("Records that wait", format!("{waiting}, {others} {under_way}"));
    block.row("Room for them", format!("{octets} of {limit} octets taken"));
    if let Some(oldest) = oldest {
        block
            .row("The oldest", format!("{} old", span(now.mono.saturating_duration_since(oldest))));
    }
    block.row("Servers", servers(aaa));
    let health = aaa.health();
    block.row(
        "Disk",
        match &health.failed {
            None => format!("good, a file of {} octets", health.octets),
            Some(why) => format!("FAILED, records are in memory alone: {why}"),
        },
    );
    block.row("Disk failures", health.failures);
    block.row("Unreadable at start", format!("{} octets", health.torn));
    block.write(&mut out);
    out.push('\n');
    groups(&[Group::of(&aaa.counters(customer))], counters_a_line(width), &mut out);
    out.truncate(out.trim_end().len());
    out.push('\n');
    let mut table = Table::new(&[
        ("Tunnel of", Align::Left),
        ("Gateway", Align::Left),
        ("Anchor", Align::Left),
        ("Bindings", Align::Right),
        ("In, octets", Align::Right),
        ("Out, octets", Align::Right),
        ("For", Align::Right),
    ]);
    for (key, session, traffic) in tunnels(shell, customer) {
        table.row(vec![
            session.parties.gateway.clone().unwrap_or_else(|| "(learned)".to_owned()),
            key.peer.to_string(),
            key.local.to_string(),
            session.bindings().to_string(),
            traffic.received_bytes.to_string(),
            traffic.sent_bytes.to_string(),
            span(now.mono.saturating_duration_since(session.began)),
        ]);
    }
    table.write(&mut out);
    out
}

/// How the servers stand that take records, in words.
fn servers(aaa: &Aaa) -> &'static str {
    let mut takers = aaa.servers().filter(|state| state.server.accounting.is_some()).peekable();
    match (takers.peek().is_some(), aaa.queue().is_stalled()) {
        (false, _) => "none",
        (true, true) => "NO ANSWER, records are kept",
        (true, false) if takers.all(|state| state.answered.is_none()) => "not heard yet",
        (true, false) => "answer",
    }
}

/// Whether there is accounting, as a word.
fn condition_of(accounting: Option<&Accounting>) -> &'static str {
    match accounting {
        None => "off",
        Some(accounting) if accounting.is_ending() => "ends",
        Some(_) => "on",
    }
}

fn tunnels<'a>(
    shell: &'a Shell,
    customer: Option<&'a str>,
) -> impl Iterator<Item = (&'a TunnelKey, &'a TunnelSession, BindingCounters)> {
    let anchor = shell.anchor.iter();
    anchor.flat_map(move |anchor| {
        let sessions = anchor.accounting().into_iter().flat_map(|a| a.tunnels().iter());
        let own = sessions
            .filter(move |(_, session)| customer.is_none_or(|of| of == session.parties.customer));
        own.map(move |(key, session)| {
            let traffic = |binding| anchor.traffic(binding).unwrap_or_default();
            (key, session, session.total(traffic))
        })
    })
}

fn accounting_json(shell: &Shell, only: Option<CustomerId>, now: Now) -> Value {
    let customer = name(shell, only);
    let age = |since| seconds(now.mono.saturating_duration_since(since));
    let accounting = shell.anchor.as_ref().and_then(|anchor| anchor.accounting());
    let (queue, health) = (shell.aaa.queue(), shell.aaa.health());
    let (waiting, oldest) = waiting(shell, customer);
    let tunnels = tunnels(shell, customer).map(|(key, session, traffic)| {
        let from = (traffic.received_packets, traffic.received_bytes);
        json!({
            "session": session.id.text(),
            "customer": session.parties.customer,
            "gateway": session.parties.gateway,
            "peer": key.peer,
            "local": key.local,
            "gre": key.gre,
            "bindings": session.bindings(),
            "seconds": age(session.began),
            "traffic": traffic_json(from, (traffic.sent_packets, traffic.sent_bytes)),
        })
    });
    let tunnels: Vec<Value> = tunnels.collect();
    json!({
        "customer": customer,
        "accounting": accounting.is_some_and(|accounting| !accounting.is_ending()),
        "node_sessions": accounting.map_or(0, |a| a.nodes(only)),
        "tunnel_sessions": tunnels.len(),
        "interim_seconds": accounting.and_then(|a| a.interim()).map(seconds),
        "waiting": waiting,
        "under_way": queue.under_way(),
        "octets": queue.octets().0,
        "octets_limit": queue.octets().1,
        "oldest_seconds": oldest.map(age),
        "stalled": queue.is_stalled(),
        "disk": {
            "failed": health.failed,
            "octets": health.octets,
            "failures": health.failures,
            "unreadable_octets": health.torn,
        },
        "counters": groups_json(&[Group::of(&shell.aaa.counters(customer))]),
        "tunnels": tunnels,
    })
}

fn seconds(time: Duration) -> u64 {
    time.as_secs()
}
