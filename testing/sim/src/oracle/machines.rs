//! What holds of a machine alone, whatever happens around it: after every input and its output.
//!
//! What a machine wants of its data plane follows from its bindings; the caller compares it with
//! what the machine said.

use std::collections::{BTreeMap, BTreeSet};

use kedge_lma::{Binding, HomeAddresses, Ipv4Home, Lma, Profile};
use kedge_mag::{AccessNode, BindingState, Mag};
use kedge_model::{BindingId, Forwarding, IpNet, Ipv4Net, Path};
use kedge_sansio::Now;

use super::counters;

/// An anchor's machine: no address or prefix is held twice, the pools know what is held, every
/// binding has its gateway, the counters add up. Gives what its data plane should hold.
pub fn check_lma(lma: &Lma) -> BTreeMap<BindingId, Forwarding> {
    let settings = lma.settings();
    let mut held: BTreeSet<IpNet> = BTreeSet::new();
    let mut behind: BTreeSet<IpNet> = BTreeSet::new();
    let mut wanted = BTreeMap::new();
    for binding in lma.bindings() {
        assert_eq!(binding.customer, settings.customer);
        for net in binding.addresses.routed() {
            assert!(held.insert(net), "{net} is held twice");
        }
        for net in &binding.delegated {
            assert!(behind.insert(*net), "{net} is delegated twice");
        }
        if let Some(authorized) = &binding.authorized {
            check_named(binding, &authorized.profile);
        }
        wanted.extend(binding.forwarding(settings.vrf).map(|want| (binding.id, want)));
    }
    let is_ipv4 = |net: &&IpNet| matches!(net, IpNet::V4(_));
    for (name, network) in &settings.networks {
        let (ipv4, ipv6) = lma.usage(name).expect("a network of the settings");
        let taken = [ipv4, ipv6].map(|usage| usage.map_or(0, |usage| usage.taken as usize));
        // What is taken as it is sent is of no pool.
        let blocks: Vec<IpNet> = network.home_blocks().collect();
        let of_pool = |net: &&IpNet| blocks.iter().any(|block| block.contains(*net));
        let of_pools: Vec<&IpNet> = held.iter().filter(of_pool).collect();
        let held_ipv4 = of_pools.iter().copied().filter(is_ipv4).count();
        assert_eq!(taken, [held_ipv4, of_pools.len() - held_ipv4], "the pools of {name}");
    }
    let delegated = lma.delegated();
    let behind_ipv4 = behind.iter().filter(is_ipv4).count();
    let counted = (delegated.ipv4 as usize, delegated.ipv6 as usize);
    assert_eq!(counted, (behind_ipv4, behind.len() - behind_ipv4), "networks behind nodes");
    assert_eq!(lma.peers().map(|peer| peer.bindings).sum::<u32>(), lma.len(), "of the gateways");
    counters::check_lma(lma);
    wanted
}

/// A binding has no other addresses than those that AAA has named.
fn check_named(binding: &Binding, profile: &Profile) {
    let HomeAddresses { ipv4, prefixes } = binding.addresses;
    let named = |home: Ipv4Home| profile.ipv4.is_none_or(|own| own == home.address);
    assert!(ipv4.is_none_or(named), "{ipv4:?} is not what {profile:?} names");
    let own = |prefix| profile.prefixes.is_empty() || profile.prefixes.contains(&prefix);
    assert!(prefixes.iter().all(own), "{prefixes:?} are not what {profile:?} names");
}

/// What a gateway's machine has, as it follows from its sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    /// What its data plane should hold.
    pub forwarding: BTreeMap<BindingId, Forwarding>,
    /// What its kernel should hold.
    pub access: BTreeMap<BindingId, AccessNode>,
    /// The nodes that are there.
    pub present: u64,
    /// With those whose end is being told.
    pub all: usize,
}

/// A gateway's machine: the counters add up. Gives what should be held for its sessions.
pub fn check_mag(mag: &Mag, now: Now) -> Sessions {
    let mut sessions = Sessions::default();
    for view in mag.bindings(now.mono) {
        sessions.all += 1;
        sessions.present += u64::from(view.state != BindingState::Deregistering);
        let (BindingState::Active | BindingState::Refreshing, Some(tunnel)) =
            (view.state, view.tunnel)
        else {
            continue;
        };
        let host = view.ipv4.map(|home| IpNet::V4(Ipv4Net::from(home.addr())));
        let node = AccessNode {
            interface: view.interface,
            mac: view.mac,
            link_local: view.link_local,
            inner: view.prefixes.into_iter().map(IpNet::V6).chain(host).collect(),
            delegated: view.delegated,
            ipv4_router: view.ipv4_router,
            ipv4_prefix_len: view.ipv4.map_or(0, |home| home.prefix_len()),
        };
        let paths = vec![Path { tunnel, weight: 1 }];
        let vrf = mag.settings().inner;
        let want = Forwarding { vrf, inner: node.all_inner(), paths };
        sessions.forwarding.insert(view.binding, want);
        sessions.access.insert(view.binding, node);
    }
    counters::check_mag(mag, sessions.present);
    sessions
}
