//! Which mobile network prefixes a session gets (RFC 7148 §5.2.2).
//!
//! An update says the whole of what the router is to have: each prefix by name, or a prefix of
//! zeros for whatever the anchor assigns in that family, which is first of all what the session
//! has, and at least one beside those that are named. So what an update does not mention is given back, and one without any option, as from a
//! gateway that does not know them, gives back everything.

use kedge_model::IpNet;
use kedge_wire::DelegatedMobileNetworkPrefix;

use crate::Lma;
use crate::cache::Slot;
use crate::event::What;
use crate::pool::{NetworkId, Networks, Pools};
use crate::rejection::Denial;
use crate::request::Request;

impl Lma {
    /// Gives a session these prefixes in the place of those it has, and says whether there was a
    /// change.
    pub(crate) fn redelegate(&mut self, slot: Slot, delegated: Option<Box<[IpNet]>>) -> bool {
        let Some(delegated) = delegated else { return false };
        let binding = &mut self.cache[slot];
        let mut dropped = Vec::from(std::mem::replace(&mut binding.delegated, delegated));
        dropped.retain(|prefix| !binding.delegated.contains(prefix));
        self.networks.release_delegated(binding.network, &dropped);
        true
    }

    /// Tells which networks behind a node are its own.
    pub(crate) fn report_delegation(&mut self, slot: Slot) {
        let binding = &self.cache[slot];
        let what = What::Delegated { binding: binding.id, prefixes: binding.delegated.clone() };
        self.report(slot, what);
    }
}

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
    let mut wanted = Vec::new();
    match collect(pools, request, held, maximum, &mut wanted) {
        Ok(()) => Ok(Some(wanted.into())),
        Err(denial) => {
            wanted.retain(|prefix| !held.contains(prefix));
            networks.release_delegated(network, &wanted);
            Err(denial)
        }
    }
}

/// Whether the request asks for exactly what the session has, as every refresh does.
fn is_what_is_held(request: &Request<'_>, held: &[IpNet]) -> bool {
    let is_named = |prefix: &&IpNet| named(request).any(|asked| asked == **prefix);
    let is_held = |is_ipv4| {
        let others = held.iter().filter(|prefix| prefix.addr().is_ipv4() == is_ipv4);
        let others = others.filter(|prefix| !is_named(prefix)).count();
        (others > 0) == leaves_choice(request, is_ipv4)
    };
    named(request).all(|asked| held.contains(&asked)) && is_held(true) && is_held(false)
}

fn collect(
    pools: &mut Pools,
    request: &Request<'_>,
    held: &[IpNet],
    maximum: u8,
    wanted: &mut Vec<IpNet>,
) -> Result<(), Denial> {
    let maximum = usize::from(maximum).clamp(1, MAXIMUM);
    for asked in named(request) {
        // Held by another node, or of no pool: the RFC has one status for both.
        if wanted.contains(&asked) {
            continue;
        } else if !held.contains(&asked) && !pools.take_delegated(asked) {
            return Err(Denial::DelegatedPrefixInUse);
        }
        wanted.push(asked);
        if wanted.len() > maximum {
            return Err(Denial::DelegationNotAuthorized);
        }
    }
    for is_ipv4 in [false, true] {
        if !leaves_choice(request, is_ipv4) {
            continue;
        }
        let others = held.iter().filter(|prefix| prefix.addr().is_ipv4() == is_ipv4);
        let others: Vec<IpNet> =
            others.filter(|prefix| !wanted.contains(prefix)).copied().collect();
        if wanted.len() + others.len().max(1) > maximum {
            return Err(Denial::DelegationNotAuthorized);
        }
        match others.is_empty() {
            true => wanted.push(pools.take_lowest_delegated(is_ipv4)?),
            false => wanted.extend(others),
        }
    }
    Ok(())
}

/// The prefixes that a request names.
fn named(request: &Request<'_>) -> impl Iterator<Item = IpNet> {
    let options = request.options.all::<DelegatedMobileNetworkPrefix>();
    options.filter(|option| !option.is_request()).map(|option| option.prefix.trunc())
}

/// Whether a request leaves it to the anchor which prefixes of a family there are.
fn leaves_choice(request: &Request<'_>, is_ipv4: bool) -> bool {
    let mut options = request.options.all::<DelegatedMobileNetworkPrefix>();
    options.any(|option| option.is_request() && option.prefix.addr().is_ipv4() == is_ipv4)
}
