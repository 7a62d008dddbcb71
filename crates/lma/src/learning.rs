//! Gateways come and go: those that are learned by an update, and forgotten again.

use kedge_model::SignalPath;

use crate::peers::{Learned, PeerIndex};
use crate::rejection::Denial;
use crate::request::Request;
use crate::{Lma, Now, Timer};

impl Lma {
    /// Whether the sender of an update may be learned, if it is not known.
    pub(crate) fn check_place(&self, request: &Request<'_>) -> Result<(), Denial> {
        match self.peers.has_place(&request.path) {
            true => Ok(()),
            false => Err(Denial::TooManyMags),
        }
    }

    /// The gateway whose update is being accepted.
    pub(crate) fn learn(&mut self, path: &SignalPath) -> PeerIndex {
        let (index, learned) = self.peers.learn(path);
        let counters = &mut self.statistics.peers;
        match learned {
            Learned::Known => {}
            Learned::New => counters.learned += 1,
            Learned::InPlaceOf(timer) => {
                counters.learned += 1;
                counters.forgotten += 1;
                timer.and_then(|timer| self.timers.remove(timer));
            }
        }
        index
    }

    /// A binding left a gateway. One that was learned is forgotten some time after the last.
    pub(crate) fn lose_binding(&mut self, peer: PeerIndex, now: Now) {
        let timer = self.peers.lose(peer, now.mono);
        timer.and_then(|timer| self.timers.remove(timer));
        self.schedule_forgetting();
    }

    /// Learned gateways have been without bindings for long enough.
    pub(crate) fn forget_peers(&mut self, now: Now) {
        self.forgetting = None;
        while let Some(timer) = self.peers.forget(now.mono) {
            self.statistics.peers.forgotten += 1;
            timer.and_then(|timer| self.timers.remove(timer));
        }
        self.schedule_forgetting();
    }

    /// Gives bindings to the gateways that their addresses are now configured for, and forgets
    /// the gateways that have nothing left.
    pub(crate) fn reassign_bindings(&mut self) {
        let slots: Vec<_> = self.cache.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            for path in self.cache[slot].paths.iter_mut() {
                if let Some(peer) = self.peers.find(&path.signal).filter(|peer| *peer != path.peer)
                {
                    self.peers.hand_over(path.peer, peer);
                    path.peer = peer;
                }
            }
        }
        for timer in self.peers.drop_unnamed() {
            self.timers.remove(timer);
        }
    }

    fn schedule_forgetting(&mut self) {
        if self.forgetting.is_none()
            && let Some(due) = self.peers.next_forgotten()
        {
            self.forgetting = Some(self.timers.insert(due, Timer::Forget));
        }
    }
}
