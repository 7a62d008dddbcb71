//! Where a service's signalling and tunnels end, and its nodes' packets come out: at its
//! addresses, a socket each and a place in its data plane, and at a device in each inner world.
//!
//! ```text
//!   add: new addresses, devices, MTUs ──► in force ──► reduce: what leaves
//!           │ the host refuses something             │ sockets hear answers for a while
//!           └──► restore: as before                  └──► gone
//! ```

mod kernel;
mod state;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use kedge_dataplane::{Change, DataplaneError, Local, Policy, Side};
use kedge_dp_user::DpUser;
use kedge_model::{VrfId, World};
use kedge_net::NetError;
use kedge_net::hosts::Hosts;
use kedge_net::place::Place;
use kedge_net::poll::{Poller, Token};
use tracing::warn;

use crate::devices;
use crate::forwarding::Plane;
use crate::signalling::Signalling;
use crate::tokens;

pub use kernel::{Device, things};
pub use state::State;

/// The UDP port of tunnelled packets (RFC 5844 §4.1.3.2, figure 12).
pub const UDP_DATA_PORT: u16 = 5437;

/// The sockets and the data plane of one service.
pub struct Ends {
    side: Side,
    /// The signalling sockets.
    pub signalling: Signalling,
    /// The data plane.
    pub plane: Plane,
    state: State,
    /// The names of the devices.
    names: BTreeMap<VrfId, String>,
    /// Those that the kernel was asked about.
    devices: BTreeMap<VrfId, Device>,
}

/// One of the ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// An address in a transport world.
    Address(VrfId, IpAddr),
    /// The device of an inner world, with its MTU.
    Device(VrfId, u16),
}

/// What the host refuses them.
#[derive(Debug, thiserror::Error)]
pub enum EndsError {
    /// By the kernel's tables and sockets.
    #[error(transparent)]
    Net(#[from] NetError),
    /// By the data plane.
    #[error("data plane: {0}")]
    Dataplane(#[from] DataplaneError),
}

impl Ends {
    /// None yet. The poller will know the sockets as `first` and those behind it.
    pub fn start(side: Side, poller: &Poller, first: Token) -> Result<Self, EndsError> {
        let forwarder = DpUser::start(side)?;
        poller.add(forwarder.end(), tokens::FORWARDER)?;
        Ok(Self {
            side,
            signalling: Signalling::new(first),
            plane: Plane::new(Box::new(forwarder)),
            state: State::default(),
            names: BTreeMap::new(),
            devices: BTreeMap::new(),
        })
    }

    /// What they are now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The devices that were looked at.
    pub fn devices(&self) -> &BTreeMap<VrfId, Device> {
        &self.devices
    }

    /// The device of an inner world, if there is one, as the kernel has it.
    pub fn look_at(&mut self, vrf: VrfId, hosts: &mut Hosts) -> Result<Option<&Device>, EndsError> {
        if !self.devices.contains_key(&vrf)
            && let Some(name) = self.names.get(&vrf)
        {
            let world = self.state.world(vrf).clone();
            let link = hosts.of(&world)?.netlink().link(name)?;
            let table = Place::find(&world)?.table();
            self.devices.insert(vrf, Device { world, link, table });
        }
        Ok(self.devices.get(&vrf))
    }

    /// Whether packets pass through a device of this name in the daemon's own namespace, or stop
    /// without it.
    pub fn need(&self, name: &str) -> bool {
        let is_ours = |(vrf, own): (&VrfId, &String)| {
            own == name && !matches!(self.state.world(*vrf), World::Namespace(_))
        };
        let is_vrf = |world: &World| matches!(world, World::Device(vrf) if vrf == name);
        self.names.iter().any(is_ours) || self.state.worlds.values().any(is_vrf)
    }

    /// The name of a device of its own that the kernel has no more.
    pub fn lost(&self, hosts: &mut Hosts) -> Option<&str> {
        let is_lost = |(vrf, name): &(&VrfId, &String)| {
            let host = hosts.of(self.state.world(**vrf));
            host.is_ok_and(|host| host.netlink().link(name).is_err_and(|e| e.is_absent()))
        };
        self.names.iter().find(is_lost).map(|(_, name)| name.as_str())
    }

    /// The addresses and devices that these ends lack, and the devices whose MTU is another one.
    /// From here on they know where its worlds are.
    pub fn lacks(&mut self, wanted: &State) -> Vec<End> {
        self.state.worlds.extend(wanted.worlds.clone());
        let addresses = wanted.addresses.difference(&self.state.addresses);
        let addresses = addresses.map(|&(vrf, address)| End::Address(vrf, address));
        let devices = wanted.devices.iter();
        let devices = devices.filter(|(vrf, mtu)| self.state.devices.get(vrf) != Some(mtu));
        addresses.chain(devices.map(|(&vrf, &mtu)| End::Device(vrf, mtu))).collect()
    }

    /// Adds addresses and devices and gives devices their MTU. On an error, [`Self::restore`] must
    /// follow.
    pub fn add(&mut self, ends: &[End], poller: &Poller) -> Result<(), EndsError> {
        let mut changes = Vec::new();
        for &end in ends {
            match end {
                End::Address(vrf, address) => {
                    let world = self.state.world(vrf).clone();
                    // The kernel lets data share the signalling port once that is bound.
                    self.signalling.open(&world, vrf, address, poller)?;
                    self.state.addresses.insert((vrf, address));
                    changes.push(Change::AddLocal { local: local(vrf, address), world });
                }
                End::Device(vrf, mtu) => changes.push(match self.state.devices.insert(vrf, mtu) {
                    Some(_) => Change::SetMtu { vrf, mtu },
                    None => self.add_device(vrf, mtu),
                }),
            }
        }
        Ok(self.plane.change(&changes)?)
    }

    fn add_device(&mut self, vrf: VrfId, mtu: u16) -> Change {
        let world = self.state.world(vrf).clone();
        let is_taken = |name: &str| self.names.values().any(|taken| taken == name);
        let name = devices::name(self.side, &world, is_taken);
        self.names.insert(vrf, name.clone());
        Change::AddDevice { vrf, world, name, mtu }
    }

    /// Deals with the packets of all its inner worlds like this from now on.
    pub fn set_policy(&mut self, policy: Policy) -> Result<(), DataplaneError> {
        self.plane.set_policy(self.state.devices.keys().copied(), policy)
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = [self.signalling.poll_timeout(), self.plane.poll_timeout()];
        due.into_iter().flatten().min()
    }

    /// What time has brought.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.signalling.handle_timeout(now);
        self.plane.handle_timeout(now);
    }

    fn forget_device(&mut self, vrf: VrfId) {
        self.names.remove(&vrf);
        self.devices.remove(&vrf);
    }

    /// Takes [`Self::lacks`] and [`Self::add`] back.
    pub fn restore(&mut self, before: State) {
        let mut changes = Vec::new();
        for &(vrf, address) in self.state.addresses.difference(&before.addresses) {
            self.signalling.close(vrf, address);
            changes.push(Change::RemoveLocal { vrf, address });
        }
        for (vrf, mtu) in std::mem::take(&mut self.state.devices) {
            match before.devices.get(&vrf) {
                Some(had) if *had == mtu => {}
                // It had that one a moment ago.
                Some(&mtu) => changes.push(Change::SetMtu { vrf, mtu }),
                None => {
                    self.forget_device(vrf);
                    changes.push(Change::RemoveDevice(vrf));
                }
            }
        }
        self.state = before;
        changes.iter().for_each(|change| self.remove(change));
    }

    /// Is in this state from here on; gives the changes that remove what is not in it, for
    /// [`Self::remove`]. Until then, the sockets of addresses hear the answers to what was sent from
    /// there last.
    pub fn reduce(&mut self, wanted: State, leave_by: Instant) -> Vec<Change> {
        let before = std::mem::replace(&mut self.state, wanted);
        let mut changes = Vec::new();
        for &(vrf, address) in before.addresses.difference(&self.state.addresses) {
            self.signalling.leave(vrf, address, leave_by);
            changes.push(Change::RemoveLocal { vrf, address });
        }
        for vrf in before.devices.into_keys() {
            if !self.state.devices.contains_key(&vrf) {
                self.forget_device(vrf);
                changes.push(Change::RemoveDevice(vrf));
            }
        }
        changes
    }

    /// Makes a change that nothing may stop.
    pub fn remove(&mut self, change: &Change) {
        if let Err(error) = self.plane.change(std::slice::from_ref(change)) {
            warn!("forwarding: {error}");
        }
    }
}

fn local(vrf: VrfId, address: IpAddr) -> Local {
    let signalling_port = address.is_ipv4().then_some(kedge_net::signalling::PORT);
    Local { vrf, address, udp_port: UDP_DATA_PORT, signalling_port }
}
