//! The answers of `show`.

mod anchor;
mod capture;
mod code_point;
mod events;
mod gateway;
mod heartbeats;
mod layout;
mod license;
mod lma_globals;
mod lma_settings;
mod logical_mn;
mod page;
mod radius;
mod radius_customer;
mod scan;
mod tech_support;
mod traffic;
mod tunnel_policy;
mod tunnels;
mod version;

use std::time::Duration;

use kedge_api::{Refusal, RemoteCounters};
use kedge_config::Config;
use kedge_telemetry::Group;
use serde_json::json;

use crate::answer::Answer;
use crate::shell::Shell;
use layout::Block;

pub use anchor::Bindings;
pub use capture::{capture, debug};
pub use events::{MOST as MOST_EVENTS, USUAL as USUAL_EVENTS, events, utc};
pub use gateway::{mag_bindings, mag_globals};
pub use heartbeats::Heartbeats;
pub use layout::span;
pub use license::license;
pub use lma_globals::lma_globals;
pub use logical_mn::logical_mns;
pub use radius::{dead_criteria, radius, radius_accounting};
pub use radius_customer::radius_of_customer;
pub use scan::Which;
pub use tech_support::tech_support;
pub use tunnels::Tunnels;
pub use version::version;

/// `show running-config [SECTION]`
pub fn running_config(config: &Config, section: &[String]) -> Result<Answer<'static>, Refusal> {
    let words: Vec<&str> = section.iter().map(String::as_str).collect();
    let text = kedge_config::render_section(config, &words).ok_or_else(|| {
        Refusal::new(format!("no command of the configuration begins with '{}'", words.join(" ")))
    })?;
    let data = match words[..] {
        [] => kedge_config::to_json(config),
        _ => json!({ "configuration": &text }),
    };
    Ok(Answer::new(move || text, move || data))
}

/// `show management-api`
pub fn management_api(shell: &Shell) -> Answer<'static> {
    let listen = shell.config.management_api.as_ref().and_then(|api| api.listen);
    let RemoteCounters { admitted, wrong_tokens, failed_entrances, turned_away } =
        shell.server.remote_counters();
    let text = move || {
        let mut out = String::from("Management clients of other hosts\n");
        Block::default()
            .row("Address", listen.map_or_else(|| "none".to_owned(), |at| at.to_string()))
            .row("Came in with a token", admitted)
            .row("Showed a wrong token", wrong_tokens)
            .row("Did not get as far as a token", failed_entrances)
            .row("Turned away before", turned_away)
            .write(&mut out);
        out
    };
    let data = move || {
        json!({
            "listen": listen.map(|at| at.to_string()),
            "admitted": admitted,
            "wrong_tokens": wrong_tokens,
            "failed_entrances": failed_entrances,
            "turned_away": turned_away,
        })
    };
    Answer::new(text, data)
}

/// `show lma-service statistics` and its sisters. `age` is how long the counters have counted.
pub fn statistics(groups: Vec<Group>, age: Duration) -> Answer<'static> {
    let data = layout::groups_json(&groups);
    let text = move |width: Option<u16>| {
        let mut out = format!("Counted for {}\n\n", span(age));
        layout::groups(&groups, layout::counters_a_line(width), &mut out);
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    };
    Answer::laid_out(text, move || data)
}
