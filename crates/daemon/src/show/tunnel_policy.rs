//! The part of `show ... tunnels` about what is done with packets: code points, segment sizes,
//! access lists with what each entry has decided, and the packets that were dropped.

use std::fmt::Write;
use std::sync::Arc;

use kedge_dataplane::{AccessList, DropReason, Marking, MssClamping, Policy, Totals};
use kedge_model::VrfId;
use serde_json::{Value, json};

use super::layout::{Align, Block, Table};
use crate::access_entry::text;
use crate::forwarding::Plane;

/// What a data plane does with packets, and has done.
pub struct PolicyView {
    policy: Policy,
    /// `None` where it is about one of several customers: the data plane counts for all of them.
    totals: Option<Totals>,
}

impl PolicyView {
    /// What this one does with the packets of an inner world, and, if `counted`, has done with those
    /// of all.
    pub fn of(plane: &Plane, vrf: VrfId, counted: bool) -> Self {
        let policy = plane.policy(vrf).cloned().unwrap_or_default();
        Self { policy, totals: counted.then(|| plane.totals()) }
    }

    /// Writes it for a person.
    pub fn write(&self, out: &mut String) {
        out.push('\n');
        let mut block = Block::default();
        block.row(
            "DSCP",
            match self.policy.marking {
                Marking::Inherit => "copied to the outer packet".to_owned(),
                Marking::Uniform => "copied to the outer packet, and back from it".to_owned(),
                Marking::Pipe(value) => format!("{value} in outer packets"),
            },
        );
        match (self.policy.clamp_mss, self.totals.map(|totals| totals.mss)) {
            (true, Some(MssClamping { into_tunnels, out_of_tunnels })) => block.row(
                "Segment sizes lowered",
                format!("{into_tunnels} into tunnels, {out_of_tunnels} out of tunnels"),
            ),
            (true, None) => block.row("Segment sizes", "lowered to what tunnels carry"),
            (false, _) => block.row("Segment sizes", "left alone"),
        };
        if let Some(totals) = self.totals {
            let dropped = drops(&totals);
            let dropped = dropped.map(|(reason, packets)| format!("{packets} {}", reason.label()));
            let dropped: Vec<String> = dropped.collect();
            let dropped = if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") };
            block.row("Packets dropped", dropped);
        }
        block.write(out);
        for (name, list) in self.lists() {
            let _ = writeln!(out, "\nAccess list on packets {name} tunnels:");
            let mut table = Table::new(&[("Packets", Align::Right), ("Entry", Align::Left)]);
            for (rule, packets) in list.rules() {
                table.row(vec![packets.to_string(), text(rule)]);
            }
            table.row(vec![list.unmatched().to_string(), "(none fits: denied)".to_owned()]);
            table.write(out);
        }
    }

    /// Adds it to what a program reads.
    pub fn add_to_json(&self, data: &mut Value) {
        let (marking, code_point) = match self.policy.marking {
            Marking::Inherit => ("inherit", None),
            Marking::Uniform => ("uniform", None),
            Marking::Pipe(value) => ("pipe", Some(value)),
        };
        data["dscp"] = json!({ "model": marking, "value": code_point });
        let mss = self.totals.map(|totals| totals.mss);
        data["mss_clamping"] = json!({
            "on": self.policy.clamp_mss,
            "into_tunnels": mss.map(|mss| mss.into_tunnels),
            "out_of_tunnels": mss.map(|mss| mss.out_of_tunnels),
        });
        data["dropped"] = self.totals.map_or(Value::Null, |totals| {
            let drops = drops(&totals).map(|(reason, packets)| (reason.key().to_owned(), packets));
            Value::Object(drops.map(|(key, packets)| (key, packets.into())).collect())
        });
        for (name, list) in self.lists() {
            let entries = list
                .rules()
                .map(|(rule, packets)| json!({ "entry": text(rule), "packets": packets }));
            let entries: Vec<Value> = entries.collect();
            let key = format!("access_list_{}", name.replace(' ', "_"));
            data[key] = json!({ "entries": entries, "unmatched": list.unmatched() });
        }
    }

    fn lists(&self) -> impl Iterator<Item = (&'static str, &Arc<AccessList>)> {
        let Policy { into_tunnels, out_of_tunnels, .. } = &self.policy;
        let into = into_tunnels.iter().map(|list| ("into", list));
        into.chain(out_of_tunnels.iter().map(|list| ("out of", list)))
    }
}

fn drops(totals: &Totals) -> impl Iterator<Item = (DropReason, u64)> {
    let all = DropReason::ALL.into_iter().map(|reason| (reason, totals.drops.get(reason)));
    all.filter(|(_, packets)| *packets > 0)
}
