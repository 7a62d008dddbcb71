//! Prefixes for a network that moves with its router (RFC 7148 §5.1).
//!
//! The delegating router is the gateway (§3.2.1), which asks the anchor by the Delegated Mobile
//! Network Prefix option. A node whose profile allows it has its prefixes asked for from its first
//! update on, whether it has solicited any yet or not: after a handover the anchor's answer is the
//! only way in which the new gateway hears of them, and the network behind the router is not to
//! wait for its router to ask. `docs/decisions/delegating-router-at-the-gateway.md` says why.

use kedge_model::{BindingId, IpNet, Ipv6Net};
use kedge_sansio::Now;
use kedge_wire::registry::Status;
use kedge_wire::{DelegatedMobileNetworkPrefix, OptionsRef};

use crate::delegated::{Delegation, MOST_PREFIXES};
use crate::entry::{Entry, Kind, State};
use crate::{Event, Mag};

/// What an update says of delegated prefixes (RFC 7148 §5.1.2): each that is granted, else all
/// zero to ask for some. IPv4 subnets are not asked for; how to give them to a router is outside
/// of the RFC. No option ends the delegation (§5.2.2).
pub(crate) fn asked_for(
    entry: &Entry,
    kind: Kind,
) -> impl Iterator<Item = DelegatedMobileNetworkPrefix> {
    let granted = match &entry.state {
        State::Active { grant, .. } => &grant.delegated[..],
        State::Deregistering { grant: Some(grant), .. } => &grant.delegated[..],
        State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => &[],
    };
    let wanted = entry.delegation == Delegation::Wanted;
    let asks = wanted && granted.is_empty() && kind != Kind::Deregistration;
    let granted = granted.iter().copied().filter(move |_| wanted);
    let prefixes = granted.chain(asks.then(|| IpNet::V6(Ipv6Net::default())));
    prefixes.map(|prefix| DelegatedMobileNetworkPrefix { prefix })
}

/// What an acknowledgement delegates. A node behind a link has no use for IPv4 subnets.
pub(crate) fn granted(delegation: Delegation, options: OptionsRef<'_>) -> Vec<IpNet> {
    let takes_ipv4 = match delegation {
        Delegation::Off | Delegation::Released => return Vec::new(),
        Delegation::Wanted => false,
        Delegation::Networks => true,
    };
    let options = options.all::<DelegatedMobileNetworkPrefix>();
    let mut prefixes: Vec<IpNet> = Vec::new();
    for option in options.filter(|option| !option.is_request()) {
        let prefix = option.prefix.trunc();
        let of_use = takes_ipv4 || prefix.addr().is_ipv6();
        if of_use && !prefixes.contains(&prefix) && prefixes.len() < MOST_PREFIXES {
            prefixes.push(prefix);
        }
    }
    prefixes
}

/// The prefix, if it is an IPv6 one.
pub(crate) fn ipv6(net: IpNet) -> Option<Ipv6Net> {
    match net {
        IpNet::V6(net) => Some(net),
        IpNet::V4(_) => None,
    }
}

impl Mag {
    /// The anchor rejected an update for its delegated prefixes, and another one without them is
    /// to be sent (RFC 7148 §5.1.2). `false` if there is nothing to leave out.
    pub(crate) fn give_up_delegated(&mut self, id: BindingId, status: Status) -> bool {
        let Some(entry) = self.list.get_mut(id) else { return false };
        if entry.delegation != Delegation::Wanted {
            return false;
        }
        let had = match &mut entry.state {
            State::Active { grant, .. } => std::mem::take(&mut grant.delegated),
            State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => {
                Vec::new()
            }
        };
        // In use by somebody else: the anchor may choose others. Otherwise it never delegates.
        if status != Status::REQUESTED_DMNP_IN_USE || had.is_empty() {
            entry.delegation = Delegation::Off;
        }
        self.tell(id);
        true
    }

    /// The router wants prefixes and has none: asks the anchor, unless it may not be asked.
    pub(super) fn ask_for_prefixes(&mut self, id: BindingId, now: Now) -> bool {
        let Some(entry) = self.list.get_mut(id) else { return false };
        if entry.delegation == Delegation::Off || entry.held {
            return false;
        }
        entry.delegation = Delegation::Wanted;
        self.reassert(id, now);
        true
    }

    /// The router gives prefixes back (RFC 7148 §5.1.3.1): they are not routed to it any more, and
    /// the next update, which is sent soon, leaves them out. Says which of them it had.
    pub(super) fn release_delegated(
        &mut self,
        id: BindingId,
        released: &[Ipv6Net],
        now: Now,
    ) -> Vec<Ipv6Net> {
        let Some(entry) = self.list.get_mut(id) else { return Vec::new() };
        let State::Active { grant, .. } = &mut entry.state else { return Vec::new() };
        let is_released =
            |prefix: &mut IpNet| matches!(prefix, IpNet::V6(p) if released.contains(p));
        let gone: Vec<IpNet> = grant.delegated.extract_if(.., is_released).collect();
        if gone.is_empty() {
            return Vec::new();
        }
        if grant.delegated.is_empty() {
            entry.delegation = Delegation::Released;
        }
        self.tell(id);
        self.report_delegation(id);
        self.reassert(id, now);
        gone.into_iter().filter_map(ipv6).collect()
    }

    /// Tells what is delegated now.
    pub(crate) fn report_delegation(&mut self, id: BindingId) {
        let Some(entry) = self.list.get(id) else { return };
        let prefixes = entry.grant().map_or(Vec::new(), |grant| grant.delegated.clone());
        let mn_id = entry.mn_id.clone();
        self.event(Event::Delegated { binding: id, mn_id, prefixes });
    }
}
