//! Which mobile network prefixes a session gets (RFC 7148 §5.2.2).
//!
//! An update says the whole of what the router is to have: each prefix by name, or a prefix of
//! zeros for whatever the anchor assigns in that family, which is first of all what the session
//! has. So what an update does not mention is given back, and one without any option, as from a
//! gateway that does not know them, gives back everything.

use kedge_model::IpNet;
use kedge_wire::DelegatedMobileNetworkPrefix;

use crate::pool::{NetworkId, Networks, Pools};
use crate::rejection::Denial;
use crate::request::Request;

/// The most prefixes that one session holds, whatever the settings say.
pub(crate) const MAXIMUM: usize = 32;

/// What a session that has `held` has once `request` is accepted; `None` is what it has. New
/// prefixes are taken from the pools, and none is given back; on a denial the pools are as they
/// were.
pub(crate) fn delegate(
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: &[IpNet],
    maximum: u8,
) -> Result<Option<Box<[IpNet]>>, Denial> {
    // An anchor that delegates nothing ignores the options.
    if request.delegated_count == 0 || !networks.delegate() {
        return Ok((!held.is_empty()).then(Box::default));
    }
    if is_what_is_held(request, held) {
        return Ok(None);
    }
    let pools = networks.pools_mut(network).ok_or(Denial::DelegationNotAuthorized)?;
    let mut had = Vec::new();
    match collect(pools, request, held, maximum, &mut had) {
        Ok(()) => Ok(Some(had.into())),
        Err(denial) => {
            had.retain(|prefix| !held.contains(prefix));
            networks.release_delegated(network, &had);
            Err(denial)
        }
    }
}

/// Whether the request asks for exactly what the session has, as every refresh does.
fn is_what_is_held(request: &Request<'_>, held: &[IpNet]) -> bool {
    let asked = || request.options.all::<DelegatedMobileNetworkPrefix>();
    let is_held = |option: DelegatedMobileNetworkPrefix| match option.is_request() {
        true => held.iter().any(|prefix| same_family(prefix, &option.prefix)),
        false => held.contains(&option.prefix.trunc()),
    };
    let is_asked_for = |prefix: &IpNet| {
        asked().any(|option| match option.is_request() {
            true => same_family(prefix, &option.prefix),
            false => *prefix == option.prefix.trunc(),
        })
    };
    asked().all(is_held) && held.iter().all(is_asked_for)
}

fn collect(
    pools: &mut Pools,
    request: &Request<'_>,
    held: &[IpNet],
    maximum: u8,
    had: &mut Vec<IpNet>,
) -> Result<(), Denial> {
    let maximum = usize::from(maximum).clamp(1, MAXIMUM);
    for option in request.options.all::<DelegatedMobileNetworkPrefix>() {
        let asked = option.prefix.trunc();
        if option.is_request() {
            let family = |prefix: &&IpNet| same_family(prefix, &asked);
            let kept: Vec<IpNet> =
                held.iter().filter(family).filter(|p| !had.contains(p)).copied().collect();
            had.extend(kept);
            if !had.iter().any(|prefix| same_family(prefix, &asked)) {
                had.push(pools.take_lowest_delegated(asked.addr().is_ipv4())?);
            }
        } else if !had.contains(&asked) {
            // Held by another node, or of no pool: the RFC has one status for both.
            if !held.contains(&asked) && !pools.take_delegated(asked) {
                return Err(Denial::DelegatedPrefixInUse);
            }
            had.push(asked);
        }
        if had.len() > maximum {
            return Err(Denial::DelegationNotAuthorized);
        }
    }
    Ok(())
}

fn same_family(one: &IpNet, other: &IpNet) -> bool {
    one.addr().is_ipv4() == other.addr().is_ipv4()
}
