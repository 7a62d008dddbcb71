//! AAA: what anchors ask about nodes, and what becomes of the answers.

use kedge_lma::{NoProfile, Profile, Question, Ticket};

use super::{Event, Station, World};
use crate::plan::customer_number;
use crate::trail::Happened;

/// An answer on its way.
#[derive(Clone, Debug)]
pub struct Answer {
    anchor: usize,
    /// The life of the anchor in which it asked: a later one does not remember.
    life: u32,
    customer: usize,
    ticket: Ticket,
    profile: Result<Profile, NoProfile>,
}

impl World {
    /// An anchor asks. As long as the weather is bad, so is AAA: it may say nothing, no, or the
    /// same thing twice.
    pub(super) fn ask(&mut self, anchor: usize, question: &Question) {
        let trouble = self.network.weather.aaa_trouble;
        self.memory.excluded |= trouble > 0;
        if self.chance.per_mille(trouble) {
            return;
        }
        let customer = customer_number(question.customer);
        let whys = [NoProfile::Refused, NoProfile::Unreachable, NoProfile::Failed];
        let profile = match self.chance.per_mille(trouble) {
            true => Err(self.chance.pick(&whys)),
            false => {
                let orders = self.anchors[anchor].orders;
                Ok(self.plan.authorized(anchor, orders, &question.mn_id))
            }
        };
        let life = self.anchors[anchor].restarts;
        let answer = Answer { anchor, life, customer, ticket: question.ticket, profile };
        let copies = 1 + u32::from(self.chance.per_mille(trouble));
        for _ in 0..copies {
            let delay = self.chance.millis(1, 10 + 20 * trouble);
            self.agenda.plan(self.clock.now() + delay, Event::Authorized(answer.clone()));
        }
    }

    pub(super) fn take_authorization(&mut self, answer: Answer) {
        let Answer { anchor, life, customer, ticket, profile } = answer;
        if self.anchors[anchor].restarts != life {
            return;
        }
        let what = match &profile {
            Ok(_) => "yes".to_owned(),
            Err(why) => format!("{why:?}"),
        };
        self.note(Happened::Disturbance(format!("AAA says to anchor {anchor} {ticket:?}: {what}")));
        let now = self.now(Station::Anchor(anchor));
        // Whatever becomes of the update that waited is in the output and in the counters.
        let _rejected = self.anchors[anchor]
            .order(customer, |lma| lma.handle_authorization(ticket, profile, now));
        self.settle(Station::Anchor(anchor));
    }
}
