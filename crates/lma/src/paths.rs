//! Where a node is reached: its care-of address, and what belongs to that.

use std::net::{IpAddr, Ipv4Addr};

use kedge_model::{SignalPath, Tunnel};

use crate::peers::PeerIndex;

/// The paths of a binding, never none: one, until RFC 8278 is built.
#[derive(Debug)]
pub struct Paths {
    first: BindingPath,
}

/// One care-of address of a binding.
#[derive(Clone, Debug)]
pub struct BindingPath {
    /// The Proxy-CoA.
    pub care_of: IpAddr,
    /// Where the last accepted update came from, and what is sent to the gateway goes.
    pub signal: SignalPath,
    /// The tunnel to the gateway.
    pub tunnel: Tunnel,
    /// The gateway's own address where a translator puts another one in its place. It tells the
    /// gateways behind one translator apart.
    pub behind: Option<Ipv4Addr>,
    pub(crate) peer: PeerIndex,
}

impl BindingPath {
    /// The gateway's address as the gateway itself knows it, which protection is computed over.
    pub(crate) fn known_to_itself(&self) -> IpAddr {
        self.behind.map_or(self.signal.peer.ip(), IpAddr::V4)
    }
}

impl Paths {
    pub(crate) fn new(first: BindingPath) -> Self {
        Self { first }
    }

    /// The path in use.
    pub fn first(&self) -> &BindingPath {
        &self.first
    }

    /// Every path, the one in use first.
    pub fn iter(&self) -> impl Iterator<Item = &BindingPath> {
        std::iter::once(&self.first)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut BindingPath> {
        std::iter::once(&mut self.first)
    }

    /// Puts another path in the place of the one in use, and gives that.
    pub(crate) fn replace_first(&mut self, path: BindingPath) -> BindingPath {
        std::mem::replace(&mut self.first, path)
    }
}
