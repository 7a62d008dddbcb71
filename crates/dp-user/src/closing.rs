//! The ends of devices.
//!
//! A TUN device goes when its file is closed, and the kernel waits meanwhile until no processor
//! can know the device any more: some 20 ms, in which it does nothing. Waits of several threads
//! pass together, so devices are closed on threads of their own, many at a time, and nobody else
//! has to wait but who wants a device in the same world again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use kedge_model::VrfId;

use crate::worker::Device;

/// How many devices are closed at a time. More are no faster: the rest is the kernel's work.
const AT_ONCE: usize = 64;

/// Closes devices. Dropping it waits until they are gone.
#[derive(Debug, Default)]
pub struct Closing(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A device is gone.
    gone: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Device>,
    /// The worlds of devices that are not gone yet.
    worlds: BTreeSet<VrfId>,
    threads: usize,
}

impl Closing {
    /// Has a device closed.
    pub fn close(&self, device: Device) {
        let mut state = self.0.lock();
        state.worlds.insert(device.vrf);
        state.waiting.push_back(device);
        if state.threads == AT_ONCE {
            return;
        }
        let shared = Arc::clone(&self.0);
        let close = move || shared.close_all();
        match thread::Builder::new().name("closing".into()).spawn(close) {
            Ok(_) => state.threads += 1,
            Err(_) if state.threads > 0 => {}
            // Then it takes its time here.
            Err(_) => {
                state.threads += 1;
                drop(state);
                self.0.close_all();
            }
        }
    }

    /// Waits until the device of a world is gone that was given to [`Self::close`].
    pub fn wait_for(&self, vrf: VrfId) {
        self.0.wait_while(|state| state.worlds.contains(&vrf));
    }

    /// Waits at most this long until all are gone, and says whether they are.
    pub fn wait(&self, longest: Duration) -> bool {
        let wait = self
            .0
            .gone
            .wait_timeout_while(self.0.lock(), longest, |state| !state.worlds.is_empty());
        wait.unwrap_or_else(PoisonError::into_inner).0.worlds.is_empty()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.wait_while(|state| !state.worlds.is_empty());
    }
}

impl Shared {
    /// What is held is whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, mut is_early: impl FnMut(&State) -> bool) {
        let wait = self.gone.wait_while(self.lock(), |state| is_early(state));
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Closes what waits, until nothing does.
    fn close_all(&self) {
        loop {
            let mut state = self.lock();
            let Some(device) = state.waiting.pop_front() else {
                state.threads -= 1;
                return;
            };
            drop(state);
            let vrf = device.vrf;
            drop(device);
            self.lock().worlds.remove(&vrf);
            self.gone.notify_all();
        }
    }
}
