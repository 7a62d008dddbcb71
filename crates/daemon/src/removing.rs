//! What has no place in the configuration that came into force is removed, a slice a turn of the
//! loop: with a thousand customers the kernel takes a third of a second for it.
//!
//! Nothing that runs knows of it any more, and no other commit is begun before it is gone.

use std::time::Instant;

use tracing::{info, warn};

use crate::prepared::Removing;
use crate::shell::Shell;

impl Shell {
    /// Removes more until then, and says whether nothing is left.
    pub fn go_on_removing(&mut self, removing: &mut Removing, until: Instant) -> bool {
        while self.remove_next(removing) {
            if Instant::now() >= until {
                return false;
            }
        }
        true
    }

    /// Removes all of it.
    pub fn remove(&mut self, mut removing: Removing) {
        while self.remove_next(&mut removing) {}
    }

    /// Removes one thing, the last made first; false if there was none.
    fn remove_next(&mut self, removing: &mut Removing) -> bool {
        if let Some(thing) = removing.things.pop() {
            self.unmake(vec![thing]);
        // The devices last: while the kernel is busy with them, all else would have to wait.
        } else if let Some(change) = removing.ends.pop_front() {
            self.anchor.iter_mut().for_each(|anchor| anchor.ends_mut().remove(&change));
        } else if let Some(world) = removing.worlds.pop() {
            self.leave_world(&world);
        } else {
            self.put_back();
            return false;
        }
        true
    }

    /// Puts back what an earlier run had changed and this one does not need.
    fn put_back(&mut self) {
        for result in self.hosts.put_back() {
            match result {
                Ok(changed) => info!("undid what an earlier run left behind: {changed}"),
                Err(error) => warn!("{error}"),
            }
        }
    }
}
