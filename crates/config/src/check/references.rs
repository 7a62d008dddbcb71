//! Names that refer to something: worth a warning when there is none, because what a fragment
//! refers to may be elsewhere.

use std::collections::{HashMap, HashSet};

use kedge_grammar::{Item, Section};

use super::findings::Findings;
use crate::key::Key;
use crate::{Caution, Config};

/// Checks every name that refers to something.
pub(super) fn check(config: &Config, section: Section<'_, Key>, findings: &mut Findings) {
    let mut references = References { config, known: HashMap::new(), findings };
    for domain in section.each(Key::Domain) {
        for entry in domain.section().each(Key::MapEntry) {
            references.name(entry.section(), Key::MapMatch, "ACL", "access list");
            references.name(entry.section(), Key::MapProfile, "NAME", "traffic profile");
        }
    }
    let services = [Key::Lma, Key::Mag].into_iter().filter_map(|key| section.find(key));
    for service in services {
        let section = service.section();
        references.name(section, Key::TunnelAcl, "ACL", "access list");
        references.name(section, Key::TunnelAclIn, "ACL", "access list");
        references.name(section, Key::LocalRouting, "ACL", "access list");
        references.mobile_map(section, section);
        section
            .each(Key::LogicalMn)
            .for_each(|node| references.mobile_map(node.section(), section));
        for local_loop in section.each(Key::LocalLoop) {
            let customers: Vec<_> = local_loop.section().each(Key::Customer).collect();
            customers.iter().for_each(|item| references.mobile_map(item.section(), section));
            references.vrfs(&customers);
        }
    }
}

struct References<'a> {
    config: &'a Config,
    /// The names of each kind, once they have been asked for.
    known: HashMap<&'static str, HashSet<String>>,
    findings: &'a mut Findings,
}

impl References<'_> {
    fn name(&mut self, section: Section<'_, Key>, key: Key, argument: &str, what: &'static str) {
        let Some(line) = section.find(key) else { return };
        let Some(name) = line.args.text(argument) else { return };
        let config = self.config;
        let known = || config.names(what).into_iter().collect();
        if !self.known.entry(what).or_insert_with(known).contains(name) {
            let caution = Caution::Unknown { what, name: name.to_owned() };
            self.findings.warn(&line.place_of(argument), caution);
        }
    }

    fn mobile_map(&mut self, section: Section<'_, Key>, service: Section<'_, Key>) {
        self.name(section, Key::MobileMap, "NAME", "mobile map");
        let Some(line) = section.find(Key::MobileMap) else { return };
        if !service.is_on(Key::Multipath) {
            let needs = Caution::Needs { command: "mobile-map", other: "multipath" };
            self.findings.warn(&line.place, needs);
        }
        if line.args.has("SEQ") {
            self.findings.warn(&line.place_of("SEQ"), Caution::WholeMap);
        }
    }

    /// The routing worlds of customers. There may be thousands.
    fn vrfs(&mut self, customers: &[&Item<Key>]) {
        let known: HashSet<&str> = self.config.vrfs.iter().map(|vrf| vrf.name.as_str()).collect();
        let transports = customers.iter().flat_map(|item| item.section().each(Key::Transport));
        for line in customers.iter().copied().chain(transports) {
            let Some(name) = line.args.text("VRF") else { continue };
            if !known.contains(name) {
                let caution = Caution::Unknown { what: "vrf", name: name.to_owned() };
                self.findings.warn(&line.place_of("VRF"), caution);
            }
        }
    }
}
