//! What a data plane holds: bindings in a slab, found by inner address and by tunnel.
//!
//! A binding is in one place, with all that its packets need but for the counters, which others
//! read. What finds it, by name or by address, are indexes of eight octets an entry.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;
use kedge_model::{BindingId, Forwarding, Tunnel, VrfId};

use crate::crowds::Crowds;
use crate::ends::{EndId, Ends, Local, TunnelEnd};
use crate::held::{Held, HeldPath};
use crate::places::Places;
use crate::prefixes::Prefixes;
use crate::slab::Slab;
use crate::ways::{Narrow, WayId, WayKey};
use crate::{BindingCells, Counts, DataplaneError, DropReason, Policy, Side};

/// The tables of one data plane.
#[derive(Debug)]
pub struct Tables {
    side: Side,
    devices: Places<VrfId, ()>,
    locals: Places<(VrfId, IpAddr), Local>,
    slab: Slab,
    prefixes: Prefixes,
    ends: Ends,
    crowds: Crowds,
    counts: Arc<Counts>,
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
            slab: Slab::default(),
            prefixes: Prefixes::default(),
            ends: Ends::default(),
            crowds: Crowds::default(),
            counts: Arc::default(),
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

    /// Reads what [`Self::bind`] and [`Self::unbind`] of these bindings will. A million bindings are
    /// in no processor's cache: here the waits for memory overlap, where they would follow one
    /// another.
    pub fn look_ahead<'w>(
        &self,
        changes: impl Iterator<Item = (BindingId, Option<&'w Forwarding>)> + Clone,
    ) {
        for held in self.slab.look_ahead(changes.clone().map(|(binding, _)| binding)) {
            held.inner.iter().for_each(|prefix| self.prefixes.look_ahead(held.vrf, *prefix));
        }
        for want in changes.filter_map(|(_, want)| want) {
            want.inner.iter().for_each(|prefix| self.prefixes.look_ahead(want.vrf, *prefix));
        }
    }

    /// Holds `want` for the binding, in place of what was held before, and counts it in this place
    /// of [`Self::counts`]. On an error nothing has changed.
    pub fn bind(
        &mut self,
        binding: BindingId,
        want: &Forwarding,
        counted: u32,
    ) -> Result<(), DataplaneError> {
        let device =
            self.device(want.vrf).ok_or(DataplaneError::UnknownVrf { binding, vrf: want.vrf })?;
        if want.paths.iter().all(|path| path.weight == 0) {
            return Err(DataplaneError::NoPath { binding });
        }
        let locals = want.paths.iter().map(|path| self.local_of(binding, &path.tunnel));
        let locals = locals.collect::<Result<Vec<_>, _>>()?;
        let inner: Vec<IpNet> = want.inner.iter().map(IpNet::trunc).collect();
        let before = self.slab.find(binding);
        let has = |held: &Held| held.vrf == want.vrf && *held.inner == inner[..];
        let has_all = before.and_then(|slot| self.held(slot)).is_some_and(has);
        for prefix in inner.iter().filter(|_| !has_all) {
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
        let paths = with_local.map(|(path, (local, udp_port))| {
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
        if has_all && before.is_some_and(|slot| self.redirect(slot, &mut paths, counted)) {
            return Ok(());
        }
        self.unbind(binding);
        let (vrf, paths, all) = (want.vrf, paths[..].into(), inner[..].into());
        let slot = self.slab.insert(Held { binding, vrf, device, paths, inner: all, counted });
        for prefix in &inner {
            self.prefixes.insert(vrf, *prefix, slot);
        }
        for path in self.slab.get_mut(slot).into_iter().flat_map(|held| held.paths.iter_mut()) {
            path.place = self.crowds.join(device, path.local, slot);
        }
        Ok(())
    }

    /// Gives a binding other paths, all else of it staying as it is: a handover. Says whether they
    /// begin at the same locals as those before, without which nothing is done.
    fn redirect(&mut self, slot: u32, paths: &mut [HeldPath], counted: u32) -> bool {
        let Some(held) = self.slab.get_mut(slot) else { return false };
        let before = held.paths.iter().map(|path| path.local);
        if !before.eq(paths.iter().map(|path| path.local)) {
            return false;
        }
        for (path, before) in paths.iter_mut().zip(held.paths.iter()) {
            path.place = before.place;
            self.ends.release(before.end, held.vrf);
        }
        held.paths = paths[..].into();
        held.counted = counted;
        true
    }

    /// Holds nothing for the binding any more.
    pub fn unbind(&mut self, binding: BindingId) {
        let Some(slot) = self.slab.find(binding) else { return };
        let Some(mut held) = self.slab.remove(slot) else { return };
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
            let of_other = self.slab.get_mut(moved.slot);
            let its = of_other.map_or(&mut *paths, |other| &mut other.paths[..]);
            let is_it = |of: &&mut HeldPath| of.local == path.local && of.place == moved.from;
            if let Some(moved) = its.iter_mut().find(is_it) {
                moved.place = path.place;
            }
        }
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
        self.slab.get(slot)
    }

    /// The counters of all that is bound, for whoever reads them.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// What a binding's packets add up to.
    pub fn cells(&self, held: &Held) -> &BindingCells {
        self.counts.at(held.counted)
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
