//! A signalling message in one line, for `debug` and for the comments of a capture.
//!
//! What identifies and what was agreed to is said; authenticators, GRE keys and what the vendors
//! put in is only named.

use std::fmt::{self, Display, Write};
use std::time::UNIX_EPOCH;

use kedge_model::Timestamp;
use kedge_wire::message::Message;
use kedge_wire::{MobilityOption, PacketRef};

/// The message, or why it is none.
pub fn decode(bytes: &[u8]) -> String {
    let packet = match PacketRef::decode(bytes) {
        Ok(packet) => packet,
        Err(error) => return format!("{} octets, malformed: {error}", bytes.len()),
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = message(&packet.message, &mut out);
    for option in packet.options.iter() {
        let _ = write_option(&option, &mut out);
    }
    out
}

fn message(message: &Message<'_>, out: &mut String) -> fmt::Result {
    match message {
        Message::BindingUpdate(m) => {
            let what = if m.lifetime.secs() == 0 { ", de-registration" } else { "" };
            let lifetime = m.lifetime.secs();
            write!(out, "Binding Update{what}, sequence {}, flags {}", m.sequence.0, m.flags)?;
            write!(out, ", lifetime {lifetime} s")
        }
        Message::BindingAcknowledgement(m) => {
            let (status, lifetime) = (m.status, m.lifetime.secs());
            write!(out, "Binding Acknowledgement, status {} ({status})", status.0)?;
            write!(out, ", sequence {}, flags {}", m.sequence.0, m.flags)?;
            write!(out, ", lifetime {lifetime} s")
        }
        Message::BindingError(m) => write!(out, "Binding Error, {}", m.status),
        Message::BindingRefreshRequest(_) => out.write_str("Binding Refresh Request"),
        Message::Heartbeat(m) => {
            write!(out, "Heartbeat, sequence {}, flags {}", m.sequence, m.flags)
        }
        Message::BindingRevocationIndication(m) => {
            write!(out, "Binding Revocation Indication, {}", m.trigger)?;
            write!(out, ", sequence {}, flags {}", m.sequence.0, m.flags)
        }
        Message::BindingRevocationAcknowledgement(m) => {
            let status = m.status;
            write!(out, "Binding Revocation Acknowledgement, status {} ({status})", status.0)?;
            write!(out, ", sequence {}, flags {}", m.sequence.0, m.flags)
        }
        Message::Unknown(m) => write!(out, "{}", m.mh_type()),
    }
}

fn write_option(option: &MobilityOption<'_>, out: &mut String) -> fmt::Result {
    use MobilityOption as O;
    match option {
        O::MnId(id) => write!(out, ", {}", id.to_mn_id()),
        O::HomeNetworkPrefix(o) if o.is_request() => out.write_str(", any prefix"),
        O::HomeNetworkPrefix(o) => write!(out, ", prefix {}", o.prefix),
        O::DelegatedMobileNetworkPrefix(o) if o.is_request() => {
            out.write_str(", any mobile network prefix")
        }
        O::DelegatedMobileNetworkPrefix(o) => write!(out, ", mobile network prefix {}", o.prefix),
        O::Ipv4HomeAddressRequest(o) if o.address.addr().is_unspecified() => {
            out.write_str(", any IPv4 address")
        }
        O::Ipv4HomeAddressRequest(o) => write!(out, ", IPv4 address {}", o.address),
        O::Ipv4HomeAddressReply(o) => write!(out, ", IPv4 address {} ({})", o.address, o.status),
        O::HandoffIndicator(o) => write!(out, ", handoff: {}", o.0),
        O::AccessTechnology(o) => write!(out, ", access: {}", o.0),
        O::Timestamp(o) => write!(out, ", timestamp {}", time(o.0)),
        O::Authentication(o) => write!(out, ", authenticated with spi {:x}", o.spi()),
        O::Unknown(o) => write!(out, ", option {}", o.kind().0),
        other => write!(out, ", {}", Short(&other.kind())),
    }
}

/// The time of day in UTC; what no calendar has, as the number it is.
fn time(timestamp: Timestamp) -> String {
    let at = UNIX_EPOCH.checked_add(timestamp.abs_diff(Timestamp(0)));
    let at = at.and_then(|at| jiff::Timestamp::try_from(at).ok());
    at.map_or_else(|| format!("{:#x}", timestamp.0), |at| format!("{at:.3}"))
}

/// A registered name without the word that stands behind all of them.
struct Short<'a, T>(&'a T);

impl<T: Display> Display for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.to_string();
        f.write_str(name.strip_suffix(" Option").unwrap_or(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedge_model::{Lifetime, MnId, Sequence};
    use kedge_wire::message::{BindingUpdate, BuFlags};
    use kedge_wire::{HomeNetworkPrefix, MnIdOption, Options, Packet};

    fn update() -> Vec<u8> {
        let mn_id = MnId::nai("mn1@example.net").expect("short");
        let mut options = Options::new();
        options.push(MnIdOption::from(&mn_id));
        options.push(HomeNetworkPrefix::new("2001:db8:1::/64".parse().expect("a prefix")));
        let message = BindingUpdate {
            sequence: Sequence(7),
            flags: BuFlags::A | BuFlags::P,
            lifetime: Lifetime::from_units(25),
        };
        let mut bytes = Vec::new();
        Packet { message: message.into(), options }.encode(&mut bytes);
        bytes
    }

    #[test]
    fn a_message_is_one_line_with_what_it_asks_for() {
        assert_eq!(
            decode(&update()),
            "Binding Update, sequence 7, flags AP, lifetime 100 s, mn1@example.net, \
             prefix 2001:db8:1::/64"
        );
    }

    #[test]
    fn a_timestamp_is_a_time_of_day_or_the_number_it_is() {
        assert_eq!(time(Timestamp((1_700_000_000 << 16) | 0x8000)), "2023-11-14T22:13:20.500Z");
        assert_eq!(time(Timestamp(u64::MAX)), "0xffffffffffffffff");
    }

    #[test]
    fn every_beginning_of_a_message_is_said_to_be_malformed_and_nothing_panics() {
        let whole = update();
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).contains("malformed"), "{length}");
        }
    }
}
