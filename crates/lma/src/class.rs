//! What kind of update one is: the rows "Initial", "Refresh", "DeReg" and "Handoff" of the
//! statistics.

use crate::Lma;
use crate::lookup::Decision;
use crate::request::Request;
use crate::statistics::Statistics;

/// RFC 5213 §5.3.1 (13).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// A new session.
    Initial,
    /// A session of the same gateway.
    Refresh,
    /// Lifetime zero.
    Deregistration,
    /// A session of another gateway.
    Handoff,
}

/// What became of an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Accepted,
    Denied,
    Discarded,
}

impl Lma {
    /// The class of an update that was refused, as far as the existence test tells it; one that
    /// no session can be found for is initial.
    pub(crate) fn class_of(&self, request: &Request<'_>) -> Class {
        if request.is_deregistration() {
            return Class::Deregistration;
        }
        match self.look_up(request, None) {
            Ok(Decision::Update(slot)) => match self.cache[slot].care_of() == request.care_of {
                true => Class::Refresh,
                false => Class::Handoff,
            },
            Ok(Decision::New | Decision::Wait(_) | Decision::Ignore) | Err(_) => Class::Initial,
        }
    }
}

impl Statistics {
    pub fn count_class(&mut self, class: Class, outcome: Outcome) {
        let (received, accepted, denied) = match class {
            Class::Initial => {
                let group = &mut self.initial;
                (&mut group.received, &mut group.accepted, &mut group.denied)
            }
            Class::Refresh => {
                let group = &mut self.refresh;
                (&mut group.received, &mut group.accepted, &mut group.denied)
            }
            Class::Deregistration => {
                let group = &mut self.deregistration;
                (&mut group.received, &mut group.accepted, &mut group.denied)
            }
            Class::Handoff => {
                let group = &mut self.handoff;
                (&mut group.received, &mut group.accepted, &mut group.denied)
            }
        };
        *received += 1;
        match outcome {
            Outcome::Accepted => *accepted += 1,
            Outcome::Denied => *denied += 1,
            Outcome::Discarded => {}
        }
    }
}
