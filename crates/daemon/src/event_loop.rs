//! The loop: one thread that owns every machine and waits in one place.
//!
//! It reads top to bottom in order of priority: what people ask, what the kernel tells, packets,
//! time. Nothing in it blocks but the wait; netlink requests are answered by the kernel at once.

use std::time::{Duration, Instant};

use kedge_dataplane::DataplaneError;
use kedge_mag::InterfaceId;
use kedge_net::NetError;
use kedge_net::netlink;
use kedge_net::poll::{Signal, Token};
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use tracing::{error, info, warn};

use crate::aaa::Cause;
use crate::anchor::Anchor;
use crate::console::Said;
use crate::gateway::Gateway;
use crate::shell::Shell;
use crate::start_error::StartError;
use crate::tokens::{AAA, ACCESS, ANCHOR, API, DYNAMIC, GATEWAY, KERNEL, NETWORK, SIGNAL};
use crate::turns::{Party, Turns};
use crate::{clock, commit, conversation, dynamic_author, tokens, undo};

/// How long a gateway that stops waits for its de-registrations to be acknowledged.
const PARTING: Duration = Duration::from_secs(2);

/// Requests of the API that are carried out before packets get their turn.
const CALLS_A_TURN: usize = 16;

impl Shell {
    /// Runs until a signal asks to stop. However it ends, it leaves nothing behind.
    pub fn run(mut self) -> Result<(), StartError> {
        let outcome = self.serve();
        for failure in self.hosts.unmake_all() {
            warn!("{failure}");
        }
        outcome
    }

    fn serve(&mut self) -> Result<(), StartError> {
        info!(socket = %self.server.path().display(), "ready");
        let mut batch = Batch::default();
        let mut turns = Turns::default();
        let mut stop_by: Option<Instant> = None;
        // What the start has made.
        self.answer(clock::sample());
        loop {
            let idle = self.gateway.as_ref().is_none_or(|gateway| gateway.mag().is_idle());
            let idle = idle && self.aaa.is_idle();
            // Every session has its last record; what servers do not take now is the next run's.
            let accounted = self.anchor.as_ref().is_none_or(|anchor| anchor.accounting().is_none());
            if accounted && stop_by.is_some_and(|by| idle || Instant::now() >= by) {
                return Ok(());
            }
            let idle = turns.is_empty() && self.listings.is_empty() && self.committing.is_none();
            let ready = self.wait(stop_by, idle)?;
            let now = clock::sample();
            if ready.contains(&SIGNAL) && self.stop_asked() && stop_by.is_none() {
                info!("stopping");
                self.stop_accounting(Cause::AdminReboot, now);
                if let Some(gateway) = &mut self.gateway {
                    gateway.mag_mut().shutdown(now);
                    gateway.settle(self.hosts.own(), now);
                }
                stop_by = Some(now.mono + PARTING);
            }
            if ready.contains(&API) {
                self.waker.drain();
                self.answer_calls(now);
            }
            if ready.contains(&KERNEL) {
                self.hear_kernel(now)?;
            }
            for &token in ready.iter().filter(|token| token.0 >= ANCHOR.0) {
                turns.add(self.party(token), token);
            }
            turns.take(|token| self.read(token, &mut batch, now));
            self.listings.go_on(self.anchor.as_ref(), now);
            commit::go_on(self, now);
            self.handle_timeout(now);
            self.authorize(now);
            self.answer(now);
            // Whoever started us can start us again; a daemon that only signals helps nobody.
            if self.has_stopped() {
                // The data plane may see that a device is gone before the kernel tells of it.
                self.name_lost_device();
                return Err(DataplaneError::Stopped.into());
            }
        }
    }

    fn has_stopped(&self) -> bool {
        self.anchor.as_ref().is_some_and(Anchor::has_stopped)
            || self.gateway.as_ref().is_some_and(Gateway::has_stopped)
    }

    fn name_lost_device(&mut self) {
        let of_anchor = self.anchor.as_ref().and_then(|anchor| anchor.ends().lost(&mut self.hosts));
        let lost = of_anchor.or_else(|| self.gateway.as_ref()?.ends().lost(&mut self.hosts));
        if let Some(name) = lost {
            error!("somebody has removed the device {name}");
        }
    }

    /// What is ready, or nothing when a timer is due or somebody waits for a turn.
    fn wait(&mut self, stop_by: Option<Instant>, idle: bool) -> Result<Vec<Token>, NetError> {
        let anchor = self.anchor.as_mut().and_then(Anchor::poll_timeout);
        let gateway = self.gateway.as_mut().and_then(Gateway::poll_timeout);
        let leaving = self.leaving.poll_timeout();
        let aaa = self.aaa.poll_timeout();
        let due = [anchor, gateway, leaving, aaa, self.commits.due(), stop_by];
        let due = due.into_iter().flatten().min();
        let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = if idle { timeout } else { Some(Duration::ZERO) };
        Ok(self.poller.wait(timeout)?.map(|ready| ready.token).collect())
    }

    fn stop_asked(&mut self) -> bool {
        let mut stop = false;
        while let Some(signal) = self.signals.read() {
            match signal {
                Signal::Stop => stop = true,
                Signal::Reload => commit::read_again(self),
            }
        }
        stop
    }

    fn answer_calls(&mut self, now: Now) {
        let mut answered = 0;
        while answered < CALLS_A_TURN
            && let Some(mut call) = self.server.next_call()
        {
            let outcome = match call.take_carried() {
                Some(carried) => conversation::go_on(self, &call, carried),
                None => conversation::answer(self, &call, now),
            };
            let mode = self.sessions.mode(call.client);
            match outcome {
                Ok(Said::Now(reply)) => call.answer(Ok(reply), mode),
                Ok(Said::Later(listing)) => self.listings.add(listing, call, mode),
                Ok(Said::Errand(work)) => call.work(work),
                Ok(Said::WhenCommitted) => commit::set_asker(self, call),
                Err(refusal) => call.answer(Err(refusal), mode),
            }
            answered += 1;
        }
        if answered == CALLS_A_TURN {
            // More may wait; they get the next turn.
            return self.waker.wake();
        }
        // A session ends after the last request of its client.
        while let Some(client) = self.server.next_gone() {
            self.sessions.forget(client);
        }
    }

    fn hear_kernel(&mut self, now: Now) -> Result<(), StartError> {
        while let Some(event) = self.notifications.poll_event()? {
            if let netlink::Event::LinkGone(link) = &event
                && self.needs(&link.name)
            {
                error!("somebody has removed the device {}", link.name);
                return Err(DataplaneError::Stopped.into());
            }
            if let Some(gateway) = &mut self.gateway {
                gateway.handle_kernel_event(&event, &self.poller, self.hosts.own(), now);
            }
        }
        Ok(())
    }

    /// Whether a device of this name is one that packets pass through, and is not there.
    fn needs(&mut self, name: &str) -> bool {
        let of_anchor = self.anchor.as_ref().is_some_and(|anchor| anchor.ends().need(name));
        let of_gateway = self.gateway.as_ref().is_some_and(|gateway| gateway.ends().need(name));
        let netlink = self.hosts.own().netlink();
        (of_anchor || of_gateway) && netlink.link(name).is_err_and(|e| e.is_absent())
    }

    /// With whom a descriptor shares its turns.
    fn party(&self, token: Token) -> Party {
        let anchor = self.anchor.as_ref().or(self.leaving.anchor.as_ref().map(|(a, _)| a));
        let customer = anchor
            .filter(|_| tokens::first(token) == ANCHOR)
            .and_then(|anchor| anchor.party(tokens::place(token)));
        customer.map_or(Party::Descriptor(token), Party::Customer)
    }

    /// Reads from one socket, and says whether there is more. What ails it (the error is read with
    /// it, and gone) is its own matter: the others are served.
    fn read(&mut self, token: Token, batch: &mut Batch, now: Now) -> bool {
        let place = tokens::place(token);
        let leaving = &mut self.leaving;
        let anchor = self.anchor.as_mut().or(leaving.anchor.as_mut().map(|(anchor, _)| anchor));
        let gateway =
            self.gateway.as_mut().or(leaving.gateway.as_mut().map(|(gateway, _)| gateway));
        let outcome = match (tokens::first(token), anchor, gateway) {
            (ANCHOR, Some(anchor), _) => anchor.receive(place, batch, now),
            (GATEWAY, _, Some(gateway)) => gateway.receive(place, batch, self.hosts.own(), now),
            (AAA, ..) => {
                self.aaa.receive(place, &self.poller, now);
                Ok(false)
            }
            (DYNAMIC, ..) => {
                let (dynamic, nas) = (&mut self.dynamic, &self.nas.anchor);
                let mut anchor = self.anchor.as_mut();
                dynamic.receive(place, now, |request| {
                    dynamic_author::carry_out(anchor.as_deref_mut(), request, nas, now)
                });
                Ok(false)
            }
            (ACCESS, _, Some(gateway)) => {
                gateway.receive_frames(InterfaceId(place as u32), self.hosts.own(), now);
                Ok(false)
            }
            (NETWORK, _, Some(gateway)) => {
                gateway.receive_hosts(place, now);
                Ok(false)
            }
            _ => Ok(false),
        };
        if tokens::first(token) == ANCHOR {
            self.answer(now);
        }
        outcome.unwrap_or_else(|error| {
            warn!("{error}");
            false
        })
    }

    fn handle_timeout(&mut self, now: Now) {
        if let Some(anchor) = &mut self.anchor {
            anchor.handle_timeout(now);
        }
        if let Some(gateway) = &mut self.gateway {
            gateway.handle_timeout(&self.poller, self.hosts.own(), now);
        }
        self.leaving.handle_timeout(&self.poller, self.hosts.own(), now);
        self.aaa.handle_timeout(&self.poller, now);
        undo::expire(self, now);
    }
}
