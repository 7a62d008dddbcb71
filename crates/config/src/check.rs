//! What must fit together across lines: names that are referred to, orders, overlaps.
//!
//! A fragment of a configuration, as the documents print them, must load: what is merely absent
//! is a warning, what contradicts itself an error.

mod addresses;
mod anchor;
mod customers;
mod findings;
mod gateway;
mod pools;
mod references;
mod role;

use kedge_grammar::{Item, Section};

pub(crate) use findings::Findings;

use crate::key::Key;
use crate::{Config, ConfigFault};

/// Checks `config`, which was read from `section`.
pub(crate) fn check(config: &Config, section: Section<'_, Key>) -> Findings {
    let mut findings = Findings::default();
    if let (Some(lma), Some(item)) = (&config.lma, section.find(Key::Lma)) {
        anchor::check(config, lma, item, &mut findings);
        anchor::networks_of_profiles(config, lma, section, &mut findings);
        customers::of_profiles(config, lma, section, &mut findings);
    }
    if let (Some(mag), Some(item)) = (&config.mag, section.find(Key::Mag)) {
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
