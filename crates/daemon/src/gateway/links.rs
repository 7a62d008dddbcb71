//! The devices of a gateway: its access interfaces and its own networks come, go up, go down, go.

use kedge_mag::{InterfaceId, LinkState};
use kedge_net::NetError;
use kedge_net::netlink::{self, DeviceIndex, Link};
use kedge_net::owned::Owned;
use kedge_net::poll::{Poller, Token};
use kedge_sansio::Now;
use tracing::{info, warn};

use super::Gateway;
use super::branch::Survey;
use super::port::{Port, Unusable};
use crate::{devices, tokens};

impl Gateway {
    /// Adds an access interface; with `link`, its device is made ready, or the interface is not
    /// added.
    pub fn add_port(
        &mut self,
        id: InterfaceId,
        name: &str,
        link: Option<&Link>,
        poller: &Poller,
        host: &mut Owned,
    ) -> Result<(), Unusable> {
        let mut port = Port::new(name.to_owned());
        if let Some(link) = link {
            port.open(link, poller, token(id), host);
            if let Some(why) = port.fault() {
                return Err(Unusable { interface: name.to_owned(), why: why.to_owned() });
            }
        }
        self.ports.insert(id, port);
        Ok(())
    }

    /// Removes an access interface; its device is as it was before.
    pub fn remove_port(&mut self, id: InterfaceId, host: &mut Owned) {
        if let Some(mut port) = self.ports.remove(&id) {
            port.close(host);
        }
    }

    /// Takes what the kernel reports about devices and their addresses.
    pub fn handle_kernel_event(
        &mut self,
        event: &netlink::Event,
        poller: &Poller,
        host: &mut Owned,
        now: Now,
    ) {
        match event {
            netlink::Event::Link(link) => {
                self.handle_link(link, poller, host, now);
                if self.branches.names(&link.name) {
                    self.refresh_branches(poller, host, now);
                }
            }
            netlink::Event::LinkGone(link) => {
                self.handle_link_gone(link.index, &link.name, host, now);
                if self.branches.names(&link.name) {
                    self.refresh_branches(poller, host, now);
                }
            }
            netlink::Event::Resync => {
                if let Err(error) = self.resync(poller, host, now) {
                    warn!("{error}");
                }
            }
            netlink::Event::AddressAdded(address) | netlink::Event::AddressRemoved(address) => {
                if self.branches.has(address.device) {
                    self.refresh_branches(poller, host, now);
                }
            }
            // The machine asks the nodes itself whether they are there.
            netlink::Event::NeighbourFailed { .. } => {}
        }
    }

    /// Takes a device as it is now: an access interface may have come, gone up or gone down.
    fn handle_link(&mut self, link: &Link, poller: &Poller, host: &mut Owned, now: Now) {
        let found = self.ports.iter_mut().find(|(_, port)| port.name() == link.name);
        let Some((&id, port)) = found else { return };
        port.open(link, poller, token(id), host);
        self.mag.handle_mtu(id, u16::try_from(link.mtu).unwrap_or(u16::MAX), now);
        let state = if link.running { LinkState::Up } else { LinkState::Down };
        self.mag.handle_link(id, state, now);
        self.settle(host, now);
    }

    /// Takes a device that is gone.
    fn handle_link_gone(&mut self, gone: DeviceIndex, name: &str, host: &mut Owned, now: Now) {
        let found = self.ports.iter_mut().find(|(_, port)| match port.device() {
            Some(device) => device == gone,
            // One that could not be used.
            None => port.name() == name,
        });
        let Some((&id, port)) = found else { return };
        info!("access interface {name} is gone");
        port.forget(host);
        self.mag.handle_link(id, LinkState::Gone, now);
        self.settle(host, now);
    }

    /// Compares the access interfaces with the devices there are, after events were lost.
    pub fn resync(&mut self, poller: &Poller, host: &mut Owned, now: Now) -> Result<(), NetError> {
        let links = host.netlink().links()?;
        let is_there = |device| links.iter().any(|link| link.index == device);
        let known = self.ports.values().filter_map(|port| Some((port.device()?, port.name())));
        let gone = known.filter(|(device, _)| !is_there(*device));
        let gone: Vec<_> = gone.map(|(device, name)| (device, name.to_owned())).collect();
        for (device, name) in gone {
            self.handle_link_gone(device, &name, host, now);
        }
        for link in &links {
            self.handle_link(link, poller, host, now);
        }
        self.refresh_branches(poller, host, now);
        Ok(())
    }

    /// Takes the devices and addresses of this router's own networks as they are.
    pub(super) fn refresh_branches(&mut self, poller: &Poller, host: &mut Owned, now: Now) {
        if self.branches.is_empty() {
            return;
        }
        match self.survey()(host) {
            Ok(survey) => {
                self.branches.refresh(&survey, &mut self.mag, poller, host, now);
                self.settle(host, now);
            }
            Err(error) => warn!("{error}"),
        }
    }

    /// How to read what branches need to know of the host.
    pub(super) fn survey(&self) -> impl FnOnce(&mut Owned) -> Result<Survey, NetError> + use<> {
        let mtu = self.ends.state().devices.get(&self.mag.settings().inner).copied();
        move |host| Survey::of(host, devices::GATEWAY, mtu.unwrap_or(u16::MAX))
    }

    /// Lets the packets of the nodes that are attached, and of them alone, reach the kernel.
    pub(super) fn admit(&mut self, host: &mut Owned) {
        for id in self.routes.take_touched() {
            if let Some(port) = self.ports.get_mut(&id) {
                port.set_attached(self.routes.attached(id), host);
            }
        }
    }
}

fn token(id: InterfaceId) -> Token {
    Token(tokens::ACCESS.0 + u64::from(id.0))
}
