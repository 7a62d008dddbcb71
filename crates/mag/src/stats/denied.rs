//! Denials by reason, under the keys that the anchor counts them by.

use kedge_telemetry::counters;
use kedge_wire::registry::Status;

counters! {
    /// Denials by reason.
    pub struct Denied: "Denied by LMA", "mag_denied_by_lma" {
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
        /// Status 131.
        home_registration_not_supported: "Home Reg Not Supported",
        /// Status 132.
        not_home_subnet: "Not Home Subnet",
        /// Status 133.
        not_home_agent: "Not HA For Mobile",
        /// Status 134.
        dad_failed: "DAD Failed",
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
        /// Status 170.
        ipv4_service_not_authorized: "Not Authorized For IPv4 Service",
        /// Status 171.
        ipv4_address_not_authorized: "Not Authorized For IPv4 HoA",
        /// Status 172.
        ipv6_service_not_authorized: "Not Authorized For IPv6 Service",
        /// Status 173.
        multiple_ipv4_addresses: "Multiple IPv4 HoA Not Supported",
        /// Status 177.
        delegated_prefix_not_authorized: "Not Authorized For DMNP",
        /// Status 178.
        delegated_prefix_in_use: "Requested DMNP In Use",
        /// Status 180.
        multipath_not_supported: "Multipath Not Supported",
        /// Any other.
        other: "Other",
    }
}

impl Denied {
    pub(crate) fn count(&mut self, status: Status) {
        let counter = match status {
            Status::REASON_UNSPECIFIED => &mut self.unspecified,
            Status::ADMINISTRATIVELY_PROHIBITED => &mut self.admin_prohibited,
            Status::INSUFFICIENT_RESOURCES => &mut self.insufficient_resources,
            Status::HOME_REGISTRATION_NOT_SUPPORTED => &mut self.home_registration_not_supported,
            Status::NOT_HOME_SUBNET => &mut self.not_home_subnet,
            Status::NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE => &mut self.not_home_agent,
            Status::DUPLICATE_ADDRESS_DETECTION_FAILED => &mut self.dad_failed,
            Status::SEQUENCE_NUMBER_OUT_OF_WINDOW => &mut self.sequence_out_of_window,
            Status::REGISTRATION_TYPE_CHANGE_DISALLOWED => &mut self.registration_type_change,
            Status::MIPV6_ID_MISMATCH => &mut self.mismatched_id,
            Status::MIPV6_MESG_ID_REQD => &mut self.message_id_required,
            Status::MIPV6_AUTH_FAIL => &mut self.mn_auth_failure,
            Status::SERVICE_AUTHORIZATION_FAILED => &mut self.service_authorization_failed,
            Status::PROXY_REG_NOT_ENABLED => &mut self.proxy_registration_not_enabled,
            Status::NOT_LMA_FOR_THIS_MOBILE_NODE => &mut self.not_lma_for_mobile_node,
            Status::MAG_NOT_AUTHORIZED_FOR_PROXY_REG => &mut self.mag_not_authorized,
            Status::NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX => &mut self.not_authorized_for_hnp,
            Status::TIMESTAMP_MISMATCH => &mut self.timestamp_mismatch,
            Status::TIMESTAMP_LOWER_THAN_PREV_ACCEPTED => &mut self.timestamp_lower_than_previous,
            Status::MISSING_HOME_NETWORK_PREFIX_OPTION => &mut self.missing_hnp,
            Status::BCE_PBU_PREFIX_SET_DO_NOT_MATCH => &mut self.bce_prefix_mismatch,
            Status::MISSING_MN_IDENTIFIER_OPTION => &mut self.missing_mn_id,
            Status::MISSING_HANDOFF_INDICATOR_OPTION => &mut self.missing_handoff_indicator,
            Status::MISSING_ACCESS_TECH_TYPE_OPTION => &mut self.missing_access_technology,
            Status::GRE_KEY_OPTION_REQUIRED => &mut self.gre_key_required,
            Status::NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE => {
                &mut self.ipv4_service_not_authorized
            }
            Status::NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS => &mut self.ipv4_address_not_authorized,
            Status::NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE => {
                &mut self.ipv6_service_not_authorized
            }
            Status::MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED => {
                &mut self.multiple_ipv4_addresses
            }
            Status::NOT_AUTHORIZED_FOR_DELEGATED_MNP => &mut self.delegated_prefix_not_authorized,
            Status::REQUESTED_DMNP_IN_USE => &mut self.delegated_prefix_in_use,
            Status::CANNOT_SUPPORT_MULTIPATH_BINDING => &mut self.multipath_not_supported,
            _ => &mut self.other,
        };
        *counter += 1;
    }
}
