//! The DHCP server of one node's home link (RFC 5844 §3.4.1 and §3.4.3, RFC 2131 §4.3).
//!
//! There is nothing to allocate: the anchor has assigned the address, and the server says it. The
//! server identifier is the node's default router, which is the same behind every gateway, so a
//! node renews its lease wherever it is. What the anchor has not decided yet waits for it.
//!
//! Without the IPv4 DHCP Support Mode option RFC 5844 §3.2.3.2 wants a relay. This gateway is a
//! server in either case: it has no server to relay to, and a node without an answer has nothing.

use std::net::Ipv4Addr;

use kedge_access_wire::dhcpv4::{self, DhcpOption, Message, MessageType, Op, Route};
use kedge_model::{BindingId, Ipv4Net, MacAddr};
use kedge_sansio::Now;

use crate::entry::State;
use crate::{DetachReason, Event, Mag, Output};

/// Who says no when no anchor has said who the router is: the IPv4 dummy address
/// (RFC 7600 §4.8). A client takes a DHCPNAK from any server.
const DUMMY_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

/// The least value of the Interface MTU option (RFC 2132 §5.1).
const MIN_MTU: u16 = 68;

/// What a node is told about its home link.
struct HomeLink {
    address: Ipv4Net,
    router: Ipv4Addr,
    mtu: u16,
    /// The lease in seconds.
    lease: u32,
}

impl Mag {
    pub(super) fn handle_dhcp(
        &mut self,
        id: BindingId,
        message: Box<Message>,
        is_new: bool,
        now: Now,
    ) {
        let Some(entry) = self.list.get_mut(id) else { return };
        // Two nodes on one interface are told apart by their hardware address; a message in the
        // name of another one, a relay's for example, is not the node's own.
        if message.op != Op::Request
            || entry.mac != Some(message.chaddr)
            || !message.giaddr.is_unspecified()
        {
            self.stats.dhcp.discarded += 1;
            return;
        }
        self.stats.dhcp.received(message.message_type);
        if !is_new && is_of_a_link_that_came_up(&message) {
            self.reassert(id, now);
        }
        match message.message_type {
            MessageType::DISCOVER | MessageType::REQUEST | MessageType::INFORM => {
                self.answer_or_wait(id, message);
            }
            MessageType::RELEASE => self.handle_release(id, &message, now),
            MessageType::DECLINE => self.handle_decline(id),
            _ => {}
        }
    }

    /// The anchor has decided: answers the message that waited for it.
    pub(super) fn answer_waiting_dhcp(&mut self, id: BindingId) {
        let waiting = self.list.get_mut(id).and_then(|entry| entry.dhcp.take());
        if let Some(message) = waiting {
            self.answer_or_wait(id, message);
        }
    }

    /// The anchor has decided against the node. One that wants to keep an address is told so
    /// (RFC 5844 §3.4.1); one that looks for servers finds none.
    pub(crate) fn deny_dhcp(&mut self, id: BindingId, now: Now) {
        self.answer_waiting_dhcpv6(id, now);
        let waiting = self.list.get_mut(id).and_then(|entry| entry.dhcp.take());
        if let Some(message) = waiting
            && message.message_type == MessageType::REQUEST
        {
            let server = message.server_identifier().unwrap_or(DUMMY_SERVER);
            self.nak(id, &message, server);
        }
    }

    fn answer_or_wait(&mut self, id: BindingId, message: Box<Message>) {
        let Some(entry) = self.list.get_mut(id) else { return };
        match &entry.state {
            State::Active { .. } => match self.home_link(id) {
                Some(link) => self.answer(id, &message, &link),
                // Accepted without an IPv4 address: there is none to be had here.
                None if message.message_type == MessageType::REQUEST => {
                    let server = message.server_identifier().unwrap_or(DUMMY_SERVER);
                    self.nak(id, &message, server);
                }
                None => self.stats.dhcp.discarded += 1,
            },
            // RFC 5844 §3.4.1: a delayed response saves the node a retransmission.
            State::Registering { .. } => entry.dhcp = Some(message),
            State::Refused { .. } | State::Deregistering { .. } => self.stats.dhcp.discarded += 1,
        }
    }

    fn answer(&mut self, id: BindingId, message: &Message, link: &HomeLink) {
        let wanted = match message.ciaddr.is_unspecified() {
            true => message.requested_address(),
            false => Some(message.ciaddr),
        };
        match message.message_type {
            MessageType::DISCOVER => {
                self.stats.dhcp.offer += 1;
                self.grant(id, message, MessageType::OFFER, link);
            }
            // Another server was chosen (RFC 2131 §4.3.2, SELECTING).
            MessageType::REQUEST
                if message.server_identifier().is_some_and(|server| server != link.router) =>
            {
                self.stats.dhcp.discarded += 1;
            }
            // In SELECTING and INIT-REBOOT the address is in the option, in RENEWING and
            // REBINDING in ciaddr; the node's address is the only right one.
            MessageType::REQUEST if wanted == Some(link.address.addr()) => {
                self.stats.dhcp.ack += 1;
                self.grant(id, message, MessageType::ACK, link);
            }
            MessageType::REQUEST => self.nak(id, message, link.router),
            // RFC 2131 §4.3.5: everything but an address and a lease.
            MessageType::INFORM => {
                self.stats.dhcp.ack += 1;
                let mut reply = Message::reply_to(message, MessageType::ACK);
                reply.ciaddr = message.ciaddr;
                reply.options = link.options();
                self.send_dhcp(id, &reply, link.router, message.ciaddr);
            }
            _ => {}
        }
    }

    fn grant(&mut self, id: BindingId, message: &Message, kind: MessageType, link: &HomeLink) {
        let mut reply = Message::reply_to(message, kind);
        reply.yiaddr = link.address.addr();
        if kind == MessageType::ACK {
            reply.ciaddr = message.ciaddr;
        }
        reply.options = link.options();
        reply.options.extend([
            DhcpOption::LeaseTime(link.lease),
            // RFC 2131 §4.4.5: T1 is half of the lease, T2 seven eighths.
            DhcpOption::RenewalTime(link.lease / 2),
            DhcpOption::RebindingTime((u64::from(link.lease) * 7 / 8) as u32),
        ]);
        // RFC 2131 §4.1: to the address a client has, else as its broadcast bit says.
        let destination = if !message.ciaddr.is_unspecified() {
            message.ciaddr
        } else if message.broadcast {
            Ipv4Addr::BROADCAST
        } else {
            reply.yiaddr
        };
        self.send_dhcp(id, &reply, link.router, destination);
    }

    fn nak(&mut self, id: BindingId, message: &Message, server: Ipv4Addr) {
        self.stats.dhcp.nak += 1;
        let mut reply = Message::reply_to(message, MessageType::NAK);
        reply.options = vec![
            DhcpOption::ServerIdentifier(server),
            DhcpOption::Message("not your address on this link".to_owned()),
        ];
        // RFC 2131 §4.1: always broadcast.
        self.send_dhcp(id, &reply, server, Ipv4Addr::BROADCAST);
    }

    /// The frame goes to the node alone, whatever its IP destination.
    fn send_dhcp(
        &mut self,
        id: BindingId,
        reply: &Message,
        source: Ipv4Addr,
        destination: Ipv4Addr,
    ) {
        let Some(entry) = self.list.get(id) else { return };
        let interface = entry.interface;
        let route = Route {
            source_mac: MacAddr::PMIPV6_GATEWAY,
            destination_mac: reply.chaddr,
            source,
            destination,
        };
        let mut bytes = self.buffers.take();
        dhcpv4::encode_frame(&route, reply, &mut bytes);
        self.out.push_back(Output::Frame { interface, bytes });
    }

    /// A node that gives its only address back has no use for the session. With prefixes it
    /// keeps it, and the anchor keeps the address for it: both are of one session
    /// (RFC 5844 §3.1.1).
    fn handle_release(&mut self, id: BindingId, message: &Message, now: Now) {
        let Some(grant) = self.list.get(id).and_then(|entry| entry.grant()) else { return };
        let is_its_own = grant.ipv4.is_some_and(|home| home.addr() == message.ciaddr);
        if is_its_own && grant.prefixes.is_empty() {
            self.detach(id, DetachReason::Released, now);
        }
    }

    /// RFC 2131 §4.3.3: somebody has to look at it; there is no other address to give.
    fn handle_decline(&mut self, id: BindingId) {
        let Some(entry) = self.list.get(id) else { return };
        let Some(home) = entry.grant().and_then(|grant| grant.ipv4) else { return };
        let mn_id = entry.mn_id.clone();
        self.event(Event::AddressInUse { binding: id, mn_id, address: home.addr() });
    }

    fn home_link(&self, id: BindingId) -> Option<HomeLink> {
        let grant = self.list.get(id)?.grant()?;
        Some(HomeLink {
            address: grant.ipv4?,
            router: grant.ipv4_router?,
            mtu: self.node_mtu(id)?.max(MIN_MTU),
            // At most 262,140 s.
            lease: grant.lifetime.secs() as u32,
        })
    }
}

impl HomeLink {
    /// RFC 5844 §3.4.1 and §3.4.3: subnet mask, router and MTU always, and who says so.
    fn options(&self) -> Vec<DhcpOption> {
        vec![
            DhcpOption::ServerIdentifier(self.router),
            DhcpOption::SubnetMask(self.address.netmask()),
            DhcpOption::Router(vec![self.router]),
            DhcpOption::InterfaceMtu(self.mtu),
        ]
    }
}

/// Whether a host sends this when its link has come up: it looks for servers, or verifies an
/// address it had (RFC 2131 §3.2, INIT-REBOOT).
fn is_of_a_link_that_came_up(message: &Message) -> bool {
    match message.message_type {
        MessageType::DISCOVER => true,
        MessageType::REQUEST => {
            message.ciaddr.is_unspecified() && message.server_identifier().is_none()
        }
        _ => false,
    }
}
