//! The filter that decides in the kernel which frames of an access link the daemon sees.
//!
//! Every packet that a node sends passes through it, so what is ordinary must be told quickly:
//! a few comparisons for the kind of packet, then a binary search for its source among the
//! attached nodes.
//!
//! ```text
//! group source, VLAN tag, sent by us, sent by another gateway ──────────────── drop
//! ARP; ICMPv6 133 to 136 (RS, RA, NS, NA); UDP to a DHCP server: 67, 547 ────── whole
//! other IPv4 and IPv6, source not attached: somebody's first packet ────────── its head
//! everything else ──────────────────────────────────────────────────────────── drop
//! ```
//!
//! A program of classic BPF jumps forward only. It is built from its end to its beginning, so
//! that every jump's target is known when the jump is written.

use std::collections::{BTreeMap, BTreeSet};

use kedge_model::MacAddr;
use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K,
    BPF_LD, BPF_LDX, BPF_MSH, BPF_RET, BPF_W, sock_filter,
};

use super::Detection;

/// How many octets of a control message are received: an Ethernet frame of the usual size.
pub const CONTROL_SNAP: u32 = 1514;
/// How many octets of any other packet are received: enough to know who sent it.
pub const FIRST_PACKET_SNAP: u32 = 128;
/// With more attached nodes than this, only control messages are received.
pub const MAX_ATTACHED: usize = 256;

/// The ports of DHCP servers (RFC 2131 §4.1, RFC 8415 §7.2).
const DHCPV4_SERVER: u32 = 67;
const DHCPV6_SERVER: u32 = 547;

/// Where the parts of a frame are, in octets from its start.
mod at {
    pub(super) const SOURCE_HIGH: u32 = 6;
    pub(super) const SOURCE_LOW: u32 = 8;
    pub(super) const ETHERTYPE: u32 = 12;
    pub(super) const IP: u32 = 14;
    pub(super) const IPV4_FRAGMENT: u32 = IP + 6;
    pub(super) const IPV4_PROTOCOL: u32 = IP + 9;
    pub(super) const IPV6_NEXT_HEADER: u32 = IP + 6;
    pub(super) const ICMPV6_TYPE: u32 = IP + 40;
    pub(super) const IPV6_UDP_DESTINATION: u32 = IP + 42;
    /// From the start of a UDP header, to which the IPv4 header's length is added.
    pub(super) const UDP_DESTINATION: u32 = IP + 2;
    /// Not in the frame, but told by the kernel.
    pub(super) const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    pub(super) const VLAN_TAG: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG).cast_unsigned();
}

/// What a gateway to which `attached` are attached can detect.
pub(super) fn detection(attached: &BTreeSet<MacAddr>) -> Detection {
    match attached.len() {
        0..=MAX_ATTACHED => Detection::AnyPacket,
        _ => Detection::ControlOnly,
    }
}

/// The program that detects so much while `attached` are attached.
pub(super) fn program(attached: &BTreeSet<MacAddr>, detection: Detection) -> Vec<sock_filter> {
    let mut p = Program::default();
    let drop = p.returns(0);
    let control = p.returns(CONTROL_SNAP);

    let other = match detection {
        Detection::ControlOnly => drop,
        Detection::AnyPacket => {
            let first_packet = p.returns(FIRST_PACKET_SNAP);
            p.unless_attached(attached, first_packet, drop)
        }
    };

    p.jump(BPF_JEQ, DHCPV4_SERVER, control, other);
    p.load(BPF_LD | BPF_H | BPF_IND, at::UDP_DESTINATION);
    let udp = p.load(BPF_LDX | BPF_B | BPF_MSH, at::IP);
    p.jump(BPF_JSET, 0x1fff, other, udp);
    let unfragmented = p.load(BPF_LD | BPF_H | BPF_ABS, at::IPV4_FRAGMENT);
    p.jump(BPF_JEQ, libc::IPPROTO_UDP.cast_unsigned(), unfragmented, other);
    let ipv4 = p.load(BPF_LD | BPF_B | BPF_ABS, at::IPV4_PROTOCOL);

    let at_most_na = p.jump(BPF_JGT, 136, other, control);
    p.jump(BPF_JGE, 133, at_most_na, other);
    let icmpv6 = p.load(BPF_LD | BPF_B | BPF_ABS, at::ICMPV6_TYPE);
    p.jump(BPF_JEQ, DHCPV6_SERVER, control, other);
    let udp = p.load(BPF_LD | BPF_H | BPF_ABS, at::IPV6_UDP_DESTINATION);
    let not_icmpv6 = p.jump(BPF_JEQ, libc::IPPROTO_UDP.cast_unsigned(), udp, other);
    p.jump(BPF_JEQ, libc::IPPROTO_ICMPV6.cast_unsigned(), icmpv6, not_icmpv6);
    let ipv6 = p.load(BPF_LD | BPF_B | BPF_ABS, at::IPV6_NEXT_HEADER);

    let not_ipv6 = p.jump(BPF_JEQ, libc::ETH_P_ARP.cast_unsigned(), control, drop);
    let not_ipv4 = p.jump(BPF_JEQ, libc::ETH_P_IPV6.cast_unsigned(), ipv6, not_ipv6);
    p.jump(BPF_JEQ, libc::ETH_P_IP.cast_unsigned(), ipv4, not_ipv4);
    let kind = p.load(BPF_LD | BPF_H | BPF_ABS, at::ETHERTYPE);

    // Gateways share one address (RFC 6543 §3): what has it as its source is from another.
    let (high, low) = halves(MacAddr::PMIPV6_GATEWAY);
    p.jump(BPF_JEQ, high.into(), drop, kind);
    let maybe_gateway = p.load(BPF_LD | BPF_H | BPF_ABS, at::SOURCE_HIGH);
    p.jump(BPF_JEQ, low, maybe_gateway, kind);
    let from_us = p.load(BPF_LD | BPF_W | BPF_ABS, at::SOURCE_LOW);
    p.jump(BPF_JEQ, u32::from(libc::PACKET_OUTGOING), drop, from_us);
    let untagged = p.load(BPF_LD | BPF_W | BPF_ABS, at::PACKET_TYPE);
    // The kernel has taken the tag out of the frame. A tag for VLAN 0 states a priority alone.
    p.jump(BPF_JSET, 0x0fff, drop, untagged);
    let source = p.load(BPF_LD | BPF_W | BPF_ABS, at::VLAN_TAG);
    p.jump(BPF_JSET, 0x0100, drop, source);
    p.load(BPF_LD | BPF_H | BPF_ABS, at::SOURCE_HIGH);
    p.finish()
}

/// A MAC address as the two loads give it: the first two octets, and the last four.
fn halves(mac: MacAddr) -> (u16, u32) {
    let [a, b, c, d, e, f] = mac.0;
    (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
}

/// A place in the program, as the number of instructions from there to the end.
#[derive(Clone, Copy)]
struct Label(usize);

/// Instructions in reverse order.
#[derive(Default)]
struct Program(Vec<sock_filter>);

impl Program {
    /// Accepts that many octets of the frame.
    fn returns(&mut self, octets: u32) -> Label {
        self.push(BPF_RET | BPF_K, 0, 0, octets)
    }

    fn load(&mut self, code: u32, k: u32) -> Label {
        self.push(code, 0, 0, k)
    }

    /// Compares the accumulator with `k`. A conditional jump reaches 255 instructions; to places
    /// further away it goes by way of a jump that reaches all.
    fn jump(&mut self, comparison: u32, k: u32, yes: Label, no: Label) -> Label {
        let no = self.within_reach(no);
        let yes = self.within_reach(yes);
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(BPF_JMP | comparison | BPF_K, jt, jf, k)
    }

    /// A search for the frame's source among `attached`.
    fn unless_attached(
        &mut self,
        attached: &BTreeSet<MacAddr>,
        stranger: Label,
        known: Label,
    ) -> Label {
        let mut keys: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
        for &mac in attached {
            let (high, low) = halves(mac);
            keys.entry(low).or_default().push(high);
        }
        let keys: Vec<(u32, Vec<u16>)> = keys.into_iter().collect();
        if keys.is_empty() {
            return stranger;
        }
        self.search(&keys, stranger, known);
        self.load(BPF_LD | BPF_W | BPF_ABS, at::SOURCE_LOW)
    }

    /// One node of the search tree over the last four octets, which the accumulator holds.
    fn search(&mut self, keys: &[(u32, Vec<u16>)], stranger: Label, known: Label) -> Label {
        if let [(low, highs)] = keys {
            let mut next = stranger;
            for &high in highs {
                next = self.jump(BPF_JEQ, high.into(), known, next);
            }
            let same_low = self.load(BPF_LD | BPF_H | BPF_ABS, at::SOURCE_HIGH);
            return self.jump(BPF_JEQ, *low, same_low, stranger);
        }
        let (below, above) = keys.split_at(keys.len() / 2);
        let from = above[0].0;
        let above = self.search(above, stranger, known);
        let below = self.search(below, stranger, known);
        self.jump(BPF_JGE, from, above, below)
    }

    fn finish(mut self) -> Vec<sock_filter> {
        self.0.reverse();
        self.0
    }

    /// `target`, or a jump to it if a conditional jump before one more such jump cannot reach it.
    fn within_reach(&mut self, target: Label) -> Label {
        const REACH: usize = u8::MAX as usize - 1;
        let distance = self.distance(target);
        if distance <= REACH {
            return target;
        }
        self.push(BPF_JMP | BPF_JA, 0, 0, distance as u32)
    }

    /// How many instructions an instruction written next skips to get to `target`.
    fn distance(&self, target: Label) -> usize {
        self.0.len() - target.0
    }

    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) -> Label {
        self.0.push(sock_filter { code: code as u16, jt, jf, k });
        Label(self.0.len())
    }
}
