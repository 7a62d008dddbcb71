//! What an operator can see of the sessions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use kedge_model::{BindingId, IpNet, Ipv4Net, Ipv6Net, Lifetime, MacAddr, MnId, Sequence, Tunnel};
use kedge_wire::registry::AccessTechnologyType;

use crate::entry::State;
use crate::settings::Service;
use crate::{InterfaceId, Mag, Refusal};

/// A session as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindingView {
    /// Its name towards the data plane.
    pub binding: BindingId,
    /// The node.
    pub mn_id: MnId,
    /// Where the node is.
    pub interface: InterfaceId,
    /// Its hardware address.
    pub mac: Option<MacAddr>,
    /// Its link-local address, once it was seen; while it is served, the one the kernel knows.
    pub link_local: Option<Ipv6Addr>,
    /// The kind of its link.
    pub access_technology: AccessTechnologyType,
    /// The address families asked for.
    pub service: Service,
    /// The anchor's name.
    pub lma_name: String,
    /// The anchor's address.
    pub lma: IpAddr,
    /// Our address towards it.
    pub care_of: IpAddr,
    /// Where the session stands.
    pub state: BindingState,
    /// Its home network prefixes.
    pub prefixes: Vec<Ipv6Net>,
    /// Its IPv4 home address in its subnet.
    pub ipv4: Option<Ipv4Net>,
    /// The address under which the gateway is its IPv4 router.
    pub ipv4_router: Option<Ipv4Addr>,
    /// The prefixes of the network behind it.
    pub delegated: Vec<IpNet>,
    /// The lifetime granted, and what is left of it.
    pub lifetime: Option<(Lifetime, Duration)>,
    /// Its tunnel, keys included.
    pub tunnel: Option<Tunnel>,
    /// The last sequence number sent.
    pub sequence: Sequence,
    /// How often the update that waits for an answer has been sent.
    pub transmissions: u32,
    /// Until the next update, if nothing happens.
    pub next_update: Option<Duration>,
}

/// Where a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BindingState {
    /// The anchor has not answered yet.
    Registering,
    /// The anchor holds the binding.
    Active,
    /// The anchor holds the binding and has not answered the refresh yet.
    Refreshing,
    /// There is no service.
    Refused(Refusal),
    /// The node is gone; the anchor is being told.
    Deregistering,
}

/// An anchor as the gateway finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnchorView {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Since when it does not answer.
    pub down_for: Option<Duration>,
    /// Until sessions that have left it may return.
    pub held_for: Option<Duration>,
    /// Since its last message.
    pub heard_ago: Option<Duration>,
    /// The sessions that are with it.
    pub sessions: usize,
    /// The sessions elsewhere that would rather be with it.
    pub displaced: usize,
    /// The updates that wait for their turn.
    pub waiting: usize,
}

impl Mag {
    /// The anchors in the order of preference, and those behind them that only single nodes use.
    pub fn anchors(&self, now: Instant) -> Vec<AnchorView> {
        let settings = &self.settings;
        let preferred = settings.preference.iter().filter_map(|n| settings.lmas.get_key_value(n));
        let others = settings.lmas.iter().filter(|(name, _)| !settings.preference.contains(name));
        let views = preferred.chain(others).map(|(name, lma)| {
            let anchor = self.anchors.get(lma.address);
            let sessions = || self.list.iter().map(|(_, entry)| entry);
            let with = sessions().filter(|e| e.is_present() && e.lma_name == *name);
            AnchorView {
                name: name.clone(),
                address: lma.address,
                down_for: anchor.and_then(|anchor| anchor.down_for(now)),
                held_for: anchor.and_then(|anchor| anchor.held_for(now)),
                heard_ago: anchor.and_then(|anchor| anchor.heard_ago(now)),
                sessions: with.count(),
                displaced: sessions().filter(|e| self.prefers(e, lma.address)).count(),
                waiting: anchor.map_or(0, |anchor| anchor.window.waiting()),
            }
        });
        views.collect()
    }

    /// All sessions in the order in which they began.
    pub fn bindings(&self, now: Instant) -> impl Iterator<Item = BindingView> {
        let sessions = self.list.iter().filter(|(_, entry)| entry.scout_for.is_none());
        sessions.map(move |(binding, entry)| {
            let grant = match &entry.state {
                State::Deregistering { grant, .. } => grant.as_ref(),
                _ => entry.grant(),
            };
            let next = entry.signal_timer.and_then(|timer| self.timers.due(timer));
            BindingView {
                binding,
                mn_id: entry.mn_id.clone(),
                interface: entry.interface,
                mac: entry.mac,
                link_local: entry
                    .told_access
                    .as_ref()
                    .map_or(entry.neighbor.link_local, |node| node.link_local),
                access_technology: entry.access_technology,
                service: entry.service,
                lma_name: entry.lma_name.clone(),
                lma: entry.lma.address,
                care_of: entry.care_of,
                state: match &entry.state {
                    State::Registering { .. } => BindingState::Registering,
                    State::Active { request: None, .. } => BindingState::Active,
                    State::Active { request: Some(_), .. } => BindingState::Refreshing,
                    State::Refused { why } => BindingState::Refused(*why),
                    State::Deregistering { .. } => BindingState::Deregistering,
                },
                prefixes: grant.map_or(Vec::new(), |grant| grant.prefixes.clone()),
                ipv4: grant.and_then(|grant| grant.ipv4),
                ipv4_router: grant.and_then(|grant| grant.ipv4_router),
                delegated: grant.map_or(Vec::new(), |grant| grant.delegated.clone()),
                lifetime: grant
                    .map(|grant| (grant.lifetime, grant.expires.saturating_duration_since(now))),
                tunnel: grant.map(|grant| self.tunnel(entry, grant.encapsulation)),
                sequence: entry.sequence,
                transmissions: entry.request().map_or(0, |request| request.attempts),
                next_update: next.map(|due| due.saturating_duration_since(now)),
            }
        })
    }
}
