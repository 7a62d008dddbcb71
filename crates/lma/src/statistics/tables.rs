//! The tables of an anchor's counters: their labels and keys, in the vendor's order.

use kedge_telemetry::counters;

counters! {
    /// AAA exchanges for nodes.
    pub struct AaaAuthentication: "MIP AAA Authentication", "aaa_authentication" {
        /// Requests started.
        attempts: "Total Attempts",
        /// Accepted and verified.
        success: "Total Success",
        /// The sum of the failures below.
        failures: "Total Failures",
        /// Rejected by the server.
        actual_auth_failures: "Actual Auth Failures",
        /// No server answered.
        timeout_failures: "No Response / Timeout Failures",
        /// Anything else.
        misc_auth_failures: "Misc Auth Failures",
    }
}

counters! {
    /// Binding Updates: the total is the sum of accepted, denied, discarded and those that wait.
    pub struct Received: "Binding Updates Received", "binding_updates_received" {
        /// Messages of MH type 5.
        total: "Total Received",
        /// Answered with a status below 128.
        accepted: "Total Accepted",
        /// Answered with a status of 128 or more.
        denied: "Total Denied",
        /// Dropped without an answer.
        discarded: "Total Discarded",
    }
}

counters! {
    /// Updates that ask for a new session.
    pub struct Initial: "Initial Binding Update Requests", "binding_updates_initial" {
        /// So classified.
        received: "Received",
        /// And accepted.
        accepted: "Accepted",
        /// And denied.
        denied: "Denied",
    }
}

counters! {
    /// Updates of a session from its own gateway.
    pub struct Refresh: "Refresh Binding Update Requests", "binding_updates_refresh" {
        /// So classified.
        received: "Received",
        /// And accepted.
        accepted: "Accepted",
        /// And denied.
        denied: "Denied",
    }
}

counters! {
    /// Updates with a lifetime of zero.
    pub struct Deregistration: "DeReg Requests", "binding_updates_deregistration" {
        /// So classified.
        received: "Received",
        /// And accepted.
        accepted: "Accepted",
        /// And denied.
        denied: "Denied",
    }
}

counters! {
    /// Updates of a session from another gateway.
    pub struct Handoff: "Handoff Requests", "binding_updates_handoff" {
        /// So classified.
        received: "Received",
        /// And accepted.
        accepted: "Accepted",
        /// And denied.
        denied: "Denied",
    }
}

counters! {
    /// Acknowledgements handed to the transport, whether it took them or not: one for each update
    /// that was accepted or denied.
    pub struct AcksSent: "Binding Acknowledgements Sent", "binding_acks_sent" {
        /// All of them.
        total: "Total",
        /// Accepted with a lifetime.
        accepted_registration: "Accepted Reg",
        /// Accepted with lifetime zero.
        accepted_deregistration: "Accepted DeReg",
        /// Status 128 or more.
        denied: "Denied",
        /// Of the total, those that the transport refused.
        send_error: "Send Error",
        /// Status 0 in answer to an initial update.
        accepted_initial: "Accepted Init Reg",
    }
}

counters! {
    /// Denials by status.
    pub struct DenyReasons: "Binding Update Deny Reasons", "deny_reasons" {
        /// Status 130.
        insufficient_resources: "Insufficient Resources",
        /// Status 144.
        mismatched_id: "Mismatched ID",
        /// Status 146.
        mn_auth_failure: "MN Auth Failure",
        /// Status 129.
        admin_prohibited: "Admin Prohibited",
        /// Status 145.
        message_id_required: "Msg ID Required",
        /// Status 134.
        dad_failed: "DAD Failed",
        /// Status 132.
        not_home_subnet: "Not Home Subnet",
        /// Status 135.
        sequence_out_of_window: "Sequence Out Of Window",
        /// Status 139.
        registration_type_change: "Reg Type Change Disallowed",
        /// Status 128.
        unspecified: "Unspecified Reason",
        /// Status 151.
        service_authorization_failed: "Service-Authorization Failed",
        /// Status 152.
        proxy_registration_not_enabled: "Proxy Reg Not Enabled",
        /// Status 156.
        timestamp_mismatch: "Timestamp Mismatch",
        /// Status 157.
        timestamp_lower_than_previous: "Timestamp Lower Than Expected",
        /// Status 160.
        missing_mn_id: "Missing MN-ID Option",
        /// Status 158.
        missing_hnp: "Missing HNP Option",
        /// Status 162.
        missing_access_technology: "Missing Access Tech Option",
        /// Status 161.
        missing_handoff_indicator: "Missing Handoff Ind Option",
        /// Status 155.
        not_authorized_for_hnp: "Not Authorized For HNP",
        /// Status 153.
        not_lma_for_mobile_node: "Not LMA For Mobile",
        /// Status 154.
        mag_not_authorized: "Not Authorized For Proxy Reg",
        /// Status 159.
        bce_prefix_mismatch: "BCE Prefix Do Not Match",
        /// Status 163.
        gre_key_required: "GRE Key Option Required",
        /// A status of RFC 5648.
        mcoa_unknown_coa: "MCOA Unknown CoA",
    }
}

counters! {
    /// Denials with status 130.
    pub struct DenyInsufficientResources:
        "Update Denied - Insufficient Resource Reasons", "deny_insufficient_resources"
    {
        /// No worker owns the node's shard.
        no_session_manager: "No Session Manager",
        /// No place for another gateway.
        no_memory: "No Memory",
        /// The worker refused.
        session_manager_rejected: "Session Manager Rejected",
        /// The receive queue is nearly full, and the update is for a new session.
        input_queue_exceeded: "Input-Q Exceeded",
        /// As many bindings as the anchor, or the node, may have.
        simultaneous_bindings_exceeded: "Simul Bindings Exceeded",
        /// No free address or prefix.
        address_allocation_failed: "Address Alloc Failed",
    }
}

counters! {
    /// Denials with status 129, and those that a policy made under a status of their own.
    pub struct DenyAdminProhibited:
        "Update Denied - Admin Prohibited Reasons", "deny_admin_prohibited"
    {
        /// Authentication by AAA is required and absent.
        mn_aaa_option_missing: "MN-AAA Auth Option Missing",
        /// Neither a proxy nor a home registration.
        h_bit_not_set: "H-bit Not Set",
        /// Unknown SPI of an MN-AAA option.
        invalid_mn_aaa_spi: "Invalid MN-AAA Option SPI",
        /// Unknown SPI of an MN-HA option.
        invalid_mn_ha_spi: "Invalid MN-HA Option SPI",
        /// Overload, and the policy is to reject.
        congestion_control_denied: "Congestion Control Denied",
        /// Forbidden by a profile or by the anchor's policy.
        policy_rejected: "Policy Rejected",
        /// The requested IPv4 home address is not the node's (status 171).
        hoa_not_authorized: "HoA Not Authorized",
        /// The node, or a family of addresses, is disabled (statuses 152, 170, 172).
        no_permission: "No Permission",
        /// Well-formed and contradictory.
        bad_request: "Bad Request",
    }
}

counters! {
    /// Denials with status 128.
    pub struct DenyUnspecified: "Update Denied - Unspecified Reason", "deny_unspecified" {
        /// AAA reports a newer session.
        newer_session_aaa: "Newer Session detected by AAA",
        /// The policy server reports one.
        newer_session_pcrf: "Newer Session detected by PCRF",
        /// The peer of the redundancy pair reports one.
        newer_session_pcs: "Newer Session detected by PCS",
    }
}

counters! {
    /// Updates dropped without an answer. The last two rows are not StarOS's: they make the
    /// sum of the reasons equal to the total discarded.
    pub struct DiscardReasons: "Binding Updates Discard Reasons", "discard_reasons" {
        /// The receive queue is about to overflow, and the update is for a new session.
        congestion: "Congestion Discarded",
        /// The Mobility Header checksum is wrong.
        checksum: "Checksum Error",
        /// The node's AAA exchange runs.
        initial_auth_pending: "Initial Auth Pending",
        /// A de-registration that is no binding's.
        session_not_found: "Session Not Found",
        /// The service has not finished starting.
        manager_not_ready: "HAMGR Not Ready",
        /// A malformed header or option.
        decode_failure: "Decode Failure",
        /// Header Len disagrees with the datagram.
        invalid_length: "Invalid Buffer Length",
        /// A revocation of the binding is not acknowledged yet.
        revocation_pending: "Revocation Pending",
        /// Protection is missing, or there is no key for the sender.
        not_authenticated: "Not Authenticated",
        /// A later update took this one's place while it waited.
        superseded: "Superseded",
    }
}

counters! {
    /// Revocations, either way.
    pub struct BindingRevocation: "Binding Revocation", "binding_revocation" {
        /// First transmissions.
        sent: "Sent",
        /// Retransmissions.
        retries_sent: "Retries Sent",
        /// Acknowledgements that matched.
        acks_received: "Ack Rcvd",
        /// Given up after the last retry.
        not_acknowledged: "Not Acknowledged",
        /// Indications from gateways.
        received: "Rcvd",
        /// Acknowledgements sent.
        acks_sent: "Ack Sent",
    }
}

counters! {
    /// Revocations sent, by trigger (RFC 5846 §5.1).
    pub struct RevocationTriggersSent:
        "Sent Revocation Trigger Reasons", "revocation_triggers_sent"
    {
        /// Trigger 0.
        unspecified: "Unspecified",
        /// Trigger 1.
        administrative: "Administrative Reason",
        /// Trigger 2.
        inter_mag_handoff_same_att: "Inter-MAG Handoff-Same ATT",
        /// Trigger 4.
        inter_mag_handoff_unknown: "Inter-MAG - Unknown Handoff",
        /// Trigger 3.
        inter_mag_handoff_different_att: "Inter-MAG Handoff-Diff ATT",
        /// Trigger 128.
        per_peer_policy: "Per-Peer Policy",
        /// Trigger 129.
        revoking_node_local_policy: "Revoking Node Local Policy",
        /// Trigger 5.
        user_initiated_termination: "User Initiated Session Term",
        /// Trigger 6.
        access_network_termination: "Access Network Session Term",
        /// Trigger 7.
        out_of_sync_bce: "Out-of Sync BCE State",
        /// Any other.
        unknown: "Unknown",
    }
}

counters! {
    /// Revocation acknowledgements received, by status (RFC 5846 §5.2).
    pub struct RevocationAckStatus: "Received Revocation ACK Status", "revocation_ack_status" {
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
        /// Status 135.
        proxy_revocation_not_supported: "Proxy-Bind-Rev-Not-Supported",
        /// Status 134.
        revocation_not_supported: "Revoc-Func-Not-Supported",
        /// Any other.
        unknown: "Unknown",
    }
}

counters! {
    /// Revocation acknowledgements dropped. The last row is not StarOS's.
    pub struct RevocationAckDiscarded:
        "Binding Revocation ACK Discarded", "revocation_ack_discarded"
    {
        /// The sum of the reasons below.
        total: "Total",
        /// For a node without binding.
        session_not_found: "Session Not Found",
        /// Decodes, and contradicts itself.
        badly_formed: "Badly Formed Request",
        /// Does not decode.
        decode_error: "Decode Error",
        /// The checksum is wrong.
        checksum: "Checksum Error",
        /// Neither an indication nor an acknowledgement.
        invalid_type: "Invalid Message Type",
        /// The service has not finished starting.
        manager_not_ready: "HAMGR Not Ready",
        /// No revocation with that sequence number waits.
        no_matching_request: "Matching Request Not Found",
        /// The length disagrees with the datagram.
        invalid_length: "Invalid Buffer Length",
        /// Protection is missing or wrong.
        not_authenticated: "Not Authenticated",
    }
}

counters! {
    /// Bindings that ended.
    pub struct Disconnects: "Total Disconnects", "disconnects" {
        /// The lifetime ran out.
        lifetime_expiry: "Lifetime expiry",
        /// De-registered, and the delete-wait time passed.
        deregistrations: "Deregistrations",
        /// Cleared by an operator.
        admin_drops: "Admin Drops",
        /// Anything else.
        other: "Other Reasons",
    }
}

counters! {
    /// Messages other than updates, acknowledgements and revocations; not a group of StarOS's.
    pub struct OtherSignalling: "Other Signalling", "other_signalling" {
        /// Heartbeat requests answered (RFC 5847).
        heartbeats_answered: "Heartbeat Requests Answered",
        /// Heartbeat requests sent (RFC 5847).
        heartbeats_sent: "Heartbeat Requests Sent",
        /// Heartbeat responses received, unsolicited ones among them.
        heartbeat_responses: "Heartbeat Responses Received",
        /// Heartbeat requests that were not answered in time.
        heartbeats_missed: "Heartbeat Requests Missed",
        /// Unsolicited heartbeat responses sent, at the start (RFC 5847 §3.2).
        restarts_announced: "Restarts Announced",
        /// Binding Error messages taken for an answer of ours (RFC 5846 §6.2, RFC 5847 §3).
        binding_errors_received: "Binding Errors Received",
        /// Binding Error messages sent for an unknown MH type (RFC 6275 §9.3.3).
        binding_errors_sent: "Binding Errors Sent",
        /// ICMPv6 Parameter Problems sent for a wrong header (RFC 6275 §9.2). A kernel that is built
        /// for Mobile IPv6 sends them itself, and they are not seen here.
        parameter_problems_sent: "Parameter Problems Sent",
        /// Messages dropped, for whatever reason.
        discarded: "Discarded",
    }
}

counters! {
    /// What becomes of gateways; not a group of StarOS's.
    pub struct PeerChanges: "Gateways", "gateways" {
        /// Became known by an update.
        learned: "Learned",
        /// Learned once, and forgotten: without bindings for an hour, or for another's sake.
        forgotten: "Forgotten",
        /// Did not answer more heartbeats than they may miss.
        down: "Found Down",
        /// Were down and answered again.
        up: "Came Back",
        /// Told another restart counter than before (RFC 5847 §3.2).
        restarted: "Restarted",
        /// Answered a heartbeat with a Binding Error, or never answered one.
        without_heartbeat: "Without Heartbeats",
    }
}
