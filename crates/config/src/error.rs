//! What can be wrong with a configuration, and what is only worth a warning.
//!
//! Both print as whole messages: the place, what it is about, the line with a caret, and advice.

use std::fmt;
use std::net::IpAddr;

use kedge_grammar::{Elsewhere, Place, SyntaxFault, SyntaxRemark};

/// A mistake in a configuration; nothing of the text holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub fault: ConfigFault,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigFault {
    /// The line is not one of the language.
    #[error("{0}")]
    Syntax(SyntaxFault),
    /// The service's domain is none of those that are configured.
    #[error("no domain '{domain}' is configured; configured: {}", known.join(", "))]
    UnknownDomain {
        /// The name.
        domain: String,
        /// The domains that are.
        known: Vec<String>,
    },
    /// A profile's customer is none of the anchor's.
    #[error("the anchor has no customer '{customer}'")]
    UnknownCustomer {
        /// The name.
        customer: String,
    },
    /// An address that no service and no peer can be reached at.
    #[error("{address} is not a host's address that others can reach")]
    NoHostAddress {
        /// The address.
        address: IpAddr,
    },
    /// GRE over IPv4 to a peer without an IPv4 address.
    #[error("encap gre-ipv4 needs an IPv4 address of '{peer}'")]
    GreNeedsIpv4 {
        /// The peer's identifier.
        peer: String,
    },
    /// Two values that must be in order are not.
    #[error("{least_name} is {least}, above {most_name}, which is {most}")]
    Order {
        /// The command whose value must not be the greater.
        least_name: &'static str,
        /// Its value.
        least: u64,
        /// The other command.
        most_name: &'static str,
        /// Its value.
        most: u64,
    },
    /// Two pools have addresses in common.
    #[error("this pool and that of network '{network}' {at} overlap")]
    PoolsOverlap {
        /// The other network.
        network: String,
        /// Where the other pool is.
        at: Elsewhere,
    },
    /// A pool that a network names cannot be its.
    #[error("pool '{pool}': {why}")]
    UnfitPool {
        /// The pool.
        pool: String,
        /// Why.
        why: &'static str,
    },
    /// Something is another customer's.
    #[error("this {what} is that of customer '{customer}' {at}; no two may share one")]
    Taken {
        /// What it is.
        what: &'static str,
        /// The other customer.
        customer: String,
        /// Where the other one is.
        at: Elsewhere,
    },
    /// Two commands cannot both be.
    #[error("'{command}' and '{other}' exclude each other; the other is {at}")]
    Excludes {
        /// The command.
        command: String,
        /// The other command.
        other: String,
        /// Where the other is.
        at: Elsewhere,
    },
    /// There is no such list to number.
    #[error("no access list '{name}' is configured")]
    NoAccessList {
        /// The name.
        name: String,
    },
    /// The lines of an access list would get numbers that there are not.
    #[error("the last line's number would be above {}", crate::AccessList::LAST)]
    NumbersTooHigh,
    /// A name that cannot be written as labels.
    #[error(
        "'{name}' cannot be sent as labels: they have 1 to 63 characters, with dots between them"
    )]
    NoLabels {
        /// The name.
        name: String,
    },
    /// Static attachment of nobody.
    #[error("attach static needs the node's identifier: nai USER@REALM")]
    StaticNeedsNai,
    /// Two access interfaces are one device.
    #[error("device '{device}' is also that of the interface {at}")]
    SameDevice {
        /// The Linux device.
        device: String,
        /// Where the other interface is.
        at: Elsewhere,
    },
}

/// Errors or warnings as they are shown: the first hundred of them, and how many more there are.
pub fn listed<T: fmt::Display>(messages: &[T]) -> Vec<String> {
    const MOST: usize = 100;
    let mut shown: Vec<String> = messages.iter().take(MOST).map(ToString::to_string).collect();
    if messages.len() > MOST {
        shown.push(format!("and {} more\n", grouped(messages.len() - MOST)));
    }
    shown
}

/// A number with a comma between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl ConfigError {
    /// Whether something that is missing may be what could not be read at `place`.
    pub(crate) fn may_come_of(&self, place: &Place) -> bool {
        match self.fault {
            ConfigFault::UnknownDomain { .. } => place.block.is_empty(),
            ConfigFault::UnknownCustomer { .. } => !place.block.is_empty(),
            ConfigFault::GreNeedsIpv4 { .. } | ConfigFault::StaticNeedsNai => {
                place.block.starts_with(&*self.place.block)
            }
            ConfigFault::Syntax(_)
            | ConfigFault::NoHostAddress { .. }
            | ConfigFault::Order { .. }
            | ConfigFault::PoolsOverlap { .. }
            | ConfigFault::UnfitPool { .. }
            | ConfigFault::Taken { .. }
            | ConfigFault::Excludes { .. }
            | ConfigFault::NoAccessList { .. }
            | ConfigFault::NumbersTooHigh
            | ConfigFault::NoLabels { .. }
            | ConfigFault::SameDevice { .. } => false,
        }
    }
}

/// Something to know about a configuration that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub caution: Caution,
}

/// What to know.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Caution {
    /// About the line by itself.
    #[error("{0}")]
    Syntax(SyntaxRemark),
    /// No domain of that name is configured.
    #[error("no domain '{domain}' is configured: no keys and no profiles come from it")]
    UnknownDomain {
        /// The name.
        domain: String,
    },
    /// The service has nowhere to be reached.
    #[error("it has no address and stays down")]
    NoAddress,
    /// Neither the peer nor its domain says where it is.
    #[error("'{peer}' has no address, neither here nor in its domain: nothing goes there")]
    NoPeerAddress {
        /// The peer's identifier.
        peer: String,
    },
    /// Two gateways with one address.
    #[error("{address} is also that of '{peer}': what comes from there is taken for one of them")]
    SharedAddress {
        /// The address.
        address: IpAddr,
        /// The other gateway.
        peer: String,
    },
    /// A pool with an address of the anchor's.
    #[error("{address} is the anchor's own, and of this pool: a node may be given it")]
    PoolHasOwn {
        /// The address.
        address: IpAddr,
    },
    /// GRE over IPv6 to a peer that is known by IPv4 only.
    #[error("encap gre-ipv6, and '{peer}' has no IPv6 address")]
    GreWithoutIpv6 {
        /// The peer's identifier.
        peer: String,
    },
    /// The wire counts lifetimes in fours.
    #[error("the wire counts in units of 4 seconds: {seconds} is {rounded}")]
    Rounded {
        /// What is configured.
        seconds: u64,
        /// What it becomes.
        rounded: u64,
    },
    /// The anchor has no such network.
    #[error("the anchor has no network '{network}': the node gets no addresses")]
    UnknownNetwork {
        /// The name.
        network: String,
    },
    /// The domain has no such profile.
    #[error("the domain has no nai '{profile}': nodes without a profile have none")]
    UnknownProfile {
        /// The name.
        profile: String,
    },
    /// The interface has a router's name and no device.
    #[error("no Linux device is called '{name}': name it with 'device'")]
    NoDevice {
        /// The interface's name.
        name: String,
    },
    /// Nothing of that name is configured.
    #[error("no {what} '{name}' is configured")]
    Unknown {
        /// What it would be.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A command does nothing without another one.
    #[error("'{command}' does nothing without '{other}'")]
    Needs {
        /// The command.
        command: &'static str,
        /// The other one.
        other: &'static str,
    },
    /// The number of an entry where only a map can be meant.
    #[error("the map holds with all its entries; the number says nothing")]
    WholeMap,
    /// A prefix length that is not followed.
    #[error("each home network prefix is a /64, whatever is said here")]
    HomePrefixIs64,
    /// More signalling than the RFC wants.
    #[error("RFC 5847 asks for at least 30 seconds between two heartbeats")]
    FrequentHeartbeats,
    /// IPv6 does not work over the tunnels.
    #[error("an MTU below 1280 does not carry IPv6")]
    MtuBelowIpv6,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A whole router may be in the text: a line is enough for what everybody knows is not ours.
        if let ConfigFault::Syntax(fault @ SyntaxFault::Foreign { .. }) = &self.fault {
            write_place(f, &self.place)?;
            return write!(f, "{fault}");
        }
        write_message(f, &self.place, "", &self.fault)?;
        match &self.fault {
            ConfigFault::Syntax(fault) => fault.write_advice(f),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_message(f, &self.place, "warning: ", &self.caution)
    }
}

fn write_message(
    f: &mut fmt::Formatter<'_>,
    place: &Place,
    kind: &str,
    what: &dyn fmt::Display,
) -> fmt::Result {
    write_place(f, place)?;
    writeln!(f, "{kind}{what}")?;
    if !place.block.is_empty() {
        writeln!(f, "  in {}", place.block)?;
    }
    place.write_excerpt(f)
}

/// A line that was typed has no place but itself.
fn write_place(f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
    if place.origin.is_empty() { Ok(()) } else { write!(f, "{place}: ") }
}
