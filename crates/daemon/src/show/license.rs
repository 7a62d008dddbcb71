//! `show ipv6 mobile pmipv6 lma statistics license`: how many bindings the operator is entitled
//! to, how many there are, and the most there have been.

use kedge_lma::Entitlement;
use serde_json::json;

use super::events::utc;
use super::layout::Block;
use crate::answer::Answer;

/// The answer to the command.
pub fn license(lma: &str, entitlement: &Entitlement) -> Answer<'static> {
    let Entitlement { entitled, bindings, peak, peak_since, is_exceeded, times_exceeded } =
        *entitlement;
    let reset = peak_since.map(utc);
    let title = format!("License of the anchor {lma}\n");
    let data = json!({
        "lma": lma,
        "entitled": entitled,
        "bindings": bindings,
        "peak_bindings": peak,
        "peak_reset_at": &reset,
        "exceeded": is_exceeded,
        "times_exceeded": times_exceeded,
    });
    let text = move || {
        let mut out = title;
        let state = if is_exceeded { "EXCEEDED, all bindings are served" } else { "met" };
        Block::default()
            .row("State", state)
            .row("Entitled to", format!("{entitled} bindings"))
            .row("Bindings", bindings)
            .row("Most bindings", peak)
            .row("Since", reset.unwrap_or_else(|| "the start".to_owned()))
            .row("Times exceeded", times_exceeded)
            .write(&mut out);
        out
    };
    Answer::new(text, move || data)
}
