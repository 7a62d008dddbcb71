//! `show ipv6 mobile pmipv6 lma statistics license`: how many bindings the operator is entitled
//! to, how many there are, and the most there have been; with a customer, its part of them.

use std::fmt::Write;

use kedge_lma::{Customer, Customers, Peak};
use kedge_model::CustomerId;
use serde_json::{Value, json};

use super::events::utc;
use super::layout::Block;
use crate::answer::Answer;

/// The answer to the command. The entitlement is the anchor's: no customer has one of its own.
pub fn license<'a>(lma: &'a str, all: &'a Customers, only: Option<CustomerId>) -> Answer<'a> {
    let part = only.and_then(|id| all.customer(id));
    Answer::new(move || text(lma, all, part), move || data(lma, all, part))
}

fn text(lma: &str, all: &Customers, part: Option<&Customer>) -> String {
    let mut out = format!("License of the anchor {lma}\n");
    let entitlement = all.entitlement();
    let state = match entitlement.is_exceeded {
        true => "EXCEEDED, all bindings are served",
        false => "not exceeded",
    };
    let mut block = Block::default();
    block
        .row("State", state)
        .row("Entitled to", format!("{} bindings", entitlement.entitled))
        .row("Bindings", entitlement.bindings)
        .row("Most bindings", most(entitlement.peak))
        .row("Times exceeded", entitlement.times_exceeded);
    block.write(&mut out);
    if let Some(customer) = part {
        let _ = writeln!(out, "\nCustomer {}", customer.name());
        let mut block = Block::default();
        block.row("Bindings", customer.lma().len()).row("Most bindings", most(customer.peak()));
        block.write(&mut out);
    }
    out
}

fn most(peak: Peak) -> String {
    let since = peak.since.map_or_else(|| "the start".to_owned(), utc);
    format!("{}, since {since}", peak.bindings)
}

fn data(lma: &str, all: &Customers, part: Option<&Customer>) -> Value {
    let entitlement = all.entitlement();
    let mut data = json!({
        "lma": lma,
        "entitled": entitlement.entitled,
        "bindings": entitlement.bindings,
        "peak_bindings": entitlement.peak.bindings,
        "peak_reset_at": entitlement.peak.since.map(utc),
        "exceeded": entitlement.is_exceeded,
        "times_exceeded": entitlement.times_exceeded,
    });
    if let Some(customer) = part {
        data["customer"] = json!({
            "name": customer.name(),
            "bindings": customer.lma().len(),
            "peak_bindings": customer.peak().bindings,
            "peak_reset_at": customer.peak().since.map(utc),
        });
    }
    data
}
