//! Who asks RADIUS servers for what, and hears the answer.

use kedge_lma::{NoProfile, Question};
use kedge_model::{CustomerId, MacAddr};

use super::lines::Party;
use super::record::Nas;

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ticket {
    /// The accounting record of this number.
    Record(u64),
    /// A question of the anchor's.
    Node(CustomerId, kedge_lma::Ticket),
    /// A question of the gateway's.
    Station(MacAddr),
}

impl Ticket {
    /// Whose question it is; a record is none.
    pub fn party(self) -> Option<Party> {
        match self {
            Self::Record(_) => None,
            Self::Node(customer, _) => Some(Some(customer)),
            Self::Station(_) => Some(None),
        }
    }
}

/// What a machine wants to know.
#[derive(Debug)]
pub enum Asking {
    /// Of the customer of this name; empty for the one that has none.
    Node(Box<Question>, String, Nas),
    /// Who the node with this address is.
    Station(MacAddr, Nas),
}

/// What servers have said, to whom it may concern.
#[derive(Debug)]
pub enum Answer {
    /// To the anchor.
    Node(CustomerId, kedge_lma::Ticket, Said),
    /// To the gateway.
    Station(MacAddr, Said),
}

/// What servers say about a node.
pub type Said = Result<kedge_radius::Profile, NoProfile>;
