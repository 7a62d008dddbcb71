//! The gateway as a branch router: the networks behind its logical mobile nodes, as the host has
//! them.
//!
//! The host says which addresses its devices have, and the machine hears which networks that
//! makes. What the machine has registered for them becomes addresses, routes and rules
//! (`things`), and what the hosts of a network are told, where the operator wants that (`port`).

mod networks;
mod port;
mod things;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Instant;

use kedge_mag::{AccessNode, InterfaceId, LeaseView, LinkState, Mag, NetworkHosts, Served};
use kedge_model::{BindingId, IpNet};
use kedge_net::NetError;
use kedge_net::netlink::{Address, DeviceIndex, Link};
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Token};
use kedge_sansio::Now;
use tracing::{info, warn};

use crate::apply::{BranchPlan, NetworkPlan, has_family};
use crate::tokens;
use networks::{Addressing, is_global};
use port::NetworkPort;
use things::Ground;

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
    /// The home interface, if it is there.
    home_device: Option<DeviceIndex>,
    /// Its home addresses, as the operator has put them on the home interface.
    home: Vec<IpNet>,
    /// What is registered, and for which binding.
    granted: Option<(BindingId, AccessNode)>,
    /// What the kernel was told.
    things: Vec<Thing>,
}

struct Network {
    plan: NetworkPlan,
    link: Option<Link>,
    link_local: Option<IpAddr>,
    addressing: Addressing,
    port: Option<NetworkPort>,
    /// Why its hosts cannot be served.
    fault: Option<String>,
}

/// A network, to look at.
pub struct NetworkView<'a> {
    /// What the operator says about it.
    pub plan: &'a NetworkPlan,
    /// Whether its device is there and up.
    pub up: bool,
    /// The router's addresses on it.
    pub addresses: Vec<IpNet>,
    /// The prefixes that an anchor has delegated for it.
    pub given: &'a [IpNet],
    /// Why its hosts cannot be served.
    pub fault: Option<&'a str>,
    /// The leases of its hosts.
    pub leases: Vec<LeaseView>,
}

/// What is there of the host, read once.
pub struct Survey {
    links: Vec<Link>,
    addresses: Vec<Address>,
    /// The device of the tunnels.
    tunnel: DeviceIndex,
    /// The largest packet for a tunnel.
    mtu: u16,
}

impl Survey {
    /// Reads the devices and addresses of the host.
    pub fn of(host: &mut Owned, tunnel: &str, mtu: u16) -> Result<Self, NetError> {
        let netlink = host.netlink();
        let tunnel = netlink.link(tunnel)?.index;
        Ok(Self { links: netlink.links()?, addresses: netlink.addresses()?, tunnel, mtu })
    }

    fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of a device, but for those that were put there by `ours`.
    fn of_others<'a>(
        &'a self,
        device: DeviceIndex,
        ours: &'a [Thing],
    ) -> impl Iterator<Item = IpNet> + 'a {
        let on_device = self.addresses.iter().filter(move |address| address.device == device);
        let theirs = on_device.filter(|address| !ours.contains(&Thing::Address(**address)));
        theirs.map(|address| address.net)
    }
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
            let branch = Branch { plan, networks, home_device: None, home, granted, things };
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
            mag.handle_link(id, LinkState::Up, now);
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
            networks::give(&mut networks, &node.delegated);
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

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let networks = self.all.values_mut().flat_map(|branch| &mut branch.networks);
        for port in networks.filter_map(|network| network.port.as_mut()) {
            port.handle_timeout(&mut self.hosts, now);
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let networks = self.all.values().flat_map(|branch| &branch.networks);
        let ports = networks.filter_map(|network| network.port.as_ref());
        ports.filter_map(NetworkPort::poll_timeout).min()
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
        let mut wanted = networks::wanted(self.plan.service, networks);
        wanted.ipv4 = self.home.iter().find_map(|net| match net {
            IpNet::V4(net) => Some(*net),
            IpNet::V6(_) => None,
        });
        wanted.ipv6 = self.home.iter().find_map(|net| match net {
            // RFC 5213 §6.9.1.1: a home network is a link's prefix.
            IpNet::V6(net) => kedge_model::Ipv6Net::new(net.addr(), 64).ok().map(|net| net.trunc()),
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

impl Network {
    fn new(plan: NetworkPlan) -> Self {
        let (link, link_local, port, fault) = (None, None, None, None);
        Self { plan, link, link_local, addressing: Addressing::default(), port, fault }
    }

    /// The same network under another plan. Its addresses are read again.
    fn follow(&mut self, plan: NetworkPlan) -> Self {
        let given = std::mem::take(&mut self.addressing.given);
        Self {
            port: self.port.take().filter(|_| plan.serve),
            link: self.link.take(),
            link_local: self.link_local,
            addressing: Addressing { own: None, given },
            fault: None,
            plan,
        }
    }

    /// The device, while it is up.
    fn up(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.up)
    }

    fn look(&mut self, survey: &Survey, ours: &[Thing]) {
        let link = survey.link(&self.plan.device).cloned();
        if self.link.as_ref().map(|link| link.index) != link.as_ref().map(|link| link.index) {
            // Another device, or none: what was known was about the other.
            self.addressing.own = None;
            (self.port, self.fault) = (None, None);
        }
        self.link = link;
        let Some(link) = self.link.as_ref().filter(|link| link.up) else { return };
        let of_others = || survey.of_others(link.index, ours);
        let is_link_local =
            |addr: &IpAddr| matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
        self.link_local = of_others().map(|net| net.addr()).find(is_link_local);
        if self.plan.learn || self.addressing.own.is_none() {
            let own = of_others().filter(|net| is_global(net.addr()));
            self.addressing.own = Some(own.collect());
        }
    }

    fn open(&mut self, poller: &Poller, token: Token) {
        let Some(link) = self.link.as_ref().filter(|link| link.up && self.plan.serve) else {
            self.port = None;
            return;
        };
        if self
            .port
            .as_ref()
            .is_some_and(|port| port.device() == link.index && port.token() == token)
        {
            return;
        }
        let seed = RandomState::new().hash_one(token);
        self.port = None;
        match NetworkPort::open(link, poller, token, seed) {
            Ok(port) => {
                info!("hosts on {} get their addresses here", self.plan.device);
                (self.port, self.fault) = (Some(port), None);
            }
            Err(error) => {
                let fault = error.to_string();
                if self.fault.as_ref() != Some(&fault) {
                    warn!("mobile network {}: {fault}", self.plan.device);
                }
                self.fault = Some(fault);
            }
        }
    }

    fn serve(&mut self, mtu: u16, hosts: &mut NetworkHosts, now: Now) {
        let (Some(port), Some(link)) = (&mut self.port, &self.link) else { return };
        let ipv4 = self.addressing.addresses().find_map(|net| match net {
            IpNet::V4(net) => Some(net),
            IpNet::V6(_) => None,
        });
        let ipv6 = self.addressing.addresses().filter_map(|net| match net {
            IpNet::V6(net) => Some(net.trunc()),
            IpNet::V4(_) => None,
        });
        let served = Served {
            mac: link.mac.unwrap_or(kedge_model::MacAddr([0; 6])),
            link_local: self.link_local.and_then(|address| match address {
                IpAddr::V6(address) => Some(address),
                IpAddr::V4(_) => None,
            }),
            ipv4,
            ipv6: ipv6.collect(),
            mtu: mtu.min(u16::try_from(link.mtu).unwrap_or(u16::MAX)),
        };
        port.serve(served, hosts, now);
    }

    fn view(&self, now: Now) -> NetworkView<'_> {
        NetworkView {
            plan: &self.plan,
            up: self.up().is_some(),
            addresses: self.addressing.addresses().collect(),
            given: &self.addressing.given,
            fault: self.fault.as_deref(),
            leases: self.port.iter().flat_map(|port| port.leases(now)).collect(),
        }
    }
}
