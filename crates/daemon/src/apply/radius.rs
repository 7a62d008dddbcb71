//! The configuration of RADIUS: which servers, and what is accounted for.

use std::net::{IpAddr, SocketAddr};

use kedge_config::{Config, RadiusServer, RadiusTls};
use kedge_radius::{Secret, Server};

use super::error::ApplyError;
use crate::aaa::{self, AccountingPlan, DynamicPlan, Nas, PlannedServer, TLS_SECRET};

/// The ports of RFC 2865 §3 and RFC 2866 §3.
const AUTHENTICATION: u16 = 1812;
const ACCOUNTING: u16 = 1813;

/// What RADIUS is for.
#[derive(Debug)]
pub struct RadiusPlan {
    /// The servers, in the order in which they are asked.
    pub servers: Vec<PlannedServer>,
    /// What is accounted for, if anything is.
    pub accounting: Option<AccountingPlan>,
    /// Who the anchor is to the servers.
    pub anchor: Nas,
    /// Who the gateway is.
    pub gateway: Nas,
    /// Who may change and end sessions, if anybody may.
    pub dynamic: Option<DynamicPlan>,
}

/// Maps what is said about RADIUS.
pub fn radius(config: &Config) -> Result<RadiusPlan, ApplyError> {
    if let Some(group) = config.radius.unknown_group() {
        return Err(ApplyError::NoGroup { group: group.to_owned() });
    }
    let servers = config.radius.servers.iter().map(|server| planned(config, server));
    let servers = servers.collect::<Result<_, _>>()?;
    let anchor = config.lma.as_ref().map_or_else(Nas::default, |lma| {
        let ipv4 = lma.ipv4.iter().copied().map(IpAddr::V4);
        let addresses = ipv4.chain(lma.ipv6.iter().copied().map(IpAddr::V6)).collect();
        Nas { identifier: lma.id.clone(), addresses }
    });
    let gateway = config.mag.as_ref().map_or_else(Nas::default, |mag| {
        let ipv4 = mag.ipv4.map(IpAddr::V4).into_iter();
        let addresses = ipv4.chain(mag.ipv6.map(IpAddr::V6)).collect();
        Nas { identifier: mag.id.clone(), addresses }
    });
    let dynamic = config.radius.dynamic_author.as_ref().map(|dynamic| DynamicPlan {
        port: dynamic.port,
        needs_timestamp: dynamic.needs_timestamp,
        clients: dynamic
            .clients
            .iter()
            .map(|client| (client.address, Secret::new(client.key.expose())))
            .collect(),
    });
    let accounting = config.lma.as_ref().filter(|_| config.radius.accounts()).and_then(|lma| {
        let accounting = lma.accounting.as_ref()?;
        Some(AccountingPlan { nas: anchor.clone(), interim: accounting.interim })
    });
    Ok(RadiusPlan { servers, accounting, anchor, gateway, dynamic })
}

fn planned(config: &Config, server: &RadiusServer) -> Result<PlannedServer, ApplyError> {
    let address = server.address;
    let missing = |command| ApplyError::UnfitServer { server: address, command };
    let at = |port| Some(SocketAddr::new(address, port));
    let (authentication, accounting, secret) = match &server.tls {
        Some(tls) => {
            for (file, command) in [
                (&tls.ca_file, "tls ca-file"),
                (&tls.certificate, "tls certificate"),
                (&tls.private_key, "tls private-key"),
            ] {
                file.as_ref().ok_or_else(|| missing(command))?;
            }
            (at(tls.port), at(tls.port), Secret::new(TLS_SECRET))
        }
        None => {
            let key = server.key.as_ref().ok_or_else(|| missing("key"))?;
            let authentication = at(server.auth_port.unwrap_or(AUTHENTICATION));
            let accounting = at(server.acct_port.unwrap_or(ACCOUNTING));
            (authentication, accounting, Secret::new(key.expose()))
        }
    };
    // TCP itself sends again (RFC 6613 §2.6.1); what is left is to ask another server.
    let retransmit = server.retransmit.unwrap_or(config.radius.retransmit);
    let retransmit = if server.tls.is_some() { 0 } else { retransmit };
    let server_of_client = Server {
        name: address.to_string(),
        authentication,
        accounting,
        secret,
        timeout: server.timeout.unwrap_or(config.radius.timeout),
        retransmit,
        dead_time: config.radius.dead_time,
        needs_message_authenticator: !server.lenient,
    };
    let named = |tls: &RadiusTls| match aaa::tls_name(tls, address) {
        Some(name) => Ok((tls.clone(), name)),
        None => {
            let name = tls.server_name.clone().unwrap_or_default();
            Err(ApplyError::NoServerName { server: address, name })
        }
    };
    let tls = server.tls.as_ref().map(named).transpose()?;
    Ok(PlannedServer { server: server_of_client, tls })
}
