//! A gateway's signalling, and no more of a gateway: what it is granted, others carry out.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kedge_lab::Host;
use kedge_model::{Encapsulation, GreKey, Ipv4Net, Ipv6Net, Lifetime, Sequence};
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue, MnIdSubtype, Status};
use kedge_wire::{
    AccessTechnology, BindingUpdate, BuFlags, Encoder, GreKeyOption, HandoffIndicator,
    HomeNetworkPrefix, Ipv4HomeAddressRequest, Message, MnIdOption, NatDetection, PacketRef,
};
use nix::libc::SOCK_RAW;
use socket2::{Domain, Socket, Type};

use crate::row::{Family, within};
use crate::tunnel::Carriage;

/// The protocol number of the Mobility Header (RFC 6275 §6.1.1).
const MOBILITY_HEADER: i32 = 135;
const ICMPV6: i32 = 58;
/// The port of signalling over IPv4 (RFC 5844 §4.2.2.1).
const PORT: u16 = 5436;
/// The longest Mobility Header.
const LONGEST: usize = 2048;
/// A slow machine's idea of soon.
pub const SOON: Duration = Duration::from_secs(120);

/// One signalling socket of M.
pub struct Speaker {
    socket: Socket,
    sequence: u16,
}

/// What an acknowledgement says about the tunnel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The GRE Key option, and the key in it.
    pub gre: Option<Option<GreKey>>,
    /// The F flag of the NAT Detection option.
    udp: bool,
}

impl Speaker {
    /// A socket between the addresses of M and L. The kernel fills in the checksums of Mobility
    /// Headers, and verifies them.
    pub fn open(m: &Host, over: Family) -> Result<Self> {
        let [anchor, own] = over.transport().map(str::parse::<IpAddr>);
        let (anchor, own) = (anchor?, own?);
        let port = over.pick(PORT, 0);
        let opened = within(m, || -> std::io::Result<Socket> {
            let socket = match over {
                Family::V4 => Socket::new(Domain::IPV4, Type::DGRAM, None)?,
                Family::V6 => {
                    Socket::new(Domain::IPV6, SOCK_RAW.into(), Some(MOBILITY_HEADER.into()))?
                }
            };
            socket.bind(&SocketAddr::new(own, port).into())?;
            socket.connect(&SocketAddr::new(anchor, port).into())?;
            socket.set_read_timeout(Some(SOON))?;
            Ok(socket)
        });
        Ok(Self { socket: opened?.context("the signalling socket of M")?, sequence: 0 })
    }

    /// Registers B with the addresses that it has, for what `carriage` says of the encapsulation.
    pub fn register(&mut self, carriage: &Carriage) -> Result<Answer> {
        let answer = self.ask(carriage, Lifetime::from_secs(600))?;
        let udp = matches!(carriage.ours, Encapsulation::Udp { .. });
        ensure!(answer.udp == udp, "UDP is asked for: {udp}, answered: {answer:?}");
        Ok(answer)
    }

    /// Sends octets as a message, whose checksum the kernel fills in.
    pub fn send(&mut self, octets: &[u8]) -> Result<()> {
        self.socket.send(octets).context("sending an update")?;
        Ok(())
    }

    /// Gives it up.
    pub fn deregister(&mut self, carriage: &Carriage) -> Result<()> {
        self.ask(carriage, Lifetime::ZERO).map(drop)
    }

    fn ask(&mut self, carriage: &Carriage, lifetime: Lifetime) -> Result<Answer> {
        self.sequence += 1;
        let sequence = Sequence(self.sequence);
        let update = update(carriage, sequence, lifetime)?;
        self.send(&update)?;
        let mut octets = [0; LONGEST];
        // The anchor sends heartbeats, too.
        let acknowledgement = loop {
            let length = self.socket.read(&mut octets).context("waiting for an answer")?;
            let packet = PacketRef::decode(&octets[..length]).context("decoding an answer")?;
            if let Message::BindingAcknowledgement(acknowledgement) = packet.message {
                ensure!(
                    acknowledgement.sequence == sequence,
                    "{acknowledgement:?} to {sequence:?}"
                );
                let gre = packet.options.get::<GreKeyOption>().map(|option| option.key);
                let nat = packet.options.get::<NatDetection>();
                let udp = nat.is_some_and(|option| option.force_udp);
                break (acknowledgement, Answer { gre, udp });
            }
        };
        let (acknowledgement, answer) = acknowledgement;
        ensure!(acknowledgement.status == Status::ACCEPTED, "{acknowledgement:?}");
        ensure!(acknowledgement.lifetime.is_zero() == lifetime.is_zero(), "{acknowledgement:?}");
        Ok(answer)
    }
}

/// The Parameter Problems that M is told.
pub struct Problems(Socket);

impl Problems {
    const TYPE: u8 = 4;

    /// Those that come from here on.
    pub fn open(m: &Host) -> Result<Self> {
        let socket = within(m, || Socket::new(Domain::IPV6, SOCK_RAW.into(), Some(ICMPV6.into())));
        Ok(Self(socket?.context("the ICMPv6 socket of M")?))
    }

    /// The pointer of the next one; `None` if none comes within `limit`.
    pub fn next(&mut self, limit: Duration) -> Result<Option<u32>> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.0.set_read_timeout(Some(left))?;
            let mut octets = [0; LONGEST];
            match self.0.read(&mut octets) {
                Ok(8..) if octets[0] == Self::TYPE => {
                    ensure!(octets[1] == 0, "code {}", octets[1]);
                    let [.., a, b, c, d] = octets[..8] else { return Ok(None) };
                    return Ok(Some(u32::from_be_bytes([a, b, c, d])));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("waiting for a Parameter Problem"),
            }
        }
    }
}

/// An update of B for the families that are carried. Its checksum is the kernel's to fill in.
pub fn update(carriage: &Carriage, sequence: Sequence, lifetime: Lifetime) -> Result<Vec<u8>> {
    let mut flags = BuFlags::A | BuFlags::P;
    if matches!(carriage.ours, Encapsulation::Udp { .. }) {
        flags |= BuFlags::F;
    }
    let mut octets = Vec::new();
    let body = BindingUpdate { sequence, flags, lifetime };
    let mut encoder = Encoder::new(&mut octets, Message::BindingUpdate(body));
    let identifier = MnIdOption::new(MnIdSubtype::NAI, b"b@example.net");
    encoder.option(identifier.context("an identifier that is too long")?);
    for inner in carriage.families() {
        match inner {
            Family::V4 => {
                let address: Ipv4Net = "10.64.0.5/24".parse()?;
                encoder.option(Ipv4HomeAddressRequest { address });
            }
            Family::V6 => {
                let prefix: Ipv6Net = "2001:db8:5:5::/64".parse()?;
                encoder.option(HomeNetworkPrefix::new(prefix));
            }
        }
    }
    let handoff = match lifetime.is_zero() {
        true => HandoffIndicatorValue::UNKNOWN,
        false => HandoffIndicatorValue::NEW_INTERFACE,
    };
    encoder.option(HandoffIndicator(handoff));
    encoder.option(AccessTechnology(AccessTechnologyType::IEEE_802_11A_B_G));
    // A de-registration has none (RFC 5845 §4.2).
    if let Encapsulation::Gre { send_key: key, .. } = carriage.ours
        && !lifetime.is_zero()
    {
        encoder.option(GreKeyOption { key });
    }
    encoder.finish();
    Ok(octets)
}
