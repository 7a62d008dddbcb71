//! What an operator can watch of a role: its last events, and, when asked for, its messages.
//!
//! While nobody debugs and nobody captures, a message costs one look at two empty places.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use kedge_lma::CustomersSettings;
use kedge_model::{CustomerId, MnId};
use kedge_wire::PacketRef;

use crate::capture::{Capture, Direction, Seen};
use crate::debug::Debug;
use crate::decode::decode;
use crate::trace::Trail;
use crate::words::Note;

/// A capture that both roles write to.
pub type SharedCapture = Rc<RefCell<Capture>>;

/// The eyes of an operator on one role.
#[derive(Debug, Default)]
pub struct Observer {
    /// The last events.
    pub trail: Trail,
    /// Whose messages are shown.
    pub debug: Debug,
    capture: Option<SharedCapture>,
    /// The names of customers, former ones included: events of theirs are kept.
    customers: BTreeMap<CustomerId, String>,
}

impl Observer {
    /// Says in the log what happened, and keeps it. `known` is [`Trail::keep`]'s.
    pub fn event(&mut self, note: Note, known: bool) {
        note.log(self.customer(note.customer()));
        self.trail.keep(note, known, SystemTime::now());
    }

    /// Learns the names of customers.
    pub fn know(&mut self, settings: &CustomersSettings) {
        let named = settings.customers.iter().filter(|customer| !customer.name.is_empty());
        let names = named.map(|customer| (customer.settings.customer, customer.name.clone()));
        self.customers.extend(names);
    }

    /// The name of a customer; `None` for the one that has none.
    pub fn customer(&self, id: CustomerId) -> Option<&str> {
        self.customers.get(&id).map(String::as_str)
    }

    /// Whether messages are to be handed to [`Self::message`].
    pub fn is_watching(&self) -> bool {
        !self.debug.is_off() || self.capture.is_some()
    }

    /// Writes messages to a capture from here on.
    pub fn capture(&mut self, capture: SharedCapture) {
        self.capture = Some(capture);
    }

    /// Shows and captures a message of a customer, if it is one of those asked for. `verdict` is what became of
    /// it; `session` says how a subscriber's session stands.
    pub fn message(
        &mut self,
        customer: CustomerId,
        seen: Seen<'_>,
        verdict: Option<String>,
        session: impl Fn(&MnId) -> Option<String>,
    ) {
        let mn_id = PacketRef::peek_mn_id(seen.bytes).map(|option| option.to_mn_id());
        let mn_id = mn_id.filter(|mn_id| !mn_id.octets().is_empty());
        let peer = seen.path.peer.ip();
        let debugged = self.debug.wants(customer, mn_id.as_ref(), peer);
        let capture = self.capture.as_ref();
        let captured =
            capture.is_some_and(|held| held.borrow().wants(customer, mn_id.as_ref(), &seen));
        if debugged || captured {
            let mut text = decode(seen.bytes);
            if let Some(verdict) = verdict {
                text.push_str("; ");
                text.push_str(&verdict);
            }
            if let Some(session) = mn_id.as_ref().and_then(session) {
                text.push_str("; ");
                text.push_str(&session);
            }
            if let Some(capture) = self.capture.as_ref().filter(|_| captured) {
                capture.borrow_mut().write(&seen, &text, SystemTime::now());
            }
            if debugged {
                self.say(customer, mn_id, peer, seen.direction, &text);
            }
        }
        if self.capture.as_ref().is_some_and(|held| !held.borrow().is_running()) {
            self.capture = None;
        }
    }

    /// Makes what was captured readable; at the end of a turn.
    pub fn flush(&self) {
        if let Some(capture) = &self.capture {
            capture.borrow_mut().flush();
        }
    }

    fn say(
        &mut self,
        customer: CustomerId,
        mn_id: Option<MnId>,
        peer: IpAddr,
        direction: Direction,
        text: &str,
    ) {
        let Some(unsaid) = self.debug.may_say(Instant::now()) else { return };
        let way = match direction {
            Direction::In => "from",
            Direction::Out => "to",
        };
        let unsaid = match unsaid {
            0 => String::new(),
            n => format!(" ({n} messages before it were too many to show)"),
        };
        let text = format!("{way} {peer}: {text}{unsaid}").into();
        self.event(Note::Message { customer, mn_id, peer, text }, true);
    }
}
