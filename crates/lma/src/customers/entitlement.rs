//! How many bindings an operator is entitled to ("Smart Licensing … soft-enforced").
//!
//! Soft: one session more than that is served like any other. What there is to notice is said
//! once when it begins and once when it ends, and the highest number is kept.

use std::time::SystemTime;

use crate::event::What;

/// The most bindings there have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Peak {
    /// How many those were.
    pub bindings: u32,
    /// Since when that is looked for; `None` since the start.
    pub since: Option<SystemTime>,
}

impl Peak {
    pub(super) fn note(&mut self, bindings: u32) {
        self.bindings = self.bindings.max(bindings);
    }

    /// It is looked for from here on, where there are so many.
    pub(super) fn clear(&mut self, bindings: u32, now: SystemTime) {
        *self = Self { bindings, since: Some(now) };
    }
}

/// The bindings of all customers against what the operator is entitled to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entitlement {
    /// How many may be there.
    pub entitled: u32,
    /// How many there are.
    pub bindings: u32,
    /// The most there have been.
    pub peak: Peak,
    /// Whether there are more than may be.
    pub is_exceeded: bool,
    /// How often that has begun.
    pub times_exceeded: u64,
}

impl Entitlement {
    /// What the vendor's licence covers.
    pub const DEFAULT: u32 = 128_000;

    pub(super) fn new(entitled: u32) -> Self {
        Self { entitled, bindings: 0, peak: Peak::default(), is_exceeded: false, times_exceeded: 0 }
    }

    /// Takes the number of bindings, and says what is to be said about it.
    pub(super) fn note(&mut self, bindings: u32) -> Option<What> {
        self.bindings = bindings;
        self.peak.note(bindings);
        let entitled = self.entitled;
        if bindings > entitled && !self.is_exceeded {
            self.is_exceeded = true;
            self.times_exceeded += 1;
            return Some(What::EntitlementExceeded { entitled });
        }
        // Sessions that come and go at the limit are no news: a hundredth below, it is met again.
        if self.is_exceeded && bindings <= entitled - entitled / 100 {
            self.is_exceeded = false;
            return Some(What::EntitlementMet { entitled });
        }
        None
    }

    /// The peak is looked for from here on.
    pub(super) fn clear_peak(&mut self, now: SystemTime) {
        self.peak.clear(self.bindings, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_entitled_is_said_once_and_its_end_once() {
        let mut entitlement = Entitlement::new(200);
        let mut said = |bindings| entitlement.note(bindings);
        assert_eq!(said(200), None);
        assert_eq!(said(201), Some(What::EntitlementExceeded { entitled: 200 }));
        assert_eq!([said(202), said(200), said(199), said(201)], [const { None }; 4]);
        assert_eq!(said(198), Some(What::EntitlementMet { entitled: 200 }));
        assert_eq!(said(0), None);
        assert_eq!((entitlement.peak.bindings, entitlement.times_exceeded), (202, 1));
        entitlement.clear_peak(SystemTime::UNIX_EPOCH);
        assert_eq!(entitlement.peak.bindings, 0);
    }
}
