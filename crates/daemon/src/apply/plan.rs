//! The whole of a configuration, as the services are told it.

use std::collections::HashSet;
use std::net::IpAddr;

use kedge_api::RemoteAccess;
use kedge_config::Config;
use kedge_model::World;

use super::anchor::{self, AnchorPlan};
use super::error::ApplyError;
use super::gateway::{self, GatewayPlan};
use super::management;
use super::radius::{self, RadiusPlan};
use crate::ends::State;
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
    /// Where signalling and tunnels of its roles end.
    pub fn ends(&self) -> Vec<State> {
        let anchor = self.anchor.iter().map(AnchorPlan::ends);
        anchor.chain(self.gateway.iter().map(GatewayPlan::ends)).collect()
    }
}

/// Maps a configuration to what the services are told, as far as that can be said without
/// starting them. What has a number keeps it.
pub fn plan(
    config: &Config,
    restart_counter: u32,
    numbers: &mut Numbers,
) -> Result<Plan, ApplyError> {
    let anchor = config.lma.as_ref();
    let anchor = anchor.map(|lma| anchor::anchor(config, lma, restart_counter, numbers));
    let worlds = &mut numbers.worlds;
    let gateway = config.mag.as_ref();
    let gateway = gateway.map(|mag| gateway::gateway(config, mag, restart_counter, worlds));
    let plan = Plan {
        anchor: anchor.transpose()?,
        gateway: gateway.transpose()?,
        management: config.management_api.as_ref().map(management::management).transpose()?,
        radius: radius::radius(config)?,
    };
    addresses_apart(&plan.ends())?;
    match (&plan.anchor, &plan.gateway) {
        (None, None) => Err(ApplyError::Nothing),
        (Some(anchor), Some(gateway)) => {
            let (anchor, gateway) = (anchor.ends().addresses, gateway.ends().addresses);
            match anchor.intersection(&gateway).next() {
                Some(&(_, address)) => Err(ApplyError::SharedAddress { address }),
                None => Ok(plan),
            }
        }
        _ => Ok(plan),
    }
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
