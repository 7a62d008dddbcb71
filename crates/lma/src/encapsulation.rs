//! Which tunnel an update gets (RFC 5844 §4.1.3.1, RFC 5845 §5.2).
//!
//! The peer's policy decides; where it leaves the choice, the gateway does: GRE by a GRE Key
//! option, UDP by the F flag, IP in IP by neither. What was chosen goes back in the
//! acknowledgement: a GRE Key option, or a NAT Detection option with its F flag, without which the
//! gateway would not know that UDP was accepted (RFC 5844 §4.2.2).

use kedge_model::{Encapsulation, GreKey};
use kedge_wire::registry::Status;
use kedge_wire::{BuFlags, GreKeyOption};

use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::{EncapsulationPolicy, Settings};

/// The port of data over UDP, at both ends (RFC 5844 §4.1.4.1).
const DATA_PORT: u16 = 5437;

/// What was chosen and how the gateway is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub kind: Kind,
    /// 0, or the acceptance that refuses a part.
    pub status: Status,
}

/// An encapsulation whose own key is not chosen yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    IpInIp,
    Udp,
    /// GRE that both ends are configured for; no option is exchanged.
    StaticGre,
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
    let (kind, status) = match (policy, request.gre_key) {
        (EncapsulationPolicy::Udp, option) => (Kind::Udp, status_without_gre(option)),
        (EncapsulationPolicy::Gre | EncapsulationPolicy::AsRequested, Some(option)) => {
            // GRE over UDP needs the TLV header (RFC 5845 §7), which is not supported here.
            let tlv = request.update.flags.contains(BuFlags::T);
            let status = if tlv {
                Status::GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED
            } else {
                Status::ACCEPTED
            };
            let kind = match option.key {
                Some(key) if settings.generate_grekey => Kind::KeyedGre(key),
                _ => Kind::PlainGre,
            };
            (kind, status)
        }
        (EncapsulationPolicy::Gre, None) if settings.generate_grekey => {
            return Err(Denial::GreKeyRequired);
        }
        (EncapsulationPolicy::Gre, None) => (Kind::StaticGre, Status::ACCEPTED),
        (EncapsulationPolicy::AsRequested, None) if forced_udp => {
            if !settings.accept_forced_udp {
                return Err(Denial::ForcedUdp);
            }
            (Kind::Udp, Status::ACCEPTED)
        }
        (EncapsulationPolicy::AsRequested, None) => (Kind::IpInIp, Status::ACCEPTED),
    };
    Ok(Choice { kind, status })
}

impl Kind {
    /// Whether this anchor needs a key of its own.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::KeyedGre(_))
    }

    /// The encapsulation with this anchor's key in place.
    pub fn encapsulation(self, own_key: Option<GreKey>) -> Encapsulation {
        match self {
            Self::IpInIp => Encapsulation::IpInIp,
            Self::Udp => Encapsulation::Udp { local_port: DATA_PORT, peer_port: DATA_PORT },
            Self::StaticGre | Self::PlainGre => {
                Encapsulation::Gre { send_key: None, receive_key: None }
            }
            Self::KeyedGre(key) => Encapsulation::Gre { send_key: Some(key), receive_key: own_key },
        }
    }

    /// The option that answers the gateway's.
    pub fn gre_option(self, own_key: Option<GreKey>) -> Option<GreKeyOption> {
        match self {
            Self::PlainGre => Some(GreKeyOption { key: None }),
            Self::KeyedGre(_) => Some(GreKeyOption { key: own_key }),
            Self::IpInIp | Self::Udp | Self::StaticGre => None,
        }
    }
}

fn status_without_gre(option: Option<GreKeyOption>) -> Status {
    match option {
        Some(_) => Status::GRE_KEY_OPTION_NOT_REQUIRED,
        None => Status::ACCEPTED,
    }
}
