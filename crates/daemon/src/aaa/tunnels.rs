//! Accounting for tunnels: all bindings that one gateway, one address of the anchor and one
//! encapsulation have in common.
//!
//! A tunnel's session begins with its first binding that is forwarded and ends with its last.
//! What a binding carried counts for the tunnel that it was in at the time.
//!
//! An interim record takes what every binding of the tunnel has carried. There can be very many of
//! them, so that is added up some at a time, a [`Tally`] remembering how far it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_dataplane::BindingCounters;
use kedge_model::{BindingId, Encapsulation, Tunnel, VrfId};
use kedge_radius::AttributeType;
use kedge_sansio::Now;

use super::record::{Cause, Draft, Nas, Record, SessionId, SessionIds, Status};

/// What makes a tunnel one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TunnelKey {
    transport: VrfId,
    /// The anchor's address.
    pub local: IpAddr,
    /// The gateway's.
    pub peer: IpAddr,
    /// The gateway's port; behind one translator, gateways differ by it.
    port: Option<u16>,
    /// Whether there is a GRE header.
    pub gre: bool,
}

impl TunnelKey {
    fn of(tunnel: &Tunnel) -> Self {
        let gre = matches!(
            tunnel.encapsulation,
            Encapsulation::Gre { .. } | Encapsulation::GreUdp { .. }
        );
        Self {
            transport: tunnel.transport,
            local: tunnel.local,
            peer: tunnel.peer,
            port: tunnel.encapsulation.udp_ports().map(|(_, peer)| peer),
            gre,
        }
    }

    /// The attributes that say which tunnel it is (RFC 2868 §3). There is no type for UDP: what is
    /// in it decides.
    pub fn describe(&self, draft: &mut Draft, connection: SessionId) {
        const IP_IN_IP: u32 = 7;
        const GRE: u32 = 10;
        // The first octet is the tag; zero is none.
        draft.integer(AttributeType::TUNNEL_TYPE, if self.gre { GRE } else { IP_IN_IP });
        let medium = if self.peer.is_ipv4() { 1 } else { 2 };
        draft.integer(AttributeType::TUNNEL_MEDIUM_TYPE, medium);
        let (client, server) = (self.peer.to_string(), self.local.to_string());
        draft.octets(AttributeType::TUNNEL_CLIENT_ENDPOINT, client.as_bytes());
        draft.octets(AttributeType::TUNNEL_SERVER_ENDPOINT, server.as_bytes());
        let connection = connection.text();
        draft.octets(AttributeType::ACCT_TUNNEL_CONNECTION, connection.as_bytes());
    }
}

/// The tunnels' sessions.
#[derive(Debug, Default)]
pub struct Tunnels {
    sessions: BTreeMap<TunnelKey, TunnelSession>,
    /// Where each binding is.
    places: BTreeMap<BindingId, TunnelKey>,
    /// When the next interim record of each is due.
    due: BTreeSet<(Instant, TunnelKey)>,
    tally: Option<Tally>,
}

/// An interim record in the making.
#[derive(Debug)]
struct Tally {
    tunnel: TunnelKey,
    /// When it was due.
    due: Instant,
    /// The bindings from here on are still to be added.
    from: BindingId,
}

/// A tunnel's session.
#[derive(Debug)]
pub struct TunnelSession {
    /// Its number.
    pub id: SessionId,
    /// When it began.
    pub began: Instant,
    /// Whose it is.
    pub parties: Parties,
    /// What is added up.
    sum: BindingCounters,
    /// What each binding had carried when it came, or when that was added up.
    members: BTreeMap<BindingId, BindingCounters>,
    due: Option<Instant>,
}

/// Between whom a tunnel is. Each address of the anchor is one customer's.
#[derive(Clone, Debug)]
pub struct Parties {
    /// The customer's name; empty for the one that has none.
    pub customer: String,
    /// The gateway's name, if it is configured.
    pub gateway: Option<String>,
}

impl Tunnels {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = (&TunnelKey, &TunnelSession)> {
        self.sessions.iter()
    }

    /// The tunnel that a binding is in, and its session's number.
    pub fn of(&self, binding: BindingId) -> Option<(&TunnelKey, SessionId)> {
        let key = self.places.get(&binding)?;
        Some((key, self.sessions.get(key)?.id))
    }

    /// A binding, which has carried so much, is forwarded in this tunnel from here on, or in none.
    /// Gives the records of what began and what ended, the latter for this cause. `parties` is asked
    /// between whom a tunnel to a gateway is.
    pub fn place(
        &mut self,
        binding: BindingId,
        tunnel: Option<&Tunnel>,
        carried: BindingCounters,
        cause: Cause,
        parties: impl Fn(IpAddr) -> Parties,
        (nas, ids, interim, now): (&Nas, &SessionIds, Option<Duration>, Now),
    ) -> Vec<Record> {
        let key = tunnel.map(TunnelKey::of);
        if self.places.get(&binding) == key.as_ref() {
            return Vec::new();
        }
        let mut records = Vec::new();
        if let Some(old) = self.places.remove(&binding)
            && let Some(session) = self.sessions.get_mut(&old)
        {
            let base = session.members.remove(&binding).unwrap_or_default();
            add(&mut session.sum, since(carried, base));
            if session.members.is_empty() {
                records.push(session.record(&old, nas, Status::Stop(cause), now));
                self.remove(&old);
            }
        }
        let Some(key) = key else { return records };
        self.places.insert(binding, key);
        if let Some(session) = self.sessions.get_mut(&key) {
            session.members.insert(binding, carried);
            return records;
        }
        let due = interim.map(|interim| now.mono + interim);
        let session = TunnelSession {
            id: ids.next(),
            began: now.mono,
            parties: parties(key.peer),
            sum: BindingCounters::default(),
            members: BTreeMap::from([(binding, carried)]),
            due,
        };
        records.push(session.record(&key, nas, Status::Start, now));
        self.due.extend(due.map(|due| (due, key)));
        self.sessions.insert(key, session);
        records
    }

    fn remove(&mut self, key: &TunnelKey) {
        if let Some(due) = self.sessions.remove(key).and_then(|session| session.due) {
            self.due.remove(&(due, *key));
        }
    }

    /// Another interval, or none, from now on. What is added up for a record in the making is in
    /// the next one.
    pub fn set_interim(&mut self, interim: Option<Duration>, now: Now) {
        self.tally = None;
        self.due.clear();
        for (key, session) in &mut self.sessions {
            session.due = interim.map(|interim| now.mono + interim);
            self.due.extend(session.due.map(|due| (due, *key)));
        }
    }

    /// When an interim record is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let under_way = self.tally.as_ref().map(|tally| tally.due);
        under_way.or_else(|| self.due.first().map(|(due, _)| *due))
    }

    /// The interim records that are due and made after `most` steps at most; the next call goes on.
    /// `carried` says what a binding has carried.
    pub fn interim(
        &mut self,
        nas: &Nas,
        interval: Duration,
        carried: impl Fn(BindingId) -> BindingCounters,
        most: usize,
        now: Now,
    ) -> Vec<Record> {
        let (mut records, mut steps) = (Vec::new(), 0);
        while steps < most && self.poll_timeout().is_some_and(|due| due <= now.mono) {
            let next = || {
                let (due, tunnel) = self.due.pop_first()?;
                let again = now.mono + interval;
                self.due.insert((again, tunnel));
                self.sessions.get_mut(&tunnel)?.due = Some(again);
                Some(Tally { tunnel, due, from: BindingId(0) })
            };
            let Some(mut tally) = self.tally.take().or_else(next) else { break };
            steps += 1;
            // It may have ended since.
            let Some(session) = self.sessions.get_mut(&tally.tunnel) else { continue };
            for (binding, base) in session.members.range_mut(tally.from..).take(most - steps + 1) {
                let carried = carried(*binding);
                add(&mut session.sum, since(carried, *base));
                *base = carried;
                tally.from = BindingId(binding.0 + 1);
                steps += 1;
            }
            if session.members.range(tally.from..).next().is_some() {
                self.tally = Some(tally);
            } else {
                records.push(session.record(&tally.tunnel, nas, Status::Interim, now));
            }
        }
        records
    }

    /// A binding that is in a tunnel, if one is.
    pub fn any_binding(&self) -> Option<BindingId> {
        self.places.keys().next().copied()
    }
}

impl TunnelSession {
    /// How many bindings are in it.
    pub fn bindings(&self) -> usize {
        self.members.len()
    }

    /// What its bindings carried in it.
    pub fn total(&self, carried: impl Fn(BindingId) -> BindingCounters) -> BindingCounters {
        let mut total = self.sum;
        for (binding, base) in &self.members {
            add(&mut total, since(carried(*binding), *base));
        }
        total
    }

    fn record(&self, key: &TunnelKey, nas: &Nas, status: Status, now: Now) -> Record {
        let mut draft = Draft::new(nas, status, self.id, now);
        let Parties { customer, gateway } = &self.parties;
        let name = gateway.clone().unwrap_or_else(|| key.peer.to_string());
        draft.octets(AttributeType::USER_NAME, name.as_bytes());
        draft.octets(AttributeType::TUNNEL_PRIVATE_GROUP_ID, customer.as_bytes());
        key.describe(&mut draft, self.id);
        if status != Status::Start {
            draft.usage(now.mono.saturating_duration_since(self.began), self.sum);
        }
        draft.finish()
    }
}

fn since(now: BindingCounters, base: BindingCounters) -> BindingCounters {
    BindingCounters {
        sent_packets: now.sent_packets.saturating_sub(base.sent_packets),
        sent_bytes: now.sent_bytes.saturating_sub(base.sent_bytes),
        received_packets: now.received_packets.saturating_sub(base.received_packets),
        received_bytes: now.received_bytes.saturating_sub(base.received_bytes),
    }
}

fn add(total: &mut BindingCounters, more: BindingCounters) {
    total.sent_packets += more.sent_packets;
    total.sent_bytes += more.sent_bytes;
    total.received_packets += more.received_packets;
    total.received_bytes += more.received_bytes;
}

#[cfg(test)]
mod tests;
