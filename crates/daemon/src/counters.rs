//! Counters that an operator can set back to zero, while what counts them goes on.

use std::time::{Duration, Instant};

use kedge_dataplane::{BindingCounters, Totals};
use kedge_sansio::Now;
use kedge_telemetry::Group;

/// What counters stood at when they were cleared, and when that was.
#[derive(Default)]
pub struct Baseline {
    groups: Vec<Group>,
    cleared: Option<Instant>,
}

impl Baseline {
    /// Starts again from what the counters stand at.
    pub fn clear(&mut self, groups: Vec<Group>, now: Now) {
        (self.groups, self.cleared) = (groups, Some(now.mono));
    }

    /// How long ago the counters were cleared, if they were.
    pub fn age(&self, now: Now) -> Option<Duration> {
        self.cleared.map(|at| now.mono.saturating_duration_since(at))
    }

    /// The counters since they were cleared. The groups are those given to [`Self::clear`], in
    /// the same order.
    pub fn since(&self, mut groups: Vec<Group>) -> Vec<Group> {
        for (group, base) in groups.iter_mut().zip(&self.groups) {
            for (row, base) in group.rows.iter_mut().zip(&base.rows) {
                row.value = row.value.wrapping_sub(base.value);
            }
        }
        groups
    }
}

kedge_telemetry::counters! {
    /// What the bindings of one customer carried, those that are over among them.
    pub struct CustomerData: "Customer Data", "customer_data" {
        /// Packets taken out of tunnels.
        received_packets: "Packets Received",
        /// Their octets.
        received_bytes: "Bytes Received",
        /// Packets put into tunnels.
        sent_packets: "Packets Sent",
        /// Their octets.
        sent_bytes: "Bytes Sent",
    }
}

impl CustomerData {
    /// Adds what one binding carried.
    pub fn add(&mut self, binding: BindingCounters) {
        self.received_packets += binding.received_packets;
        self.received_bytes += binding.received_bytes;
        self.sent_packets += binding.sent_packets;
        self.sent_bytes += binding.sent_bytes;
    }
}

/// The groups that the data plane counts.
pub fn tunnel_groups(totals: &Totals) -> [Group; 5] {
    [
        Group::of(&totals.received),
        Group::of(&totals.sent),
        Group::of(&totals.icmpv6),
        Group::of(&totals.drops),
        Group::of(&totals.mss),
    ]
}
