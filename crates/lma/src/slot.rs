//! How bindings and nodes are named within the anchor.

use kedge_model::{CustomerId, MnId};
use kedge_wire::MnIdOption;

/// Where a binding is kept while it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Slot(pub u32);

/// A node as a message names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NodeKey<'a> {
    pub customer: CustomerId,
    pub subtype: u8,
    pub octets: &'a [u8],
}

impl<'a> NodeKey<'a> {
    pub fn new(customer: CustomerId, mn_id: &'a MnId) -> Self {
        Self { customer, subtype: mn_id.subtype(), octets: mn_id.octets() }
    }

    pub fn of_option(customer: CustomerId, option: MnIdOption<'a>) -> Self {
        Self { customer, subtype: option.subtype().0, octets: option.identifier() }
    }
}
