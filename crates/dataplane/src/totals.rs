//! The counters of a whole data plane, in the groups that an operator reads.
//!
//! An encapsulation is counted by three things: the family of the outer packet, what is between
//! the headers, and the family of the inner packet. That makes the twelve [`Kind`]s; one table
//! names them, and the groups of both directions are made from it.

use kedge_model::{Encapsulation, Tunnel};
use kedge_telemetry::{CounterGroup, Row};

use crate::DropReason;
use crate::counters::Cell;

/// One of the twelve ways to carry a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind(u8);

impl Kind {
    const COUNT: usize = 12;

    /// How `tunnel` carries an inner packet of `inner_ipv4`'s family.
    pub fn of(tunnel: &Tunnel, inner_ipv4: bool) -> Self {
        let carrier = match tunnel.encapsulation {
            Encapsulation::IpInIp => 0,
            Encapsulation::Gre { .. } => 2,
            // What is between UDP and the inner packet is not told apart.
            Encapsulation::Udp { .. } | Encapsulation::GreUdp { .. } => 4,
        };
        Self(if tunnel.peer.is_ipv6() { 0 } else { 6 } + carrier + u8::from(inner_ipv4))
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Label and key of each kind's packets, then of its octets, in the order of [`Kind`].
const NAMES: [[&str; 4]; Kind::COUNT] = [
    ["IPv6 (IPv6)", "ipv6_ipv6_packets", "IPv6 (IPv6) bytes", "ipv6_ipv6_bytes"],
    ["IPv6 (IPv4)", "ipv6_ipv4_packets", "IPv6 (IPv4) bytes", "ipv6_ipv4_bytes"],
    ["IPv6 GRE (IPv6)", "ipv6_gre_ipv6_packets", "IPv6 GRE (IPv6) bytes", "ipv6_gre_ipv6_bytes"],
    ["IPv6 GRE (IPv4)", "ipv6_gre_ipv4_packets", "IPv6 GRE (IPv4) bytes", "ipv6_gre_ipv4_bytes"],
    ["IPv6 UDP (IPv6)", "ipv6_udp_ipv6_packets", "IPv6 UDP (IPv6) bytes", "ipv6_udp_ipv6_bytes"],
    ["IPv6 UDP (IPv4)", "ipv6_udp_ipv4_packets", "IPv6 UDP (IPv4) bytes", "ipv6_udp_ipv4_bytes"],
    ["IPv4 (IPv6)", "ipv4_ipv6_packets", "IPv4 (IPv6) bytes", "ipv4_ipv6_bytes"],
    ["IPv4 (IPv4)", "ipv4_ipv4_packets", "IPv4 (IPv4) bytes", "ipv4_ipv4_bytes"],
    ["IPv4 GRE (IPv6)", "ipv4_gre_ipv6_packets", "IPv4 GRE (IPv6) bytes", "ipv4_gre_ipv6_bytes"],
    ["IPv4 GRE (IPv4)", "ipv4_gre_ipv4_packets", "IPv4 GRE (IPv4) bytes", "ipv4_gre_ipv4_bytes"],
    ["IPv4 UDP (IPv6)", "ipv4_udp_ipv6_packets", "IPv4 UDP (IPv6) bytes", "ipv4_udp_ipv6_bytes"],
    ["IPv4 UDP (IPv4)", "ipv4_udp_ipv4_packets", "IPv4 UDP (IPv4) bytes", "ipv4_udp_ipv4_bytes"],
];

/// The order in which the statistics print the kinds: IPv6 transport first, then IPv4.
const PRINTED: [usize; Kind::COUNT] = [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10];

/// Packets and octets of inner packets by kind, in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TunnelData {
    packets: [u64; Kind::COUNT],
    bytes: [u64; Kind::COUNT],
}

impl TunnelData {
    /// Packets of all kinds.
    pub fn total_packets(&self) -> u64 {
        self.packets.iter().sum()
    }

    /// Octets of all kinds.
    pub fn total_bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// Packets of one kind.
    pub fn packets(&self, kind: Kind) -> u64 {
        self.packets[kind.index()]
    }

    /// Octets of one kind.
    pub fn bytes(&self, kind: Kind) -> u64 {
        self.bytes[kind.index()]
    }

    fn rows(&self) -> Vec<Row> {
        let total = |label, key, value| {
            std::iter::once(Row { label, key, help: "Sum of the encapsulations.", value })
        };
        let row = |values: [u64; Kind::COUNT], name: usize, help| {
            let at = PRINTED.into_iter();
            at.map(move |k| Row {
                label: NAMES[k][name],
                key: NAMES[k][name + 1],
                help,
                value: values[k],
            })
        };
        total("Total Packets", "total_packets", self.total_packets())
            .chain(row(self.packets, 0, "Inner packets, named as outer (inner)."))
            .chain(total("Total Bytes", "total_bytes", self.total_bytes()))
            .chain(row(self.bytes, 2, "Octets of inner packets."))
            .collect()
    }
}

/// Packets taken out of tunnels, and those refused there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TunnelDataReceived {
    /// What was carried.
    pub data: TunnelData,
    /// The inner protocol was neither IPv4 nor IPv6.
    pub protocol_type_errors: u64,
    /// The inner length exceeded the datagram.
    pub invalid_length: u64,
    /// No binding for the inner source, key and tunnel peer.
    pub no_session: u64,
}

impl CounterGroup for TunnelDataReceived {
    const TITLE: &'static str = "Tunnel Data Received";
    const KEY: &'static str = "tunnel_data_received";

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.data.rows();
        rows.extend([
            Row {
                label: "Protocol Type Error",
                key: "protocol_type_errors",
                help: "The inner protocol is neither IPv4 nor IPv6.",
                value: self.protocol_type_errors,
            },
            Row {
                label: "Invalid Pkt Length",
                key: "invalid_length",
                help: "The inner length exceeds the datagram.",
                value: self.invalid_length,
            },
            Row {
                label: "No Session Found",
                key: "no_session",
                help: "No binding for the inner source, key and tunnel peer.",
                value: self.no_session,
            },
        ]);
        rows
    }
}

/// Packets put into tunnels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TunnelDataSent {
    /// What was carried.
    pub data: TunnelData,
}

impl CounterGroup for TunnelDataSent {
    const TITLE: &'static str = "Tunnel Data Sent";
    const KEY: &'static str = "tunnel_data_sent";

    fn rows(&self) -> Vec<Row> {
        self.data.rows()
    }
}

kedge_telemetry::counters! {
    /// Errors about outer packets (RFC 2473 §8). "Fragmentation needed" about an outer IPv4
    /// packet counts as the Packet Too Big that it is.
    pub struct TunnelIcmpv6: "Tunnel ICMPv6 Packets", "tunnel_icmpv6" {
        /// A Packet Too Big about an outer packet arrived.
        packet_too_big_received: "Packet Too Big Rcvd",
        /// It could not be mapped to a binding.
        packet_too_big_dropped: "Packet Too Big Dropped",
        /// It was translated and sent to the inner source.
        packet_too_big_relayed: "Packet Too Big Relayed",
    }
}

kedge_telemetry::counters! {
    /// Packets between subscribers of one gateway that went through no tunnel (RFC 5213 §6.10.3).
    pub struct LocalRouting: "Local Routing", "local_routing" {
        /// Packets.
        packets: "Packets",
        /// Their octets.
        bytes: "Bytes",
    }
}

kedge_telemetry::counters! {
    /// TCP connections through tunnels whose segment size was lowered to what the tunnel carries.
    pub struct MssClamping: "TCP MSS Clamping", "mss_clamping" {
        /// A SYN towards a tunnel announced more than the tunnel carries.
        into_tunnels: "Into Tunnels",
        /// A SYN from a tunnel announced more than the tunnel carries.
        out_of_tunnels: "Out of Tunnels",
    }
}

/// Everything a data plane counts that belongs to no single binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Packets taken out of tunnels.
    pub received: TunnelDataReceived,
    /// Packets put into tunnels.
    pub sent: TunnelDataSent,
    /// Errors about outer packets.
    pub icmpv6: TunnelIcmpv6,
    /// Packets dropped, each under its reason.
    pub drops: Drops,
    /// Packets that a gateway routed itself.
    pub local: LocalRouting,
    /// SYNs whose segment size was lowered.
    pub mss: MssClamping,
}

/// Dropped packets by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops([u64; DropReason::COUNT]);

impl Drops {
    /// Packets dropped for `reason`.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }
}

impl CounterGroup for Drops {
    const TITLE: &'static str = "Tunnel Data Dropped";
    const KEY: &'static str = "tunnel_data_dropped";

    fn rows(&self) -> Vec<Row> {
        let all = DropReason::ALL.into_iter();
        let row = |r: DropReason| {
            let (label, key, help) = (r.label(), r.key(), r.help());
            Row { label, key, help, value: self.get(r) }
        };
        all.map(row).collect()
    }
}

/// [`Totals`] while they are being written, by one thread.
#[derive(Debug, Default)]
pub struct TotalCells {
    received: KindCells,
    sent: KindCells,
    drops: [Cell; DropReason::COUNT],
    local: [Cell; 2],
    pub(crate) too_big_received: Cell,
    pub(crate) too_big_dropped: Cell,
    pub(crate) too_big_relayed: Cell,
    pub(crate) clamped_into: Cell,
    pub(crate) clamped_out_of: Cell,
}

#[derive(Debug, Default)]
struct KindCells {
    packets: [Cell; Kind::COUNT],
    bytes: [Cell; Kind::COUNT],
}

impl KindCells {
    fn add(&self, kind: Kind, packets: u64, bytes: u64) {
        self.packets[kind.index()].add(packets);
        self.bytes[kind.index()].add(bytes);
    }

    fn read(&self) -> TunnelData {
        TunnelData {
            packets: std::array::from_fn(|k| self.packets[k].get()),
            bytes: std::array::from_fn(|k| self.bytes[k].get()),
        }
    }
}

impl TotalCells {
    /// Counts inner packets put into a tunnel.
    pub fn sent(&self, kind: Kind, packets: u64, bytes: u64) {
        self.sent.add(kind, packets, bytes);
    }

    /// Counts inner packets taken out of a tunnel.
    pub fn received(&self, kind: Kind, packets: u64, bytes: u64) {
        self.received.add(kind, packets, bytes);
    }

    /// Counts packets from one subscriber to another of this gateway.
    pub fn routed_locally(&self, packets: u64, bytes: u64) {
        let [all, octets] = &self.local;
        all.add(packets);
        octets.add(bytes);
    }

    /// Counts dropped packets.
    pub fn dropped(&self, reason: DropReason, packets: u64) {
        self.drops[reason as usize].add(packets);
    }

    /// The counts as they stand.
    pub fn read(&self) -> Totals {
        let drops = Drops(std::array::from_fn(|r| self.drops[r].get()));
        Totals {
            received: TunnelDataReceived {
                data: self.received.read(),
                protocol_type_errors: drops.get(DropReason::ProtocolType),
                invalid_length: drops.get(DropReason::InvalidLength),
                no_session: drops.get(DropReason::UnknownPeer)
                    + drops.get(DropReason::UnknownKey)
                    + drops.get(DropReason::UnknownInner)
                    + drops.get(DropReason::OtherTunnel),
            },
            sent: TunnelDataSent { data: self.sent.read() },
            icmpv6: TunnelIcmpv6 {
                packet_too_big_received: self.too_big_received.get(),
                packet_too_big_dropped: self.too_big_dropped.get(),
                packet_too_big_relayed: self.too_big_relayed.get(),
            },
            drops,
            mss: MssClamping {
                into_tunnels: self.clamped_into.get(),
                out_of_tunnels: self.clamped_out_of.get(),
            },
            local: LocalRouting { packets: self.local[0].get(), bytes: self.local[1].get() },
        }
    }
}
