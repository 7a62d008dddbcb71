//! One network of a branch: its device, its addresses, and the socket where its hosts ask for
//! theirs.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use kedge_mag::{LeaseView, NetworkHosts, Served};
use kedge_model::{IpNet, MacAddr};
use kedge_net::netlink::Link;
use kedge_net::owned::Thing;
use kedge_net::poll::{Poller, Token};
use kedge_sansio::Now;
use tracing::{info, warn};

use super::addressing::{Addressing, is_global};
use super::port::NetworkPort;
use super::survey::Survey;
use crate::apply::NetworkPlan;

/// A network behind a logical mobile node, as the host has it.
pub struct Network {
    /// What the operator says about it.
    pub plan: NetworkPlan,
    /// Its device, if it is there.
    pub link: Option<Link>,
    /// The router's own address on it.
    link_local: Option<IpAddr>,
    /// Its prefixes.
    pub addressing: Addressing,
    /// Where its hosts are served.
    pub port: Option<NetworkPort>,
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

impl Network {
    /// One that nothing is known of yet.
    pub fn new(plan: NetworkPlan) -> Self {
        let (link, link_local, port, fault) = (None, None, None, None);
        Self { plan, link, link_local, addressing: Addressing::default(), port, fault }
    }

    /// The same network under another plan. Its addresses are read again.
    pub fn follow(&mut self, plan: NetworkPlan) -> Self {
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
    pub fn up(&self) -> Option<&Link> {
        self.link.as_ref().filter(|link| link.up)
    }

    /// Takes its device and addresses as they are.
    pub fn look(&mut self, survey: &Survey, ours: &[Thing]) {
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

    /// Has a socket if its hosts are to be served and its device is up.
    pub fn open(&mut self, poller: &Poller, token: Token) {
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

    /// States what its hosts are told.
    pub fn serve(&mut self, mtu: u16, hosts: &mut NetworkHosts, now: Now) {
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
            mac: link.mac.unwrap_or(MacAddr([0; 6])),
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

    /// The network, to look at.
    pub fn view(&self, now: Now) -> NetworkView<'_> {
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
