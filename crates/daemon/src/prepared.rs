//! A change that the host has everything for, one that it is being made ready for, and what has no
//! place in one that came into force.

use std::collections::VecDeque;

use kedge_dataplane::Change;
use kedge_mag::InterfaceId;
use kedge_model::{VrfId, World};
use kedge_net::hosts::Wanted;

use crate::aaa::{Bound, Secured};
use crate::anchor::Anchor;
use crate::apply::Plan;
use crate::ends::{End, State};
use crate::gateway::Gateway;

/// What becomes of an access interface whose device is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Devices {
    /// It is refused: who names a device by hand may have misspelt it.
    Needed,
    /// It may come later, as when a host starts.
    Awaited,
}

/// A change that the host has everything for.
pub struct Prepared {
    pub(crate) plan: Plan,
    /// A role that is new.
    pub(crate) anchor: Option<Anchor>,
    pub(crate) gateway: Option<Gateway>,
    /// What the roles that stay had.
    pub(crate) anchor_was: Option<State>,
    pub(crate) gateway_was: Option<State>,
    /// RADIUS servers with what they are secured with.
    pub(crate) radius: Secured,
    /// Where they ask for changes.
    pub(crate) dynamic: Bound,
    /// What is new, in the order of making.
    pub(crate) made: Vec<Wanted>,
    pub(crate) ports: Vec<InterfaceId>,
    /// All that is wanted of the kernel.
    pub(crate) wanted: Vec<Wanted>,
}

/// A change whose half the host may have.
pub struct Preparing {
    pub(crate) new: Prepared,
    pub(crate) devices: Devices,
    pub(crate) steps: VecDeque<Step>,
}

/// What is still to be removed.
#[derive(Default)]
pub struct Removing {
    /// What the kernel holds, in the order of making.
    pub(crate) things: Vec<Wanted>,
    /// The anchor's addresses and devices.
    pub(crate) ends: VecDeque<Change>,
    /// Where nothing runs any more.
    pub(crate) worlds: Vec<World>,
}

/// What is done in one go.
pub enum Step {
    /// A world is entered.
    Enter(World),
    /// Ends of the anchor are added.
    Anchor(Vec<End>),
    /// Ends of the gateway are added.
    Gateway(Vec<End>),
    /// The anchor's device of a world is looked at.
    Look(VrfId),
    /// What is wanted of the kernel is known now.
    Want,
    /// One of the things that are.
    Make(Wanted),
    /// Access interfaces, and the port for management.
    Ports,
}

impl Preparing {
    /// What is being prepared.
    pub fn plan(&self) -> &Plan {
        &self.new.plan
    }

    /// What was prepared, in whole or in part.
    pub fn into_prepared(self) -> Prepared {
        self.new
    }
}
