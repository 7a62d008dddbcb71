//! How long a session lasts.
//!
//! A refresh moves the end of its session later, a thousand times before there is one. So the
//! timer stays as it was set: a refresh writes the new end into the binding, which it has at hand
//! anyway, and when the timer wakes, it is set again for what is left.

use kedge_model::Lifetime;

use crate::cache::Slot;
use crate::event::Release;
use crate::{Lma, Now, Timer};

impl Lma {
    /// The session lasts for `lifetime` from here on.
    pub(crate) fn prolong(&mut self, slot: Slot, lifetime: Lifetime, now: Now) {
        let binding = &mut self.cache[slot];
        binding.lifetime = lifetime;
        binding.expires = now.mono + lifetime.duration();
        if binding.expires < binding.wakes {
            binding.wakes = binding.expires;
            self.timers.reschedule(binding.lifetime_timer, binding.wakes);
        }
    }

    /// The timer of a session has woken.
    pub(crate) fn lifetime_due(&mut self, slot: Slot, now: Now) {
        let binding = &mut self.cache[slot];
        if binding.expires <= now.mono {
            return self.end(slot, Release::Expired, now);
        }
        binding.wakes = binding.expires;
        binding.lifetime_timer = self.timers.insert(binding.wakes, Timer::Lifetime(slot));
    }
}
