//! Waiting for descriptors, and waking the one who waits.
#![expect(unsafe_code, reason = "epoll and eventfd have no safe wrapper in the standard library")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointer is passed; the descriptor is new and ours.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) }))
    }

    /// Reports `fd` as `token` whenever it is readable or has an error.
    pub fn add(&self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let [epoll, fd] = [self.0.as_raw_fd(), fd.as_fd().as_raw_fd()];
        // SAFETY: both descriptors are open and `event` lives through the call.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// Reports `fd` no more.
    pub fn remove(&self, fd: &impl AsFd) -> io::Result<()> {
        let [epoll, fd] = [self.0.as_raw_fd(), fd.as_fd().as_raw_fd()];
        let nothing = std::ptr::null_mut();
        // SAFETY: both descriptors are open; no event is read for this operation.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, nothing) })?;
        Ok(())
    }

    /// Waits until something is ready and gives its tokens, each with whether an error waits.
    pub fn wait(&self) -> io::Result<impl Iterator<Item = (u64, bool)> + use<>> {
        const EVENTS: usize = 32;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        let epoll = self.0.as_raw_fd();
        let ready = loop {
            // SAFETY: the kernel writes at most EVENTS events into the array.
            match check(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as _, -1) }) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other? as usize,
            }
        };
        let is_error = |events: u32| events & libc::EPOLLERR as u32 != 0;
        Ok(events.into_iter().take(ready).map(move |event| (event.u64, is_error(event.events))))
    }
}

/// Has the calling thread's short waits last as long as they say; by default Linux adds 50 µs.
pub fn precise_timers() -> io::Result<()> {
    // SAFETY: the arguments are numbers; it concerns the calling thread only.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) })?;
    Ok(())
}

/// Wakes a thread that waits in [`Epoll::wait`].
#[derive(Debug)]
pub struct Waker(File);

impl Waker {
    /// A waker that nobody has used.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointer is passed; the descriptor is new and ours.
        let fd = unsafe {
            OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?)
        };
        Ok(Self(fd.into()))
    }

    /// A second handle on the same waker.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Makes the waker readable.
    pub fn wake(&self) {
        // It fails only when it is about to overflow, and then it is readable anyway.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// Waits until the waker is readable, or for `limit`, whatever else happens.
    pub fn wait(&self, limit: Duration) {
        let fd = self.0.as_raw_fd();
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let limit = libc::timespec {
            tv_sec: limit.as_secs().cast_signed(),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // SAFETY: the entry and the time live through the call; there is no signal mask. Whether
        // it ends by time, by a signal or because of the waker is all the same here.
        unsafe { libc::ppoll(&mut poll, 1, &limit, std::ptr::null()) };
    }

    /// Makes it unreadable again.
    pub fn clear(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
