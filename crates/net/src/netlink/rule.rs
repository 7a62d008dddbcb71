//! Rules that decide before the routing tables do.

use std::fmt;
use std::net::IpAddr;

use kedge_model::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{
    RuleAction, RuleAttribute, RuleFlags, RuleMessage, RulePortRange,
};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};

use super::{Netlink, PROTOCOL, Table};
use crate::NetError;

/// A routing rule of this daemon.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// `ip rule add iif DEVICE lookup TABLE priority PRIORITY`, for one address family.
    Input {
        /// Whether it is for IPv6 packets; the families have rules of their own.
        ipv6: bool,
        /// The device that packets came in through, by name: the rule outlives the device.
        input: String,
        /// The table to look in.
        table: Table,
        /// When the rule is asked; lower is earlier. The main table is asked at 32766.
        priority: u32,
    },
    /// `ip rule add from PREFIX lookup TABLE priority PRIORITY`.
    Source {
        /// Where packets come from.
        source: IpNet,
        /// The table to look in.
        table: Table,
        /// When the rule is asked.
        priority: u32,
    },
    /// `ip rule add lookup TABLE priority PRIORITY`, for one address family.
    Lookup {
        /// Whether it is for IPv6 packets.
        ipv6: bool,
        /// The table to look in.
        table: Table,
        /// When the rule is asked.
        priority: u32,
    },
    /// `ip rule add from ADDRESS iif lo ipproto icmp dport 771 blackhole`, 260 for IPv6: the kernel
    /// tells nobody in this name that a port is unreachable. To a rule, the type and the code of
    /// an ICMP message are its destination port. What the host itself sends comes from `lo`; a
    /// rule that says so has the kernel look for ports in no other packet.
    ///
    /// A kernel with tunnel drivers says so about every tunnelled packet that none of its own
    /// devices takes, also of those that a raw socket took.
    NoPortUnreachable {
        /// The address of ours that the error would come from.
        from: IpAddr,
        /// When the rule is asked.
        priority: u32,
    },
    /// `ip rule add not iif lo ipproto icmp dport 771 goto TARGET`: leads whatever is no such error
    /// past the rules for those, of which there is one for each address. Without it, every packet
    /// would be compared with each.
    SkipPortUnreachable {
        /// For which family.
        ipv6: bool,
        /// When the rule is asked: before those that it leads past.
        priority: u32,
        /// The priority of the [`Self::Landing`] behind them.
        target: u32,
    },
    /// `ip rule add nop`, where a rule that leads past others leads to.
    Landing {
        /// For which family.
        ipv6: bool,
        /// When the rule is asked, which no other rule is.
        priority: u32,
    },
}

/// What a rule takes for the destination port of an error that says that a port is unreachable:
/// RFC 792, type 3, code 3; RFC 4443 §3.1, type 1, code 4.
const PORT_UNREACHABLE: [u16; 2] = [0x0303, 0x0104];

/// The device that a rule takes what the host sends itself to come in through.
const LOOPBACK: &str = "lo";

impl Rule {
    fn family(&self) -> AddressFamily {
        match self {
            Self::Input { ipv6, .. }
            | Self::Lookup { ipv6, .. }
            | Self::SkipPortUnreachable { ipv6, .. }
            | Self::Landing { ipv6, .. } => match ipv6 {
                true => AddressFamily::Inet6,
                false => AddressFamily::Inet,
            },
            Self::Source { source, .. } => super::family_of(source.addr()),
            Self::NoPortUnreachable { from, .. } => super::family_of(*from),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |ipv6: &bool| if *ipv6 { "IPv6" } else { "IPv4" };
        match self {
            Self::Input { ipv6, input, table, .. } => {
                write!(f, "{} from {input} to table {}", name(ipv6), table.0)
            }
            Self::Source { source, table, .. } => write!(f, "from {source} to table {}", table.0),
            Self::Lookup { ipv6, table, .. } => {
                write!(f, "{} to table {}", name(ipv6), table.0)
            }
            Self::NoPortUnreachable { from, .. } => write!(f, "no port unreachable from {from}"),
            Self::SkipPortUnreachable { ipv6, target, .. } => {
                write!(f, "all {} but port unreachable goes on at {target}", name(ipv6))
            }
            Self::Landing { ipv6, priority } => write!(f, "{} goes on at {priority}", name(ipv6)),
        }
    }
}

impl Netlink {
    /// Adds a rule.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::NewRule(message(rule)), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(|r| r.of("add rule", rule))
    }

    /// Removes a rule that this daemon made.
    pub fn remove_rule(&mut self, rule: &Rule) -> Result<(), NetError> {
        self.change(RouteNetlinkMessage::DelRule(message(rule)), NLM_F_REQUEST)
            .map_err(|r| r.of("remove rule", rule))
    }

    /// The rules that carry this daemon's mark.
    pub fn own_rules(&mut self) -> Result<Vec<Rule>, NetError> {
        let mut rules = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RuleMessage::default();
            request.header.family = family;
            let request = RouteNetlinkMessage::GetRule(request);
            let answers = self.dump(&request).map_err(|r| r.of("list rules", ""))?;
            rules.extend(answers.iter().filter_map(|answer| match answer {
                RouteNetlinkMessage::NewRule(m) => Rule::from_message(m),
                _ => None,
            }));
        }
        Ok(rules)
    }
}

impl Rule {
    /// `None` is a rule this daemon would not have made.
    fn from_message(message: &RuleMessage) -> Option<Self> {
        let (mut input, mut from, mut target) = (None, None, None);
        let (mut priority, mut ours) = (0, false);
        let mut table = Table(message.header.table.into());
        for attribute in &message.attributes {
            match attribute {
                RuleAttribute::Iifname(name) => input = Some(name.clone()),
                RuleAttribute::Source(address) => from = Some(*address),
                RuleAttribute::Table(number) => table = Table(*number),
                RuleAttribute::Priority(number) => priority = *number,
                RuleAttribute::Goto(number) => target = Some(*number),
                RuleAttribute::Protocol(p) => ours = *p == RouteProtocol::Other(PROTOCOL),
                _ => {}
            }
        }
        let ipv6 = message.header.family == AddressFamily::Inet6;
        match (message.header.action, input, from, target) {
            _ if !ours => None,
            (RuleAction::ToTable, Some(input), None, None) => {
                Some(Self::Input { ipv6, input, table, priority })
            }
            (RuleAction::ToTable, None, None, None) => Some(Self::Lookup { ipv6, table, priority }),
            (RuleAction::ToTable, None, Some(from), None) => {
                let source = IpNet::new(from, message.header.src_len).ok()?;
                Some(Self::Source { source, table, priority })
            }
            (RuleAction::Blackhole, _, Some(from), None) => {
                Some(Self::NoPortUnreachable { from, priority })
            }
            (RuleAction::Goto, _, None, Some(target)) => {
                Some(Self::SkipPortUnreachable { ipv6, priority, target })
            }
            (RuleAction::Nop, None, None, None) => Some(Self::Landing { ipv6, priority }),
            _ => None,
        }
    }
}

fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = rule.family();
    let priority = match rule {
        Rule::Input { input, table, priority, .. } => {
            message.header.action = RuleAction::ToTable;
            message.attributes.push(RuleAttribute::Iifname(input.clone()));
            message.attributes.push(RuleAttribute::Table(table.0));
            *priority
        }
        Rule::Source { source, table, priority } => {
            message.header.action = RuleAction::ToTable;
            message.header.src_len = source.prefix_len();
            message.attributes.push(RuleAttribute::Source(source.network()));
            message.attributes.push(RuleAttribute::Table(table.0));
            *priority
        }
        Rule::Lookup { table, priority, .. } => {
            message.header.action = RuleAction::ToTable;
            message.attributes.push(RuleAttribute::Table(table.0));
            *priority
        }
        Rule::NoPortUnreachable { from, priority } => {
            message.header.action = RuleAction::Blackhole;
            message.header.src_len = if from.is_ipv4() { 32 } else { 128 };
            message.attributes.push(RuleAttribute::Source(*from));
            message.attributes.extend(port_unreachable(from.is_ipv6()));
            *priority
        }
        Rule::SkipPortUnreachable { ipv6, priority, target } => {
            message.header.action = RuleAction::Goto;
            message.header.flags = RuleFlags::Invert;
            message.attributes.push(RuleAttribute::Goto(*target));
            message.attributes.extend(port_unreachable(*ipv6));
            *priority
        }
        Rule::Landing { priority, .. } => {
            message.header.action = RuleAction::Nop;
            *priority
        }
    };
    message.attributes.push(RuleAttribute::Priority(priority));
    message.attributes.push(RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)));
    message
}

/// An error of the host's own that says that a port is unreachable.
fn port_unreachable(ipv6: bool) -> [RuleAttribute; 3] {
    let protocol = match ipv6 {
        true => IpProtocol::Other(libc::IPPROTO_ICMPV6),
        false => IpProtocol::Icmp,
    };
    let port = PORT_UNREACHABLE[usize::from(ipv6)];
    [
        RuleAttribute::Iifname(LOOPBACK.to_owned()),
        RuleAttribute::IpProtocol(protocol),
        RuleAttribute::DestinationPortRange(RulePortRange { start: port, end: port }),
    ]
}
