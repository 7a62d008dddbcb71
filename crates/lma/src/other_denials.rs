//! Denials with a status that the vendor's counters have no row for.

use kedge_telemetry::counters;

use crate::rejection::Denial;

counters! {
    /// Updates denied with another status than those of "Binding Update Deny Reasons", so that
    /// both together are the updates denied; not a group of StarOS's.
    pub struct DenyOther: "Binding Update Deny Reasons - Other Status", "deny_other" {
        /// Status 131.
        home_registration: "Home Registration Not Supported",
        /// Status 133.
        not_home_agent: "Not Home Agent For Mobile Node",
        /// Status 170.
        not_authorized_for_ipv4: "Not Authorized For IPv4 Service",
        /// Status 171.
        not_authorized_for_ipv4_address: "Not Authorized For IPv4 Address",
        /// Status 172.
        not_authorized_for_ipv6: "Not Authorized For IPv6 Service",
        /// Status 173.
        multiple_ipv4_addresses: "Multiple IPv4 Addresses",
        /// Status 174.
        invalid_care_of_address: "Invalid Care-of Address",
        /// Status 177.
        not_authorized_for_delegated_prefix: "Not Authorized For Delegated Prefix",
        /// Status 178.
        delegated_prefix_in_use: "Delegated Prefix In Use",
        /// Status 180.
        multipath_not_supported: "Multipath Not Supported",
    }
}

impl DenyOther {
    /// Counts a denial if it is one of these.
    pub fn count(&mut self, denial: Denial) {
        *match denial {
            Denial::HomeRegistration => &mut self.home_registration,
            Denial::HomeDeregistration => &mut self.not_home_agent,
            Denial::Ipv4NotAuthorized => &mut self.not_authorized_for_ipv4,
            Denial::Ipv4AddressNotAuthorized => &mut self.not_authorized_for_ipv4_address,
            Denial::Ipv6NotAuthorized => &mut self.not_authorized_for_ipv6,
            Denial::MultipleIpv4 => &mut self.multiple_ipv4_addresses,
            Denial::InvalidCareOf => &mut self.invalid_care_of_address,
            Denial::DelegationNotAuthorized => &mut self.not_authorized_for_delegated_prefix,
            Denial::DelegatedPrefixInUse => &mut self.delegated_prefix_in_use,
            Denial::MultipathNotSupported => &mut self.multipath_not_supported,
            _ => return,
        } += 1;
    }
}
