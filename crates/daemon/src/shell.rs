//! The loop: one thread that owns every machine and waits in one place.
//!
//! It reads top to bottom in order of priority: what people ask, what the kernel tells, packets,
//! time. Nothing in it blocks but the wait; netlink requests are answered by the kernel at once.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use kedge_api::Server;
use kedge_config::Config;
use kedge_dataplane::DataplaneError;
use kedge_mag::InterfaceId;
use kedge_net::NetError;
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::netlink::{self, Notifications};
use kedge_net::poll::{Poller, Signal, Signals, Token, Waker};
use kedge_net::signalling::Batch;
use kedge_sansio::Now;
use tracing::{error, info, warn};

use crate::aaa::{self, Aaa, AccountingPlan, Answer, Cause, Listener, Nas, Status};
use crate::anchor::Anchor;
use crate::apply;
use crate::commit::{self, Commits};
use crate::configure::Sessions;
use crate::conversation;
use crate::gateway::{self, Gateway};
use crate::in_service::Leaving;
use crate::numbers::Numbers;
use crate::observe::SharedCapture;
use crate::startup::StartError;
use crate::turns::{Party, Turns};

/// Requests of the management API wait.
pub const API: Token = Token(0);
/// A signal has arrived.
pub const SIGNAL: Token = Token(1);
/// The kernel has changed something.
pub const KERNEL: Token = Token(2);
/// A forwarder has ended.
pub const FORWARDER: Token = Token(3);
/// The first signalling socket of the anchor; the others follow.
pub const ANCHOR: Token = Token(1 << 32);
/// The first signalling socket of the gateway.
pub const GATEWAY: Token = Token(2 << 32);
/// The first access interface of the gateway.
pub const ACCESS: Token = Token(3 << 32);
/// The first mobile network of the gateway.
pub const NETWORK: Token = Token(4 << 32);
/// The first socket to a RADIUS server.
pub const AAA: Token = Token(5 << 32);
/// The first socket where RADIUS servers ask for changes.
pub const DYNAMIC: Token = Token(6 << 32);

/// Who each role is to RADIUS servers.
#[derive(Default)]
pub struct Roles {
    /// The anchor.
    pub anchor: Nas,
    /// The gateway.
    pub gateway: Nas,
}

/// How long a gateway that stops waits for its de-registrations to be acknowledged.
const PARTING: Duration = Duration::from_secs(2);

/// Requests of the API that are carried out before packets get their turn.
const CALLS_A_TURN: usize = 16;

/// Everything that runs.
pub struct Shell {
    /// The configuration in force.
    pub config: Config,
    /// When the daemon started.
    pub started: Instant,
    /// The number of this start, as peers see it.
    pub restart_counter: u32,
    /// The anchor, if one is configured.
    pub anchor: Option<Anchor>,
    /// The gateway, if one is configured.
    pub gateway: Option<Gateway>,
    /// RADIUS.
    pub aaa: Aaa,
    /// Who we are to RADIUS servers.
    pub nas: Roles,
    /// Where RADIUS servers ask for changes.
    pub dynamic: Listener,
    /// What is accounted for, while something is.
    pub(crate) accounting: Option<AccountingPlan>,
    /// Roles that were removed a moment ago.
    pub leaving: Leaving,
    /// What the roles want of the kernel, as the configuration says it.
    pub(crate) things: Vec<Wanted>,
    /// The configurations that were in force.
    pub commits: Commits,
    /// Who is changing the configuration.
    pub sessions: Sessions,
    /// The capture that was started last.
    pub capture: Option<SharedCapture>,
    /// Where captures go.
    pub captures: PathBuf,
    /// The numbers of customers and of routing worlds.
    pub(crate) numbers: Numbers,
    pub(crate) hosts: Hosts,
    pub(crate) poller: Poller,
    pub(crate) waker: Waker,
    pub(crate) signals: Signals,
    pub(crate) notifications: Notifications,
    pub(crate) server: Server,
}

/// Both clocks, read once for a turn.
pub fn sample() -> Now {
    Now { mono: Instant::now(), wall: SystemTime::now() }
}

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
        loop {
            let idle = self.gateway.as_ref().is_none_or(|gateway| gateway.mag().is_idle());
            let idle = idle && self.aaa.is_idle();
            if stop_by.is_some_and(|by| idle || Instant::now() >= by) {
                return Ok(());
            }
            let ready = self.wait(stop_by, turns.is_empty())?;
            let now = sample();
            if ready.contains(&SIGNAL) && self.stop_asked(now) && stop_by.is_none() {
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
            self.handle_timeout(now);
            self.authorize(now);
            self.account(now);
            // Whoever started us can start us again; a daemon that only signals helps nobody.
            if self.has_stopped() {
                return Err(DataplaneError::Stopped.into());
            }
        }
    }

    fn has_stopped(&self) -> bool {
        self.anchor.as_ref().is_some_and(Anchor::has_stopped)
            || self.gateway.as_ref().is_some_and(Gateway::has_stopped)
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

    fn stop_asked(&mut self, now: Now) -> bool {
        let mut stop = false;
        while let Some(signal) = self.signals.read() {
            match signal {
                Signal::Stop => stop = true,
                Signal::Reload => commit::read_again(self, now),
            }
        }
        stop
    }

    fn answer_calls(&mut self, now: Now) {
        let mut answered = 0;
        while answered < CALLS_A_TURN
            && let Some(call) = self.server.next_call()
        {
            let (outcome, mode) = conversation::answer(self, &call, now);
            call.answer(outcome, mode);
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
                gateway::handle_kernel_event(gateway, &event, &self.poller, self.hosts.own(), now);
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
            .filter(|_| Token(token.0 >> 32 << 32) == ANCHOR)
            .and_then(|anchor| anchor.party(token.0 as u32 as usize));
        customer.map_or(Party::Descriptor(token), Party::Customer)
    }

    /// Reads from one socket, and says whether there is more. What ails it (the error is read with
    /// it, and gone) is its own matter: the others are served.
    fn read(&mut self, token: Token, batch: &mut Batch, now: Now) -> bool {
        let place = token.0 as u32 as usize;
        let leaving = &mut self.leaving;
        let anchor = self.anchor.as_mut().or(leaving.anchor.as_mut().map(|(anchor, _)| anchor));
        let gateway =
            self.gateway.as_mut().or(leaving.gateway.as_mut().map(|(gateway, _)| gateway));
        let outcome = match (Token(token.0 >> 32 << 32), anchor, gateway) {
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
                    aaa::carry_out(anchor.as_deref_mut(), request, nas, now)
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
            gateway.handle_timeout(self.hosts.own(), now);
        }
        self.leaving.handle_timeout(self.hosts.own(), now);
        self.aaa.handle_timeout(&self.poller, now);
        commit::expire(self, now);
    }

    /// Hands the questions of this turn over, and the answers back. What cannot be asked is
    /// answered at once.
    fn authorize(&mut self, now: Now) {
        let nodes = self.anchor.as_mut().map(Anchor::take_questions).unwrap_or_default();
        let stations = self.gateway.as_mut().map(Gateway::take_questions).unwrap_or_default();
        if !nodes.is_empty() || !stations.is_empty() {
            let Roles { anchor, gateway } = &self.nas;
            for question in nodes {
                let whose = self.anchor.as_ref().and_then(|a| a.customer_name(question.customer));
                let whose = whose.unwrap_or_default().to_owned();
                self.aaa.ask(question, whose, anchor.clone());
            }
            stations.into_iter().for_each(|mac| self.aaa.ask_identity(mac, gateway.clone()));
            self.aaa.settle(&self.poller, now);
        }
        let answers = self.aaa.take_answers();
        if answers.is_empty() {
            return;
        }
        for answer in answers {
            match (answer, &mut self.anchor, &mut self.gateway, &self.config.mag) {
                (Answer::Node(customer, ticket, said), Some(anchor), ..) => {
                    anchor.answer(customer, ticket, said, now);
                }
                (Answer::Station(mac, said), _, Some(gateway), Some(mag)) => {
                    let configured = |nai: &str| apply::node_profile(&self.config, mag, nai);
                    let identity = aaa::identity(mac, said, gateway.mag().settings(), configured);
                    gateway.mag_mut().handle_identity(mac, identity, now);
                }
                // Who asked is gone.
                (Answer::Node(..) | Answer::Station(..), ..) => {}
            }
        }
        if let Some(anchor) = &mut self.anchor {
            anchor.settle();
        }
        if let Some(gateway) = &mut self.gateway {
            gateway.settle(self.hosts.own(), now);
        }
    }

    /// Hands the records of this turn over.
    fn account(&mut self, now: Now) {
        let records = self.anchor.as_mut().map(Anchor::take_records).unwrap_or_default();
        if records.is_empty() {
            return;
        }
        records.into_iter().for_each(|record| self.aaa.account(record));
        self.aaa.settle(&self.poller, now);
    }

    /// Accounts for the anchor's sessions from here on as a plan says.
    pub(crate) fn start_accounting(&mut self, plan: AccountingPlan, now: Now) {
        let Some(anchor) = &mut self.anchor else { return };
        if self.accounting.is_none() {
            self.aaa.announce(&plan.nas, Status::On, now);
        }
        anchor.account(plan.clone(), self.aaa.session_ids(), now);
        self.accounting = Some(plan);
        self.account(now);
    }

    /// Ends every session that is accounted for.
    pub(crate) fn stop_accounting(&mut self, cause: Cause, now: Now) {
        let Some(plan) = self.accounting.take() else { return };
        self.account(now);
        let last = self.anchor.as_mut().map(|anchor| anchor.stop_accounting(cause, now));
        last.into_iter().flatten().for_each(|record| self.aaa.account(record));
        self.aaa.announce(&plan.nas, Status::Off, now);
        self.aaa.settle(&self.poller, now);
    }
}
