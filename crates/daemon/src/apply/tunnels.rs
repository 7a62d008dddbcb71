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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::anchor;
    use crate::numbers::Numbers;

    const LIST: &str = "ip access-list extended apart\n deny udp 10.0.0.0 0.255.255.255 eq 53 any\n \
                        permit ip any any\n!\n";

    fn of(lines: &str) -> Result<Policy, ApplyError> {
        let text =
            format!("{LIST}ipv6 mobile pmipv6-lma lma1 domain d\n address ipv4 192.0.2.1\n{lines}");
        let (config, _) = kedge_config::parse(&text, "t").unwrap();
        let plan = anchor(&config, config.lma.as_ref().unwrap(), 0, &mut Numbers::default());
        plan.map(|plan| plan.policy)
    }

    #[test]
    fn nothing_is_said_and_the_policy_is_the_default() {
        assert_eq!(of("").unwrap(), Policy::default());
    }

    #[test]
    fn a_list_is_compiled_for_its_direction_and_one_that_is_missing_is_refused() {
        let policy =
            of(" tunnel acl apart\n no tunnel mss-clamping\n tunnel dscp pipe 5\n").unwrap();
        assert_eq!((policy.clamp_mss, policy.marking), (false, Marking::Pipe(5)));
        assert_eq!(policy.out_of_tunnels, None);
        let list = policy.into_tunnels.unwrap();
        let (deny, _) = list.rules().next().unwrap();
        assert_eq!(
            (deny.permit, deny.protocol, deny.source_ports.clone()),
            (false, Some(17), Some(53..=53))
        );
        assert_eq!(list.rules().count(), 2);

        let policy = of(" tunnel acl apart in\n").unwrap();
        assert_eq!((policy.into_tunnels, policy.out_of_tunnels), (None, Some(list)));
        let missing = of(" tunnel acl other\n").unwrap_err();
        assert!(missing.to_string().contains("no access list 'other'"), "{missing}");
        assert!(missing.is_absence(), "another file may have it");
    }
}
