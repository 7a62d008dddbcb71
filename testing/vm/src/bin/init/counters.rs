//! The kernel's own counts of ICMP messages, a set for each network namespace.

use anyhow::{Context, Result};
use kedge_lab::Host;

use crate::row::Family;

/// How many echo requests a host has received.
pub fn echo_requests(host: &Host, family: Family) -> Result<u64> {
    match family {
        Family::V4 => icmp(host, "InEchos"),
        Family::V6 => {
            let counts = host.exec("cat", &["/proc/net/snmp6"])?;
            let value = counts.lines().find_map(|line| line.strip_prefix("Icmp6InEchos"));
            Ok(value.context("no such counter")?.trim().parse()?)
        }
    }
}

/// How many messages of "destination unreachable" a host has received.
pub fn unreachables(host: &Host) -> Result<u64> {
    icmp(host, "InDestUnreachs")
}

/// One of the counters for ICMP over IPv4: a line of names, then a line of values.
fn icmp(host: &Host, name: &str) -> Result<u64> {
    let counts = host.exec("cat", &["/proc/net/snmp"])?;
    let mut icmp = counts.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (icmp.next().unwrap_or_default(), icmp.next().unwrap_or_default());
    let mut both = names.split(' ').zip(values.split(' '));
    let (_, value) = both.find(|(known, _)| *known == name).context("no such counter")?;
    Ok(value.parse()?)
}
