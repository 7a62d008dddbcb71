//! Roles that were removed a moment ago: they hear the answers to what they said last.

use std::time::Instant;

use kedge_net::owned::Owned;
use kedge_net::poll::Poller;
use kedge_sansio::Now;

use crate::anchor::Anchor;
use crate::gateway::Gateway;

/// Roles that were removed and wait for answers.
#[derive(Default)]
pub struct Leaving {
    pub(crate) anchor: Option<(Anchor, Instant)>,
    pub(crate) gateway: Option<(Gateway, Instant)>,
}

impl Leaving {
    /// When one of them is to be served or ended.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let anchor =
            self.anchor.as_mut().map(|(a, by)| a.poll_timeout().map_or(*by, |t| t.min(*by)));
        let gateway =
            self.gateway.as_mut().map(|(g, by)| g.poll_timeout().map_or(*by, |t| t.min(*by)));
        [anchor, gateway].into_iter().flatten().min()
    }

    /// Does what is due, and ends what has waited.
    pub fn handle_timeout(&mut self, poller: &Poller, host: &mut Owned, now: Now) {
        if let Some((anchor, _)) = &mut self.anchor {
            anchor.handle_timeout(now);
        }
        if let Some((gateway, _)) = &mut self.gateway {
            gateway.handle_timeout(poller, host, now);
        }
        self.anchor.take_if(|(_, by)| *by <= now.mono);
        self.gateway.take_if(|(gateway, by)| gateway.mag().is_idle() || *by <= now.mono);
    }
}
