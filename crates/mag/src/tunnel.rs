//! Which encapsulation gateway and anchor agreed on, and how much fits into it.
//!
//! The anchor finds translators on the path, since every update over IPv4 says what addresses the
//! gateway knows, and tells by a NAT Detection option (RFC 5555 §4.2). Data then shares the ports
//! of signalling, and every session is refreshed often enough to keep the translator's mapping.
//! GRE is given up for GRE in UDP there: the update that follows asks for it (RFC 5845 §7.3).

use std::time::Duration;

use kedge_model::{BindingId, Encapsulation, GreKey, MnId, Tunnel};
use kedge_wire::registry::Status;
use kedge_wire::{BaFlags, BindingAcknowledgement, GreKeyOption, NatDetection, OptionsRef};

use crate::Mag;
use crate::entry::{Entry, GrePlan, TlvPlan};
use crate::settings::{Lma, TunnelMode};
use crate::signal::SIGNALLING_PORT;

/// The port of data in UDP (RFC 5844 §4.1.3.2, §4.2.2.2) where no translator is on the path.
const DATA_PORT: u16 = 5437;

/// What an accepted update led to.
pub(crate) struct Agreement {
    pub(crate) encapsulation: Encapsulation,
    /// How often a translator on the path has to be reminded of us, if there is one.
    pub(crate) keepalive: Option<Duration>,
    /// There is a better one, which another update has to ask for.
    pub(crate) is_to_be_changed: bool,
}

impl Mag {
    /// Whether the first update of a session carries the GRE Key option.
    pub(crate) fn plan_gre(&mut self, lma: &Lma, mn_id: &MnId) -> GrePlan {
        if self.without_gre.contains(&lma.address) {
            return GrePlan::Off;
        }
        match lma.encapsulation {
            TunnelMode::IpInIp | TunnelMode::Udp => GrePlan::Off,
            TunnelMode::StaticGre => GrePlan::Static,
            TunnelMode::Gre => GrePlan::Plain,
            TunnelMode::GreKeyed => GrePlan::Keyed(self.downlink_key(mn_id)),
        }
    }

    /// The key of a node's packets to us: what an operator has fixed, or one that no other session
    /// here uses, which tells the sessions of a tunnel apart. Keys of the second kind follow one
    /// another from a random start, and 2^32 of them last.
    pub(crate) fn downlink_key(&mut self, mn_id: &MnId) -> GreKey {
        let fixed = self.settings.profile(mn_id).and_then(|profile| profile.downlink_key);
        fixed.unwrap_or_else(|| {
            self.gre_key = self.gre_key.wrapping_add(1);
            self.gre_key
        })
    }

    /// The encapsulation that an accepted update led to. What the acknowledgement says about GRE
    /// decides about the updates to come, too.
    pub(crate) fn agree_on_encapsulation(
        &mut self,
        id: BindingId,
        ba: BindingAcknowledgement,
        options: OptionsRef<'_>,
    ) -> Agreement {
        let encapsulation = Encapsulation::IpInIp;
        let none = Agreement { encapsulation, keepalive: None, is_to_be_changed: false };
        let Some(entry) = self.list.get_mut(id) else { return none };
        let path = UdpPath::told(entry, options);
        let keepalive = path.keepalive;
        let gre = match (entry.gre, options.get::<GreKeyOption>()) {
            (GrePlan::Off, _) => None,
            (GrePlan::Static, _) => {
                let encapsulation = Encapsulation::Gre { send_key: None, receive_key: None };
                return Agreement { encapsulation, ..none };
            }
            (GrePlan::Keyed(ours), Some(GreKeyOption { key: Some(theirs) })) => {
                Some((Some(theirs), Some(ours)))
            }
            (GrePlan::Plain | GrePlan::Keyed(_), Some(_)) => Some((None, None)),
            (GrePlan::Plain | GrePlan::Keyed(_), None) => {
                // RFC 5845 §4.2: with status 2 this session needs no keys; with any other success
                // the anchor does not know the option at all.
                if ba.status != Status::GRE_KEY_OPTION_NOT_REQUIRED {
                    self.without_gre.insert(entry.lma.address);
                }
                entry.gre = GrePlan::Off;
                None
            }
        };
        let Some((send_key, receive_key)) = gre else {
            return Agreement { encapsulation: path.plain(), keepalive, is_to_be_changed: false };
        };
        // RFC 5845 §7.2: the flag comes back only where it was asked for.
        let in_udp = entry.tlv == TlvPlan::Asked && ba.flags.contains(BaFlags::T);
        let is_to_be_changed = entry.tlv == TlvPlan::Off && keepalive.is_some();
        if is_to_be_changed {
            entry.tlv = TlvPlan::Asked;
        } else if ba.status == Status::GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED {
            entry.tlv = TlvPlan::Refused;
        }
        let (local_port, peer_port) = (path.port, path.port);
        let encapsulation = match in_udp {
            true => Encapsulation::GreUdp { local_port, peer_port, send_key, receive_key },
            false => Encapsulation::Gre { send_key, receive_key },
        };
        Agreement { encapsulation, keepalive, is_to_be_changed }
    }

    /// The tunnel of a session with this encapsulation.
    pub(crate) fn tunnel(&self, entry: &Entry, encapsulation: Encapsulation) -> Tunnel {
        let mut tunnel = Tunnel {
            transport: self.settings.transport,
            local: entry.care_of,
            peer: entry.lma.address,
            encapsulation,
            mtu: self.settings.outer_mtu,
        };
        let computed = tunnel.mtu.saturating_sub(tunnel.overhead());
        tunnel.mtu = self.settings.tunnel_mtu.unwrap_or(computed);
        tunnel
    }
}

/// What an anchor says about UDP.
struct UdpPath {
    /// UDP it is, where it is not GRE (RFC 5844 §4.2.2).
    is_forced: bool,
    /// The port of data, at both ends.
    port: u16,
    keepalive: Option<Duration>,
}

impl UdpPath {
    /// What an acknowledgement says. One that says nothing does not want UDP (RFC 5844 §4.2.2),
    /// whatever the one before said: the operator of the anchor can have changed his mind.
    fn told(entry: &Entry, options: OptionsRef<'_>) -> Self {
        let Some(option) = options.get::<NatDetection>() else { return Self::new(false, None) };
        // RFC 5555 §3.2.2: all ones mean that no translator was found, and zero means nothing. It
        // is over IPv4 that there are some.
        let found = entry.care_of.is_ipv4() && !matches!(option.refresh_time, 0 | u32::MAX);
        let keepalive = found.then(|| Duration::from_secs(option.refresh_time.into()));
        Self::new(option.force_udp, keepalive)
    }

    fn new(is_forced: bool, keepalive: Option<Duration>) -> Self {
        let port = if keepalive.is_some() { SIGNALLING_PORT } else { DATA_PORT };
        Self { is_forced, port, keepalive }
    }

    /// The encapsulation where it is not GRE.
    fn plain(&self) -> Encapsulation {
        match self.is_forced {
            true => Encapsulation::Udp { local_port: self.port, peer_port: self.port },
            false => Encapsulation::IpInIp,
        }
    }
}
