//! What a gateway is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kedge_lma::AuthenticationHome;
use kedge_mag::{Auth, AuthHome, Branch, CareOf, Dscp, InterfaceId, Lma, Profile, Registration};
use kedge_mag::{Interface, Revocation, Settings, TunnelMode};
use kedge_model::{IpNet, Lifetime, MnId};
use kedge_wire::registry::AccessTechnologyType;

use super::places::{anchor_name, gateway_name, inner, own_network};
use super::{FIRST_PORT, LOGICAL, Plan, SHARED, STATIC, key};
use crate::chance::Chance;

/// What an operator has changed at a gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GatewayOrders {
    /// A link that is not served any more.
    pub without_link: Option<InterfaceId>,
    /// Updates are sent earlier.
    pub hurries: bool,
    /// The largest inner packet.
    pub tunnel_mtu: Option<u16>,
    /// Which tunnels are asked for, if not those of the beginning.
    pub mode: Option<TunnelMode>,
}

impl Plan {
    /// The settings of a gateway that has restarted `restarts` times.
    pub fn gateway(&self, gateway: usize, restarts: u32, orders: GatewayOrders) -> Settings {
        let customer = self.customer_of_gateway(gateway);
        let address = self.gateway_address(gateway);
        let lma = |anchor: usize| Lma {
            encapsulation: orders.mode.unwrap_or(self.mode),
            auth: self.authentication.map(|home| Auth {
                key: key(),
                home: match home {
                    AuthenticationHome::CareOf => AuthHome::CareOf,
                    AuthenticationHome::Zero => AuthHome::Zero,
                    AuthenticationHome::HomeNetworkPrefix => AuthHome::HomeNetworkPrefix,
                },
                updates_only: self.updates_only,
            }),
            ..Lma::at(self.anchor_address(anchor, customer))
        };
        let profile = |anchor: usize, delegated_prefixes: bool| Profile {
            service: self.gateway_service,
            lma: Some(anchor_name(anchor)),
            delegated_prefixes,
            ..Profile::default()
        };
        let own = [self.static_node(gateway), self.branch_node(gateway)];
        let own = own.map(|node| (node, profile(self.anchor_of_gateway(gateway), false)));
        let profiles = self
            .hosts_of(customer)
            .map(|host| (self.mn_id(host), profile(self.anchor_of(host), self.is_router(host))));
        let links = self.interfaces().filter(|id| Some(*id) != orders.without_link);
        let refresh_time = match orders.hurries {
            true => Some(Duration::from_secs(15)),
            false => self.refresh_time,
        };
        Settings {
            name: gateway_name(gateway),
            domain: "example".to_owned(),
            care_of: CareOf {
                ipv4: if let IpAddr::V4(address) = address { Some(address) } else { None },
                ipv6: if let IpAddr::V6(address) = address { Some(address) } else { None },
            },
            transport: self.transport(customer),
            inner: inner(customer),
            lmas: (0..self.anchors).map(|n| (anchor_name(n), Arc::new(lma(n)))).collect(),
            // Each host has its anchor, which is asked first.
            preference: match self.fails_over {
                true => (0..self.anchors).map(anchor_name).collect(),
                false => Vec::new(),
            },
            interfaces: links.map(|id| (id, self.interface(gateway, id))).collect(),
            identities: self.hosts_of(customer).map(|n| (self.mac(n), self.mn_id(n))).collect(),
            aaa: false,
            profiles: profiles.chain(own).collect(),
            default_profile: None,
            registration: Registration {
                lifetime: Lifetime::from_secs(self.lifetime),
                refresh_time,
                ..Registration::default()
            },
            replay: self.replay,
            replay_window: None,
            revocation: Revocation::default(),
            detach: self.unseen_leaves.then_some(self.discovery),
            max_bindings: 10_000,
            tunnel_mtu: orders.tunnel_mtu,
            outer_mtu: 1500,
            dscp: Dscp::default(),
            heartbeat: self.heartbeat,
            restart_counter: restarts,
        }
    }

    /// The access links of every gateway, and itself.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceId> + use<> {
        let ports = (FIRST_PORT..FIRST_PORT + self.ports).map(InterfaceId);
        let logical = self.delegates.then_some(LOGICAL);
        SHARED.into_iter().chain([STATIC]).chain(logical).chain(ports)
    }

    fn interface(&self, gateway: usize, id: InterfaceId) -> Interface {
        let other = self.two_technologies && id == SHARED[1];
        Interface {
            name: format!("access{}", id.0),
            access_technology: match (other, id) {
                (true, _) => AccessTechnologyType::IEEE_802_3,
                (false, LOGICAL) => AccessTechnologyType::VIRTUAL,
                (false, _) => AccessTechnologyType::IEEE_802_11A_B_G,
            },
            mtu: 1500,
            identity: self.resident(gateway, id),
            static_node: matches!(id, STATIC | LOGICAL),
            logical: id == LOGICAL,
        }
    }

    /// The node that is always there on an interface.
    fn resident(&self, gateway: usize, id: InterfaceId) -> Option<MnId> {
        match id {
            STATIC => Some(self.static_node(gateway)),
            LOGICAL => Some(self.branch_node(gateway)),
            _ => None,
        }
    }

    /// The networks behind a gateway.
    pub fn branch(&self, gateway: usize, chance: &mut Chance) -> Branch {
        let own = chance.one_in(2).then(|| IpNet::V4(own_network(gateway)));
        Branch {
            ipv4: None,
            ipv6: None,
            networks: own.into_iter().collect(),
            lacking_ipv4: chance.index(2),
            lacking_ipv6: chance.index(3),
        }
    }
}
