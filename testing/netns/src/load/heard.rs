//! Which nodes a server has answered that may be killed at any time.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, ErrorKind},
    ops::Range,
    time::Instant,
};

use super::{
    BATCH,
    updates::{PATIENCE, Step, Updates, accepts},
};

/// Updates that may be unanswered.
const WINDOW: usize = 2 * BATCH;

impl Updates {
    /// Takes a step for each of `nodes`, and gives those whose acknowledgement came and accepts.
    /// `heard` is told after each how many that are, and says whether the server is still there: if
    /// not, what it has sent is all that comes. Ends early when nothing comes any more.
    pub fn answered(
        &mut self,
        step: Step,
        nodes: Range<usize>,
        mut heard: impl FnMut(usize) -> bool,
    ) -> io::Result<BTreeSet<usize>> {
        let gateway = 0;
        let mut of = HashMap::new();
        let mut packets = Vec::new();
        for node in nodes {
            let packet = self.write(node, gateway, step);
            // Behind the header of six octets (RFC 6275 section 6.1.7).
            of.extend(packet.get(6..8).map(|sequence| (sequence.to_owned(), node)));
            packets.push(packet);
        }
        let (mut answered, mut rest, mut pending) = (BTreeSet::new(), &packets[..], 0);
        let mut answer = [0; 2048];
        let (mut last, mut patience) = (Instant::now(), self.patience());
        self.socket(gateway).set_nonblocking(true)?;
        while (!rest.is_empty() || pending > 0) && last.elapsed() < patience {
            if !rest.is_empty() && pending < WINDOW {
                let sent = self.send_all(gateway, &rest[..rest.len().min(WINDOW - pending)]);
                let sent = sent.or_else(none_yet)?;
                (rest, pending) = (&rest[sent..], pending + sent);
            }
            let length = self.socket(gateway).recv(&mut answer).or_else(none_yet)?;
            if length == 0 {
                continue;
            }
            (last, pending) = (Instant::now(), pending.saturating_sub(1));
            // Behind status and flags (section 6.1.8).
            let node = answer[..length].get(8..10).and_then(|sequence| of.get(sequence));
            if let Some(node) = node.filter(|_| accepts(&answer[..length])) {
                answered.insert(*node);
                if !heard(answered.len()) {
                    patience = PATIENCE;
                }
            }
        }
        self.socket(gateway).set_nonblocking(false)?;
        Ok(answered)
    }
}

/// Nothing was sent or received: the buffer is full or empty, or nobody is there any more.
fn none_yet(error: io::Error) -> io::Result<usize> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::ConnectionRefused => Ok(0),
        _ => Err(error),
    }
}
