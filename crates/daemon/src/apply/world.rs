//! The routing worlds that the configuration names.

use kedge_config::Config;
use kedge_model::World;
use kedge_net::namespace::Namespace;

use super::error::ApplyError;

/// Where the routing world of a `vrf` block is.
pub fn world(config: &Config, vrf: &str) -> Result<World, ApplyError> {
    let fault = |why| ApplyError::NoWorld { vrf: vrf.to_owned(), why };
    let block = config.vrfs.iter().find(|block| block.name == vrf);
    let block = block.ok_or_else(|| fault("there is no such block; add 'vrf NAME'"))?;
    match (&block.netns, &block.device) {
        (Some(name), None) if Namespace::is_name(name) => Ok(World::Namespace(name.clone())),
        (Some(name), None) => {
            Err(ApplyError::NoNamespace { vrf: vrf.to_owned(), netns: name.clone() })
        }
        (None, Some(name)) => Ok(World::Device(name.clone())),
        (None, None) => Err(fault("it is nowhere; add 'netns NAME' or 'device NAME'")),
        (Some(_), Some(_)) => Err(ApplyError::TwoWorlds { vrf: vrf.to_owned() }),
    }
}
