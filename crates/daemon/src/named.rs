//! What a command names, found; or the words in which it is missed.

use kedge_api::Refusal;
use kedge_config::{Config, LmaConfig};
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
    found.map(Some).ok_or_else(|| Refusal::new(format!("no customer has the name {name}")))
}

/// There is no such gateway among the peers.
pub fn no_peer(id: &str) -> Refusal {
    Refusal::new(format!("no gateway has the name or the address {id}"))
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
