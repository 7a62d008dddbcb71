//! Routes to nodes, one for each address or prefix that no pool's route leads to.
//!
//! ```text
//!   want, release ──► changed ──► commit: 64 to a system call, at most BATCH a turn
//!                        ▲           │ the kernel refuses one
//!                        └───────────┴──► refused: shown, counted, tried again after RETRY
//! ```
//!
//! The routes of pools are the configuration's (`anchor::kernel`). These here come with bindings, by
//! the ten thousand, so they are not in the ledger: they carry the daemon's mark, by which what a
//! crash leaves is found, and go with the device at the end. A route stays while its binding is
//! kept for a handover: who has learnt it from us is not to see it come and go.

mod world;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use kedge_model::{BindingId, Forwarding, IpNet, VrfId};
use kedge_net::NetError;

use crate::apply::RoutePlan;
use world::World;

pub use world::{Count, Kernel, Outlet, Standing};

/// How many routes are changed before messages get their turn; the kernel takes some 15 µs for each.
const BATCH: usize = 256;

/// How long the kernel is left alone with routes that it refused.
const RETRY: Duration = Duration::from_secs(30);

/// The routes of all routing worlds.
#[derive(Default)]
pub struct Routes {
    worlds: BTreeMap<VrfId, World>,
    /// What bindings have that is of no block, and in which world. Most have nothing.
    bindings: BTreeMap<BindingId, (VrfId, Box<[IpNet]>)>,
    /// When refused routes are tried again.
    retry: Option<Instant>,
    /// Where something is to be changed: of a thousand worlds, mostly one.
    behind: BTreeSet<VrfId>,
    /// Whose turn was last. The worlds behind it come first.
    last: VrfId,
}

impl Routes {
    /// Where routes of a world are to be made, if that is not known yet.
    pub fn place(
        &mut self,
        vrf: VrfId,
        outlet: Outlet,
        kernel: impl FnOnce() -> Result<Box<dyn Kernel>, NetError>,
    ) -> Result<(), NetError> {
        if let Entry::Vacant(entry) = self.worlds.entry(vrf) {
            entry.insert(World::new(outlet, kernel()?));
        }
        Ok(())
    }

    /// Forgets worlds: their routes have gone with their devices.
    pub fn leave(&mut self, is_left: impl Fn(VrfId) -> bool) {
        self.worlds.retain(|vrf, _| !is_left(*vrf));
        self.behind.retain(|vrf| !is_left(*vrf));
    }

    /// Makes routes in a world as a plan says. Says whether that is something new: [`Self::want`]
    /// has to follow then for every binding that is forwarded there.
    pub fn plan(&mut self, vrf: VrfId, plan: &RoutePlan) -> bool {
        let Some(world) = self.worlds.get_mut(&vrf) else { return false };
        if !world.plan(plan) {
            return false;
        }
        // What has a route as a part of a block now needs none of its own.
        for (_, held) in self.bindings.values_mut().filter(|(of, _)| *of == vrf) {
            let (own, covered): (Vec<IpNet>, Vec<IpNet>) =
                held.iter().partition(|net| world.is_alone(**net));
            covered.into_iter().for_each(|net| world.drop_user(net));
            *held = own.into();
        }
        self.note(vrf);
        true
    }

    /// What is forwarded for a binding from here on; nothing leaves its routes as they are.
    pub fn want(&mut self, binding: BindingId, want: Option<&Forwarding>) {
        let Some(want) = want else { return };
        let Some(world) = self.worlds.get_mut(&want.vrf) else { return };
        let nets: Box<[IpNet]> =
            want.inner.iter().filter(|net| world.is_alone(**net)).copied().collect();
        nets.iter().for_each(|net| world.add_user(*net));
        self.note(want.vrf);
        match nets.is_empty() {
            true => self.release(binding),
            false => {
                let was = self.bindings.insert(binding, (want.vrf, nets));
                self.drop_users(was);
            }
        }
    }

    /// A binding is over.
    pub fn release(&mut self, binding: BindingId) {
        let was = self.bindings.remove(&binding);
        self.drop_users(was);
    }

    /// Has the kernel make and remove routes, so many as there is time for.
    pub fn commit(&mut self, now: Instant) {
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            for (vrf, world) in &mut self.worlds {
                world.try_again();
                if world.is_behind() {
                    self.behind.insert(*vrf);
                }
            }
        }
        let mut room = BATCH;
        while room > 0
            && let Some(vrf) = self.next_behind()
        {
            self.last = vrf;
            self.behind.remove(&vrf);
            let Some(world) = self.worlds.get_mut(&vrf) else { continue };
            let (done, refused) = world.commit(room);
            room -= done;
            if refused {
                self.retry.get_or_insert(now + RETRY);
            }
            self.note(vrf);
        }
    }

    /// The world that is behind and has waited longest.
    fn next_behind(&self) -> Option<VrfId> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        self.behind.range(after).next().or(self.behind.first()).copied()
    }

    /// Notes that something may have to be changed in a world.
    fn note(&mut self, vrf: VrfId) {
        if self.worlds.get(&vrf).is_some_and(World::is_behind) {
            self.behind.insert(vrf);
        }
    }

    /// When [`Self::commit`] is to be called, if nothing happens before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.behind.is_empty() { self.retry } else { Some(now) }
    }

    /// The routes of a binding, and how they stand.
    pub fn of_binding(&self, id: BindingId) -> impl Iterator<Item = (IpNet, Standing<'_>)> {
        let (vrf, nets) = self.bindings.get(&id).map(|(vrf, nets)| (*vrf, &**nets)).unzip();
        let world = vrf.and_then(|vrf| self.worlds.get(&vrf));
        let nets = nets.into_iter().flatten().copied();
        nets.filter_map(move |net| Some((net, world?.standing(net)?)))
    }

    /// How many stand how.
    pub fn count(&self) -> Count {
        let mut all = Count::default();
        for Count { made, waiting, refused, refusals } in self.worlds.values().map(World::count) {
            all.made += made;
            all.waiting += waiting;
            all.refused += refused;
            all.refusals += refusals;
        }
        all
    }

    fn drop_users(&mut self, was: Option<(VrfId, Box<[IpNet]>)>) {
        let Some((vrf, nets)) = was else { return };
        if let Some(world) = self.worlds.get_mut(&vrf) {
            nets.iter().for_each(|net| world.drop_user(*net));
        }
        self.note(vrf);
    }
}

#[cfg(test)]
mod tests;
