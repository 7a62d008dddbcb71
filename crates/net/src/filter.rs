//! Who gets a frame of an access link: the daemon or the kernel.
//!
//! **Each frame goes to one of them.** The kernel gets the packets that attached nodes send from
//! addresses of their own, and forwards them. The daemon gets everything else that is said to a
//! router. So nothing that a stranger sends, and nothing in which a node says who it is, reaches the
//! kernel's own protocols, whose tables it could fill.
//!
//! ```text
//!                                                                        daemon    kernel
//! group source, sent by us, sent by another gateway, several VLAN tags ── -         -
//! VLAN tag, neither IP nor ARP: not the gateway's business ────────────── -         yes
//! ARP; ICMPv6 133 to 137 (RS, RA, NS, NA, Redirect); what Neighbor
//!   Discovery could hide in; UDP to a DHCP server: 67, 547 ────────────── whole     -
//! other IPv4 and IPv6, of an attached node and from its own address ───── -         yes
//!   of anybody else, or from another address ──────────────────────────── its head  -
//! ```
//!
//! One question is built into two programs: the filter of the daemon's packet socket, which sees
//! frames first, and the guard on the device's way in, behind it ([`crate::netlink`]). Every packet
//! that a node sends passes through both, so what is ordinary must be told quickly: a few
//! comparisons for the kind of packet, a binary search for its source among the attached nodes,
//! and the node's few addresses.
//!
//! The programs are classic BPF ([`crate::bpf`]), which takes no privilege beside the one to set
//! them: one of extended BPF with a map of the nodes would. Their length is bounded. A socket has one;
//! a guard has as many as its nodes take ([`crate::parts`]).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kedge_model::{IpNet, MacAddr};
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET, BPF_K,
    BPF_LD, BPF_LDX, BPF_MEM, BPF_MSH, BPF_ST, BPF_W, sock_filter,
};

use crate::bpf::{Label, Program};
use crate::nodes::{Attached, Node, Part, halves};

/// How many octets of a control message are received: an Ethernet frame of the usual size.
pub const CONTROL_SNAP: u32 = 1514;
/// How many octets of any other packet are received: enough to know who sent it.
pub const FIRST_PACKET_SNAP: u32 = 128;

/// The cells of a program's memory.
mod memory {
    /// The words of a packet's source are in the first.
    pub(super) const WORDS: u32 = 4;
    pub(super) const SOURCE_HIGH: u32 = 4;
    pub(super) const ETHERTYPE: u32 = 5;
}

/// The most instructions of a socket's program (BPF_MAXINSNS).
const SOCKET_PROGRAM: usize = 4096;
/// The most of one of a guard's: what the kernel lists of a filter has to fit into 32 KiB.
const GUARD_PROGRAM: usize = 2048;

/// The ports of DHCP servers (RFC 2131 §4.1, RFC 8415 §7.2).
const DHCPV4_SERVER: u32 = 67;
const DHCPV6_SERVER: u32 = 547;

/// The first and the last type of Neighbor Discovery (RFC 4861 §4).
const ROUTER_SOLICITATION: u32 = 133;
const REDIRECT: u32 = 137;
/// Messages of Neighbor Discovery come with this hop limit or are discarded (RFC 4861 §6.1, §7.1).
const NEVER_FORWARDED: u32 = 255;

/// Where the parts of a frame are, in octets from its start.
mod at {
    pub(super) const SOURCE_HIGH: u32 = 6;
    pub(super) const SOURCE_LOW: u32 = 8;
    pub(super) const ETHERTYPE: u32 = 12;
    pub(super) const IP: u32 = 14;
    pub(super) const IPV4_FRAGMENT: u32 = IP + 6;
    pub(super) const IPV4_PROTOCOL: u32 = IP + 9;
    pub(super) const IPV4_SOURCE: u32 = IP + 12;
    pub(super) const IPV6_NEXT_HEADER: u32 = IP + 6;
    pub(super) const IPV6_HOP_LIMIT: u32 = IP + 7;
    pub(super) const IPV6_SOURCE: u32 = IP + 8;
    pub(super) const ICMPV6_TYPE: u32 = IP + 40;
    pub(super) const IPV6_UDP_DESTINATION: u32 = IP + 42;
    /// From the start of a UDP header, to which the IPv4 header's length is added.
    pub(super) const UDP_DESTINATION: u32 = IP + 2;
    /// Not in the frame, but told by the kernel.
    pub(super) const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    pub(super) const VLAN_TAG: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG).cast_unsigned();
}

/// Which frames of nodes that are not attached are seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detection {
    /// Control messages, and any packet.
    AnyPacket,
    /// Control messages alone: so many nodes are attached that a filter which tells the others'
    /// packets apart is longer than the kernel takes. With an IPv4 address, a prefix and a
    /// link-local address each, that is beyond 150 nodes on one interface.
    ControlOnly,
}

/// What a program returns for the kinds of frames.
struct Verdicts {
    /// Nobody's.
    void: u32,
    /// Not the gateway's business, or another program's of the same guard.
    alien: u32,
    /// A control message.
    control: u32,
    /// A packet from somebody who is not attached, or not from an address of its own.
    stranger: u32,
    /// A packet of an attached node.
    attached: u32,
}

/// The packet socket's: how much of a frame is received.
const SOCKET: Verdicts =
    Verdicts { void: 0, alien: 0, control: CONTROL_SNAP, stranger: FIRST_PACKET_SNAP, attached: 0 };

/// The guard's: TC_ACT_SHOT, which the device counts; TC_ACT_STOLEN for what the daemon has taken; or
/// TC_ACT_UNSPEC, with which others' filters on the device go on.
const GUARD: Verdicts =
    Verdicts { void: 2, alien: u32::MAX, control: 4, stranger: 2, attached: u32::MAX };

/// The program of a packet socket that hears of nobody but by control messages.
pub(crate) fn control_only() -> Vec<sock_filter> {
    program(&SOCKET, Part::WHOLE, None)
}

/// The program of the packet socket of a gateway to which these are attached, and what it detects.
pub(crate) fn socket(attached: &Attached) -> (Vec<sock_filter>, Detection) {
    let nodes: Vec<Node<'_>> = attached.iter().map(|(&mac, sources)| (mac, sources)).collect();
    match fitting(&SOCKET, Part::WHOLE, &nodes, SOCKET_PROGRAM) {
        Some(program) => (program, Detection::AnyPacket),
        None => (control_only(), Detection::ControlOnly),
    }
}

/// The program that keeps the kernel from what is not for it, of the frames from this part of all
/// addresses, in which these nodes are; `None` if they are too many for one.
pub(crate) fn guard(part: Part, nodes: &[Node<'_>]) -> Option<Vec<sock_filter>> {
    fitting(&GUARD, part, nodes, GUARD_PROGRAM)
}

fn fitting(
    verdicts: &Verdicts,
    part: Part,
    nodes: &[Node<'_>],
    most: usize,
) -> Option<Vec<sock_filter>> {
    // Each node takes more instructions than this, and most of them more.
    const LEAST: usize = 4;
    if nodes.len() > most / LEAST {
        return None;
    }
    Some(program(verdicts, part, Some(nodes))).filter(|program| program.len() <= most)
}

/// Without `nodes` everybody is taken for attached.
fn program(verdicts: &Verdicts, part: Part, nodes: Option<&[Node<'_>]>) -> Vec<sock_filter> {
    let mut p = Program::default();
    let void = p.returns(verdicts.void);
    let alien = p.returns(verdicts.alien);
    let known = p.returns(verdicts.attached);
    let stranger = p.returns(verdicts.stranger);
    let control = p.returns(verdicts.control);

    let (ipv4, ipv6) = match nodes {
        Some(nodes) => {
            let other = p.unless_attached(nodes, stranger, known);
            (p.remembered(at::IPV4_SOURCE, 1, other), p.remembered(at::IPV6_SOURCE, 4, other))
        }
        None => (known, known),
    };
    let dhcpv4 = p.dhcpv4_or(control, ipv4);
    let neighbor = p.neighbor_discovery_or(control, ipv6);

    // A second tag. Behind one that states a priority alone the kernel would take it out, later.
    let not_8021q = p.jump(BPF_JEQ, libc::ETH_P_8021AD.cast_unsigned(), void, alien);
    let not_arp = p.jump(BPF_JEQ, libc::ETH_P_8021Q.cast_unsigned(), void, not_8021q);
    let not_ipv6 = p.jump(BPF_JEQ, libc::ETH_P_ARP.cast_unsigned(), control, not_arp);
    let not_ipv4 = p.jump(BPF_JEQ, libc::ETH_P_IPV6.cast_unsigned(), neighbor, not_ipv6);
    p.jump(BPF_JEQ, libc::ETH_P_IP.cast_unsigned(), dhcpv4, not_ipv4);
    let kind = p.load(BPF_LD | BPF_H | BPF_ABS, at::ETHERTYPE);

    // Gateways share one address (RFC 6543 §3): what has it as its source is from another.
    let (high, low) = halves(MacAddr::PMIPV6_GATEWAY);
    p.jump(BPF_JEQ, high.into(), void, kind);
    let maybe_gateway = p.load(BPF_LD | BPF_H | BPF_ABS, at::SOURCE_HIGH);
    p.jump(BPF_JEQ, low, maybe_gateway, kind);
    let from_us = p.load(BPF_LD | BPF_W | BPF_ABS, at::SOURCE_LOW);
    p.jump(BPF_JEQ, u32::from(libc::PACKET_OUTGOING), void, from_us);
    let single = p.load(BPF_LD | BPF_W | BPF_ABS, at::PACKET_TYPE);
    p.jump(BPF_JSET, 0x0100, void, single);
    let untagged = p.load(BPF_LD | BPF_H | BPF_ABS, at::SOURCE_HIGH);
    // The kernel has taken the tag out of the frame. A tag for VLAN 0 states a priority alone.
    p.jump(BPF_JSET, 0x0fff, alien, untagged);
    let start = p.load(BPF_LD | BPF_W | BPF_ABS, at::VLAN_TAG);
    if part.bits > 0 {
        p.jump(BPF_JEQ, part.number, start, alien);
        p.load(BPF_ALU | BPF_AND | BPF_K, part.mask());
        p.load(BPF_LD | BPF_W | BPF_ABS, at::SOURCE_LOW);
    }
    p.finish()
}

/// The first two octets of a node's MAC address, and the addresses it may send from.
type Key<'a> = (u16, &'a BTreeSet<IpNet>);

impl Program {
    /// Tells what an IPv4 packet to a DHCP server is from `other` ones.
    fn dhcpv4_or(&mut self, control: Label, other: Label) -> Label {
        self.jump(BPF_JEQ, DHCPV4_SERVER, control, other);
        self.load(BPF_LD | BPF_H | BPF_IND, at::UDP_DESTINATION);
        let udp = self.load(BPF_LDX | BPF_B | BPF_MSH, at::IP);
        self.jump(BPF_JSET, 0x1fff, other, udp);
        let unfragmented = self.load(BPF_LD | BPF_H | BPF_ABS, at::IPV4_FRAGMENT);
        self.jump(BPF_JEQ, libc::IPPROTO_UDP.cast_unsigned(), unfragmented, other);
        self.load(BPF_LD | BPF_B | BPF_ABS, at::IPV4_PROTOCOL)
    }

    /// Tells what of IPv6 is Neighbor Discovery or for a DHCP server from `other` packets. The
    /// kernel would find the former behind extension headers too, which is told by the hop limit.
    fn neighbor_discovery_or(&mut self, control: Label, other: Label) -> Label {
        self.jump(BPF_JEQ, NEVER_FORWARDED, control, other);
        let extended = self.load(BPF_LD | BPF_B | BPF_ABS, at::IPV6_HOP_LIMIT);
        let mut extension = other;
        // Not behind a Fragment header: there the kernel discards it (RFC 6980 §5).
        for header in [libc::IPPROTO_HOPOPTS, libc::IPPROTO_ROUTING, libc::IPPROTO_DSTOPTS] {
            extension = self.jump(BPF_JEQ, header.cast_unsigned(), extended, extension);
        }
        let at_most_redirect = self.jump(BPF_JGT, REDIRECT, other, control);
        self.jump(BPF_JGE, ROUTER_SOLICITATION, at_most_redirect, other);
        let icmpv6 = self.load(BPF_LD | BPF_B | BPF_ABS, at::ICMPV6_TYPE);
        self.jump(BPF_JEQ, DHCPV6_SERVER, control, other);
        let udp = self.load(BPF_LD | BPF_H | BPF_ABS, at::IPV6_UDP_DESTINATION);
        let not_icmpv6 = self.jump(BPF_JEQ, libc::IPPROTO_UDP.cast_unsigned(), udp, extension);
        self.jump(BPF_JEQ, libc::IPPROTO_ICMPV6.cast_unsigned(), icmpv6, not_icmpv6);
        self.load(BPF_LD | BPF_B | BPF_ABS, at::IPV6_NEXT_HEADER)
    }

    /// A search for the frame's source among the nodes, and for the packet's among its addresses.
    fn unless_attached(&mut self, nodes: &[Node<'_>], stranger: Label, known: Label) -> Label {
        let mut keys: BTreeMap<u32, Vec<Key<'_>>> = BTreeMap::new();
        for &(mac, sources) in nodes {
            let (high, low) = halves(mac);
            keys.entry(low).or_default().push((high, sources));
        }
        let keys: Vec<(u32, Vec<Key<'_>>)> = keys.into_iter().collect();
        if keys.is_empty() {
            return stranger;
        }
        self.search(&keys, stranger, known);
        self.load(BPF_LD | BPF_W | BPF_ABS, at::SOURCE_LOW)
    }

    /// One node of the search tree over the last four octets, which the accumulator holds.
    fn search(&mut self, keys: &[(u32, Vec<Key<'_>>)], stranger: Label, known: Label) -> Label {
        if let [(low, nodes)] = keys {
            let [stranger, known] = [stranger, known].map(|verdict| self.repeated(verdict));
            let own: Vec<(u16, Label)> = nodes
                .iter()
                .map(|(high, sources)| (*high, self.unless_own(sources, stranger, known)))
                .collect();
            let mut next = stranger;
            for (high, own) in own {
                next = self.jump(BPF_JEQ, high.into(), own, next);
            }
            let same_low = self.load(BPF_LD | BPF_MEM, memory::SOURCE_HIGH);
            return self.jump(BPF_JEQ, *low, same_low, stranger);
        }
        let (below, above) = keys.split_at(keys.len() / 2);
        let from = above[0].0;
        let above = self.search(above, stranger, known);
        let below = self.search(below, stranger, known);
        self.jump(BPF_JGE, from, above, below)
    }

    /// A node's own addresses.
    fn unless_own(&mut self, sources: &BTreeSet<IpNet>, stranger: Label, known: Label) -> Label {
        let (ipv4, ipv6) = sources.iter().partition::<Vec<_>, _>(|net| net.addr().is_ipv4());
        let [ipv4, ipv6] = [ipv4, ipv6].map(|nets| {
            nets.into_iter().fold(stranger, |otherwise, net| self.within(net, known, otherwise))
        });
        self.jump(BPF_JEQ, libc::ETH_P_IP.cast_unsigned(), ipv4, ipv6);
        self.load(BPF_LD | BPF_MEM, memory::ETHERTYPE)
    }

    /// Puts what each node is compared with where it is read at less cost than in the frame: the
    /// words of the packet's source, and the parts of the frame's header.
    fn remembered(&mut self, source: u32, words: u32, next: Label) -> Label {
        let mut start = self.goto(next);
        for (cell, offset) in
            [(memory::SOURCE_HIGH, at::SOURCE_HIGH), (memory::ETHERTYPE, at::ETHERTYPE)]
        {
            self.load(BPF_ST, cell);
            start = self.load(BPF_LD | BPF_H | BPF_ABS, offset);
        }
        // No cell may be read that some way to there has not written.
        for word in (0..memory::WORDS).rev() {
            start = self.load(BPF_ST, word);
            if word < words {
                start = self.load(BPF_LD | BPF_W | BPF_ABS, source + 4 * word);
            }
        }
        start
    }

    /// Whether a packet's source is in a network, word by word.
    fn within(&mut self, net: &IpNet, yes: Label, no: Label) -> Label {
        let octets = match net.trunc().addr() {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let length = u32::from(net.prefix_len());
        let mut next = yes;
        for (cell, word) in (0..memory::WORDS).zip(octets.as_chunks::<4>().0).rev() {
            let bits = length.saturating_sub(32 * cell).min(32);
            if bits == 0 {
                continue;
            }
            self.jump(BPF_JEQ, u32::from_be_bytes(*word), next, no);
            if bits < 32 {
                self.load(BPF_ALU | BPF_AND | BPF_K, u32::MAX << (32 - bits));
            }
            next = self.load(BPF_LD | BPF_MEM, cell);
        }
        next
    }
}
