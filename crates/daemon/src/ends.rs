//! Where a service's signalling and tunnels end: at its addresses, a socket each and a place in
//! its data plane.
//!
//! ```text
//!   extend: new addresses, other MTU ──► in force ──► reduce: addresses that leave
//!              │ the host refuses something             │ their sockets hear answers for a while
//!              └──► as before                           └──► gone
//! ```

use std::net::IpAddr;
use std::time::Instant;

use kedge_dataplane::{Change, DataplaneError, Local, Side};
use kedge_dp_user::{DeviceConfig, DpUser, TransportLocal};
use kedge_model::VrfId;
use kedge_net::poll::{Poller, Token};

use crate::forwarding::Plane;
use crate::signalling::Signalling;
use crate::startup::StartError;

/// The UDP port of tunnelled packets (RFC 5844 §4.1.3.2, figure 12).
const UDP_DATA_PORT: u16 = 5437;

/// The sockets and the data plane of one service.
pub struct Ends {
    /// The signalling sockets.
    pub signalling: Signalling,
    /// The data plane.
    pub plane: Plane,
    state: State,
}

/// What of them the configuration says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The service's addresses.
    pub addresses: Vec<IpAddr>,
    /// The MTU of its device.
    pub mtu: u16,
}

impl Ends {
    /// Opens the sockets, which the poller knows as `first` and those behind it, and then makes
    /// the device.
    pub fn start(
        side: Side,
        device: &str,
        state: State,
        poller: &Poller,
        first: Token,
    ) -> Result<Self, StartError> {
        let mut signalling = Signalling::new(VrfId::DEFAULT, first);
        for &address in &state.addresses {
            signalling.open(address, poller)?;
        }
        let local = |&address: &IpAddr| {
            let Local { vrf, address, udp_port, signalling_port } = local(address);
            TransportLocal { vrf, address, udp_port, signalling_port, netns: None }
        };
        let (vrf, mtu) = (VrfId::DEFAULT, state.mtu);
        let backend = DpUser::start(kedge_dp_user::Config {
            side,
            devices: vec![DeviceConfig { vrf, name: device.to_owned(), netns: None, mtu }],
            locals: state.addresses.iter().map(local).collect(),
        })?;
        Ok(Self { signalling, plane: Plane::new(Box::new(backend)), state })
    }

    /// What they are now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Adds the addresses that are new and gives the device its MTU. On an error, all is as it was.
    pub fn extend(&mut self, wanted: State, poller: &Poller) -> Result<(), StartError> {
        let before = self.state.clone();
        self.try_extend(wanted, poller).inspect_err(|_| self.restore(before))
    }

    fn try_extend(&mut self, wanted: State, poller: &Poller) -> Result<(), StartError> {
        for address in wanted.addresses {
            if self.state.addresses.contains(&address) {
                continue;
            }
            // The kernel lets data share the signalling port once that is bound.
            self.signalling.open(address, poller)?;
            self.state.addresses.push(address);
            self.plane.change(Change::AddLocal(local(address)))?;
        }
        if wanted.mtu != self.state.mtu {
            self.plane.change(Change::SetMtu { vrf: VrfId::DEFAULT, mtu: wanted.mtu })?;
            self.state.mtu = wanted.mtu;
        }
        Ok(())
    }

    /// Takes [`Self::extend`] back.
    pub fn restore(&mut self, before: State) {
        for address in without(&self.state.addresses, &before.addresses) {
            self.signalling.close(address);
            let _ = self.plane.change(remove(address));
        }
        if self.state.mtu != before.mtu {
            // It had that one a moment ago.
            let _ = self.plane.change(Change::SetMtu { vrf: VrfId::DEFAULT, mtu: before.mtu });
        }
        self.state = before;
    }

    /// Removes the addresses that are not among these. Until then, their sockets hear the answers
    /// to what was sent from there last.
    pub fn reduce(
        &mut self,
        addresses: &[IpAddr],
        leave_by: Instant,
    ) -> Result<(), DataplaneError> {
        let leaving = without(&self.state.addresses, addresses);
        self.state.addresses = addresses.to_vec();
        for &address in &leaving {
            self.signalling.leave(address, leave_by);
        }
        leaving.into_iter().try_for_each(|address| self.plane.change(remove(address)))
    }
}

fn without(all: &[IpAddr], kept: &[IpAddr]) -> Vec<IpAddr> {
    all.iter().copied().filter(|address| !kept.contains(address)).collect()
}

fn remove(address: IpAddr) -> Change {
    Change::RemoveLocal { vrf: VrfId::DEFAULT, address }
}

fn local(address: IpAddr) -> Local {
    Local {
        vrf: VrfId::DEFAULT,
        address,
        udp_port: UDP_DATA_PORT,
        signalling_port: address.is_ipv4().then_some(kedge_net::signalling::PORT),
    }
}
