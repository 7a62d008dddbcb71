//! What an anchor and RADIUS servers have to say to each other: questions about nodes, and the
//! records of their sessions.

use kedge_lma::{Customer, Question, Ticket};
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use tracing::debug;

use super::Anchor;
use crate::aaa::{self, Accounting, AccountingPlan, Cause, Record, Said, SessionIds};

impl Anchor {
    /// Accounts for sessions from here on, or goes on to with another plan.
    pub fn account(&mut self, plan: AccountingPlan, ids: SessionIds, now: Now) {
        if let Some(accounting) = &mut self.accounting {
            return accounting.apply(plan, now);
        }
        let (customers, plane) = (&self.customers, &self.ends.plane);
        self.accounting = Some(Accounting::start(plan, ids, customers, plane, now));
    }

    /// Ends all sessions that are accounted for, and gives the last records.
    pub fn stop_accounting(&mut self, cause: Cause, now: Now) -> Vec<Record> {
        let Some(mut accounting) = self.accounting.take() else { return Vec::new() };
        accounting.stop(cause, &self.customers, &self.ends.plane, now);
        accounting.take_records()
    }

    /// A server has changed what it said about a node: its records say so from here on.
    pub fn reauthorized(&mut self, customer: CustomerId, mn_id: &MnId) {
        let machine = self.customers.customer(customer).map(Customer::lma);
        if let (Some(accounting), Some(lma)) = (&mut self.accounting, machine) {
            accounting.reauthorized(lma.find(customer, mn_id));
        }
    }

    /// The records that were made since the last time.
    pub fn take_records(&mut self) -> Vec<Record> {
        self.accounting.as_mut().map(Accounting::take_records).unwrap_or_default()
    }

    /// What AAA is to be asked since the last time.
    pub fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// Takes AAA's answer to a question of a customer's; [`Self::settle`] must follow.
    pub fn answer(&mut self, customer: CustomerId, ticket: Ticket, said: Said, now: Now) {
        let outcome = self.customers.with(customer, |lma| {
            let said = said.map(|said| aaa::profile(said, lma.settings()));
            lma.handle_authorization(ticket, said, now)
        });
        if let Some(Err(rejection)) = outcome {
            debug!("update refused: {rejection}");
        }
    }

    /// The sessions that are accounted for.
    pub fn accounting(&self) -> Option<&Accounting> {
        self.accounting.as_ref()
    }
}
