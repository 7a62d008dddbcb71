//! Answers that wait: for the anchor, or for the node.

use std::net::Ipv6Addr;

use kedge_access_wire::dhcpv6::Message;
use kedge_model::SignalPath;
use kedge_wire::BindingRevocationIndication;

/// A message that waits for the anchor, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) message: Box<Message>,
    pub(crate) client: Ipv6Addr,
}

/// An indication whose acknowledgement waits for the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contest {
    pub(crate) path: SignalPath,
    pub(crate) dscp: u8,
    pub(crate) bri: BindingRevocationIndication,
}
