//! What a gateway asks RADIUS servers about a MAC address, and what it makes of their answer
//! (RFC 6572 §5).

use kedge_mag::{Identity, Profile, Service, Settings, Unidentified};
use kedge_model::{MacAddr, MnId};
use kedge_radius::{AttributeType, IP4_HOA_SUPPORTED, PMIP6_SUPPORTED, Request, TooLong};
use tracing::info;

use super::asking::Said;
use super::authorization::identify;
use super::record::Nas;

/// The Access-Request of RFC 6572 §5.2, as a Call Check: the user is the station (RFC 2865 §5.6).
pub fn request(mac: MacAddr, nas: &Nas) -> Result<Request, TooLong> {
    const CALL_CHECK: u32 = 10;
    let mut request = Request::access();
    identify(&mut request, nas)?;
    let station = mac.to_string();
    request.push(AttributeType::USER_NAME, station.as_bytes())?;
    request.push(AttributeType::CALLING_STATION_ID, station.as_bytes())?;
    request.push(AttributeType::SERVICE_TYPE, &CALL_CHECK.to_be_bytes())?;
    let features = PMIP6_SUPPORTED | IP4_HOA_SUPPORTED;
    request.push(AttributeType::MIP6_FEATURE_VECTOR, &features.to_be_bytes())?;
    // RFC 2865 §4.1 wants one; it proves nothing.
    request.set_password(station.as_bytes());
    Ok(request)
}

/// Who a node is, and what it gets: `configured` is what the configuration gives that node, where
/// the servers do not say otherwise.
pub fn identity(
    mac: MacAddr,
    said: Said,
    settings: &Settings,
    configured: impl FnOnce(&str) -> Profile,
) -> Result<Identity, Unidentified> {
    let said = said.map_err(|none| match none {
        kedge_lma::NoProfile::Refused => Unidentified::Refused,
        kedge_lma::NoProfile::Unreachable | kedge_lma::NoProfile::Failed => {
            Unidentified::Unanswered
        }
    })?;
    let whom = || String::from_utf8(said.chargeable_user.as_ref()?.to_vec()).ok();
    let name = said.node.clone().or_else(whom);
    let Some((name, mn_id)) = name.and_then(|name| Some((name.clone(), MnId::nai(&name)?))) else {
        info!(%mac, "a RADIUS server accepts a node and does not say who it is");
        return Err(Unidentified::Refused);
    };
    let mut profile = configured(&name);
    if let Some((ipv4, ipv6)) = said.families {
        profile.service = match (ipv4, ipv6) {
            (true, false) => Service::Ipv4,
            (false, _) => Service::Ipv6,
            (true, true) => Service::Dual,
        };
    }
    // An anchor that is not configured is none that we could prove ourselves to.
    let addresses = [said.lma_ipv6.map(Into::into), said.lma_ipv4.map(Into::into)];
    let anchor = settings.lmas.iter().find(|(_, lma)| addresses.contains(&Some(lma.address)));
    if let Some((anchor, _)) = anchor {
        profile.lma = Some(anchor.clone());
    } else if addresses.iter().any(Option::is_some) {
        info!(%mac, "a RADIUS server names an anchor that is not configured");
    }
    profile.delegated_prefixes |= !said.delegated.is_empty();
    Ok(Identity { mn_id, profile })
}
