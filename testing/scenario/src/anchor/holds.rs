//! What the anchor holds and forwards, as words.

use kedge_lma::{Binding, State};
use kedge_model::{BindingId, CustomerId, MnId};

use super::Anchor;
use super::given::STATIONS;
use crate::fields::{Fields, mn_id};
use crate::script::Words;

impl Anchor {
    /// `anchor holds 2 bindings`, `anchor holds alice at mag1 hnp 2001:db8:100::/64 state active`.
    pub(super) fn check_held(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let first = words.next("what it holds")?;
        if words.take("bindings") || words.take("binding") {
            let number: u32 = first.parse().map_err(|_| format!("“{first}” is no number"))?;
            let held = self.lma().len();
            return match held == number {
                true => Ok(()),
                false => Err(format!("it holds {held} bindings")),
            };
        }
        let held = self.holdings(&mn_id(first)?);
        let matching =
            |(_, fields): &&(BindingId, Fields)| fields.check(&mut words.clone()).is_ok();
        if held.iter().any(|one| matching(&one)) {
            words.rest();
            return Ok(());
        }
        let all: Vec<String> = held.iter().map(|(_, fields)| fields.to_string()).collect();
        Err(format!(
            "of {first} it holds: {}",
            if all.is_empty() { "nothing".into() } else { all.join("; ") }
        ))
    }

    /// `anchor forwards alice to mag1 tunnel ipip address 2001:db8:100::/64`.
    pub(super) fn check_forwarding(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let node = words.next("a node")?;
        if !words.take("to") {
            return Err("to whom?".to_owned());
        }
        let to = words.next("a station")?;
        let held = self.holdings(&mn_id(node)?);
        let mut all = Vec::new();
        for (id, _) in held {
            let Some(forwarding) = self.forwarding.get(&id) else { continue };
            let fields = Fields::of_forwarding(forwarding, station);
            let same = fields.all("to").any(|other| other == to);
            if same && fields.check(&mut words.clone()).is_ok() {
                words.rest();
                return Ok(());
            }
            all.push(fields.to_string());
        }
        let all = if all.is_empty() { "nothing".to_owned() } else { all.join("; ") };
        Err(format!("of {node} it forwards: {all}"))
    }

    /// The bindings of a node as words.
    pub(super) fn holdings(&mut self, node: &MnId) -> Vec<(BindingId, Fields)> {
        let bindings = self.lma().find(CustomerId::DEFAULT, node);
        bindings.map(|binding| (binding.id, describe(binding))).collect()
    }
}

fn describe(binding: &Binding) -> Fields {
    let mut fields = Fields::default();
    fields.push("at", station(binding.care_of()));
    fields.push(
        "state",
        match binding.state {
            State::Active => "active",
            State::Lingering(_) => "lingering",
            State::Revoking(_) => "revoking",
            State::Unreachable => "unreachable",
        },
    );
    binding.addresses.prefixes.iter().for_each(|prefix| fields.push("hnp", prefix));
    if let Some(home) = binding.addresses.ipv4 {
        fields.push("ipv4", format_args!("{}/{}", home.address, home.prefix_len));
    }
    fields.push("lifetime", binding.lifetime.secs());
    fields.push("att", binding.access_technology.0);
    fields.push("handoff", binding.handoff_indicator.0);
    if let Some(id) = &binding.link_layer_id {
        fields.push("llid", id);
    }
    fields
}

/// The name of whoever has an address.
fn station(address: std::net::IpAddr) -> String {
    let text = address.to_string();
    let named = STATIONS.iter().find(|(_, addresses)| addresses.contains(&text.as_str()));
    named.map_or(text, |(name, _)| (*name).to_owned())
}
