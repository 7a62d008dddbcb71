//! What other settings take from bindings that exist.
//!
//! [`Lma::apply`] leaves bindings as they are; what they may have is looked at when their
//! gateways update them. [`Lma::withdraw`] does not wait for that: what is allowed no longer is
//! revoked, with trigger 1, "administrative reason". A binding whose node or gateway is served no
//! longer ends; one that loses IPv4 alone goes on without it, by a V flag (§8.1). That IPv6 alone
//! is lost cannot be said by a revocation: the whole binding ends, and what is left of its service
//! is its gateway's to ask for again.

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_model::{MnId, VrfId};
use kedge_wire::registry::RevocationTrigger;

use crate::binding::Binding;
use crate::cache::Slot;
use crate::event::Release;
use crate::settings::Settings;
use crate::{Lma, Now};

/// How much of a binding settings allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Allowed {
    All,
    WithoutIpv4,
    Nothing,
}

/// Settings, prepared to judge many bindings.
struct Judge<'a> {
    settings: &'a Settings,
    gateways: HashSet<(VrfId, IpAddr)>,
}

impl Lma {
    /// Command: takes back what the settings in force do not allow, and says how many bindings
    /// end by that.
    pub fn withdraw(&mut self, now: Now) -> usize {
        let judge = Judge::new(&self.settings);
        let judged = self.cache.iter().map(|(slot, binding)| (slot, judge.allows(binding)));
        let verdicts: Vec<(Slot, Allowed)> =
            judged.filter(|(_, allowed)| *allowed != Allowed::All).collect();
        let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
        let mut ended = 0;
        for (slot, allowed) in verdicts {
            match allowed {
                Allowed::Nothing => {
                    ended += 1;
                    self.take_back(slot, trigger, Release::Revoked, now);
                }
                Allowed::WithoutIpv4 => self.take_ipv4_back(slot, trigger, now),
                Allowed::All => {}
            }
        }
        ended
    }

    /// How many bindings [`Self::withdraw`] would end if these settings were applied.
    pub fn would_withdraw(&self, settings: &Settings) -> usize {
        let judge = Judge::new(settings);
        self.bindings().filter(|binding| judge.allows(binding) == Allowed::Nothing).count()
    }
}

impl<'a> Judge<'a> {
    fn new(settings: &'a Settings) -> Self {
        let addresses =
            settings.peers.iter().flat_map(|p| p.addresses.iter().map(|a| (p.transport, *a)));
        Self { settings, gateways: addresses.collect() }
    }

    fn allows(&self, binding: &Binding) -> Allowed {
        let at = &binding.paths.first().signal;
        let gateway = (at.transport, at.peer.ip());
        let nai = std::str::from_utf8(binding.mn_id.octets()).ok();
        let nai = nai.filter(|_| binding.mn_id.subtype() == MnId::NAI);
        let profile = self.settings.profile_of(nai);
        let network = profile.and_then(|profile| profile.network.as_ref());
        let pools = network.and_then(|name| self.settings.networks.get(name));
        let (Some(profile), Some(pools)) = (profile, pools) else { return Allowed::Nothing };
        let has_ipv6 = profile.service.has_ipv6() && pools.ipv6.is_some();
        let has_ipv4 = profile.service.has_ipv4() && pools.ipv4.is_some();
        let is_served = self.settings.dynamic_mag_learning || self.gateways.contains(&gateway);
        if !is_served || !has_ipv6 && !binding.addresses.prefixes.is_empty() {
            Allowed::Nothing
        } else if has_ipv4 || binding.addresses.ipv4.is_none() {
            Allowed::All
        } else if binding.addresses.prefixes.is_empty() {
            Allowed::Nothing
        } else {
            Allowed::WithoutIpv4
        }
    }
}
