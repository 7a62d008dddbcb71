//! The last things that happened, printed when a run fails.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use kedge_access_wire::Frame;
use kedge_mag::InterfaceId;
use kedge_model::SignalPath;
use kedge_wire::Packet;

/// How many are remembered.
const LENGTH: usize = 40;

/// Something that happened.
#[derive(Debug)]
pub enum Happened {
    /// A message was taken by the one it was for.
    Message(SignalPath, Rc<[u8]>),
    /// A gateway took a frame from a host.
    Uplink(usize, InterfaceId, Rc<[u8]>),
    /// The hosts of a link got a frame.
    Downlink(usize, InterfaceId, Rc<[u8]>),
    /// A timer of a station fired.
    Timer(String),
    /// An anchor reported.
    Anchor(usize, kedge_lma::Event),
    /// A gateway reported.
    Gateway(usize, kedge_mag::Event),
    /// The run did something to the domain.
    Disturbance(String),
}

/// The last things that happened. Dropped in a panic, it prints them with the seed.
#[derive(Debug)]
pub struct Trail {
    seed: u64,
    /// How many events there have been.
    pub step: u64,
    last: VecDeque<(u64, Duration, Happened)>,
}

impl Trail {
    /// Nothing yet.
    pub fn new(seed: u64) -> Self {
        Self { seed, step: 0, last: VecDeque::with_capacity(LENGTH + 1) }
    }

    /// Remembers.
    pub fn note(&mut self, at: Duration, happened: Happened) {
        self.last.push_back((self.step, at, happened));
        if self.last.len() > LENGTH {
            self.last.pop_front();
        }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (step, at, happened) in &self.last {
            eprintln!("{step:>8} {:>10.3} s  {happened}", at.as_secs_f64());
        }
        let Self { seed, step, .. } = self;
        eprintln!("failed at step {step}; KEDGE_SIM_SEED={seed} replays it");
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(path, bytes) => {
                write!(f, "{} <- {}: ", path.local.ip(), path.peer.ip())?;
                match Packet::decode(bytes) {
                    Ok(packet) => {
                        write!(f, "{:?}", packet.message)?;
                        packet.options.iter().try_for_each(|option| write!(f, ", {option:?}"))
                    }
                    Err(error) => write!(f, "{error}"),
                }
            }
            Self::Uplink(gateway, link, bytes) => frame(f, "<-", *gateway, *link, bytes),
            Self::Downlink(gateway, link, bytes) => frame(f, "->", *gateway, *link, bytes),
            Self::Timer(of) => write!(f, "{of}: timer"),
            Self::Anchor(anchor, event) => write!(f, "anchor {anchor}: {event:?}"),
            Self::Gateway(gateway, event) => write!(f, "gateway {gateway}: {event:?}"),
            Self::Disturbance(what) => write!(f, "** {what}"),
        }
    }
}

fn frame(
    f: &mut fmt::Formatter<'_>,
    direction: &str,
    gateway: usize,
    link: InterfaceId,
    bytes: &[u8],
) -> fmt::Result {
    write!(f, "gateway {gateway} link {} {direction} ", link.0)?;
    match Frame::decode(bytes) {
        Ok(Frame { ethernet, content }) => {
            write!(f, "{} > {} {content:?}", ethernet.source, ethernet.destination)
        }
        Err(error) => write!(f, "{error}"),
    }
}
