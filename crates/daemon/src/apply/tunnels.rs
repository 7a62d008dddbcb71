//! What the configuration says about the packets in the tunnels.

use std::net::Ipv4Addr;
use std::sync::Arc;

use kedge_config::{AccessEntry, Action, AddressMatch, Config, TunnelDscp, TunnelPolicy};
use kedge_dataplane::{AccessList, Addresses, Between, Marking, Policy, Rule};

use super::ApplyError;

/// Maps the tunnels' part of an anchor's or a gateway's block. An access list that is missing is
/// refused: without it, what an operator wants to keep apart would not be.
pub fn policy(
    config: &Config,
    tunnels: &TunnelPolicy,
    section: &str,
) -> Result<Policy, ApplyError> {
    let list = |name: &Option<String>| {
        let Some(name) = name else { return Ok(None) };
        let found = config.access_lists.iter().find(|list| list.name == *name);
        let found = found.ok_or_else(|| ApplyError::NoAccessList {
            section: section.to_owned(),
            list: name.clone(),
        })?;
        Ok(Some(Arc::new(AccessList::new(found.entries.iter().map(rule)))))
    };
    Ok(Policy {
        clamp_mss: tunnels.clamp_mss,
        marking: match tunnels.dscp {
            None => Marking::Inherit,
            Some(TunnelDscp::Uniform) => Marking::Uniform,
            Some(TunnelDscp::Pipe(value)) => Marking::Pipe(value),
        },
        into_tunnels: list(&tunnels.acl)?,
        out_of_tunnels: list(&tunnels.acl_in)?,
    })
}

fn rule(entry: &AccessEntry) -> Rule {
    let ports = |ports: Option<(u16, u16)>| ports.map(|(first, last)| first..=last);
    Rule {
        permit: entry.action == Action::Permit,
        protocol: entry.protocol,
        between: Between::Ipv4 {
            source: addresses(entry.source),
            destination: addresses(entry.destination),
        },
        source_ports: ports(entry.source_ports),
        destination_ports: ports(entry.destination_ports),
    }
}

fn addresses(addresses: AddressMatch) -> Addresses<Ipv4Addr> {
    Addresses { address: addresses.address, wildcard: addresses.wildcard }
}
