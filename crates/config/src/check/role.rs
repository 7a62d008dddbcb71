//! What holds for an anchor and for a gateway alike.

use std::net::IpAddr;

use kedge_grammar::{Item, Section};
use kedge_model::Lifetime;

use super::addresses;
use super::findings::{Findings, too_much};
use crate::key::Key;
use crate::{Caution, Config, ConfigFault, Encap, RevocationTimes};

/// A service whose domain is misspelled would run without the domain's key. With no domain at
/// all in the text, it is a fragment.
pub(super) fn own_domain(config: &Config, domain: &str, item: &Item<Key>, findings: &mut Findings) {
    let domain = domain.to_owned();
    if config.domain(&domain).is_some() {
    } else if config.domains.is_empty() {
        findings.warn(&item.place_of("DOMAIN"), Caution::UnknownDomain { domain });
    } else {
        let known = config.domains.iter().map(|domain| domain.name.clone()).collect();
        findings.error(&item.place_of("DOMAIN"), ConfigFault::UnknownDomain { domain, known });
    }
}

/// What holds for a gateway of an anchor and for an anchor of a gateway alike.
pub(super) fn peer(
    config: &Config,
    id: &str,
    domain: &str,
    addresses: &[IpAddr],
    encap: Option<Encap>,
    item: &Item<Key>,
    findings: &mut Findings,
) {
    if config.domain(domain).is_none() {
        let domain = domain.to_owned();
        findings.warn(&item.place_of("DOMAIN"), Caution::UnknownDomain { domain });
    }
    addresses::of_peer(item, findings);
    let peer = || id.to_owned();
    if addresses.is_empty() {
        findings.warn(&item.place, Caution::NoPeerAddress { peer: peer() });
        return;
    }
    let line = item.section().find(Key::Encap).unwrap_or(item);
    match encap {
        Some(Encap::GreIpv4) if !addresses.iter().any(IpAddr::is_ipv4) => {
            findings.error(&line.place_of("encap"), ConfigFault::GreNeedsIpv4 { peer: peer() });
        }
        Some(Encap::GreIpv6) if !addresses.iter().any(IpAddr::is_ipv6) => {
            findings.warn(&line.place_of("encap"), Caution::GreWithoutIpv6 { peer: peer() });
        }
        _ => {}
    }
}

pub(super) fn revocation(
    times: &RevocationTimes,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    if times.delay_min <= times.delay_max {
        return;
    }
    let fault = ConfigFault::Order {
        least_name: "bri delay min",
        least: times.delay_min.as_millis() as u64,
        most_name: "bri delay max",
        most: times.delay_max.as_millis() as u64,
    };
    let line = too_much(section.find(Key::BriDelayMin), section.find(Key::BriDelayMax));
    line.iter().for_each(|line| findings.error(&line.place_of("MILLISECONDS"), fault.clone()));
}

pub(super) fn mtu(mtu: Option<u16>, section: Section<'_, Key>, findings: &mut Findings) {
    if mtu.is_some_and(|mtu| mtu < 1280) {
        let line = section.find(Key::TunnelMtu);
        line.iter().for_each(|line| findings.warn(&line.place_of("MTU"), Caution::MtuBelowIpv6));
    }
}

pub(super) fn multiple_of_four(line: &Item<Key>, findings: &mut Findings) {
    let Some(seconds) = line.args.integer("SECONDS") else { return };
    let rounded = Lifetime::from_secs(seconds).secs();
    if rounded != seconds {
        findings.warn(&line.place_of("SECONDS"), Caution::Rounded { seconds, rounded });
    }
}

/// RFC 5847 §5 asks for at least 30 seconds; routers allow less.
pub(super) fn heartbeat(section: Section<'_, Key>, findings: &mut Findings) {
    for line in section.each(Key::Heartbeat).chain(section.each(Key::HeartbeatOfLabel)) {
        if line.args.integer::<u64>("INTERVAL").is_some_and(|seconds| seconds < 30) {
            findings.warn(&line.place_of("INTERVAL"), Caution::FrequentHeartbeats);
        }
    }
}

pub(super) fn probes(section: Section<'_, Key>, findings: &mut Findings) {
    let Some(service) = section.find(Key::HybridAccess).map(Item::section) else { return };
    if let Some(line) = service.find(Key::Sla).filter(|_| service.is_on(Key::DisableSla)) {
        let needs = Caution::Needs { command: "sla", other: "no disable-sla" };
        findings.warn(&line.place, needs);
    }
}
