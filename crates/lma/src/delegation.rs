//! Which mobile network prefixes a session gets (RFC 7148 §5.2.2).
//!
//! An update says the whole of what the router is to have: each prefix by name, or a prefix of
//! zeros for whatever the anchor assigns in that family, which is first of all what the session
//! has, and at least one beside those that are named. So what an update does not mention is given
//! back, and one without any option, as from a gateway that does not know them, gives back
//! everything.

use kedge_model::IpNet;
use kedge_wire::DelegatedMobileNetworkPrefix;

use crate::Lma;
use crate::cache::Slot;
use crate::event::What;
use crate::networks::{NetworkId, Networks};
use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::Settings;

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
/// prefixes are taken from the pools, or are those that AAA has `authorized`, and no others. None is
/// given back; on a denial the pools are as they were.
pub(crate) fn delegate(
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: &[IpNet],
    authorized: Option<&[IpNet]>,
    settings: &Settings,
) -> Result<Option<Box<[IpNet]>>, Denial> {
    // An anchor that delegates nothing ignores the options.
    if request.delegated_count == 0 || !networks.delegate() {
        return Ok((!held.is_empty()).then(Box::default));
    }
    if is_what_is_held(request, held) {
        return Ok(None);
    }
    let mut wanted = Vec::new();
    let collected = collect(networks, network, request, held, authorized, settings, &mut wanted);
    match collected.and_then(|()| check_customer(networks, held, &wanted, settings)) {
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
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: &[IpNet],
    authorized: Option<&[IpNet]>,
    settings: &Settings,
    wanted: &mut Vec<IpNet>,
) -> Result<(), Denial> {
    for asked in named(request) {
        if wanted.contains(&asked) {
            continue;
        }
        if authorized.is_some_and(|authorized| !authorized.contains(&asked)) {
            return Err(Denial::DelegationNotAuthorized);
        }
        // Held by another node, of no pool, or nothing that can be held: the RFC has one status
        // for all.
        if !held.contains(&asked) && !networks.take_delegated(network, asked) {
            return Err(Denial::DelegatedPrefixInUse);
        }
        wanted.push(asked);
        check_session(wanted, settings)?;
    }
    for is_ipv4 in [false, true] {
        if !leaves_choice(request, is_ipv4) {
            continue;
        }
        let others = held.iter().filter(|prefix| prefix.addr().is_ipv4() == is_ipv4);
        let others: Vec<IpNet> =
            others.filter(|prefix| !wanted.contains(prefix)).copied().collect();
        match authorized {
            Some(authorized) => {
                wanted.extend(others);
                add_authorized(networks, network, authorized, is_ipv4, wanted)?;
            }
            None if others.is_empty() => {
                wanted.push(networks.take_lowest_delegated(network, is_ipv4)?);
            }
            None => wanted.extend(others),
        }
        check_session(wanted, settings)?;
    }
    Ok(())
}

/// All that AAA has given the node of a family, where the choice is the anchor's.
fn add_authorized(
    networks: &mut Networks,
    network: NetworkId,
    authorized: &[IpNet],
    is_ipv4: bool,
    wanted: &mut Vec<IpNet>,
) -> Result<(), Denial> {
    let of_family = |prefix: &&IpNet| prefix.addr().is_ipv4() == is_ipv4;
    for &prefix in authorized.iter().filter(of_family) {
        if wanted.contains(&prefix) {
            continue;
        }
        if !networks.take_delegated(network, prefix) {
            return Err(Denial::DelegatedPrefixInUse);
        }
        wanted.push(prefix);
    }
    match wanted.iter().any(|prefix| of_family(&prefix)) {
        true => Ok(()),
        false => Err(Denial::DelegationNotAuthorized),
    }
}

fn check_session(wanted: &[IpNet], settings: &Settings) -> Result<(), Denial> {
    let (ipv4, ipv6) = count(wanted);
    match wanted.len() <= MAXIMUM && settings.mnp_of_session.allows(ipv4, ipv6) {
        true => Ok(()),
        false => Err(Denial::DelegationNotAuthorized),
    }
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

/// Whether all sessions together have too many once this one, which had `held`, has `wanted`. What
/// it gives back counts no more; one that has as many as before is let alone, for the maximum may
/// have been lowered.
fn check_customer(
    networks: &Networks,
    held: &[IpNet],
    wanted: &[IpNet],
    settings: &Settings,
) -> Result<(), Denial> {
    let dropped: Vec<IpNet> = held.iter().filter(|p| !wanted.contains(p)).copied().collect();
    let ((had_ipv4, had_ipv6), (ipv4, ipv6)) = (count(held), count(wanted));
    let ((less_ipv4, less_ipv6), all) = (count(&dropped), networks.delegated());
    let has_more = ipv4 > had_ipv4 || ipv6 > had_ipv6;
    // What is wanted is taken by now.
    let all_ipv4 = all.ipv4.saturating_sub(less_ipv4);
    let all_ipv6 = all.ipv6.saturating_sub(less_ipv6);
    match has_more && !settings.mnp_of_customer.allows(all_ipv4, all_ipv6) {
        true => Err(Denial::TooManyDelegated),
        false => Ok(()),
    }
}

/// How many are of IPv4, and of IPv6.
fn count(prefixes: &[IpNet]) -> (u32, u32) {
    let ipv4 = prefixes.iter().filter(|prefix| prefix.addr().is_ipv4()).count();
    // A session holds at most MAXIMUM, and a message not many more.
    (ipv4 as u32, (prefixes.len() - ipv4) as u32)
}
