//! What a request takes that is long and needs nothing of the loop's: reading texts, checking and
//! comparing configurations. The client's own thread does it, which nobody else waits for.

use std::sync::Arc;

use kedge_api::{Ask, Carried, Outcome, Refusal, Work};
use kedge_config::{CommitKind, Config};

use crate::configure::Session;

/// What a client's thread comes back with.
pub enum Errand {
    /// A session, with the answer.
    Answered {
        /// The session.
        session: Session,
        /// The answer.
        outcome: Outcome,
        /// A session whose answer is good is over.
        ends: bool,
    },
    /// What is to be committed.
    Made {
        /// The session that it is of.
        session: Session,
        /// What ran when the errand began.
        on: Arc<Config>,
        /// What is to run, and whether another session has committed since this one began.
        made: Result<(Box<Config>, bool), Refusal>,
        /// How.
        how: CommitKind,
        /// Why.
        comment: Option<String>,
        /// How often it was made before, and another session committed meanwhile.
        round: u32,
    },
    /// An answer that needs no session.
    Told(Outcome),
    /// An earlier commit that is to be put into force.
    Fetched {
        /// Its number.
        number: u64,
        /// Its configuration.
        config: Result<Box<Config>, Refusal>,
    },
}

/// Has a client's thread answer with its session.
pub fn answer(
    mut session: Session,
    ends: bool,
    work: impl FnOnce(&mut Session, &Ask) -> Outcome + Send + 'static,
) -> Work {
    carry(move |ask| {
        let outcome = work(&mut session, ask);
        Errand::Answered { session, outcome, ends }
    })
}

/// Has a client's thread make what is to be committed.
pub fn make(
    mut session: Session,
    on: Arc<Config>,
    how: CommitKind,
    comment: Option<String>,
    round: u32,
) -> Work {
    carry(move |_| {
        let made = session.finish_line().and_then(|()| session.onto(&on));
        let made = made.map(|(config, moved)| (Box::new(config), moved));
        Errand::Made { session, on, made, how, comment, round }
    })
}

/// Has a client's thread answer without a session.
pub fn tell(work: impl FnOnce() -> Outcome + Send + 'static) -> Work {
    carry(move |_| Errand::Told(work()))
}

/// Has a client's thread read an earlier commit that is to be put into force.
pub fn fetch(number: u64, read: impl FnOnce() -> Result<Config, Refusal> + Send + 'static) -> Work {
    carry(move |_| Errand::Fetched { number, config: read().map(Box::new) })
}

fn carry(work: impl FnOnce(&Ask) -> Errand + Send + 'static) -> Work {
    Box::new(move |ask| Box::new(work(ask)) as Carried)
}
