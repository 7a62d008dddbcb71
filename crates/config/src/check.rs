//! What must fit together across lines: names that are referred to, orders, overlaps.
//!
//! A fragment of a configuration, as the documents print them, must load: what is merely absent
//! is a warning, what contradicts itself an error.

use std::net::IpAddr;

use kedge_grammar::{Item, Place, Section, is_device};
use kedge_model::{IpNet, Lifetime};

use crate::key::Key;
use crate::{
    Caution, Config, ConfigError, ConfigFault, Encap, LmaConfig, MagConfig, RevocationTimes,
    Warning,
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

    fn warn(&mut self, place: &Place, caution: Caution) {
        self.warnings.push(Warning { place: place.clone(), caution });
    }
}

/// Checks `config`, which was read from `section`.
pub(crate) fn check(config: &Config, section: Section<'_, Key>) -> Findings {
    let mut findings = Findings::default();
    if let (Some(lma), Some(item)) = (&config.lma, section.find(Key::Lma)) {
        own_domain(config, &lma.domain, item, &mut findings);
        anchor(config, lma, item, &mut findings);
        networks_of_profiles(config, lma, section, &mut findings);
    }
    if let (Some(mag), Some(item)) = (&config.mag, section.find(Key::Mag)) {
        own_domain(config, &mag.domain, item, &mut findings);
        gateway(config, mag, item, &mut findings);
    }
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
    if lma.ipv4.is_empty() && lma.ipv6.is_empty() {
        findings.warn(&item.place, Caution::NoAddress);
    }
    let section = item.section();
    for (mag, item) in lma.mags.iter().zip(section.each(Key::PeerMag)) {
        let addresses = config.mag_addresses(mag);
        peer(config, &mag.id, &mag.domain, &addresses, mag.encap, item, findings);
    }
    revocation(&lma.revocation, section, findings);
    mtu(lma.tunnel_mtu, section, findings);
    multiple_of_four(lma.bce_lifetime.as_secs(), Key::BceLifetime, section, findings);
    pools(lma, section, findings);
    default_profile(config, lma, section, findings);
}

fn gateway(config: &Config, mag: &MagConfig, item: &Item<Key>, findings: &mut Findings) {
    if mag.ipv4.is_none() && mag.ipv6.is_none() {
        findings.warn(&item.place, Caution::NoAddress);
    }
    let section = item.section();
    for (lma, item) in mag.lmas.iter().zip(section.each(Key::PeerLma)) {
        let addresses = config.lma_addresses(lma);
        peer(config, &lma.id, &lma.domain, &addresses, lma.encap, item, findings);
    }
    revocation(&mag.revocation, section, findings);
    mtu(mag.tunnel_mtu, section, findings);
    multiple_of_four(mag.times.lifetime.as_secs(), Key::BindingLifetime, section, findings);
    multiple_of_four(mag.times.refresh.as_secs(), Key::BindingRefreshTime, section, findings);
    let (init, max) = (mag.times.init_retx, mag.times.max_retx);
    if init > max {
        let fault = ConfigFault::Order {
            least_name: "binding init-retx-time",
            least: init.as_millis() as u64,
            most_name: "binding max-retx-time",
            most: max.as_millis() as u64,
        };
        let line = section.find(Key::BindingInitRetx).or(section.find(Key::BindingMaxRetx));
        line.iter().for_each(|line| findings.error(&line.place_of("MILLISECONDS"), fault.clone()));
    }
    interfaces(mag, section, findings);
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
    let peer = || id.to_owned();
    if addresses.is_empty() {
        findings.error(&item.place, ConfigFault::NoPeerAddress { peer: peer() });
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
    let line = section.find(Key::BriDelayMin).or(section.find(Key::BriDelayMax));
    line.iter().for_each(|line| findings.error(&line.place_of("MILLISECONDS"), fault.clone()));
}

fn mtu(mtu: Option<u16>, section: Section<'_, Key>, findings: &mut Findings) {
    if mtu.is_some_and(|mtu| mtu < 1280) {
        let line = section.find(Key::TunnelMtu);
        line.iter().for_each(|line| findings.warn(&line.place_of("MTU"), Caution::MtuBelowIpv6));
    }
}

fn multiple_of_four(seconds: u64, key: Key, section: Section<'_, Key>, findings: &mut Findings) {
    let rounded = Lifetime::from_secs(seconds).secs();
    if let Some(line) = section.find(key).filter(|_| rounded != seconds) {
        findings.warn(&line.place_of("SECONDS"), Caution::Rounded { seconds, rounded });
    }
}

/// Two pools with an address in common would give it to two nodes.
fn pools(lma: &LmaConfig, section: Section<'_, Key>, findings: &mut Findings) {
    let mut seen: Vec<(IpNet, &str, usize)> = Vec::new();
    for (network, item) in lma.networks.iter().zip(section.each(Key::Network)) {
        let ipv4 = network.ipv4.map(|pool| (IpAddr::V4(pool.start), pool.prefix_len));
        let ipv6 = network.ipv6.map(|pool| (IpAddr::V6(pool.start), pool.prefix_len));
        for (pool, key) in [(ipv4, Key::PoolIpv4), (ipv6, Key::PoolIpv6)] {
            let Some((start, prefix_len)) = pool else { continue };
            let Ok(net) = IpNet::new(start, prefix_len) else { continue };
            let net = net.trunc();
            let Some(line) = item.section().find(key) else { continue };
            let overlap =
                |(other, ..): &&(IpNet, &str, usize)| other.contains(&net) || net.contains(other);
            if let Some((_, network, line_number)) = seen.iter().find(overlap) {
                let (network, line_number) = ((*network).to_owned(), *line_number);
                let fault = ConfigFault::PoolsOverlap { network, line: line_number };
                findings.error(&line.place_of("ADDRESS"), fault);
            }
            seen.push((net, &network.name, line.place.line));
        }
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

fn interfaces(mag: &MagConfig, section: Section<'_, Key>, findings: &mut Findings) {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for (interface, item) in mag.interfaces.iter().zip(section.each(Key::Interface)) {
        let device = interface.device();
        if !is_device(device) {
            findings.warn(&item.place, Caution::NoDevice { name: device.to_owned() });
        }
        if let Some((_, line)) = seen.iter().find(|(other, _)| *other == device) {
            let fault = ConfigFault::SameDevice { device: device.to_owned(), line: *line };
            findings.error(&item.place, fault);
        }
        seen.push((device, item.place.line));
        if let Some(line) = item.section().find(Key::InterfaceAttach)
            && interface.nai.is_none()
        {
            findings.error(&line.place, ConfigFault::StaticNeedsNai);
        }
    }
}

/// The networks that profiles of the anchor's domain name, as far as this anchor serves them.
fn networks_of_profiles(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    for (domain, item) in config.domains.iter().zip(section.each(Key::Domain)) {
        if domain.name != lma.domain {
            continue;
        }
        for (profile, item) in domain.nais.iter().zip(item.section().each(Key::Nai)) {
            let Some(network) = &profile.network else { continue };
            let other_anchor = profile.lma.as_ref().is_some_and(|id| *id != lma.id);
            if lma.network(network).is_some() || other_anchor {
                continue;
            }
            let line = item.section().find(Key::NaiNetwork).unwrap_or(item);
            findings
                .warn(&line.place_of("NAME"), Caution::UnknownNetwork { network: network.clone() });
        }
    }
}
