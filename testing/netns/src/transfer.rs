//! One long TCP transfer whose every byte is checked where it arrives.
//!
//! `kedge-lab tcp-send` and `kedge-lab tcp-receive` are the two ends ([`send`], [`receive`]), each
//! a process on its host; [`Transfer`] starts both, watches the progress and compares what they
//! say in the end. The sender keeps to a rate, so that a silence is seen as a silence and not
//! hidden by a buffer that drains.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use signal_hook::{consts::SIGTERM, flag};

use crate::{
    Host, Process,
    error::{LabError, Result},
    pattern::{Digest, fill},
    programs, wait,
};

/// Octets written at a time.
const CHUNK: usize = 16 * 1024;
/// How often the receiver notes its progress.
const NOTE: Duration = Duration::from_millis(50);

/// A transfer between two hosts that runs beside the experiment.
#[derive(Debug)]
pub struct Transfer {
    sender: Process,
    receiver: Process,
}

/// What a finished transfer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Octets that arrived, all of them the right ones.
    pub octets: u64,
    /// Longest time in which nothing arrived.
    pub longest_stall: Duration,
}

impl Transfer {
    /// Starts a transfer from `from` to `to`, which connects to `address` of the sender; at most
    /// `rate` octets a second.
    pub fn start(from: &Host, address: IpAddr, to: &Host, rate: u64) -> Result<Self> {
        let lab = programs::find("kedge-lab")?;
        let lab = lab.to_string_lossy();
        let end = SocketAddr::new(address, 5001).to_string();
        let mut sender = from.spawn("tcp-send", &lab, &["tcp-send", &end, &rate.to_string()])?;
        sender.wait_output(wait::SOON, "the sender to listen", |log| {
            log.contains("listening").then_some(())
        })?;
        let receiver = to.spawn("tcp-receive", &lab, &["tcp-receive", &end])?;
        Ok(Self { sender, receiver })
    }

    /// Octets that have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let log = self.receiver.output();
        log.lines().filter_map(|l| field(l, "octets=")).next_back().unwrap_or(0)
    }

    /// Waits until `more` further octets have arrived.
    pub fn wait_progress(&mut self, limit: Duration, more: u64) -> Result<u64> {
        let start = self.arrived();
        wait::until(limit, "the TCP transfer to go on", || {
            let arrived = self.arrived();
            if arrived >= start + more { Ok(arrived) } else { Err(format!("{arrived} octets")) }
        })
    }

    /// Tells the sender to finish, and compares what the two ends say.
    pub fn finish(mut self, limit: Duration) -> Result<Outcome> {
        self.sender.signal(nix::sys::signal::Signal::SIGTERM)?;
        let received = self.receiver.wait(limit)?;
        let sent = self.sender.wait(limit)?;
        judge((sent, &self.sender), (received, &self.receiver))
    }
}

fn judge(sent: (ExitStatus, &Process), received: (ExitStatus, &Process)) -> Result<Outcome> {
    let (s, r) = (sent.1.output(), received.1.output());
    let (s, r) = (s.lines().next_back().unwrap_or(""), r.lines().next_back().unwrap_or(""));
    let same = |key| field(s, key).is_some() && field(s, key) == field(r, key);
    if sent.0.success() && received.0.success() && same("octets=") && same("digest=") {
        return Ok(Outcome {
            octets: field(r, "octets=").unwrap_or(0),
            longest_stall: Duration::from_millis(field(r, "stall_ms=").unwrap_or(0)),
        });
    }
    Err(LabError::Unexpected(format!(
        "the transfer's ends disagree: sent ({}) {s} {}; received ({}) {r} {}",
        sent.0,
        sent.1.errors().trim(),
        received.0,
        received.1.errors().trim()
    )))
}

/// The number after `key` in a line of a log.
fn field(line: &str, key: &str) -> Option<u64> {
    let (_, rest) = line.split_once(key)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Listens, and sends the pattern to the first that connects until SIGTERM comes; then says how
/// much it was.
pub fn send(listen: SocketAddr, rate: u64) -> io::Result<()> {
    let finish = Arc::new(AtomicBool::new(false));
    flag::register(SIGTERM, Arc::clone(&finish))?;
    let listener = TcpListener::bind(listen)?;
    println!("listening");
    let (mut stream, _) = listener.accept()?;

    let mut digest = Digest::new();
    let mut chunk = [0; CHUNK];
    let mut octets = 0;
    let start = Instant::now();
    while !finish.load(Ordering::Relaxed) {
        fill(octets, &mut chunk);
        stream.write_all(&chunk)?;
        digest.update(&chunk);
        octets += CHUNK as u64;
        let due = Duration::from_secs_f64(octets as f64 / rate as f64);
        wait::pause(due.saturating_sub(start.elapsed()));
    }
    stream.shutdown(Shutdown::Write)?;
    // The peer closes when it has read everything: then nothing is left in any queue.
    stream.read_to_end(&mut Vec::new())?;
    println!("octets={octets} digest={}", digest.value());
    Ok(())
}

/// Connects and reads to the end, checking every octet against the pattern.
pub fn receive(from: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(from)?;
    let mut digest = Digest::new();
    let (mut buffer, mut expected) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut octets = 0;
    let (mut last, mut noted) = (Instant::now(), Instant::now());
    let mut stall = Duration::ZERO;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let (got, want) = (&buffer[..length], &mut expected[..length]);
        fill(octets, want);
        if let Some(at) = got.iter().zip(want).position(|(g, w)| g != w) {
            return Err(io::Error::other(format!("wrong octet at {}", octets + at as u64)));
        }
        digest.update(got);
        octets += length as u64;
        stall = stall.max(last.elapsed());
        last = Instant::now();
        if noted.elapsed() >= NOTE {
            noted = last;
            println!("octets={octets}");
        }
    }
    println!("octets={octets} digest={} stall_ms={}", digest.value(), stall.as_millis());
    Ok(())
}
