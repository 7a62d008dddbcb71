//! What comes out of the machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_model::{BindingId, Forwarding, IpNet, Ipv4Net, Ipv6Net};
use kedge_model::{Lifetime, MacAddr, MnId, SignalPath};
use kedge_wire::registry::{BindingErrorStatus, RevocationStatus, RevocationTrigger, Status};

/// Names an access interface; the shell knows the device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InterfaceId(pub u32);

/// What the shell knows about an interface's link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// Nodes can be there.
    Up,
    /// No carrier, or shut down: nobody is there.
    Down,
    /// The device is gone.
    Gone,
}

/// Something for the shell to do. The order matters: routes come before the advertisement that
/// makes the node use them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send a signalling message.
    Send {
        /// From and to where.
        path: SignalPath,
        /// The packet's code point.
        dscp: u8,
        /// The message; give it back with [`Mag::reclaim`](crate::Mag::reclaim).
        bytes: Vec<u8>,
    },
    /// Send an Ethernet frame on an access interface.
    Frame {
        /// Where.
        interface: InterfaceId,
        /// The frame; give it back with [`Mag::reclaim`](crate::Mag::reclaim).
        bytes: Vec<u8>,
    },
    /// What the data plane should hold for this binding; `None` is nothing.
    Forward {
        /// Whose.
        binding: BindingId,
        /// Its inner addresses and its tunnel.
        want: Option<Forwarding>,
    },
    /// What the kernel should hold for this node on its access interface; `None` is nothing.
    Access {
        /// Whose.
        binding: BindingId,
        /// Its link and its addresses.
        want: Option<AccessNode>,
    },
    /// AAA is to be asked who the node with this MAC address is; the answer is for
    /// [`Mag::handle_identity`](crate::Mag::handle_identity).
    Identify {
        /// Where it was heard.
        interface: InterfaceId,
        /// Its address.
        mac: MacAddr,
    },
    /// Something an operator may want to know.
    Event(Event),
}

/// A node on its access link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessNode {
    /// Where the node is.
    pub interface: InterfaceId,
    /// Its hardware address; `None` for a static node that has not been heard yet.
    pub mac: Option<MacAddr>,
    /// Its link-local address, if it has shown one.
    pub link_local: Option<Ipv6Addr>,
    /// Its prefixes and its address: routed to `interface`.
    pub inner: Vec<IpNet>,
    /// The prefixes of the network behind it: routed to it as a router. Those of the router that
    /// is a mobile node itself are its own networks'.
    pub delegated: Vec<IpNet>,
    /// The address under which the gateway is its IPv4 router; packets to it are the kernel's.
    pub ipv4_router: Option<Ipv4Addr>,
    /// The prefix length of its IPv4 subnet.
    pub ipv4_prefix_len: u8,
}

impl AccessNode {
    /// All that is the node's, on its link and behind it.
    pub fn all_inner(&self) -> Vec<IpNet> {
        self.inner.iter().chain(&self.delegated).copied().collect()
    }
}

/// What made the gateway notice a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// A router solicitation.
    RouterSolicitation,
    /// A DHCP message.
    Dhcp,
    /// An ARP packet or another neighbour message.
    Neighbor,
    /// Any other packet.
    Packet,
    /// The interface always has this node.
    Static,
    /// A command.
    Command,
}

/// Why a node is no longer served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetachReason {
    /// Its link went down or away.
    Link,
    /// It did not answer.
    Silent,
    /// It appeared on another interface of this gateway.
    Moved,
    /// It gave its only address back.
    Released,
    /// An operator said so.
    Cleared,
    /// The settings no longer have it.
    Reconfigured,
    /// The gateway stops.
    Shutdown,
    /// The anchor took the binding back.
    Revoked,
}

/// Why a node that is there has no binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The anchor said no.
    Status(Status),
    /// The acknowledgement repeated another identity than the update had: nothing is sent again
    /// before an operator acts (RFC 5213 §6.9.1.2, item 6).
    EchoMismatch,
    /// The anchor accepted, but gave no address or no lifetime.
    NothingGranted,
    /// The anchor gave what a session with another anchor has.
    Taken,
    /// The anchor revoked the binding for an administrative reason.
    Revoked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::EchoMismatch => f.write_str("acknowledgement for another identity"),
            Self::NothingGranted => f.write_str("accepted without addresses or lifetime"),
            Self::Taken => f.write_str("given what another anchor has given to another session"),
            Self::Revoked => f.write_str("revoked by the anchor"),
        }
    }
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A node was noticed; its registration begins.
    Attached {
        /// Its binding.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// Where it is.
        interface: InterfaceId,
        /// Its hardware address.
        mac: Option<MacAddr>,
        /// What gave it away.
        trigger: Trigger,
    },
    /// The anchor accepted a node's registration; its traffic flows.
    Registered {
        /// Its binding.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// The anchor.
        lma: IpAddr,
        /// Its home network prefixes.
        prefixes: Vec<Ipv6Net>,
        /// Its IPv4 home address in its subnet.
        ipv4: Option<Ipv4Net>,
        /// The lifetime granted.
        lifetime: Lifetime,
        /// From the first update to the acknowledgement.
        took: Duration,
    },
    /// The prefixes delegated to a node's router are others now, or none.
    Delegated {
        /// Its binding.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// The prefixes.
        prefixes: Vec<IpNet>,
    },
    /// The anchor has not answered several updates in a row.
    Unanswered {
        /// Whose.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// The anchor.
        lma: IpAddr,
        /// Updates sent so far.
        attempts: u32,
    },
    /// A node is there and gets no service.
    Refused {
        /// Its binding.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// Why.
        why: Refusal,
        /// When it is tried again; `None` waits for an operator.
        retry_in: Option<Duration>,
    },
    /// A session is with another anchor than before.
    AnchorChanged {
        /// Which.
        binding: BindingId,
        /// Whose.
        mn_id: MnId,
        /// The anchor it left.
        from: IpAddr,
        /// The anchor it is with, or asks to be with.
        to: IpAddr,
    },
    /// An anchor did not accept that all sessions with it end at once; each is ended by itself.
    RevocationRefused {
        /// The anchor.
        peer: IpAddr,
        /// What it says.
        status: RevocationStatus,
    },
    /// A binding ran out because no refresh was acknowledged.
    Expired {
        /// Which.
        binding: BindingId,
        /// Whose.
        mn_id: MnId,
    },
    /// A node is no longer served.
    Detached {
        /// Its binding.
        binding: BindingId,
        /// Who it was.
        mn_id: MnId,
        /// Why.
        reason: DetachReason,
    },
    /// An anchor took a binding back.
    Revoked {
        /// Which.
        binding: BindingId,
        /// Whose.
        mn_id: MnId,
        /// Why.
        trigger: RevocationTrigger,
    },
    /// An anchor does not answer any more.
    PeerDown {
        /// The anchor.
        peer: IpAddr,
    },
    /// An anchor that was down answers again.
    PeerUp {
        /// The anchor.
        peer: IpAddr,
    },
    /// An anchor has lost its bindings; they are registered again.
    PeerRestarted {
        /// The anchor.
        peer: IpAddr,
    },
    /// A peer did not understand a message.
    BindingError {
        /// Who says so.
        peer: IpAddr,
        /// What it says.
        status: BindingErrorStatus,
    },
    /// A node was turned away because the gateway is full.
    Full {
        /// Where.
        interface: InterfaceId,
        /// Its hardware address.
        mac: Option<MacAddr>,
    },
    /// A node found its IPv4 home address in use on its link.
    AddressInUse {
        /// Whose.
        binding: BindingId,
        /// Who it is.
        mn_id: MnId,
        /// The address.
        address: Ipv4Addr,
    },
}
