//! Customers: what must be a customer's alone, and whose profiles are whose.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use kedge_grammar::{Item, Section};

use super::findings::{Findings, in_order};
use super::pools;
use super::role::{heartbeat, multiple_of_four};
use crate::key::Key;
use crate::{Caution, Config, ConfigFault, LmaConfig};

/// Things that one customer may have, and the customer and line that have it.
struct Owners<'a, T>(HashMap<T, (&'a Item<Key>, &'a Item<Key>)>);

impl<'a, T: Eq + Hash> Owners<'a, T> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// Gives a thing to the customer; says so when another one has it.
    fn take(
        &mut self,
        thing: T,
        what: (&'static str, &'static str),
        customer: &'a Item<Key>,
        line: &'a Item<Key>,
        findings: &mut Findings,
    ) {
        let (owner, first) = *self.0.entry(thing).or_insert((customer, line));
        if std::ptr::eq(owner, customer) {
            return;
        }
        let (earlier, later) = in_order(first, line);
        let owner = if std::ptr::eq(earlier, first) { owner } else { customer };
        let (what, argument) = what;
        let name = owner.args.text("NAME").unwrap_or_default().to_owned();
        let at = earlier.place.seen_from(&later.place);
        let fault = ConfigFault::Taken { what, customer: name, at };
        findings.error(&later.place_of(argument), fault);
    }
}

/// Checks the customers of the anchor.
pub(super) fn check(config: &Config, service: Section<'_, Key>, findings: &mut Findings) {
    let (mut names, mut vrfs, mut networks) = (Owners::new(), Owners::new(), Owners::new());
    let mut addresses = Owners::new();
    for customer in service.each(Key::Customer) {
        let text = |argument| customer.args.text(argument).unwrap_or_default();
        names.take(text("NAME"), ("customer name", "NAME"), customer, customer, findings);
        vrfs.take(text("VRF"), ("vrf", "VRF"), customer, customer, findings);
        let section = customer.section();
        for network in section.each(Key::Network) {
            let name = network.args.text("NAME").unwrap_or_default();
            networks.take(name, ("network name", "NAME"), customer, network, findings);
        }
        for transport in section.each(Key::Transport) {
            let vrf = transport.args.text("VRF");
            let own = transport.section();
            for line in own.each(Key::AddressIpv4).chain(own.each(Key::AddressIpv6)) {
                // Transports that are apart may number their hosts alike.
                let place = (vrf, line.args.get("ADDRESS"));
                addresses.take(place, ("address", "ADDRESS"), customer, line, findings);
            }
        }
        if let (Some(unauthorized), Some(network)) =
            (section.find(Key::NetworkUnauthorized), section.find(Key::Network))
        {
            findings.exclude(unauthorized, network);
        }
        if let Some(line) = section.find(Key::BceLifetime) {
            multiple_of_four(line, findings);
        }
        heartbeat(section, findings);
        // The anchor's addresses are in other worlds than the customer's.
        pools::check(config, section, &[], findings);
    }
}

/// The customers that profiles of the anchor's domain name, as far as this anchor serves them: the
/// nodes of one that is misspelled would be nobody's. With no customer at all in the text, it is a
/// fragment.
pub(super) fn of_profiles(
    config: &Config,
    lma: &LmaConfig,
    section: Section<'_, Key>,
    findings: &mut Findings,
) {
    let Some(service) = &lma.local_loop else { return };
    let known: HashSet<&str> = service.customers.iter().map(|c| c.name.as_str()).collect();
    for (domain, item) in config.domains.iter().zip(section.each(Key::Domain)) {
        if domain.name != lma.domain {
            continue;
        }
        for (profile, item) in domain.nais.iter().zip(item.section().each(Key::Nai)) {
            let other_anchor = profile.lma.as_ref().is_some_and(|id| *id != lma.id);
            let (Some(name), Some(line)) =
                (&profile.customer, item.section().find(Key::NaiCustomer))
            else {
                continue;
            };
            if other_anchor || known.contains(name.as_str()) {
                continue;
            }
            let (place, name) = (line.place_of("NAME"), name.clone());
            if known.is_empty() {
                findings.warn(&place, Caution::Unknown { what: "customer", name });
            } else {
                findings.error(&place, ConfigFault::UnknownCustomer { customer: name });
            }
        }
    }
}
