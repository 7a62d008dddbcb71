//! What can happen, and to whom.

use std::rc::Rc;

use kedge_mag::LinkState;
use kedge_model::{SignalPath, VrfId};

use super::aaa::Answer;
use crate::host::Place;

/// Who has timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Station {
    /// An anchor.
    Anchor(usize),
    /// A gateway.
    Gateway(usize),
    /// A host.
    Host(usize),
}

/// What is planned.
#[derive(Debug)]
pub enum Event {
    /// A station's timer is due.
    Wake(Station),
    /// A message arrives; the path is its receiver's.
    Message {
        /// Whose.
        to: Station,
        /// Between whom.
        path: SignalPath,
        /// The code point.
        dscp: u8,
        /// What.
        bytes: Rc<[u8]>,
    },
    /// An outer packet arrives.
    Tunnelled {
        /// Where.
        to: Station,
        /// In which routing world.
        transport: VrfId,
        /// What.
        outer: Rc<[u8]>,
    },
    /// AAA says something.
    Authorized(Answer),
    /// A frame arrives at a gateway.
    Uplink(Place, Rc<[u8]>),
    /// A frame arrives at the hosts of a link.
    Downlink(Place, Rc<[u8]>),
    /// The carrier of a link is found to be gone, or there again.
    Carrier(Place, LinkState),
    /// A host asks its correspondent something.
    Ping(usize),
    /// A host behind a gateway asks its correspondent something.
    BranchPing(usize),
    /// Something goes wrong.
    Disturb,
}
