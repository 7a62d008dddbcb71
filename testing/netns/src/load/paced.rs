//! Updates at a steady pace, each timed: what one notices of whatever else the anchor does.

use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use super::{
    BATCH,
    updates::{PATIENCE, Step, Updates, accepts, answers},
};

/// What became of updates that were sent one after the other.
#[derive(Clone, Debug, Default)]
pub struct Paced {
    /// How many were sent.
    pub sent: u64,
    /// How long each that was accepted took to be answered, the shortest first.
    pub took: Vec<Duration>,
    /// The longest time between two answers.
    pub longest_gap: Duration,
}

impl Paced {
    /// The time within which this share of them was answered.
    #[must_use]
    pub fn within(&self, share: f64) -> Duration {
        let place = (self.took.len() as f64 * share) as usize;
        self.took.get(place).or(self.took.last()).copied().unwrap_or(PATIENCE)
    }
}

impl Updates {
    /// Refreshes a node every `pace`, or when the one before is answered or given up, if that is
    /// later. An echo is an answer, too.
    pub fn pace(&mut self, pace: Duration, length: Duration) -> io::Result<Paced> {
        let (start, nodes) = (Instant::now(), self.nodes());
        self.pace_until(Step::Refresh, (0..nodes).cycle(), pace, || start.elapsed() >= length)
    }

    /// Takes a step for one node after the other, on the terms of [`Self::pace`], until told to stop.
    pub fn pace_until(
        &mut self,
        step: Step,
        nodes: impl Iterator<Item = usize>,
        pace: Duration,
        mut stop: impl FnMut() -> bool,
    ) -> io::Result<Paced> {
        let mut paced = Paced::default();
        let gateway = 0;
        let start = Instant::now();
        let mut answered = start;
        for node in nodes {
            if stop() {
                break;
            }
            let due = start + pace * u32::try_from(paced.sent).unwrap_or(u32::MAX);
            crate::wait::pause(due.saturating_duration_since(Instant::now()));
            let update = self.write(node, gateway, step);
            let sent = Instant::now();
            self.socket(gateway).send(&update)?;
            paced.sent += 1;
            if let Some(took) = self.accepted(gateway, &update, sent)? {
                paced.took.push(took);
                paced.longest_gap = paced.longest_gap.max(answered.elapsed());
                answered = Instant::now();
            }
        }
        paced.took.sort();
        Ok(paced)
    }

    /// How long the acceptance of an update took to come, or its echo. What else the anchor says
    /// meanwhile, an indication for instance, is not the answer, and neither is that of an update
    /// which was given up.
    fn accepted(
        &self,
        gateway: usize,
        update: &[u8],
        sent: Instant,
    ) -> io::Result<Option<Duration>> {
        let mut answer = [0; 2048];
        loop {
            let left = self.patience().saturating_sub(sent.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket(gateway).set_read_timeout(Some(left))?;
            match self.socket(gateway).recv(&mut answer) {
                Ok(length) if answer[..length] == *update => return Ok(Some(sent.elapsed())),
                Ok(length) if answers(&answer[..length], update) => {
                    return Ok(accepts(&answer[..length]).then(|| sent.elapsed()));
                }
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends updates as fast as one thread can until it is told to stop, and takes no notice of the
    /// answers. How many that were.
    pub fn flood(&mut self, kind: Flood, mut stop: impl FnMut() -> bool) -> io::Result<u64> {
        let (gateway, nodes) = (0, self.nodes());
        let mut sent = 0;
        let mut nodes = (0..nodes).cycle();
        let mut packets: Vec<Vec<u8>> = Vec::new();
        while !stop() {
            if kind == Flood::Valid || packets.is_empty() {
                let nodes = nodes.by_ref().take(BATCH);
                packets = nodes.map(|node| self.write(node, gateway, Step::Refresh)).collect();
            }
            match kind {
                Flood::Valid => {}
                // The authenticator is at the end.
                Flood::Forged => {
                    packets.iter_mut().for_each(|p| p.iter_mut().rev().take(4).for_each(|o| *o = 0))
                }
                Flood::Noise => packets.iter_mut().for_each(|p| p[8..].fill(0xff)),
            }
            sent += self.send_all(gateway, &packets)? as u64;
        }
        Ok(sent)
    }
}

/// What floods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flood {
    /// Refreshes as they should be.
    Valid,
    /// Updates whose authenticators are wrong.
    Forged,
    /// The head of an update, and octets without meaning.
    Noise,
}
