//! One accounting record: what it is about, and its attributes (RFC 2866 §5, RFC 2869 §5,
//! RFC 6572 §7.3).

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use kedge_dataplane::BindingCounters;
use kedge_model::IpNet;
use kedge_radius::{AttributeType, Kind, Request, prefix};
use kedge_sansio::Now;

/// What a record says of its session (RFC 2866 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It has begun.
    Start,
    /// It goes on.
    Interim,
    /// It has ended.
    Stop(Cause),
    /// Sessions from here on are accounted for.
    On,
    /// There are no sessions any more.
    Off,
}

impl Status {
    fn number(self) -> u32 {
        match self {
            Self::Start => 1,
            Self::Stop(_) => 2,
            Self::Interim => 3,
            Self::On => 7,
            Self::Off => 8,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Start => Kind::Start,
            Self::Interim => Kind::Interim,
            Self::Stop(_) => Kind::Stop,
            Self::On | Self::Off => Kind::Gate,
        }
    }
}

/// Why a session ended (RFC 2866 §5.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The gateway de-registered it.
    UserRequest,
    /// Its gateway has lost it.
    LostCarrier,
    /// Nobody has refreshed it.
    LostService,
    /// Its server gave it no more time.
    SessionTimeout,
    /// An operator has ended it.
    AdminReset,
    /// The daemon stops.
    AdminReboot,
    /// The anchor has ended it.
    NasRequest,
    /// A tunnel carries no binding any more.
    PortUnneeded,
}

impl Cause {
    fn number(self) -> u32 {
        match self {
            Self::UserRequest => 1,
            Self::LostCarrier => 2,
            Self::LostService => 3,
            Self::SessionTimeout => 5,
            Self::AdminReset => 6,
            Self::AdminReboot => 7,
            Self::NasRequest => 10,
            Self::PortUnneeded => 12,
        }
    }
}

/// A session's number, unique over restarts: the daemon's restart counter above, the sessions of
/// this run below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SessionId(pub u64);

impl SessionId {
    /// As Acct-Session-Id has it, which all records of a session have in common.
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Gives sessions their numbers. Clones give from the same row.
#[derive(Clone, Debug)]
pub struct SessionIds(Rc<Cell<u64>>);

impl SessionIds {
    /// 24 bits of restarts, 40 bits of sessions.
    const SESSION_BITS: u32 = 40;

    /// The numbers of one run of the daemon.
    pub fn new(restart_counter: u32) -> Self {
        Self(Rc::new(Cell::new(u64::from(restart_counter) << Self::SESSION_BITS)))
    }

    /// A number that no session had.
    pub fn next(&self) -> SessionId {
        SessionId(self.0.replace(self.0.get() + 1))
    }
}

/// Who we are towards the servers (RFC 2865 §5.4, §5.32).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Nas {
    /// The anchor's identifier.
    pub identifier: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A record that is made.
#[derive(Debug)]
pub struct Record {
    /// What it says.
    pub status: Status,
    /// Which session; none for Accounting-On and -Off.
    pub session: SessionId,
    /// When.
    pub happened: Now,
    /// What it is to the order of records.
    pub kind: Kind,
    /// The attributes, as they are in a packet.
    pub attributes: Vec<u8>,
}

/// A record in the making.
pub struct Draft {
    status: Status,
    session: SessionId,
    happened: Now,
    request: Request,
}

impl Draft {
    /// What every record has.
    pub fn new(nas: &Nas, status: Status, session: SessionId, now: Now) -> Self {
        let request = Request::accounting(now.mono);
        let mut draft = Self { status, session, happened: now, request };
        draft.integer(AttributeType::ACCT_STATUS_TYPE, status.number());
        if let Status::Stop(cause) = status {
            draft.integer(AttributeType::ACCT_TERMINATE_CAUSE, cause.number());
        }
        draft.octets(AttributeType::ACCT_SESSION_ID, session.text().as_bytes());
        draft.octets(AttributeType::NAS_IDENTIFIER, nas.identifier.as_bytes());
        let first = |v4: bool| nas.addresses.iter().find(|address| address.is_ipv4() == v4);
        for (kind, address) in [
            (AttributeType::NAS_IP_ADDRESS, first(true)),
            (AttributeType::NAS_IPV6_ADDRESS, first(false)),
        ] {
            if let Some(address) = address {
                draft.address(kind, *address);
            }
        }
        let since = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Seconds in 32 bits, until 2106 (RFC 2869 §5.3).
        draft.integer(AttributeType::EVENT_TIMESTAMP, since.as_secs() as u32);
        draft
    }

    /// Adds a value of type integer.
    pub fn integer(&mut self, kind: AttributeType, value: u32) {
        self.octets(kind, &value.to_be_bytes());
    }

    /// Adds a value of octets. One that is longer than an attribute is cut, as an identifier of
    /// 254 octets is; one that the packet has no room for is left out.
    pub fn octets(&mut self, kind: AttributeType, value: &[u8]) {
        const LONGEST: usize = 253;
        // A value of no octets is none (RFC 2865 §5: text and string have 1 to 253).
        if !value.is_empty() {
            let _ = self.request.push(kind, &value[..value.len().min(LONGEST)]);
        }
    }

    /// Adds an address of either family.
    pub fn address(&mut self, kind: AttributeType, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.octets(kind, &address.octets()),
            IpAddr::V6(address) => self.octets(kind, &address.octets()),
        }
    }

    /// Adds an IPv6 prefix (RFC 3162 §2.3).
    pub fn prefix(&mut self, kind: AttributeType, net: kedge_model::Ipv6Net) {
        self.octets(kind, &prefix(net.network(), net.prefix_len()));
    }

    /// Adds an IPv4 home address and its prefix length (RFC 6572 §4.12).
    pub fn ipv4_home(&mut self, kind: AttributeType, address: Ipv4Addr, len: u8) {
        let mut value = vec![0, len];
        value.extend_from_slice(&address.octets());
        self.octets(kind, &value);
    }

    /// Adds a network behind a node: a delegated prefix, or, of IPv4, a route to the node
    /// (RFC 2865 §5.22).
    pub fn network(&mut self, net: IpNet) {
        match net {
            IpNet::V6(net) => self.prefix(AttributeType::DELEGATED_IPV6_PREFIX, net),
            IpNet::V4(net) => {
                let route = format!("{net} 0.0.0.0 1");
                self.octets(AttributeType::FRAMED_ROUTE, route.as_bytes());
            }
        }
    }

    /// Adds how long the session has been and what it carried. Input is what came from the
    /// subscriber (RFC 2866 §5.3): what we took out of the tunnel.
    pub fn usage(&mut self, lasted: Duration, traffic: BindingCounters) {
        let seconds = u32::try_from(lasted.as_secs()).unwrap_or(u32::MAX);
        self.integer(AttributeType::ACCT_SESSION_TIME, seconds);
        let BindingCounters { sent_packets, sent_bytes, received_packets, received_bytes } =
            traffic;
        for (octets, gigawords, packets, bytes, count) in [
            (
                AttributeType::ACCT_INPUT_OCTETS,
                AttributeType::ACCT_INPUT_GIGAWORDS,
                AttributeType::ACCT_INPUT_PACKETS,
                received_bytes,
                received_packets,
            ),
            (
                AttributeType::ACCT_OUTPUT_OCTETS,
                AttributeType::ACCT_OUTPUT_GIGAWORDS,
                AttributeType::ACCT_OUTPUT_PACKETS,
                sent_bytes,
                sent_packets,
            ),
        ] {
            // The lower and the upper half (RFC 2869 §5.1); packets have the lower half only.
            self.integer(octets, bytes as u32);
            self.integer(gigawords, (bytes >> 32) as u32);
            self.integer(packets, count as u32);
        }
    }

    /// Adds what a server wants to have back, where it leaves room for what the client adds. What
    /// the record itself says has to be there before: a server may want very much.
    pub fn returned(&mut self, kind: AttributeType, value: &[u8]) {
        const MOST: usize = 4_000;
        if self.request.attributes().len() + 2 + value.len() <= MOST {
            self.octets(kind, value);
        }
    }

    /// The record.
    pub fn finish(self) -> Record {
        Record {
            status: self.status,
            session: self.session,
            happened: self.happened,
            kind: self.status.kind(),
            attributes: self.request.attributes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kedge_radius::attributes;

    use super::*;
    use crate::clock::sample;

    #[test]
    fn octets_are_in_two_halves_on_both_sides_of_the_border() {
        let halves = |received_bytes, sent_bytes| {
            let (nas, now) = (Nas::default(), sample());
            let mut draft = Draft::new(&nas, Status::Interim, SessionId(1), now);
            let traffic = BindingCounters { received_bytes, sent_bytes, ..Default::default() };
            draft.usage(Duration::from_secs(1), traffic);
            let record = draft.finish();
            let value = |kind| {
                let mut all = attributes(&record.attributes);
                all.find(|attribute| attribute.kind == kind).and_then(|a| a.integer()).unwrap()
            };
            let input = (
                value(AttributeType::ACCT_INPUT_GIGAWORDS),
                value(AttributeType::ACCT_INPUT_OCTETS),
            );
            let output = (
                value(AttributeType::ACCT_OUTPUT_GIGAWORDS),
                value(AttributeType::ACCT_OUTPUT_OCTETS),
            );
            (input, output)
        };
        assert_eq!(halves((1 << 32) - 1, 1 << 32), ((0, u32::MAX), (1, 0)));
        assert_eq!(halves(1 << 32, (1 << 32) - 1), ((1, 0), (0, u32::MAX)));
        assert_eq!(halves((7 << 32) + 5, u64::MAX), ((7, 5), (u32::MAX, u32::MAX)));
    }

    #[test]
    fn whatever_a_server_wants_to_have_back_a_record_says_what_it_is_about_and_fits() {
        let (nas, now) = (Nas::default(), sample());
        let mut draft = Draft::new(&nas, Status::Stop(Cause::UserRequest), SessionId(1), now);
        draft.usage(Duration::from_secs(1), BindingCounters::default());
        for _ in 0..16 {
            draft.returned(AttributeType::CLASS, &[7; 253]);
        }
        let record = draft.finish();
        let has = |kind| attributes(&record.attributes).filter(|a| a.kind == kind).count();
        assert_eq!(has(AttributeType::ACCT_OUTPUT_OCTETS), 1);
        assert_eq!(has(AttributeType::ACCT_TERMINATE_CAUSE), 1);
        assert_eq!(has(AttributeType::CLASS), 15);
        // The header, and Acct-Delay-Time.
        assert!(record.attributes.len() + 20 + 6 <= kedge_radius::MAX_LEN);
    }
}
