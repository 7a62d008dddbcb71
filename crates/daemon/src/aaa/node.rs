//! A mobile node's session: what its records say (RFC 6572 §7.3).

use std::sync::Arc;
use std::time::Instant;

use kedge_dataplane::BindingCounters;
use kedge_lma::{Authorized, Binding, Customer, HomeAddresses};
use kedge_model::{CustomerId, IpNet, LinkLayerId, MnId};
use kedge_radius::AttributeType;
use kedge_sansio::Now;

use super::record::{Draft, Nas, Record, SessionId, Status};
use super::tunnels::TunnelKey;

/// A mobile node's session.
#[derive(Debug)]
pub struct NodeSession {
    /// Its number.
    pub id: SessionId,
    began: Instant,
    /// Whose node it is.
    pub customer: CustomerId,
    mn_id: MnId,
    link_layer_id: Option<LinkLayerId>,
    /// What the node has.
    pub addresses: HomeAddresses,
    /// What the networks behind it have.
    pub delegated: Box<[IpNet]>,
    /// What a server has said about the node.
    pub authorized: Option<Arc<Authorized>>,
}

impl NodeSession {
    /// The session of a node whose binding, if it is still there, is held like this.
    pub fn begin(
        id: SessionId,
        customer: CustomerId,
        mn_id: &MnId,
        held: Option<&Binding>,
        now: Now,
    ) -> Self {
        Self {
            id,
            began: now.mono,
            customer,
            mn_id: mn_id.clone(),
            link_layer_id: held.and_then(|held| held.link_layer_id.clone()),
            addresses: held.map(|held| held.addresses).unwrap_or_default(),
            delegated: held.map(|held| held.delegated.clone()).unwrap_or_default(),
            authorized: held.and_then(|held| held.authorized.clone()),
        }
    }

    /// A record of it. `tunnel` is the one that the node is reached by, with its session's number.
    pub fn record(
        &self,
        nas: &Nas,
        customer: Option<&Customer>,
        tunnel: Option<(&TunnelKey, SessionId)>,
        status: Status,
        traffic: BindingCounters,
        now: Now,
    ) -> Record {
        const SERVICE_FRAMED: u32 = 2;
        const PORT_VIRTUAL: u32 = 5;
        const AUTHENTIC_RADIUS: u32 = 1;
        const AUTHENTIC_LOCAL: u32 = 2;
        let Self { id, began, mn_id, link_layer_id, addresses, delegated, authorized, .. } = self;
        let mut draft = Draft::new(nas, status, *id, now);
        draft.octets(AttributeType::USER_NAME, mn_id.octets());
        draft.octets(AttributeType::MOBILE_NODE_IDENTIFIER, mn_id.octets());
        draft.integer(AttributeType::SERVICE_TYPE, SERVICE_FRAMED);
        draft.integer(AttributeType::NAS_PORT_TYPE, PORT_VIRTUAL);
        let authentic = if authorized.is_some() { AUTHENTIC_RADIUS } else { AUTHENTIC_LOCAL };
        draft.integer(AttributeType::ACCT_AUTHENTIC, authentic);
        if let Some(id) = link_layer_id {
            draft.octets(AttributeType::CALLING_STATION_ID, id.to_string().as_bytes());
        }
        let name = customer.map_or("", Customer::name);
        draft.octets(AttributeType::TUNNEL_PRIVATE_GROUP_ID, name.as_bytes());
        if let Some(home) = addresses.ipv4 {
            draft.address(AttributeType::FRAMED_IP_ADDRESS, home.address.into());
            let (address, len) = (home.address, home.prefix_len);
            draft.ipv4_home(AttributeType::PMIP6_HOME_IPV4_HOA, address, len);
        }
        for prefix in addresses.prefixes.iter() {
            draft.prefix(AttributeType::FRAMED_IPV6_PREFIX, prefix);
            draft.prefix(AttributeType::PMIP6_HOME_HN_PREFIX, prefix);
        }
        delegated.iter().for_each(|net| draft.network(*net));
        // Where the node's gateways find the anchor, which is the customer's own.
        let ours = customer.into_iter().flat_map(|customer| &customer.lma().settings().addresses);
        for (_, address) in ours {
            let kind = match address.is_ipv4() {
                true => AttributeType::PMIP6_HOME_LMA_IPV4_ADDRESS,
                false => AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS,
            };
            draft.address(kind, *address);
        }
        if let Some((tunnel, connection)) = tunnel {
            tunnel.describe(&mut draft, connection);
        }
        if status != Status::Start {
            draft.usage(now.mono.saturating_duration_since(*began), traffic);
        }
        if let Some(authorized) = authorized {
            // Unmodified, in their order (RFC 2865 §5.25, RFC 6572 §4.19).
            let profile = &authorized.profile;
            if let Some(user) = &profile.chargeable_user {
                draft.returned(AttributeType::CHARGEABLE_USER_IDENTITY, user);
            }
            profile.class.iter().for_each(|class| draft.returned(AttributeType::CLASS, class));
        }
        draft.finish()
    }
}
