//! The DHCP server of a network (RFC 2131 §4.3).
//!
//! It is the network's only one, and says so: a host that wants to keep an address of the subnet
//! that nobody has gets it, though the server may have forgotten the lease in a restart, where
//! RFC 2131 §4.3.2 lets a server that does not know the host be silent.

use std::net::Ipv4Addr;
use std::time::Duration;

use kedge_access_wire::dhcpv4::{self, DhcpOption, Message, MessageType, Op, Route};
use kedge_model::Ipv4Net;
use kedge_sansio::Now;

use super::leases::Client;
use super::{Lan, NetworkHosts};

/// How long a lease is.
const LEASE: Duration = Duration::from_secs(3600);
/// How long an offer stands.
const OFFER: Duration = Duration::from_secs(60);

impl Lan {
    pub(super) fn handle_dhcp(&mut self, message: &Message, count: &mut NetworkHosts, now: Now) {
        let Some(router) = self.served.ipv4 else {
            count.discarded += 1;
            return;
        };
        let for_another = message.server_identifier().is_some_and(|id| id != router.addr());
        if message.op != Op::Request || !message.giaddr.is_unspecified() || for_another {
            count.discarded += 1;
            return;
        }
        match message.message_type {
            MessageType::DISCOVER => self.offer(message, router, count, now),
            MessageType::REQUEST => self.acknowledge(message, router, count, now),
            MessageType::DECLINE => {
                count.decline += 1;
                if let Some(address) = message.requested_address() {
                    self.leases.set_aside(&client(message), address, now.mono + LEASE);
                }
            }
            MessageType::RELEASE => {
                count.release += 1;
                self.leases.release(&client(message), message.ciaddr);
            }
            // §4.3.5: everything but an address and a lease.
            MessageType::INFORM => {
                count.inform += 1;
                count.ack += 1;
                let mut reply = Message::reply_to(message, MessageType::ACK);
                reply.ciaddr = message.ciaddr;
                reply.options = self.parameters(router);
                self.send_dhcp(&reply, router.addr(), message.ciaddr);
            }
            _ => count.discarded += 1,
        }
    }

    fn offer(&mut self, message: &Message, router: Ipv4Net, count: &mut NetworkHosts, now: Now) {
        count.discover += 1;
        let client = client(message);
        let Some(address) = self.leases.find(&client, message.requested_address(), now.mono) else {
            count.exhausted += 1;
            return;
        };
        self.leases.grant(client, message.chaddr, address, now.mono + OFFER);
        count.offer += 1;
        self.lease(message, MessageType::OFFER, address, router);
    }

    fn acknowledge(
        &mut self,
        message: &Message,
        router: Ipv4Net,
        count: &mut NetworkHosts,
        now: Now,
    ) {
        count.request += 1;
        // §4.3.2: in SELECTING and INIT-REBOOT the address is in the option, in RENEWING and
        // REBINDING in ciaddr.
        let wanted = match message.ciaddr.is_unspecified() {
            true => message.requested_address(),
            false => Some(message.ciaddr),
        };
        let client = client(message);
        let may_have = |address: &Ipv4Addr| self.leases.may_have(&client, *address, now.mono);
        match wanted.filter(may_have) {
            Some(address) => {
                self.leases.grant(client, message.chaddr, address, now.mono + LEASE);
                count.ack += 1;
                self.lease(message, MessageType::ACK, address, router);
            }
            None => {
                count.nak += 1;
                let mut reply = Message::reply_to(message, MessageType::NAK);
                reply.options = vec![
                    DhcpOption::ServerIdentifier(router.addr()),
                    DhcpOption::Message("not your address on this link".to_owned()),
                ];
                // §4.1: always broadcast.
                self.send_dhcp(&reply, router.addr(), Ipv4Addr::BROADCAST);
            }
        }
    }

    fn lease(&mut self, message: &Message, kind: MessageType, address: Ipv4Addr, router: Ipv4Net) {
        let mut reply = Message::reply_to(message, kind);
        reply.yiaddr = address;
        if kind == MessageType::ACK {
            reply.ciaddr = message.ciaddr;
        }
        let seconds = LEASE.as_secs() as u32;
        reply.options = self.parameters(router);
        reply.options.extend([
            DhcpOption::LeaseTime(seconds),
            // §4.4.5: T1 is half of the lease, T2 seven eighths.
            DhcpOption::RenewalTime(seconds / 2),
            DhcpOption::RebindingTime(seconds / 8 * 7),
        ]);
        // §4.1: to the address a client has, else as its broadcast bit says.
        let destination = if !message.ciaddr.is_unspecified() {
            message.ciaddr
        } else if message.broadcast {
            Ipv4Addr::BROADCAST
        } else {
            address
        };
        self.send_dhcp(&reply, router.addr(), destination);
    }

    /// What every host is told.
    fn parameters(&self, router: Ipv4Net) -> Vec<DhcpOption> {
        vec![
            DhcpOption::ServerIdentifier(router.addr()),
            DhcpOption::SubnetMask(router.netmask()),
            DhcpOption::Router(vec![router.addr()]),
            DhcpOption::InterfaceMtu(self.served.mtu),
        ]
    }

    /// The frame goes to the asking host alone, whatever its IP destination.
    fn send_dhcp(&mut self, reply: &Message, source: Ipv4Addr, destination: Ipv4Addr) {
        let (source_mac, destination_mac) = (self.served.mac, reply.chaddr);
        let route = Route { source_mac, destination_mac, source, destination };
        let mut bytes = self.buffers.take();
        dhcpv4::encode_frame(&route, reply, &mut bytes);
        self.out.push_back(bytes);
    }
}

/// RFC 2131 §4.2: the identifier that the client gives itself, else its hardware address.
fn client(message: &Message) -> Client {
    let given = message.options.iter().find_map(|option| match option {
        DhcpOption::ClientIdentifier(id) if !id.is_empty() => Some(id.clone()),
        _ => None,
    });
    given.unwrap_or_else(|| message.chaddr.0.to_vec())
}
