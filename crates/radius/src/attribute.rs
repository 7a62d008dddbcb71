//! Attributes: their numbers, and the forms their values have (RFC 2865 §5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The number of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AttributeType(pub u8);

/// Names each number once, for the constants and for whoever shows them.
macro_rules! attributes {
    ($($number:literal $constant:ident $name:literal $source:literal;)*) => {
        impl AttributeType {
            $(
                #[doc = concat!($name, " (", $source, ").")]
                pub const $constant: Self = Self($number);
            )*

            /// The name, of those that are used here.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

attributes! {
    1 USER_NAME "User-Name" "RFC 2865";
    2 USER_PASSWORD "User-Password" "RFC 2865";
    4 NAS_IP_ADDRESS "NAS-IP-Address" "RFC 2865";
    6 SERVICE_TYPE "Service-Type" "RFC 2865";
    8 FRAMED_IP_ADDRESS "Framed-IP-Address" "RFC 2865";
    18 REPLY_MESSAGE "Reply-Message" "RFC 2865";
    22 FRAMED_ROUTE "Framed-Route" "RFC 2865";
    24 STATE "State" "RFC 2865";
    25 CLASS "Class" "RFC 2865";
    26 VENDOR_SPECIFIC "Vendor-Specific" "RFC 2865";
    27 SESSION_TIMEOUT "Session-Timeout" "RFC 2865";
    30 CALLED_STATION_ID "Called-Station-Id" "RFC 2865";
    31 CALLING_STATION_ID "Calling-Station-Id" "RFC 2865";
    32 NAS_IDENTIFIER "NAS-Identifier" "RFC 2865";
    33 PROXY_STATE "Proxy-State" "RFC 2865";
    40 ACCT_STATUS_TYPE "Acct-Status-Type" "RFC 2866";
    41 ACCT_DELAY_TIME "Acct-Delay-Time" "RFC 2866";
    42 ACCT_INPUT_OCTETS "Acct-Input-Octets" "RFC 2866";
    43 ACCT_OUTPUT_OCTETS "Acct-Output-Octets" "RFC 2866";
    44 ACCT_SESSION_ID "Acct-Session-Id" "RFC 2866";
    45 ACCT_AUTHENTIC "Acct-Authentic" "RFC 2866";
    46 ACCT_SESSION_TIME "Acct-Session-Time" "RFC 2866";
    47 ACCT_INPUT_PACKETS "Acct-Input-Packets" "RFC 2866";
    48 ACCT_OUTPUT_PACKETS "Acct-Output-Packets" "RFC 2866";
    49 ACCT_TERMINATE_CAUSE "Acct-Terminate-Cause" "RFC 2866";
    50 ACCT_MULTI_SESSION_ID "Acct-Multi-Session-Id" "RFC 2866";
    52 ACCT_INPUT_GIGAWORDS "Acct-Input-Gigawords" "RFC 2869";
    53 ACCT_OUTPUT_GIGAWORDS "Acct-Output-Gigawords" "RFC 2869";
    55 EVENT_TIMESTAMP "Event-Timestamp" "RFC 2869";
    61 NAS_PORT_TYPE "NAS-Port-Type" "RFC 2865";
    64 TUNNEL_TYPE "Tunnel-Type" "RFC 2868";
    65 TUNNEL_MEDIUM_TYPE "Tunnel-Medium-Type" "RFC 2868";
    66 TUNNEL_CLIENT_ENDPOINT "Tunnel-Client-Endpoint" "RFC 2868";
    67 TUNNEL_SERVER_ENDPOINT "Tunnel-Server-Endpoint" "RFC 2868";
    68 ACCT_TUNNEL_CONNECTION "Acct-Tunnel-Connection" "RFC 2867";
    80 MESSAGE_AUTHENTICATOR "Message-Authenticator" "RFC 2869";
    81 TUNNEL_PRIVATE_GROUP_ID "Tunnel-Private-Group-ID" "RFC 2868";
    85 ACCT_INTERIM_INTERVAL "Acct-Interim-Interval" "RFC 2869";
    88 FRAMED_POOL "Framed-Pool" "RFC 2869";
    89 CHARGEABLE_USER_IDENTITY "Chargeable-User-Identity" "RFC 4372";
    95 NAS_IPV6_ADDRESS "NAS-IPv6-Address" "RFC 3162";
    97 FRAMED_IPV6_PREFIX "Framed-IPv6-Prefix" "RFC 3162";
    100 FRAMED_IPV6_POOL "Framed-IPv6-Pool" "RFC 3162";
    101 ERROR_CAUSE "Error-Cause" "RFC 5176";
    123 DELEGATED_IPV6_PREFIX "Delegated-IPv6-Prefix" "RFC 4818";
    124 MIP6_FEATURE_VECTOR "MIP6-Feature-Vector" "RFC 6572";
    145 MOBILE_NODE_IDENTIFIER "Mobile-Node-Identifier" "RFC 6572";
    146 SERVICE_SELECTION "Service-Selection" "RFC 6572";
    147 PMIP6_HOME_LMA_IPV6_ADDRESS "PMIP6-Home-LMA-IPv6-Address" "RFC 6572";
    148 PMIP6_VISITED_LMA_IPV6_ADDRESS "PMIP6-Visited-LMA-IPv6-Address" "RFC 6572";
    149 PMIP6_HOME_LMA_IPV4_ADDRESS "PMIP6-Home-LMA-IPv4-Address" "RFC 6572";
    150 PMIP6_VISITED_LMA_IPV4_ADDRESS "PMIP6-Visited-LMA-IPv4-Address" "RFC 6572";
    151 PMIP6_HOME_HN_PREFIX "PMIP6-Home-HN-Prefix" "RFC 6572";
    152 PMIP6_VISITED_HN_PREFIX "PMIP6-Visited-HN-Prefix" "RFC 6572";
    153 PMIP6_HOME_INTERFACE_ID "PMIP6-Home-Interface-ID" "RFC 6572";
    154 PMIP6_VISITED_INTERFACE_ID "PMIP6-Visited-Interface-ID" "RFC 6572";
    155 PMIP6_HOME_IPV4_HOA "PMIP6-Home-IPv4-HoA" "RFC 6572";
    156 PMIP6_VISITED_IPV4_HOA "PMIP6-Visited-IPv4-HoA" "RFC 6572";
    157 PMIP6_HOME_DHCP4_SERVER_ADDRESS "PMIP6-Home-DHCP4-Server-Address" "RFC 6572";
    158 PMIP6_VISITED_DHCP4_SERVER_ADDRESS "PMIP6-Visited-DHCP4-Server-Address" "RFC 6572";
    159 PMIP6_HOME_DHCP6_SERVER_ADDRESS "PMIP6-Home-DHCP6-Server-Address" "RFC 6572";
    160 PMIP6_VISITED_DHCP6_SERVER_ADDRESS "PMIP6-Visited-DHCP6-Server-Address" "RFC 6572";
    161 PMIP6_HOME_IPV4_GATEWAY "PMIP6-Home-IPv4-Gateway" "RFC 6572";
    162 PMIP6_VISITED_IPV4_GATEWAY "PMIP6-Visited-IPv4-Gateway" "RFC 6572";
}

/// One attribute of a received packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribute<'a> {
    /// Which.
    pub kind: AttributeType,
    /// Its value; 253 octets at most.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// A value of type integer.
    pub fn integer(&self) -> Option<u32> {
        Some(u32::from_be_bytes(self.value.try_into().ok()?))
    }

    /// A value of type text. Octets that are no UTF-8 make it none.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.value).ok()
    }

    /// A value of type address: four octets, or sixteen.
    pub fn address(&self) -> Option<IpAddr> {
        let ipv4 = || Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.value).ok()?).into());
        let ipv6 = || Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.value).ok()?).into());
        ipv4().or_else(ipv6)
    }
}

/// The value of an attribute of type IPv6 prefix (RFC 3162 §2.3): a reserved octet, the length,
/// and as many octets of the prefix as have bits in it.
pub fn prefix(address: Ipv6Addr, len: u8) -> Vec<u8> {
    let len = len.min(128);
    let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    let octets = Ipv6Addr::from_bits(address.to_bits() & mask).octets();
    let mut value = vec![0, len];
    value.extend_from_slice(&octets[..usize::from(len.div_ceil(8))]);
    value
}

/// Reads a value of type IPv6 prefix. One that is longer than its octets, or has bits outside of
/// its length, is none.
pub fn read_prefix(value: &[u8]) -> Option<(Ipv6Addr, u8)> {
    let (&[_, len], octets) = value.split_first_chunk()?;
    if len > 128 || octets.len() > 16 || octets.len() < usize::from(len.div_ceil(8)) {
        return None;
    }
    let mut whole = [0; 16];
    whole[..octets.len()].copy_from_slice(octets);
    let bits = u128::from_be_bytes(whole);
    let outside = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
    (bits & outside == 0).then(|| (Ipv6Addr::from_bits(bits), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_as_short_as_their_bits_allow_and_come_back() {
        let address: Ipv6Addr = "2001:db8:1:2:3::4".parse().unwrap();
        assert_eq!(prefix(address, 64), [0, 64, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2]);
        for len in 0..=128 {
            let (read, read_len) = read_prefix(&prefix(address, len)).unwrap();
            assert_eq!(read_len, len);
            assert_eq!(prefix(read, len), prefix(address, len));
        }
        assert_eq!(prefix(address, 255), prefix(address, 128));
    }

    #[test]
    fn a_prefix_that_contradicts_itself_is_none() {
        for value in [&[][..], &[0], &[0, 129], &[0, 64, 1], &[0, 1, 0xff], &[0; 19], &[0, 0, 1]] {
            assert_eq!(read_prefix(value), None, "{value:?}");
        }
        assert_eq!(read_prefix(&[0, 0]), Some((Ipv6Addr::UNSPECIFIED, 0)));
        assert_eq!(read_prefix(&[0; 18]), Some((Ipv6Addr::UNSPECIFIED, 0)), "trailing zeros");
    }

    #[test]
    fn values_have_the_length_of_their_type_or_are_none() {
        let of = |value| Attribute { kind: AttributeType::CLASS, value };
        assert_eq!(of(&[0, 0, 1, 0]).integer(), Some(256));
        assert_eq!(of(&[0, 0, 1]).integer(), None);
        assert_eq!(of(&[10, 0, 0, 1]).address(), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(of(&[0; 16]).address(), Some("::".parse().unwrap()));
        assert_eq!(of(&[0; 5]).address(), None);
        assert_eq!(of(&[0xff]).text(), None);
    }
}
