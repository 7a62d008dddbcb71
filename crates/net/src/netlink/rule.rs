//! Rules that choose a routing table by the device a packet came in through.

use std::fmt;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Netlink, PROTOCOL, Table};
use crate::NetError;

/// `ip rule add iif DEVICE lookup TABLE priority PRIORITY`, for one address family.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// Whether it is for IPv6 packets; the families have rules of their own.
    pub ipv6: bool,
    /// The device that packets came in through, by name: the rule outlives the device.
    pub input: String,
    /// The table to look in.
    pub table: Table,
    /// When the rule is asked; lower is earlier. The main table is asked at 32766.
    pub priority: u32,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.ipv6 { "IPv6" } else { "IPv4" };
        write!(f, "{family} from {} to table {}", self.input, self.table.0)
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
        let mut rule = Self {
            ipv6: message.header.family == AddressFamily::Inet6,
            input: String::new(),
            table: Table(message.header.table.into()),
            priority: 0,
        };
        let mut ours = false;
        for attribute in &message.attributes {
            match attribute {
                RuleAttribute::Iifname(name) => rule.input.clone_from(name),
                RuleAttribute::Table(number) => rule.table = Table(*number),
                RuleAttribute::Priority(priority) => rule.priority = *priority,
                RuleAttribute::Protocol(p) => ours = *p == RouteProtocol::Other(PROTOCOL),
                _ => {}
            }
        }
        (ours && !rule.input.is_empty()).then_some(rule)
    }
}

fn message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = if rule.ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Iifname(rule.input.clone()),
        RuleAttribute::Table(rule.table.0),
        RuleAttribute::Priority(rule.priority),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    message
}
