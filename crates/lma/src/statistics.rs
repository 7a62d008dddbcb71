//! The counters of `show lma-service statistics`.
//!
//! Each counts what really happened; the tables give the labels and the keys. What
//! workers and replication will count is declared, so that the groups are whole,
//! and stays zero until those parts exist. The tunnels' groups are the data plane's.

mod tables;

use kedge_telemetry::Group;
use kedge_wire::registry::{RevocationStatus, RevocationTrigger};

use crate::other_denials::DenyOther;
use crate::rejection::{Denial, Discard};
use tables::{
    AaaAuthentication, AcksSent, BindingRevocation, DenyAdminProhibited, DenyInsufficientResources,
    DenyReasons, DenyUnspecified, Deregistration, DiscardReasons, Disconnects, Handoff, Initial,
    OtherSignalling, PeerChanges, Received, Refresh, RevocationAckDiscarded, RevocationAckStatus,
    RevocationTriggersSent,
};

/// All counters of an anchor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    pub aaa_authentication: AaaAuthentication,
    pub received: Received,
    pub initial: Initial,
    pub refresh: Refresh,
    pub deregistration: Deregistration,
    pub handoff: Handoff,
    pub acks_sent: AcksSent,
    pub deny_reasons: DenyReasons,
    pub deny_insufficient_resources: DenyInsufficientResources,
    pub deny_admin_prohibited: DenyAdminProhibited,
    pub deny_unspecified: DenyUnspecified,
    pub discard_reasons: DiscardReasons,
    pub binding_revocation: BindingRevocation,
    pub revocation_triggers_sent: RevocationTriggersSent,
    pub revocation_ack_status: RevocationAckStatus,
    pub revocation_ack_discarded: RevocationAckDiscarded,
    pub disconnects: Disconnects,
    pub peers: PeerChanges,
    pub deny_other: DenyOther,
    pub other_signalling: OtherSignalling,
}

impl Statistics {
    /// Every group, in the order in which the vendor prints them.
    pub fn groups(&self) -> Vec<Group> {
        vec![
            Group::of(&self.aaa_authentication),
            Group::of(&self.received),
            Group::of(&self.initial),
            Group::of(&self.refresh),
            Group::of(&self.deregistration),
            Group::of(&self.handoff),
            Group::of(&self.acks_sent),
            Group::of(&self.deny_reasons),
            Group::of(&self.deny_insufficient_resources),
            Group::of(&self.deny_admin_prohibited),
            Group::of(&self.deny_unspecified),
            Group::of(&self.discard_reasons),
            Group::of(&self.binding_revocation),
            Group::of(&self.revocation_triggers_sent),
            Group::of(&self.revocation_ack_status),
            Group::of(&self.revocation_ack_discarded),
            Group::of(&self.disconnects),
            Group::of(&self.peers),
            Group::of(&self.deny_other),
            Group::of(&self.other_signalling),
        ]
    }

    /// A Binding Update is answered with `denial`.
    pub fn count_denial(&mut self, denial: Denial) {
        self.received.denied += 1;
        self.deny_other.count(denial);
        let reasons = &mut self.deny_reasons;
        let admin = &mut self.deny_admin_prohibited;
        let resources = &mut self.deny_insufficient_resources;
        match denial {
            Denial::ForwardingStopped => reasons.unspecified += 1,
            Denial::HomeBitNotSet => count(&mut reasons.admin_prohibited, &mut admin.h_bit_not_set),
            Denial::ForcedUdp => count(&mut reasons.admin_prohibited, &mut admin.policy_rejected),
            Denial::BadRequest => count(&mut reasons.admin_prohibited, &mut admin.bad_request),
            Denial::UnknownSpi => {
                count(&mut reasons.admin_prohibited, &mut admin.invalid_mn_ha_spi);
            }
            Denial::PoolExhausted | Denial::TooManyDelegated => {
                count(
                    &mut reasons.insufficient_resources,
                    &mut resources.address_allocation_failed,
                );
            }
            Denial::TooManyBindings => count(
                &mut reasons.insufficient_resources,
                &mut resources.simultaneous_bindings_exceeded,
            ),
            Denial::TooManyMags => {
                count(&mut reasons.insufficient_resources, &mut resources.no_memory);
            }
            Denial::AaaUnreachable => reasons.insufficient_resources += 1,
            Denial::NotAuthorized => {
                count(&mut reasons.proxy_registration_not_enabled, &mut admin.policy_rejected);
            }
            Denial::Congestion => {
                count(&mut reasons.insufficient_resources, &mut resources.input_queue_exceeded);
            }
            Denial::SequenceOutOfWindow => reasons.sequence_out_of_window += 1,
            Denial::RegistrationTypeChange => reasons.registration_type_change += 1,
            Denial::MessageIdRequired => reasons.message_id_required += 1,
            Denial::MessageIdMismatch => reasons.mismatched_id += 1,
            Denial::AuthenticationFailed => reasons.mn_auth_failure += 1,
            Denial::ServiceNotAuthorized => reasons.service_authorization_failed += 1,
            Denial::ServiceDisabled => {
                count(&mut reasons.proxy_registration_not_enabled, &mut admin.no_permission);
            }
            Denial::UnknownNode => reasons.not_lma_for_mobile_node += 1,
            Denial::UnknownMag => reasons.mag_not_authorized += 1,
            Denial::PrefixNotAuthorized => reasons.not_authorized_for_hnp += 1,
            Denial::TimestampMismatch => reasons.timestamp_mismatch += 1,
            Denial::TimestampOld => reasons.timestamp_lower_than_previous += 1,
            Denial::MissingPrefix => reasons.missing_hnp += 1,
            Denial::PrefixSetMismatch => reasons.bce_prefix_mismatch += 1,
            Denial::MissingMnId => reasons.missing_mn_id += 1,
            Denial::MissingHandoffIndicator => reasons.missing_handoff_indicator += 1,
            Denial::MissingAccessTechnology => reasons.missing_access_technology += 1,
            Denial::GreKeyRequired => reasons.gre_key_required += 1,
            Denial::Ipv4AddressNotAuthorized => admin.hoa_not_authorized += 1,
            Denial::Ipv4NotAuthorized | Denial::Ipv6NotAuthorized => admin.no_permission += 1,
            // These have no row here, but one in `deny_other`.
            Denial::HomeRegistration
            | Denial::HomeDeregistration
            | Denial::MultipathNotSupported
            | Denial::MultipleIpv4
            | Denial::DelegationNotAuthorized
            | Denial::DelegatedPrefixInUse
            | Denial::InvalidCareOf => {}
        }
    }

    /// A Binding Update is dropped.
    pub fn count_discard(&mut self, discard: Discard) {
        self.received.discarded += 1;
        let reasons = &mut self.discard_reasons;
        match discard {
            Discard::Checksum => reasons.checksum += 1,
            Discard::InvalidLength => reasons.invalid_length += 1,
            Discard::SessionNotFound => reasons.session_not_found += 1,
            Discard::NotAuthenticated => reasons.not_authenticated += 1,
            Discard::Superseded => reasons.superseded += 1,
            Discard::Congestion => reasons.congestion += 1,
            Discard::AuthorizationPending => reasons.initial_auth_pending += 1,
            Discard::RevocationPending => reasons.revocation_pending += 1,
            // The rest is what a Binding Update is not dropped for.
            Discard::Malformed(_)
            | Discard::Unexpected
            | Discard::UnknownMag
            | Discard::NoMatchingRequest
            | Discard::Contradiction
            | Discard::UnknownType(_) => reasons.decode_failure += 1,
        }
    }
}

impl Statistics {
    /// A message of the revocation type is dropped; `kind` is its B.R. Type (RFC 5846 §5).
    pub fn count_revocation_discard(&mut self, discard: Discard, kind: Option<u8>) {
        const INDICATION: u8 = 1;
        const ACKNOWLEDGEMENT: u8 = 2;
        let reasons = &mut self.revocation_ack_discarded;
        let reason = match (discard, kind) {
            // An indication is counted where it is received, and is no acknowledgement.
            (_, Some(INDICATION)) => {
                self.other_signalling.discarded += 1;
                return;
            }
            (Discard::Checksum, _) => &mut reasons.checksum,
            (Discard::InvalidLength, _) => &mut reasons.invalid_length,
            (Discard::Malformed(_), _) => &mut reasons.decode_error,
            (Discard::SessionNotFound, _) => &mut reasons.session_not_found,
            (Discard::Contradiction, _) => &mut reasons.badly_formed,
            (Discard::NotAuthenticated, _) => &mut reasons.not_authenticated,
            (_, Some(ACKNOWLEDGEMENT)) => &mut reasons.no_matching_request,
            _ => &mut reasons.invalid_type,
        };
        *reason += 1;
        reasons.total += 1;
    }
}

impl Statistics {
    /// An indication is sent for the first time.
    pub fn count_revocation_trigger(&mut self, trigger: RevocationTrigger) {
        let rows = &mut self.revocation_triggers_sent;
        *match trigger {
            RevocationTrigger::UNSPECIFIED => &mut rows.unspecified,
            RevocationTrigger::ADMINISTRATIVE_REASON => &mut rows.administrative,
            RevocationTrigger::INTER_MAG_HANDOVER_SAME_ACCESS_TYPE => {
                &mut rows.inter_mag_handoff_same_att
            }
            RevocationTrigger::INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE => {
                &mut rows.inter_mag_handoff_different_att
            }
            RevocationTrigger::INTER_MAG_HANDOVER_UNKNOWN => &mut rows.inter_mag_handoff_unknown,
            RevocationTrigger::USER_INITIATED_SESSION_TERMINATION => {
                &mut rows.user_initiated_termination
            }
            RevocationTrigger::ACCESS_NETWORK_SESSION_TERMINATION => {
                &mut rows.access_network_termination
            }
            RevocationTrigger::POSSIBLE_OUT_OF_SYNC_BCE_STATE => &mut rows.out_of_sync_bce,
            RevocationTrigger::PER_PEER_POLICY => &mut rows.per_peer_policy,
            RevocationTrigger::REVOKING_MOBILITY_NODE_LOCAL_POLICY => {
                &mut rows.revoking_node_local_policy
            }
            _ => &mut rows.unknown,
        } += 1;
    }

    /// An indication is acknowledged.
    pub fn count_revocation_status(&mut self, status: RevocationStatus) {
        let rows = &mut self.revocation_ack_status;
        *match status {
            RevocationStatus::SUCCESS => &mut rows.success,
            RevocationStatus::PARTIAL_SUCCESS => &mut rows.partial_success,
            RevocationStatus::BINDING_DOES_NOT_EXIST => &mut rows.binding_does_not_exist,
            RevocationStatus::IPV4_HOME_ADDRESS_OPTION_REQUIRED => &mut rows.no_ipv4_hoa_binding,
            RevocationStatus::GLOBAL_REVOCATION_NOT_AUTHORIZED => {
                &mut rows.global_revocation_not_authorized
            }
            RevocationStatus::REVOKED_MOBILE_NODES_IDENTITY_REQUIRED => &mut rows.mn_id_required,
            RevocationStatus::REVOCATION_FAILED_MN_IS_ATTACHED => &mut rows.mn_attached,
            RevocationStatus::REVOCATION_TRIGGER_NOT_SUPPORTED => &mut rows.trigger_not_supported,
            RevocationStatus::REVOCATION_FUNCTION_NOT_SUPPORTED => {
                &mut rows.revocation_not_supported
            }
            RevocationStatus::PROXY_BINDING_REVOCATION_NOT_SUPPORTED => {
                &mut rows.proxy_revocation_not_supported
            }
            _ => &mut rows.unknown,
        } += 1;
    }
}

fn count(status: &mut u64, detail: &mut u64) {
    *status += 1;
    *detail += 1;
}
