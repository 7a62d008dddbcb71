//! Addresses of services and of their peers: each is one that a host can have, and no two gateways
//! have the same.

use std::collections::HashMap;
use std::net::IpAddr;

use kedge_grammar::{Item, Section};

use super::findings::Findings;
use crate::key::Key;
use crate::{Caution, Config, ConfigFault, LmaConfig};

/// The service's own addresses.
pub(super) fn own(section: Section<'_, Key>, findings: &mut Findings) {
    for key in [Key::AddressIpv4, Key::AddressIpv6] {
        section.each(key).for_each(|line| of_a_host(line, findings));
    }
}

/// The addresses that the block of a peer gives it.
pub(super) fn of_peer(item: &Item<Key>, findings: &mut Findings) {
    for key in [Key::Ipv4Address, Key::Ipv6Address] {
        item.section().each(key).for_each(|line| of_a_host(line, findings));
    }
}

/// An update is from the gateway whose address it comes from: of two with the same, one is never
/// heard.
pub(super) fn shared(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    let mut seen: HashMap<IpAddr, &str> = HashMap::new();
    for (mag, item) in lma.mags.iter().zip(section.each(Key::PeerMag)) {
        for address in config.mag_addresses(mag) {
            let first = *seen.entry(address).or_insert(&mag.id);
            if first != mag.id {
                let peer = first.to_owned();
                findings.warn(&item.place, Caution::SharedAddress { address, peer });
            }
        }
    }
}

fn of_a_host(line: &Item<Key>, findings: &mut Findings) {
    let Some(address) = line.args.ip("ADDRESS") else { return };
    let of_no_host = address.is_unspecified() || address.is_multicast();
    let of_a_link = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if of_no_host || of_a_link {
        findings.error(&line.place_of("ADDRESS"), ConfigFault::NoHostAddress { address });
    }
}
