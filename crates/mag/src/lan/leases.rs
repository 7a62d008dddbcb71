//! Which host has which address of a subnet.
//!
//! Leases live in memory alone. A host gets the address it had, else the one it asks for, else
//! one that its identity points to, so that a server that has forgotten everything mostly says
//! what it said before. The table has at most [`MOST`] addresses, the first of the subnet; hosts
//! that invent identities can use them up for an offer's time and hurt nobody who has a lease.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use kedge_model::{Ipv4Net, MacAddr};

use super::LeaseView;

/// The most leases of a network.
const MOST: u32 = 1024;

/// Who a host is: its client identifier, or its hardware address (RFC 2131 §4.2).
pub(super) type Client = Vec<u8>;

/// The leases of a subnet.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// The router in the subnet.
    router: Option<Ipv4Net>,
    by_address: BTreeMap<Ipv4Addr, Lease>,
    by_client: BTreeMap<Client, Ipv4Addr>,
}

#[derive(Debug)]
struct Lease {
    /// `None` for an address that somebody uses who has not got it from here.
    client: Option<(Client, MacAddr)>,
    until: Instant,
}

impl Leases {
    /// The subnet is this one.
    pub(super) fn move_to(&mut self, router: Option<Ipv4Net>) {
        if router != self.router {
            *self = Self { router, ..Self::default() };
        }
    }

    /// The address that a host has, or could have, and `None` if there is none left.
    pub(super) fn find(
        &self,
        client: &Client,
        wish: Option<Ipv4Addr>,
        now: Instant,
    ) -> Option<Ipv4Addr> {
        let had = self.by_client.get(client).copied();
        had.or(wish.filter(|wish| self.is_free(*wish, now))).or_else(|| {
            let size = self.size();
            let first = identity(client).checked_rem(size)?;
            let all = (first..size).chain(0..first).filter_map(|number| self.address(number));
            all.into_iter().find(|address| self.is_free(*address, now))
        })
    }

    /// Whether a host may have this address: it has it, or nobody does.
    pub(super) fn may_have(&self, client: &Client, address: Ipv4Addr, now: Instant) -> bool {
        self.by_client.get(client) == Some(&address) || self.is_free(address, now)
    }

    /// Gives an address, or extends the lease. What the host had before is free.
    pub(super) fn grant(
        &mut self,
        client: Client,
        mac: MacAddr,
        address: Ipv4Addr,
        until: Instant,
    ) {
        if let Some(before) = self.by_client.insert(client.clone(), address)
            && before != address
        {
            self.by_address.remove(&before);
        }
        let until = match self.by_address.get(&address) {
            Some(Lease { client: Some((holder, _)), until: longer }) if *holder == client => {
                until.max(*longer)
            }
            _ => until,
        };
        let before = self.by_address.insert(address, Lease { client: Some((client, mac)), until });
        self.forget_client(before, address);
    }

    /// The host does not need its address any more.
    pub(super) fn release(&mut self, client: &Client, address: Ipv4Addr) {
        if self.by_client.get(client) == Some(&address) {
            self.by_client.remove(client);
            self.by_address.remove(&address);
        }
    }

    /// Somebody else uses the address of a host: nobody gets it for a while.
    pub(super) fn set_aside(&mut self, client: &Client, address: Ipv4Addr, until: Instant) {
        if self.by_client.get(client) == Some(&address) {
            self.by_client.remove(client);
            self.by_address.insert(address, Lease { client: None, until });
        }
    }

    pub(super) fn views(&self, now: Instant) -> impl Iterator<Item = LeaseView> {
        self.by_address.iter().filter_map(move |(address, lease)| {
            let (_, mac) = lease.client.as_ref()?;
            let left = lease.until.checked_duration_since(now)?;
            (left > Duration::ZERO).then_some(LeaseView { address: *address, mac: *mac, left })
        })
    }

    /// Another host has the address that `before` was about.
    fn forget_client(&mut self, before: Option<Lease>, address: Ipv4Addr) {
        let Some((client, _)) = before.and_then(|lease| lease.client) else { return };
        let holder = self.by_address.get(&address).and_then(|lease| lease.client.as_ref());
        if holder.is_none_or(|(holder, _)| *holder != client) {
            self.by_client.remove(&client);
        }
    }

    fn is_free(&self, address: Ipv4Addr, now: Instant) -> bool {
        let Some(router) = self.router else { return false };
        let number = u32::from(address).wrapping_sub(u32::from(router.network()) + 1);
        let is_of_pool = number < self.size() && address != router.addr();
        is_of_pool && self.by_address.get(&address).is_none_or(|lease| lease.until <= now)
    }

    /// How many addresses there are, the router's with them.
    fn size(&self) -> u32 {
        let hosts = self.router.map_or(0, |router| (1u64 << (32 - router.prefix_len())) - 1);
        (hosts.saturating_sub(1) as u32).min(MOST)
    }

    fn address(&self, number: u32) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(u32::from(self.router?.network()) + 1 + number))
    }
}

/// FNV-1a, 32 bits: the same for the same host in every run.
fn identity(client: &Client) -> u32 {
    client
        .iter()
        .fold(0x811c_9dc5, |sum, octet| (sum ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}
