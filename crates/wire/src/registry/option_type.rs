//! What an option is.

use super::registry;

registry! {
    /// Mobility option types.
    pub struct OptionType {
        0 PAD1 "Pad1" "RFC 6275";
        1 PADN "PadN" "RFC 6275";
        2 BINDING_REFRESH_ADVICE "Binding Refresh Advice" "RFC 6275";
        3 ALTERNATE_CARE_OF_ADDRESS "Alternate Care-of Address" "RFC 6275";
        4 NONCE_INDICES "Nonce Indices" "RFC 6275";
        5 BINDING_AUTHORIZATION_DATA "Authorization Data" "RFC 6275";
        6 MOBILE_NETWORK_PREFIX "Mobile Network Prefix Option" "RFC 3963";
        7 MOBILITY_HEADER_LINK_LAYER_ADDRESS "Mobility Header Link-Layer Address option" "RFC 5568";
        8 MN_ID "MN-ID-OPTION-TYPE" "RFC 4283";
        9 AUTHENTICATION "AUTH-OPTION-TYPE" "RFC 4285";
        10 MESSAGE_ID "MESG-ID-OPTION-TYPE" "RFC 4285";
        11 CGA_PARAMETERS_REQUEST "CGA Parameters Request" "RFC 4866";
        12 CGA_PARAMETERS "CGA Parameters" "RFC 4866";
        13 SIGNATURE "Signature" "RFC 4866";
        14 PERMANENT_HOME_KEYGEN_TOKEN "Permanent Home Keygen Token" "RFC 4866";
        15 CARE_OF_TEST_INIT "Care-of Test Init" "RFC 4866";
        16 CARE_OF_TEST "Care-of Test" "RFC 4866";
        17 DNS_UPDATE "DNS-UPDATE-TYPE" "RFC 5026";
        18 EXPERIMENTAL "Experimental Mobility Option" "RFC 5096";
        19 VENDOR_SPECIFIC "Vendor Specific Mobility Option" "RFC 5094";
        20 SERVICE_SELECTION "Service Selection Mobility Option" "RFC 5149";
        21 BINDING_AUTHORIZATION_DATA_FMIPV6 "Binding Authorization Data for FMIPv6 (BADF)" "RFC 5568";
        22 HOME_NETWORK_PREFIX "Home Network Prefix Option" "RFC 5213";
        23 HANDOFF_INDICATOR "Handoff Indicator Option" "RFC 5213";
        24 ACCESS_TECHNOLOGY_TYPE "Access Technology Type Option" "RFC 5213";
        25 MN_LINK_LAYER_ID "Mobile Node Link-layer Identifier Option" "RFC 5213";
        26 LINK_LOCAL_ADDRESS "Link-local Address Option" "RFC 5213";
        27 TIMESTAMP "Timestamp Option" "RFC 5213";
        28 RESTART_COUNTER "Restart Counter" "RFC 5847";
        29 IPV4_HOME_ADDRESS "IPv4 Home Address" "RFC 5555";
        30 IPV4_ADDRESS_ACKNOWLEDGEMENT "IPv4 Address Acknowledgement" "RFC 5555";
        31 NAT_DETECTION "NAT Detection" "RFC 5555";
        32 IPV4_CARE_OF_ADDRESS "IPv4 Care-of Address" "RFC 5555";
        33 GRE_KEY "GRE Key Option" "RFC 5845";
        34 MOBILITY_HEADER_IPV6_ADDRESS_PREFIX "Mobility Header IPv6 Address/Prefix" "RFC 5568";
        35 BINDING_IDENTIFIER "Binding Identifier" "RFC 5648";
        36 IPV4_HOME_ADDRESS_REQUEST "IPv4 Home Address Request" "RFC 5844";
        37 IPV4_HOME_ADDRESS_REPLY "IPv4 Home Address Reply" "RFC 5844";
        38 IPV4_DEFAULT_ROUTER_ADDRESS "IPv4 Default-Router Address" "RFC 5844";
        39 IPV4_DHCP_SUPPORT_MODE "IPv4 DHCP Support Mode" "RFC 5844";
        40 CONTEXT_REQUEST "Context Request Option" "RFC 5949";
        41 LOCAL_MOBILITY_ANCHOR_ADDRESS "Local Mobility Anchor Address Option" "RFC 5949";
        42 MN_LINK_LOCAL_ADDRESS_INTERFACE_ID "Mobile Node Link-local Address Interface Identifier Option" "RFC 5949";
        43 TRANSIENT_BINDING "Transient Binding" "RFC 6058";
        44 FLOW_SUMMARY "Flow Summary Mobility Option" "RFC 6089";
        45 FLOW_IDENTIFICATION "Flow Identification Mobility Option" "RFC 6089";
        46 REDIRECT_CAPABILITY "Redirect-Capability Mobility Option" "RFC 6463";
        47 REDIRECT "Redirect Mobility Option" "RFC 6463";
        48 LOAD_INFORMATION "Load Information Mobility Option" "RFC 6463";
        49 ALTERNATE_IPV4_CARE_OF_ADDRESS "Alternate IPv4 Care-of Address" "RFC 6463";
        50 MN_GROUP_ID "Mobile Node Group Identifier" "RFC 6602";
        51 MAG_IPV6_ADDRESS "MAG IPv6 Address" "RFC 6705";
        52 ACCESS_NETWORK_IDENTIFIER "Access Network Identifier" "RFC 6757";
        53 IPV4_TRAFFIC_OFFLOAD_SELECTOR "IPv4 Traffic Offload Selector" "RFC 6909";
        54 DYNAMIC_IP_MULTICAST_SELECTOR "Dynamic IP Multicast Selector" "RFC 7028";
        55 DELEGATED_MOBILE_NETWORK_PREFIX "Delegated Mobile Network Prefix" "RFC 7148";
        56 ACTIVE_MULTICAST_SUBSCRIPTION_IPV4 "Active Multicast Subscription IPv4" "RFC 7161";
        57 ACTIVE_MULTICAST_SUBSCRIPTION_IPV6 "Active Multicast Subscription IPv6" "RFC 7161";
        58 QUALITY_OF_SERVICE "Quality-of-Service" "RFC 7222";
        59 LMA_USER_PLANE_ADDRESS "LMA User-Plane Address" "RFC 7389";
        60 MULTICAST "Multicast Mobility Option" "RFC 7411";
        61 MULTICAST_ACKNOWLEDGEMENT "Multicast Acknowledgement Option" "RFC 7411";
        62 LMA_CONTROLLED_MAG_PARAMETERS "LMA-Controlled MAG Parameters" "RFC 8127";
        63 MAG_MULTIPATH_BINDING "MAG Multipath-Binding" "RFC 8278";
        64 MAG_IDENTIFIER "MAG Identifier" "RFC 8278";
        65 ANCHORED_PREFIX "Anchored Prefix" "RFC 8885";
        66 LOCAL_PREFIX "Local Prefix" "RFC 8885";
        67 PREVIOUS_MAAR "Previous MAAR" "RFC 8885";
        68 SERVING_MAAR "Serving MAAR" "RFC 8885";
        69 DLIF_LINK_LOCAL_ADDRESS "DLIF Link-Local Address" "RFC 8885";
        70 DLIF_LINK_LAYER_ADDRESS "DLIF Link-Layer Address" "RFC 8885";
    }
}
