//! Bindings that a gateway revokes (RFC 5846 §8.2).
//!
//! A gateway ends one session by a de-registration. An indication of its is for several: all of a
//! node, some of a node by their prefixes, all that have one care-of address. It reaches no
//! further than the sender's own bindings (§13), and there is no delete wait after it.

use std::net::IpAddr;

use kedge_model::{Datagram, Ipv6Net};
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};
use kedge_wire::{
    AlternateCareOfAddress, BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, MnIdOption, OptionsRef, RevocationFlags,
};

use crate::addresses::upper_half;
use crate::answer::{behind, care_of_address, seal};
use crate::binding::Binding;
use crate::cache::{NodeKey, Slot};
use crate::event::{Output, Release};
use crate::peers::PeerIndex;
use crate::rejection::Discard;
use crate::{Lma, Now, dscp};

/// What an indication asks for, once it has been found valid.
enum Order {
    /// These sessions end; these prefixes were not found.
    End(Vec<Slot>, Vec<Ipv6Net>),
    /// This session loses its IPv4 home address.
    DropIpv4(Slot),
}

impl Lma {
    /// Acts on an indication and acknowledges it with what became of it.
    pub(crate) fn handle_revocation_indication(
        &mut self,
        d: Datagram<'_>,
        bri: BindingRevocationIndication,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
        now: Now,
    ) -> Result<(), Discard> {
        self.statistics.binding_revocation.received += 1;
        // §6.1.2: the answer could go nowhere.
        if matches!(d.path.peer.ip(), IpAddr::V6(a) if a.is_multicast() || a.is_unspecified()) {
            return Err(Discard::Unexpected);
        }
        if !self.peers.is_authorized(peer) {
            return Err(Discard::UnknownMag);
        }
        self.check_protection(d, options, peer)?;
        let mut missing = Vec::new();
        let status = match self.judge_indication(d, bri, options, peer) {
            Ok(Order::End(slots, not_found)) => {
                slots.iter().for_each(|slot| self.given_up(*slot, now));
                missing = not_found;
                match missing.is_empty() {
                    true => RevocationStatus::SUCCESS,
                    false => RevocationStatus::PARTIAL_SUCCESS,
                }
            }
            Ok(Order::DropIpv4(slot)) => {
                self.heed_loss_of_ipv4(self.cache[slot].id);
                self.drop_ipv4(slot, now);
                RevocationStatus::SUCCESS
            }
            Err(status) => status,
        };
        let policy = self.peers.policy(peer);
        let mut bytes = self.buffers.take();
        let (sequence, flags) = (bri.sequence, bri.flags);
        let body = BindingRevocationAcknowledgement { status, sequence, flags };
        let mut encoder = Encoder::new(&mut bytes, body);
        // §8.2: what was not there to be revoked.
        if let Some(mn_id) = options.get::<MnIdOption<'_>>().filter(|_| !missing.is_empty()) {
            encoder.option(mn_id);
        }
        missing.iter().for_each(|prefix| encoder.option(HomeNetworkPrefix::new(*prefix)));
        encoder.finish();
        seal(&mut bytes, &d.path, care_of_address(&d.path, options), policy.beyond_updates());
        let dscp = dscp::answer(policy.dscp, d.dscp);
        self.output.push_back(Output::Send { path: d.path, dscp, bytes });
        self.statistics.binding_revocation.acks_sent += 1;
        if let Some(counters) = self.peers.counters_mut(peer) {
            counters.indications_received += 1;
        }
        Ok(())
    }

    /// What is asked for, or the status to deny it with.
    fn judge_indication(
        &self,
        d: Datagram<'_>,
        bri: BindingRevocationIndication,
        options: OptionsRef<'_>,
        peer: Option<PeerIndex>,
    ) -> Result<Order, RevocationStatus> {
        let BindingRevocationIndication { trigger, flags, .. } = bri;
        let global = flags.contains(RevocationFlags::G);
        // §6.2.1. Revoking a realm, trigger 129, is the anchor's (§8.1).
        if !matches!(trigger.0, 0..=7) && trigger != RevocationTrigger::PER_PEER_POLICY {
            return Err(RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED);
        }
        // Every binding here is a proxy's (§8.2). Status 135 is a mobile node's for the opposite, a P
        // flag that is set (§10).
        if !flags.contains(RevocationFlags::P) || trigger.is_global() != global {
            return Err(RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED);
        }
        let is_senders = |binding: &Binding| self.is_gateway_of(d, peer, binding);
        if global {
            if !self.may_revoke_all(peer, options) {
                return Err(RevocationStatus::GLOBAL_REVOCATION_NOT_AUTHORIZED);
            }
            let other = options.get::<AlternateCareOfAddress>().map(|option| option.0.into());
            let care_of = other.unwrap_or(d.path.peer.ip());
            let own = behind(&d.path, options);
            let is_its = |b: &Binding| b.care_of() == care_of && b.paths.first().behind == own;
            let all = self.cache.iter().filter(|(_, b)| is_senders(b) && is_its(b));
            return found(all.map(|(slot, _)| slot).collect(), Vec::new());
        }
        let mn_id = options
            .get::<MnIdOption<'_>>()
            .ok_or(RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED)?;
        let key = NodeKey {
            customer: self.settings.customer,
            subtype: mn_id.subtype().0,
            octets: mn_id.identifier(),
        };
        let sessions = || self.cache.of_node(key).filter(|(_, binding)| is_senders(binding));
        if flags.contains(RevocationFlags::V) {
            let address = options
                .get::<Ipv4HomeAddressRequest>()
                .ok_or(RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED)?
                .address
                .addr();
            let has_it = |b: &Binding| b.addresses.ipv4.is_some_and(|home| home.address == address);
            return sessions()
                .find_map(|(slot, binding)| has_it(binding).then_some(Order::DropIpv4(slot)))
                .ok_or(RevocationStatus::BINDING_DOES_NOT_EXIST);
        }
        let named: Vec<Ipv6Net> =
            options.all::<HomeNetworkPrefix>().map(|option| option.prefix.trunc()).collect();
        if named.is_empty() {
            return found(sessions().map(|(slot, _)| slot).collect(), Vec::new());
        }
        let has = |b: &Binding, p: &Ipv6Net| {
            p.prefix_len() == 64 && b.addresses.prefixes.contains(upper_half(p.addr()))
        };
        let slots = sessions().filter(|(_, b)| named.iter().any(|prefix| has(b, prefix)));
        let slots = slots.map(|(slot, _)| slot).collect();
        let missing = |p: &&Ipv6Net| !sessions().any(|(_, binding)| has(binding, p));
        found(slots, named.iter().filter(missing).copied().collect())
    }

    /// §13: a gateway revokes what it has registered itself, under whichever of its addresses.
    fn is_gateway_of(&self, d: Datagram<'_>, peer: Option<PeerIndex>, binding: &Binding) -> bool {
        let path = binding.paths.first();
        let same_address =
            path.signal.transport == d.path.transport && path.signal.peer.ip() == d.path.peer.ip();
        let configured = self.peers.get(path.peer).name.is_some();
        same_address || configured && Some(path.peer) == peer
    }

    /// §8.2, §13: all bindings at once are for a gateway that has a place in the configuration
    /// and names itself as it is named there, with a realm or without.
    fn may_revoke_all(&self, peer: Option<PeerIndex>, options: OptionsRef<'_>) -> bool {
        let name = peer.and_then(|peer| self.peers.get(peer).name.as_deref());
        let identity = options.get::<MnIdOption<'_>>();
        name.zip(identity).is_some_and(|(name, identity)| {
            identity.identifier().split(|octet| *octet == b'@').next() == Some(name.as_bytes())
        })
    }

    /// A session that another gateway waits for is its, and any other ends.
    fn given_up(&mut self, slot: Slot, now: Now) {
        match self.heed_departure(slot, now) {
            Some(reason) => self.end(slot, reason, now),
            None if self.waiting.contains_key(&slot) => {
                self.leave_to_others(slot, Release::Deregistered, now);
            }
            None => self.end(slot, Release::Revoked, now),
        }
    }
}

fn found(slots: Vec<Slot>, missing: Vec<Ipv6Net>) -> Result<Order, RevocationStatus> {
    match slots.is_empty() {
        true => Err(RevocationStatus::BINDING_DOES_NOT_EXIST),
        false => Ok(Order::End(slots, missing)),
    }
}
