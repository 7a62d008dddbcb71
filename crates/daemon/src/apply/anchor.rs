//! The anchor's part of the configuration.

use std::net::IpAddr;

use kedge_config::{
    AuthHomeAddress, AuthOption, Config, DomainConfig, Encap, LmaConfig, NaiConfig, NetworkConfig,
    PeerMag, ReplayWindow, Service as ServiceConfig,
};
use kedge_lma::{
    Authentication, AuthenticationHome, Dscp, EncapsulationPolicy, Ipv4Pool, Ipv6Pool,
    MobileNetworkPool, Network, Peer, Profile, Revocation, Service, Settings,
};
use kedge_model::{CustomerId, IpNet, Lifetime, VrfId};

use super::{ApplyError, LINK_MTU};
use crate::ends::State;

/// What an anchor is made of.
pub struct AnchorPlan {
    /// What the machine is told.
    pub settings: Settings,
    /// The addresses it answers at.
    pub addresses: Vec<IpAddr>,
    /// The blocks whose packets go to the anchor's device.
    pub pools: Vec<IpNet>,
    /// The device's MTU.
    pub mtu: u16,
}

impl AnchorPlan {
    /// Where its signalling and tunnels end.
    pub fn ends(&self) -> State {
        State { addresses: self.addresses.clone(), mtu: self.mtu }
    }
}

/// Maps the anchor's block.
pub fn anchor(
    config: &Config,
    lma: &LmaConfig,
    restart_counter: u32,
) -> Result<AnchorPlan, ApplyError> {
    let ipv6 = lma.ipv6.iter().copied().map(IpAddr::V6);
    let addresses: Vec<IpAddr> = ipv6.chain(lma.ipv4.iter().copied().map(IpAddr::V4)).collect();
    if addresses.is_empty() {
        return Err(ApplyError::NoAddress { section: format!("pmipv6-lma {}", lma.id) });
    }
    let domain = config.domain(&lma.domain);
    let profile = |nai: &NaiConfig| profile(nai, lma);
    let settings = Settings {
        customer: CustomerId::DEFAULT,
        vrf: VrfId::DEFAULT,
        addresses: addresses.clone(),
        lifetime: Lifetime::from_secs(lma.bce_lifetime.as_secs()),
        hnp_maximum: lma.hnp_maximum,
        mnp_maximum: Settings::default().mnp_maximum,
        bce_maximum: lma.bce_maximum,
        delete_wait: lma.bce_delete_wait,
        create_wait: lma.bce_create_wait,
        timestamp_window: match config.lma_replay_window(lma) {
            ReplayWindow::Within(window) => Some(window),
            ReplayWindow::Ignore => None,
        },
        timestamp_required: lma.timestamp_required,
        dynamic_mag_learning: lma.dynamic_mag_learning,
        learned_mag_maximum: Settings::default().learned_mag_maximum,
        authentication: domain.and_then(|d| d.auth.as_ref()).map(authentication),
        encapsulation: policy(domain.and_then(|d| d.encap)),
        accept_forced_udp: true,
        generate_grekey: lma.generate_grekey && !lma.ignore_grekey,
        gre_key: None,
        dscp: dscp(lma.dscp),
        heartbeat: lma.heartbeat.map(super::rhythm),
        revocation: Revocation {
            delay_min: lma.revocation.delay_min,
            delay_max: lma.revocation.delay_max,
            retries: lma.revocation.retries,
        },
        restart_counter,
        tunnel_mtu: lma.tunnel_mtu,
        link_mtu: LINK_MTU,
        peers: lma.mags.iter().map(|mag| peer(config, mag)).collect(),
        networks: lma
            .networks
            .iter()
            .map(|network| {
                let ipv4 =
                    network.ipv4.map(|p| Ipv4Pool { start: p.start, prefix_len: p.prefix_len });
                let ipv6 =
                    network.ipv6.map(|p| Ipv6Pool { start: p.start, prefix_len: p.prefix_len });
                let mobile_networks = mobile_networks(network);
                (network.name.clone(), Network { ipv4, ipv6, mobile_networks })
            })
            .collect(),
        aaa: domain.is_some_and(|domain| domain.profiles_from_aaa),
        profiles: nais(domain).map(|nai| (nai.nai.clone(), profile(nai))).collect(),
        default_profile: lma
            .default_profile
            .as_ref()
            .and_then(|name| nais(domain).find(|nai| nai.nai == *name))
            .map(profile),
    };
    let smallest = if lma.ipv4.is_empty() { 40 } else { 20 };
    Ok(AnchorPlan {
        pools: pools(&settings),
        settings,
        addresses,
        // A tunnel that carries less has its own limit; the forwarder answers for it.
        mtu: lma.tunnel_mtu.unwrap_or(LINK_MTU - smallest),
    })
}

/// The pools for the networks behind nodes.
fn mobile_networks(network: &NetworkConfig) -> Vec<MobileNetworkPool> {
    let pool =
        |start: IpAddr, pool_len, network_len| MobileNetworkPool { start, pool_len, network_len };
    let ipv4 = network.mobile_ipv4.iter();
    let ipv4 = ipv4.map(|p| pool(p.start.into(), p.prefix_len, p.network_len));
    let ipv6 = network.mobile_ipv6.iter();
    ipv4.chain(ipv6.map(|p| pool(p.start.into(), p.prefix_len, p.network_len))).collect()
}

fn nais(domain: Option<&DomainConfig>) -> impl Iterator<Item = &NaiConfig> {
    domain.into_iter().flat_map(|domain| &domain.nais)
}

fn profile(nai: &NaiConfig, lma: &LmaConfig) -> Profile {
    let service = match nai.service {
        ServiceConfig::Ipv4 => Service::Ipv4,
        ServiceConfig::Ipv6 => Service::Ipv6,
        ServiceConfig::Dual if lma.ignore_home_address => Service::Ipv6,
        ServiceConfig::Dual => Service::Dual,
    };
    let (network, apn) = (nai.network.clone(), nai.apn.clone());
    Profile { service, network, apn, uplink_key: nai.gre_key_up, ..Profile::default() }
}

fn peer(config: &Config, mag: &PeerMag) -> Peer {
    Peer {
        name: mag.id.clone(),
        transport: VrfId::DEFAULT,
        addresses: config.mag_addresses(mag),
        authentication: config.mag_auth(mag).map(authentication),
        encapsulation: config.mag_encap(mag).map(|encap| policy(Some(encap))),
        dscp: dscp(mag.dscp),
    }
}

fn authentication(auth: &AuthOption) -> Authentication {
    Authentication {
        key: super::key(auth),
        home_address: match auth.home_address {
            AuthHomeAddress::CareOf => AuthenticationHome::CareOf,
            AuthHomeAddress::Zero => AuthenticationHome::Zero,
            AuthHomeAddress::Hnp => AuthenticationHome::HomeNetworkPrefix,
        },
        updates_only: auth.updates_only,
    }
}

fn policy(encap: Option<Encap>) -> EncapsulationPolicy {
    match encap {
        None => EncapsulationPolicy::AsRequested,
        Some(Encap::GreIpv4 | Encap::GreIpv6) => EncapsulationPolicy::Gre,
        Some(Encap::Udp) => EncapsulationPolicy::Udp,
    }
}

fn dscp(dscp: Option<kedge_config::Dscp>) -> Option<Dscp> {
    super::marking(dscp).map(|(value, force)| Dscp { value, force })
}

/// The blocks that the pools are cut from.
fn pools(settings: &Settings) -> Vec<IpNet> {
    let blocks = settings.networks.values().flat_map(|network| {
        let ipv4 = network.ipv4.map(|pool| (IpAddr::V4(pool.start), pool.prefix_len));
        let ipv6 = network.ipv6.map(|pool| (IpAddr::V6(pool.start), pool.prefix_len));
        let mobile = network.mobile_networks.iter().map(|pool| (pool.start, pool.pool_len));
        ipv4.into_iter().chain(ipv6).chain(mobile)
    });
    // The language takes no length that is none.
    blocks.filter_map(|(start, len)| IpNet::new(start, len).ok()).map(|net| net.trunc()).collect()
}
