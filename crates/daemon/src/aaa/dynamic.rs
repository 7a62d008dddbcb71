//! The port where servers ask for changes (RFC 5176), and which sessions they mean.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use kedge_lma::{Binding, Change, Lma};
use kedge_model::{CustomerId, MnId};
use kedge_net::poll::{Poller, Token};
use kedge_radius::{
    Asked, Dynamic, DynamicCounters, ErrorCause, MAX_LEN, PacketRef, Secret, Subject, Wanted,
};
use kedge_sansio::Now;
use kedge_wire::registry::RevocationTrigger;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::{debug, info};

use super::accounting::Accounting;
use super::record::Nas;
use crate::anchor::Anchor;

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

/// Does what a request asks of the anchor's sessions.
pub fn carry_out(
    anchor: Option<&mut Anchor>,
    request: &PacketRef<'_>,
    nas: &Nas,
    now: Now,
) -> Result<(), ErrorCause> {
    let nas =
        kedge_radius::Nas { identifier: nas.identifier.clone(), addresses: nas.addresses.clone() };
    let wanted = Wanted::read(request, &nas)?;
    let anchor = anchor.ok_or(ErrorCause::SESSION_CONTEXT_NOT_FOUND)?;
    let found: Vec<(CustomerId, MnId, _)> = {
        let accounting = anchor.accounting();
        let of_customer = wanted.subject.customer.as_deref();
        let all = anchor.customers().iter();
        all.filter(|(_, customer)| of_customer.is_none_or(|name| customer.name() == name))
            .flat_map(|(_, customer)| candidates(customer.lma(), &wanted.subject))
            .filter(|binding| is_meant(&wanted.subject, binding, accounting))
            .map(|binding| (binding.customer, binding.mn_id.clone(), binding.id))
            .collect()
    };
    if found.is_empty() {
        return Err(ErrorCause::SESSION_CONTEXT_NOT_FOUND);
    }
    // What two customers have in common, as a name or an address, says nothing of whose is meant.
    if found.iter().any(|(customer, ..)| *customer != found[0].0) {
        return Err(ErrorCause::MULTIPLE_SESSION_SELECTION_UNSUPPORTED);
    }
    let customers = anchor.customers_mut();
    let mut done = 0;
    if wanted.disconnect {
        let trigger = RevocationTrigger::ADMINISTRATIVE_REASON;
        for (customer, _, binding) in &found {
            let revoke = |lma: &mut Lma| lma.revoke_binding(*binding, trigger, now);
            done += usize::from(customers.with(*customer, revoke) == Some(true));
        }
    } else {
        let session = wanted.session_timeout.map(|s| Duration::from_secs(s.into()));
        let class = (!wanted.class.is_empty()).then_some(wanted.class);
        let change = Change { session, class };
        for (customer, mn_id, _) in &found {
            let change = |lma: &mut Lma| lma.change_authorization(*customer, mn_id, &change, now);
            done += customers.with(*customer, change).unwrap_or_default();
        }
    }
    anchor.settle();
    for (customer, mn_id, _) in &found {
        anchor.reauthorized(*customer, mn_id);
    }
    // Nodes that AAA has not been asked about are the configuration's.
    if done > 0 { Ok(()) } else { Err(ErrorCause::ADMINISTRATIVELY_PROHIBITED) }
}

/// The bindings of the named node, or all of them where none is named.
fn candidates<'l>(lma: &'l Lma, subject: &Subject) -> impl Iterator<Item = &'l Binding> + use<'l> {
    let node = subject.user.as_deref().map(MnId::nai);
    let named = node.clone().flatten();
    let of_node: Vec<&Binding> =
        named.map(|mn_id| lma.find(lma.settings().customer, &mn_id).collect()).unwrap_or_default();
    let all = node.is_none().then(|| lma.bindings()).into_iter().flatten();
    of_node.into_iter().chain(all)
}

/// Whether all that a request says is true of a binding (§3).
fn is_meant(subject: &Subject, binding: &Binding, accounting: Option<&Accounting>) -> bool {
    let Subject { customer: _, user: _, session, station, ipv4, prefix, chargeable_user } = subject;
    let id = || accounting.and_then(|accounting| accounting.session_of(binding.id));
    let home = binding.addresses.ipv4.map(|home| home.address);
    let whom = || binding.authorized.as_ref()?.profile.chargeable_user.as_ref();
    session.as_ref().is_none_or(|session| id().is_some_and(|id| id.text() == *session))
        && station.as_ref().is_none_or(|station| {
            binding.link_layer_id.as_ref().is_some_and(|id| id.to_string() == *station)
        })
        && ipv4.is_none_or(|address| home == Some(address))
        && prefix.is_none_or(|(prefix, len)| {
            let is_it =
                |held: kedge_model::Ipv6Net| (held.addr(), held.prefix_len()) == (prefix, len);
            binding.addresses.prefixes.iter().any(is_it)
        })
        && chargeable_user.as_ref().is_none_or(|user| whom() == Some(user))
}
