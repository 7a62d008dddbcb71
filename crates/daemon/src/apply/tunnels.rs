//! What the configuration says about the packets in the tunnels.

use std::net::IpAddr;
use std::sync::Arc;

use kedge_config::{
    AccessEntry, Action, AddressMatch, Config, IcmpMatch, PortMatch, TunnelDscp, TunnelPolicy,
};
use kedge_dataplane::{
    AccessList, Addresses, Between, CodePoints, Marking, Messages, Policy, PortRange, Rule,
};

use super::error::ApplyError;

/// Maps the tunnels' part of an anchor's or a gateway's block. An access list that is missing is
/// refused: without it, what an operator wants to keep apart would not be.
pub fn policy(
    config: &Config,
    tunnels: &TunnelPolicy,
    section: &str,
) -> Result<Policy, ApplyError> {
    let list = |name: &Option<String>| {
        let Some(name) = name else { return Ok(None) };
        // One for each family may have the name.
        let named = || config.access_lists.iter().filter(|list| list.name == *name);
        if named().next().is_none() {
            let (section, list) = (section.to_owned(), name.clone());
            return Err(ApplyError::NoAccessList { section, list });
        }
        let entries = named().flat_map(|list| &list.entries);
        Ok(Some(Arc::new(AccessList::new(entries.filter_map(rule)))))
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

/// An entry as the data plane has it; `None` for one between two families, which no list has.
fn rule(entry: &AccessEntry) -> Option<Rule> {
    let ports = |ports: Option<PortMatch>| {
        ports.map(|PortMatch { first, last, except }| PortRange { first, last, except })
    };
    Some(Rule {
        permit: entry.action == Action::Permit,
        protocol: entry.protocol,
        between: between(entry.source, entry.destination)?,
        source_ports: ports(entry.source_ports),
        destination_ports: ports(entry.destination_ports),
        messages: entry.icmp.map(|IcmpMatch { kind, code }| Messages { kind, code }),
        established: entry.established,
        code_points: entry
            .code_points
            .map(|range| CodePoints { first: range.first, last: range.last }),
        log: entry.log,
    })
}

fn between(source: AddressMatch, destination: AddressMatch) -> Option<Between> {
    use IpAddr::{V4, V6};
    match [source, destination].map(|end| (end.address, end.wildcard)) {
        [(V4(from), V4(from_any)), (V4(to), V4(to_any))] => Some(Between::Ipv4 {
            source: Addresses { address: from, wildcard: from_any },
            destination: Addresses { address: to, wildcard: to_any },
        }),
        [(V6(from), V6(from_any)), (V6(to), V6(to_any))] => Some(Between::Ipv6 {
            source: Addresses { address: from, wildcard: from_any },
            destination: Addresses { address: to, wildcard: to_any },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::apply::anchor::anchor;
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
            (deny.permit, deny.protocol, deny.source_ports),
            (false, Some(17), Some(PortRange { first: 53, last: 53, except: false }))
        );
        assert_eq!(list.rules().count(), 2);

        let policy = of(" tunnel acl apart in\n").unwrap();
        assert_eq!((policy.into_tunnels, policy.out_of_tunnels), (None, Some(list)));
        let missing = of(" tunnel acl other\n").unwrap_err();
        assert!(missing.to_string().contains("no access list 'other'"), "{missing}");
        assert!(missing.is_absence(), "another file may have it");
    }

    /// That a row changes something does not say that each of its arguments does.
    #[test]
    fn whatever_an_entry_says_is_in_its_rule() {
        let entries = [
            "permit ip any any",
            "deny ip any any",
            "permit tcp any any",
            "permit 99 any any",
            "permit ip host 192.0.2.1 any",
            "permit ip any host 192.0.2.1",
            "permit ip 192.0.2.0 0.0.0.255 any",
            "permit ip any 192.0.2.0/24",
            "permit tcp any eq 5 any",
            "permit tcp any neq 5 any",
            "permit tcp any lt 5 any",
            "permit tcp any gt 5 any",
            "permit tcp any range 5 6 any",
            "permit tcp any any eq 5",
            "permit tcp any any neq 5",
            "permit tcp any any lt 5",
            "permit tcp any any gt 5",
            "permit tcp any any range 5 6",
            "permit tcp any any established",
            "permit icmp any any",
            "permit icmp any any echo",
            "permit icmp any any 3 1",
            "permit icmp any any net-unreachable",
            "permit ip any any dscp ef",
            "permit ip any any precedence critical",
            "permit ip any any log",
        ];
        let lines: String = entries.iter().map(|entry| format!(" {entry}\n")).collect();
        let text = format!(" tunnel acl all\n!\nip access-list extended all\n{lines}");
        let list = of(&text).unwrap().into_tunnels.unwrap();
        let rules: Vec<&Rule> = list.rules().map(|(rule, _)| rule).collect();
        assert_eq!(rules.len(), entries.len());
        for (at, rule) in rules.iter().enumerate() {
            let same = rules[..at].iter().position(|other| other == rule);
            assert_eq!(same.map(|same| entries[same]), None, "{}", entries[at]);
        }
    }

    #[test]
    fn lists_of_both_families_with_one_name_are_one_and_all_of_an_entry_is_kept() {
        let lines = " tunnel acl apart\n!\nipv6 access-list apart\n deny icmp 2001:db8::/32 any 1 3\n \
                     permit tcp any neq 80 host 2001:db8::9 established\n";
        let list = of(lines).unwrap().into_tunnels.unwrap();
        let rules: Vec<&Rule> = list.rules().map(|(rule, _)| rule).collect();
        assert_eq!(rules.len(), 4);
        assert!(matches!(rules[0].between, Between::Ipv4 { .. }));
        let (icmp, tcp) = (rules[2], rules[3]);
        let prefix = Addresses {
            address: "2001:db8::".parse().unwrap(),
            wildcard: Ipv6Addr::from_bits(u128::MAX >> 32),
        };
        let Between::Ipv6 { source, .. } = icmp.between else { panic!("{icmp:?}") };
        assert_eq!((source, icmp.protocol), (prefix, Some(58)));
        assert_eq!(icmp.messages, Some(Messages { kind: 1, code: Some(3) }));
        assert_eq!(tcp.source_ports, Some(PortRange { first: 80, last: 80, except: true }));
        assert!(tcp.established && tcp.permit && !icmp.established);
    }
}
