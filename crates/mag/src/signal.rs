//! Messages in and out: checksum, authentication, and whom a message is for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use kedge_model::{Datagram, SignalPath};
use kedge_sansio::Now;
use kedge_wire::auth::{self, AuthVerdict};
use kedge_wire::registry::{BindingErrorStatus, MhType};
use kedge_wire::{
    BindingError, DecodeError, Encoder, HomeNetworkPrefix, Ipv4CareOfAddress, Message, MnIdOption,
    PacketRef,
};
use tracing::debug;

use crate::settings::{Auth, AuthHome, Lma};
use crate::stats::Discards;
use crate::{Mag, Output};

/// The port of signalling over IPv4 (RFC 5844 §4.1.3.1).
pub(crate) const SIGNALLING_PORT: u16 = 5436;

impl Mag {
    /// A Mobility Header arrived. Gives what is wrong with one that does not decode: RFC 6275 §9.2
    /// has some of that told to its sender.
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Now) -> Option<DecodeError> {
        let Datagram { path, bytes, .. } = datagram;
        if bytes.len() > kedge_wire::MAX_LEN {
            debug!(peer = %path.peer, "longer than any message");
            self.stats.discards.malformed += 1;
            return None;
        }
        if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip())
            && !kedge_wire::verify_checksum(peer, local, bytes)
        {
            self.stats.discards.checksum += 1;
            return None;
        }
        match PacketRef::decode(bytes) {
            Ok(packet) => {
                self.handle_message(datagram, packet, now);
                None
            }
            Err(error) => {
                debug!(peer = %path.peer, %error, "malformed message");
                self.stats.discards.malformed += 1;
                Some(error)
            }
        }
    }

    /// The shell has told the sender of a message that its header is wrong.
    pub fn handle_problem_told(&mut self) {
        self.stats.other.parameter_problems_sent += 1;
    }

    fn handle_message(&mut self, datagram: Datagram<'_>, packet: PacketRef<'_>, now: Now) {
        let Datagram { path, dscp, bytes } = datagram;
        let Some(lma) = self.settings.lma_at(path.peer.ip()).cloned() else {
            self.stats.discards.unknown_peer += 1;
            return;
        };
        let is_acknowledgement = matches!(packet.message, Message::BindingAcknowledgement(_));
        self.stats.acknowledgements.total += u64::from(is_acknowledgement);
        let named = packet.options.get::<MnIdOption<'_>>().filter(|_| is_acknowledgement);
        let auth = match named.map(|option| option.to_mn_id()) {
            Some(mn_id) => self.settings.auth_of(&mn_id, &lma),
            None => lma.auth.as_ref().filter(|auth| is_acknowledgement || !auth.updates_only),
        };
        let discards = &mut self.stats.discards;
        if auth.is_some_and(|auth| !is_authentic(auth, &packet, path, bytes, discards)) {
            self.stats.acknowledgements.errors += u64::from(is_acknowledgement);
            return;
        }
        self.anchors.heard(lma.address, now.mono);
        match &packet.message {
            Message::BindingAcknowledgement(ba) => {
                self.handle_acknowledgement(path.peer.ip(), *ba, packet.options, now);
            }
            Message::BindingRevocationIndication(bri) => {
                self.handle_revocation(path, dscp, &lma, *bri, packet.options, now);
            }
            Message::BindingRevocationAcknowledgement(bra) => {
                self.handle_revocation_acknowledgement(lma.address, *bra, now);
            }
            Message::Heartbeat(heartbeat) => {
                self.handle_heartbeat(path, dscp, &lma, *heartbeat, packet.options, now);
            }
            Message::BindingError(error) => {
                self.handle_binding_error(path.peer.ip(), *error, now);
            }
            Message::Unknown(unknown) => {
                self.stats.discards.unknown_type += 1;
                // A Binding Revocation that is neither indication nor acknowledgement has a type
                // that is known: an error would say that none of them is (RFC 5846 §6.2).
                if unknown.mh_type() != MhType::BINDING_REVOCATION {
                    self.answer_unknown(path, dscp, &lma, now);
                }
            }
            _ => self.stats.discards.unexpected += 1,
        }
    }

    /// Answers a message of a type that nobody here knows (RFC 6275 §9.2 and, for the rate,
    /// §9.3.3), over UDP as well: RFC 5844 §4.2.2 keeps the rules of RFC 5213 §6.9.1.2 (2), which
    /// are those of §9.2.
    fn answer_unknown(&mut self, path: SignalPath, dscp: u8, lma: &Lma, now: Now) {
        if !self.binding_errors.allows(now.mono) {
            return;
        }
        self.stats.other.binding_errors_sent += 1;
        let mut bytes = self.buffers.take();
        let status = BindingErrorStatus::UNRECOGNIZED_MH_TYPE;
        let home_address = Ipv6Addr::UNSPECIFIED;
        Encoder::new(&mut bytes, BindingError { status, home_address }).finish();
        self.send(path, self.settings.dscp_of(lma).of_answer(dscp), None, bytes);
    }

    /// Seals the message in `bytes`, which came from the free list, and queues it.
    pub(crate) fn send(
        &mut self,
        path: SignalPath,
        dscp: u8,
        auth: Option<&Auth>,
        mut bytes: Vec<u8>,
    ) {
        seal(&path, auth, &mut bytes);
        self.out.push_back(Output::Send { path, dscp, bytes });
    }

    /// Between this gateway and an anchor.
    pub(crate) fn path_to(&self, care_of: IpAddr, lma: IpAddr) -> SignalPath {
        let port = if lma.is_ipv4() { SIGNALLING_PORT } else { 0 };
        SignalPath {
            transport: self.settings.transport,
            local: SocketAddr::new(care_of, port),
            peer: SocketAddr::new(lma, port),
        }
    }
}

/// Protects a message as `auth` says, and gives it the checksum that its transport asks for.
pub(crate) fn seal(path: &SignalPath, auth: Option<&Auth>, bytes: &mut Vec<u8>) {
    if let Some(auth) = auth {
        let care_of = path.local.ip();
        let home = home_address(auth.home, care_of, bytes);
        auth::sign(bytes, 0, &auth.key, care_of, home);
    }
    // RFC 5844 §4.1.3.1: over IPv4 the UDP checksum is used, and this one stays zero.
    if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip()) {
        kedge_wire::set_checksum(local, peer, bytes);
    }
}

/// RFC 4285 §5: the care-of address of an answer is its destination.
fn is_authentic(
    auth: &Auth,
    packet: &PacketRef<'_>,
    path: SignalPath,
    bytes: &[u8],
    discards: &mut Discards,
) -> bool {
    let care_of = path.local.ip();
    let home = home_address_of(auth.home, care_of, packet);
    let key_for_spi = |spi| (spi == auth.key.spi()).then_some(&auth.key);
    let counter = match auth::verify(bytes, key_for_spi, care_of, home) {
        AuthVerdict::Valid => return true,
        AuthVerdict::Missing => &mut discards.authentication_missing,
        AuthVerdict::UnknownSpi(_) => &mut discards.authentication_unknown_spi,
        AuthVerdict::Wrong => &mut discards.authentication_failed,
    };
    *counter += 1;
    debug!(peer = %path.peer, "message is not authentic");
    false
}

/// Says whose message it is, where a translator may put another address in the place of ours. The
/// protection is computed over the one that is said (RFC 5555 §3.1.2).
pub(crate) fn name_sender(encoder: &mut Encoder<'_>, path: &SignalPath) {
    if let IpAddr::V4(own) = path.local.ip() {
        encoder.option(Ipv4CareOfAddress(own));
    }
}

fn home_address(rule: AuthHome, care_of: IpAddr, bytes: &[u8]) -> IpAddr {
    match PacketRef::decode(bytes) {
        Ok(packet) => home_address_of(rule, care_of, &packet),
        // What an encoder wrote decodes; were it not so, nobody could verify it anyway.
        Err(_) => care_of,
    }
}

fn home_address_of(rule: AuthHome, care_of: IpAddr, packet: &PacketRef<'_>) -> IpAddr {
    match rule {
        AuthHome::CareOf => care_of,
        AuthHome::Zero => Ipv6Addr::UNSPECIFIED.into(),
        AuthHome::HomeNetworkPrefix => {
            let first = packet.options.get::<HomeNetworkPrefix>();
            first.map_or(Ipv6Addr::UNSPECIFIED, |option| option.prefix.network()).into()
        }
    }
}
