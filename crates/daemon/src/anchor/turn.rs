//! A turn of an anchor: what has arrived is handled, and what its machines ask for is done.

use std::time::Instant;

use kedge_lma::{Customer, Customers, Discard, Lma, Load, Output, Refused, Rejection, State, What};
use kedge_model::{CustomerId, Datagram, MnId};
use kedge_net::NetError;
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use tracing::debug;

use super::Anchor;
use crate::aaa::Accounting;
use crate::capture::{Direction, Seen};
use crate::clock;
use crate::words::Note;

impl Anchor {
    /// Reads one batch from the socket in this place, and makes the answers, which [`Self::send`]
    /// sends. Says whether there is more.
    pub fn receive(&mut self, place: usize, batch: &mut Batch, now: Now) -> Result<bool, NetError> {
        self.ends.signalling.receive(place, batch)?;
        // A batch that is not full has emptied the socket.
        let load = match batch.is_full() {
            true => self
                .ends
                .signalling
                .backlog(place)
                .map(|(waiting, room)| Load::of_queue(waiting, room))?,
            false => Load::Normal,
        };
        // The load is that of the customer whose socket it is: the others do not feel it.
        let customer = self.party(place);
        if let Some(customer) = customer {
            self.customers.set_load(customer, load);
        }
        self.customers.look_ahead(batch.datagrams());
        let leaves = self.ends.signalling.is_leaving(place);
        for datagram in batch.datagrams() {
            let outcome = match leaves {
                true => self.customers.handle_last_datagram(datagram, now),
                false => self.customers.handle_datagram(datagram, now),
            };
            let rejection = outcome.as_ref().err();
            if let Some(rejection) = rejection {
                debug!(peer = %datagram.path.peer.ip(), "update refused: {rejection}");
            }
            if let Some(Refused::Rejected(Rejection::Discarded(Discard::Malformed(error)))) =
                rejection
                && self.ends.signalling.complain(place, datagram, error, now.mono)
                && let Some(customer) = customer
            {
                self.customers.with(customer, Lma::handle_problem_told);
            }
            if self.observer.is_watching() {
                let Datagram { path, dscp, bytes } = datagram;
                let seen = Seen { direction: Direction::In, path, dscp, bytes };
                let verdict =
                    outcome.map_or_else(|rejection| rejection.to_string(), |()| "taken".to_owned());
                let customer = customer.unwrap_or_default();
                self.observer.message(customer, seen, Some(verdict), |mn_id| {
                    session(&self.customers, customer, mn_id)
                });
            }
        }
        self.settle();
        Ok(batch.is_full())
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.ends.handle_timeout(now.mono);
        self.customers.handle_timeout(now);
        if let Some(accounting) = &mut self.accounting {
            accounting.handle_timeout(&self.customers, &self.ends.plane, now);
        }
        self.settle();
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let routes = self.routes.poll_timeout(Instant::now());
        let interim = self.accounting.as_ref().and_then(Accounting::poll_timeout);
        let ends = self.ends.poll_timeout();
        [self.customers.poll_timeout(), ends, routes, interim].into_iter().flatten().min()
    }

    /// Does what the machine asks for, but for the messages: [`Self::send`] follows. Forwarding comes
    /// before the acknowledgements: the first packet of a node finds its tunnel.
    pub fn settle(&mut self) {
        while let Some(output) = self.customers.poll_output() {
            match output {
                Output::Send { path, dscp, bytes } => {
                    if self.observer.is_watching() {
                        let seen = Seen { direction: Direction::Out, path, dscp, bytes: &bytes };
                        let customer = self.customers.at(path.transport, path.local.ip());
                        let customer = customer.unwrap_or_default();
                        self.observer.message(customer, seen, None, |mn_id| {
                            session(&self.customers, customer, mn_id)
                        });
                    }
                    self.ends.signalling.queue(path, dscp, bytes);
                }
                Output::Forward { binding, want } => {
                    let path = want.as_ref().and_then(|want| want.paths.first());
                    let tunnel = path.map(|path| path.tunnel);
                    self.routes.want(binding, want.as_ref());
                    let last = self.ends.plane.want(binding, want);
                    if let Some(accounting) = &mut self.accounting {
                        let carried = last.or_else(|| self.ends.plane.counters(binding));
                        let carried = carried.unwrap_or_default();
                        let (customers, now) = (&self.customers, clock::sample());
                        accounting.forwarded(binding, tunnel.as_ref(), carried, customers, now);
                    }
                }
                Output::Authorize(question) => self.questions.push(*question),
                Output::Event(event) => {
                    if let Some(accounting) = &mut self.accounting {
                        let (customers, plane) = (&self.customers, &self.ends.plane);
                        accounting.happened(&event, customers, plane, clock::sample());
                    }
                    if let What::Released { binding, .. } = event.what {
                        if let Some(last) = self.ends.plane.counters(binding) {
                            self.carried.entry(event.customer).or_default().add(last);
                        }
                        self.ends.plane.forget(binding);
                        self.routes.release(binding);
                    }
                    // A denial can be a stranger's doing; all else is about sessions and peers.
                    let denied = matches!(event.what, What::Denied { .. });
                    let has_session =
                        |lma: &Lma| lma.find(event.customer, &event.mn_id).next().is_some();
                    let lma = || self.customers.customer(event.customer).map(Customer::lma);
                    let known = !denied || lma().is_some_and(has_session);
                    self.observer.event(Note::Anchor(event), known);
                }
            }
        }
        self.observer.flush();
        self.ends.plane.commit();
        self.routes.commit(Instant::now());
        if self.ends.plane.has_stopped() {
            self.customers.handle_forwarding_stopped();
        }
    }

    /// Sends what [`Self::settle`] has left to be sent. Between the two, what must outlive the daemon
    /// is written down: a peer that has its answer can rely on it.
    pub fn send(&mut self) {
        let customers = &mut self.customers;
        self.ends.signalling.send(|message, outcome| match outcome {
            Ok(()) => customers.reclaim(&message.path, message.bytes),
            Err(error) => {
                debug!(peer = %message.path.peer, "a message could not be sent: {error}");
                customers.handle_send_error(&message.path, message.bytes);
            }
        });
    }
}

/// How a subscriber's session stands, for the messages that an operator watches.
fn session(customers: &Customers, customer: CustomerId, mn_id: &MnId) -> Option<String> {
    let lma = customers.customer(customer)?.lma();
    let binding = lma.find(customer, mn_id).next()?;
    let state = match binding.state {
        State::Active => "active",
        State::Lingering(_) => "kept for a handover",
        State::Unreachable => "unreachable",
        State::Revoking(_) => "being revoked",
    };
    Some(format!("binding {} {state} at {}", binding.id.0, binding.care_of()))
}
