//! What an Access-Accept says about a mobile node: the attributes of RFC 6572 §4, and those of
//! RFC 2865, 2869, 3162, 4372 and 4818 that mean the same to a network access server.
//!
//! An attribute of the right length whose value is not of its form, and a second one where there may
//! be one, is left out and counted; whoever runs the server sees it, and the node is not refused for
//! it. One of a length that it cannot have makes an accept a refusal (RFC 2865 §5), and so does a
//! MIP6-Feature-Vector that contradicts itself (§4.1). Where an attribute comes from the home network
//! and from the visited one, home counts. Nothing here panics, whatever the octets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Attribute, AttributeType, PacketRef, lengths, read_prefix};

/// PMIP6_SUPPORTED of MIP6-Feature-Vector (RFC 5779 §4.1).
pub const PMIP6_SUPPORTED: u64 = 0x0000_0100_0000_0000;
/// IP4_HOA_SUPPORTED.
pub const IP4_HOA_SUPPORTED: u64 = 0x0000_0200_0000_0000;
/// IP4_HOA_ONLY_SUPPORTED (RFC 6572 §4.1).
pub const IP4_HOA_ONLY_SUPPORTED: u64 = 0x0001_0000_0000_0000;

/// What an accept says; what it does not mention is `None` or empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// Who the node is in updates: Mobile-Node-Identifier (§4.2), or else User-Name.
    pub node: Option<String>,
    /// Service-Selection (§4.3).
    pub service: Option<String>,
    /// The families it is authorized for, by MIP6-Feature-Vector: IPv4, IPv6.
    pub families: Option<(bool, bool)>,
    /// Where its addresses come from: Framed-Pool, or else Framed-IPv6-Pool.
    pub pool: Option<String>,
    /// PMIP6-Home-IPv4-HoA (§4.12), or else Framed-IP-Address.
    pub ipv4: Option<Ipv4Addr>,
    /// PMIP6-Home-HN-Prefix (§4.8), or else Framed-IPv6-Prefix; all are /64s.
    pub prefixes: Vec<Ipv6Addr>,
    /// The networks behind it: Delegated-IPv6-Prefix and Framed-Route, with their lengths.
    pub delegated: Vec<(IpAddr, u8)>,
    /// PMIP6-Home-LMA-IPv6-Address (§4.4).
    pub lma_ipv6: Option<Ipv6Addr>,
    /// PMIP6-Home-LMA-IPv4-Address (§4.6).
    pub lma_ipv4: Option<Ipv4Addr>,
    /// PMIP6-Home-Interface-ID (§4.10).
    pub interface_id: Option<u64>,
    /// PMIP6-Home-DHCP4-Server-Address (§4.14).
    pub dhcpv4_server: Option<Ipv4Addr>,
    /// PMIP6-Home-DHCP6-Server-Address (§4.16).
    pub dhcpv6_server: Option<Ipv6Addr>,
    /// PMIP6-Home-IPv4-Gateway (§4.18).
    pub gateway: Option<Ipv4Addr>,
    /// Session-Timeout, in seconds.
    pub session_timeout: Option<u32>,
    /// Acct-Interim-Interval, in seconds.
    pub interim_interval: Option<u32>,
    /// Class, each as it came.
    pub class: Vec<Box<[u8]>>,
    /// Chargeable-User-Identity.
    pub chargeable_user: Option<Box<[u8]>>,
    /// Attributes that were left out.
    pub ignored: u32,
}

/// An accept that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAuthorized {
    /// An attribute has a length that it cannot have (RFC 2865 §5).
    #[error("attribute {} has an invalid length", .0.0)]
    InvalidLength(AttributeType),
    /// IPv4 alone and IPv4 too cannot both be (RFC 6572 §4.1).
    #[error("the flags of MIP6-Feature-Vector contradict each other")]
    Contradiction,
    /// There are flags, and Proxy Mobile IPv6 is not among them.
    #[error("MIP6-Feature-Vector has no PMIP6_SUPPORTED")]
    NoProxyMobileIpv6,
}

impl Profile {
    /// Reads an Access-Accept.
    pub fn read(accept: &PacketRef<'_>) -> Result<Self, NotAuthorized> {
        let mut attributes = accept.attributes();
        if let Some(invalid) = attributes.find(|a| !lengths::is_valid(a.kind, a.value.len())) {
            return Err(NotAuthorized::InvalidLength(invalid.kind));
        }
        let mut reader = Reader { accept, ignored: 0 };
        let families = reader.families()?;
        let mut first = |kinds: &[AttributeType]| kinds.iter().find_map(|kind| reader.text(*kind));
        let node = first(&[AttributeType::MOBILE_NODE_IDENTIFIER, AttributeType::USER_NAME]);
        let service = first(&[AttributeType::SERVICE_SELECTION]);
        let pool = first(&[AttributeType::FRAMED_POOL, AttributeType::FRAMED_IPV6_POOL]);
        let ipv4 = reader
            .either(AttributeType::PMIP6_HOME_IPV4_HOA, AttributeType::PMIP6_VISITED_IPV4_HOA, home)
            .or_else(|| reader.one(AttributeType::FRAMED_IP_ADDRESS, ipv4))
            .filter(|address| is_certain(*address));
        let mut profile = Self { node, service, families, pool, ipv4, ..Self::default() };
        profile.prefixes = reader.prefixes();
        profile.delegated = reader.delegated();
        profile.lma_ipv6 = reader.either(
            AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS,
            AttributeType::PMIP6_VISITED_LMA_IPV6_ADDRESS,
            ipv6,
        );
        profile.lma_ipv4 = reader.either(
            AttributeType::PMIP6_HOME_LMA_IPV4_ADDRESS,
            AttributeType::PMIP6_VISITED_LMA_IPV4_ADDRESS,
            ipv4_unicast,
        );
        profile.interface_id = reader.either(
            AttributeType::PMIP6_HOME_INTERFACE_ID,
            AttributeType::PMIP6_VISITED_INTERFACE_ID,
            octets_of_64_bits,
        );
        profile.dhcpv4_server = reader.either(
            AttributeType::PMIP6_HOME_DHCP4_SERVER_ADDRESS,
            AttributeType::PMIP6_VISITED_DHCP4_SERVER_ADDRESS,
            ipv4_unicast,
        );
        profile.dhcpv6_server = reader.either(
            AttributeType::PMIP6_HOME_DHCP6_SERVER_ADDRESS,
            AttributeType::PMIP6_VISITED_DHCP6_SERVER_ADDRESS,
            ipv6,
        );
        profile.gateway = reader.either(
            AttributeType::PMIP6_HOME_IPV4_GATEWAY,
            AttributeType::PMIP6_VISITED_IPV4_GATEWAY,
            ipv4_unicast,
        );
        profile.session_timeout = reader.one(AttributeType::SESSION_TIMEOUT, |a| a.integer());
        profile.interim_interval =
            reader.one(AttributeType::ACCT_INTERIM_INTERVAL, |a| a.integer());
        profile.class = accept.all(AttributeType::CLASS).map(|a| a.value.into()).collect();
        profile.chargeable_user =
            reader.one(AttributeType::CHARGEABLE_USER_IDENTITY, |a| Some(a.value.into()));
        profile.ignored = reader.ignored;
        Ok(profile)
    }
}

struct Reader<'p> {
    accept: &'p PacketRef<'p>,
    ignored: u32,
}

impl<'p> Reader<'p> {
    /// The one attribute of a kind, if `read` can.
    fn one<T>(
        &mut self,
        kind: AttributeType,
        read: impl Fn(&Attribute<'p>) -> Option<T>,
    ) -> Option<T> {
        let mut all = self.accept.all(kind);
        let first = all.next()?;
        let value = read(&first);
        self.ignored += u32::from(value.is_none());
        self.ignored += all.map(|_| 1).sum::<u32>();
        value
    }

    /// What the home network says, or else the visited one.
    fn either<T>(
        &mut self,
        home: AttributeType,
        visited: AttributeType,
        read: impl Fn(&Attribute<'p>) -> Option<T>,
    ) -> Option<T> {
        let home = self.one(home, &read);
        home.or_else(|| self.one(visited, &read))
    }

    /// A text that says something and holds nothing that a terminal or a name could not.
    fn text(&mut self, kind: AttributeType) -> Option<String> {
        self.one(kind, |a| {
            let text = a.text()?;
            (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
        })
    }

    fn families(&mut self) -> Result<Option<(bool, bool)>, NotAuthorized> {
        let Some(flags) = self.one(AttributeType::MIP6_FEATURE_VECTOR, octets_of_64_bits) else {
            return Ok(None);
        };
        let has = |flag: u64| flags & flag != 0;
        match (has(PMIP6_SUPPORTED), has(IP4_HOA_SUPPORTED), has(IP4_HOA_ONLY_SUPPORTED)) {
            (_, true, true) | (false, _, true) => Err(NotAuthorized::Contradiction),
            (false, _, false) => Err(NotAuthorized::NoProxyMobileIpv6),
            (true, false, true) => Ok(Some((true, false))),
            (true, ipv4, false) => Ok(Some((ipv4, true))),
        }
    }

    /// Home network prefixes: §4.8's, and without any RFC 3162's.
    fn prefixes(&mut self) -> Vec<Ipv6Addr> {
        let kinds = [
            AttributeType::PMIP6_HOME_HN_PREFIX,
            AttributeType::PMIP6_VISITED_HN_PREFIX,
            AttributeType::FRAMED_IPV6_PREFIX,
        ];
        let kind = kinds.into_iter().find(|kind| self.accept.get(*kind).is_some());
        let mut prefixes = Vec::new();
        for attribute in kind.into_iter().flat_map(|kind| self.accept.all(kind)) {
            match read_prefix(attribute.value) {
                // "::" leaves the choice to the anchor.
                Some((prefix, _)) if prefix.is_unspecified() => {}
                Some((prefix, 64)) if is_global(prefix) && !prefixes.contains(&prefix) => {
                    prefixes.push(prefix);
                }
                _ => self.ignored += 1,
            }
        }
        prefixes
    }

    fn delegated(&mut self) -> Vec<(IpAddr, u8)> {
        let mut delegated = Vec::new();
        for attribute in self.accept.attributes() {
            let prefix = match attribute.kind {
                AttributeType::DELEGATED_IPV6_PREFIX => read_prefix(attribute.value)
                    .filter(|(prefix, len)| is_global(*prefix) && *len > 0)
                    .map(|(prefix, len)| (IpAddr::V6(prefix), len)),
                AttributeType::FRAMED_ROUTE => attribute.text().and_then(route),
                _ => continue,
            };
            match prefix {
                Some(prefix) if !delegated.contains(&prefix) => delegated.push(prefix),
                _ => self.ignored += 1,
            }
        }
        delegated
    }
}

fn ipv4(attribute: &Attribute<'_>) -> Option<Ipv4Addr> {
    Some(<[u8; 4]>::try_from(attribute.value).ok()?.into())
}

fn ipv4_unicast(attribute: &Attribute<'_>) -> Option<Ipv4Addr> {
    ipv4(attribute).filter(|address| is_certain(*address) && !address.is_multicast())
}

fn ipv6(attribute: &Attribute<'_>) -> Option<Ipv6Addr> {
    let address = Ipv6Addr::from(<[u8; 16]>::try_from(attribute.value).ok()?);
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}

fn octets_of_64_bits(attribute: &Attribute<'_>) -> Option<u64> {
    Some(u64::from_be_bytes(attribute.value.try_into().ok()?))
}

/// §4.12: ten reserved bits, six of a length, the address. The length is that of the anchor's
/// subnet and its own business.
fn home(attribute: &Attribute<'_>) -> Option<Ipv4Addr> {
    let (&[_, len], octets) = attribute.value.split_first_chunk()?;
    let address = Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?);
    (len & 0x3f <= 32).then_some(address)
}

/// RFC 2865 §5.8: 255.255.255.255 and 255.255.255.254 leave the choice to others, as 0.0.0.0 does
/// in RFC 6572.
fn is_certain(address: Ipv4Addr) -> bool {
    !address.is_unspecified() && address.to_bits() < u32::MAX - 1
}

fn is_global(prefix: Ipv6Addr) -> bool {
    !prefix.is_unspecified() && !prefix.is_multicast() && !prefix.is_unicast_link_local()
}

/// RFC 2865 §5.22: a prefix, with what is behind it of no concern here. Without a length, the
/// prefix is that of the address's class, which nobody has used for decades.
fn route(text: &str) -> Option<(IpAddr, u8)> {
    let (address, len) = text.split_ascii_whitespace().next()?.split_once('/')?;
    let (address, len): (Ipv4Addr, u8) = (address.parse().ok()?, len.parse().ok()?);
    let mask = u32::MAX.checked_shl(32_u32.checked_sub(len.into())?).unwrap_or(0);
    let unicast = !address.is_unspecified() && !address.is_multicast();
    (len > 0 && unicast && address.to_bits() & !mask == 0).then_some((address.into(), len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Code, Packet, prefix};

    fn accept(attributes: &[(AttributeType, &[u8])]) -> Packet {
        let mut packet = Packet::new(Code::ACCESS_ACCEPT, 0);
        for (kind, value) in attributes {
            packet.push(*kind, value).unwrap();
        }
        packet
    }

    fn read(attributes: &[(AttributeType, &[u8])]) -> Result<Profile, NotAuthorized> {
        Profile::read(&PacketRef::decode(accept(attributes).bytes()).unwrap())
    }

    #[test]
    fn each_attribute_of_rfc_6572_has_its_place() {
        let hnp = prefix("2001:db8:1:2::".parse().unwrap(), 64);
        let delegated = prefix("2001:db8:9::".parse().unwrap(), 48);
        let lma: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let features = (PMIP6_SUPPORTED | IP4_HOA_SUPPORTED).to_be_bytes();
        let profile = read(&[
            (AttributeType::USER_NAME, b"imsi@access"),
            (AttributeType::MOBILE_NODE_IDENTIFIER, b"mn1@example.com"),
            (AttributeType::SERVICE_SELECTION, b"internet"),
            (AttributeType::MIP6_FEATURE_VECTOR, &features),
            (AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS, &lma.octets()),
            (AttributeType::PMIP6_HOME_LMA_IPV4_ADDRESS, &[192, 0, 2, 1]),
            (AttributeType::PMIP6_HOME_HN_PREFIX, &hnp),
            (AttributeType::PMIP6_HOME_INTERFACE_ID, &[0, 0, 0, 0, 0, 0, 0, 9]),
            (AttributeType::PMIP6_HOME_IPV4_HOA, &[0, 24, 10, 0, 0, 9]),
            (AttributeType::PMIP6_VISITED_DHCP4_SERVER_ADDRESS, &[192, 0, 2, 3]),
            (AttributeType::PMIP6_HOME_DHCP6_SERVER_ADDRESS, &lma.octets()),
            (AttributeType::PMIP6_HOME_IPV4_GATEWAY, &[10, 0, 0, 1]),
            (AttributeType::FRAMED_POOL, b"gold"),
            (AttributeType::DELEGATED_IPV6_PREFIX, &delegated),
            (AttributeType::FRAMED_ROUTE, b"172.16.9.0/24 0.0.0.0 1"),
            (AttributeType::SESSION_TIMEOUT, &[0, 0, 1, 0]),
            (AttributeType::CLASS, b"a"),
            (AttributeType::CLASS, b"b"),
            (AttributeType::CHARGEABLE_USER_IDENTITY, b"whom"),
        ]);
        let expected = Profile {
            node: Some("mn1@example.com".to_owned()),
            service: Some("internet".to_owned()),
            families: Some((true, true)),
            pool: Some("gold".to_owned()),
            ipv4: Some([10, 0, 0, 9].into()),
            prefixes: vec!["2001:db8:1:2::".parse().unwrap()],
            delegated: vec![
                ("2001:db8:9::".parse().unwrap(), 48),
                ("172.16.9.0".parse().unwrap(), 24),
            ],
            lma_ipv6: Some(lma),
            lma_ipv4: Some([192, 0, 2, 1].into()),
            interface_id: Some(9),
            dhcpv4_server: Some([192, 0, 2, 3].into()),
            dhcpv6_server: Some(lma),
            gateway: Some([10, 0, 0, 1].into()),
            session_timeout: Some(256),
            interim_interval: None,
            class: vec![Box::from(&b"a"[..]), Box::from(&b"b"[..])],
            chargeable_user: Some(Box::from(&b"whom"[..])),
            ignored: 0,
        };
        assert_eq!(profile, Ok(expected));
    }

    #[test]
    fn what_is_not_of_its_form_is_left_out_and_counted() {
        let outside = [0, 32, 0x20, 1, 0x0d, 0xb8, 0xff];
        let long = prefix("2001:db8::".parse().unwrap(), 65);
        let profile = read(&[
            (AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS, &[0; 16]),
            (AttributeType::PMIP6_HOME_HN_PREFIX, &outside),
            (AttributeType::PMIP6_HOME_HN_PREFIX, &long),
            (AttributeType::FRAMED_POOL, b"a\x07b"),
            (AttributeType::USER_NAME, &[0xff]),
            (AttributeType::FRAMED_ROUTE, b"172.16.9.1/24"),
            (AttributeType::FRAMED_ROUTE, b"172.16.9.0/33"),
            (AttributeType::DELEGATED_IPV6_PREFIX, &[0, 129]),
        ]);
        assert_eq!(profile, Ok(Profile { ignored: 8, ..Profile::default() }));
        let twice: (AttributeType, &[u8]) = (AttributeType::SESSION_TIMEOUT, &[0, 0, 0, 9]);
        let second: (AttributeType, &[u8]) = (AttributeType::SESSION_TIMEOUT, &[0, 0, 0, 8]);
        let profile = read(&[twice, second]).unwrap();
        assert_eq!((profile.session_timeout, profile.ignored), (Some(9), 1));
    }

    /// RFC 2865 §5.
    #[test]
    fn an_accept_with_an_attribute_of_a_length_that_it_cannot_have_is_a_refusal() {
        for (kind, right) in [
            (AttributeType::SESSION_TIMEOUT, 4),
            (AttributeType::FRAMED_IP_ADDRESS, 4),
            (AttributeType::PMIP6_HOME_IPV4_HOA, 6),
            (AttributeType::MIP6_FEATURE_VECTOR, 8),
            (AttributeType::PMIP6_HOME_LMA_IPV6_ADDRESS, 16),
        ] {
            let refused = Err(NotAuthorized::InvalidLength(kind));
            for wrong in [0, right - 1, right + 1] {
                assert_eq!(
                    read(&[(AttributeType::CLASS, b"a"), (kind, &[1; 20][..wrong])]),
                    refused
                );
            }
            assert_ne!(read(&[(kind, &[1; 20][..right])]), refused);
        }
        let refused = |kind| Err(NotAuthorized::InvalidLength(kind));
        for (kind, octets) in [
            (AttributeType::PMIP6_HOME_HN_PREFIX, &[0; 19][..]),
            (AttributeType::DELEGATED_IPV6_PREFIX, &[0]),
            (AttributeType::FRAMED_POOL, &[]),
        ] {
            assert_eq!(read(&[(kind, octets)]), refused(kind));
        }
        assert!(read(&[(AttributeType(250), b"")]).is_ok(), "one that nothing is read from");
    }

    #[test]
    fn what_leaves_the_choice_to_us_says_nothing() {
        for address in [[0; 4], [255, 255, 255, 255], [255, 255, 255, 254]] {
            let profile = read(&[(AttributeType::FRAMED_IP_ADDRESS, &address)]);
            assert_eq!(profile, Ok(Profile::default()));
        }
        let any = prefix(Ipv6Addr::UNSPECIFIED, 128);
        assert_eq!(read(&[(AttributeType::PMIP6_HOME_HN_PREFIX, &any)]), Ok(Profile::default()));
    }

    #[test]
    fn features_say_the_families_or_refuse() {
        let families = |flags: u64| {
            let vector = flags.to_be_bytes();
            read(&[(AttributeType::MIP6_FEATURE_VECTOR, &vector)]).map(|profile| profile.families)
        };
        let only = IP4_HOA_ONLY_SUPPORTED;
        assert_eq!(families(PMIP6_SUPPORTED), Ok(Some((false, true))));
        assert_eq!(families(PMIP6_SUPPORTED | only), Ok(Some((true, false))));
        assert_eq!(families(PMIP6_SUPPORTED | IP4_HOA_SUPPORTED), Ok(Some((true, true))));
        assert_eq!(families(1), Err(NotAuthorized::NoProxyMobileIpv6));
        assert_eq!(families(only), Err(NotAuthorized::Contradiction));
        let both = PMIP6_SUPPORTED | IP4_HOA_SUPPORTED | only;
        assert_eq!(families(both), Err(NotAuthorized::Contradiction));
    }

    proptest! {
        #[test]
        fn any_attributes_are_read(
            attributes in prop::collection::vec(
                (any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..40)
        ) {
            let mut packet = Packet::new(Code::ACCESS_ACCEPT, 0);
            for (kind, value) in &attributes {
                let _ = packet.push(AttributeType(*kind), value);
            }
            if let Ok(profile) = Profile::read(&PacketRef::decode(packet.bytes()).unwrap()) {
                prop_assert!(profile.ignored as usize <= attributes.len());
            }
        }
    }
}
