//! Which encapsulation gateway and anchor agreed on, and how much fits into it.

use kedge_model::{BindingId, Encapsulation, GreKey, Tunnel};
use kedge_wire::registry::Status;
use kedge_wire::{GreKeyOption, NatDetection, OptionsRef};

use crate::Mag;
use crate::list::{Entry, Grant, GrePlan};
use crate::settings::{Lma, TunnelMode};

/// The port of data in UDP (RFC 5844 §4.1.3.2, §4.2.2.2); no NAT is expected on the path (§1.1).
const DATA_PORT: u16 = 5437;

impl Mag {
    /// Whether the first update of a session carries the GRE Key option.
    pub(crate) fn plan_gre(&mut self, lma: &Lma) -> GrePlan {
        if self.without_gre.contains(&lma.address) {
            return GrePlan::Off;
        }
        match lma.encapsulation {
            TunnelMode::IpInIp | TunnelMode::Udp => GrePlan::Off,
            TunnelMode::Gre => GrePlan::Plain,
            TunnelMode::GreKeyed => GrePlan::Keyed(self.new_gre_key()),
        }
    }

    /// A downlink key that no other session here uses: it tells the sessions of a tunnel apart.
    /// Keys follow one another from a random start, and 2^32 of them last.
    pub(crate) fn new_gre_key(&mut self) -> GreKey {
        self.gre_key = self.gre_key.wrapping_add(1);
        self.gre_key
    }

    /// The encapsulation that an accepted update led to. What the acknowledgement says about GRE
    /// decides about the updates to come, too.
    pub(crate) fn agree_on_encapsulation(
        &mut self,
        id: BindingId,
        status: Status,
        options: OptionsRef<'_>,
    ) -> Encapsulation {
        let Some(entry) = self.list.get_mut(id) else { return Encapsulation::IpInIp };
        let is_udp = |grant: &Grant| matches!(grant.encapsulation, Encapsulation::Udp { .. });
        let was_udp = entry.grant().is_some_and(is_udp);
        // RFC 5844 §4.2.2: the anchor says that UDP it is. It need not say so in every refresh.
        let option = options.get::<NatDetection>();
        let plain = match option.map_or(was_udp, |option| option.force_udp) {
            true => Encapsulation::Udp { local_port: DATA_PORT, peer_port: DATA_PORT },
            false => Encapsulation::IpInIp,
        };
        match (entry.gre, options.get::<GreKeyOption>()) {
            (GrePlan::Off, _) => plain,
            (GrePlan::Keyed(ours), Some(GreKeyOption { key: Some(theirs) })) => {
                Encapsulation::Gre { send_key: Some(theirs), receive_key: Some(ours) }
            }
            (GrePlan::Plain | GrePlan::Keyed(_), Some(_)) => {
                Encapsulation::Gre { send_key: None, receive_key: None }
            }
            (GrePlan::Plain | GrePlan::Keyed(_), None) => {
                // RFC 5845 §4.2: with status 2 this session needs no keys; with any other success
                // the anchor does not know the option at all.
                if status != Status::GRE_KEY_OPTION_NOT_REQUIRED {
                    self.without_gre.insert(entry.lma.address);
                }
                entry.gre = GrePlan::Off;
                plain
            }
        }
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
