//! The control thread's one place to wait: epoll, a waker for other threads, and signals.
//!
//! ```text
//!   signalling, access, notifications, API clients ─┐
//!   Waker (any thread) ── eventfd ──────────────────┼─ Poller::wait ─ control thread
//!   SIGTERM, SIGINT, SIGHUP ── signalfd ────────────┘
//! ```
//!
//! Readiness is level-triggered: what was not read is reported again, so a turn of the loop may
//! read one batch from each descriptor and leave the rest for the next turn.
#![expect(unsafe_code, reason = "epoll, eventfd and signalfd are not in std")]

use std::ffi::c_int;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::NetError;
use crate::socket::check;

/// How many ready descriptors one wait reports at most.
const MAX_READY: usize = 64;

/// Names a descriptor to the loop; the caller chooses the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// What to wait for on a descriptor. Errors and hang-ups are always reported, as readable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

impl Interest {
    fn events(self) -> u32 {
        let events = match self {
            Self::Read => libc::EPOLLIN,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
        };
        events.cast_unsigned()
    }
}

/// A descriptor that has something to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// Which one.
    pub token: Token,
    /// A read will give octets, the end, or the error that happened.
    pub readable: bool,
    /// A write will take octets.
    pub writable: bool,
}

/// An epoll instance.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Poller {
    /// A poller that watches nothing yet.
    pub fn new() -> Result<Self, NetError> {
        // SAFETY: epoll_create1() takes a plain number.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
            .map_err(|e| NetError::new("create an epoll instance", "", e))?;
        // SAFETY: the kernel just gave us this descriptor, and nothing else knows it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { epoll, events: vec![libc::epoll_event { events: 0, u64: 0 }; MAX_READY] })
    }

    /// Watches `fd` for something to read. Closing the descriptor ends the watch.
    pub fn add(&self, fd: impl AsFd, token: Token) -> Result<(), NetError> {
        self.add_with(fd, token, Interest::Read)
    }

    /// Watches `fd` for `interest`.
    pub fn add_with(
        &self,
        fd: impl AsFd,
        token: Token,
        interest: Interest,
    ) -> Result<(), NetError> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd(), token, interest)
            .map_err(|e| NetError::new("watch a descriptor", format_args!("{token:?}"), e))
    }

    /// Changes what a watched descriptor is watched for.
    pub fn modify(&self, fd: impl AsFd, token: Token, interest: Interest) -> Result<(), NetError> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd(), token, interest)
            .map_err(|e| NetError::new("watch a descriptor", format_args!("{token:?}"), e))
    }

    /// Ends the watch of a descriptor that stays open.
    pub fn remove(&self, fd: impl AsFd) -> Result<(), NetError> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_fd(), Token(0), Interest::Read)
            .map_err(|e| NetError::new("stop watching a descriptor", "", e))
    }

    /// Waits until a descriptor is ready or `timeout` has passed; `None` waits without end. An
    /// interrupted wait gives nothing. A timeout is never cut short: it is rounded up to the
    /// next millisecond, so that a timer that is due after it is due when the wait ends.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = Ready> + '_, NetError> {
        let timeout = timeout.map_or(-1, |t| {
            c_int::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
        });
        // SAFETY: `events` has room for MAX_READY events.
        let result = check(unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                MAX_READY as c_int,
                timeout,
            )
        });
        let count = match result {
            Ok(count) => count as usize,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            Err(e) => return Err(NetError::new("wait for events", "", e)),
        };
        const TO_READ: c_int = libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP;
        Ok(self.events[..count].iter().map(|event| Ready {
            token: Token(event.u64),
            readable: event.events & TO_READ.cast_unsigned() != 0,
            writable: event.events & libc::EPOLLOUT.cast_unsigned() != 0,
        }))
    }

    fn control(
        &self,
        operation: c_int,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.events(), u64: token.0 };
        // SAFETY: both descriptors are open, and `event` lives until the call returns.
        check(unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd.as_raw_fd(), &mut event)
        })?;
        Ok(())
    }
}

/// Wakes the loop from another thread. Clones wake the same loop.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// A waker; the loop watches it like any descriptor.
    pub fn new() -> Result<Self, NetError> {
        // SAFETY: eventfd() takes plain numbers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
            .map_err(|e| NetError::new("create an eventfd", "", e))?;
        // SAFETY: the kernel just gave us this descriptor, and nothing else knows it.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Makes the loop's current or next wait end. Waking twice before the loop looks is waking
    /// once.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // The only failure of this write is a counter at its maximum: the loop is awake then.
        // SAFETY: `one` is readable for its 8 octets.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes back the wake-ups so far; the loop calls it before it looks at what it was woken
    /// for.
    pub fn drain(&self) {
        let mut count = [0u8; 8];
        // The only failure of this read is that nobody woke us, which is as good.
        // SAFETY: `count` is writable for its 8 octets.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What the operator or the service manager asks of the daemon by a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop cleanly.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// SIGTERM, SIGINT and SIGHUP as something to read.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// Takes the three signals over. Call it before any thread is started: threads inherit that
    /// the signals are blocked, and a thread that has not would be killed by them.
    pub fn take_over() -> Result<Self, NetError> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset() initialises the set before anything reads it.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            set.assume_init()
        };
        // SAFETY: `set` is initialised; the old mask is not asked for.
        let errno = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
        if errno != 0 {
            return Err(NetError::new("block signals", "", io::Error::from_raw_os_error(errno)));
        }
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd = check(unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })
            .map_err(|e| NetError::new("create a signalfd", "", e))?;
        // SAFETY: the kernel just gave us this descriptor, and nothing else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal that has arrived.
    pub fn read(&self) -> Option<Signal> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = mem::size_of::<libc::signalfd_siginfo>();
        // SAFETY: `info` is writable for `size` octets.
        let read = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if usize::try_from(read) != Ok(size) {
            return None;
        }
        // SAFETY: zeroed and then written whole; every bit pattern of these integers is a value.
        let info = unsafe { info.assume_init() };
        let reload = info.ssi_signo == libc::SIGHUP.cast_unsigned();
        Some(if reload { Signal::Reload } else { Signal::Stop })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    const NOT_AT_ALL: Option<Duration> = Some(Duration::ZERO);

    fn tokens(poller: &mut Poller) -> Vec<u64> {
        poller.wait(NOT_AT_ALL).unwrap().map(|r| r.token.0).collect()
    }

    #[test]
    fn a_descriptor_is_reported_until_it_has_been_read() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&near, Token(7)).unwrap();
        assert!(tokens(&mut poller).is_empty());
        far.write_all(b"x").unwrap();
        assert_eq!(tokens(&mut poller), [7]);
        assert_eq!(tokens(&mut poller), [7]);
        near.read_exact(&mut [0]).unwrap();
        assert!(tokens(&mut poller).is_empty());
        poller.modify(&near, Token(8), Interest::ReadWrite).unwrap();
        let ready: Vec<Ready> = poller.wait(NOT_AT_ALL).unwrap().collect();
        assert_eq!(ready, [Ready { token: Token(8), readable: false, writable: true }]);
        poller.remove(&near).unwrap();
        far.write_all(b"x").unwrap();
        assert!(tokens(&mut poller).is_empty());
    }

    #[test]
    fn a_peer_that_hung_up_is_readable() {
        let (near, far) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&near, Token(1)).unwrap();
        drop(far);
        assert!(poller.wait(NOT_AT_ALL).unwrap().all(|r| r.readable));
        assert_eq!(tokens(&mut poller), [1]);
    }

    #[test]
    fn a_wait_without_end_ends_when_another_thread_wakes_it() {
        let mut poller = Poller::new().unwrap();
        let waker = Waker::new().unwrap();
        poller.add(&waker, Token(3)).unwrap();
        let theirs = waker.clone();
        let thread = std::thread::spawn(move || {
            theirs.wake();
            theirs.wake();
        });
        assert_eq!(poller.wait(None).unwrap().map(|r| r.token.0).collect::<Vec<_>>(), [3]);
        thread.join().unwrap();
        waker.drain();
        assert!(tokens(&mut poller).is_empty());
    }

    #[test]
    fn a_timeout_is_never_cut_short() {
        let mut poller = Poller::new().unwrap();
        let start = std::time::Instant::now();
        let timeout = Duration::from_micros(2_500);
        assert_eq!(poller.wait(Some(timeout)).unwrap().count(), 0);
        assert!(start.elapsed() >= timeout);
    }

    #[test]
    fn signals_arrive_as_what_they_ask_for() {
        // The signals go to this thread alone, and only it has them blocked.
        let signals = Signals::take_over().unwrap();
        assert_eq!(signals.read(), None);
        for (number, signal) in [
            (libc::SIGHUP, Signal::Reload),
            (libc::SIGTERM, Signal::Stop),
            (libc::SIGINT, Signal::Stop),
        ] {
            // SAFETY: the signal is blocked in this thread, so it stays pending.
            unsafe { libc::pthread_kill(libc::pthread_self(), number) };
            assert_eq!(signals.read(), Some(signal));
        }
    }
}
