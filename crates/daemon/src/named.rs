//! What a command names, found; or the words in which it is missed.

use std::collections::BTreeSet;

use kedge_api::Refusal;
use kedge_config::{Config, LmaConfig, near_names};
use kedge_model::{CustomerId, MnId};

use crate::anchor::Anchor;
use crate::gateway::Gateway;

/// The subscriber of an identifier.
pub fn subscriber(nai: &str) -> Result<MnId, Refusal> {
    MnId::nai(nai).ok_or_else(|| Refusal::new("an identifier has 254 octets at most"))
}

/// Whether the service that a command names, if it does, is the one there is.
pub fn check_service(name: Option<&str>, own: &str) -> Result<(), Refusal> {
    match name.filter(|name| *name != own) {
        Some(name) => Err(Refusal::new(format!("no service has the name {name}; this is {own}"))),
        None => Ok(()),
    }
}

/// The customer of a name, if one is named.
pub fn customer(anchor: &Anchor, name: Option<&str>) -> Result<Option<CustomerId>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    let found = anchor.customers().named(name);
    found.map(Some).ok_or_else(|| {
        let all = anchor.customers().iter().map(|(_, customer)| customer.name());
        missing(format!("no customer has the name {name}"), name, all)
    })
}

/// The same where there need be no anchor as long as no customer is named.
pub fn known_customer(
    at: &Option<Anchor>,
    name: Option<&str>,
) -> Result<Option<CustomerId>, Refusal> {
    name.map_or(Ok(None), |_| customer(anchor(at)?, name))
}

/// There is no such gateway among the peers of one customer, or of all.
pub fn no_peer(anchor: &Anchor, only: Option<CustomerId>, id: &str) -> Refusal {
    let peers = anchor.machines(only).flat_map(|(_, lma)| lma.peers());
    let names: BTreeSet<&str> = peers.filter_map(|peer| peer.name.as_deref()).collect();
    missing(format!("no gateway has the name or the address {id}"), id, names.into_iter())
}

/// A name that is none of these; the near ones are told, and all where they are few.
fn missing<'a>(message: String, name: &str, names: impl Iterator<Item = &'a str>) -> Refusal {
    /// A longer list helps nobody.
    const MOST: usize = 8;
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let mut allowed = near_names(name, names.iter().copied(), MOST);
    if allowed.is_empty() && names.len() <= MOST {
        allowed = names.into_iter().map(str::to_owned).collect();
    }
    Refusal { message, allowed, ..Refusal::default() }
}

/// The anchor, or that there is none.
pub fn anchor(anchor: &Option<Anchor>) -> Result<&Anchor, Refusal> {
    anchor.as_ref().ok_or_else(no_anchor)
}

/// The gateway, or that there is none.
pub fn gateway(gateway: &Option<Gateway>) -> Result<&Gateway, Refusal> {
    gateway.as_ref().ok_or_else(no_gateway)
}

/// The anchor's block, or that there is none.
pub fn lma_config(config: &Config) -> Result<&LmaConfig, Refusal> {
    config.lma.as_ref().ok_or_else(no_anchor)
}

/// This daemon is no anchor.
pub fn no_anchor() -> Refusal {
    Refusal::new("this daemon is no anchor: no 'ipv6 mobile pmipv6-lma' is configured")
}

/// This daemon is no gateway.
pub fn no_gateway() -> Refusal {
    Refusal::new("this daemon is no gateway: no 'ipv6 mobile pmipv6-mag' is configured")
}
