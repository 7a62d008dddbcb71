//! The gateway's part of the configuration.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use kedge_config::{
    AuthHomeAddress, AuthOption, Config, Encap, MagConfig, ReplayWindow, Service as ServiceConfig,
};
use kedge_dataplane::Policy;
use kedge_mag::{
    Auth, AuthHome, CareOf, DetachDiscovery, Dscp, Interface, InterfaceId, Lma, Profile,
    Registration, Replay, Revocation, Service, Settings, TunnelMode,
};
use kedge_model::{Lifetime, MnId, VrfId, World};
use kedge_wire::ServiceSelection;
use kedge_wire::registry::AccessTechnologyType;

use super::branch::{self, BranchPlan};
use super::error::ApplyError;
use super::terms::{LINK_MTU, MIN_MTU, key, marking, rhythm};
use super::tunnels;
use super::world::world;
use crate::ends::State;
use crate::worlds::Worlds;

/// What a gateway is made of.
#[derive(Debug)]
pub struct GatewayPlan {
    /// What the machine is told.
    pub settings: Settings,
    /// The addresses it sends from.
    pub addresses: Vec<IpAddr>,
    /// The routing world that they are in.
    pub transport: World,
    /// The device's MTU.
    pub mtu: u16,
    /// This router as mobile nodes.
    pub branches: Vec<BranchPlan>,
    /// Whether packets between nodes of the gateway stay there.
    pub local_routing: bool,
    /// What is done with the packets in its tunnels.
    pub policy: Policy,
    /// The octets that the shortest outer header takes.
    headers: u16,
}

impl GatewayPlan {
    /// Where its signalling and tunnels end.
    pub fn ends(&self) -> State {
        let transport = self.settings.transport;
        let mut state = State::own(&[], self.mtu);
        state.addresses = self.addresses.iter().map(|address| (transport, *address)).collect();
        state.worlds.insert(transport, self.transport.clone());
        state
    }

    /// Gives interfaces that the gateway has already the numbers they have, and others numbers of
    /// their own: what a number names goes on, or is gone before another one has it.
    pub fn keep_numbers(&mut self, running: &Settings) {
        let known = |name: &str| {
            running.interfaces.iter().find(|(_, has)| has.name == name).map(|(id, _)| *id)
        };
        let mut free = (0..).map(InterfaceId).filter(|id| !running.interfaces.contains_key(id));
        let interfaces = std::mem::take(&mut self.settings.interfaces).into_values();
        let numbered = interfaces.filter_map(|interface| {
            let id = known(&interface.name).or_else(|| free.next())?;
            Some((id, interface))
        });
        self.settings.interfaces = numbered.collect();
    }

    /// The way to the anchors carries packets of this size.
    pub fn fit(&mut self, outer_mtu: u16) {
        self.settings.outer_mtu = outer_mtu;
        if self.settings.tunnel_mtu.is_none() {
            self.mtu = outer_mtu.saturating_sub(self.headers).max(MIN_MTU);
        }
    }
}

/// Maps the gateway's block.
pub fn gateway(
    config: &Config,
    mag: &MagConfig,
    restart_counter: u32,
    worlds: &mut Worlds,
) -> Result<GatewayPlan, ApplyError> {
    let section = || format!("pmipv6-mag {}", mag.id);
    let addresses: Vec<IpAddr> = {
        let ipv6 = mag.ipv6.map(IpAddr::V6).into_iter();
        ipv6.chain(mag.ipv4.map(IpAddr::V4)).collect()
    };
    if addresses.is_empty() {
        return Err(ApplyError::NoAddress { section: section() });
    }
    if mag.lmas.is_empty() {
        return Err(ApplyError::NoAnchor { section: section() });
    }
    let transport = transport(config, mag)?;
    let mut lmas = BTreeMap::new();
    for lma in &mag.lmas {
        let encap = config.lma_encap(lma);
        let theirs = config.lma_addresses(lma);
        let address = reachable(&theirs, encap, &addresses).ok_or_else(|| {
            let (section, lma) = (section(), lma.id.clone());
            match theirs.is_empty() {
                true => ApplyError::NowhereAnchor { section, lma },
                false => ApplyError::UnreachableAnchor { section, lma, have: families(&addresses) },
            }
        })?;
        let auth = config.lma_auth(lma).map(auth);
        let encapsulation = match lma.tunnel_interface {
            Some(_) => TunnelMode::StaticGre,
            None => mode(encap, mag),
        };
        let dscp = lma.dscp.map(|said| dscp(Some(said)));
        let heartbeat = lma.heartbeat.map(rhythm);
        let anchor = Lma { address, encapsulation, auth, dscp, heartbeat };
        lmas.insert(lma.id.clone(), Arc::new(anchor));
    }
    let preference = mag.lmas.iter().map(|lma| lma.id.clone()).collect();
    let mut profiles = BTreeMap::new();
    let mut know = |nai: &str| -> Option<MnId> {
        let mn_id = MnId::nai(nai)?;
        profiles.insert(mn_id.clone(), profile(config, mag, nai));
        Some(mn_id)
    };
    let identities = mag.mobile_nodes.iter();
    let identities = identities.filter_map(|node| Some((node.mac, know(&node.nai)?))).collect();
    let interfaces = mag.interfaces.iter().zip(0..).map(|(interface, number)| {
        let access = Interface {
            name: interface.device().to_owned(),
            access_technology: AccessTechnologyType(mag.technology(interface).number()),
            mtu: LINK_MTU,
            identity: interface.nai.as_deref().and_then(&mut know),
            static_node: interface.attach_static,
            logical: false,
        };
        (InterfaceId(number), access)
    });
    let mut interfaces: BTreeMap<InterfaceId, Interface> = interfaces.collect();
    for (node, number) in mag.logical_mns.iter().zip(interfaces.len() as u32..) {
        let Some(mn_id) = MnId::nai(&node.nai) else { continue };
        let nai_profile = profile(config, mag, &node.nai);
        profiles.insert(mn_id.clone(), Profile { service: service(node.service), ..nai_profile });
        let logical = Interface {
            name: branch::name(&node.nai),
            // RFC 5213 §8.5: a logical network interface.
            access_technology: AccessTechnologyType::VIRTUAL,
            mtu: LINK_MTU,
            identity: Some(mn_id),
            static_node: true,
            logical: true,
        };
        interfaces.insert(InterfaceId(number), logical);
    }
    let headers = if lmas.values().any(|lma| lma.address.is_ipv4()) { 20 } else { 40 };
    let settings = Settings {
        name: mag.id.clone(),
        domain: mag.domain.clone(),
        care_of: CareOf { ipv4: mag.ipv4, ipv6: mag.ipv6 },
        transport: worlds.number(&transport),
        inner: VrfId::DEFAULT,
        lmas,
        preference,
        interfaces,
        identities,
        aaa: config.domain(&mag.domain).is_some_and(|domain| domain.profiles_from_aaa),
        profiles,
        default_profile: None,
        registration: Registration {
            lifetime: Lifetime::from_secs(mag.times.lifetime.as_secs()),
            refresh_time: Some(mag.times.refresh),
            initial_retransmission: mag.times.init_retx,
            max_retransmission: mag.times.max_retx,
        },
        replay: if mag.updates_by_sequence { Replay::Sequence } else { Replay::Timestamp },
        replay_window: match config.mag_replay_window(mag) {
            ReplayWindow::Within(window) => Some(window),
            ReplayWindow::Ignore => None,
        },
        revocation: Revocation {
            min_delay: mag.revocation.delay_min,
            max_delay: mag.revocation.delay_max,
            retries: mag.revocation.retries,
        },
        detach: Some(DetachDiscovery {
            interval: mag.detach_poll.interval,
            timeout: mag.detach_poll.timeout,
            retries: mag.detach_poll.retries,
        }),
        max_bindings: mag.binding_maximum as usize,
        tunnel_mtu: mag.tunnel_mtu,
        outer_mtu: LINK_MTU,
        dscp: dscp(mag.dscp),
        heartbeat: mag.heartbeat.map(rhythm),
        restart_counter,
    };
    let mtu = mag.tunnel_mtu.unwrap_or(LINK_MTU - headers);
    let local_routing = config.mag_local_routing(mag);
    let policy = tunnels::policy(config, &mag.tunnels, &section())?;
    let branches = branch::branches(mag);
    Ok(GatewayPlan {
        settings,
        addresses,
        transport,
        mtu,
        branches,
        local_routing,
        policy,
        headers,
    })
}

/// The routing world of the tunnels. A gateway has one care-of address for all its anchors.
fn transport(config: &Config, mag: &MagConfig) -> Result<World, ApplyError> {
    let mut vrfs = mag.lmas.iter().map(|lma| lma.vrf.as_deref());
    let vrf = vrfs.next().flatten();
    if vrfs.any(|other| other != vrf) {
        let section = format!("pmipv6-mag {}", mag.id);
        return Err(ApplyError::SeveralTransports { section });
    }
    vrf.map_or(Ok(World::Own), |vrf| world(config, vrf))
}

/// The anchor's address to use: of a family that the gateway has, and of the one that the
/// encapsulation is for.
fn reachable(theirs: &[IpAddr], encap: Option<Encap>, ours: &[IpAddr]) -> Option<IpAddr> {
    let usable = || {
        let reached = |a: &&IpAddr| ours.iter().any(|our| our.is_ipv4() == a.is_ipv4());
        theirs.iter().filter(reached)
    };
    // UDP carries signalling and data over IPv4 alone (RFC 5844 §4).
    let ipv4 = matches!(encap, Some(Encap::Udp | Encap::GreIpv4));
    usable().find(|address| address.is_ipv4() == ipv4).or(usable().next()).copied()
}

fn service(service: ServiceConfig) -> Service {
    match service {
        ServiceConfig::Ipv4 => Service::Ipv4,
        ServiceConfig::Ipv6 => Service::Ipv6,
        ServiceConfig::Dual => Service::Dual,
    }
}

/// What the configuration gives a node at this gateway.
pub fn profile(config: &Config, mag: &MagConfig, nai: &str) -> Profile {
    let found = config.domain(&mag.domain).and_then(|domain| domain.profile(nai));
    let wanted = found.map_or(Service::Dual, |nai| service(nai.service));
    let service = match wanted {
        Service::Dual if mag.ignore_home_address => Service::Ipv6,
        wanted => wanted,
    };
    let delegated_prefixes = found.is_some_and(|nai| nai.delegation);
    let lma = found.and_then(|nai| nai.lma.clone());
    let downlink_key = found.and_then(|nai| nai.gre_key_down);
    let auth = found.and_then(|nai| nai.auth.as_ref()).map(auth);
    let service_selection = match mag.service_selection_label {
        true => mag.apn.as_deref().and_then(ServiceSelection::labels),
        false => mag.apn.clone(),
    };
    Profile { service, service_selection, lma, delegated_prefixes, downlink_key, auth }
}

fn auth(auth: &AuthOption) -> Auth {
    Auth {
        key: key(auth),
        home: match auth.home_address {
            AuthHomeAddress::CareOf => AuthHome::CareOf,
            AuthHomeAddress::Zero => AuthHome::Zero,
            AuthHomeAddress::Hnp => AuthHome::HomeNetworkPrefix,
        },
        updates_only: auth.updates_only,
    }
}

fn dscp(said: Option<kedge_config::Dscp>) -> Dscp {
    marking(said).map_or(Dscp::default(), |(value, force)| Dscp { value: Some(value), force })
}

fn mode(encap: Option<Encap>, mag: &MagConfig) -> TunnelMode {
    match encap {
        None => TunnelMode::IpInIp,
        Some(Encap::Udp) => TunnelMode::Udp,
        Some(Encap::GreIpv4 | Encap::GreIpv6) if mag.generate_grekey && !mag.ignore_grekey => {
            TunnelMode::GreKeyed
        }
        Some(Encap::GreIpv4 | Encap::GreIpv6) => TunnelMode::Gre,
    }
}

fn families(addresses: &[IpAddr]) -> String {
    let list: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_sent_by_its_name_or_as_labels_as_the_configuration_has_it() {
        let selected = |more: &str| {
            let text = format!("ipv6 mobile pmipv6-mag m domain d\n apn ims.example\n{more}");
            let (config, _) = kedge_config::parse(&text, "test").expect("a gateway");
            let mag = config.mag.clone().expect("a gateway");
            profile(&config, &mag, "a@x").service_selection
        };
        assert_eq!(selected("").as_deref(), Some("ims.example"));
        assert_eq!(selected(" ssmo-format label\n").as_deref(), Some("\x03ims\x07example"));
    }
}
