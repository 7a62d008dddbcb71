//! Which tunnel an update gets (RFC 5844 §4.1.3.1, RFC 5845 §5.2, §7.4).
//!
//! The peer's policy decides; where it leaves the choice, the gateway does: GRE by a GRE Key
//! option, UDP by the F flag, GRE in UDP by the option and the T flag, IP in IP by none of these. A
//! translator on the path carries nothing but UDP, so that there UDP takes the place of IP in IP,
//! between the ports that the update came through: only they are open. What was chosen goes back
//! in the acknowledgement: a GRE Key option, the T flag, or a NAT Detection option with its F flag,
//! without which the gateway would not know that UDP was accepted (RFC 5844 §4.2.2).

use kedge_model::{Encapsulation, GreKey};
use kedge_wire::registry::Status;
use kedge_wire::{BuFlags, GreKeyOption, NatDetection};

use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::{EncapsulationPolicy, Settings};

/// The port of data over UDP, at both ends (RFC 5844 §4.1.4.1).
const DATA_PORT: u16 = 5437;

/// How often a gateway behind a translator is to be heard, in seconds. RFC 5555 §6 has 110, but
/// translators forget a flow that was only asked and answered once sooner: Linux after 30 seconds.
const KEEPALIVE: u32 = 25;

/// A Refresh Time that asks for no keepalives: there is no translator (RFC 5555 §3.2.2).
const NO_KEEPALIVE: u32 = u32::MAX;

/// What was chosen and how the gateway is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub kind: Kind,
    /// Whether GRE is in UDP, behind the TLV header.
    pub in_udp: bool,
    /// The ports of UDP, ours and the gateway's.
    pub ports: (u16, u16),
    /// Whether a translator is on the path.
    pub translated: bool,
    /// 0, or the acceptance that refuses a part.
    pub status: Status,
}

/// An encapsulation whose own key is not chosen yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    IpInIp,
    Udp,
    /// GRE that both ends are configured for; no option is exchanged. The key, if there is one, is
    /// that of both directions.
    StaticGre(Option<GreKey>),
    /// GRE by a GRE Key option without a key (RFC 5845 §3.2).
    PlainGre,
    /// GRE with keys; this one is the gateway's.
    KeyedGre(GreKey),
}

pub(crate) fn choose(
    policy: EncapsulationPolicy,
    settings: &Settings,
    request: &Request<'_>,
) -> Result<Choice, Denial> {
    let forced_udp = request.update.flags.contains(BuFlags::F);
    // RFC 5844 §4.1.3.1 has this before all else; where the operator wants UDP, nothing is forced.
    if forced_udp && !settings.accept_forced_udp && policy != EncapsulationPolicy::Udp {
        return Err(Denial::ForcedUdp);
    }
    let translated = request.is_translated();
    let mut in_udp = false;
    let (kind, status) = match (policy, request.gre_key) {
        (EncapsulationPolicy::Udp, option) => (Kind::Udp, status_without_gre(option)),
        (
            EncapsulationPolicy::Gre
            | EncapsulationPolicy::StaticGre
            | EncapsulationPolicy::AsRequested,
            Some(option),
        ) => {
            // RFC 5845 §6.2: the flag is about packets in IPv4.
            let asked = request.update.flags.contains(BuFlags::T);
            in_udp = asked && request.path.is_udp() && settings.accept_forced_udp;
            let status = match asked && !in_udp {
                true => Status::GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED,
                false => Status::ACCEPTED,
            };
            let kind = match option.key {
                Some(key) if settings.generate_grekey => Kind::KeyedGre(key),
                _ => Kind::PlainGre,
            };
            (kind, status)
        }
        (EncapsulationPolicy::StaticGre, None) => {
            (Kind::StaticGre(settings.gre_key), Status::ACCEPTED)
        }
        (EncapsulationPolicy::Gre, None) if settings.gre_key.is_some() => {
            (Kind::StaticGre(settings.gre_key), Status::ACCEPTED)
        }
        (EncapsulationPolicy::Gre, None) if settings.generate_grekey => {
            return Err(Denial::GreKeyRequired);
        }
        (EncapsulationPolicy::Gre, None) => (Kind::StaticGre(None), Status::ACCEPTED),
        // RFC 5555 §4.2: with a translator on the path all packets are encapsulated in UDP.
        (EncapsulationPolicy::AsRequested, None) if forced_udp || translated => {
            (Kind::Udp, Status::ACCEPTED)
        }
        (EncapsulationPolicy::AsRequested, None) => (Kind::IpInIp, Status::ACCEPTED),
    };
    let ports = match translated {
        true => (request.path.local.port(), request.path.peer.port()),
        false => (DATA_PORT, DATA_PORT),
    };
    Ok(Choice { kind, in_udp, ports, translated, status })
}

impl Choice {
    /// The encapsulation with this anchor's key in place.
    pub fn encapsulation(self, own_key: Option<GreKey>) -> Encapsulation {
        let (local_port, peer_port) = self.ports;
        let (send_key, receive_key) = match self.kind {
            Kind::IpInIp => return Encapsulation::IpInIp,
            Kind::Udp => return Encapsulation::Udp { local_port, peer_port },
            Kind::StaticGre(key) => (key, key),
            Kind::PlainGre => (None, None),
            Kind::KeyedGre(key) => (Some(key), own_key),
        };
        match self.in_udp {
            true => Encapsulation::GreUdp { local_port, peer_port, send_key, receive_key },
            false => Encapsulation::Gre { send_key, receive_key },
        }
    }

    /// What the gateway is told about UDP and about a translator on its path. RFC 5844 §4.1.3.2
    /// does not ask for it, but §4.2.2 is how the gateway decides.
    pub fn nat_detection(self) -> Option<NatDetection> {
        let force_udp = self.kind == Kind::Udp || self.in_udp;
        let refresh_time = if self.translated { KEEPALIVE } else { NO_KEEPALIVE };
        (force_udp || self.translated).then_some(NatDetection { force_udp, refresh_time })
    }
}

impl Kind {
    /// Whether this anchor needs a key of its own.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::KeyedGre(_))
    }

    /// The option that answers the gateway's.
    pub fn gre_option(self, own_key: Option<GreKey>) -> Option<GreKeyOption> {
        match self {
            Self::PlainGre => Some(GreKeyOption { key: None }),
            Self::KeyedGre(_) => Some(GreKeyOption { key: own_key }),
            Self::IpInIp | Self::Udp | Self::StaticGre(_) => None,
        }
    }
}

fn status_without_gre(option: Option<GreKeyOption>) -> Status {
    match option {
        Some(_) => Status::GRE_KEY_OPTION_NOT_REQUIRED,
        None => Status::ACCEPTED,
    }
}
