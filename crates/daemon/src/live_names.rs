//! The names that `?` and Tab offer beside the words of the language.

use std::collections::{BTreeMap, BTreeSet};

use crate::anchor::Anchor;
use crate::shell::Shell;

/// Names of things that only the daemon knows, by their kind, for completion.
pub fn names(shell: &mut Shell) -> BTreeMap<&'static str, Vec<String>> {
    /// Beyond this many, a list helps nobody.
    const MOST: usize = 64;
    let links = shell.hosts.own().netlink().links().unwrap_or_default();
    let interfaces = links.into_iter().map(|link| link.name).collect();
    let anchor = || shell.anchor.iter().map(Anchor::customers);
    let bindings = anchor().flat_map(|customers| customers.bindings());
    let nodes = bindings.take(MOST).map(|binding| binding.mn_id.to_string()).collect();
    let customers = || anchor().flat_map(|customers| customers.iter());
    let names = customers().map(|(_, customer)| customer.name().to_owned());
    let names = names.filter(|name| !name.is_empty()).take(MOST).collect();
    let peers = customers().flat_map(|(_, customer)| customer.lma().peers());
    let gateways: BTreeSet<String> =
        peers.filter_map(|peer| peer.name.clone()).take(MOST).collect();
    let gateways = gateways.into_iter().collect();
    BTreeMap::from([
        ("interface", interfaces),
        ("node", nodes),
        ("customer", names),
        ("gateway", gateways),
    ])
}
