//! What a message is.

use super::registry;

registry! {
    /// Mobility Header types.
    pub struct MhType {
        0 BINDING_REFRESH_REQUEST "Binding Refresh Request" "RFC 6275";
        1 HOME_TEST_INIT "Home Test Init" "RFC 6275";
        2 CARE_OF_TEST_INIT "Care-of Test Init" "RFC 6275";
        3 HOME_TEST "Home Test" "RFC 6275";
        4 CARE_OF_TEST "Care-of Test" "RFC 6275";
        5 BINDING_UPDATE "Binding Update" "RFC 6275";
        6 BINDING_ACKNOWLEDGEMENT "Binding Acknowledgement" "RFC 6275";
        7 BINDING_ERROR "Binding Error" "RFC 6275";
        8 FAST_BINDING_UPDATE "Fast Binding Update" "RFC 5568";
        9 FAST_BINDING_ACKNOWLEDGMENT "Fast Binding Acknowledgment" "RFC 5568";
        10 FAST_NEIGHBOR_ADVERTISEMENT "Fast Neighbor Advertisement (Deprecated)" "RFC 5568";
        11 EXPERIMENTAL "Experimental Mobility Header" "RFC 5096";
        12 HOME_AGENT_SWITCH "Home Agent Switch Message" "RFC 5142";
        13 HEARTBEAT "Heartbeat Message" "RFC 5847";
        14 HANDOVER_INITIATE "Handover Initiate Message" "RFC 5568";
        15 HANDOVER_ACKNOWLEDGE "Handover Acknowledge Message" "RFC 5568";
        16 BINDING_REVOCATION "Binding Revocation Message" "RFC 5846";
        17 LOCALIZED_ROUTING_INITIATION "Localized Routing Initiation" "RFC 6705";
        18 LOCALIZED_ROUTING_ACKNOWLEDGMENT "Localized Routing Acknowledgment" "RFC 6705";
        19 UPDATE_NOTIFICATION "Update Notification" "RFC 7077";
        20 UPDATE_NOTIFICATION_ACKNOWLEDGEMENT "Update Notification Acknowledgement" "RFC 7077";
        21 FLOW_BINDING "Flow Binding Message" "RFC 7109";
        22 SUBSCRIPTION_QUERY "Subscription Query" "RFC 7161";
        23 SUBSCRIPTION_RESPONSE "Subscription Response" "RFC 7161";
    }
}

registry! {
    /// Binding Error status (RFC 6275 §6.1.9).
    pub struct BindingErrorStatus {
        1 UNKNOWN_BINDING "Unknown binding for Home Address destination option" "RFC 6275";
        2 UNRECOGNIZED_MH_TYPE "Unrecognized MH Type value" "RFC 6275";
    }
}
