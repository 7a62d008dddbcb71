//! The whole of a configuration, as the services are told it.

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_api::RemoteAccess;
use kedge_config::Config;
use kedge_dataplane::MOST_PLACES;
use kedge_model::World;
use kedge_net::signalling::PORT as SIGNALLING_PORT;

use super::anchor::{self, AnchorPlan};
use super::error::{ApplyError, Unfit};
use super::gateway::{self, GatewayPlan};
use super::management;
use super::radius::{self, RadiusPlan};
use crate::ends::{State, UDP_DATA_PORT};
use crate::numbers::Numbers;

/// What a configuration comes down to.
#[derive(Debug)]
pub struct Plan {
    /// The anchor, if it has one.
    pub anchor: Option<AnchorPlan>,
    /// The gateway, if it has one.
    pub gateway: Option<GatewayPlan>,
    /// Management from other hosts, if it is wanted.
    pub management: Option<RemoteAccess>,
    /// RADIUS servers, and what they are for.
    pub radius: RadiusPlan,
}

impl Plan {
    /// Whether there is neither: nothing runs but management, until a commit brings one.
    pub fn is_idle(&self) -> bool {
        self.anchor.is_none() && self.gateway.is_none()
    }

    /// Where signalling and tunnels of its roles end.
    pub fn ends(&self) -> Vec<State> {
        let anchor = self.anchor.iter().map(AnchorPlan::ends);
        anchor.chain(self.gateway.iter().map(GatewayPlan::ends)).collect()
    }
}

/// Maps a configuration to what the services are told, as far as that can be said without
/// starting them. What has a number keeps it. Each part that cannot run says why.
pub fn plan(config: &Config, restart_counter: u32, numbers: &mut Numbers) -> Result<Plan, Unfit> {
    let mut faults = Vec::new();
    let anchor = config.lma.as_ref();
    let anchor = anchor.map(|lma| anchor::anchor(config, lma, restart_counter, numbers));
    let worlds = &mut numbers.worlds;
    let gateway = config.mag.as_ref();
    let gateway = gateway.map(|mag| gateway::gateway(config, mag, restart_counter, worlds));
    let management = config.management_api.as_ref().map(management::management);
    let anchor = fit(anchor.transpose(), &mut faults);
    let gateway = fit(gateway.transpose(), &mut faults);
    let management = fit(management.transpose(), &mut faults);
    let radius = fit(radius::radius(config), &mut faults);
    match (anchor, gateway, management, radius) {
        (Some(anchor), Some(gateway), Some(management), Some(radius)) if faults.is_empty() => {
            let plan = Plan { anchor, gateway, management, radius };
            together(&plan).map(|()| plan).map_err(|fault| Unfit(vec![fault]))
        }
        _ => Err(Unfit(faults)),
    }
}

fn fit<T>(part: Result<T, ApplyError>, faults: &mut Vec<ApplyError>) -> Option<T> {
    part.map_err(|fault| faults.push(fault)).ok()
}

/// Whether the parts can run beside each other.
fn together(plan: &Plan) -> Result<(), ApplyError> {
    let ends = plan.ends();
    addresses_apart(&ends)?;
    room(&ends)?;
    ports_apart(plan, &ends)?;
    let [anchor, gateway] = &ends[..] else { return Ok(()) };
    match anchor.addresses.intersection(&gateway.addresses).next() {
        Some(&(_, address)) => Err(ApplyError::SharedAddress { address }),
        None => Ok(()),
    }
}

/// Each role's data plane has places for so many.
fn room(ends: &[State]) -> Result<(), ApplyError> {
    let counts =
        |state: &State| [("addresses", state.addresses.len()), ("devices", state.devices.len())];
    match ends.iter().flat_map(counts).find(|(_, count)| *count > MOST_PLACES) {
        Some((what, count)) => Err(ApplyError::TooMany { what, count }),
        None => Ok(()),
    }
}

/// Who asks for changes of sessions is heard at all addresses of the host, and so at none of the
/// ports that the roles have there.
fn ports_apart(plan: &Plan, ends: &[State]) -> Result<(), ApplyError> {
    let Some(dynamic) = &plan.radius.dynamic else { return Ok(()) };
    let port = dynamic.port;
    let is_ours = |(world, _): &(&World, IpAddr)| !matches!(world, World::Namespace(_));
    let ours: Vec<IpAddr> =
        ends.iter().flat_map(State::places).filter(is_ours).map(|(_, address)| address).collect();
    let heard = |ipv4: bool| dynamic.clients.iter().any(|(host, _)| host.is_ipv4() == ipv4);
    let shared = |ipv4: bool| heard(ipv4) && ours.iter().any(|address| address.is_ipv4() == ipv4);
    let whose = match port {
        SIGNALLING_PORT if shared(true) => "signalling",
        UDP_DATA_PORT if shared(true) || shared(false) => "tunnels over UDP",
        _ => return Ok(()),
    };
    Err(ApplyError::TakenPort { port, whose })
}

/// A port at an address that is taken outside of all VRF devices is taken inside of them, too.
fn addresses_apart(ends: &[State]) -> Result<(), ApplyError> {
    let (outside, others): (Vec<_>, Vec<_>) =
        ends.iter().flat_map(State::places).partition(|(world, _)| **world == World::Own);
    let outside: HashSet<IpAddr> = outside.into_iter().map(|(_, address)| address).collect();
    for (world, address) in others {
        if matches!(world, World::Device(_)) && outside.contains(&address) {
            return Err(ApplyError::AddressOutsideVrf { address, world: world.clone() });
        }
    }
    Ok(())
}
