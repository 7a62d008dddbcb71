//! What must fit together across lines: names that are referred to, orders, overlaps.
//!
//! A fragment of a configuration, as the documents print them, must load: what is merely absent
//! is a warning, what contradicts itself an error.

mod addresses;
mod customers;
mod gateway;
mod pools;
mod references;

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_grammar::{Item, Place, Section};
use kedge_model::Lifetime;

use crate::key::Key;
use crate::{
    Caution, Config, ConfigError, ConfigFault, Encap, LmaConfig, MobileNetworkCheck,
    RevocationTimes, Warning,
};

/// What a check found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<Warning>,
}

impl Findings {
    fn error(&mut self, place: &Place, fault: ConfigFault) {
        self.errors.push(ConfigError { place: place.clone(), fault });
    }

    /// Two lines that exclude each other; the later one is wrong.
    fn exclude(&mut self, a: &Item<Key>, b: &Item<Key>) {
        let (first, second) = in_order(a, b);
        let (other, at) = (first.row.name(), first.place.seen_from(&second.place));
        let fault = ConfigFault::Excludes { command: second.row.name(), other, at };
        self.error(&second.place, fault);
    }

    fn warn(&mut self, place: &Place, caution: Caution) {
        self.warnings.push(Warning { place: place.clone(), caution });
    }
}

/// Of two lines that cannot both be, the second is the wrong one: the one that was read later,
/// whatever texts they are of.
fn in_order<'a>(a: &'a Item<Key>, b: &'a Item<Key>) -> (&'a Item<Key>, &'a Item<Key>) {
    if a.place.nth <= b.place.nth { (a, b) } else { (b, a) }
}

/// The one of two lines that is to blame when `least` says more than `most`: that one, unless the
/// other has come since, in another text.
fn too_much<'a>(
    least: Option<&'a Item<Key>>,
    most: Option<&'a Item<Key>>,
) -> Option<&'a Item<Key>> {
    match (least, most) {
        (Some(least), Some(most)) if least.place.origin != most.place.origin => {
            Some(in_order(least, most).1)
        }
        _ => least.or(most),
    }
}

/// Checks `config`, which was read from `section`.
pub(crate) fn check(config: &Config, section: Section<'_, Key>) -> Findings {
    let mut findings = Findings::default();
    if let (Some(lma), Some(item)) = (&config.lma, section.find(Key::Lma)) {
        own_domain(config, &lma.domain, item, &mut findings);
        anchor(config, lma, item, &mut findings);
        networks_of_profiles(config, lma, section, &mut findings);
        customers::of_profiles(config, lma, section, &mut findings);
    }
    if let (Some(mag), Some(item)) = (&config.mag, section.find(Key::Mag)) {
        own_domain(config, &mag.domain, item, &mut findings);
        gateway::check(config, mag, item, &mut findings);
    }
    for list in section.each(Key::AccessList).chain(section.each(Key::AccessListIpv6)) {
        let lines = list.section();
        lines.each(Key::AccessEntry).for_each(|line| port_ranges(line, &mut findings));
    }
    pools::defined(section, &mut findings);
    references::check(config, section, &mut findings);
    findings
}

/// A service whose domain is misspelled would run without the domain's key. With no domain at
/// all in the text, it is a fragment.
fn own_domain(config: &Config, domain: &str, item: &Item<Key>, findings: &mut Findings) {
    let domain = domain.to_owned();
    if config.domain(&domain).is_some() {
    } else if config.domains.is_empty() {
        findings.warn(&item.place_of("DOMAIN"), Caution::UnknownDomain { domain });
    } else {
        let known = config.domains.iter().map(|domain| domain.name.clone()).collect();
        findings.error(&item.place_of("DOMAIN"), ConfigFault::UnknownDomain { domain, known });
    }
}

fn anchor(config: &Config, lma: &LmaConfig, item: &Item<Key>, findings: &mut Findings) {
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

/// What holds for a gateway of an anchor and for an anchor of a gateway alike.
fn peer(
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

fn revocation(times: &RevocationTimes, section: Section<'_, Key>, findings: &mut Findings) {
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

fn mtu(mtu: Option<u16>, section: Section<'_, Key>, findings: &mut Findings) {
    if mtu.is_some_and(|mtu| mtu < 1280) {
        let line = section.find(Key::TunnelMtu);
        line.iter().for_each(|line| findings.warn(&line.place_of("MTU"), Caution::MtuBelowIpv6));
    }
}

fn multiple_of_four(line: &Item<Key>, findings: &mut Findings) {
    let Some(seconds) = line.args.integer("SECONDS") else { return };
    let rounded = Lifetime::from_secs(seconds).secs();
    if rounded != seconds {
        findings.warn(&line.place_of("SECONDS"), Caution::Rounded { seconds, rounded });
    }
}

/// RFC 5847 §5 asks for at least 30 seconds; routers allow less.
fn heartbeat(section: Section<'_, Key>, findings: &mut Findings) {
    for line in section.each(Key::Heartbeat).chain(section.each(Key::HeartbeatOfLabel)) {
        if line.args.integer::<u64>("INTERVAL").is_some_and(|seconds| seconds < 30) {
            findings.warn(&line.place_of("INTERVAL"), Caution::FrequentHeartbeats);
        }
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

fn port_ranges(line: &Item<Key>, findings: &mut Findings) {
    for (first, last) in [("SOURCE-PORT", "SOURCE-LAST"), ("DESTINATION-PORT", "DESTINATION-LAST")]
    {
        let port = |name| line.args.integer::<u64>(name);
        let (Some(least), Some(most)) = (port(first), port(last)) else { continue };
        if least > most {
            let (least_name, most_name) = ("the first port", "the last");
            let fault = ConfigFault::Order { least_name, least, most_name, most };
            findings.error(&line.place_of(last), fault);
        }
    }
}

fn probes(section: Section<'_, Key>, findings: &mut Findings) {
    let Some(service) = section.find(Key::HybridAccess).map(Item::section) else { return };
    if let Some(line) = service.find(Key::Sla).filter(|_| service.is_on(Key::DisableSla)) {
        let needs = Caution::Needs { command: "sla", other: "no disable-sla" };
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
fn networks_of_profiles(
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
