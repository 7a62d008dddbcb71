//! Bindings that the anchor takes back (RFC 5846 §9.1).

use std::time::Duration;

use kedge_model::{BindingId, SignalPath};
use kedge_sansio::Now;
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};
use kedge_wire::{
    BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder, HomeNetworkPrefix,
    Ipv4HomeAddressRequest, MnIdOption, OptionsRef, RevocationFlags,
};

use crate::list::State;
use crate::settings::Lma;
use crate::{DetachReason, Event, Mag, Refusal, Timer};

/// What an indication asks for, once it has been found valid.
enum Order {
    /// End these sessions.
    End(Vec<BindingId>),
    /// Take the IPv4 home address from this one.
    EndIpv4(BindingId),
}

impl Mag {
    pub(crate) fn handle_revocation(
        &mut self,
        path: SignalPath,
        dscp: u8,
        lma: &Lma,
        bri: BindingRevocationIndication,
        options: OptionsRef<'_>,
        now: Now,
    ) {
        self.stats.control.revocations += 1;
        let status = match self.judge(lma, bri, options) {
            Ok(Order::End(ids)) => {
                ids.into_iter().for_each(|id| self.revoke(id, bri.trigger, now));
                RevocationStatus::SUCCESS
            }
            Ok(Order::EndIpv4(id)) => {
                self.revoke_ipv4(id, now);
                RevocationStatus::SUCCESS
            }
            Err(status) => {
                self.stats.control.revocations_denied += 1;
                status
            }
        };
        let dscp = self.settings.dscp.of_answer(dscp);
        let auth = lma.auth.as_ref().filter(|auth| !auth.updates_only);
        let mut bytes = self.buffers.take();
        let answer =
            BindingRevocationAcknowledgement { status, sequence: bri.sequence, flags: bri.flags };
        let mut encoder = Encoder::new(&mut bytes, answer);
        // §5.2, §6.1.2: the options that named the bindings come back.
        if let Some(mn_id) = options.get::<MnIdOption<'_>>() {
            encoder.option(mn_id);
        }
        options.all::<HomeNetworkPrefix>().for_each(|prefix| encoder.option(prefix));
        encoder.finish();
        self.send(path, dscp, auth, bytes);
    }

    /// What is asked for, or the status to deny it with.
    fn judge(
        &self,
        lma: &Lma,
        bri: BindingRevocationIndication,
        options: OptionsRef<'_>,
    ) -> Result<Order, RevocationStatus> {
        let BindingRevocationIndication { trigger, flags, .. } = bri;
        let global = flags.contains(RevocationFlags::G);
        if !flags.contains(RevocationFlags::P) {
            return Err(RevocationStatus::PROXY_BINDING_REVOCATION_NOT_SUPPORTED);
        }
        if trigger.is_global() != global {
            return Err(RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED);
        }
        let of_peer = |e: &crate::list::Entry| e.is_present() && e.lma.address == lma.address;
        if global {
            // §9.1: all sessions of this peer, and then no option at all.
            return match trigger {
                RevocationTrigger::PER_PEER_POLICY if options.get::<MnIdOption<'_>>().is_none() => {
                    Ok(Order::End(self.list.ids(of_peer)))
                }
                RevocationTrigger::PER_PEER_POLICY => {
                    Err(RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED)
                }
                _ => Err(RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED),
            };
        }
        let mn_id = options
            .get::<MnIdOption<'_>>()
            .ok_or(RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED)?
            .to_mn_id();
        let prefixes: Vec<_> =
            options.all::<HomeNetworkPrefix>().map(|option| option.prefix.trunc()).collect();
        let named = |id: &BindingId| {
            self.list.get(*id).is_some_and(|entry| {
                let held = entry.grant().map_or(&[][..], |grant| &grant.prefixes[..]);
                of_peer(entry) && prefixes.iter().all(|prefix| held.contains(prefix))
            })
        };
        let ids: Vec<BindingId> =
            self.list.by_mn_id(&mn_id).iter().copied().filter(named).collect();
        let Some(first) = ids.first() else {
            return Err(RevocationStatus::BINDING_DOES_NOT_EXIST);
        };
        if !flags.contains(RevocationFlags::V) {
            return Ok(Order::End(ids));
        }
        let address = options
            .get::<Ipv4HomeAddressRequest>()
            .ok_or(RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED)?
            .address
            .addr();
        let holder = ids.iter().find(|id| {
            let grant = self.list.get(**id).and_then(|entry| entry.grant());
            grant.and_then(|grant| grant.ipv4).is_some_and(|ipv4| ipv4.addr() == address)
        });
        match holder {
            // Without the address nothing would be left of the session.
            Some(id)
                if self
                    .list
                    .get(*id)
                    .is_some_and(|e| e.grant().is_some_and(|g| g.prefixes.is_empty())) =>
            {
                Ok(Order::End(vec![*first]))
            }
            Some(id) => Ok(Order::EndIpv4(*id)),
            None => Err(RevocationStatus::BINDING_DOES_NOT_EXIST),
        }
    }

    /// After a handover the node has left, and nothing remains; it is registered again when it
    /// is heard again. Any other revocation is meant to last: a node that is still there waits
    /// before it is tried again, or the two ends would revoke and register in turns.
    fn revoke(&mut self, id: BindingId, trigger: RevocationTrigger, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        let mn_id = entry.mn_id.clone();
        self.stats.control.revoked += 1;
        self.event(Event::Revoked { binding: id, mn_id, trigger });
        let moved = matches!(
            trigger,
            RevocationTrigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE
                | RevocationTrigger::INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE
                | RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN
        );
        if moved {
            self.detach(id, DetachReason::Revoked, now);
        } else {
            self.refuse(id, Refusal::Revoked, true, now);
        }
    }

    /// §9.1, V bit: the IPv4 home address goes, the rest stays.
    fn revoke_ipv4(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        entry.service = crate::Service::Ipv6;
        if let State::Active { grant, request, .. } = &mut entry.state {
            grant.ipv4 = None;
            grant.ipv4_router = None;
            // An update that still asks for the address may be on its way.
            *request = None;
        }
        self.stats.control.revoked += 1;
        self.tell(id);
        self.set_timer(id, Timer::Signal, now.mono + Duration::from_secs(1));
    }
}
