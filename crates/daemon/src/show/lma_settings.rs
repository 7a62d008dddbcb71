//! What one machine of the anchor was told, as `show … lma globals` says it.

use kedge_lma::{EncapsulationPolicy, Lma, MnpMaximum};

use super::code_point::code_point;
use super::heartbeats::rhythm;
use super::layout::{Block, span};
use crate::answer::plural;

/// Writes the settings, below their heading.
pub fn write_settings(lma: &Lma, out: &mut String) {
    let settings = lma.settings();
    out.push_str("\nSettings\n");
    let mut block = Block::default();
    block.row("Longest lifetime", span(settings.lifetime.duration()));
    block.row("Home network prefixes", format!("at most {} a node", settings.hnp_maximum));
    block.row("Mobile network prefixes", maximum(settings.mnp_of_customer));
    block.row("Of them, a session", maximum(settings.mnp_of_session));
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
    let dscp = settings.dscp.map(|dscp| (dscp.value, dscp.force));
    block.row("DSCP of signalling", code_point(dscp));
    let imposed = settings.heartbeat.filter(|_| settings.impose_heartbeat);
    let told = imposed.map_or("", |_| "; gateways are told to do the same");
    block.row("Heartbeats", format!("{}{told}", rhythm(settings.heartbeat)));
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

/// How many prefixes mobile networks may have.
fn maximum(most: MnpMaximum) -> String {
    let MnpMaximum { both, ipv4, ipv6 } = most;
    let number = |most: u32, family: &str| match most {
        u32::MAX => format!("any number of {family}"),
        most => format!("{most} {family}"),
    };
    match both {
        u32::MAX if ipv4 == both && ipv6 == both => "no limit".to_owned(),
        u32::MAX => format!("at most {}, {}", number(ipv4, "IPv4"), number(ipv6, "IPv6")),
        _ => format!("at most {both}: {}, {}", number(ipv4, "IPv4"), number(ipv6, "IPv6")),
    }
}

/// An encapsulation as a word for programs and as one for people.
pub fn encapsulation(policy: EncapsulationPolicy) -> (&'static str, &'static str) {
    match policy {
        EncapsulationPolicy::AsRequested => ("as_requested", "as the gateway asks"),
        EncapsulationPolicy::Gre => ("gre", "GRE"),
        EncapsulationPolicy::StaticGre => ("static_gre", "static GRE"),
        EncapsulationPolicy::Udp => ("udp", "UDP"),
    }
}
