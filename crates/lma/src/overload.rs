//! What an anchor refuses first when more comes than it can do.
//!
//! A new session is the dearest work and the one that can wait or go elsewhere; everything about
//! a session that exists, its refresh, its handover, its end, keeps a node's service or gives
//! something back, and is always done. So only new sessions are refused, and what is refused is
//! answered by one message no longer than the update, or by none.
//!
//! How busy the anchor is, the shell knows: it sees how much waits to be read.

use crate::Lma;
use crate::admission::Admitted;
use crate::lookup::Decision;
use crate::rejection::{Denial, Discard, Rejection};

/// How much waits to be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Load {
    /// What comes is done as it comes.
    #[default]
    Normal,
    /// New sessions are denied with status 130.
    Busy,
    /// Updates for new sessions are dropped: answers too cost what refreshes need.
    Saturated,
}

impl Load {
    /// The load when `waiting` of the `room` that the transport keeps for us is taken. What does
    /// not fit there is lost whatever it is, refreshes too; so new sessions give way before.
    pub fn of_queue(waiting: u32, room: u32) -> Self {
        let sixteenths = u64::from(waiting) * 16 / u64::from(room.max(1));
        match sixteenths {
            0..12 => Self::Normal,
            12..15 => Self::Busy,
            _ => Self::Saturated,
        }
    }
}

impl Lma {
    /// Tells how busy the anchor is from here on.
    pub fn set_load(&mut self, load: Load) {
        self.load = load;
    }

    /// Whether what was decided about an update is done under this load.
    pub(crate) fn check_load(&self, admitted: &Admitted) -> Result<(), Rejection> {
        let is_new = match admitted {
            Admitted::Act { decision, .. } => matches!(decision, Decision::New | Decision::Wait(_)),
            Admitted::Ask => true,
        };
        match self.load {
            Load::Busy if is_new => Err(Denial::Congestion.into()),
            Load::Saturated if is_new => Err(Discard::Congestion.into()),
            Load::Normal | Load::Busy | Load::Saturated => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_busy_from_three_quarters_on_and_saturated_just_before_it_overflows() {
        let load = |waiting| Load::of_queue(waiting, 1_600);
        assert_eq!([load(0), load(1_199)], [Load::Normal; 2]);
        assert_eq!([load(1_200), load(1_499)], [Load::Busy; 2]);
        assert_eq!([load(1_500), load(1_600), load(u32::MAX)], [Load::Saturated; 3]);
        assert_eq!(Load::of_queue(0, 0), Load::Normal);
    }
}
