//! How long the values of the attributes that an accept is read for may be.
//!
//! RFC 2865 §5: an Access-Accept with an attribute of an invalid length "MUST either be treated as an
//! Access-Reject or else silently discarded". To leave the attribute out would be worse than either:
//! a session without its limit, or with another address than the server said.

use crate::AttributeType as Type;

/// Whether a value of an attribute may have so many octets. Those of attributes that nothing is read
/// from may have any number.
pub(crate) fn is_valid(kind: Type, octets: usize) -> bool {
    match kind {
        Type::SESSION_TIMEOUT
        | Type::ACCT_INTERIM_INTERVAL
        | Type::FRAMED_IP_ADDRESS
        | Type::PMIP6_HOME_LMA_IPV4_ADDRESS
        | Type::PMIP6_VISITED_LMA_IPV4_ADDRESS
        | Type::PMIP6_HOME_DHCP4_SERVER_ADDRESS
        | Type::PMIP6_VISITED_DHCP4_SERVER_ADDRESS
        | Type::PMIP6_HOME_IPV4_GATEWAY
        | Type::PMIP6_VISITED_IPV4_GATEWAY => octets == 4,
        Type::PMIP6_HOME_IPV4_HOA | Type::PMIP6_VISITED_IPV4_HOA => octets == 6,
        Type::MIP6_FEATURE_VECTOR
        | Type::PMIP6_HOME_INTERFACE_ID
        | Type::PMIP6_VISITED_INTERFACE_ID => octets == 8,
        Type::PMIP6_HOME_LMA_IPV6_ADDRESS
        | Type::PMIP6_VISITED_LMA_IPV6_ADDRESS
        | Type::PMIP6_HOME_DHCP6_SERVER_ADDRESS
        | Type::PMIP6_VISITED_DHCP6_SERVER_ADDRESS => octets == 16,
        Type::PMIP6_HOME_HN_PREFIX
        | Type::PMIP6_VISITED_HN_PREFIX
        | Type::FRAMED_IPV6_PREFIX
        | Type::DELEGATED_IPV6_PREFIX => (2..=18).contains(&octets),
        Type::USER_NAME
        | Type::MOBILE_NODE_IDENTIFIER
        | Type::SERVICE_SELECTION
        | Type::FRAMED_POOL
        | Type::FRAMED_IPV6_POOL
        | Type::FRAMED_ROUTE
        | Type::CLASS
        | Type::CHARGEABLE_USER_IDENTITY => octets > 0,
        _ => true,
    }
}
