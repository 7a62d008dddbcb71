//! Everything that runs, and what its parts ask of each other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use kedge_api::Server;
use kedge_config::Config;
use kedge_net::hosts::{Hosts, Wanted};
use kedge_net::netlink::Notifications;
use kedge_net::poll::{Poller, Signals, Waker};
use kedge_sansio::Now;

use crate::aaa::{self, Aaa, AccountingPlan, Answer, Cause, Listener, Nas};
use crate::anchor::Anchor;
use crate::apply;
use crate::commits::Commits;
use crate::committing::Committing;
use crate::configure::Sessions;
use crate::ends::Ends;
use crate::gateway::Gateway;
use crate::leaving::Leaving;
use crate::listing::Listings;
use crate::numbers::Numbers;
use crate::observe::SharedCapture;

/// Who each role is to RADIUS servers.
#[derive(Default)]
pub struct Roles {
    /// The anchor.
    pub anchor: Nas,
    /// The gateway.
    pub gateway: Nas,
}

/// Everything that runs.
pub struct Shell {
    /// The configuration in force.
    pub config: Arc<Config>,
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
    /// Roles that were removed a moment ago.
    pub leaving: Leaving,
    /// What the roles want of the kernel, as the configuration says it.
    pub(crate) things: Vec<Wanted>,
    /// The configurations that were in force.
    pub commits: Commits,
    /// The commit under way.
    pub(crate) committing: Option<Committing>,
    /// Who is changing the configuration.
    pub sessions: Sessions,
    /// Long answers that are being made.
    pub(crate) listings: Listings,
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

impl Shell {
    /// Those of the roles that run.
    pub(crate) fn ends(&self) -> impl Iterator<Item = &Ends> {
        let anchor = self.anchor.iter().map(Anchor::ends);
        anchor.chain(self.gateway.iter().map(Gateway::ends))
    }

    /// Hands the questions of this turn over, and the answers back. What cannot be asked is
    /// answered at once.
    pub(crate) fn authorize(&mut self, now: Now) {
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
    pub(crate) fn account(&mut self, now: Now) {
        let records = self.anchor.as_mut().map(Anchor::take_records).unwrap_or_default();
        if records.is_empty() {
            return;
        }
        records.into_iter().for_each(|record| self.aaa.account(record));
        self.aaa.settle(&self.poller, now);
    }

    /// Sends the anchor's messages, once the records of what they say are written down.
    pub(crate) fn answer(&mut self, now: Now) {
        self.account(now);
        let leaving = self.leaving.anchor.as_mut().map(|(anchor, _)| anchor);
        self.anchor.iter_mut().chain(leaving).for_each(Anchor::send);
    }

    /// Accounts for the anchor's sessions from here on as a plan says.
    pub(crate) fn start_accounting(&mut self, plan: AccountingPlan, now: Now) {
        let ids = self.aaa.session_ids();
        if let Some(anchor) = &mut self.anchor {
            anchor.account(plan, ids, now);
        }
    }

    /// Ends every session that is accounted for.
    pub(crate) fn stop_accounting(&mut self, cause: Cause, now: Now) {
        if let Some(anchor) = &mut self.anchor {
            anchor.stop_accounting(cause, now);
        }
    }
}
