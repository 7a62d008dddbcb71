//! The router as a mobile node (a *logical* one), with networks behind it (RFC 7148).
//!
//! There is no access link: the node is there while the settings have it, like a static node on
//! a link that is always up. It gets its own addresses as any node does, and every update of its
//! says by Delegated Mobile Network Prefix options which networks are behind it:
//!
//! - the prefixes that its networks have of their own, by name;
//! - those that the anchor has delegated, by name;
//! - zeros, once for each family in which a network has no prefix yet.
//!
//! RFC 7148 §5.1.2 has one option with zeros for a family, whatever it is to be worth. A router
//! whose networks still lack prefixes after an answer that brought some asks again soon, and names
//! what it has got.
//!
//! What the anchor delegated is named also in the first update of a later session, so that
//! networks keep their prefixes when the binding was lost. An anchor that does not give them any
//! more (RFC 7148 §5.2.2, statuses 177 and 178) is asked by zeros instead, once; if it says no to
//! that too, the session is refused and tried again, as for any other reason: a router whose
//! networks nobody can reach is no better served by a home address.

use kedge_model::{BindingId, IpNet, Ipv4Net, Ipv6Net};
use kedge_sansio::Now;
use kedge_wire::DelegatedMobileNetworkPrefix;

use crate::delegated::MOST_PREFIXES;
use crate::entry::{Entry, Kind, State};
use crate::{DetachReason, InterfaceId, Mag};

/// What this router asks an anchor for where it is a mobile node itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Branch {
    /// Its home address; `None` leaves it to the anchor.
    pub ipv4: Option<Ipv4Net>,
    /// Its home network prefix; `None` leaves it to the anchor.
    pub ipv6: Option<Ipv6Net>,
    /// The prefixes that its networks have of their own.
    pub networks: Vec<IpNet>,
    /// How many of its networks wait for an IPv4 prefix.
    pub lacking_ipv4: usize,
    /// How many of its networks wait for an IPv6 prefix.
    pub lacking_ipv6: usize,
}

/// What the shell has told, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) branch: Branch,
    /// What an anchor has delegated last.
    had: Vec<IpNet>,
    /// What networks had of their own and have no more, until the anchor has heard of it.
    gone: Vec<IpNet>,
}

impl Told {
    /// What an update says of networks.
    pub(crate) fn asked_for(
        &self,
        entry: &Entry,
        kind: Kind,
    ) -> impl Iterator<Item = DelegatedMobileNetworkPrefix> {
        let held = match &entry.state {
            State::Active { grant, .. } | State::Deregistering { grant: Some(grant), .. } => {
                &grant.delegated[..]
            }
            State::Registering { .. } if entry.scout_for.is_none() => &self.had[..],
            State::Registering { .. } | State::Refused { .. } | State::Deregistering { .. } => &[],
        };
        let mut prefixes = match kind {
            Kind::Deregistration => held.to_vec(),
            Kind::Initial | Kind::Refresh | Kind::Reassertion => self.wanted(held),
        };
        prefixes.truncate(MOST_PREFIXES);
        prefixes.into_iter().map(|prefix| DelegatedMobileNetworkPrefix { prefix })
    }

    /// All that the networks are to have, when an anchor has delegated `held`.
    fn wanted(&self, held: &[IpNet]) -> Vec<IpNet> {
        let own = &self.branch.networks;
        let mut wanted = own.clone();
        for (lacking, any) in [
            (self.branch.lacking_ipv4, IpNet::V4(Ipv4Net::default())),
            (self.branch.lacking_ipv6, IpNet::V6(Ipv6Net::default())),
        ] {
            let is_of_family = |net: &&IpNet| net.addr().is_ipv4() == any.addr().is_ipv4();
            let is_delegated = |net: &&IpNet| !own.contains(net) && !self.gone.contains(net);
            let kept = held.iter().filter(is_of_family).filter(is_delegated).take(lacking);
            let lacks = kept.clone().count() < lacking;
            wanted.extend(kept.copied().chain(lacks.then_some(any)));
        }
        wanted
    }
}

impl Mag {
    /// What this router asks for as the node of a logical interface. Tell it before the
    /// interface's link comes up; told again, an anchor that has the session hears of what is new.
    pub fn handle_branch(&mut self, interface: InterfaceId, branch: Branch, now: Now) {
        let told = self.branches.entry(interface).or_default();
        if told.branch == branch {
            return;
        }
        let homes = |branch: &Branch| (branch.ipv4, branch.ipv6);
        let moves = homes(&told.branch) != homes(&branch);
        let before = std::mem::replace(&mut told.branch, branch);
        told.gone.extend(before.networks);
        told.gone.retain(|net| !told.branch.networks.contains(net));
        for id in self.list.ids(|entry| entry.interface == interface && entry.is_present()) {
            if moves {
                // Another home address is another session (RFC 5213 §5.4.1).
                self.detach(id, DetachReason::Reconfigured, now);
            } else if let Some(entry) = self.list.get_mut(id) {
                // Also when the answer to an update that knew nothing of it is on its way.
                entry.reassert = true;
                self.reassert(id, now);
            }
        }
    }

    /// An anchor has answered this router's update. An answer that brought something new may be
    /// followed by more.
    pub(crate) fn note_networks(&mut self, id: BindingId) {
        let Some(entry) = self.list.get_mut(id).filter(|entry| entry.is_router()) else { return };
        let Some(grant) = entry.grant() else { return };
        let Some(told) = self.branches.get_mut(&entry.interface) else { return };
        told.gone.retain(|net| grant.delegated.contains(net));
        let is_delegated =
            |net: &&IpNet| !told.branch.networks.contains(net) && !told.gone.contains(net);
        let has: Vec<IpNet> = grant.delegated.iter().filter(is_delegated).copied().collect();
        let brought = has.iter().any(|net| !told.had.contains(net));
        let lacks = told.wanted(&has).iter().any(|net| net.addr().is_unspecified());
        told.had = has;
        entry.reassert |= brought && lacks;
    }

    /// An anchor did not give this router the networks that it named. `true` if some of them were
    /// delegated once: then the next update leaves it to the anchor which they are.
    pub(crate) fn give_up_networks(&mut self, id: BindingId) -> bool {
        let Some(entry) = self.list.get(id) else { return false };
        let is_session = entry.is_router() && entry.scout_for.is_none();
        let told = self.branches.get_mut(&entry.interface).filter(|_| is_session);
        told.is_some_and(|told| !std::mem::take(&mut told.had).is_empty())
    }
}
