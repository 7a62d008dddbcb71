//! `show ipv6 mobile pmipv6 {lma | mag} heartbeats`: who lives (RFC 5847).

use std::time::Duration;

use kedge_lma::Life;
use kedge_model::{CustomerId, SignalPath};
use kedge_sansio::{Now, Pulse, Rhythm};
use serde_json::{Value, json};

use super::anchor::CUSTOMER;
use super::layout::{Align, Table, span};
use crate::anchor::Anchor;
use crate::answer::Answer;
use crate::gateway::Gateway;

/// The heartbeats of an anchor's gateways, or of a gateway's anchors.
pub struct Heartbeats {
    /// What the other end is, for the head of its column.
    peer: &'static str,
    /// Whether there are customers, and a column for them.
    by_customer: bool,
    rhythm: Option<Rhythm>,
    restart_counter: u32,
    list: Vec<Heart>,
}

struct Heart {
    customer: Option<String>,
    name: String,
    addresses: String,
    path: Option<SignalPath>,
    /// When it is asked, if it ever is.
    rhythm: Option<Rhythm>,
    /// As programs read it, and as people do.
    life: (&'static str, &'static str),
    pulse: Pulse,
    answered: Option<Duration>,
    bindings: u64,
}

impl Heartbeats {
    /// Those of an anchor, at one customer or at all.
    pub fn of_anchor(anchor: &Anchor, only: Option<CustomerId>, now: Now) -> Self {
        let machines = anchor.machines(only);
        let peers = machines.flat_map(|(id, lma)| {
            let rhythm = lma.settings().heartbeat;
            lma.peers().map(move |peer| (id, rhythm, peer))
        });
        let list = peers.map(|(id, rhythm, peer)| {
            let answered = peer.heart.answered();
            let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
            Heart {
                customer: anchor.customer_name(id).map(str::to_owned),
                name: peer.name.clone().unwrap_or("(learned)".to_owned()),
                addresses: addresses.join(", "),
                path: peer.heart.path(),
                rhythm,
                life: words(peer.heart.life()),
                pulse: peer.heart.pulse.clone(),
                answered: answered.map(|at| now.mono.saturating_duration_since(at)),
                bindings: peer.bindings.into(),
            }
        });
        // All customers have one restart counter; a rhythm each may have of its own.
        let shown = only.unwrap_or_default();
        let settings = anchor.customers().customer(shown).map(|found| found.lma().settings());
        let any = anchor.machines(None).next().map(|(_, lma)| lma.settings().restart_counter);
        Self {
            peer: "Gateway",
            by_customer: anchor.has_customers(),
            rhythm: settings.and_then(|settings| settings.heartbeat),
            restart_counter: any.unwrap_or_default(),
            list: list.collect(),
        }
    }

    /// Those of a gateway.
    pub fn of_gateway(gateway: &Gateway, now: Now) -> Self {
        let settings = gateway.mag().settings();
        let hearts: Vec<_> = gateway.mag().hearts().collect();
        let views: Vec<_> = gateway.mag().bindings(now.mono).collect();
        let list = settings.lmas.iter().map(|(name, lma)| {
            let heart = hearts.iter().find(|heart| heart.anchor == lma.address);
            let life = heart.map_or(Life::NotAsked, |heart| {
                match (heart.pulse.is_willing(), heart.is_asked, heart.pulse.is_down()) {
                    (false, _, _) => Life::Refused,
                    (true, false, _) => Life::NotAsked,
                    (true, true, true) => Life::Down,
                    (true, true, false) if heart.pulse.restart_counter().is_some() => Life::Up,
                    (true, true, false) => Life::Unknown,
                }
            });
            Heart {
                customer: None,
                name: name.clone(),
                addresses: lma.address.to_string(),
                path: None,
                rhythm: gateway.mag().heartbeat_of(lma),
                life: words(life),
                pulse: heart.map(|heart| heart.pulse.clone()).unwrap_or_default(),
                answered: None,
                bindings: views.iter().filter(|view| view.lma_name == *name).count() as u64,
            }
        });
        Self {
            peer: "Anchor",
            by_customer: false,
            rhythm: settings.heartbeat,
            restart_counter: settings.restart_counter,
            list: list.collect(),
        }
    }

    /// The answer to the command.
    pub fn answer(self) -> Answer<'static> {
        let data = json!({
            "heartbeat": self.rhythm.map(rhythm_json),
            "restart_counter": self.restart_counter,
            "heartbeats": self.list.iter().map(Heart::as_json).collect::<Vec<_>>(),
        });
        Answer::new(move || self.text(), move || data)
    }

    fn text(&self) -> String {
        let asked = rhythm(self.rhythm);
        let mut out =
            format!("Heartbeats: {asked}\nOwn restart counter: {}\n", self.restart_counter);
        let mut head = vec![
            (self.peer, Align::Left),
            ("State", Align::Left),
            ("Interval", Align::Right),
            ("Missed", Align::Right),
            ("Last answer", Align::Right),
            ("Restart counter", Align::Right),
            ("Bindings", Align::Right),
            ("Addresses", Align::Left),
        ];
        if self.by_customer {
            head.insert(0, CUSTOMER);
        }
        let mut table = Table::new(&head);
        for heart in &self.list {
            let counter = heart.pulse.restart_counter();
            let mut cells = vec![
                heart.name.clone(),
                heart.life.1.to_owned(),
                heart.rhythm.map_or("-".to_owned(), |rhythm| span(rhythm.interval)),
                heart.pulse.missed().to_string(),
                heart.answered.map_or("-".to_owned(), |ago| format!("{} ago", span(ago))),
                counter.map_or("-".to_owned(), |counter| counter.to_string()),
                heart.bindings.to_string(),
                heart.addresses.clone(),
            ];
            if self.by_customer {
                cells.insert(0, heart.customer.as_deref().unwrap_or("-").to_owned());
            }
            table.row(cells);
        }
        table.write(&mut out);
        out
    }
}

impl Heart {
    fn as_json(&self) -> Value {
        json!({
            "customer": self.customer,
            "peer": self.name,
            "addresses": self.addresses.split(", ").collect::<Vec<_>>(),
            "local": self.path.map(|path| path.local),
            "remote": self.path.map(|path| path.peer),
            "heartbeat": self.rhythm.map(rhythm_json),
            "state": self.life.0,
            "missed": self.pulse.missed(),
            "last_answer_seconds_ago": self.answered.map(|ago| ago.as_secs()),
            "restart_counter": self.pulse.restart_counter(),
            "bindings": self.bindings,
        })
    }
}

/// When peers are asked, in one line.
pub fn rhythm(rhythm: Option<Rhythm>) -> String {
    rhythm.map_or("off".to_owned(), |rhythm| {
        let (interval, timeout) = (span(rhythm.interval), span(rhythm.timeout));
        format!("every {interval}, {timeout} for an answer, {} may be missed", rhythm.allowed)
    })
}

/// The same for programs.
pub fn rhythm_json(rhythm: Rhythm) -> Value {
    json!({
        "interval_seconds": rhythm.interval.as_secs(),
        "timeout_seconds": rhythm.timeout.as_secs(),
        "retries": rhythm.allowed,
    })
}

/// A state as a word for programs and as one for people.
fn words(life: Life) -> (&'static str, &'static str) {
    match life {
        Life::NotAsked => ("not_asked", "not asked"),
        Life::Unknown => ("unknown", "asked, no answer yet"),
        Life::Up => ("up", "up"),
        Life::Down => ("down", "DOWN"),
        Life::Silent => ("silent", "never answered"),
        Life::Refused => ("refused", "knows no heartbeats"),
    }
}
