//! Whom an anchor knows: its gateways, with their keys and tunnels, and the profiles of nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use kedge_config::{
    AuthHomeAddress, AuthOption, Config, DomainConfig, Encap, LmaConfig, NaiConfig, PeerMag,
    Service as ServiceConfig,
};
use kedge_lma::{
    Authentication, AuthenticationHome, Dscp, EncapsulationPolicy, Peer, Profile, Service,
};
use kedge_model::VrfId;

use super::terms::{key, marking};

/// The profiles of one customer's nodes, and that of its nodes without one of their own. An anchor
/// without mobile local loop has one customer only, whatever profiles say.
pub fn profiles(
    config: &Config,
    lma: &LmaConfig,
    customer: Option<&str>,
) -> (BTreeMap<String, Profile>, Option<Profile>) {
    let apart = lma.local_loop.is_some();
    let domain = config.domain(&lma.domain);
    let nais = || nais(domain).filter(|nai| !apart || nai.customer.as_deref() == customer);
    let profiles = nais().map(|nai| (nai.nai.clone(), profile(nai, lma))).collect();
    let default = lma.default_profile.as_ref();
    let default = default.and_then(|name| nais().find(|nai| nai.nai == *name));
    (profiles, default.map(|nai| profile(nai, lma)))
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
    let authentication = nai.auth.as_ref().map(|auth| Arc::new(authentication(auth)));
    let uplink_key = nai.gre_key_up;
    Profile { service, network, apn, uplink_key, authentication, ..Profile::default() }
}

/// A gateway in the transport world of the anchor itself.
pub fn peer(config: &Config, mag: &PeerMag) -> Peer {
    Peer {
        name: mag.id.clone(),
        transport: VrfId::DEFAULT,
        addresses: config.mag_addresses(mag),
        authentication: config.mag_auth(mag).map(authentication),
        encapsulation: match mag.tunnel_interface {
            Some(_) => Some(EncapsulationPolicy::StaticGre),
            None => config.mag_encap(mag).map(|encap| encapsulation(Some(encap))),
        },
        dscp: dscp(mag.dscp),
    }
}

/// What an `auth-option` says.
pub fn authentication(auth: &AuthOption) -> Authentication {
    Authentication {
        key: key(auth),
        home_address: match auth.home_address {
            AuthHomeAddress::CareOf => AuthenticationHome::CareOf,
            AuthHomeAddress::Zero => AuthenticationHome::Zero,
            AuthHomeAddress::Hnp => AuthenticationHome::HomeNetworkPrefix,
        },
        updates_only: auth.updates_only,
    }
}

/// How packets are carried to a gateway that the configuration says this of.
pub fn encapsulation(encap: Option<Encap>) -> EncapsulationPolicy {
    match encap {
        None => EncapsulationPolicy::AsRequested,
        Some(Encap::GreIpv4 | Encap::GreIpv6) => EncapsulationPolicy::Gre,
        Some(Encap::Udp) => EncapsulationPolicy::Udp,
    }
}

/// What code point signalling and data get.
pub fn dscp(dscp: Option<kedge_config::Dscp>) -> Option<Dscp> {
    marking(dscp).map(|(value, force)| Dscp { value, force })
}
