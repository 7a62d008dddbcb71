//! Whether the host has the addresses that a configuration names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use kedge_model::World;
use kedge_net::NetError;
use kedge_net::netlink::{Netlink, Notifications};
use kedge_net::place::Place;
use kedge_net::poll::Poller;

use crate::ends::State;
use crate::tokens;

/// Those addresses that are not their worlds', or not yet.
pub fn lacking<'a>(
    addresses: impl Iterator<Item = (&'a World, IpAddr)>,
) -> Result<Vec<(&'a World, IpAddr)>, NetError> {
    let mut worlds: BTreeMap<&World, Vec<IpAddr>> = BTreeMap::new();
    addresses.for_each(|(world, address)| worlds.entry(world).or_default().push(address));
    let mut lacking = Vec::new();
    for (world, addresses) in worlds {
        let lacks = Place::find(world)?.lacking(&addresses)?;
        lacking.extend(lacks.into_iter().map(|address| (world, address)));
    }
    Ok(lacking)
}

/// Waits while the kernel still asks the link whether our IPv6 addresses are anybody else's
/// (RFC 4862 §5.4), as it does when a host has just started: until then they cannot be used. An
/// address that is not there, or whose check does not end, is refused when it is bound.
pub fn await_duplicate_checks(ends: &[State]) -> Result<(), NetError> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let by = Instant::now() + PATIENCE;
    for (world, address) in lacking(ends.iter().flat_map(State::places))? {
        let place = Place::find(world)?;
        let (mut notifications, mut netlink) =
            place.within(|| Ok::<_, NetError>((Notifications::open()?, Netlink::open()?)))??;
        let mut poller = Poller::new()?;
        poller.add(&notifications, tokens::KERNEL)?;
        let mut is_there = || -> Result<bool, NetError> {
            Ok(netlink.addresses()?.iter().any(|held| held.net.addr() == address))
        };
        while !place.has(address)? && is_there()? && Instant::now() < by {
            // The kernel tells when the check of an address has ended.
            poller.wait(Some(by.saturating_duration_since(Instant::now())))?.for_each(drop);
            while notifications.poll_event()?.is_some() {}
        }
    }
    Ok(())
}
