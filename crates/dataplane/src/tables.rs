//! What a data plane holds: bindings in a slab, found by inner address and by tunnel.
//!
//! A binding is in one place, with all that its packets need but for the counters, which others
//! read. What finds it, by name or by address, are indexes of eight octets an entry.

use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use foldhash::quality::RandomState;
use ipnet::IpNet;
use kedge_model::{BindingId, Forwarding, Tunnel, VrfId};
use kedge_sansio::{HashIndex, Tag};

use crate::crowds::Crowds;
use crate::ends::{EndId, Ends, TunnelEnd};
use crate::held::{Held, HeldPath};
use crate::places::Places;
use crate::prefixes::Prefixes;
use crate::ways::{Narrow, WayId, WayKey};
use crate::{BindingCells, DataplaneError, DropReason, Policy, Side};

/// An address of this host at which tunnels may start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The transport routing world.
    pub vrf: VrfId,
    /// The address.
    pub address: IpAddr,
    /// The port of UDP encapsulation there.
    pub udp_port: u16,
    /// The signalling port there, which data shares where a translator is on its way: `None` where
    /// signalling is not over UDP.
    pub signalling_port: Option<u16>,
}

/// The tables of one data plane.
#[derive(Debug)]
pub struct Tables {
    side: Side,
    devices: Places<VrfId, ()>,
    locals: Places<(VrfId, IpAddr), Local>,
    slots: HashIndex,
    hasher: RandomState,
    slab: Vec<Option<Held>>,
    free: Vec<u32>,
    prefixes: Prefixes,
    ends: Ends,
    crowds: Crowds,
    routes_locally: bool,
    /// By the places of the devices.
    policies: Vec<Policy>,
}

impl Tables {
    /// Tables without inner worlds and addresses yet.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            devices: Places::default(),
            locals: Places::default(),
            slots: HashIndex::default(),
            hasher: RandomState::default(),
            slab: Vec::new(),
            free: Vec::new(),
            prefixes: Prefixes::default(),
            ends: Ends::default(),
            crowds: Crowds::default(),
            routes_locally: false,
            policies: Vec::new(),
        }
    }

    /// Which end of the tunnels this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether a gateway routes packets between its own subscribers itself (RFC 5213 §6.10.3).
    pub fn route_locally(&mut self, on: bool) {
        self.routes_locally = on;
    }

    /// Whether a subscriber's packet to this address need not go through a tunnel.
    pub(crate) fn is_local(&self, vrf: VrfId, destination: IpAddr) -> bool {
        self.routes_locally && self.side == Side::Gateway && self.find(vrf, destination).is_some()
    }

    /// Holds `want` for the binding, in place of what was held before. On an error nothing has
    /// changed.
    pub fn bind(
        &mut self,
        binding: BindingId,
        want: &Forwarding,
        cells: Arc<BindingCells>,
    ) -> Result<(), DataplaneError> {
        let device =
            self.device(want.vrf).ok_or(DataplaneError::UnknownVrf { binding, vrf: want.vrf })?;
        if want.paths.iter().all(|path| path.weight == 0) {
            return Err(DataplaneError::NoPath { binding });
        }
        let mut locals = Vec::with_capacity(want.paths.len());
        for path in &want.paths {
            locals.push(self.local_of(binding, &path.tunnel)?);
        }
        let inner: Vec<IpNet> = want.inner.iter().map(IpNet::trunc).collect();
        for prefix in &inner {
            let slot = self.prefixes.holder(want.vrf, *prefix, self.holds(want.vrf));
            match slot.and_then(|slot| self.held(slot)).map(|held| held.binding) {
                Some(holder) if holder != binding => {
                    return Err(DataplaneError::PrefixTaken { binding, prefix: *prefix, holder });
                }
                _ => {}
            }
        }

        // Before the old ones are let go of: what is known of a way that stays is not forgotten.
        let with_local = want.paths.iter().zip(locals);
        let paths = with_local.map(|(path, local)| {
            let (local, udp_port) = local;
            let ports = path.tunnel.encapsulation.udp_ports();
            let end = TunnelEnd::of(&path.tunnel, udp_port);
            let (end, way) = self.ends.acquire(end, want.vrf);
            HeldPath {
                tunnel: path.tunnel,
                local,
                shares_signalling: ports.is_some_and(|(port, _)| port != udp_port),
                end,
                way,
                weight: path.weight,
                place: 0, // it has one below
            }
        });
        let mut paths: Vec<HeldPath> = paths.collect();
        self.unbind(binding);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slab.push(None);
            u32::try_from(self.slab.len() - 1).expect("fewer than 2^32 bindings")
        });
        for prefix in &inner {
            self.prefixes.insert(want.vrf, *prefix, slot);
        }
        for path in &mut paths {
            path.place = self.crowds.join(device, path.local, slot);
        }
        let (vrf, paths, inner) = (want.vrf, paths[..].into(), inner[..].into());
        self.slab[slot as usize] = Some(Held { binding, vrf, device, paths, inner, cells });
        self.slots.insert(self.tag(binding), slot);
        Ok(())
    }

    /// Holds nothing for the binding any more.
    pub fn unbind(&mut self, binding: BindingId) {
        let tag = self.tag(binding);
        let is_its = |slot| self.held(slot).is_some_and(|held| held.binding == binding);
        let Some(slot) = self.slots.find(tag, is_its) else { return };
        self.slots.remove(tag, slot);
        let Some(mut held) = self.slab[slot as usize].take() else { return };
        for prefix in held.inner.iter() {
            self.prefixes.remove(held.vrf, *prefix, slot);
        }
        let mut paths = &mut held.paths[..];
        while let Some((path, rest)) = std::mem::take(&mut paths).split_first_mut() {
            self.ends.release(path.end, held.vrf);
            paths = rest;
            let Some(moved) = self.crowds.leave(held.device, path.local, path.place) else {
                continue;
            };
            let of_other = self.slab[moved.slot as usize].as_mut();
            let its = of_other.map_or(&mut *paths, |other| &mut other.paths[..]);
            let is_it = |of: &&mut HeldPath| of.local == path.local && of.place == moved.from;
            if let Some(moved) = its.iter_mut().find(is_it) {
                moved.place = path.place;
            }
        }
        self.free.push(slot);
    }

    /// The slot of the binding that holds an inner address.
    pub fn find(&self, vrf: VrfId, address: IpAddr) -> Option<u32> {
        self.prefixes.find(vrf, address, self.holds(vrf))
    }

    /// Says whether the binding in a slot holds exactly a prefix.
    fn holds(&self, vrf: VrfId) -> impl Fn(u32, IpNet) -> bool {
        move |slot, prefix| {
            let held = self.held(slot);
            held.is_some_and(|held| held.vrf == vrf && held.inner.contains(&prefix))
        }
    }

    fn tag(&self, binding: BindingId) -> Tag {
        self.hasher.hash_one(binding).into()
    }

    /// The way between two addresses that a binding's packets go.
    pub(crate) fn way(&self, key: &WayKey) -> Option<WayId> {
        self.ends.ways.find(key)
    }

    /// The slot of a binding that holds the inner address and whose packets go this way.
    pub(crate) fn find_on(&self, way: WayId, address: IpAddr) -> Option<u32> {
        let mut slots = self.ends.ways.vrfs(way).filter_map(|vrf| self.find(vrf, address));
        slots.find(|slot| {
            let held = self.held(*slot);
            held.is_some_and(|held| held.paths.iter().any(|path| path.way == way))
        })
    }

    /// What is in a slot that [`Self::find`] gave since the last change.
    pub fn held(&self, slot: u32) -> Option<&Held> {
        self.slab.get(slot as usize)?.as_ref()
    }

    /// What is done with a binding's packets.
    pub(crate) fn policy(&self, held: &Held) -> &Policy {
        &self.policies[usize::from(held.device)]
    }

    /// Deals with the packets of an inner world like this from now on.
    pub fn set_policy(&mut self, vrf: VrfId, policy: Policy) -> Result<(), DataplaneError> {
        let place = self.device(vrf).ok_or(DataplaneError::NoDevice { vrf })?;
        self.policies[usize::from(place)] = policy;
        Ok(())
    }

    /// The largest inner packet that a path carries whole.
    pub fn path_mtu(&self, path: &HeldPath, now: Instant) -> u16 {
        let Some(outer) = self.ends.ways.lowered(path.way, now) else { return path.tunnel.mtu };
        // The smallest IPv4 header and a fragment's eight octets must fit.
        outer.saturating_sub(path.tunnel.overhead()).max(28).min(path.tunnel.mtu)
    }

    /// The largest inner packet that every path of a binding carries whole.
    pub fn mtu(&self, held: &Held, now: Instant) -> u16 {
        let mtus = held.paths.iter().map(|path| self.path_mtu(path, now));
        mtus.min().unwrap_or(u16::MAX)
    }

    /// Notes that packets of more octets do not get through this way. `false` if that cannot be.
    pub(crate) fn lower(&mut self, way: WayId, outer_mtu: u32, now: Instant) -> bool {
        self.ends.ways.lower(way, outer_mtu, now)
    }

    /// The ways that were found to carry less than their first link.
    pub fn narrow_ways(&self, now: Instant) -> impl Iterator<Item = Narrow> {
        self.ends.ways.narrow(now)
    }

    /// The tunnel that an arriving outer packet belongs to.
    pub fn end(&self, key: &TunnelEnd) -> Result<EndId, DropReason> {
        self.ends.find(key)
    }

    /// The slot of the binding that an inner address and a tunnel end both belong to (RFC 5213
    /// §5.6.2: the source must be the mobile node's and the tunnel its gateway's).
    pub fn admit(&self, end: EndId, address: IpAddr) -> Result<u32, DropReason> {
        let mut reason = DropReason::UnknownInner;
        for vrf in self.ends.vrfs(end) {
            if let Some(slot) = self.find(vrf, address) {
                if self.held(slot).is_some_and(|held| held.uses(end)) {
                    return Ok(slot);
                }
                reason = DropReason::OtherTunnel;
            }
        }
        Err(reason)
    }

    /// The port of UDP encapsulation at one of our addresses.
    pub(crate) fn data_port(&self, transport: VrfId, address: IpAddr) -> Option<u16> {
        self.locals.get(&(transport, address)).map(|(_, local)| local.udp_port)
    }

    /// The place of an inner routing world among the devices.
    pub fn device(&self, vrf: VrfId) -> Option<u16> {
        self.devices.get(&vrf).map(|(place, ())| place)
    }

    /// An inner routing world more; gives its place among the devices.
    pub fn add_device(&mut self, vrf: VrfId) -> Result<u16, DataplaneError> {
        let place = self.devices.insert(vrf, ());
        let place = place.ok_or(DataplaneError::Full { what: "devices" })?;
        if self.policies.len() <= usize::from(place) {
            self.policies.resize_with(usize::from(place) + 1, Policy::default);
        }
        Ok(place)
    }

    /// An inner routing world less: what is held of it is not held any more. Gives the place that
    /// is empty now.
    pub fn remove_device(&mut self, vrf: VrfId) -> Option<u16> {
        let place = self.devices.remove(&vrf)?;
        self.unbind_all(self.crowds.of_device(place));
        self.policies[usize::from(place)] = Policy::default();
        Some(place)
    }

    /// Tunnels may start at an address more; gives its place in the list of locals.
    pub fn add_local(&mut self, local: Local) -> Result<u16, DataplaneError> {
        let key = (local.vrf, local.address);
        self.locals.insert(key, local).ok_or(DataplaneError::Full { what: "addresses" })
    }

    /// No tunnel starts at this address any more: what is held with a path from there is not held
    /// any more. Gives the place that is empty now.
    pub fn remove_local(&mut self, vrf: VrfId, address: IpAddr) -> Option<u16> {
        let place = self.locals.remove(&(vrf, address))?;
        self.unbind_all(self.crowds.of_local(place));
        Some(place)
    }

    fn unbind_all(&mut self, slots: Vec<u32>) {
        for slot in slots {
            if let Some(binding) = self.held(slot).map(|held| held.binding) {
                self.unbind(binding);
            }
        }
    }

    /// The place and the port for data of the local that a tunnel starts at.
    fn local_of(&self, binding: BindingId, tunnel: &Tunnel) -> Result<(u16, u16), DataplaneError> {
        let (local, peer) = (tunnel.local, tunnel.peer);
        if local.is_ipv4() != peer.is_ipv4() {
            return Err(DataplaneError::MixedFamilies { binding, local, peer });
        }
        let port = tunnel.encapsulation.udp_ports().map(|(port, _)| port);
        let found = self.locals.get(&(tunnel.transport, local)).filter(|(_, local)| {
            port.is_none_or(|port| port == local.udp_port || Some(port) == local.signalling_port)
        });
        found.map(|(place, local)| (place, local.udp_port)).ok_or(DataplaneError::UnknownLocal {
            binding,
            transport: tunnel.transport,
            local: SocketAddr::new(local, port.unwrap_or(0)),
        })
    }
}
