//! One access interface: its packet socket and what the kernel is told about it.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use kedge_model::{IpNet, MacAddr};
use kedge_net::NetError;
use kedge_net::access::{AccessSocket, Frame};
use kedge_net::netlink::{Address, DeviceIndex, Link};
use kedge_net::owned::{Owned, Thing};
use kedge_net::poll::{Poller, Token};
use kedge_net::sysctl::Sysctl;
use tracing::warn;

/// The link-local address of every gateway on every access link (RFC 6543 §3).
const GATEWAY_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0x5eff, 0xfe00, 0x5213);

/// An access interface that cannot be one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("access interface {interface}: {why}")]
pub struct Unusable {
    /// Its name.
    pub interface: String,
    /// The reason.
    pub why: String,
}

/// The device of an access interface.
pub fn device<'a>(links: &'a [Link], name: &str) -> Result<&'a Link, Unusable> {
    links.iter().find(|link| link.name == name).ok_or_else(|| Unusable {
        interface: name.to_owned(),
        why: "this host has no such device".to_owned(),
    })
}

/// An access interface, there or not.
pub struct Port {
    name: String,
    open: Option<Open>,
    /// Why the device that is there cannot be used.
    fault: Option<String>,
    attached: BTreeSet<MacAddr>,
}

struct Open {
    device: DeviceIndex,
    socket: AccessSocket,
    /// What the kernel was told, in the order of telling.
    things: Vec<Thing>,
}

impl Port {
    /// An interface that has not appeared yet.
    pub fn new(name: String) -> Self {
        Self { name, open: None, fault: None, attached: BTreeSet::new() }
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The device, while it is there and set up.
    pub fn device(&self) -> Option<DeviceIndex> {
        self.open.as_ref().map(|open| open.device)
    }

    /// Why the device cannot be used.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Makes the device a gateway's access interface, once. What is wrong with it is told when it
    /// begins, not with each change of the device.
    pub fn open(&mut self, link: &Link, poller: &Poller, token: Token, host: &mut Owned) {
        match self.device() {
            Some(device) if device == link.index => return,
            // A new device took the name before the old one's end was heard of.
            Some(_) => self.forget(host),
            None => {}
        }
        let mut things = Vec::new();
        // The loopback device has an address of zeros.
        let outcome = match link.mac.filter(|mac| *mac != MacAddr([0; 6])) {
            Some(_) => self
                .set_up(link, poller, token, host, &mut things)
                .map_err(|error| error.to_string()),
            None => Err("it is no Ethernet device".to_owned()),
        };
        match outcome {
            Ok(socket) => {
                self.open = Some(Open { device: link.index, socket, things });
                self.fault = None;
            }
            Err(fault) => {
                undo(things, host);
                if self.fault.as_ref() != Some(&fault) {
                    warn!("access interface {}: {fault}", self.name);
                }
                self.fault = Some(fault);
            }
        }
    }

    fn set_up(
        &self,
        link: &Link,
        poller: &Poller,
        token: Token,
        host: &mut Owned,
        things: &mut Vec<Thing>,
    ) -> Result<AccessSocket, NetError> {
        let set = |entry, value: &str| Thing::Sysctl { entry, value: value.to_owned() };
        let device = link.name.as_str();
        let net = IpNet::new_assert(GATEWAY_LINK_LOCAL.into(), 64);
        let address = Address { device: link.index, net };
        let wanted = [
            // The gateway is the router of this link, never one of its hosts.
            set(Sysctl::ipv6(device, "accept_ra"), "0"),
            // Its address is every gateway's: it must be there at once, and is no duplicate.
            set(Sysctl::ipv6(device, "accept_dad"), "0"),
            set(Sysctl::ipv6(device, "forwarding"), "1"),
            set(Sysctl::ipv4(device, "forwarding"), "1"),
            Thing::Mac { device: device.to_owned(), mac: MacAddr::PMIPV6_GATEWAY },
            Thing::Address(address),
            // When the link comes up again, the kernel makes an address from the MAC address, and
            // that is the gateways'.
            set(Sysctl::ipv6(device, "addr_gen_mode"), "0"),
        ];
        for thing in wanted {
            host.make(thing.clone())?;
            things.push(thing);
        }
        // The device may have had a link-local address before; a node is to hear of one router.
        host.netlink().speak_as(&address)?;
        let socket = AccessSocket::open(link)?;
        poller.add(&socket, token)?;
        Ok(socket)
    }

    /// Takes note that the device is gone, and everything that was done to it.
    pub fn forget(&mut self, host: &mut Owned) {
        for thing in self.open.take().into_iter().flat_map(|open| open.things) {
            host.forget(&thing);
        }
        self.fault = None;
        self.attached.clear();
    }

    /// Undoes everything that was done to the device.
    pub fn close(&mut self, host: &mut Owned) {
        undo(self.open.take().map_or(Vec::new(), |open| open.things), host);
    }

    /// The next frame that has arrived.
    pub fn receive(&mut self) -> Result<Option<Frame<'_>>, NetError> {
        match &mut self.open {
            Some(open) => open.socket.recv(),
            None => Ok(None),
        }
    }

    /// Sends a frame; without the device it is lost, as on a cut wire.
    pub fn send(&self, frame: &[u8]) -> Result<(), NetError> {
        self.open.as_ref().map_or(Ok(()), |open| open.socket.send(frame))
    }

    /// States whose packets need no look.
    pub fn set_attached(&mut self, attached: BTreeSet<MacAddr>) {
        if attached == self.attached {
            return;
        }
        if let Some(open) = &self.open
            && let Err(error) = open.socket.set_attached(&attached)
        {
            warn!("access interface {}: {error}", self.name);
            return;
        }
        self.attached = attached;
    }
}

fn undo(things: Vec<Thing>, host: &mut Owned) {
    for thing in things.iter().rev() {
        if let Err(error) = host.unmake(thing) {
            warn!("{error}");
        }
    }
}
