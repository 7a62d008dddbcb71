//! How long a session lasts.
//!
//! A refresh moves the end of its session later, a thousand times before there is one. So the
//! timer stays as it was set: a refresh writes the new end into the binding, which it has at hand
//! anyway, and when the timer wakes, it is set again for what is left.

use std::time::Instant;

use kedge_model::Lifetime;
use kedge_wire::registry::RevocationTrigger;

use crate::binding::State;
use crate::cache::Slot;
use crate::event::Release;
use crate::request::Request;
use crate::{Lma, Now, Timer};

/// When a session ends that this lifetime was granted for, and that AAA may have set an end for.
pub(crate) fn end_of(lifetime: Lifetime, ends: Option<Instant>, now: Now) -> Instant {
    let expires = now.mono + lifetime.duration();
    ends.map_or(expires, |ends| expires.min(ends))
}

impl Lma {
    /// The lifetime granted: what is asked for, within what the settings and AAA allow. The end
    /// that AAA has set holds to the second, while a lifetime counts in fours and is never none.
    pub(crate) fn lifetime_of(
        &self,
        request: &Request<'_>,
        ends: Option<Instant>,
        now: Now,
    ) -> Lifetime {
        let lifetime = request.lifetime().min(self.settings.lifetime);
        let Some(ends) = ends else { return lifetime };
        let left = Lifetime::from_secs(ends.saturating_duration_since(now.mono).as_secs());
        lifetime.min(left.max(Lifetime::from_secs(4)))
    }

    /// The session lasts for `lifetime` from here on.
    pub(crate) fn prolong(&mut self, slot: Slot, lifetime: Lifetime, now: Now) {
        let binding = &mut self.cache[slot];
        binding.lifetime = lifetime;
        binding.expires = end_of(lifetime, binding.session_end(), now);
        self.watch(slot);
    }

    /// AAA has said when the session ends.
    pub(crate) fn prolong_until(&mut self, slot: Slot) {
        let binding = &mut self.cache[slot];
        if let Some(ends) = binding.session_end() {
            binding.expires = binding.expires.min(ends);
        }
        self.watch(slot);
    }

    /// Wakes no later than the session expires.
    fn watch(&mut self, slot: Slot) {
        let binding = &mut self.cache[slot];
        if binding.expires < binding.wakes {
            binding.wakes = binding.expires;
            self.timers.reschedule(binding.lifetime_timer, binding.wakes);
        }
    }

    /// The timer of a session has woken.
    pub(crate) fn lifetime_due(&mut self, slot: Slot, now: Now) {
        let binding = &mut self.cache[slot];
        if binding.expires <= now.mono {
            // De-registered, so there is nobody to tell: its wait is over, or AAA ends it sooner.
            if let State::Lingering(timer) = binding.state {
                let reason = match self.timers.remove(timer) {
                    Some(Timer::Delete(_, reason)) => reason,
                    _ => Release::Deregistered,
                };
                return self.end(slot, reason, now);
            }
            // Its gateway was granted more than AAA leaves it, and is told.
            if binding.session_end().is_some_and(|ends| ends <= now.mono) {
                let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
                return self.take_back(slot, trigger, Release::Revoked, now);
            }
            return self.end(slot, Release::Expired, now);
        }
        binding.wakes = binding.expires;
        binding.lifetime_timer = self.timers.insert(binding.wakes, Timer::Lifetime(slot));
    }
}
