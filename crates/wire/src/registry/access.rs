//! How a mobile node is attached, and how it came.

use super::registry;

registry! {
    /// Access technology types: option 24 and the If-ATT field of option 63.
    pub struct AccessTechnologyType {
        0 RESERVED "Reserved" "RFC 5213";
        1 VIRTUAL "Virtual" "RFC 5213";
        2 PPP "PPP" "RFC 5213";
        3 IEEE_802_3 "IEEE 802.3" "RFC 5213";
        4 IEEE_802_11A_B_G "IEEE 802.11a/b/g" "RFC 5213";
        5 IEEE_802_16E "IEEE 802.16e" "RFC 5213";
        6 THREEGPP_GERAN "3GPP GERAN" "3GPP";
        7 THREEGPP_UTRAN "3GPP UTRAN" "3GPP";
        8 THREEGPP_E_UTRAN "3GPP E-UTRAN" "3GPP";
        9 THREEGPP2_EHRPD "3GPP2 eHRPD" "3GPP";
        10 THREEGPP2_HRPD "3GPP2 HRPD" "3GPP";
        11 THREEGPP2_1XRTT "3GPP2 1xRTT" "3GPP";
        12 THREEGPP2_UMB "3GPP2 UMB" "3GPP";
        13 THREEGPP_NB_IOT "3GPP NB-IOT" "3GPP";
    }
}

registry! {
    /// Handoff indicator values (RFC 5213 §8.4).
    pub struct HandoffIndicatorValue {
        0 RESERVED "Reserved" "RFC 5213";
        1 NEW_INTERFACE "Attachment over a new interface" "RFC 5213";
        2 BETWEEN_INTERFACES "Handoff between two different interfaces of the mobile node" "RFC 5213";
        3 BETWEEN_GATEWAYS "Handoff between mobile access gateways for the same interface" "RFC 5213";
        4 UNKNOWN "Handoff state unknown" "RFC 5213";
        5 NOT_CHANGED "Handoff state not changed (Re-registration)" "RFC 5213";
        6 NEW_INTERFACE_SHARING_PREFIXES "Attachment over a new interface sharing prefixes" "RFC 7864";
    }
}
