//! Which addresses and prefixes a session gets (RFC 5213 §5.3.2, RFC 5844 §3.1.2.2, RFC 7148
//! §5.2.2).

use crate::addresses::{HomeAddresses, Prefixes, upper_half};
use crate::delegation::delegate;
use crate::pool::{NetworkId, Networks, Pools};
use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::{Profile, Settings};
use kedge_model::IpNet;
use kedge_wire::HomeNetworkPrefix;

/// What a session has once an update of it is accepted.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub addresses: HomeAddresses,
    /// The prefixes of the networks behind the node; `None` is what it has.
    pub delegated: Option<Box<[IpNet]>>,
}

/// What a session that has `held` has once `request` is accepted: `held`, and from the pools what
/// the request asks for beyond it. When it cannot be had, the pools are as they were.
pub(crate) fn assign(
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: HomeAddresses,
    delegated: &[IpNet],
    fixed: Option<&Profile>,
    settings: &Settings,
) -> Result<Assigned, Denial> {
    let mut added = HomeAddresses::default();
    let maximum = settings.hnp_maximum;
    let authorized = fixed.map_or(&[][..], |profile| &profile.delegated);
    let assigned = add(networks.pools_mut(network), request, &held, fixed, maximum, &mut added)
        .and_then(|()| {
            let maximum = settings.mnp_maximum;
            delegate(networks, network, request, delegated, authorized, maximum)
        });
    match assigned {
        Ok(delegated) => {
            let prefixes = if held.prefixes.is_empty() { added.prefixes } else { held.prefixes };
            let addresses = HomeAddresses { prefixes, ipv4: held.ipv4.or(added.ipv4) };
            Ok(Assigned { addresses, delegated })
        }
        Err(denial) => {
            networks.release(network, &added);
            Err(denial)
        }
    }
}

fn add(
    mut pools: Option<&mut Pools>,
    request: &Request<'_>,
    held: &HomeAddresses,
    fixed: Option<&Profile>,
    hnp_maximum: u8,
    added: &mut HomeAddresses,
) -> Result<(), Denial> {
    if request.wants_ipv6() && held.prefixes.is_empty() {
        let pools = pools.as_deref_mut().ok_or(Denial::PoolExhausted)?;
        match fixed.filter(|profile| !profile.prefixes.is_empty()) {
            Some(profile) => add_fixed_prefixes(pools, request, profile, hnp_maximum, added)?,
            None => add_prefixes(pools, request, hnp_maximum, &mut added.prefixes)?,
        }
    }
    let Some(wanted) = request.ipv4 else { return Ok(()) };
    let wanted = Some(wanted).filter(|address| !address.is_unspecified());
    match held.ipv4 {
        Some(home) if wanted.is_none_or(|address| address == home.address) => Ok(()),
        Some(_) => Err(Denial::Ipv4AddressNotAuthorized),
        None => {
            let own = fixed.and_then(|profile| profile.ipv4);
            if own.is_some() && wanted.is_some() && own != wanted {
                return Err(Denial::Ipv4AddressNotAuthorized);
            }
            added.ipv4 = pools.and_then(|pools| pools.take_ipv4(own.or(wanted)));
            match (added.ipv4, wanted.filter(|_| own.is_none())) {
                (Some(_), _) => Ok(()),
                (None, Some(_)) => Err(Denial::Ipv4AddressNotAuthorized),
                (None, None) => Err(Denial::PoolExhausted),
            }
        }
    }
}

/// The prefixes that AAA has given the node, as many as are asked for; no other can be named.
fn add_fixed_prefixes(
    pools: &mut Pools,
    request: &Request<'_>,
    profile: &Profile,
    hnp_maximum: u8,
    added: &mut HomeAddresses,
) -> Result<(), Denial> {
    let own = || profile.prefixes.iter().map(|prefix| upper_half(prefix.addr()));
    if request.prefixes().any(|named| named.is_none_or(|named| !own().any(|own| own == named))) {
        return Err(Denial::PrefixNotAuthorized);
    }
    let is_named = |upper: &u64| request.prefixes().any(|named| named == Some(*upper));
    let in_order = own().filter(is_named).chain(own().filter(|upper| !is_named(upper)));
    let maximum = usize::from(hnp_maximum).clamp(1, Prefixes::MAX).min(request.prefix_count);
    for upper in in_order.take(maximum) {
        // Another node's, or of no pool: nothing that this node could change.
        if !pools.take_prefix(upper) {
            return Err(Denial::PoolExhausted);
        }
        added.prefixes.push(upper);
    }
    Ok(())
}

/// One prefix for each option: the one it names, or any. An option beyond the maximum that asks
/// for any gets none; how many are assigned is the anchor's decision (§5.3.2 (1)).
fn add_prefixes(
    pools: &mut Pools,
    request: &Request<'_>,
    hnp_maximum: u8,
    prefixes: &mut Prefixes,
) -> Result<(), Denial> {
    let maximum = usize::from(hnp_maximum).clamp(1, Prefixes::MAX);
    for option in request.options.all::<HomeNetworkPrefix>() {
        let has_room = prefixes.len() < maximum;
        if option.is_request() {
            if has_room {
                prefixes.push(pools.take_lowest_prefix().ok_or(Denial::PoolExhausted)?);
            }
            continue;
        }
        let upper = upper_half(option.prefix.addr());
        let is_home = option.prefix.prefix_len() == Prefixes::LEN;
        if !has_room || !is_home || !pools.take_prefix(upper) {
            return Err(Denial::PrefixNotAuthorized);
        }
        prefixes.push(upper);
    }
    Ok(())
}
