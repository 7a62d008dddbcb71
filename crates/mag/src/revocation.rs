//! Bindings that the anchor takes back (RFC 5846 §9.1).
//!
//! §9.1 wants a gateway to accept an indication of a handover only once the node is no longer
//! attached. When the anchor says that the node *is* elsewhere (triggers 2 and 3), it has that
//! from the interface's own identifier, and a gateway that doubted it would hold on to a node
//! whose packets the anchor no longer sends. When it only *asks* (trigger 4), because some
//! interface of the node has appeared elsewhere, the gateway asks the node in turn:
//!
//! ```text
//!   anchor ──BRI, trigger 4──▶ gateway ──who has?──▶ node
//!          ◀─BRA 132 attached──        ◀──answer────      within half a second
//!          ◀─BRA success───────                           otherwise
//! ```

use std::net::IpAddr;
use std::time::Duration;

use kedge_model::{BindingId, Ipv6Net, MnId, SignalPath};
use kedge_sansio::Now;
use kedge_wire::registry::{MnIdSubtype, RevocationStatus, RevocationTrigger};
use kedge_wire::{
    AlternateCareOfAddress, BindingRevocationAcknowledgement, BindingRevocationIndication, Encoder,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, MnIdOption, MobilityOption, OptionsRef,
    RevocationFlags,
};

use crate::entry::{Entry, State};
use crate::pending::Contest;
use crate::settings::Lma;
use crate::signal::name_sender;
use crate::{DetachReason, Event, Mag, Refusal, Timer};

/// How long a node has to show that it is still there: no longer than the shortest wait of an
/// anchor for the acknowledgement (RFC 5846 §11).
const VERIFICATION: Duration = Duration::from_millis(500);

/// What an indication asks for, once it has been found valid.
enum Order {
    /// End these sessions; these prefixes were not found.
    End(Vec<BindingId>, Vec<Ipv6Net>),
    /// End this one if its node has left.
    EndIfLeft(BindingId),
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
        self.stats.revocations.received += 1;
        self.stats.revocation_triggers.count(bri.trigger);
        let contest = Contest { path, dscp, bri };
        let mn_id = options.get::<MnIdOption<'_>>().map(|option| option.to_mn_id());
        let mut missing = Vec::new();
        let status = match self.judge(lma, bri, options) {
            Ok(Order::EndIfLeft(id)) => return self.verify(id, contest, lma, now),
            Ok(Order::End(ids, not_found)) => {
                ids.into_iter().for_each(|id| self.revoke(id, bri.trigger, now));
                missing = not_found;
                match missing.is_empty() {
                    true => RevocationStatus::SUCCESS,
                    false => RevocationStatus::PARTIAL_SUCCESS,
                }
            }
            Ok(Order::EndIpv4(id)) => {
                self.revoke_ipv4(id, now);
                RevocationStatus::SUCCESS
            }
            Err(status) => status,
        };
        self.acknowledge_revocation(&contest, lma, status, mn_id.as_ref(), &missing);
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
        let known = matches!(trigger.0, 0..=7)
            || trigger == RevocationTrigger::PER_PEER_POLICY
            || trigger == RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY;
        if !known {
            return Err(RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED);
        }
        // A gateway has proxy bindings alone. Status 135 is a mobile node's for the opposite, a P flag
        // that is set (§10).
        if !flags.contains(RevocationFlags::P) || trigger.is_global() != global {
            return Err(RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED);
        }
        let of_peer = |entry: &Entry| entry.lma.address == lma.address;
        if global {
            return self.judge_global(trigger, options, of_peer);
        }
        let mn_id = options
            .get::<MnIdOption<'_>>()
            .ok_or(RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED)?
            .to_mn_id();
        let all = self.list.by_mn_id(&mn_id).iter();
        let all = all.filter_map(|id| Some((*id, self.list.get(*id)?)));
        let sessions: Vec<(BindingId, &Entry)> = all.filter(|(_, e)| of_peer(e)).collect();
        if flags.contains(RevocationFlags::V) {
            return judge_ipv4(&sessions, options);
        }
        let named: Vec<Ipv6Net> =
            options.all::<HomeNetworkPrefix>().map(|option| option.prefix.trunc()).collect();
        let has = |entry: &Entry, prefix: &Ipv6Net| held_prefixes(entry).contains(prefix);
        let is_named = |e: &Entry| named.is_empty() || named.iter().any(|p| has(e, p));
        let ids: Vec<BindingId> =
            sessions.iter().filter(|(_, e)| is_named(e)).map(|(id, _)| *id).collect();
        let missing = |p: &&Ipv6Net| !sessions.iter().any(|(_, entry)| has(entry, p));
        match ids[..] {
            [] => Err(RevocationStatus::BINDING_DOES_NOT_EXIST),
            [id] if trigger == RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN => {
                Ok(Order::EndIfLeft(id))
            }
            _ => Ok(Order::End(ids, named.iter().filter(missing).copied().collect())),
        }
    }

    /// §9.1: all sessions with this anchor, and then no option says which; or those of a realm,
    /// perhaps only those at one care-of address.
    fn judge_global(
        &self,
        trigger: RevocationTrigger,
        options: OptionsRef<'_>,
        of_peer: impl Fn(&Entry) -> bool,
    ) -> Result<Order, RevocationStatus> {
        if trigger == RevocationTrigger::PER_PEER_POLICY {
            let names = |o: MobilityOption<'_>| !matches!(o, MobilityOption::Authentication(_));
            return match options.into_iter().any(names) {
                true => Err(RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED),
                false => Ok(Order::End(self.list.ids(of_peer), Vec::new())),
            };
        }
        let identity = options.get::<MnIdOption<'_>>();
        let realm = identity
            .filter(|id| id.subtype() == MnIdSubtype::NAI)
            .and_then(|id| id.identifier().strip_prefix(b"@").filter(|realm| !realm.is_empty()))
            .ok_or(RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED)?;
        let care_of = options.get::<AlternateCareOfAddress>().map(|option| IpAddr::V6(option.0));
        let ids = self.list.ids(|entry| {
            let octets = entry.mn_id.octets();
            let at = octets.iter().rposition(|octet| *octet == b'@');
            of_peer(entry)
                && entry.mn_id.subtype() == MnId::NAI
                && at.is_some_and(|at| octets.get(at + 1..) == Some(realm))
                && care_of.is_none_or(|care_of| entry.care_of == care_of)
        });
        match ids.is_empty() {
            true => Err(RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED),
            false => Ok(Order::End(ids, Vec::new())),
        }
    }

    /// Asks the node whether it is still there. One that has shown no address to be asked by is
    /// taken for gone.
    fn verify(&mut self, id: BindingId, contest: Contest, lma: &Lma, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        if let Some(earlier) = &mut entry.contest {
            *earlier = contest; // the indication again; the node has been asked
            return;
        }
        let is_present = entry.is_present();
        if is_present && self.ask(id) {
            if let Some(entry) = self.list.get_mut(id) {
                entry.contest = Some(contest);
            }
            self.set_timer(id, Timer::Verify, now.mono + VERIFICATION);
            return;
        }
        self.lose_contest(id, contest, lma, now);
    }

    /// The node did not answer in time.
    pub(crate) fn verify_due(&mut self, id: BindingId, now: Now) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let lma = entry.lma.clone();
        if let Some(contest) = entry.contest.take() {
            self.lose_contest(id, contest, &lma, now);
        }
    }

    fn lose_contest(&mut self, id: BindingId, contest: Contest, lma: &Lma, now: Now) {
        self.revoke(id, contest.bri.trigger, now);
        self.acknowledge_revocation(&contest, lma, RevocationStatus::SUCCESS, None, &[]);
    }

    /// The node was heard while the anchor waits to be told whether it has left.
    pub(crate) fn win_contest(&mut self, id: BindingId) {
        let Some(entry) = self.list.get_mut(id) else { return };
        let Some(contest) = entry.contest.take() else { return };
        let (lma, mn_id) = (entry.lma.clone(), entry.mn_id.clone());
        self.stop_timer(id, Timer::Verify);
        let status = RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED;
        self.acknowledge_revocation(&contest, &lma, status, Some(&mn_id), &[]);
    }

    /// §6.1.2. What failed is named where the indication named it.
    fn acknowledge_revocation(
        &mut self,
        contest: &Contest,
        lma: &Lma,
        status: RevocationStatus,
        mn_id: Option<&MnId>,
        missing: &[Ipv6Net],
    ) {
        self.stats.revocations.acks_sent += 1;
        self.stats.revocation_status_sent.count(status);
        let BindingRevocationIndication { sequence, flags, .. } = contest.bri;
        let dscp = self.settings.dscp_of(lma).of_answer(contest.dscp);
        let auth = lma.auth.as_ref().filter(|auth| !auth.updates_only);
        let mut bytes = self.buffers.take();
        let body = BindingRevocationAcknowledgement { status, sequence, flags };
        let mut encoder = Encoder::new(&mut bytes, body);
        if let Some(mn_id) = mn_id.filter(|_| status != RevocationStatus::SUCCESS) {
            encoder.option(MnIdOption::from(mn_id));
        }
        missing.iter().for_each(|prefix| encoder.option(HomeNetworkPrefix::new(*prefix)));
        name_sender(&mut encoder, &contest.path);
        encoder.finish();
        self.send(contest.path, dscp, auth, bytes);
    }

    /// After a handover the node has left, and nothing remains; it is registered again when it
    /// is heard again. Any other revocation is meant to last: a node that is still there waits
    /// before it is tried again, or the two ends would revoke and register in turns. So does a
    /// static node whatever the anchor says, since it is there by configuration.
    fn revoke(&mut self, id: BindingId, trigger: RevocationTrigger, now: Now) {
        let Some(entry) = self.list.get(id) else { return };
        if !entry.is_present() {
            return self.conclude(id, now); // the anchor knows; there is nobody to tell any more
        }
        let mn_id = entry.mn_id.clone();
        if let Some(entry) = self.list.get_mut(id) {
            entry.contest = None;
        }
        self.stop_timer(id, Timer::Verify);
        self.stats.other.bindings_revoked += 1;
        self.event(Event::Revoked { binding: id, mn_id, trigger });
        let may_leave = self.list.get(id).is_some_and(|entry| !self.is_bound_to_link(entry));
        let moved = matches!(
            trigger,
            RevocationTrigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE
                | RevocationTrigger::INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE
                | RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN
        );
        if moved && may_leave {
            self.detach(id, DetachReason::Revoked, now);
        } else if trigger.is_global() && self.try_elsewhere(id, now) {
            // The anchor is done with this gateway; another one may not be.
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
        self.stats.other.addresses_revoked += 1;
        self.tell(id);
        self.set_timer(id, Timer::Signal, now.mono + Duration::from_secs(1));
    }
}

/// §9.1, V bit.
fn judge_ipv4(
    sessions: &[(BindingId, &Entry)],
    options: OptionsRef<'_>,
) -> Result<Order, RevocationStatus> {
    if sessions.is_empty() {
        return Err(RevocationStatus::BINDING_DOES_NOT_EXIST);
    }
    let address = options
        .get::<Ipv4HomeAddressRequest>()
        .ok_or(RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED)?
        .address
        .addr();
    let holder = sessions.iter().find_map(|(id, entry)| {
        let grant = entry.grant()?;
        (grant.ipv4?.addr() == address).then_some((*id, grant.prefixes.is_empty()))
    });
    match holder {
        // Without the address nothing would be left of the session.
        Some((id, true)) => Ok(Order::End(vec![id], Vec::new())),
        Some((id, false)) => Ok(Order::EndIpv4(id)),
        None => Err(RevocationStatus::BINDING_DOES_NOT_EXIST),
    }
}

/// The prefixes of a session, also of one that the anchor is still being told the end of.
fn held_prefixes(entry: &Entry) -> &[Ipv6Net] {
    let grant = match &entry.state {
        State::Deregistering { grant, .. } => grant.as_ref(),
        _ => entry.grant(),
    };
    grant.map_or(&[], |grant| &grant.prefixes)
}
