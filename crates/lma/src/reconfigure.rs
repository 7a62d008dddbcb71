//! What a change of the settings means for the bindings that are there.
//!
//! A binding that the new settings have a place for goes on undisturbed: it keeps its addresses
//! and its lifetime, and what its gateway agreed to changes with its next update. One that they
//! have none for is revoked (RFC 5846 §8.1), since its node would be told nothing otherwise.

use kedge_sansio::Now;
use kedge_wire::registry::RevocationTrigger;

use crate::Lma;
use crate::binding::Binding;
use crate::cache::Slot;
use crate::event::Release;
use crate::settings::{Network, Settings};
use crate::{mobile_networks, pool};

impl Lma {
    /// How many bindings other settings would end.
    pub fn ended_by(&self, settings: &Settings) -> usize {
        self.cache.iter().filter(|(_, binding)| !self.has_place(binding, settings)).count()
    }

    /// Command: other settings, in service. Bindings that they have no place for are revoked;
    /// says how many those were.
    pub fn apply(&mut self, settings: Settings, now: Now) -> usize {
        let homeless: Vec<Slot> = self
            .cache
            .iter()
            .filter(|(_, binding)| !self.has_place(binding, &settings))
            .map(|(slot, _)| slot)
            .collect();
        // Their gateways are told while what was agreed with them still holds.
        for slot in &homeless {
            let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
            self.take_back(*slot, trigger, Release::Revoked, now);
        }
        let moved = settings.vrf != self.settings.vrf;
        self.settings = settings;
        self.peers.configure(&self.settings);
        let held = self.cache.iter().map(|(_, b)| (b.network, b.addresses, &*b.delegated));
        self.networks.replace(&self.settings.networks, held);
        let slots: Vec<Slot> = self.cache.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.adjust(slot, moved);
        }
        homeless.len()
    }

    /// A binding may stay if its node's profile still names the network it has its addresses
    /// from, in the families it has, and its gateway may still register nodes.
    fn has_place(&self, binding: &Binding, settings: &Settings) -> bool {
        let peer = self.peers.get(binding.paths.first().peer);
        let served = settings.dynamic_mag_learning
            || settings.peers.iter().any(|known| {
                known.transport == peer.transport
                    && known.addresses.iter().any(|address| peer.addresses.contains(address))
            });
        let network = || {
            let profile = settings.profile(binding.mn_id.as_nai())?;
            let name = profile.network.as_deref()?;
            let same = self.networks.id(name) == Some(binding.network);
            let pools = settings.networks.get(name).filter(|_| same)?;
            Some((profile.service, pools))
        };
        served
            && network().is_some_and(|(service, pools)| {
                let Network { ipv4, ipv6, mobile_networks } = pools;
                let addresses = &binding.addresses;
                addresses.ipv4.is_none_or(|home| {
                    service.has_ipv4() && ipv4.is_some_and(|p| pool::has_ipv4(p, home.address))
                }) && addresses.prefixes.upper_halves().all(|upper| {
                    service.has_ipv6() && ipv6.is_some_and(|p| pool::has_prefix(p, upper))
                }) && binding.delegated.iter().all(|prefix| {
                    mobile_networks.iter().any(|pool| mobile_networks::has(*pool, *prefix))
                })
            })
    }

    /// The tunnels of a binding, by the settings in force.
    fn adjust(&mut self, slot: Slot, moved: bool) {
        let mut changed = moved;
        for path in self.cache[slot].paths.iter_mut() {
            let mtu = self.settings.mtu_of(&path.tunnel);
            changed |= path.tunnel.mtu != mtu;
            path.tunnel.mtu = mtu;
        }
        if changed && self.cache[slot].is_active() {
            self.want_forwarding(slot);
        }
    }
}
