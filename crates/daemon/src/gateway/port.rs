//! One access interface: its packet socket, what the kernel is told about it, and what the kernel
//! hears of it.
//!
//! Neighbour Discovery, ARP and DHCP on the link are the machine's alone. A guard keeps them, and
//! the packets of whoever is not attached, from the kernel, which would answer strangers and
//! remember each ([decision](../../../../docs/decisions/a-frame-is-the-daemons-or-the-kernels.md)).

use std::net::Ipv6Addr;

use kedge_model::{IpNet, MacAddr};
use kedge_net::NetError;
use kedge_net::access::{AccessSocket, Attached, Detection, Frame};
use kedge_net::netlink::{Address, DeviceIndex, Guard, Link, Posted};
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
    attached: Attached,
}

struct Open {
    device: DeviceIndex,
    socket: AccessSocket,
    /// What the kernel was told, in the order of telling.
    things: Vec<Thing>,
    /// What the guard lets pass.
    posted: Posted,
    crowd: Crowd,
}

/// What there are too many nodes for on one interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Crowd {
    /// A node that is not attached is noticed by what it says to a router, and by no other packet.
    pub by_control_only: bool,
    /// How many nodes' packets are dropped: there is no room to check their sources.
    pub left_out: usize,
}

impl Port {
    /// An interface that has not appeared yet.
    pub fn new(name: String) -> Self {
        Self { name, open: None, fault: None, attached: Attached::new() }
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

    /// What there are too many nodes for.
    pub fn crowd(&self) -> Crowd {
        self.open.as_ref().map_or(Crowd::default(), |open| open.crowd)
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
                let (device, posted, crowd) = (link.index, Posted::default(), Crowd::default());
                self.open = Some(Open { device, socket, things, posted, crowd });
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
        let guard = Thing::Guard(Guard { device: link.index });
        host.make(guard.clone())?;
        things.push(guard);
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

    /// States whose packets are the kernel's to forward.
    pub fn set_attached(&mut self, attached: Attached, host: &mut Owned) {
        if attached == self.attached {
            return;
        }
        if let Some(open) = &mut self.open {
            let guard = Guard { device: open.device };
            let told = host.netlink().set_guard(guard, &mut open.posted, &attached);
            let told = told.and_then(|left_out| {
                let detection = open.socket.set_attached(&attached)?;
                Ok(Crowd { left_out, by_control_only: detection == Detection::ControlOnly })
            });
            match told {
                Ok(crowd) => note(&self.name, open, crowd),
                Err(error) => {
                    warn!("access interface {}: {error}", self.name);
                    return;
                }
            }
        }
        self.attached = attached;
    }
}

/// Takes note of what there are too many nodes for, and says it when that begins.
fn note(name: &str, open: &mut Open, crowd: Crowd) {
    if crowd.by_control_only && !open.crowd.by_control_only {
        warn!(
            "access interface {name}: so many nodes are attached that another one is noticed by \
             router solicitations, ARP and DHCP alone"
        );
    }
    if crowd.left_out > 0 && open.crowd.left_out == 0 {
        warn!(
            "access interface {name}: so many nodes are attached that the sources of some cannot \
             be checked; their packets are dropped"
        );
    }
    open.crowd = crowd;
}

fn undo(things: Vec<Thing>, host: &mut Owned) {
    for thing in things.iter().rev() {
        if let Err(error) = host.unmake(thing) {
            warn!("{error}");
        }
    }
}
