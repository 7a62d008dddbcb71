//! The last things that happened, printed when a run fails.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use kedge_access_wire::{Content, Frame, dhcpv4};
use kedge_mag::InterfaceId;
use kedge_model::SignalPath;
use kedge_wire::{BindingAcknowledgement, Message, MobilityOption, Packet};

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
    /// Whether everything is printed as it happens.
    loud: bool,
}

impl Trail {
    /// Nothing yet.
    pub fn new(seed: u64) -> Self {
        let loud = std::env::var_os("KEDGE_SIM_TRAIL").is_some();
        Self { seed, step: 0, last: VecDeque::with_capacity(LENGTH + 1), loud }
    }

    /// Remembers.
    pub fn note(&mut self, at: Duration, happened: Happened) {
        if self.loud {
            println!("{}", Line(self.step, at, &happened));
        }
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
            eprintln!("{}", Line(*step, *at, happened));
        }
        let Self { seed, step, .. } = self;
        eprintln!("failed at step {step}; KEDGE_SIM_SEED={seed} replays it");
    }
}

/// A line of the trail.
struct Line<'a>(u64, Duration, &'a Happened);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} {:>10.3} s  {}", self.0, self.1.as_secs_f64(), self.2)
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(path, bytes) => {
                write!(f, "{} <- {}: ", path.local.ip(), path.peer.ip())?;
                match Packet::decode(bytes) {
                    Ok(packet) => message(f, &packet),
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

/// What tells messages apart, shorter than all they say.
fn message(f: &mut fmt::Formatter<'_>, packet: &Packet) -> fmt::Result {
    match &packet.message {
        Message::BindingUpdate(bu) => {
            write!(f, "update {} {:?} {:?}", bu.sequence.0, bu.lifetime, bu.flags)?;
        }
        Message::BindingAcknowledgement(ba) => {
            let BindingAcknowledgement { status, sequence, lifetime, .. } = ba;
            write!(f, "answer {} {lifetime:?} status {}", sequence.0, status.0)?;
        }
        other => write!(f, "{other:?}")?,
    }
    for option in packet.options.iter() {
        match option {
            MobilityOption::MnId(mn_id) => write!(f, " {}", mn_id.to_mn_id())?,
            MobilityOption::HomeNetworkPrefix(home) => write!(f, " {}", home.prefix)?,
            MobilityOption::HandoffIndicator(handoff) => write!(f, " HI {}", handoff.0.0)?,
            MobilityOption::AccessTechnology(technology) => write!(f, " ATT {}", technology.0.0)?,
            MobilityOption::MnLinkLayerId(id) => write!(f, " {:02x?}", id.identifier())?,
            MobilityOption::Timestamp(time) => write!(f, " @{:x}", time.0.0)?,
            MobilityOption::Ipv4HomeAddressRequest(home) => write!(f, " {}", home.address)?,
            MobilityOption::Ipv4HomeAddressReply(home) => write!(f, " {}", home.address)?,
            MobilityOption::GreKey(gre) => write!(f, " key {:x?}", gre.key)?,
            _ => {}
        }
    }
    Ok(())
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
            write!(f, "{} > {} ", ethernet.source, ethernet.destination)?;
            match content {
                Content::Neighbor { message, .. } => write!(f, "{message:?}"),
                Content::Dhcpv4 { message, .. } => {
                    let dhcpv4::Message { message_type, ciaddr, yiaddr, .. } = *message;
                    write!(f, "{message_type:?} of {ciaddr}, for {yiaddr}")
                }
                other => write!(f, "{other:?}"),
            }
        }
        Err(error) => write!(f, "{error}"),
    }
}
