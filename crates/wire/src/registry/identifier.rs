//! Subtypes of the options that identify and authenticate.

use super::registry;

registry! {
    /// Mobile Node Identifier subtypes: options 8 and 64.
    pub struct MnIdSubtype {
        1 NAI "NAI" "RFC 4283";
        2 IPV6_ADDRESS "IPv6 Address" "RFC 8371";
        3 IMSI "IMSI" "RFC 8371";
        4 P_TMSI "P-TMSI" "RFC 8371";
        5 EUI_48_ADDRESS "EUI-48 address" "RFC 8371";
        6 EUI_64_ADDRESS "EUI-64 address" "RFC 8371";
        7 GUTI "GUTI" "RFC 8371";
        8 DUID "DUID" "RFC 8371";
    }
}

registry! {
    /// Authentication option subtypes (RFC 4285 §5).
    pub struct AuthenticationSubtype {
        1 MN_HA "MN-HA authentication mobility option" "RFC 4285";
        2 MN_AAA "MN-AAA authentication mobility option" "RFC 4285";
    }
}

registry! {
    /// Mobile Node Group Identifier subtypes (RFC 6602 §4.3).
    pub struct MnGroupSubtype {
        0 RESERVED "Reserved" "RFC 6602";
        1 BULK_BINDING_UPDATE_GROUP "Bulk Binding Update Group" "RFC 6602";
        255 RESERVED_255 "Reserved" "RFC 6602";
    }
}
