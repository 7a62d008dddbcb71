//! The servers in the order in which they are preferred: which is asked next, and how much it is
//! sent.

use std::net::SocketAddr;
use std::time::Instant;

use crate::identifiers::Identifiers;
use crate::request::Work;
use crate::server::{Server, ServerState};
use crate::window::Window;
use crate::{AttributeType, Code, PacketRef};

/// The servers, by their places.
#[derive(Debug, Default)]
pub struct Servers(Vec<Place>);

/// One of them, and what it is sent.
#[derive(Debug)]
pub struct Place {
    pub state: ServerState,
    authentication: Lane,
    accounting: Lane,
}

/// One kind of work at one server.
#[derive(Debug, Default)]
pub struct Lane {
    pub identifiers: Identifiers,
    pub window: Window,
}

impl Servers {
    /// Takes the places of those there were. One that keeps its name keeps its counters.
    pub fn replace(&mut self, servers: Vec<Server>) {
        let mut before: Vec<ServerState> = self.0.drain(..).map(|place| place.state).collect();
        for server in servers {
            let known = before.iter().position(|state| state.server.name == server.name);
            let mut state = ServerState::new(server);
            if let Some(known) = known.map(|at| before.swap_remove(at)) {
                (state.counters, state.answered) = (known.counters, known.answered);
            }
            let (authentication, accounting) = (Lane::default(), Lane::default());
            self.0.push(Place { state, authentication, accounting });
        }
    }

    pub fn states(&self) -> impl Iterator<Item = &ServerState> {
        self.0.iter().map(|place| &place.state)
    }

    pub fn states_mut(&mut self) -> impl Iterator<Item = &mut ServerState> {
        self.0.iter_mut().map(|place| &mut place.state)
    }

    pub fn get(&self, index: usize) -> Option<&Place> {
        self.0.get(index)
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut Place> {
        self.0.get_mut(index)
    }

    /// The first from `from` on that is asked for such work.
    pub fn next_asked(&self, work: Work, from: usize, now: Instant) -> Option<usize> {
        let last_resort = self.last_resort(work, now);
        let is_asked = |(index, place): &(usize, &Place)| {
            let rests = place.state.is_dead(now) && last_resort != Some(*index);
            place.address(work).is_some() && !rests
        };
        self.0.iter().enumerate().skip(from).find(is_asked).map(|(index, _)| index)
    }

    /// When every server is dead, a request goes to the one that is left alone no longer first, and
    /// notices one that is back.
    fn last_resort(&self, work: Work, now: Instant) -> Option<usize> {
        if !self.are_down(work, now) {
            return None;
        }
        let does = self.0.iter().enumerate().filter(|(_, place)| place.address(work).is_some());
        Some(does.min_by_key(|(_, place)| place.state.dead_until)?.0)
    }

    /// Whether every server that does this work is dead, or there is none.
    pub fn are_down(&self, work: Work, now: Instant) -> bool {
        let mut does = self.0.iter().filter(|place| place.address(work).is_some());
        does.all(|place| place.state.is_dead(now))
    }
}

impl Place {
    /// Where it does this work; `None` if it does not.
    pub fn address(&self, work: Work) -> Option<SocketAddr> {
        match work {
            Work::Authentication => self.state.server.authentication,
            Work::Accounting => self.state.server.accounting,
        }
    }

    pub fn lane(&self, work: Work) -> &Lane {
        match work {
            Work::Authentication => &self.authentication,
            Work::Accounting => &self.accounting,
        }
    }

    pub fn lane_mut(&mut self, work: Work) -> &mut Lane {
        match work {
            Work::Authentication => &mut self.authentication,
            Work::Accounting => &mut self.accounting,
        }
    }

    /// Counts a verified packet by what it says, and tells whether it answers such work.
    pub fn count_answer(&mut self, work: Work, packet: PacketRef<'_>) -> bool {
        let counters = &mut self.state.counters;
        match (work, packet.code()) {
            (Work::Authentication, Code::ACCESS_ACCEPT) => counters.access_accepts += 1,
            (Work::Authentication, Code::ACCESS_REJECT) => counters.access_rejects += 1,
            (Work::Authentication, Code::ACCESS_CHALLENGE) => counters.access_challenges += 1,
            // A server that does not account says so like this (RFC 6614 §2.5): it has taken
            // nothing, and another one is asked when the time of this one is over.
            (Work::Accounting, Code::ACCOUNTING_RESPONSE)
                if packet.get(AttributeType::ERROR_CAUSE).is_some() =>
            {
                counters.accounting_refused += 1;
                return false;
            }
            (Work::Accounting, Code::ACCOUNTING_RESPONSE) => counters.accounting_responses += 1,
            _ => {
                counters.unexpected += 1;
                return false;
            }
        }
        true
    }
}
