//! The lines of an anchor.

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_grammar::{Item, Section};

use super::findings::Findings;
use super::role::{heartbeat, mtu, multiple_of_four, own_domain, peer, probes, revocation};
use super::{addresses, customers, pools};
use crate::key::Key;
use crate::{Caution, Config, LmaConfig, MobileNetworkCheck};

/// Checks the anchor.
pub(super) fn check(config: &Config, lma: &LmaConfig, item: &Item<Key>, findings: &mut Findings) {
    own_domain(config, &lma.domain, item, findings);
    let customers = lma.local_loop.iter().flat_map(|service| &service.customers);
    let has_transport = customers.into_iter().any(|customer| !customer.transports.is_empty());
    if lma.ipv4.is_empty() && lma.ipv6.is_empty() && !has_transport {
        findings.warn(&item.place, Caution::NoAddress);
    }
    let section = item.section();
    addresses::own(section, findings);
    addresses::shared(config, lma, section, findings);
    for (mag, item) in lma.mags.iter().zip(section.each(Key::PeerMag)) {
        let addresses = config.mag_addresses(mag);
        peer(config, &mag.id, &mag.domain, &addresses, mag.encap, item, findings);
    }
    revocation(&lma.revocation, section, findings);
    mtu(lma.tunnel_mtu, section, findings);
    let times = [Key::BceLifetime, Key::BceRefreshTime].into_iter();
    let times = times.filter_map(|key| section.find(key));
    times.for_each(|line| multiple_of_four(line, findings));
    heartbeat(section, findings);
    enforced_heartbeat(lma, section, findings);
    let ipv4 = lma.ipv4.iter().copied().map(IpAddr::V4);
    let own: Vec<IpAddr> = ipv4.chain(lma.ipv6.iter().copied().map(IpAddr::V6)).collect();
    pools::check(config, section, &own, findings);
    if let Some(service) = section.find(Key::LocalLoop) {
        customers::check(config, service.section(), findings);
    }
    probes(section, findings);
    default_profile(config, lma, section, findings);
    networks_named_by_aaa(config, lma, section, findings);
}

/// Networks that a RADIUS server is to name are of nobody where none is asked. With no domain in the
/// text, it is a fragment.
fn networks_named_by_aaa(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    let asked = config.domain(&lma.domain).is_none_or(|domain| domain.profiles_from_aaa);
    let wanted = lma.mobile_network_check == Some(MobileNetworkCheck::Aaa);
    if let Some(line) = section.find(Key::MobileNetworkCheck).filter(|_| wanted && !asked) {
        let (command, other) = ("mobile-network aaa-authorized", "mn-profile-load-aaa");
        findings.warn(&line.place, Caution::Needs { command, other });
    }
}

/// Gateways are told the anchor's values, or those of their customer.
fn enforced_heartbeat(lma: &LmaConfig, section: Section<'_, Key>, findings: &mut Findings) {
    let mut customers = lma.local_loop.iter().flat_map(|service| &service.customers);
    let asks = lma.heartbeat.is_some() || customers.any(|customer| customer.heartbeat.is_some());
    if let Some(line) = section.find(Key::EnforceHeartbeat).filter(|_| !asks) {
        let needs = Caution::Needs { command: "enforce heartbeat-to-mag", other: "heartbeat" };
        findings.warn(&line.place, needs);
    }
}

fn default_profile(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    let Some(profile) = &lma.default_profile else { return };
    let domain = config.domain(&lma.domain);
    if domain.is_some_and(|domain| domain.nais.iter().any(|nai| nai.nai == *profile)) {
        return;
    }
    if let Some(line) = section.find(Key::DefaultProfile) {
        let profile = profile.clone();
        findings.warn(&line.place_of("NAME"), Caution::UnknownProfile { profile });
    }
}

/// The networks that profiles of the anchor's domain name, as far as this anchor serves them. A
/// customer's network may be one that needs no pools.
pub(super) fn networks_of_profiles(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    let known: HashSet<String> = config.names("network").into_iter().collect();
    let customers = lma.local_loop.iter().flat_map(|service| &service.customers);
    let free: HashSet<&str> =
        customers.filter(|c| c.unauthorized).map(|customer| customer.name.as_str()).collect();
    for (domain, item) in config.domains.iter().zip(section.each(Key::Domain)) {
        if domain.name != lma.domain {
            continue;
        }
        for (profile, item) in domain.nais.iter().zip(item.section().each(Key::Nai)) {
            let Some(network) = &profile.network else { continue };
            let other_anchor = profile.lma.as_ref().is_some_and(|id| *id != lma.id);
            let unchecked = profile.customer.as_ref().is_some_and(|c| free.contains(c.as_str()));
            if known.contains(network) || other_anchor || unchecked {
                continue;
            }
            let line = item.section().find(Key::NaiNetwork).unwrap_or(item);
            let network = network.clone();
            findings.warn(&line.place_of("NAME"), Caution::UnknownNetwork { network });
        }
    }
}
