//! What an anchor asks RADIUS servers about a node, and what it makes of their answer
//! (RFC 6572 §6).

use std::net::IpAddr;
use std::time::Duration;

use kedge_lma::{NoProfile, Profile, Question, Service, Settings};
use kedge_model::{IpNet, Ipv6Net};
use kedge_radius::{
    AttributeType, Code, Failure, IP4_HOA_ONLY_SUPPORTED, IP4_HOA_SUPPORTED, PMIP6_SUPPORTED,
    PacketRef, Request, TooLong,
};
use kedge_telemetry::counters;
use tracing::{info, warn};

use super::record::Nas;

counters! {
    /// What servers said about nodes.
    pub struct AccessCounters: "RADIUS Authorization", "radius_authorization" {
        /// Attributes of accepts that were left out: not of their form, or there twice.
        ignored_attributes: "Ignored Attributes",
        /// Accepts whose MIP6-Feature-Vector made them refusals.
        contradictions: "Accepts Taken as Rejects",
    }
}

/// The Access-Request of RFC 6572 §6.2. A customer that has a name is told by it from others with
/// nodes of the same names, in the attribute that its accounting records have, too.
pub fn request(question: &Question, customer: &str, nas: &Nas) -> Result<Request, TooLong> {
    const AUTHORIZE_ONLY: u32 = 17;
    let mut request = Request::access();
    identify(&mut request, nas)?;
    request.push(AttributeType::USER_NAME, question.mn_id.octets())?;
    request.push(AttributeType::MOBILE_NODE_IDENTIFIER, question.mn_id.octets())?;
    request.push(AttributeType::SERVICE_TYPE, &AUTHORIZE_ONLY.to_be_bytes())?;
    if !customer.is_empty() {
        request.push(AttributeType::TUNNEL_PRIVATE_GROUP_ID, customer.as_bytes())?;
    }
    if let Some(id) = &question.link_layer_id {
        request.push(AttributeType::CALLING_STATION_ID, id.to_string().as_bytes())?;
    }
    if let Some(service) = &question.service {
        request.push(AttributeType::SERVICE_SELECTION, service)?;
    }
    let features = match (question.wants_ipv4, question.wants_ipv6) {
        (true, true) => PMIP6_SUPPORTED | IP4_HOA_SUPPORTED,
        (true, false) => PMIP6_SUPPORTED | IP4_HOA_ONLY_SUPPORTED,
        (false, _) => PMIP6_SUPPORTED,
    };
    request.push(AttributeType::MIP6_FEATURE_VECTOR, &features.to_be_bytes())?;
    match question.path.local.ip() {
        IpAddr::V4(address) => {
            request.push(AttributeType::PMIP6_HOME_LMA_IPV4_ADDRESS, &address.octets())?;
        }
        IpAddr::V6(address) => {
            request.push(AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS, &address.octets())?;
        }
    }
    Ok(request)
}

/// Who asks (RFC 2865 §4.1), and that it is no port that one could touch.
pub fn identify(request: &mut Request, nas: &Nas) -> Result<(), TooLong> {
    const PORT_VIRTUAL: u32 = 5;
    request.push(AttributeType::NAS_IDENTIFIER, nas.identifier.as_bytes())?;
    request.push(AttributeType::NAS_PORT_TYPE, &PORT_VIRTUAL.to_be_bytes())?;
    let ipv4 = nas.addresses.iter().find_map(|address| match address {
        IpAddr::V4(address) => Some(address.octets()),
        IpAddr::V6(_) => None,
    });
    let ipv6 = nas.addresses.iter().find_map(|address| match address {
        IpAddr::V6(address) => Some(address.octets()),
        IpAddr::V4(_) => None,
    });
    if let Some(address) = ipv4 {
        request.push(AttributeType::NAS_IP_ADDRESS, &address)?;
    }
    if let Some(address) = ipv6 {
        request.push(AttributeType::NAS_IPV6_ADDRESS, &address)?;
    }
    Ok(())
}

/// What an answer comes to. `asked` says whether there is a server that could have been asked.
pub fn read(
    outcome: Result<Vec<u8>, Failure>,
    asked: bool,
    counters: &mut AccessCounters,
) -> Result<kedge_radius::Profile, NoProfile> {
    let answer = outcome.map_err(|failure| match failure {
        Failure::TimedOut => NoProfile::Unreachable,
        // Those that there are are dead.
        Failure::NoServer if asked => NoProfile::Unreachable,
        Failure::NoServer | Failure::Busy | Failure::TooLong => NoProfile::Failed,
    })?;
    let packet = PacketRef::decode(&answer).map_err(|_| NoProfile::Failed)?;
    if packet.code() != Code::ACCESS_ACCEPT {
        // RFC 2865 §4.4: a challenge that cannot be answered is a reject.
        return Err(NoProfile::Refused);
    }
    let profile = kedge_radius::Profile::read(&packet).map_err(|error| {
        counters.contradictions += 1;
        info!("an Access-Accept is taken as a reject: {error}");
        NoProfile::Refused
    })?;
    if profile.ignored > 0 {
        if counters.ignored_attributes == 0 {
            warn!("a RADIUS server sends attributes that are not of their form; they are ignored");
        }
        counters.ignored_attributes += u64::from(profile.ignored);
    }
    Ok(profile)
}

/// What a node may have by AAA's words: what it does not say is as in the default profile, and
/// where there is one network, that is it.
pub fn profile(said: kedge_radius::Profile, settings: &Settings) -> Profile {
    let base = settings.default_profile.clone().unwrap_or_default();
    let only = || {
        let mut names = settings.networks.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    };
    let prefixes = said.prefixes.iter().filter_map(|prefix| Ipv6Net::new(*prefix, 64).ok());
    let delegated = said.delegated.iter();
    let delegated = delegated.filter_map(|(at, len)| IpNet::new(*at, *len).ok());
    Profile {
        service: match said.families {
            Some((true, false)) => Service::Ipv4,
            Some((false, true)) => Service::Ipv6,
            Some(_) => Service::Dual,
            None => base.service,
        },
        network: said.pool.or(base.network).or_else(only),
        apn: said.service.or(base.apn),
        uplink_key: base.uplink_key,
        authentication: None,
        session: said
            .session_timeout
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into())),
        ipv4: said.ipv4,
        prefixes: prefixes.collect(),
        delegated: delegated.collect(),
        class: said.class,
        chargeable_user: said.chargeable_user,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kedge_lma::Network;
    use kedge_radius::Packet;

    use super::*;

    fn answer(code: Code, attributes: &[(AttributeType, &[u8])]) -> Vec<u8> {
        let mut packet = Packet::new(code, 0);
        for (kind, value) in attributes {
            packet.push(*kind, value).unwrap();
        }
        packet.bytes().to_vec()
    }

    #[test]
    fn what_is_no_accept_gives_no_profile() {
        let mut counters = AccessCounters::default();
        let mut none = |outcome, asked| read(outcome, asked, &mut counters).unwrap_err();
        assert_eq!(none(Err(Failure::TimedOut), true), NoProfile::Unreachable);
        assert_eq!(none(Err(Failure::NoServer), true), NoProfile::Unreachable);
        assert_eq!(none(Err(Failure::NoServer), false), NoProfile::Failed);
        assert_eq!(none(Ok(answer(Code::ACCESS_REJECT, &[])), true), NoProfile::Refused);
        assert_eq!(none(Ok(answer(Code::ACCESS_CHALLENGE, &[])), true), NoProfile::Refused);
        let both = (PMIP6_SUPPORTED | IP4_HOA_SUPPORTED | IP4_HOA_ONLY_SUPPORTED).to_be_bytes();
        let contradiction = [(AttributeType::MIP6_FEATURE_VECTOR, &both[..])];
        let accept = answer(Code::ACCESS_ACCEPT, &contradiction);
        assert_eq!(none(Ok(accept), true), NoProfile::Refused);
        assert_eq!(counters.contradictions, 1);
    }

    #[test]
    fn what_aaa_does_not_say_is_as_in_the_default_profile() {
        let default = Profile {
            network: Some("silver".to_owned()),
            apn: Some("internet".to_owned()),
            service: Service::Ipv4,
            ..Profile::default()
        };
        let settings = Settings { default_profile: Some(default.clone()), ..Settings::default() };
        assert_eq!(profile(kedge_radius::Profile::default(), &settings), default);
        let said = kedge_radius::Profile {
            pool: Some("gold".to_owned()),
            families: Some((true, true)),
            session_timeout: Some(0),
            ..Default::default()
        };
        let given = profile(said, &settings);
        assert_eq!((given.network.as_deref(), given.service), (Some("gold"), Service::Dual));
        assert_eq!(given.session, None, "no session lasts no time");
        let network = Network::default();
        let networks = BTreeMap::from([("home".to_owned(), network.clone())]);
        let mut settings = Settings { networks, ..Settings::default() };
        let given = profile(kedge_radius::Profile::default(), &settings);
        assert_eq!(given.network.as_deref(), Some("home"));
        settings.networks.insert("away".to_owned(), network);
        let given = profile(kedge_radius::Profile::default(), &settings);
        assert_eq!(given.network, None, "which of two, nobody has said");
    }
}
