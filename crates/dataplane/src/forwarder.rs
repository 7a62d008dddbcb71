//! The reference forwarder: what becomes of each packet, decided without touching the world.
//!
//! It has two layers. [`Forwarder::outbound`] and [`Forwarder::inbound`] decide and count; the
//! userspace backend calls them for whole trains of segments and lets the kernel's sockets write
//! the outer headers. [`Forwarder::encapsulate`] and [`Forwarder::decapsulate`] add the octets,
//! one packet at a time (`packets`); tests and other backends compare with them.

use std::sync::Arc;
use std::time::Instant;

use kedge_model::VrfId;

use crate::ecn;
use crate::ends::{EndId, TunnelEnd};
use crate::held::{Held, HeldPath};
use crate::icmp::{self, IPV6_MINIMUM_MTU, Limiter, Problem, Reply};
use crate::inner::Inner;
use crate::outer::Marks;
use crate::tables::Tables;
use crate::{Clamp, DropReason, Kind, Side, TotalCells, Verdict};

/// Decides for one data plane.
#[derive(Debug)]
pub struct Forwarder {
    /// What is held.
    pub tables: Tables,
    cells: Arc<TotalCells>,
    /// Shared by all errors we send, as RFC 4443 §2.4 (f) asks: 50 at once, 1000 a second.
    limiter: Limiter,
    pub(crate) identification: u16,
}

/// What a read from a device holds: one packet, or one that stands for a train of segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// How many packets.
    pub packets: u64,
    /// Their octets, headers included.
    pub bytes: u64,
    /// The octets of the largest.
    pub largest: usize,
}

impl Load {
    /// One packet.
    pub fn one(inner: &Inner) -> Self {
        Self { packets: 1, bytes: inner.total_len as u64, largest: inner.total_len }
    }
}

/// How a packet enters its tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outbound {
    /// The slot of the binding.
    pub slot: u32,
    /// The path among the binding's.
    pub path: u16,
    /// What the outer header takes from the inner one.
    pub marks: Marks,
    /// Whether it fits.
    pub fit: Fit,
    /// What is to be done with it first.
    pub clamp: Option<Clamp>,
}

/// Whether a packet fits into a tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// As it is.
    Whole,
    /// As fragments of at most this size: IPv4 that allows it.
    Fragments(u16),
    /// As it is, in an outer packet that has to be fragmented: IPv6 of at most the minimum MTU
    /// (RFC 2473 §7.1 (b)).
    OuterFragments,
}

/// How a packet leaves its tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inbound {
    /// The slot of the binding.
    pub slot: u32,
    /// Its header.
    pub inner: Inner,
    /// Its Type of Service or Traffic Class from here on.
    pub tos: u8,
    /// What else is to be done with it.
    pub clamp: Option<Clamp>,
}

impl Forwarder {
    /// A forwarder that counts into `cells` and is their only writer.
    pub fn new(tables: Tables, cells: Arc<TotalCells>) -> Self {
        Self { tables, cells, limiter: Limiter::new(50, 1000), identification: 0 }
    }

    /// The counters.
    pub fn cells(&self) -> &TotalCells {
        &self.cells
    }

    /// Decides how `packet`, which a device of `vrf` gave and `inner` describes, enters a tunnel.
    /// On [`Verdict::Forward`] it has been counted as sent.
    pub fn outbound(
        &mut self,
        vrf: VrfId,
        inner: &Inner,
        packet: &[u8],
        load: Load,
        now: Instant,
    ) -> Verdict<Outbound> {
        let (subscriber, problem) = match self.tables.side() {
            Side::Anchor => (inner.destination, Problem::Unreachable),
            Side::Gateway => (inner.source, Problem::SourceRefused),
        };
        let slot = self.tables.find(vrf, subscriber);
        let Some((slot, held)) = slot.and_then(|s| Some((s, self.tables.held(s)?))) else {
            if inner.is_link_scoped() {
                return self.drop(DropReason::LinkScope, load.packets);
            }
            return self.refuse(DropReason::NoBinding, problem, inner, packet, load, now);
        };
        // Behind the check of the source: what is routed here is as honest as what is tunnelled.
        if self.tables.is_local(vrf, inner.destination) {
            self.cells.routed_locally(load.packets, load.bytes);
            return Verdict::Local;
        }
        let policy = self.tables.policy(held);
        if let Some(list) = &policy.into_tunnels
            && !list.permits(inner, packet, load.packets)
        {
            let (reason, problem) = (DropReason::AccessList, Problem::Prohibited);
            return self.refuse(reason, problem, inner, packet, load, now);
        }
        let at = held.path_of(|| inner.flow_hash(packet));
        let Some(path) = held.paths.get(usize::from(at)) else {
            return self.drop(DropReason::NoBinding, load.packets);
        };
        let mtu = self.tables.path_mtu(path, now);
        let fit = if load.largest <= usize::from(mtu) {
            Fit::Whole
        } else if !inner.dont_fragment {
            Fit::Fragments(mtu)
        } else if !inner.is_ipv4() && load.largest <= usize::from(IPV6_MINIMUM_MTU) {
            Fit::OuterFragments
        } else {
            let problem = Problem::TooBig { mtu };
            return self.refuse(DropReason::TooBig, problem, inner, packet, load, now);
        };
        let flow_label = if path.tunnel.peer.is_ipv6() {
            // RFC 6438 §3: never zero, so that routers inside spread by the label alone.
            (inner.flow_hash(packet) & 0xf_ffff).max(1)
        } else {
            0
        };
        let clamp = if policy.clamp_mss { self.clamp(held, inner, packet, now) } else { None };
        if clamp.is_some() {
            self.cells.clamped_into.add(load.packets);
        }
        self.tables.cells(held).sent(load.packets, load.bytes);
        self.cells.sent(Kind::of(&path.tunnel, inner.is_ipv4()), load.packets, load.bytes);
        Verdict::Forward(Outbound {
            slot,
            path: at,
            marks: Marks { tos: policy.marking.entering(inner.tos), flow_label },
            fit,
            clamp,
        })
    }

    /// What is to be done with a segment that opens a TCP connection between larger links than the
    /// tunnel. Either direction's segments must fit, and a flow may change its path.
    fn clamp(&self, held: &Held, inner: &Inner, packet: &[u8], now: Instant) -> Option<Clamp> {
        Clamp::needed(inner, packet, || self.tables.mtu(held, now))
    }

    /// The binding and the path that an [`Outbound`] names.
    pub fn path(&self, out: &Outbound) -> Option<(&Held, &HeldPath)> {
        let held = self.tables.held(out.slot)?;
        Some((held, held.paths.get(usize::from(out.path))?))
    }

    /// Decides how a packet that came from the tunnel `end` leaves it. `is_ipv4` is what the
    /// encapsulation said of it, where it did. On `Ok` it has been counted as received, on `Err`
    /// as dropped.
    pub fn inbound(
        &mut self,
        end: EndId,
        outer_tos: u8,
        is_ipv4: Option<bool>,
        packet: &[u8],
        now: Instant,
    ) -> Result<Inbound, DropReason> {
        let decided = self.decide_inbound(end, outer_tos, is_ipv4, packet, now);
        match &decided {
            Ok(inbound) => {
                if inbound.clamp.is_some() {
                    self.cells.clamped_out_of.add(1);
                }
                self.received(inbound, end, Load::one(&inbound.inner));
            }
            Err(reason) => self.cells.dropped(*reason, 1),
        }
        decided
    }

    /// Counts what came from a tunnel: beyond what [`Self::inbound`] counts, the packets that a
    /// kernel merged into one before we saw it.
    pub fn received(&self, inbound: &Inbound, end: EndId, load: Load) {
        let Some(held) = self.tables.held(inbound.slot) else { return };
        self.tables.cells(held).received(load.packets, load.bytes);
        if let Some(path) = held.paths.iter().find(|path| path.end == end) {
            let kind = Kind::of(&path.tunnel, inbound.inner.is_ipv4());
            self.cells.received(kind, load.packets, load.bytes);
        }
    }

    fn decide_inbound(
        &self,
        end: EndId,
        outer_tos: u8,
        is_ipv4: Option<bool>,
        packet: &[u8],
        now: Instant,
    ) -> Result<Inbound, DropReason> {
        let inner = Inner::parse(packet)?;
        if is_ipv4.is_some_and(|said| said != inner.is_ipv4()) {
            return Err(DropReason::ProtocolType);
        }
        let subscriber = match self.tables.side() {
            Side::Anchor => inner.source,
            Side::Gateway => inner.destination,
        };
        let slot = self.tables.admit(end, subscriber)?;
        let held = self.tables.held(slot).ok_or(DropReason::UnknownInner)?;
        let policy = self.tables.policy(held);
        if let Some(list) = &policy.out_of_tunnels
            && !list.permits(&inner, packet, 1)
        {
            return Err(DropReason::AccessList);
        }
        let leaving = policy.marking.leaving(outer_tos, inner.tos);
        let tos = ecn::decapsulated(outer_tos, leaving).ok_or(DropReason::Congestion)?;
        let clamp = if policy.clamp_mss { self.clamp(held, &inner, packet, now) } else { None };
        Ok(Inbound { slot, inner, tos, clamp })
    }

    /// The tunnel that outer packets belong to; on `Err`, `packets` were counted as dropped.
    pub fn end(&self, key: &TunnelEnd, packets: u64) -> Result<EndId, DropReason> {
        self.tables.end(key).inspect_err(|reason| self.cells.dropped(*reason, packets))
    }

    /// Counts dropped packets.
    pub(crate) fn drop<T>(&self, reason: DropReason, packets: u64) -> Verdict<T> {
        self.cells.dropped(reason, packets);
        Verdict::Drop(reason)
    }

    /// Counts dropped packets and tells their sender, if that is allowed and not too often.
    fn refuse<T>(
        &mut self,
        reason: DropReason,
        problem: Problem,
        inner: &Inner,
        packet: &[u8],
        load: Load,
        now: Instant,
    ) -> Verdict<T> {
        self.cells.dropped(reason, load.packets);
        match self.answer(problem, inner, packet, now) {
            Some(reply) => Verdict::Reply(reason, reply),
            None => Verdict::Drop(reason),
        }
    }

    pub(crate) fn answer(
        &mut self,
        problem: Problem,
        inner: &Inner,
        packet: &[u8],
        now: Instant,
    ) -> Option<Reply> {
        let reply = icmp::error(problem, inner, packet)?;
        self.limiter.take(now).then_some(reply)
    }
}
