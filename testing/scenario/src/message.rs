//! Messages between their octets and the words of a scenario.
//!
//! | kind | what it is | unless said otherwise |
//! |---|---|---|
//! | `PBU` | Proxy Binding Update | `flags AP lifetime 600 nai alice hnp :: handoff 1 att 4 llid 02:00:00:00:00:01 timestamp now` |
//! | `PBA` | its acknowledgement | `status 0 flags P lifetime 600`, the number of the update |
//! | `BRI` | Binding Revocation Indication | `trigger 0 flags P nai alice` |
//! | `BRA` | its acknowledgement | `status 0`, number and flags of the indication |
//! | `heartbeat` | Heartbeat | `flags -`; with `flags R` the number of the request |
//! | `BE` | Binding Error | `status 2` |
//!
//! Sequence numbers count from 1. Beside its fields a message can be said to have `raw 16:02:00`,
//! octets behind its options, `key 256:secret`, the signature of RFC 4285, and `checksum wrong`.
//! `octets 3b:03:05` is a message of exactly these octets, but for the checksum.

use std::net::{IpAddr, Ipv6Addr};

use kedge_model::{Lifetime, Sequence, SignalPath};
use kedge_wire::auth::{self, Key};
use kedge_wire::registry::{BindingErrorStatus, RevocationStatus, RevocationTrigger, Status};
use kedge_wire::{
    BaFlags, BindingAcknowledgement, BindingError, BindingRevocationAcknowledgement,
    BindingRevocationIndication, BindingUpdate, BuFlags, Heartbeat, HeartbeatFlags, Message,
    Options, Packet, RevocationFlags, set_checksum, verify_checksum,
};

use crate::clock::Clock;
use crate::fields::{Fields, describe_option, octets, push_option};
use crate::script::value;

/// A message as words.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its kind, as above.
    pub kind: &'static str,
    /// Its fields.
    pub fields: Fields,
}

/// The fields of a complete message of this kind; those that answer another are not among them.
pub fn usual(kind: &str) -> Fields {
    let pairs: &[(&str, &str)] = match kind {
        "PBU" => &[
            ("flags", "AP"),
            ("lifetime", "600"),
            ("nai", "alice"),
            ("hnp", "::"),
            ("handoff", "1"),
            ("att", "4"),
            ("timestamp", "now"),
            ("llid", "02:00:00:00:00:01"),
        ],
        "PBA" => &[("status", "0"), ("flags", "P"), ("lifetime", "600")],
        "BRI" => &[("trigger", "0"), ("flags", "P"), ("nai", "alice")],
        "BRA" => &[("status", "0")],
        "heartbeat" => &[("flags", "-")],
        "BE" => &[("status", "2"), ("home-address", "::")],
        _ => &[],
    };
    Fields(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

/// The octets of a message, from `from` to `to`. `care_of` is the gateway's address of the two.
pub fn encode(
    kind: &str,
    mut fields: Fields,
    (from, to): (IpAddr, IpAddr),
    care_of: IpAddr,
    clock: &Clock,
) -> Result<Vec<u8>, String> {
    let raw = fields.take("raw").map(|raw| octets(&raw)).transpose()?;
    let key = fields.take("key");
    let checksum_is_wrong = fields.take("checksum").is_some();
    let mut bytes = Vec::new();
    if kind == "octets" {
        bytes = octets(&fields.take("octets").unwrap_or_default())?;
    } else {
        let message = fixed_part(kind, &mut fields)?;
        let mut options = Options::new();
        for (name, word) in &fields.0 {
            push_option(&mut options, name, word, kind == "PBA", clock)?;
        }
        Packet { message, options }.encode(&mut bytes);
    }
    if let Some(raw) = raw {
        bytes.extend(raw);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes[1] = u8::try_from(bytes.len() / 8 - 1).map_err(|_| "too long a message")?;
    }
    if let Some(key) = key {
        auth::sign(&mut bytes, 0, &self::key(&key)?, care_of, care_of);
    }
    if let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to)
        && bytes.len() >= 6
    {
        set_checksum(from, to, &mut bytes);
        bytes[4] ^= u8::from(checksum_is_wrong);
    }
    Ok(bytes)
}

/// A key as it is written: its SPI and its secret.
pub fn key(word: &str) -> Result<Key, String> {
    let (spi, secret) = word.split_once(':').ok_or("a key is spi:secret")?;
    Ok(Key::new(value(spi, "an SPI")?, secret.as_bytes()))
}

fn fixed_part(kind: &str, fields: &mut Fields) -> Result<Message<'static>, String> {
    let mut word = |name: &str| fields.take(name).ok_or_else(|| format!("{kind} has no {name}"));
    let number = |word: String| value::<u16>(&word, "a number");
    let octet = |word: String| value::<u8>(&word, "an octet");
    let seconds = |word: String| value(&word, "a number of seconds").map(Lifetime::from_secs);
    Ok(match kind {
        "PBU" => Message::from(BindingUpdate {
            sequence: Sequence(number(word("sequence")?)?),
            flags: BuFlags::from_bits(flag_bits(&word("flags")?, BU_FLAGS)?),
            lifetime: seconds(word("lifetime")?)?,
        }),
        "PBA" => Message::from(BindingAcknowledgement {
            status: Status(octet(word("status")?)?),
            sequence: Sequence(number(word("sequence")?)?),
            flags: BaFlags::from_bits(flag_bits(&word("flags")?, BA_FLAGS)? as u8),
            lifetime: seconds(word("lifetime")?)?,
        }),
        "BRI" => Message::from(BindingRevocationIndication {
            trigger: RevocationTrigger(octet(word("trigger")?)?),
            sequence: Sequence(number(word("sequence")?)?),
            flags: RevocationFlags::from_bits(flag_bits(&word("flags")?, REVOCATION_FLAGS)?),
        }),
        "BRA" => Message::from(BindingRevocationAcknowledgement {
            status: RevocationStatus(octet(word("status")?)?),
            sequence: Sequence(number(word("sequence")?)?),
            flags: RevocationFlags::from_bits(flag_bits(&word("flags")?, REVOCATION_FLAGS)?),
        }),
        "heartbeat" => Message::from(Heartbeat {
            sequence: value(&word("sequence")?, "a number")?,
            flags: HeartbeatFlags::from_bits(flag_bits(&word("flags")?, HEARTBEAT_FLAGS)?),
        }),
        "BE" => Message::from(BindingError {
            status: BindingErrorStatus(octet(word("status")?)?),
            home_address: value::<Ipv6Addr>(&word("home-address")?, "an address")?,
        }),
        _ => return Err(format!("“{kind}” is no kind of message")),
    })
}

/// What a machine sent. Its checksum has to be right.
pub fn read(path: &SignalPath, bytes: &[u8], clock: &Clock) -> Result<Said, String> {
    let wrong = match (path.local.ip(), path.peer.ip()) {
        (IpAddr::V6(local), IpAddr::V6(peer)) => !verify_checksum(local, peer, bytes),
        _ => bytes.get(4..6) != Some(&[0, 0]),
    };
    if wrong {
        return Err(format!("sent with a wrong checksum: {bytes:02x?}"));
    }
    let packet = Packet::decode(bytes).map_err(|error| format!("sent what is wrong: {error}"))?;
    let mut fields = Fields::default();
    let kind = match &packet.message {
        Message::BindingUpdate(bu) => {
            fields.push("sequence", bu.sequence.0);
            fields.push("flags", bu.flags);
            fields.push("lifetime", bu.lifetime.secs());
            "PBU"
        }
        Message::BindingAcknowledgement(ba) => {
            fields.push("status", ba.status.0);
            fields.push("sequence", ba.sequence.0);
            fields.push("flags", ba.flags);
            fields.push("lifetime", ba.lifetime.secs());
            "PBA"
        }
        Message::BindingRevocationIndication(bri) => {
            fields.push("trigger", bri.trigger.0);
            fields.push("sequence", bri.sequence.0);
            fields.push("flags", bri.flags);
            "BRI"
        }
        Message::BindingRevocationAcknowledgement(bra) => {
            fields.push("status", bra.status.0);
            fields.push("sequence", bra.sequence.0);
            fields.push("flags", bra.flags);
            "BRA"
        }
        Message::Heartbeat(heartbeat) => {
            fields.push("sequence", heartbeat.sequence);
            fields.push("flags", heartbeat.flags);
            "heartbeat"
        }
        Message::BindingError(error) => {
            fields.push("status", error.status.0);
            fields.push("home-address", error.home_address);
            "BE"
        }
        other => return Err(format!("sent what scenarios have no word for: {other:?}")),
    };
    for option in &packet.options {
        describe_option(&mut fields, &option, clock);
    }
    Ok(Said { kind, fields })
}

/// The letters of a set of flags, and their bits.
macro_rules! letters {
    ($flags:ident: $($letter:ident)+) => {
        &[$((stringify!($letter), $flags::$letter.bits() as u16)),+]
    };
}

const BU_FLAGS: Letters = letters!(BuFlags: A H L K M R P F T B S D);
const BA_FLAGS: Letters = letters!(BaFlags: K R P T B S D);
const REVOCATION_FLAGS: Letters = letters!(RevocationFlags: P V G);
const HEARTBEAT_FLAGS: Letters = letters!(HeartbeatFlags: U R);

type Letters = &'static [(&'static str, u16)];

fn flag_bits(word: &str, letters: Letters) -> Result<u16, String> {
    let bit = |letter: char| {
        letters.iter().find(|(name, _)| name.starts_with(letter)).map(|(_, bit)| *bit)
    };
    word.chars().filter(|letter| *letter != '-').try_fold(0, |bits, letter| {
        Ok(bits | bit(letter).ok_or_else(|| format!("there is no flag {letter}"))?)
    })
}
