//! `show radius customer NAME`: what is asked of the RADIUS servers for one customer.
//!
//! The servers are everybody's, and so are their states and counters: a customer has questions
//! about its nodes, which its machine counts, and records, which say whose they are.

use kedge_model::CustomerId;
use kedge_sansio::Now;
use kedge_telemetry::Group;
use serde_json::json;

use super::layout::{Block, counters_a_line, groups, groups_json, span};
use super::radius::waiting;
use crate::anchor::Anchor;
use crate::answer::Answer;
use crate::shell::Shell;

/// The answer to the command.
pub fn radius_of_customer<'a>(
    shell: &'a Shell,
    anchor: &'a Anchor,
    id: CustomerId,
    now: Now,
) -> Answer<'a> {
    let name = anchor.customer_name(id);
    let asked = move || asked(shell, anchor, id, name);
    let text = move |width| {
        let mut out = String::from("RADIUS, for one customer\n");
        let (records, oldest) = waiting(shell, name);
        let mut block = Block::default();
        block.row("Customer", name.unwrap_or("-"));
        block.row("Servers", "shared by all customers: 'show radius'");
        block.row("Records that wait", records);
        if let Some(oldest) = oldest {
            let age = span(now.mono.saturating_duration_since(oldest));
            block.row("The oldest", format!("{age} old"));
        }
        block.write(&mut out);
        out.push('\n');
        groups(&asked(), counters_a_line(width), &mut out);
        out.trim_end().to_owned() + "\n"
    };
    let data = move || {
        json!({
            "customer": name,
            "waiting": waiting(shell, name).0,
            "counters": groups_json(&asked()),
        })
    };
    Answer::laid_out(text, data)
}

/// Questions about nodes, since the anchor's statistics were cleared, and records, since those of
/// RADIUS were.
fn asked(shell: &Shell, anchor: &Anchor, id: CustomerId, name: Option<&str>) -> Vec<Group> {
    let all = anchor.statistics(Some(id)).into_iter();
    let questions = all.filter(|group| group.key == "aaa_authentication");
    questions.chain([Group::of(&shell.aaa.counters(name))]).collect()
}
