//! Gateways that give up what is being taken back.
//!
//! A de-registration of such a binding ends it at once: the addresses are kept for no other gateway,
//! as they would be otherwise (RFC 5213 §5.3.5). But its answer can be lost, and then the gateway
//! asks again (§6.9.4), about a session that is no more and that §5.4.1 has nothing be answered
//! about. So what the session was is remembered for as long as it would have been kept, and the
//! gateway is told once more that it is over.

use std::time::Instant;

use kedge_model::Lifetime;
use kedge_wire::registry::Status;

use crate::answer::{self, Acceptance};
use crate::binding::Binding;
use crate::class::Class;
use crate::rejection::{Discard, Rejection};
use crate::request::Request;
use crate::slot::NodeKey;
use crate::{Lma, Now, lookup};

/// How many are remembered; a gateway that asks about an earlier one is not answered.
const MOST: usize = 1_024;

/// A session that its gateway has given up, and that ended then.
#[derive(Debug)]
pub(crate) struct Farewell {
    session: Binding,
    until: Instant,
}

impl Farewell {
    fn is_about(&self, request: &Request<'_>) -> bool {
        let Binding { customer, mn_id, .. } = &self.session;
        request.node(*customer) == Some(NodeKey::new(*customer, mn_id))
            && self.session.is_at_sender_of(request)
            && lookup::is_about(&self.session, request)
    }
}

impl Lma {
    /// Remembers a session that has ended.
    pub(crate) fn remember(&mut self, session: Binding, now: Now) {
        let is_over = |first: &Farewell| first.until <= now.mono;
        while self.farewells.len() >= MOST || self.farewells.front().is_some_and(is_over) {
            self.farewells.pop_front();
        }
        let until = now.mono + self.settings.delete_wait;
        self.farewells.push_back(Farewell { session, until });
    }

    /// Answers a de-registration that was heard before, of a session that is over, again. Whatever
    /// else is rejected stays so.
    pub(crate) fn repeat_farewell(
        &mut self,
        request: &Request<'_>,
        rejection: Rejection,
        now: Now,
    ) -> Result<(), Rejection> {
        let unknown = Rejection::Discarded(Discard::SessionNotFound);
        if rejection != unknown || !request.is_deregistration() {
            return Err(rejection);
        }
        let is_it = |farewell: &Farewell| farewell.until > now.mono && farewell.is_about(request);
        let found = self.farewells.iter().rposition(is_it).filter(|place| {
            self.check_order(request, Some(&self.farewells[*place].session), now).is_ok()
        });
        let Some(session) = found.map(|place| &mut self.farewells[place].session) else {
            return Err(rejection);
        };
        session.note_order(request);
        let mut bytes = self.buffers.take();
        let acceptance = farewell(session);
        answer::accept(&mut bytes, request, &acceptance, &session.delegated, None);
        self.send_acceptance(request, Class::Deregistration, &acceptance, bytes);
        Ok(())
    }
}

/// What a de-registration of this session is answered with.
pub(crate) fn farewell(session: &Binding) -> Acceptance {
    Acceptance {
        status: Status::ACCEPTED,
        lifetime: Lifetime::ZERO,
        refresh_advice: None,
        addresses: session.addresses,
        link_local: session.link_local,
        gre: None,
        tlv: false,
        nat: None,
    }
}
