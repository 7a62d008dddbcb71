//! A bad link in user space: loss, delay, jitter and reordering, from a seed.
//!
//! The kernel of a test host may have no netem, so a thread of ours stands in the middle of the
//! cable. It lives in a namespace of its own with two interfaces, copies every frame from one to
//! the other, and treats each as the impairment of that moment says:
//!
//! ```text
//!   host a ── veth ──┐ relay namespace ┌── veth ── host b
//!                    in ── thread ── out
//! ```
//!
//! A packet socket sees frames before the network card would have finished them, so checksum and
//! segmentation offloads are off at the hosts' ends.

use std::{
    collections::BTreeMap,
    fs::File,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use kedge_sansio::Rng;
use nix::{
    errno::Errno,
    ifaddrs::getifaddrs,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, setns},
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send,
        socket,
    },
};

use crate::{
    Host, Lab, Link,
    error::{Context, LabError, Result},
};

/// Longer than any frame: links of the lab are Ethernet-like, at most 64 KiB.
const FRAME: usize = 65_600;
/// How soon the relay notices that it should end.
const TICK: Duration = Duration::from_millis(20);

/// What a link does to the frames that cross it, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Frames lost, in thousandths.
    pub loss_per_mille: u32,
    /// Time every frame takes.
    pub delay: Duration,
    /// Added to the delay: up to this much, evenly spread. Order is kept.
    pub jitter: Duration,
    /// Frames that skip the delay and so overtake others, in thousandths.
    pub reorder_per_mille: u32,
}

/// What the relay has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCount {
    /// Frames delivered.
    pub delivered: u64,
    /// Frames dropped on purpose.
    pub dropped: u64,
}

/// A cable with somebody standing on it.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    impairment: Mutex<Impairment>,
    stop: AtomicBool,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

impl Relay {
    /// Connects two hosts through a relay. Without impairment it only copies.
    pub fn between(
        lab: &Lab,
        (a, a_name): (&Host, &str),
        (b, b_name): (&Host, &str),
        seed: u64,
    ) -> Result<Self> {
        let middle = lab.host(&format!("relay-{}-{}", a.name(), b.name()))?;
        for end in ["in", "out"] {
            middle.sysctl("net.ipv6.conf.default.disable_ipv6", "1")?;
            let (host, name) = if end == "in" { (a, a_name) } else { (b, b_name) };
            Link::between(host, name, &middle, end)?;
            host.offload(name, "tso off gso off gro off tx off")?;
        }
        let (input, output) = packet_sockets(&middle)?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || copy(&shared, [&input, &output], seed)
        });
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Changes what the link does, from the next frame on.
    pub fn degrade(&self, impairment: Impairment) {
        *self.shared.impairment.lock().unwrap_or_else(PoisonError::into_inner) = impairment;
    }

    /// What it has done so far.
    #[must_use]
    pub fn count(&self) -> RelayCount {
        RelayCount {
            delivered: self.shared.delivered.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Opens one packet socket on each of the two interfaces, from a thread that enters the
/// namespace and then ends: a socket stays where it was made.
fn packet_sockets(host: &Host) -> Result<(OwnedFd, OwnedFd)> {
    let path = format!("/run/netns/{}", host.namespace());
    let opened = std::thread::spawn(move || {
        let namespace = File::open(&path).context(|| path.clone())?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context(|| format!("entering {path}"))?;
        Ok((packet_socket("in")?, packet_socket("out")?))
    });
    opened.join().unwrap_or_else(|_| Err(LabError::Unexpected("relay thread panicked".into())))
}

fn packet_socket(interface: &str) -> Result<OwnedFd> {
    let address = link_address(interface)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
        .context(|| format!("packet socket on {interface}"))?;
    bind(fd.as_raw_fd(), &address).context(|| format!("binding to {interface}"))?;
    Ok(fd)
}

fn link_address(interface: &str) -> Result<LinkAddr> {
    let mut all = getifaddrs().context(|| "listing interfaces".to_owned())?;
    all.find(|i| {
        i.interface_name == interface && i.address.is_some_and(|a| a.as_link_addr().is_some())
    })
    .and_then(|i| i.address.and_then(|a| a.as_link_addr().copied()))
    .ok_or_else(|| LabError::Unexpected(format!("relay has no interface {interface}")))
}

/// Frames on their way, by due time; the number keeps the order of those due together.
type Way = BTreeMap<(Instant, u64), (usize, Vec<u8>)>;

fn copy(shared: &Shared, ends: [&OwnedFd; 2], seed: u64) {
    let mut rng = Rng::new(seed);
    let mut way = Way::new();
    let mut number = 0;
    // No frame may overtake the one before it, unless reordering says so.
    let mut last_due = [Instant::now(); 2];
    let mut buffer = vec![0; FRAME];
    while !shared.stop.load(Ordering::Relaxed) {
        wait_for_frames(ends, &way);
        let impairment = *shared.impairment.lock().unwrap_or_else(PoisonError::into_inner);
        for (from, end) in ends.iter().enumerate() {
            while let Ok(length) = recv(end.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                if rng.below(1000) < impairment.loss_per_mille {
                    shared.dropped.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let due = due(impairment, &mut rng, &mut last_due[from]);
                way.insert((due, number), (1 - from, buffer[..length].to_vec()));
                number += 1;
            }
        }
        let now = Instant::now();
        while let Some(entry) = way.first_entry().filter(|e| e.key().0 <= now) {
            let (to, frame) = entry.remove();
            deliver(shared, ends[to], &frame);
        }
    }
}

/// When a frame that arrived just now is to be delivered.
fn due(impairment: Impairment, rng: &mut Rng, last: &mut Instant) -> Instant {
    let now = Instant::now();
    if rng.below(1000) < impairment.reorder_per_mille {
        return now;
    }
    let spread = u32::try_from(impairment.jitter.as_micros()).unwrap_or(u32::MAX);
    let jitter = Duration::from_micros(rng.below(spread.saturating_add(1)).into());
    *last = (now + impairment.delay + jitter).max(*last);
    *last
}

fn deliver(shared: &Shared, to: &OwnedFd, frame: &[u8]) {
    let sent = loop {
        match send(to.as_raw_fd(), frame, MsgFlags::empty()) {
            Err(Errno::EINTR) => {}
            other => break other,
        }
    };
    // A full queue or a link that is down loses the frame, as a cable would.
    let counter = if sent.is_ok() { &shared.delivered } else { &shared.dropped };
    counter.fetch_add(1, Ordering::Relaxed);
}

fn wait_for_frames(ends: [&OwnedFd; 2], way: &Way) {
    let next = way
        .first_key_value()
        .map_or(TICK, |((due, _), _)| due.saturating_duration_since(Instant::now()).min(TICK));
    let mut watched = ends.map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
    // Rounded up to a whole millisecond by poll: a frame is never early, at most that late.
    let _ = poll(
        &mut watched,
        PollTimeout::try_from(next + Duration::from_micros(999)).unwrap_or(PollTimeout::ZERO),
    );
}
