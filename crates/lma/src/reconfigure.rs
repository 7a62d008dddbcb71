//! What a change of the settings means for the bindings that are there.
//!
//! A binding that the new settings have a place for goes on undisturbed: it keeps its addresses
//! and its lifetime, and what its gateway agreed to changes with its next update. One that they
//! have none for is revoked (RFC 5846 §8.1), since its node would be told nothing otherwise; one
//! that they have a place for without its IPv4 address loses that alone. No revocation says that of
//! IPv6, so there the whole binding ends.

use kedge_model::IpNet;
use kedge_sansio::Now;
use kedge_wire::registry::RevocationTrigger;

use crate::Lma;
use crate::addresses::{host, prefix};
use crate::binding::Binding;
use crate::cache::Slot;
use crate::event::Release;
use crate::settings::{Network, Settings, Unchecked};
use crate::{claims, mobile_networks, ranges};

/// Which part of a binding settings have a place for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    All,
    WithoutIpv4,
    Nothing,
}

impl Lma {
    /// How many bindings other settings would end.
    pub fn ended_by(&self, settings: &Settings) -> usize {
        let reserved = claims::reserved(settings);
        let ends = |b: &Binding| self.place(b, settings, &reserved) == Place::Nothing;
        self.cache.iter().filter(|(_, binding)| ends(binding)).count()
    }

    /// Command: other settings, in service. Bindings that they have no place for are revoked;
    /// says how many those were.
    pub fn apply(&mut self, settings: Settings, now: Now) -> usize {
        // They name gateways as these settings do.
        self.finish_sweeps(now);
        let reserved = claims::reserved(&settings);
        let places = self.cache.iter().map(|(slot, b)| (slot, self.place(b, &settings, &reserved)));
        let homeless: Vec<(Slot, Place)> =
            places.filter(|(_, place)| *place != Place::All).collect();
        let mut ended = 0;
        // Their gateways are told while what was agreed with them still holds.
        for (slot, place) in homeless {
            let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
            if place == Place::WithoutIpv4 {
                self.take_ipv4_back(slot, trigger, now);
            } else {
                ended += 1;
                self.take_back(slot, trigger, Release::Revoked, now);
            }
        }
        let moved = settings.vrf != self.settings.vrf;
        self.settings = settings;
        self.peers.configure(&self.settings);
        self.reassign_bindings();
        let held = self.cache.iter().map(|(_, b)| (b.network, b.addresses, &*b.delegated));
        self.networks.replace(&self.settings, held);
        let slots: Vec<Slot> = self.cache.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.adjust(slot, moved);
        }
        ended
    }

    /// A binding may stay if its node's profile still names the network it has its addresses
    /// from, in the families it has, and its gateway may still register nodes from where it does.
    /// `reserved` is what these settings leave to nobody who brings his own.
    fn place(&self, binding: &Binding, settings: &Settings, reserved: &[IpNet]) -> Place {
        let at = &binding.paths.first().signal;
        let local = (at.transport, at.local.ip());
        if !settings.addresses.is_empty() && !settings.addresses.contains(&local) {
            return Place::Nothing;
        }
        let served = settings.dynamic_mag_learning
            || settings.peers.iter().any(|known| {
                known.transport == at.transport && known.addresses.contains(&at.peer.ip())
            });
        let network = || {
            let given = binding.authorized.as_deref().filter(|_| settings.aaa);
            let profile = settings
                .configured_profile(binding.mn_id.as_nai())
                .or(given.map(|authorized| &authorized.profile))
                .or(settings.default_profile.as_ref())?;
            let name = profile.network.as_deref()?;
            let same = self.networks.id(name) == Some(binding.network);
            let pools = settings.networks.get(name).filter(|_| same)?;
            Some((profile, pools))
        };
        let Some((profile, network)) = network().filter(|_| served) else {
            return Place::Nothing;
        };
        let Network { ipv4, ipv6, mobile_networks, unchecked } = network;
        let (addresses, service) = (&binding.addresses, profile.service);
        let is_free = |net| claims::may_hold(reserved, net);
        let is_home = |net| unchecked.has_homes() && is_free(net);
        let has_ipv4 = addresses.ipv4.is_none_or(|home| {
            let of_pool = ipv4.iter().any(|pool| ranges::has_ipv4(*pool, home.address));
            service.has_ipv4() && (of_pool || is_home(host(home.address)))
        });
        let has_ipv6 = addresses.prefixes.upper_halves().all(|upper| {
            let of_pool = ipv6.iter().any(|pool| ranges::has_prefix(*pool, upper));
            service.has_ipv6() && (of_pool || is_home(IpNet::V6(prefix(upper))))
        });
        let has_delegated = binding.delegated.iter().all(|&prefix| {
            let is_named = profile.delegated.contains(&prefix);
            let of_pool = mobile_networks.iter().any(|pool| mobile_networks::has(*pool, prefix));
            (of_pool || unchecked.has_mobile_networks() && is_free(prefix))
                && (is_named || *unchecked != Unchecked::NamedByAaa)
        });
        match (has_ipv4, has_ipv6 && has_delegated) {
            (true, true) => Place::All,
            (false, true) if !addresses.prefixes.is_empty() => Place::WithoutIpv4,
            (false | true, _) => Place::Nothing,
        }
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
