//! The gateway as a branch router: the networks behind its logical mobile nodes, as the host has
//! them.
//!
//! The host says which addresses its devices have, and the machine hears which networks that
//! makes. What the machine has registered for them becomes addresses, routes and rules
//! (`things`), and what the hosts of a network are told, where the operator wants that (`port`).

mod addressing;
mod fixed;
mod network;
mod port;
mod survey;
mod things;

use std::collections::BTreeMap;
use std::time::Instant;

use kedge_mag::{AccessNode, InterfaceId, LinkState, Mag, NetworkHosts};
use kedge_model::{BindingId, IpNet, Ipv6Net};
use kedge_net::NetError;
use kedge_net::netlink::DeviceIndex;
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Token};
use kedge_sansio::Now;
use tracing::warn;

use crate::apply::{BranchPlan, has_family};
use crate::tokens;
use addressing::is_global;
use fixed::FixedLink;
use network::Network;
use port::NetworkPort;
use things::Ground;

pub use network::NetworkView;
pub use survey::Survey;

/// All logical mobile nodes of a gateway.
#[derive(Default)]
pub struct Branches {
    all: BTreeMap<InterfaceId, Branch>,
    /// What the hosts of the networks did.
    pub hosts: NetworkHosts,
}

struct Branch {
    plan: BranchPlan,
    networks: Vec<Network>,
    /// What is used in place of the anchor while it works.
    fixed: Option<FixedLink>,
    /// The home interface, if it is there.
    home_device: Option<DeviceIndex>,
    /// Its home addresses, as the operator has put them on the home interface.
    home: Vec<IpNet>,
    /// What is registered, and for which binding.
    granted: Option<(BindingId, AccessNode)>,
    /// What the kernel was told.
    things: Vec<Thing>,
}

impl Branches {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Puts other plans in the place of those there were. [`Self::refresh`] must follow.
    pub fn configure(&mut self, plans: Vec<BranchPlan>, mag: &Mag, host: &mut Owned) {
        let ids = &mag.settings().interfaces;
        let mut before = std::mem::take(&mut self.all);
        for plan in plans {
            let Some((&id, _)) = ids.iter().find(|(_, has)| has.name == plan.name) else {
                continue;
            };
            let mut old = before.remove(&id);
            let networks = plan.networks.iter().map(|plan| {
                let of_old = old.iter_mut().flat_map(|old| &mut old.networks);
                let known = of_old.into_iter().find(|known| known.plan.device == plan.device);
                known.map_or_else(|| Network::new(plan.clone()), |known| known.follow(plan.clone()))
            });
            let networks = networks.collect();
            let (home, granted, things) =
                old.map_or_else(Default::default, |old| (old.home, old.granted, old.things));
            let fixed = plan.fixed.clone().map(FixedLink::new);
            let branch = Branch { plan, networks, fixed, home_device: None, home, granted, things };
            self.all.insert(id, branch);
        }
        for mut branch in before.into_values() {
            branch.make(Vec::new(), host);
        }
    }

    /// Takes the host as it is, and tells the machine.
    pub fn refresh(
        &mut self,
        survey: &Survey,
        mag: &mut Mag,
        poller: &Poller,
        host: &mut Owned,
        now: Now,
    ) {
        let mut place = 0;
        for (&id, branch) in &mut self.all {
            branch.look(survey);
            for network in &mut branch.networks {
                let token = Token(tokens::NETWORK.0 + place);
                network.open(poller, token);
                place += 1;
            }
            mag.handle_branch(id, branch.wanted(), now);
            let rests = branch.fixed.as_mut().is_some_and(|fixed| {
                fixed.look(survey, host, now);
                fixed.works()
            });
            mag.handle_link(id, if rests { LinkState::Down } else { LinkState::Up }, now);
            branch.settle(survey, &mut self.hosts, host, now);
        }
    }

    /// What the machine wants for a binding, if it is one of these.
    pub fn want(
        &mut self,
        binding: BindingId,
        want: Option<&AccessNode>,
        survey: impl FnOnce(&mut Owned) -> Result<Survey, NetError>,
        host: &mut Owned,
        now: Now,
    ) -> bool {
        let branch = match want {
            Some(node) => self.all.get_mut(&node.interface),
            None => self.all.values_mut().find(|branch| {
                branch.granted.as_ref().is_some_and(|(granted, _)| *granted == binding)
            }),
        };
        let Some(branch) = branch else { return false };
        branch.granted = want.map(|node| (binding, node.clone()));
        if let Some(node) = want {
            let mut networks: Vec<_> =
                branch.networks.iter_mut().map(|n| (&n.plan, &mut n.addressing)).collect();
            addressing::give(&mut networks, &node.delegated);
        }
        match survey(host) {
            Ok(survey) => branch.settle(&survey, &mut self.hosts, host, now),
            Err(error) => warn!("{error}"),
        }
        true
    }

    /// Whether a device is one of a branch.
    pub fn has(&self, device: DeviceIndex) -> bool {
        let is_it = |network: &Network| network.link.as_ref().is_some_and(|l| l.index == device);
        self.all
            .values()
            .any(|branch| branch.home_device == Some(device) || branch.networks.iter().any(is_it))
    }

    /// Whether a device of this name is one of a branch.
    pub fn names(&self, device: &str) -> bool {
        self.all.values().any(|branch| {
            branch.plan.home.as_deref() == Some(device)
                || branch.fixed.as_ref().is_some_and(|fixed| fixed.name() == device)
                || branch.networks.iter().any(|network| network.plan.device == device)
        })
    }

    /// Reads frames from the network in this place.
    pub fn receive(&mut self, place: usize, now: Now) {
        let mut networks = self.all.values_mut().flat_map(|branch| &mut branch.networks);
        if let Some(port) = networks.nth(place).and_then(|network| network.port.as_mut()) {
            port.receive(&mut self.hosts, now);
        }
    }

    /// Whether a fixed link has begun or ceased to work, which [`Self::refresh`] takes into account.
    pub fn have_changed(&mut self, host: &mut Owned, now: Now) -> bool {
        let mut have_changed = false;
        for fixed in self.all.values_mut().filter_map(|branch| branch.fixed.as_mut()) {
            have_changed |= fixed.has_changed(host, now);
        }
        have_changed
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let networks = self.all.values_mut().flat_map(|branch| &mut branch.networks);
        for port in networks.filter_map(|network| network.port.as_mut()) {
            port.handle_timeout(&mut self.hosts, now);
        }
    }

    /// When [`Self::handle_timeout`] or [`Self::have_changed`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let networks = self.all.values().flat_map(|branch| &branch.networks);
        let ports = networks.filter_map(|network| network.port.as_ref());
        let fixed = self.all.values().filter_map(|branch| branch.fixed.as_ref()?.due());
        ports.filter_map(NetworkPort::poll_timeout).chain(fixed).min()
    }

    /// Undoes everything.
    pub fn retire(&mut self, host: &mut Owned) {
        for mut branch in std::mem::take(&mut self.all).into_values() {
            branch.make(Vec::new(), host);
        }
    }

    /// The networks of a logical mobile node.
    pub fn networks(&self, id: InterfaceId, now: Now) -> Vec<NetworkView<'_>> {
        let networks = self.all.get(&id).into_iter().flat_map(|branch| &branch.networks);
        networks.map(|network| network.view(now)).collect()
    }

    /// The fixed link of a logical mobile node, and whether it works.
    pub fn fixed(&self, id: InterfaceId) -> Option<(&str, bool)> {
        let fixed = self.all.get(&id)?.fixed.as_ref()?;
        Some((fixed.name(), fixed.works()))
    }

    /// What is configured for a logical mobile node.
    pub fn plan(&self, id: InterfaceId) -> Option<&BranchPlan> {
        self.all.get(&id).map(|branch| &branch.plan)
    }
}

impl Branch {
    /// Takes the devices and addresses as they are.
    fn look(&mut self, survey: &Survey) {
        let home = self.plan.home.as_ref().and_then(|name| survey.link(name));
        self.home_device = home.map(|link| link.index);
        self.home = home.filter(|_| !self.plan.dynamic).map_or(Vec::new(), |link| {
            let own = survey.of_others(link.index, &self.things);
            let service = self.plan.service;
            own.filter(|net| is_global(net.addr()) && has_family(service, net.addr())).collect()
        });
        for network in &mut self.networks {
            network.look(survey, &self.things);
        }
    }

    /// What the machine is to ask for.
    fn wanted(&self) -> kedge_mag::Branch {
        let networks = self.networks.iter().map(|n| (&n.plan, &n.addressing));
        let mut wanted = addressing::wanted(self.plan.service, networks);
        wanted.ipv4 = self.home.iter().find_map(|net| match net {
            IpNet::V4(net) => Some(*net),
            IpNet::V6(_) => None,
        });
        wanted.ipv6 = self.home.iter().find_map(|net| match net {
            // RFC 5213 §6.9.1.1: a home network is a link's prefix.
            IpNet::V6(net) => Ipv6Net::new(net.addr(), 64).ok().map(|net| net.trunc()),
            IpNet::V4(_) => None,
        });
        wanted
    }

    /// Makes it so in the kernel, and tells the hosts.
    fn settle(&mut self, survey: &Survey, hosts: &mut NetworkHosts, host: &mut Owned, now: Now) {
        let up = self.networks.iter().filter_map(|network| {
            let addresses = network.addressing.addresses().collect();
            Some((network.up()?.index, addresses, network.addressing.given.clone()))
        });
        // An address that the operator has put there stays the operator's.
        let home = self.plan.home.as_ref().filter(|_| self.home.is_empty());
        let home = home.and_then(|name| survey.link(name)).filter(|link| link.up);
        let ground = Ground {
            plan: &self.plan,
            tunnel: survey.tunnel,
            home: home.map(|link| link.index),
            networks: up.collect(),
        };
        let mut wanted = ground.addresses();
        if let Some((_, node)) = &self.granted {
            wanted.extend(ground.routes(&node.inner, &node.delegated));
        }
        self.make(wanted, host);
        for network in &mut self.networks {
            network.serve(survey.mtu, hosts, now);
        }
    }

    /// Makes these things in the place of those there are. One that cannot be made is tried again
    /// when something has changed.
    fn make(&mut self, wanted: Vec<Thing>, host: &mut Owned) {
        let before = std::mem::take(&mut self.things);
        for thing in before.iter().rev().filter(|thing| !wanted.contains(thing)) {
            if let Err(error) = host.unmake(thing) {
                warn!("{error}");
            }
        }
        for thing in wanted {
            match host.make(thing.clone()) {
                Ok(()) => self.things.push(thing),
                Err(error) => warn!("{error}"),
            }
        }
    }
}
