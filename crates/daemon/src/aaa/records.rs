//! Accounting records from their making to a server's word that it has them.

use kedge_radius::{AccountingCounters, Failure, Held, Pushed, Request, Unanswered, Work};
use kedge_sansio::Now;
use tracing::{info, warn};

use super::asking::Ticket;
use super::record::{Record, Status};
use super::{Aaa, spool};

impl Aaa {
    /// Takes a record up. [`Self::settle`] must follow: from then on the record survives the daemon,
    /// and is sent if the servers answer.
    pub fn account(&mut self, record: Record) {
        let Record { status, session, happened, kind, attributes } = record;
        let attributes: std::sync::Arc<[u8]> = attributes.into();
        // Accounting-On and -Off are about no session, and follow no other.
        let held = Held {
            kind,
            happened: happened.mono,
            session: session.0,
            attributes: attributes.clone(),
        };
        self.books.count(&attributes, |counters| match status {
            Status::Start => counters.starts += 1,
            Status::Interim => counters.interims += 1,
            Status::Stop(_) => counters.stops += 1,
            Status::On | Status::Off => counters.announcements += 1,
        });
        let Some(Pushed { number, replaces }) = self.queue.push(held) else {
            if self.books.of(None).dropped == 0 {
                warn!("accounting records are lost: no room is left for those that wait");
            }
            self.books.count(&attributes, |counters| counters.dropped += 1);
            return;
        };
        if let Some(superfluous) = replaces {
            self.spool.forget(superfluous);
        }
        let (happened, session) = (happened.wall, session.0);
        self.spool.keep(number, spool::Record { kind, happened, session, attributes });
    }

    pub(super) fn send_records(&mut self, now: Now) {
        if !self.has_servers() {
            return;
        }
        while self.client.has_room(Work::Accounting, now.mono)
            && let Some((number, held)) = self.queue.take_next(now.mono)
        {
            match Request::accounting_of(held.happened, &held.attributes) {
                Ok(request) => self.client.request(request, Ticket::Record(number), now.mono),
                // Only the file of an earlier run can bring one.
                Err(fault) => {
                    warn!(number, "an accounting record is unusable: {fault}");
                    self.give_up(number);
                }
            }
        }
    }

    pub(super) fn record_done(&mut self, number: u64, outcome: Result<(), Failure>, now: Now) {
        match outcome {
            Ok(()) => {
                if !self.queue.is_probe(number) {
                    self.count(number, |counters| counters.acknowledged += 1);
                    self.spool.forget(number);
                }
                if self.queue.acknowledged(number) {
                    let waiting = self.queue.len();
                    info!(waiting, "a RADIUS server takes accounting records again");
                }
            }
            Err(Failure::TooLong) => {
                warn!(number, "an accounting record is too long");
                self.give_up(number);
            }
            Err(_) => {
                self.count(number, |counters| counters.unanswered += 1);
                match self.queue.unanswered(number, now.mono) {
                    Unanswered::Waits => {}
                    Unanswered::Silence => {
                        warn!("no RADIUS server takes accounting records; they are kept");
                    }
                    Unanswered::GivenUp => {
                        warn!("RADIUS servers ignore Accounting-On and -Off; one is dropped");
                        self.books.count(&[], |counters| counters.dropped += 1);
                        self.spool.forget(number);
                    }
                }
            }
        }
    }

    fn count(&mut self, number: u64, add: impl Fn(&mut AccountingCounters)) {
        if let Some(held) = self.queue.get(number) {
            self.books.count(&held.attributes, add);
        }
    }

    fn give_up(&mut self, number: u64) {
        self.count(number, |counters| counters.dropped += 1);
        self.spool.forget(number);
        self.queue.give_up(number);
    }
}
