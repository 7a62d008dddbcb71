//! Revocations and heartbeats, under the keys that the anchor counts them by.

use kedge_telemetry::counters;
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};

counters! {
    /// Revocation messages in both directions.
    pub struct Revocations: "Binding Revocation", "mag_binding_revocation" {
        /// Indications sent for the first time.
        sent: "Sent",
        /// Their retransmissions.
        retries_sent: "Retries Sent",
        /// Acknowledgements of them.
        acks_received: "Ack Rcvd",
        /// Indications that were never acknowledged.
        not_acknowledged: "Not Acknowledged",
        /// Indications received.
        received: "Rcvd",
        /// Acknowledgements sent.
        acks_sent: "Ack Sent",
    }
}

counters! {
    /// Why anchors revoke.
    pub struct RevocationTriggers:
        "Received Revocation Trigger Reasons", "mag_revocation_triggers_received" {
        /// Trigger 0.
        unspecified: "Unspecified",
        /// Trigger 1.
        administrative: "Administrative Reason",
        /// Trigger 2.
        inter_mag_handoff_same_att: "Inter-MAG Handoff-Same ATT",
        /// Trigger 3.
        inter_mag_handoff_different_att: "Inter-MAG Handoff-Diff ATT",
        /// Trigger 4.
        inter_mag_handoff_unknown: "Inter-MAG - Unknown Handoff",
        /// Trigger 5.
        user_initiated_termination: "User Initiated Session Term",
        /// Trigger 6.
        access_network_termination: "Access Network Session Term",
        /// Trigger 7.
        out_of_sync_bce: "Out-of Sync BCE State",
        /// Trigger 128.
        per_peer_policy: "Per-Peer Policy",
        /// Trigger 129.
        revoking_node_local_policy: "Revoking Node Local Policy",
        /// Any other.
        unknown: "Unknown",
    }
}

/// A group with a counter for each status of a revocation acknowledgement (RFC 5846 §5.2).
macro_rules! by_status {
    ($(#[$meta:meta])* $group:ident, $title:literal, $key:literal) => {
        counters! {
            $(#[$meta])*
            pub struct $group: $title, $key {
                /// Status 0.
                success: "Success",
                /// Status 1.
                partial_success: "Partial-Success",
                /// Status 128.
                binding_does_not_exist: "Binding-Does-Not-Exist",
                /// Status 129.
                no_ipv4_hoa_binding: "No IPv4-HoA-Bind",
                /// Status 130.
                global_revocation_not_authorized: "Global-Revoc-Not-Authorized",
                /// Status 131.
                mn_id_required: "Revoc-MN-ID-Required",
                /// Status 132.
                mn_attached: "Revoc-Failed-MN-Attached",
                /// Status 133.
                trigger_not_supported: "Trigger-Not-Supported",
                /// Status 134.
                revocation_not_supported: "Revoc-Func-Not-Supported",
                /// Status 135.
                proxy_revocation_not_supported: "Proxy-Bind-Rev-Not-Supported",
                /// Any other.
                unknown: "Unknown",
            }
        }

        impl $group {
            pub(crate) fn count(&mut self, status: RevocationStatus) {
                let counter = match status {
                    RevocationStatus::SUCCESS => &mut self.success,
                    RevocationStatus::PARTIAL_SUCCESS => &mut self.partial_success,
                    RevocationStatus::BINDING_DOES_NOT_EXIST => &mut self.binding_does_not_exist,
                    RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED => {
                        &mut self.no_ipv4_hoa_binding
                    }
                    RevocationStatus::GLOBAL_REVOCATION_NOT_AUTHORIZED => {
                        &mut self.global_revocation_not_authorized
                    }
                    RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED => {
                        &mut self.mn_id_required
                    }
                    RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED => &mut self.mn_attached,
                    RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED => {
                        &mut self.trigger_not_supported
                    }
                    RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED => {
                        &mut self.revocation_not_supported
                    }
                    RevocationStatus::PROXY_BINDING_REVOCATION_NOT_SUPPORTED => {
                        &mut self.proxy_revocation_not_supported
                    }
                    _ => &mut self.unknown,
                };
                *counter += 1;
            }
        }
    };
}

by_status! {
    /// What anchors are answered.
    RevocationStatusSent, "Sent Revocation ACK Status", "mag_revocation_ack_status_sent"
}

by_status! {
    /// What anchors answer.
    RevocationStatusReceived, "Received Revocation ACK Status", "mag_revocation_ack_status"
}

counters! {
    /// Heartbeats and errors.
    pub struct OtherSignalling: "Other Signalling", "mag_other_signalling" {
        /// Heartbeat requests received, each of which is answered.
        heartbeats_answered: "Heartbeat Requests Answered",
        /// Heartbeat requests sent.
        heartbeats_sent: "Heartbeat Requests Sent",
        /// Answers to them, and announcements of a restart.
        heartbeat_responses: "Heartbeat Responses Received",
        /// Announcements of a restart of this gateway.
        restarts_announced: "Restart Announcements Sent",
        /// Binding Error messages sent.
        binding_errors_sent: "Binding Errors Sent",
        /// ICMPv6 Parameter Problems sent for a wrong header (RFC 6275 §9.2). A kernel that is built
        /// for Mobile IPv6 sends them itself, and they are not seen here.
        parameter_problems_sent: "Parameter Problems Sent",
        /// Binding Error messages received.
        binding_errors: "Binding Errors Received",
        /// Bindings that an anchor revoked.
        bindings_revoked: "Bindings Revoked",
        /// IPv4 home addresses that an anchor revoked alone.
        addresses_revoked: "IPv4 Home Addresses Revoked",
        /// Anchors found unreachable.
        anchors_down: "Anchors Down",
        /// Anchors that answered again.
        anchors_up: "Anchors Up",
        /// Anchors found to have lost their bindings.
        anchors_restarted: "Anchors Restarted",
    }
}

impl RevocationTriggers {
    pub(crate) fn count(&mut self, trigger: RevocationTrigger) {
        let counter = match trigger.0 {
            0 => &mut self.unspecified,
            1 => &mut self.administrative,
            2 => &mut self.inter_mag_handoff_same_att,
            3 => &mut self.inter_mag_handoff_different_att,
            4 => &mut self.inter_mag_handoff_unknown,
            5 => &mut self.user_initiated_termination,
            6 => &mut self.access_network_termination,
            7 => &mut self.out_of_sync_bce,
            128 => &mut self.per_peer_policy,
            129 => &mut self.revoking_node_local_policy,
            _ => &mut self.unknown,
        };
        *counter += 1;
    }
}
