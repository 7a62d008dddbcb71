//! The Proxy Binding Acknowledgement (RFC 5213 §5.3.6, RFC 5844 §3.1.2.6, RFC 5845 §5.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use kedge_model::{IpNet, Ipv4Net, Ipv6Net, Lifetime, Sequence, SignalPath, Timestamp};
use kedge_wire::registry::{
    AccessTechnologyType, HandoffIndicatorValue, Ipv4HomeAddressStatus, Status,
};
use kedge_wire::{
    AccessTechnology, BaFlags, BindingAcknowledgement, BindingRefreshAdvice,
    DelegatedMobileNetworkPrefix, DhcpSupportMode, Encoder, GreKeyOption, HandoffIndicator,
    HeartbeatControl, HomeNetworkPrefix, Ipv4CareOfAddress, Ipv4DefaultRouter,
    Ipv4HomeAddressReply, Ipv4HomeAddressRequest, LinkLocalAddress, LmaControlledMagParameters,
    MessageId, MnIdOption, MnLinkLayerId, NatDetection, OptionsRef, PacketRef, TimestampOption,
    auth, set_checksum,
};

use crate::addresses::HomeAddresses;
use crate::ntp::ntp;
use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::{Authentication, AuthenticationHome, Settings};

/// What an accepted update is answered with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acceptance {
    /// Below 128.
    pub status: Status,
    /// Zero for a de-registration.
    pub lifetime: Lifetime,
    /// When to refresh, if that is to be said.
    pub refresh_advice: Option<Lifetime>,
    /// What the session has.
    pub addresses: HomeAddresses,
    /// The gateway's address on the node's link.
    pub link_local: Ipv6Addr,
    pub gre: Option<GreKeyOption>,
    /// Whether data goes behind the TLV header (RFC 5845 §7.2).
    pub tlv: bool,
    /// Whether data goes over UDP, and whether a translator is on the path.
    pub nat: Option<NatDetection>,
}

/// Writes the acknowledgement of an accepted update. `delegated` is what the session has for the
/// networks behind its node, `parameters` what every gateway is told.
pub(crate) fn accept(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    acceptance: &Acceptance,
    delegated: &[IpNet],
    parameters: Option<LmaControlledMagParameters>,
) {
    let Acceptance { status, lifetime, addresses, .. } = *acceptance;
    let tlv = if acceptance.tlv { BaFlags::T } else { BaFlags::NONE };
    let mut encoder = begin(out, request, status, tlv, lifetime, request.update.sequence);
    // An update with IPv4 alone is answered without a prefix (RFC 5844 §3.1.2.6).
    if request.wants_ipv6() {
        for prefix in addresses.prefixes.iter() {
            encoder.option(HomeNetworkPrefix::new(prefix));
        }
    }
    // Only who asks is told (RFC 7148 §5.2.2).
    for prefix in delegated.iter().filter(|_| request.delegated_count > 0) {
        encoder.option(DelegatedMobileNetworkPrefix { prefix: *prefix });
    }
    attachment(&mut encoder, request);
    if let Some(home) = addresses.ipv4.filter(|_| request.wants_ipv4()) {
        // The pool's prefix length is at most 32.
        if let Ok(address) = Ipv4Net::new(home.address, home.prefix_len) {
            encoder
                .option(Ipv4HomeAddressReply { status: Ipv4HomeAddressStatus::SUCCESS, address });
        }
        encoder.option(Ipv4DefaultRouter(home.router));
        // The gateway is the DHCP server; without the option it would be a relay (§3.3.4).
        encoder.option(DhcpSupportMode { server: true });
    }
    if let Some(timestamp) = request.timestamp {
        encoder.option(TimestampOption(timestamp));
    }
    if let Some(message_id) = request.message_id {
        encoder.option(MessageId(message_id));
    }
    if request.link_local.is_some() {
        encoder.option(LinkLocalAddress(acceptance.link_local));
    }
    if let Some(gre) = acceptance.gre {
        encoder.option(gre);
    }
    if let Some(refresh) = acceptance.refresh_advice {
        encoder.option(BindingRefreshAdvice(refresh));
    }
    if let Some(nat) = acceptance.nat {
        encoder.option(nat);
    }
    // Of a binding that ends there is nothing to control.
    if let Some(parameters) = parameters.filter(|_| !lifetime.is_zero()) {
        encoder.option(parameters);
    }
    encoder.finish();
}

/// What gateways are told with each acceptance (RFC 8127 §5.1).
pub(crate) fn mag_parameters(settings: &Settings) -> Option<LmaControlledMagParameters> {
    let rhythm = settings.heartbeat.filter(|_| settings.impose_heartbeat)?;
    let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
    let heartbeat = HeartbeatControl {
        interval: seconds(rhythm.interval),
        retransmission_delay: seconds(rhythm.timeout),
        max_retransmissions: rhythm.allowed.into(),
    };
    Some(LmaControlledMagParameters { heartbeat: Some(heartbeat), ..Default::default() })
}

/// Writes the acknowledgement of a denied update. `last` is the session's last accepted sequence
/// number, `clock` this anchor's time of day.
pub(crate) fn deny(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    denial: Denial,
    last: Option<Sequence>,
    clock: Timestamp,
) {
    // RFC 6275 §9.5.1: a number out of window is answered with the one it should follow.
    let sequence = match (denial, last) {
        (Denial::SequenceOutOfWindow, Some(last)) => last,
        _ => request.update.sequence,
    };
    let mut encoder = begin(out, request, denial.status(), BaFlags::NONE, Lifetime::ZERO, sequence);
    // "Along with their prefix values": the L flag of RFC 7864 is a reserved bit here.
    for asked in request.options.all::<HomeNetworkPrefix>() {
        encoder.option(HomeNetworkPrefix::new(asked.prefix));
    }
    if !request.wants_ipv6() && !request.wants_ipv4() {
        encoder.option(HomeNetworkPrefix::new(Ipv6Net::default()));
    }
    attachment(&mut encoder, request);
    for asked in request.options.all::<Ipv4HomeAddressRequest>() {
        encoder
            .option(Ipv4HomeAddressReply { status: ipv4_status(denial), address: asked.address });
    }
    if let Some(timestamp) = request.timestamp {
        // RFC 5213 §5.5 (8) and (9): the gateway learns what the time is here.
        let own = matches!(denial, Denial::TimestampOld | Denial::TimestampMismatch);
        encoder.option(TimestampOption(if own { clock } else { timestamp }));
    }
    if let Some(message_id) = request.message_id {
        let own = denial == Denial::MessageIdMismatch;
        encoder.option(MessageId(if own { corrected(message_id, clock) } else { message_id }));
    }
    if let Some(address) = request.link_local {
        encoder.option(LinkLocalAddress(address));
    }
    // RFC 8278 §4.4: comes back, without the gateway's identifier.
    if let Some(multipath) = request.multipath.filter(|_| denial == Denial::MultipathNotSupported) {
        encoder.option(multipath);
    }
    encoder.finish();
}

/// The care-of address that the protection of a received message is computed over: the gateway
/// does not know what address a translator gives it, and says its own (RFC 5555 §3.1.2).
pub(crate) fn care_of_address(path: &SignalPath, options: OptionsRef<'_>) -> IpAddr {
    behind(path, options).map_or(path.peer.ip(), IpAddr::V4)
}

/// The gateway's own address, if that is not where the message came from.
pub(crate) fn behind(path: &SignalPath, options: OptionsRef<'_>) -> Option<Ipv4Addr> {
    let said = options.get::<Ipv4CareOfAddress>().filter(|_| path.is_udp());
    said.map(|option| option.0).filter(|address| IpAddr::V4(*address) != path.peer.ip())
}

/// Protects a message that begins `out`, for a gateway that knows itself by the address `care_of`,
/// and sets its checksum.
pub(crate) fn seal(
    out: &mut Vec<u8>,
    path: &SignalPath,
    care_of: IpAddr,
    authentication: Option<&Authentication>,
) {
    if let Some(authentication) = authentication {
        let home = PacketRef::decode(out).map_or(care_of, |packet| {
            home_address(authentication.home_address, care_of, packet.options)
        });
        auth::sign(out, 0, &authentication.key, care_of, home);
    }
    // Over UDP the field stays zero (RFC 5844 §4.1.3.2).
    if let (IpAddr::V6(local), IpAddr::V6(peer)) = (path.local.ip(), path.peer.ip()) {
        set_checksum(local, peer, out);
    }
}

/// What stands for the home address in the input of RFC 4285 for a message with these options.
pub(crate) fn home_address(
    home: AuthenticationHome,
    care_of: IpAddr,
    options: OptionsRef<'_>,
) -> IpAddr {
    match home {
        AuthenticationHome::CareOf => care_of,
        AuthenticationHome::Zero => Ipv6Addr::UNSPECIFIED.into(),
        AuthenticationHome::HomeNetworkPrefix => options
            .get::<HomeNetworkPrefix>()
            .map_or(Ipv6Addr::UNSPECIFIED, |option| option.prefix.addr())
            .into(),
    }
}

/// RFC 4285 §6: the low half as it came, the high half from this anchor's clock.
fn corrected(message_id: u64, clock: Timestamp) -> u64 {
    ntp(clock) & !0xffff_ffff | message_id & 0xffff_ffff
}

/// The fixed part, and the identifier, which precedes any authentication (RFC 4283 §3.2).
fn begin<'o>(
    out: &'o mut Vec<u8>,
    request: &Request<'_>,
    status: Status,
    flags: BaFlags,
    lifetime: Lifetime,
    sequence: Sequence,
) -> Encoder<'o> {
    let flags = if request.is_proxy() { flags | BaFlags::P } else { flags };
    let body = BindingAcknowledgement { status, flags, sequence, lifetime };
    let mut encoder = Encoder::new(out, body);
    encoder.option(request.mn_id.unwrap_or(MnIdOption::EMPTY));
    encoder
}

/// What is copied from the update whatever the answer; what was missing is zero.
fn attachment(encoder: &mut Encoder<'_>, request: &Request<'_>) {
    encoder.option(HandoffIndicator(request.handoff.unwrap_or(HandoffIndicatorValue::RESERVED)));
    let technology = request.access_technology.unwrap_or(AccessTechnologyType::RESERVED);
    encoder.option(AccessTechnology(technology));
    if let Some(id) = request.options.get::<MnLinkLayerId<'_>>() {
        encoder.option(id);
    }
}

/// RFC 5844 §3.1.2.2: the option's own status beside the message's.
fn ipv4_status(denial: Denial) -> Ipv4HomeAddressStatus {
    match denial {
        Denial::Ipv4AddressNotAuthorized | Denial::Ipv4NotAuthorized => {
            Ipv4HomeAddressStatus::ADMINISTRATIVELY_PROHIBITED
        }
        _ => Ipv4HomeAddressStatus::FAILURE_REASON_UNSPECIFIED,
    }
}
