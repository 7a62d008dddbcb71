//! Why a Binding Update was not accepted: the peer's fault, the status it gets, the counter that
//! moves.

use std::fmt;

use kedge_wire::DecodeError;
use kedge_wire::registry::Status;

/// What became of a message that changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// It was answered with a status of 128 or more.
    #[error("denied with status {status}: {0}", status = .0.status().0)]
    Denied(Denial),
    /// It was dropped without an answer.
    #[error("discarded: {0}")]
    Discarded(Discard),
}

impl From<Denial> for Rejection {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Discard> for Rejection {
    fn from(discard: Discard) -> Self {
        Self::Discarded(discard)
    }
}

macro_rules! denials {
    ($($(#[$meta:meta])* $variant:ident => $status:ident, $text:literal;)+) => {
        /// Why a Binding Update was denied.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Denial {
            $($(#[$meta])* $variant,)+
        }

        impl Denial {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The status of the acknowledgement.
            pub fn status(self) -> Status {
                match self {
                    $(Self::$variant => Status::$status,)+
                }
            }
        }

        impl fmt::Display for Denial {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)+
                })
            }
        }
    };
}

denials! {
    /// The data plane has stopped, so that nothing would be forwarded for the session.
    ForwardingStopped => REASON_UNSPECIFIED, "nothing is forwarded any more";
    /// Neither a proxy registration nor a home registration.
    HomeBitNotSet => ADMINISTRATIVELY_PROHIBITED, "neither the P nor the H flag is set";
    /// The gateway asks for UDP encapsulation where it is not allowed (RFC 5844 §4.1.3.1).
    ForcedUdp => ADMINISTRATIVELY_PROHIBITED, "forced UDP encapsulation is not accepted";
    /// An option that may occur once occurs several times (RFC 5213 §8.1).
    BadRequest => ADMINISTRATIVELY_PROHIBITED, "options contradict each other";
    /// The MN-HA option names a key that is not the sender's.
    UnknownSpi => ADMINISTRATIVELY_PROHIBITED, "the SPI is not the sender's";
    /// No free address or prefix in the node's network.
    PoolExhausted => INSUFFICIENT_RESOURCES, "no free address or prefix";
    /// As many mobile network prefixes as all nodes together may have.
    TooManyDelegated => INSUFFICIENT_RESOURCES, "as many mobile network prefixes as may be";
    /// As many bindings as the anchor, or the node, may have.
    TooManyBindings => INSUFFICIENT_RESOURCES, "as many bindings as may be";
    /// Every gateway that may be learned is, and has bindings.
    TooManyMags => INSUFFICIENT_RESOURCES, "as many gateways as may be learned";
    /// AAA could not be asked, or has not answered.
    AaaUnreachable => INSUFFICIENT_RESOURCES, "no answer of AAA";
    /// More comes than the anchor can do.
    Congestion => INSUFFICIENT_RESOURCES, "the anchor is busy";
    /// A mobile node registers itself; this anchor serves gateways.
    HomeRegistration => HOME_REGISTRATION_NOT_SUPPORTED, "home registration is not supported";
    /// A mobile node gives up a registration of its own, which is not there (RFC 6275 §10.3.2).
    HomeDeregistration => NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE, "no home registration of the node";
    /// The sequence number is not after the last accepted one.
    SequenceOutOfWindow => SEQUENCE_NUMBER_OUT_OF_WINDOW, "sequence number out of window";
    /// A home registration of a node that has a proxy registration.
    RegistrationTypeChange => REGISTRATION_TYPE_CHANGE_DISALLOWED, "the node has a proxy registration";
    /// The MESG-ID option is not fresh (RFC 4285 §6).
    MessageIdMismatch => MIPV6_ID_MISMATCH, "message identifier is not fresh";
    /// Neither a Timestamp nor a MESG-ID option where one is required (RFC 4285 §6).
    MessageIdRequired => MIPV6_MESG_ID_REQD, "neither timestamp nor message identifier";
    /// The MN-HA option's authentication data is wrong (RFC 4285 §5.1.1).
    AuthenticationFailed => MIPV6_AUTH_FAIL, "authentication data is wrong";
    /// The profile does not have the selected service (RFC 5149 §3.2).
    ServiceNotAuthorized => SERVICE_AUTHORIZATION_FAILED, "the selected service is not the node's";
    /// The profile gives the node no network (RFC 5213 §5.3.1 (8)).
    ServiceDisabled => PROXY_REG_NOT_ENABLED, "the node's profile has no network";
    /// AAA does not want the node served (RFC 5213 §5.3.1 (8), RFC 6572 §6.1).
    NotAuthorized => PROXY_REG_NOT_ENABLED, "AAA has refused the node";
    /// No profile is for this node (RFC 5213 §5.3.1 (7)).
    UnknownNode => NOT_LMA_FOR_THIS_MOBILE_NODE, "no profile is for this node";
    /// The sender may not register nodes (RFC 5213 §5.3.1 (6)).
    UnknownMag => MAG_NOT_AUTHORIZED_FOR_PROXY_REG, "the sender is no known gateway";
    /// A requested prefix is not the node's (RFC 5213 §5.3.2 (3), §5.4.1.1 (3)).
    PrefixNotAuthorized => NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX, "a requested prefix is not the node's";
    /// The timestamp is outside of the window (RFC 5213 §5.5 (9)).
    TimestampMismatch => TIMESTAMP_MISMATCH, "timestamp out of window";
    /// The timestamp is not after the last accepted one (RFC 5213 §5.5 (8)).
    TimestampOld => TIMESTAMP_LOWER_THAN_PREV_ACCEPTED, "timestamp not after the last accepted one";
    /// Neither a prefix nor an IPv4 home address is asked for (RFC 5844 §3.1.2.1).
    MissingPrefix => MISSING_HOME_NETWORK_PREFIX_OPTION, "no home network prefix option";
    /// The prefixes of the binding and of the update differ (RFC 5213 §5.4.1.1 (4)).
    PrefixSetMismatch => BCE_PBU_PREFIX_SET_DO_NOT_MATCH, "prefixes differ from the binding's";
    /// No Mobile Node Identifier option (RFC 5213 §5.3.1 (4)).
    MissingMnId => MISSING_MN_IDENTIFIER_OPTION, "no mobile node identifier option";
    /// No Handoff Indicator option (RFC 5213 §5.3.1 (11)).
    MissingHandoffIndicator => MISSING_HANDOFF_INDICATOR_OPTION, "no handoff indicator option";
    /// No Access Technology Type option (RFC 5213 §5.3.1 (12)).
    MissingAccessTechnology => MISSING_ACCESS_TECH_TYPE_OPTION, "no access technology type option";
    /// GRE with keys is agreed on, and the option is missing (RFC 5845 §5.2).
    GreKeyRequired => GRE_KEY_OPTION_REQUIRED, "no GRE key option";
    /// IPv4 is not the node's, or not the network's (RFC 5844 §3.1.2.1).
    Ipv4NotAuthorized => NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE, "no IPv4 service";
    /// The requested IPv4 address is not the node's (RFC 5844 §3.1.2.2).
    Ipv4AddressNotAuthorized => NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS, "the requested IPv4 address is not the node's";
    /// IPv6 is not the node's, or not the network's (RFC 5844 §3.1.2.1).
    Ipv6NotAuthorized => NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE, "no IPv6 service";
    /// More than one IPv4 home address is asked for (RFC 5844 §3.1.2.1).
    MultipleIpv4 => MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED, "more than one IPv4 home address";
    /// Mobile network prefixes are not the node's, or as many are not (RFC 7148 §4.2).
    DelegationNotAuthorized => NOT_AUTHORIZED_FOR_DELEGATED_MNP, "not authorized for the delegated prefixes";
    /// A mobile network prefix is another node's, of no pool, or none that can be routed (RFC 7148
    /// §5.2.2).
    DelegatedPrefixInUse => REQUESTED_DMNP_IN_USE, "a requested mobile network prefix cannot be had";
    /// The gateway asks for several paths to the node (RFC 8278 §4.3).
    MultipathNotSupported => CANNOT_SUPPORT_MULTIPATH_BINDING, "multipath bindings are not supported";
    /// The care-of address is none that packets can be sent to (RFC 6275 §10.3.1).
    InvalidCareOf => INVALID_CARE_OF_ADDRESS, "invalid care-of address";
}

/// Why a message was dropped without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Discard {
    /// The Mobility Header checksum is wrong (RFC 6275 §9.2).
    #[error("checksum is wrong")]
    Checksum,
    /// Header Len is longer than the datagram, or the datagram longer than any message.
    #[error("header length disagrees with the datagram")]
    InvalidLength,
    /// The octets are no message.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A de-registration that is no binding's, or not from its gateway (RFC 5213 §5.3.5 (1)), or
    /// the acknowledgement of a revocation for a node that has none.
    #[error("no such binding")]
    SessionNotFound,
    /// Protection is missing, or is with a key that there is none of for the sender
    /// (RFC 4285 §5.1.1).
    #[error("not authenticated")]
    NotAuthenticated,
    /// A later update took the place of this one while it waited.
    #[error("superseded by a later update")]
    Superseded,
    /// AAA is being asked about the node, and a later update waits for the answer, or the gateway
    /// has given the node up.
    #[error("AAA is being asked about the node")]
    AuthorizationPending,
    /// The anchor takes the binding back, and the gateway has not acknowledged that yet.
    #[error("the binding is being revoked")]
    RevocationPending,
    /// More comes than the anchor can do, or answer.
    #[error("the anchor is saturated")]
    Congestion,
    /// An acknowledgement of no indication that is outstanding (RFC 5846 §6.2.2).
    #[error("no indication waits for this acknowledgement")]
    NoMatchingRequest,
    /// An acknowledgement with other flags than its indication.
    #[error("acknowledges something else than was indicated")]
    Contradiction,
    /// Not a message that an anchor acts on.
    #[error("not for an anchor")]
    Unexpected,
    /// The sender may not register nodes, so nothing else of it is answered either.
    #[error("the sender is no known gateway")]
    UnknownMag,
    /// An MH type that is not known (RFC 6275 §9.2).
    #[error("unrecognized MH type {0}")]
    UnknownType(u8),
}
