//! Forwarding: what a data plane is, its tables, and the pure reference forwarder.
//!
//! A data plane holds, for each binding, the inner addresses of a subscriber and the tunnels its
//! packets travel in ([`kedge_model::Forwarding`]), and counts what it carries. The daemon makes
//! changes through the trait [`Dataplane`]; several backends implement it.
//!
//! ```text
//!   inner side                                       transport side
//!   ----------  encapsulate: find the binding by     --------------
//!     VRF  ──►  inner destination (anchor) or        ──► outer packet
//!               inner source (gateway)
//!          ◄──  decapsulate: peer, local address,    ◄── outer packet
//!               key and inner source (anchor) or
//!               inner destination (gateway) must
//!               belong to one binding
//! ```
//!
//! This crate is pure: no socket, no clock, no thread. Packets are byte slices, time is an
//! argument. [`Forwarder`] is the reference: a backend is right when it agrees with it packet by
//! packet. Nothing here panics, whatever octets it is given.

mod access_list;
mod arrived;
pub mod chaos;
pub mod checksum;
mod counters;
mod crowds;
pub mod ecn;
mod ends;
mod error;
pub mod fake;
mod few;
mod forwarder;
mod fragment;
pub mod gre;
mod held;
mod icmp;
pub mod inner;
mod ledger;
mod mss;
mod outer;
mod packets;
mod places;
mod policy;
mod prefixes;
mod shim;
mod slab;
mod tables;
pub mod tlv;
mod totals;
mod tunnel_error;
mod verdict;
mod ways;

pub use access_list::{AccessList, Addresses, Between, Messages, PortRange, Rule};
pub use arrived::{Arrived, Carried, unwrap, unwrap_quote};
pub use counters::{BindingCells, BindingCounters};
pub use ends::{Carrier, EndId, Local, Ports, TunnelEnd};
pub use error::DataplaneError;
pub use few::Few;
pub use forwarder::{Fit, Forwarder, Inbound, Load, Outbound};
pub use fragment::fragments;
pub use icmp::{IPV6_MINIMUM_MTU, Reply};
use std::net::IpAddr;

pub use held::{Held, HeldPath};
use kedge_model::{BindingId, Forwarding, VrfId, World};
pub use ledger::{Counts, Ledger};
pub use mss::Clamp;
pub use outer::{HOP_LIMIT, Marks};
pub use packets::{InnerPacket, OuterPacket};
pub use places::MOST_PLACES;
pub use policy::{Marking, Policy};
pub use shim::Shim;
pub use tables::Tables;
pub use totals::{
    Drops, Kind, MssClamping, TotalCells, Totals, TunnelData, TunnelDataReceived, TunnelDataSent,
    TunnelIcmpv6,
};
pub use tunnel_error::{TunnelError, TunnelFault};
pub use verdict::{DropReason, Verdict};
pub use ways::Narrow;

/// Which end of the tunnels this is; it decides which inner address names the binding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// A local mobility anchor: the subscriber is the destination of what enters a tunnel and
    /// the source of what leaves it.
    Anchor,
    /// A mobile access gateway: the other way round.
    Gateway,
}

/// One change to what a data plane holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Hold this for the binding, in place of what was held for it before. Its counters go on.
    Bind {
        /// The binding.
        binding: BindingId,
        /// What to hold.
        want: Forwarding,
    },
    /// Hold nothing for the binding, and forget its counters.
    Unbind(BindingId),
    /// Whether a gateway routes packets between its own subscribers itself (RFC 5213 §6.10.3,
    /// EnableMAGLocalRouting). At first it does not.
    RouteLocally(bool),
    /// Tunnels may start at this address, too.
    AddLocal {
        /// The address, and the number of its transport routing world.
        local: Local,
        /// Where that world is.
        world: World,
    },
    /// No tunnel starts at this address any more; bindings with a path from there are not held any
    /// more.
    RemoveLocal {
        /// The transport routing world.
        vrf: VrfId,
        /// The address.
        address: IpAddr,
    },
    /// An inner routing world more: it gets a device, through which its packets pass.
    AddDevice {
        /// The number of the world.
        vrf: VrfId,
        /// Where it is.
        world: World,
        /// The device's name, at most 15 octets.
        name: String,
        /// The largest inner packet that the kernel puts in whole.
        mtu: u16,
    },
    /// An inner routing world less: its device goes, and bindings whose packets are of that world
    /// are not held any more.
    RemoveDevice(VrfId),
    /// The device of an inner routing world has another MTU.
    SetMtu {
        /// The inner routing world.
        vrf: VrfId,
        /// The largest inner packet that the kernel puts in whole.
        mtu: u16,
    },
    /// Deal with the packets of an inner routing world like this from now on, all at once.
    SetPolicy {
        /// The inner routing world.
        vrf: VrfId,
        /// What to do.
        policy: Policy,
    },
}

/// Something that forwards packets between inner routing worlds and tunnels.
pub trait Dataplane {
    /// Makes changes, in order. When this returns `Ok`, packets are forwarded accordingly. On an
    /// error the changes before the one that failed are in force, and that one and those behind
    /// it are not; the error names the binding.
    fn apply(&mut self, changes: &[Change]) -> Result<(), DataplaneError>;

    /// What a binding's packets added up to; `None` for one that is not held.
    fn counters(&self, binding: BindingId) -> Option<BindingCounters>;

    /// Everything that was counted since the data plane was started.
    fn totals(&self) -> Totals;

    /// The ways to peers that were found to carry less than their first link.
    fn narrow_ways(&self) -> Vec<Narrow> {
        Vec::new()
    }

    /// Whether packets are being forwarded. One that has stopped does not begin again.
    fn is_running(&self) -> bool {
        true
    }
}
