//! Which mobile network prefixes a session gets (RFC 7148 §5.2.2).
//!
//! An update says the whole of what the router is to have: each prefix by name, or a prefix of
//! zeros for whatever the anchor assigns in that family, which is first of all what the session
//! has. So what an update does not mention is given back, and one without any option, as from a
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
/// prefixes are taken from the pools, those that AAA has `authorized` where it has any, and none is
/// given back; on a denial the pools are as they
/// were.
pub(crate) fn delegate(
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: &[IpNet],
    authorized: &[IpNet],
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
    match collect(pools, request, held, authorized, maximum, &mut wanted) {
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
    authorized: &[IpNet],
    maximum: u8,
    wanted: &mut Vec<IpNet>,
) -> Result<(), Denial> {
    let maximum = usize::from(maximum).clamp(1, MAXIMUM);
    for option in request.options.all::<DelegatedMobileNetworkPrefix>() {
        let asked = option.prefix.trunc();
        if option.is_request() {
            let family = |prefix: &&IpNet| same_family(prefix, &asked);
            let kept: Vec<IpNet> =
                held.iter().filter(family).filter(|p| !wanted.contains(p)).copied().collect();
            wanted.extend(kept);
            let mut own = authorized.iter().filter(family).peekable();
            if own.peek().is_some() {
                for prefix in own.filter(|prefix| !held.contains(prefix)) {
                    if !pools.take_delegated(*prefix) {
                        return Err(Denial::DelegatedPrefixInUse);
                    }
                    wanted.push(*prefix);
                }
            } else if !authorized.is_empty() {
                return Err(Denial::DelegationNotAuthorized);
            } else if !wanted.iter().any(|prefix| same_family(prefix, &asked)) {
                wanted.push(pools.take_lowest_delegated(asked.addr().is_ipv4())?);
            }
        } else if !wanted.contains(&asked) {
            if !authorized.is_empty() && !authorized.contains(&asked) {
                return Err(Denial::DelegationNotAuthorized);
            }
            // Held by another node, or of no pool: the RFC has one status for both.
            if !held.contains(&asked) && !pools.take_delegated(asked) {
                return Err(Denial::DelegatedPrefixInUse);
            }
            wanted.push(asked);
        }
        if wanted.len() > maximum {
            return Err(Denial::DelegationNotAuthorized);
        }
    }
    Ok(())
}

fn same_family(one: &IpNet, other: &IpNet) -> bool {
    one.addr().is_ipv4() == other.addr().is_ipv4()
}
