//! The port where servers ask for changes (RFC 5176).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use kedge_net::poll::{Poller, Token};
use kedge_radius::{Asked, Dynamic, DynamicCounters, ErrorCause, MAX_LEN, PacketRef, Secret};
use kedge_sansio::Now;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::{debug, info};

/// Requests read from one socket before others get their turn.
const REQUESTS_A_TURN: usize = 64;

/// Who may ask, and where.
#[derive(Clone, Debug)]
pub struct DynamicPlan {
    /// The port.
    pub port: u16,
    /// Whether a request must say when it was made.
    pub needs_timestamp: bool,
    /// The hosts, with their secrets.
    pub clients: Vec<(IpAddr, Secret)>,
}

/// Sockets for a plan, not yet listened to.
#[derive(Debug, Default)]
pub struct Bound {
    port: u16,
    ipv4: Option<UdpSocket>,
    ipv6: Option<UdpSocket>,
}

/// The listener, while there is somebody to listen to.
#[derive(Debug)]
pub struct Listener {
    first: Token,
    bound: Bound,
    dynamic: Dynamic,
}

impl Listener {
    /// Nobody is listened to yet. The poller will know the sockets as `first` and the one behind.
    pub fn new(first: Token) -> Self {
        Self { first, bound: Bound::default(), dynamic: Dynamic::default() }
    }

    /// Makes what a plan needs and is not there.
    pub fn prepare(&self, plan: Option<&DynamicPlan>) -> io::Result<Bound> {
        let Some(plan) = plan else { return Ok(Bound::default()) };
        let mut bound = Bound { port: plan.port, ..Bound::default() };
        let same_port = self.bound.port == plan.port;
        let has = |ipv4: bool| plan.clients.iter().any(|(host, _)| host.is_ipv4() == ipv4);
        if has(true) && !(same_port && self.bound.ipv4.is_some()) {
            bound.ipv4 = Some(udp((Ipv4Addr::UNSPECIFIED, plan.port).into())?);
        }
        if has(false) && !(same_port && self.bound.ipv6.is_some()) {
            bound.ipv6 = Some(udp((Ipv6Addr::UNSPECIFIED, plan.port).into())?);
        }
        Ok(bound)
    }

    /// Listens as a plan says, with what was prepared for it.
    pub fn apply(&mut self, plan: Option<DynamicPlan>, bound: Bound, poller: &Poller) {
        let Some(plan) = plan else {
            self.bound = Bound::default();
            return self.dynamic.configure([], false);
        };
        let has = |ipv4: bool| plan.clients.iter().any(|(host, _)| host.is_ipv4() == ipv4);
        let kept = match self.bound.port == plan.port {
            true => std::mem::take(&mut self.bound),
            false => Bound::default(),
        };
        self.bound = Bound {
            port: plan.port,
            ipv4: bound.ipv4.or(kept.ipv4).filter(|_| has(true)),
            ipv6: bound.ipv6.or(kept.ipv6).filter(|_| has(false)),
        };
        for (place, socket) in [(0, &self.bound.ipv4), (1, &self.bound.ipv6)] {
            // One that is known to the poller already stays known.
            if let Some(Err(error)) =
                socket.as_ref().map(|socket| poller.add(socket, Token(self.first.0 + place)))
            {
                debug!("dynamic-author: {error}");
            }
        }
        self.dynamic.configure(plan.clients, plan.needs_timestamp);
    }

    /// Reads from the socket in this place, and answers. `carry_out` does what is asked.
    pub fn receive(
        &mut self,
        place: usize,
        now: Now,
        mut carry_out: impl FnMut(&PacketRef<'_>) -> Result<(), ErrorCause>,
    ) {
        let socket = if place == 0 { &self.bound.ipv4 } else { &self.bound.ipv6 };
        let Some(socket) = socket else { return };
        // One octet more than a packet: what is longer is no packet.
        let mut buffer = [0; MAX_LEN + 1];
        for _ in 0..REQUESTS_A_TURN {
            let Ok((len, from)) = socket.recv_from(&mut buffer) else { return };
            let answer = match self.dynamic.receive(from, &buffer[..len], now) {
                Ok(Asked::Again(answer)) => answer,
                Ok(Asked::New(request)) => {
                    let outcome = carry_out(&request);
                    info!(%from, request = %request.code(), ?outcome, "dynamic-author");
                    let Ok(answer) = self.dynamic.answer(from, &request, outcome, now) else {
                        continue;
                    };
                    answer
                }
                Err(error) => {
                    debug!(%from, "dynamic-author: {error}");
                    continue;
                }
            };
            // An answer that is lost is asked for again.
            if let Err(error) = socket.send_to(&answer, from) {
                debug!(%from, "dynamic-author: {error}");
            }
        }
    }

    /// What became of the requests.
    pub fn counters(&self) -> &DynamicCounters {
        self.dynamic.counters()
    }
}

fn udp(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    Ok(socket.into())
}
