//! The routes of one routing world: what is wanted of the kernel, and what it has.

use std::collections::{BTreeMap, BTreeSet};

use kedge_model::IpNet;
use kedge_net::NetError;
use kedge_net::netlink::{DeviceIndex, Netlink, NextHop, Route, Table};
use tracing::warn;

use crate::apply::RoutePlan;

/// Changes many routes and gives those that failed by their places.
pub trait Kernel {
    /// Adds routes that are not there.
    fn add(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError>;
    /// Removes routes that were added.
    fn remove(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError>;
}

impl Kernel for Netlink {
    fn add(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        self.add_routes(routes)
    }

    fn remove(&mut self, routes: &[Route]) -> Result<Vec<(usize, NetError)>, NetError> {
        self.remove_routes(routes)
    }
}

/// Where routes lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outlet {
    /// The anchor's device in this world.
    pub device: DeviceIndex,
    /// The table of the world's ordinary routes.
    pub table: Table,
}

/// How a route stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing<'r> {
    /// The kernel has it.
    Made,
    /// The kernel gets it in a moment.
    Waiting,
    /// The kernel did not take it, and why.
    Refused(&'r str),
}

/// How many routes stand how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// The kernel has these.
    pub made: usize,
    /// The kernel gets these in a moment.
    pub waiting: usize,
    /// The kernel does not take these.
    pub refused: usize,
    /// How often it has refused any since the start.
    pub refusals: u64,
}

/// The routes of one world.
pub struct World {
    kernel: Box<dyn Kernel>,
    outlet: Outlet,
    metric: u32,
    is_planned: bool,
    /// What has a route as a whole.
    blocks: Vec<IpNet>,
    routes: BTreeMap<IpNet, Entry>,
    /// Where wanted and made may differ.
    changed: BTreeSet<IpNet>,
    made: usize,
    refused: usize,
    refusals: u64,
}

#[derive(Default)]
struct Entry {
    /// How many bindings want it: two while it passes from one to another.
    users: u32,
    /// As the kernel has it.
    made: Option<Route>,
    /// Why it has not.
    refused: Option<String>,
}

impl World {
    pub fn new(outlet: Outlet, kernel: Box<dyn Kernel>) -> Self {
        Self {
            kernel,
            outlet,
            metric: 0,
            is_planned: false,
            blocks: Vec::new(),
            routes: BTreeMap::new(),
            changed: BTreeSet::new(),
            made: 0,
            refused: 0,
            refusals: 0,
        }
    }

    /// All routes are to be so from here on. Says whether they were otherwise.
    pub fn plan(&mut self, plan: &RoutePlan) -> bool {
        let blocks: Vec<IpNet> = plan.blocks.iter().chain(&plan.hidden).copied().collect();
        if self.is_planned && (self.metric, &self.blocks) == (plan.metric, &blocks) {
            return false;
        }
        (self.blocks, self.is_planned) = (blocks, true);
        if self.metric != plan.metric {
            self.metric = plan.metric;
            self.changed.extend(self.routes.keys());
        }
        true
    }

    /// Whether nothing else leads to `net`.
    pub fn is_alone(&self, net: IpNet) -> bool {
        !self.blocks.iter().any(|block| block.contains(&net))
    }

    pub fn add_user(&mut self, net: IpNet) {
        let entry = self.routes.entry(net).or_default();
        entry.users += 1;
        if entry.users == 1 {
            self.changed.insert(net);
        }
    }

    pub fn drop_user(&mut self, net: IpNet) {
        let Some(entry) = self.routes.get_mut(&net) else { return };
        entry.users = entry.users.saturating_sub(1);
        if entry.users == 0 {
            self.changed.insert(net);
        }
    }

    /// What was refused is wanted again.
    pub fn try_again(&mut self) {
        let refused = self.routes.iter().filter(|(_, entry)| entry.refused.is_some());
        self.changed.extend(refused.map(|(net, _)| *net));
    }

    /// Whether there is more to do.
    pub fn is_behind(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Makes and removes at most `room` routes, and says of how many it was, and whether the kernel
    /// refused any.
    pub fn commit(&mut self, room: usize) -> (usize, bool) {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        let mut done = 0;
        while done < room
            && let Some(net) = self.changed.pop_first()
        {
            done += 1;
            let Some(entry) = self.routes.get_mut(&net) else { continue };
            let next_hop = NextHop::Device(self.outlet.device);
            let (table, metric) = (self.outlet.table, self.metric);
            let wanted = Route { destination: net, next_hop, table, metric };
            let wanted = Some(wanted).filter(|_| entry.users > 0);
            self.refused -= usize::from(entry.refused.take().is_some());
            if entry.made == wanted {
                if wanted.is_none() {
                    self.routes.remove(&net);
                }
                continue;
            }
            gone.extend(entry.made.take());
            match wanted {
                Some(route) => new.push(route),
                None => drop(self.routes.remove(&net)),
            }
        }
        self.remove(&gone);
        let refused = self.add(&new);
        (done, refused)
    }

    fn remove(&mut self, routes: &[Route]) {
        if routes.is_empty() {
            return;
        }
        self.made -= routes.len();
        match self.kernel.remove(routes) {
            Ok(failures) => {
                // What somebody else has removed is as gone as it should be.
                for (_, error) in failures.iter().filter(|(_, error)| !error.is_absent()) {
                    warn!("{error}");
                }
            }
            Err(error) => warn!("{error}"),
        }
    }

    fn add(&mut self, routes: &[Route]) -> bool {
        if routes.is_empty() {
            return false;
        }
        let mut refused: BTreeMap<usize, String> = BTreeMap::new();
        match self.kernel.add(routes) {
            Ok(failures) => {
                refused.extend(failures.into_iter().map(|(at, error)| (at, error.to_string())));
            }
            // Which ones it took is not known; what is there is found to be when it is tried again.
            Err(error) => refused.extend((0..routes.len()).map(|at| (at, error.to_string()))),
        }
        if let Some(first) = refused.values().next() {
            warn!(routes = refused.len(), "nodes are not reached: {first}");
        }
        for (at, route) in routes.iter().enumerate() {
            let Some(entry) = self.routes.get_mut(&route.destination) else { continue };
            match refused.remove(&at) {
                None => {
                    entry.made = Some(*route);
                    self.made += 1;
                }
                Some(why) => {
                    entry.refused = Some(why);
                    self.refused += 1;
                    self.refusals += 1;
                }
            }
        }
        self.refused > 0
    }

    /// How a route stands; `None` is one that nobody wants.
    pub fn standing(&self, net: IpNet) -> Option<Standing<'_>> {
        let entry = self.routes.get(&net)?;
        Some(match (&entry.made, &entry.refused) {
            (Some(_), _) => Standing::Made,
            (None, Some(why)) => Standing::Refused(why),
            (None, None) => Standing::Waiting,
        })
    }

    /// How many stand how.
    pub fn count(&self) -> Count {
        let Self { made, refused, refusals, .. } = *self;
        Count { made, waiting: self.routes.len() - made - refused, refused, refusals }
    }
}
