//! The lines of a gateway.

use std::collections::HashMap;

use kedge_grammar::{Item, Section, is_device};

use super::addresses;
use super::findings::{Findings, in_order, too_much};
use super::role::{heartbeat, mtu, multiple_of_four, own_domain, peer, probes, revocation};
use crate::key::Key;
use crate::{Caution, Config, ConfigFault, MagConfig, shared};

/// Checks the gateway.
pub(super) fn check(config: &Config, mag: &MagConfig, item: &Item<Key>, findings: &mut Findings) {
    own_domain(config, &mag.domain, item, findings);
    if mag.ipv4.is_none() && mag.ipv6.is_none() && mag.roaming.is_none() {
        findings.warn(&item.place, Caution::NoAddress);
    }
    let section = item.section();
    addresses::own(section, findings);
    for (lma, item) in mag.lmas.iter().zip(section.each(Key::PeerLma)) {
        heartbeat(item.section(), findings);
        let addresses = config.lma_addresses(lma);
        peer(config, &lma.id, &lma.domain, &addresses, lma.encap, item, findings);
    }
    revocation(&mag.revocation, section, findings);
    mtu(mag.tunnel_mtu, section, findings);
    let times = [Key::BindingLifetime, Key::BindingRefreshTime].into_iter();
    let times = times.filter_map(|key| section.find(key));
    times.for_each(|line| multiple_of_four(line, findings));
    heartbeat(section, findings);
    probes(section, findings);
    if let Some(dynamic) = section.find(Key::AddressDynamic) {
        let fixed = [Key::AddressIpv4, Key::AddressIpv6].into_iter();
        let fixed = fixed.filter_map(|key| section.find(key));
        fixed.for_each(|line| findings.exclude(dynamic, line));
    }
    if let (Some(manager), Some(local)) =
        (section.find(Key::SessionManager), section.find(Key::LocalRouting))
    {
        findings.exclude(manager, local);
    }
    for node in section.each(Key::LogicalMn).map(Item::section) {
        let service =
            node.find(Key::NaiService).filter(|_| node.word(Key::NaiService) != Some("ipv4"));
        if let (Some(dynamic), Some(service)) = (node.find(Key::LogicalDynamic), service) {
            findings.exclude(dynamic, service);
        }
        let watch = node.find(Key::Watch).filter(|_| node.find(Key::FixedInterface).is_none());
        if let Some(line) = watch {
            let needs = Caution::Needs { command: "watch ipv4", other: "fixed interface" };
            findings.warn(&line.place, needs);
        }
        // A link has mobile nodes on it, or is a network of the router's own.
        for network in node.each(Key::MobileNetwork) {
            let device = shared::interface(&network.args);
            let mut links = mag.interfaces.iter().zip(section.each(Key::Interface));
            if let Some((_, link)) = links.find(|(link, _)| link.device() == device) {
                findings.exclude(link, network);
            }
        }
    }
    let (init, max) = (mag.times.init_retx, mag.times.max_retx);
    if init > max {
        let fault = ConfigFault::Order {
            least_name: "binding init-retx-time",
            least: init.as_millis() as u64,
            most_name: "binding max-retx-time",
            most: max.as_millis() as u64,
        };
        let line = too_much(section.find(Key::BindingInitRetx), section.find(Key::BindingMaxRetx));
        line.iter().for_each(|line| findings.error(&line.place_of("MILLISECONDS"), fault.clone()));
    }
    interfaces(mag, section, findings);
    labels(section, findings);
}

fn labels(section: Section<'_, Key>, findings: &mut Findings) {
    let Some(format) = section.find(Key::ServiceSelectionLabel) else { return };
    let Some(line) = section.find(Key::Apn) else {
        let needs = Caution::Needs { command: "ssmo-format label", other: "apn" };
        findings.warn(&format.place, needs);
        return;
    };
    let name = line.args.text("NAME").unwrap_or_default();
    if !name.split('.').all(|label| (1..=63).contains(&label.len())) {
        let fault = ConfigFault::NoLabels { name: name.to_owned() };
        findings.error(&line.place_of("NAME"), fault);
    }
}

fn interfaces(mag: &MagConfig, section: Section<'_, Key>, findings: &mut Findings) {
    let mut seen: HashMap<&str, &Item<Key>> = HashMap::new();
    for (interface, item) in mag.interfaces.iter().zip(section.each(Key::Interface)) {
        let device = interface.device();
        if !is_device(device) {
            findings.warn(&item.place, Caution::NoDevice { name: device.to_owned() });
        }
        let first = *seen.entry(device).or_insert(item);
        if !std::ptr::eq(first, item) {
            let (first, second) = in_order(first, item);
            let at = first.place.seen_from(&second.place);
            let fault = ConfigFault::SameDevice { device: device.to_owned(), at };
            findings.error(&second.place, fault);
        }
        if let Some(line) = item.section().find(Key::InterfaceAttach)
            && interface.nai.is_none()
        {
            findings.error(&line.place, ConfigFault::StaticNeedsNai);
        }
    }
}
