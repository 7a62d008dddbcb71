//! What a server wants changed (RFC 5176): which session, and what of it.
//!
//! A request names a session by any of several attributes, and what it names must all be true of
//! it (§3). What cannot be understood or done is refused whole: a change that is carried out in
//! part is worse than none (§2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{AttributeType, Code, PacketRef, read_prefix};

/// Why a change is refused: the values of Error-Cause (§3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorCause(pub u32);

impl ErrorCause {
    /// Unsupported Attribute
    pub const UNSUPPORTED_ATTRIBUTE: Self = Self(401);
    /// Missing Attribute
    pub const MISSING_ATTRIBUTE: Self = Self(402);
    /// NAS Identification Mismatch
    pub const NAS_IDENTIFICATION_MISMATCH: Self = Self(403);
    /// Unsupported Service
    pub const UNSUPPORTED_SERVICE: Self = Self(405);
    /// Invalid Attribute Value
    pub const INVALID_ATTRIBUTE_VALUE: Self = Self(407);
    /// Administratively Prohibited
    pub const ADMINISTRATIVELY_PROHIBITED: Self = Self(501);
    /// Session Context Not Found
    pub const SESSION_CONTEXT_NOT_FOUND: Self = Self(503);
    /// Multiple Session Selection Unsupported
    pub const MULTIPLE_SESSION_SELECTION_UNSUPPORTED: Self = Self(508);
}

/// Which sessions a request is about: those of which all of this is true.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// Tunnel-Private-Group-ID, the customer; other attributes say which of its sessions.
    pub customer: Option<String>,
    /// User-Name.
    pub user: Option<String>,
    /// Acct-Session-Id.
    pub session: Option<String>,
    /// Calling-Station-Id.
    pub station: Option<String>,
    /// Framed-IP-Address.
    pub ipv4: Option<Ipv4Addr>,
    /// Framed-IPv6-Prefix.
    pub prefix: Option<(Ipv6Addr, u8)>,
    /// Chargeable-User-Identity.
    pub chargeable_user: Option<Box<[u8]>>,
}

/// A Disconnect-Request or CoA-Request that can be carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Whose sessions.
    pub subject: Subject,
    /// Whether they are to end.
    pub disconnect: bool,
    /// How long they last from here on, in seconds.
    pub session_timeout: Option<u32>,
    /// What their accounting carries from here on; empty is as before.
    pub class: Vec<Box<[u8]>>,
}

/// Who we are towards servers, to tell requests that were meant for another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Nas {
    /// NAS-Identifier.
    pub identifier: String,
    /// NAS-IP-Address and NAS-IPv6-Address; none accepts any.
    pub addresses: Vec<IpAddr>,
}

impl Wanted {
    /// Reads a request.
    pub fn read(request: &PacketRef<'_>, nas: &Nas) -> Result<Self, ErrorCause> {
        let disconnect = request.code() == Code::DISCONNECT_REQUEST;
        let mut wanted =
            Self { subject: Subject::default(), disconnect, session_timeout: None, class: vec![] };
        let subject = &mut wanted.subject;
        for attribute in request.attributes() {
            let text = || attribute.text().ok_or(ErrorCause::INVALID_ATTRIBUTE_VALUE);
            match attribute.kind {
                AttributeType::USER_NAME => once(&mut subject.user, text()?.to_owned())?,
                AttributeType::TUNNEL_PRIVATE_GROUP_ID => {
                    let name = std::str::from_utf8(untagged(attribute.value));
                    let name = name.map_err(|_| ErrorCause::INVALID_ATTRIBUTE_VALUE)?;
                    once(&mut subject.customer, name.to_owned())?;
                }
                AttributeType::ACCT_SESSION_ID => once(&mut subject.session, text()?.to_owned())?,
                AttributeType::CALLING_STATION_ID => {
                    once(&mut subject.station, text()?.to_owned())?;
                }
                AttributeType::FRAMED_IP_ADDRESS => match attribute.address() {
                    Some(IpAddr::V4(address)) => once(&mut subject.ipv4, address)?,
                    _ => return Err(ErrorCause::INVALID_ATTRIBUTE_VALUE),
                },
                AttributeType::FRAMED_IPV6_PREFIX => {
                    let prefix = read_prefix(attribute.value);
                    let prefix = prefix.ok_or(ErrorCause::INVALID_ATTRIBUTE_VALUE)?;
                    once(&mut subject.prefix, prefix)?;
                }
                AttributeType::CHARGEABLE_USER_IDENTITY => {
                    once(&mut subject.chargeable_user, attribute.value.into())?;
                }
                AttributeType::NAS_IP_ADDRESS | AttributeType::NAS_IPV6_ADDRESS => {
                    let address = attribute.address().ok_or(ErrorCause::INVALID_ATTRIBUTE_VALUE)?;
                    if !nas.addresses.is_empty() && !nas.addresses.contains(&address) {
                        return Err(ErrorCause::NAS_IDENTIFICATION_MISMATCH);
                    }
                }
                AttributeType::NAS_IDENTIFIER => {
                    if attribute.value != nas.identifier.as_bytes() {
                        return Err(ErrorCause::NAS_IDENTIFICATION_MISMATCH);
                    }
                }
                AttributeType::SESSION_TIMEOUT if !disconnect => {
                    let seconds = attribute.integer().ok_or(ErrorCause::INVALID_ATTRIBUTE_VALUE)?;
                    once(&mut wanted.session_timeout, seconds)?;
                }
                AttributeType::CLASS if !disconnect => wanted.class.push(attribute.value.into()),
                // Of no use to us, and allowed (§3.6): Note 4 has a Class come back in accounting.
                AttributeType::CLASS
                | AttributeType::REPLY_MESSAGE
                | AttributeType::PROXY_STATE
                | AttributeType::EVENT_TIMESTAMP
                | AttributeType::MESSAGE_AUTHENTICATOR
                | AttributeType::ACCT_TERMINATE_CAUSE => {}
                // §3.2: "Authorize Only" would have us ask the server; no other value is allowed.
                AttributeType::SERVICE_TYPE => return Err(ErrorCause::UNSUPPORTED_SERVICE),
                _ => return Err(ErrorCause::UNSUPPORTED_ATTRIBUTE),
            }
        }
        let customer = wanted.subject.customer.clone();
        if wanted.subject == (Subject { customer, ..Subject::default() }) {
            return Err(ErrorCause::MISSING_ATTRIBUTE);
        }
        if !disconnect && wanted.session_timeout.is_none() && wanted.class.is_empty() {
            return Err(ErrorCause::MISSING_ATTRIBUTE);
        }
        Ok(wanted)
    }
}

/// The string of a tunnel attribute, without the tag that may stand before it (RFC 2868 §3.6).
fn untagged(value: &[u8]) -> &[u8] {
    match value {
        [0..=0x1f, string @ ..] => string,
        string => string,
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ErrorCause> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ErrorCause::INVALID_ATTRIBUTE_VALUE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Packet, prefix};

    fn read(code: Code, attributes: &[(AttributeType, &[u8])]) -> Result<Wanted, ErrorCause> {
        let mut packet = Packet::new(code, 0);
        for (kind, value) in attributes {
            packet.push(*kind, value).unwrap();
        }
        let nas =
            Nas { identifier: "lma1".to_owned(), addresses: vec!["192.0.2.1".parse().unwrap()] };
        Wanted::read(&PacketRef::decode(packet.bytes()).unwrap(), &nas)
    }

    const USER: (AttributeType, &[u8]) = (AttributeType::USER_NAME, b"mn1@example.com");

    #[test]
    fn a_disconnect_names_its_sessions() {
        let home = prefix("2001:db8:1::".parse().unwrap(), 64);
        let wanted = read(
            Code::DISCONNECT_REQUEST,
            &[
                USER,
                (AttributeType::TUNNEL_PRIVATE_GROUP_ID, b"\x01CUST1"),
                (AttributeType::ACCT_SESSION_ID, b"00000007"),
                (AttributeType::FRAMED_IP_ADDRESS, &[10, 0, 0, 9]),
                (AttributeType::FRAMED_IPV6_PREFIX, &home),
                (AttributeType::NAS_IP_ADDRESS, &[192, 0, 2, 1]),
                (AttributeType::NAS_IDENTIFIER, b"lma1"),
                (AttributeType::CLASS, b"x"),
            ],
        )
        .unwrap();
        let subject = Subject {
            customer: Some("CUST1".to_owned()),
            user: Some("mn1@example.com".to_owned()),
            session: Some("00000007".to_owned()),
            ipv4: Some([10, 0, 0, 9].into()),
            prefix: Some(("2001:db8:1::".parse().unwrap(), 64)),
            ..Subject::default()
        };
        let disconnect =
            Wanted { subject, disconnect: true, session_timeout: None, class: Vec::new() };
        assert_eq!(wanted, disconnect);
    }

    #[test]
    fn a_change_says_what_it_changes() {
        let timeout = (AttributeType::SESSION_TIMEOUT, &[0, 0, 0, 30][..]);
        let wanted = read(Code::COA_REQUEST, &[USER, timeout, (AttributeType::CLASS, b"c")]);
        let wanted = wanted.unwrap();
        assert_eq!((wanted.session_timeout, wanted.disconnect), (Some(30), false));
        assert_eq!(wanted.class, [Box::from(&b"c"[..])]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_cause() {
        let refused = |code, attributes: &[(AttributeType, &[u8])]| {
            read(code, attributes).expect_err("it is refused").0
        };
        let disconnect =
            |attributes: &[(AttributeType, &[u8])]| refused(Code::DISCONNECT_REQUEST, attributes);
        let change = |attributes: &[(AttributeType, &[u8])]| refused(Code::COA_REQUEST, attributes);
        let timeout = (AttributeType::SESSION_TIMEOUT, &[0, 0, 0, 30][..]);
        assert_eq!(disconnect(&[]), 402);
        assert_eq!(disconnect(&[(AttributeType::TUNNEL_PRIVATE_GROUP_ID, b"CUST1")]), 402);
        assert_eq!(disconnect(&[USER, timeout]), 401);
        assert_eq!(disconnect(&[USER, USER]), 407);
        assert_eq!(disconnect(&[(AttributeType::USER_NAME, &[0xff])]), 407);
        assert_eq!(disconnect(&[USER, (AttributeType::FRAMED_IP_ADDRESS, &[1])]), 407);
        assert_eq!(disconnect(&[USER, (AttributeType::NAS_IDENTIFIER, b"lma2")]), 403);
        assert_eq!(disconnect(&[USER, (AttributeType::NAS_IP_ADDRESS, &[192, 0, 2, 2])]), 403);
        assert_eq!(change(&[USER]), 402);
        assert_eq!(change(&[timeout]), 402);
        assert_eq!(change(&[USER, timeout, (AttributeType(11), b"filter")]), 401);
        assert_eq!(change(&[USER, (AttributeType::SERVICE_TYPE, &[0, 0, 0, 17])]), 405);
        assert_eq!(change(&[USER, (AttributeType::SESSION_TIMEOUT, &[1])]), 407);
    }
}
