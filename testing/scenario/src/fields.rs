//! A message as pairs of a name and a value, the way scenarios write it.
//!
//! | name | value | |
//! |---|---|---|
//! | `status`, `trigger`, `sequence`, `lifetime` | number; seconds | the fixed part |
//! | `flags` | letters, `-` for none | |
//! | `nai` | `alice` is alice@example.com | RFC 4283 |
//! | `hnp`, `dmnp` | prefix; `::` asks for any | RFC 5213 §8.3, RFC 7148 |
//! | `handoff`, `att` | number | RFC 5213 §8.4, §8.5 |
//! | `llid` | octets | RFC 5213 §8.6 |
//! | `link-local`, `acoa` | address | RFC 5213 §8.7, RFC 6275 §6.2.5 |
//! | `timestamp`, `message-id` | `now`, `+8s` | RFC 5213 §8.8, RFC 4285 §6 |
//! | `ipv4`, `ipv4-status`, `router`, `dhcp` | `0.0.0.0/0`, number, address, `server` or `relay` | RFC 5844 §3.3 |
//! | `nat` | seconds of its Refresh Time, `forced:` before them with the F flag | RFC 5555 §3.2.2 |
//! | `gre` | key, or `none` | RFC 5845 §6.1 |
//! | `service` | name | RFC 5149 |
//! | `restart` | number | RFC 5847 §3.4 |
//! | `spi` | who signed it | RFC 4285 §5.1 |
//! | `option` | `200:0a0b`, type and octets | any other |
//!
//! A name may stand several times. `no name` says that there is none of it; in a message that is
//! sent, `also name value` adds to what it would have had anyway.

use std::fmt;
use std::net::IpAddr;

use kedge_model::{Encapsulation, Forwarding, Ipv4Net, Ipv6Net, MnId};
use kedge_wire::registry::{AccessTechnologyType, HandoffIndicatorValue, OptionType};
use kedge_wire::{
    AccessTechnology, AlternateCareOfAddress, DelegatedMobileNetworkPrefix, DhcpSupportMode,
    GreKeyOption, HandoffIndicator, HomeNetworkPrefix, Ipv4DefaultRouter, Ipv4HomeAddressReply,
    Ipv4HomeAddressRequest, LinkLocalAddress, MessageId, MnIdOption, MnLinkLayerId, MobilityOption,
    NatDetection, Options, RestartCounter, ServiceSelection, TimestampOption, UnknownOption,
};

use crate::clock::{Clock, from_ntp, to_ntp};
use crate::script::{Words, value};

/// Pairs of a name and a value, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// Those that a sentence ends with, put in the place of these.
    pub fn changed_by(mut self, words: &mut Words<'_>) -> Result<Self, String> {
        let mut said: Vec<String> = Vec::new();
        while !words.is_empty() {
            let (absent, also) = (words.take("no"), words.take("also"));
            let name = words.next("a field")?.to_owned();
            if !also && !said.contains(&name) {
                self.0.retain(|(other, _)| *other != name);
            }
            said.push(name.clone());
            if !absent {
                let value = words.next(&format!("the value of {name}"))?;
                self.push(&name, value);
            }
        }
        Ok(self)
    }

    /// Adds a pair.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// The values of a name.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Takes the only value of a name out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    /// What is forwarded for a binding; `name` says whose an address is.
    pub fn of_forwarding(forwarding: &Forwarding, name: impl Fn(IpAddr) -> String) -> Self {
        let mut fields = Self::default();
        for path in &forwarding.paths {
            fields.push("to", name(path.tunnel.peer));
            fields.push("tunnel", tunnel(path.tunnel.encapsulation));
            fields.push("mtu", path.tunnel.mtu);
        }
        forwarding.inner.iter().for_each(|inner| fields.push("address", inner));
        fields
    }

    /// Compares one field.
    pub fn check_one(&self, name: &str, said: &str) -> Result<(), String> {
        match self.all(name).eq([said]) {
            true => Ok(()),
            false => Err(format!("{name} is not {said} in: {self}")),
        }
    }

    /// Compares what a sentence says with what there is: each name it mentions has these values
    /// and no others; `any` is whatever there is.
    pub fn check(&self, words: &mut Words<'_>) -> Result<(), String> {
        let absent = |words: &Words<'_>| words.clone().take("no");
        let mut expected: Vec<(String, Vec<String>)> = Vec::new();
        while !words.is_empty() {
            let none = absent(words) && words.take("no");
            let name = words.next("a field")?.to_owned();
            let at = expected.iter().position(|(other, _)| *other == name);
            let at = at.unwrap_or_else(|| {
                expected.push((name.clone(), Vec::new()));
                expected.len() - 1
            });
            if !none {
                expected[at].1.push(words.next(&format!("the value of {name}"))?.to_owned());
            }
        }
        for (name, values) in expected {
            let found: Vec<&str> = self.all(&name).collect();
            let same = |(said, is): (&String, &&str)| said == "any" || full(&name, said) == **is;
            if found.len() != values.len() || !values.iter().zip(&found).all(same) {
                return Err(format!("{name} is {found:?}, not {values:?}, in: {self}"));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, value)) in self.0.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{name} {value}")?;
        }
        Ok(())
    }
}

/// What is short in a scenario, in full.
pub fn full(name: &str, value: &str) -> String {
    match name {
        "nai" if !value.contains('@') => format!("{value}@example.com"),
        "hnp" | "dmnp" if value == "::" => "::/0".to_owned(),
        _ => value.to_owned(),
    }
}

/// The node of this name.
pub fn mn_id(name: &str) -> Result<MnId, String> {
    MnId::nai(&full("nai", name)).ok_or_else(|| format!("“{name}” is too long for an NAI"))
}

/// Adds the option of a pair. `is_reply` tells the two IPv4 address options apart.
pub fn push_option(
    options: &mut Options,
    name: &str,
    word: &str,
    is_reply: bool,
    clock: &Clock,
) -> Result<(), String> {
    match name {
        "nai" => options.push(MnIdOption::from(&mn_id(word)?)),
        "hnp" => {
            let prefix: Ipv6Net = value(&full(name, word), "a prefix")?;
            options.push(HomeNetworkPrefix::new(prefix));
        }
        "handoff" => {
            options.push(HandoffIndicator(HandoffIndicatorValue(value(word, "a number")?)));
        }
        "att" => options.push(AccessTechnology(AccessTechnologyType(value(word, "a number")?))),
        "llid" => {
            let id = octets(word)?;
            options.push(MnLinkLayerId::new(&id).ok_or("too long an identifier")?);
        }
        "link-local" => options.push(LinkLocalAddress(value(word, "an address")?)),
        "acoa" => options.push(AlternateCareOfAddress(value(word, "an address")?)),
        "timestamp" => options.push(TimestampOption(clock.timestamp(word)?)),
        "message-id" => options.push(MessageId(to_ntp(clock.timestamp(word)?))),
        "ipv4" => {
            let address: Ipv4Net = value(word, "an address with its prefix length")?;
            match is_reply {
                true => options.push(Ipv4HomeAddressReply {
                    status: kedge_wire::registry::Ipv4HomeAddressStatus::SUCCESS,
                    address,
                }),
                false => options.push(Ipv4HomeAddressRequest { address }),
            }
        }
        "router" => options.push(Ipv4DefaultRouter(value(word, "an address")?)),
        "dhcp" => options.push(DhcpSupportMode { server: word == "server" }),
        "nat" => {
            let seconds = word.strip_prefix("forced:");
            options.push(NatDetection {
                force_udp: seconds.is_some(),
                refresh_time: value(seconds.unwrap_or(word), "a number of seconds")?,
            });
        }
        "gre" => {
            let key = if word == "none" { None } else { Some(value(word, "a key")?) };
            options.push(GreKeyOption { key });
        }
        "service" => {
            options.push(ServiceSelection::new(word.as_bytes()).ok_or("too long a name")?);
        }
        "dmnp" => {
            let prefix = value(&full(name, word), "a prefix")?;
            options.push(DelegatedMobileNetworkPrefix { prefix });
        }
        "restart" => options.push(RestartCounter(value(word, "a number")?)),
        "option" => {
            let (kind, body) = word.split_once(':').ok_or("an option is type:octets")?;
            let body = octets(body)?;
            let kind = OptionType(value(kind, "an option type")?);
            options.push(UnknownOption::new(kind, &body).ok_or("a type that has a name")?);
        }
        _ => return Err(format!("there is no field “{name}”")),
    }
    Ok(())
}

/// Adds the pairs of an option.
pub fn describe_option(fields: &mut Fields, option: &MobilityOption<'_>, clock: &Clock) {
    match option {
        MobilityOption::MnId(o) => fields.push("nai", String::from_utf8_lossy(o.identifier())),
        MobilityOption::HomeNetworkPrefix(o) => fields.push("hnp", o.prefix),
        MobilityOption::HandoffIndicator(o) => fields.push("handoff", o.0.0),
        MobilityOption::AccessTechnology(o) => fields.push("att", o.0.0),
        MobilityOption::MnLinkLayerId(o) => fields.push("llid", hex(o.identifier(), ":")),
        MobilityOption::LinkLocalAddress(o) => fields.push("link-local", o.0),
        MobilityOption::AlternateCareOfAddress(o) => fields.push("acoa", o.0),
        MobilityOption::Timestamp(o) => fields.push("timestamp", clock.describe(o.0)),
        MobilityOption::MessageId(o) => {
            fields.push("message-id", clock.describe(from_ntp(o.0)));
        }
        MobilityOption::Ipv4HomeAddressRequest(o) => fields.push("ipv4", o.address),
        MobilityOption::Ipv4HomeAddressReply(o) => {
            fields.push("ipv4", o.address);
            fields.push("ipv4-status", o.status.0);
        }
        MobilityOption::Ipv4DefaultRouter(o) => fields.push("router", o.0),
        MobilityOption::DhcpSupportMode(o) => {
            fields.push("dhcp", if o.server { "server" } else { "relay" });
        }
        MobilityOption::NatDetection(o) => {
            let forced = if o.force_udp { "forced:" } else { "" };
            fields.push("nat", format_args!("{forced}{}", o.refresh_time));
        }
        MobilityOption::GreKey(o) => match o.key {
            Some(key) => fields.push("gre", key),
            None => fields.push("gre", "none"),
        },
        MobilityOption::ServiceSelection(o) => {
            fields.push("service", String::from_utf8_lossy(o.identifier()));
        }
        MobilityOption::RestartCounter(o) => fields.push("restart", o.0),
        MobilityOption::Authentication(o) => fields.push("spi", o.spi()),
        MobilityOption::DelegatedMobileNetworkPrefix(o) => fields.push("dmnp", o.prefix),
        MobilityOption::Unknown(o) => {
            fields.push("option", format_args!("{}:{}", o.kind().0, hex(o.body(), "")));
        }
        other => fields.push("option", other.kind().0),
    }
}

/// `ipip`, `gre`, `gre:7:8` with the keys of what is sent and received, `udp:5437`,
/// `greudp:5436:7:8`.
fn tunnel(encapsulation: Encapsulation) -> String {
    let key = |key: Option<u32>| key.map_or("none".to_owned(), |key| key.to_string());
    match encapsulation {
        Encapsulation::IpInIp => "ipip".to_owned(),
        Encapsulation::Gre { send_key: None, receive_key: None } => "gre".to_owned(),
        Encapsulation::Gre { send_key, receive_key } => {
            format!("gre:{}:{}", key(send_key), key(receive_key))
        }
        Encapsulation::Udp { peer_port, .. } => format!("udp:{peer_port}"),
        Encapsulation::GreUdp { send_key, receive_key, peer_port, .. } => {
            format!("greudp:{peer_port}:{}:{}", key(send_key), key(receive_key))
        }
    }
}

/// Octets in hexadecimal, with or without colons between them.
pub fn octets(word: &str) -> Result<Vec<u8>, String> {
    let digits: String = word.chars().filter(|c| *c != ':').collect();
    let pair = |at: usize| digits.get(at..at + 2).and_then(|p| u8::from_str_radix(p, 16).ok());
    let all: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    all.ok_or_else(|| format!("“{word}” are no octets"))
}

fn hex(octets: &[u8], between: &str) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(between)
}
