//! Which addresses and prefixes a session gets (RFC 5213 §5.3.2, RFC 5844 §3.1.2.2, RFC 7148
//! §5.2.2).

use crate::addresses::{HomeAddresses, Prefixes, upper_half};
use crate::delegation::delegate;
use crate::networks::{NetworkId, Networks};
use crate::rejection::Denial;
use crate::request::Request;
use crate::settings::{Profile, Settings};
use kedge_model::{IpNet, Ipv4Net};
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
    let named = fixed.map_or(&[][..], |profile| &profile.delegated);
    let authorized = (!named.is_empty() || networks.delegates_by_name(network)).then_some(named);
    let assigned = add(networks, network, request, &held, fixed, maximum, &mut added)
        .and_then(|()| delegate(networks, network, request, delegated, authorized, settings));
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
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    held: &HomeAddresses,
    fixed: Option<&Profile>,
    hnp_maximum: u8,
    added: &mut HomeAddresses,
) -> Result<(), Denial> {
    if request.wants_ipv6() && held.prefixes.is_empty() {
        match fixed.filter(|profile| !profile.prefixes.is_empty()) {
            Some(profile) => {
                let prefixes = &mut added.prefixes;
                add_fixed_prefixes(networks, network, request, profile, hnp_maximum, prefixes)?;
            }
            None => add_prefixes(networks, network, request, hnp_maximum, &mut added.prefixes)?,
        }
    }
    let Some(asked) = request.ipv4 else { return Ok(()) };
    let wanted = Some(asked).filter(|asked| !asked.addr().is_unspecified());
    match held.ipv4 {
        Some(home) if wanted.is_none_or(|wanted| wanted.addr() == home.address) => Ok(()),
        Some(_) => Err(Denial::Ipv4AddressNotAuthorized),
        None => {
            let own = fixed.and_then(|profile| profile.ipv4);
            let is_own = |wanted: Ipv4Net| own.is_none_or(|own| own == wanted.addr());
            if !wanted.is_none_or(is_own) {
                return Err(Denial::Ipv4AddressNotAuthorized);
            }
            // The length of the subnet is the gateway's to say.
            let taken = wanted.or(own.map(Ipv4Net::from));
            added.ipv4 = networks.take_ipv4(network, taken);
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
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    profile: &Profile,
    hnp_maximum: u8,
    prefixes: &mut Prefixes,
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
        if !networks.take_prefix(network, upper) {
            return Err(Denial::PoolExhausted);
        }
        prefixes.push(upper);
    }
    Ok(())
}

/// One prefix for each option: the one it names, or any. An option beyond the maximum that asks
/// for any gets none; how many are assigned is the anchor's decision (§5.3.2 (1)).
fn add_prefixes(
    networks: &mut Networks,
    network: NetworkId,
    request: &Request<'_>,
    hnp_maximum: u8,
    prefixes: &mut Prefixes,
) -> Result<(), Denial> {
    let maximum = usize::from(hnp_maximum).clamp(1, Prefixes::MAX);
    for option in request.options.all::<HomeNetworkPrefix>() {
        let has_room = prefixes.len() < maximum;
        if option.is_request() {
            if has_room {
                let lowest = networks.take_lowest_prefix(network);
                prefixes.push(lowest.ok_or(Denial::PoolExhausted)?);
            }
            continue;
        }
        let upper = upper_half(option.prefix.addr());
        let is_home = option.prefix.prefix_len() == Prefixes::LEN;
        if !has_room || !is_home || !networks.take_prefix(network, upper) {
            return Err(Denial::PrefixNotAuthorized);
        }
        prefixes.push(upper);
    }
    Ok(())
}
