//! Why a binding is revoked, and how that ended.

use super::registry;

registry! {
    /// Revocation trigger of a Binding Revocation Indication: below 128 for one mobile node, from 128 to
    /// 249 global (RFC 5846 §5.1).
    pub struct RevocationTrigger {
        0 UNSPECIFIED "Unspecified" "RFC 5846";
        1 ADMINISTRATIVE_REASON "Administrative Reason" "RFC 5846";
        2 INTER_MAG_HANDOVER_SAME_ACCESS_TYPE "Inter-MAG Handover - same Access Type" "RFC 5846";
        3 INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE "Inter-MAG Handover - different Access Type" "RFC 5846";
        4 INTER_MAG_HANDOVER_UNKNOWN "Inter-MAG Handover - Unknown" "RFC 5846";
        5 USER_INITIATED_SESSION_TERMINATION "User Initiated Session(s) Termination" "RFC 5846";
        6 ACCESS_NETWORK_SESSION_TERMINATION "Access Network Session(s) Termination" "RFC 5846";
        7 POSSIBLE_OUT_OF_SYNC_BCE_STATE "Possible Out-of Sync BCE State" "RFC 5846";
        128 PER_PEER_POLICY "Per-Peer Policy" "RFC 5846";
        129 REVOKING_MOBILITY_NODE_LOCAL_POLICY "Revoking Mobility Node Local Policy" "RFC 5846";
    }
}

registry! {
    /// Status of a Binding Revocation Acknowledgement: below 128 success (RFC 5846 §5.2).
    pub struct RevocationStatus {
        0 SUCCESS "success" "RFC 5846";
        1 PARTIAL_SUCCESS "partial success" "RFC 5846";
        128 BINDING_DOES_NOT_EXIST "Binding Does NOT Exist" "RFC 5846";
        129 IPV4_HOME_ADDRESS_OPTION_REQUIRED "IPv4 Home Address Option Required" "RFC 5846";
        130 GLOBAL_REVOCATION_NOT_AUTHORIZED "Global Revocation NOT Authorized" "RFC 5846";
        131 REVOKED_MOBILE_NODES_IDENTITY_REQUIRED "Revoked Mobile Nodes Identity Required" "RFC 5846";
        132 REVOCATION_FAILED_MN_IS_ATTACHED "Revocation Failed - MN is Attached" "RFC 5846";
        133 REVOCATION_TRIGGER_NOT_SUPPORTED "Revocation Trigger NOT Supported" "RFC 5846";
        134 REVOCATION_FUNCTION_NOT_SUPPORTED "Revocation Function NOT Supported" "RFC 5846";
        135 PROXY_BINDING_REVOCATION_NOT_SUPPORTED "Proxy Binding Revocation NOT Supported" "RFC 5846";
    }
}

impl RevocationTrigger {
    /// Whether the trigger is of the global class, which the G flag must match (RFC 5846 §9.1).
    /// The values from 250 on are for testing and go with either.
    pub const fn is_global(self) -> bool {
        self.0 >= 128 && self.0 < 250
    }
}

impl RevocationStatus {
    /// Whether the bindings are gone.
    pub const fn is_success(self) -> bool {
        self.0 < 128
    }
}
