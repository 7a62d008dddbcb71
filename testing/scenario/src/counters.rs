//! Counters: what has moved since they were looked at last, and the sums that always hold.

use std::collections::BTreeMap;

use kedge_telemetry::Group;

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
pub fn balance(groups: &[Group], pending: usize) -> Result<(), String> {
    let all = all(groups);
    let of = |name: &str| all.get(name).copied().ok_or_else(|| format!("there is no {name}"));
    let sum = |group: &str| -> u64 {
        let group = groups.iter().find(|other| other.key == group);
        group.map_or(0, |group| group.rows.iter().map(|row| row.value).sum())
    };
    let equal = |what: &str, left: u64, right: u64| match left == right {
        true => Ok(()),
        false => Err(format!("{what}: {left} is not {right}")),
    };
    let [total, accepted, denied, discarded] = ["total", "accepted", "denied", "discarded"]
        .map(|row| of(&format!("binding_updates_received.{row}")));
    let (total, accepted, denied, discarded) = (total?, accepted?, denied?, discarded?);
    let (mut classes_accepted, mut classes_denied) = (0, 0);
    for class in ["initial", "refresh", "deregistration", "handoff"] {
        classes_accepted += of(&format!("binding_updates_{class}.accepted"))?;
        classes_denied += of(&format!("binding_updates_{class}.denied"))?;
    }
    equal("received and what became of it", total, accepted + denied + discarded + pending as u64)?;
    equal("accepted by class", classes_accepted, accepted)?;
    equal("denied by class", classes_denied, denied)?;
    equal("discarded by reason", sum("discard_reasons"), discarded)?;
    equal("acknowledged", of("binding_acks_sent.total")?, accepted + denied)?;
    equal("revoked by trigger", sum("revocation_triggers_sent"), of("binding_revocation.sent")?)?;
    equal(
        "revocations by status",
        sum("revocation_ack_status"),
        of("binding_revocation.acks_received")?,
    )
}
