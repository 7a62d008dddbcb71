//! Counters: what has moved since they were looked at last, and the sums that always hold.

use std::collections::BTreeMap;

use kedge_telemetry::{Group, Row};

use crate::script::Sentence;
use crate::seen::Seen;

/// The counters as they were when a scenario last spoke of them.
#[derive(Clone, Debug, Default)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// `counters from here`: what has moved so far was another scenario's.
    pub fn begin(&mut self, groups: &[Group]) {
        self.0 = all(groups);
    }

    /// Checks a `counters` sentence: it names each counter that moved and by how much.
    ///
    /// ```text
    /// counters
    ///   binding_updates_received total +1, denied +1
    /// ```
    pub fn check(
        &mut self,
        sentence: &Sentence,
        groups: &[Group],
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mut said: BTreeMap<String, u64> = BTreeMap::new();
        for mut line in sentence.below() {
            let group = line.next("a group")?.to_owned();
            while !line.is_empty() {
                let name = format!("{group}.{}", line.next("a counter")?);
                let by = line.next("by how much it moves")?.trim_end_matches(',');
                let by: Option<u64> = by.strip_prefix('+').and_then(|by| by.parse().ok());
                said.insert(name, by.ok_or("by how much a counter moves is written +1")?);
            }
        }
        let is = all(groups);
        let moved: BTreeMap<String, u64> = is
            .iter()
            .map(|(name, value)| (name.clone(), value - self.0.get(name).copied().unwrap_or(0)))
            .filter(|(_, by)| *by > 0)
            .collect();
        if said != moved {
            return Err(format!("the counters that moved are these:\n{}", written(groups, &moved)));
        }
        self.0 = is;
        seen.counters.extend(said.into_keys());
        Ok(())
    }
}

/// The moved counters in the form in which they are written, in the order of their table.
fn written(groups: &[Group], moved: &BTreeMap<String, u64>) -> String {
    let mut text = "counters\n".to_owned();
    for group in groups {
        let rows = group.rows.iter().filter_map(|row| {
            let by = moved.get(&format!("{}.{}", group.key, row.key))?;
            Some(format!("{} +{by}", row.key))
        });
        let rows: Vec<String> = rows.collect();
        if !rows.is_empty() {
            text.push_str(&format!("  {} {}\n", group.key, rows.join(", ")));
        }
    }
    text
}

fn all(groups: &[Group]) -> BTreeMap<String, u64> {
    let rows = groups.iter().flat_map(|group| group.rows.iter().map(move |row| (group, row)));
    rows.map(|(group, row)| (format!("{}.{}", group.key, row.key), row.value)).collect()
}

/// The sums within an anchor's groups that hold at any time; `pending` updates wait.
pub fn anchor_balance(groups: &[Group], pending: usize) -> Result<(), String> {
    let sums = Sums(groups);
    let received = "binding_updates_received";
    let [accepted, denied, discarded] =
        ["accepted", "denied", "discarded"].map(|row| sums.of(received, &[row]));
    let done = accepted + denied + discarded;
    equal("received and what became of it", sums.of(received, &["total"]), done + pending as u64)?;
    let classes = ["initial", "refresh", "deregistration", "handoff"]
        .map(|class| format!("binding_updates_{class}"));
    let by_class = |row: &str| classes.iter().map(|class| sums.of(class, &[row])).sum();
    equal("accepted by class", by_class("accepted"), accepted)?;
    equal("denied by class", by_class("denied"), denied)?;
    equal("discarded by reason", sums.all("discard_reasons"), discarded)?;
    equal("acknowledged", sums.of("binding_acks_sent", &["total"]), accepted + denied)?;
    let revocation = "binding_revocation";
    let (sent, answered) =
        (sums.of(revocation, &["sent"]), sums.of(revocation, &["acks_received"]));
    equal("revoked by trigger", sums.all("revocation_triggers_sent"), sent)?;
    equal("revocations by status", sums.all("revocation_ack_status"), answered)
}

/// What an anchor counts of one gateway: of its updates those that were answered or dropped.
pub fn peer_balance(group: &[Group]) -> Result<(), String> {
    let of = |rows| Sums(group).of("peer", rows);
    let done = of(&["accepted", "denied", "discarded"]);
    equal("received of a gateway and what became of it", of(&["received"]), done)
}

/// The sums within a gateway's groups that hold at any time; `present` nodes are served.
pub fn gateway_balance(groups: &[Group], present: usize) -> Result<(), String> {
    let sums = Sums(groups);
    let sent = "mag_binding_updates_sent";
    let kinds = [
        "initial",
        "initial_retransmitted",
        "refresh",
        "refresh_retransmitted",
        "deregistration",
        "deregistration_retransmitted",
    ];
    equal("updates by kind", sums.of(sent, &kinds), sums.of(sent, &["total"]))?;
    let received = "mag_binding_acknowledgements_received";
    let used = sums.of(received, &["accepted", "denied"]);
    let total = sums.of(received, &["total"]);
    equal("acknowledgements and their use", used + sums.of(received, &["errors"]), total)?;
    let replies = ["initial_replies", "refresh_replies", "deregistration_replies"];
    equal("acknowledgements by kind", sums.of(received, &replies), used)?;
    let denied = sums.of(received, &["denied"]);
    equal("denied by reason", sums.all("mag_denied_by_lma"), denied)?;
    let gone = sums.of("mag_access", &["detached"]);
    equal("nodes", sums.of("mag_access", &["attached"]), gone + present as u64)
}

/// Sums of counters.
struct Sums<'g>(&'g [Group]);

impl Sums<'_> {
    /// Of some counters of a group, which exist.
    fn of(&self, group: &str, rows: &[&str]) -> u64 {
        let value = |name: &&str| {
            let row = self.rows(group).find(|row| row.key == *name);
            row.unwrap_or_else(|| panic!("there is no counter {group}.{name}")).value
        };
        rows.iter().map(value).sum()
    }

    /// Of a whole group, which exists.
    fn all(&self, group: &str) -> u64 {
        assert!(self.rows(group).next().is_some(), "there is no group {group}");
        self.rows(group).map(|row| row.value).sum()
    }

    fn rows(&self, group: &str) -> impl Iterator<Item = &Row> {
        self.0.iter().filter(move |other| other.key == group).flat_map(|group| &group.rows)
    }
}

fn equal(what: &str, left: u64, right: u64) -> Result<(), String> {
    match left == right {
        true => Ok(()),
        false => Err(format!("{what}: {left} is not {right}")),
    }
}
