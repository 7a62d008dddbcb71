//! Questions about a configuration as a whole: a part of its text, what of it has no effect yet,
//! and what it has names for.

use kedge_grammar::{Item, Keys, select};

use crate::key::Key;
use crate::{Config, MagConfig, render, table};

/// The part of a configuration that some words name, as `ipv6 mobile pmipv6-lma` or `customer
/// CUST1`, in the blocks that it is in. `None` when no command begins like this.
pub fn render_section(config: &Config, words: &[&str]) -> Option<String> {
    if words.is_empty() {
        return Some(render(config));
    }
    let items = select(&table::GLOBAL, &config.write(), words)?;
    Some(kedge_grammar::render(&items, Keys::Obfuscated))
}

impl Config {
    /// The commands in it that are accepted and have no effect yet, each once, in table order; a
    /// block without an effect stands for all that is in it.
    pub fn without_effect(&self) -> Vec<String> {
        fn collect(items: &[Item<Key>], names: &mut Vec<String>) {
            for item in items {
                let name = item.row.name();
                match item.row.has_effect {
                    true => collect(&item.body, names),
                    false if names.contains(&name) => {}
                    false => names.push(name),
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.write(), &mut names);
        let chosen = |mag: &MagConfig| mag.local_routing.as_ref().is_some_and(|r| r.acl.is_some());
        if self.mag.as_ref().is_some_and(chosen) {
            names.push("local-routing-mag ACL".to_owned());
        }
        let services = self.lma.iter().filter_map(|lma| lma.local_loop.as_ref());
        let mut customers = services.flat_map(|service| &service.customers);
        if customers.any(|customer| customer.gre_keys.iter().any(|(label, _)| label.is_some())) {
            names.push("gre-key symmetric LABEL".to_owned());
        }
        names
    }

    /// The names that it has for things of a kind, as the table's arguments ask for them.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let lma = self.lma.as_ref();
        let mag = self.mag.as_ref();
        let customers = || lma.and_then(|lma| lma.local_loop.as_ref()).into_iter();
        let customers = || customers().flat_map(|service| &service.customers);
        let maps = || self.domains.iter().flat_map(|domain| &domain.mobile_maps);
        let mut names: Vec<String> = match kind {
            "vrf" => self.vrfs.iter().map(|vrf| vrf.name.clone()).collect(),
            "access list" => self.access_lists.iter().map(|list| list.name.clone()).collect(),
            "local pool" => {
                let ipv4 = self.local_pools.ipv4.iter().map(|pool| pool.name.clone());
                ipv4.chain(self.local_pools.ipv6.iter().map(|pool| pool.name.clone())).collect()
            }
            "domain" => self.domains.iter().map(|domain| domain.name.clone()).collect(),
            "mobile map" => maps().map(|entry| entry.map.clone()).collect(),
            "customer" => customers().map(|customer| customer.name.clone()).collect(),
            "network" => {
                let own = lma.into_iter().flat_map(|lma| &lma.networks);
                let theirs = customers().flat_map(|customer| &customer.networks);
                own.chain(theirs).map(|network| network.name.clone()).collect()
            }
            "gateway" => {
                let peers = lma.into_iter().flat_map(|lma| &lma.mags).map(|mag| mag.id.clone());
                let members = self.domains.iter().flat_map(|domain| &domain.mags);
                let own = mag.map(|mag| mag.id.clone());
                peers.chain(members.map(|mag| mag.id.clone())).chain(own).collect()
            }
            "anchor" => {
                let peers = mag.into_iter().flat_map(|mag| &mag.lmas).map(|lma| lma.id.clone());
                let members = self.domains.iter().flat_map(|domain| &domain.lmas);
                let own = lma.map(|lma| lma.id.clone());
                peers.chain(members.map(|lma| lma.id.clone())).chain(own).collect()
            }
            "traffic profile" => {
                let of_lma = lma.and_then(|lma| lma.hybrid_access.as_ref());
                let of_mag = mag.and_then(|mag| mag.hybrid_access.as_ref());
                let services = of_lma.into_iter().chain(of_mag);
                services.flat_map(|service| &service.profiles).map(|p| p.name.clone()).collect()
            }
            "label" => {
                let roaming = mag.and_then(|mag| mag.roaming.as_ref()).into_iter().flatten();
                let links = maps().filter_map(|entry| entry.links.as_ref());
                let links = links.flat_map(|links| links.labels.iter().cloned());
                roaming.filter_map(|interface| interface.label.clone()).chain(links).collect()
            }
            "profile" | "node" => {
                let profiles = self.domains.iter().flat_map(|domain| &domain.nais);
                profiles.map(|profile| profile.nai.clone()).collect()
            }
            _ => Vec::new(),
        };
        names.sort();
        names.dedup();
        names
    }
}
