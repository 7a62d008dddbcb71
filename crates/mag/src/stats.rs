//! What the gateway counts, in the groups of the vendor documents.

mod control;
mod denied;

use kedge_access_wire::dhcpv4::MessageType;
use kedge_access_wire::dhcpv6;
use kedge_telemetry::{Group, counters};
use kedge_wire::registry::Status;

use crate::entry::Kind;

pub use control::{
    OtherSignalling, RevocationStatusReceived, RevocationStatusSent, RevocationTriggers,
    Revocations,
};
pub use denied::Denied;

counters! {
    /// Binding Updates as they are sent.
    pub struct UpdatesSent: "Binding Updates Sent", "mag_binding_updates_sent" {
        /// Every one.
        total: "Total",
        /// First transmissions of a first registration.
        initial: "Init Request Xmit",
        /// Its retransmissions.
        initial_retransmitted: "Init Request Re-Xmit",
        /// First transmissions of a refresh.
        refresh: "Renew Request Xmit",
        /// Its retransmissions.
        refresh_retransmitted: "Renew Request Re-Xmit",
        /// First transmissions of a de-registration.
        deregistration: "Dereg Request Xmit",
        /// Its retransmissions.
        deregistration_retransmitted: "Dereg Request Re-Xmit",
        /// Refreshes sent because the node may have been elsewhere; counted as refreshes too.
        reassertions: "Reassertions",
        /// Sessions that went to another anchor.
        anchor_changes: "Anchor Changes",
    }
}

counters! {
    /// Binding Acknowledgements as they arrive.
    pub struct AcknowledgementsReceived: "Binding Acknowledgements Received",
        "mag_binding_acknowledgements_received" {
        /// Every one.
        total: "Total",
        /// Those that were not used; why is told in the discards.
        errors: "Errors",
        /// Used, status below 128.
        accepted: "Accepted",
        /// Used, status 128 or more.
        denied: "Denied",
        /// First registrations accepted.
        initial_accepted: "Init Accepted",
        /// Answers to first registrations.
        initial_replies: "Init Reply Rcvd",
        /// Answers to refreshes.
        refresh_replies: "Renew Reply Rcvd",
        /// Answers to de-registrations.
        deregistration_replies: "Dereg Reply Rcvd",
    }
}

counters! {
    /// Signalling that was not used.
    pub struct Discards: "Signalling Discarded", "mag_discards" {
        /// Octets that are no Mobility Header.
        malformed: "Malformed",
        /// The Mobility Header checksum is wrong.
        checksum: "Bad Checksum",
        /// The sender is no anchor of ours.
        unknown_peer: "Unknown Peer",
        /// Protection is required and missing.
        authentication_missing: "Authentication Missing",
        /// Protected with a key we do not have.
        authentication_unknown_spi: "Authentication Unknown SPI",
        /// The protection does not fit the message.
        authentication_failed: "Authentication Failed",
        /// An acknowledgement for nothing that was sent.
        unmatched: "Unmatched Acknowledgement",
        /// An acknowledgement without the P flag.
        not_proxy: "Acknowledgement without P Flag",
        /// An acknowledgement that repeats other options than were sent.
        echo_mismatch: "Acknowledgement with Wrong Echo",
        /// An accepting acknowledgement whose timestamp is outside the window.
        stale: "Acknowledgement outside Timestamp Window",
        /// An acknowledgement that wants the gateway to do something every zero seconds, or zero
        /// times (RFC 8127).
        zero_parameters: "Acknowledgement with Zero Parameters",
        /// A revocation acknowledgement for nothing that was sent.
        unmatched_revocation: "Unmatched Revocation Acknowledgement",
        /// A message of a type that is not known.
        unknown_type: "Unknown Message Type",
        /// A message that a gateway has no use for.
        unexpected: "Unexpected Message Type",
    }
}

counters! {
    /// What happens on the access links.
    pub struct Access: "Access Links", "mag_access" {
        /// Frames handed in.
        frames: "Frames Received",
        /// Frames with something wrong in them.
        malformed: "Malformed Frames",
        /// Frames of nodes that no table knows.
        unknown_nodes: "Frames of Unknown Nodes",
        /// Frames of nodes that have no profile, no anchor, or an anchor of a family in which the
        /// gateway has no address.
        unserved_nodes: "Frames of Nodes without Service",
        /// Packets of served nodes from addresses that are not theirs; none of them is forwarded.
        foreign_sources: "Packets from Foreign Addresses",
        /// Nodes turned away because the gateway is full.
        full: "Nodes Turned Away",
        /// Nodes that were noticed.
        attached: "Attachments",
        /// Nodes that left or were sent away.
        detached: "Detachments",
        /// Router solicitations of served nodes.
        router_solicitations: "Router Solicitations Received",
        /// Router advertisements.
        router_advertisements: "Router Advertisements Sent",
        /// Neighbour solicitations and advertisements of served nodes.
        neighbor_messages: "Neighbor Messages Received",
        /// ARP packets of served nodes.
        arp: "ARP Packets Received",
        /// Answers to neighbour solicitations for the gateway's address.
        neighbor_advertisements: "Neighbor Advertisements Sent",
        /// ARP answers for the nodes' IPv4 router.
        arp_replies: "ARP Replies Sent",
        /// ARP answers for other hosts of a node's subnet.
        proxy_arp: "Proxy ARP Replies Sent",
        /// Questions to silent nodes.
        probes: "Probes Sent",
        /// Questions to AAA who a node is.
        identities_asked: "Identities Asked For",
        /// Nodes that AAA has said the identity of.
        identified: "Identities Learned",
        /// Nodes that AAA does not want served.
        identities_refused: "Identities Refused",
        /// Nodes about which AAA has said nothing.
        identities_unanswered: "Identities Unanswered",
    }
}

counters! {
    /// The DHCP server.
    pub struct Dhcp: "DHCP", "mag_dhcp" {
        /// Messages of clients that look for a server.
        discover: "DHCPDISCOVER Received",
        /// Answers to them.
        offer: "DHCPOFFER Sent",
        /// Messages of clients that take or extend a lease.
        request: "DHCPREQUEST Received",
        /// Leases granted.
        ack: "DHCPACK Sent",
        /// Addresses denied.
        nak: "DHCPNAK Sent",
        /// Addresses found in use.
        decline: "DHCPDECLINE Received",
        /// Addresses given back.
        release: "DHCPRELEASE Received",
        /// Clients that ask for the rest.
        inform: "DHCPINFORM Received",
        /// Messages that were not used.
        discarded: "Discarded",
    }
}

counters! {
    /// The DHCPv6 server.
    pub struct Dhcpv6: "DHCPv6", "mag_dhcpv6" {
        /// Messages of clients that look for a server.
        solicit: "Solicit Received",
        /// Offers to them.
        advertise: "Advertise Sent",
        /// Messages of clients that take an offer.
        request: "Request Received",
        /// Messages of clients that check their addresses.
        confirm: "Confirm Received",
        /// Messages of clients that extend what they have.
        renew: "Renew Received",
        /// Messages of clients that extend it at any server.
        rebind: "Rebind Received",
        /// Answers to all but offers.
        reply: "Reply Sent",
        /// Prefixes given back.
        release: "Release Received",
        /// Addresses found in use.
        decline: "Decline Received",
        /// Messages of clients that ask for parameters alone.
        information_request: "Information-request Received",
        /// Messages that were not used.
        discarded: "Discarded",
    }
}

impl Dhcpv6 {
    pub(crate) fn received(&mut self, message_type: dhcpv6::MessageType) {
        use dhcpv6::MessageType as Kind;
        let counter = match message_type {
            Kind::SOLICIT => &mut self.solicit,
            Kind::REQUEST => &mut self.request,
            Kind::CONFIRM => &mut self.confirm,
            Kind::RENEW => &mut self.renew,
            Kind::REBIND => &mut self.rebind,
            Kind::RELEASE => &mut self.release,
            Kind::DECLINE => &mut self.decline,
            Kind::INFORMATION_REQUEST => &mut self.information_request,
            _ => &mut self.discarded,
        };
        *counter += 1;
    }
}

impl Dhcp {
    pub(crate) fn received(&mut self, message_type: MessageType) {
        let counter = match message_type {
            MessageType::DISCOVER => &mut self.discover,
            MessageType::REQUEST => &mut self.request,
            MessageType::DECLINE => &mut self.decline,
            MessageType::RELEASE => &mut self.release,
            MessageType::INFORM => &mut self.inform,
            _ => &mut self.discarded,
        };
        *counter += 1;
    }
}

/// All counters of a gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) updates: UpdatesSent,
    pub(crate) acknowledgements: AcknowledgementsReceived,
    pub(crate) denied: Denied,
    pub(crate) discards: Discards,
    pub(crate) revocations: Revocations,
    pub(crate) revocation_triggers: RevocationTriggers,
    pub(crate) revocation_status_sent: RevocationStatusSent,
    pub(crate) revocation_status: RevocationStatusReceived,
    pub(crate) other: OtherSignalling,
    pub(crate) access: Access,
    pub(crate) dhcp: Dhcp,
    pub(crate) dhcpv6: Dhcpv6,
}

impl Statistics {
    pub(crate) fn sent(&mut self, kind: Kind, first: bool) {
        let updates = &mut self.updates;
        updates.total += 1;
        let counter = match (kind, first) {
            (Kind::Initial, true) => &mut updates.initial,
            (Kind::Initial, false) => &mut updates.initial_retransmitted,
            (Kind::Refresh | Kind::Reassertion, true) => &mut updates.refresh,
            (Kind::Refresh | Kind::Reassertion, false) => &mut updates.refresh_retransmitted,
            (Kind::Deregistration, true) => &mut updates.deregistration,
            (Kind::Deregistration, false) => &mut updates.deregistration_retransmitted,
        };
        *counter += 1;
        if kind == Kind::Reassertion && first {
            updates.reassertions += 1;
        }
    }

    pub(crate) fn answered(&mut self, kind: Kind, status: Status) {
        let received = &mut self.acknowledgements;
        match kind {
            Kind::Initial => received.initial_replies += 1,
            Kind::Refresh | Kind::Reassertion => received.refresh_replies += 1,
            Kind::Deregistration => received.deregistration_replies += 1,
        }
        if status.is_accepted() {
            received.accepted += 1;
            received.initial_accepted += u64::from(kind == Kind::Initial);
        } else {
            received.denied += 1;
            self.denied.count(status);
        }
    }

    pub(crate) fn groups(&self) -> Vec<Group> {
        vec![
            Group::of(&self.updates),
            Group::of(&self.acknowledgements),
            Group::of(&self.denied),
            Group::of(&self.discards),
            Group::of(&self.revocations),
            Group::of(&self.revocation_triggers),
            Group::of(&self.revocation_status_sent),
            Group::of(&self.revocation_status),
            Group::of(&self.other),
            Group::of(&self.access),
            Group::of(&self.dhcp),
            Group::of(&self.dhcpv6),
        ]
    }
}
