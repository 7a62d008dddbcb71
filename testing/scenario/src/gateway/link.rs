//! What nodes send, and what they are sent, on the access links.

use std::net::Ipv6Addr;

use kedge_access_wire::icmpv6::{self, Message, NdOption, RouterSolicitation};
use kedge_access_wire::{Content, Frame, multicast_mac};
use kedge_mag::InterfaceId;

use super::given;
use crate::fields::Fields;
use crate::script::Words;

/// All routers on the link (RFC 4291 §2.7.1).
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The frame of `alice solicits routers on access2`.
pub fn frame(node: &str, words: &mut Words<'_>) -> Result<(InterfaceId, Vec<u8>), String> {
    let source_mac = given::mac(node)?;
    let mut frame = Vec::new();
    if words.take("solicits routers") {
        let route = icmpv6::Route {
            source_mac,
            destination_mac: multicast_mac(ALL_ROUTERS),
            source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, source_mac.0[5].into()),
            destination: ALL_ROUTERS,
        };
        let message = Message::RouterSolicitation(RouterSolicitation::default());
        icmpv6::encode_frame(&route, &message, &mut frame);
    } else if words.take("sends octets") {
        frame.extend(crate::fields::octets(words.next("octets")?)?);
    } else {
        return Err(format!("a node does not “{}”", words.rest()));
    }
    let interface = if words.take("on") { words.next("an access interface")? } else { "access1" };
    Ok((given::interface(interface)?, frame))
}

/// `gateway advertises 2001:db8:100::/64 to alice lifetime 600`: a router advertisement to this
/// node alone, with this prefix, was among the frames that were sent.
pub fn check_advertised(
    frames: &[(InterfaceId, Vec<u8>)],
    words: &mut Words<'_>,
) -> Result<(), String> {
    let prefix = words.next("a prefix")?;
    if !words.take("to") {
        return Err("to whom?".to_owned());
    }
    let to = given::mac(words.next("a node")?)?;
    let mut all = Vec::new();
    for (interface, octets) in frames {
        let frame =
            Frame::decode(octets).map_err(|error| format!("sent what is wrong: {error}"))?;
        let Content::Neighbor { message: Message::RouterAdvertisement(ra), .. } = frame.content
        else {
            continue;
        };
        for option in &ra.options {
            let NdOption::PrefixInformation(information) = option else { continue };
            let mut fields = Fields::default();
            fields.push("on", format_args!("access{}", interface.0));
            fields.push("router-lifetime", ra.router_lifetime);
            fields.push("valid", information.valid_lifetime);
            fields.push("preferred", information.preferred_lifetime);
            let is_it =
                information.prefix.to_string() == prefix && frame.ethernet.destination == to;
            if is_it && fields.check(&mut words.clone()).is_ok() {
                words.rest();
                return Ok(());
            }
            all.push(format!("{} to {}: {fields}", information.prefix, frame.ethernet.destination));
        }
    }
    Err(format!("it advertised: {}", all.join("; ")))
}
