//! `show version`: what runs here, since when, on what.

use kedge_sansio::Now;
use nix::sys::utsname::uname;
use serde_json::json;

use super::events::utc;
use super::layout::{Block, span};
use crate::answer::Answer;
use crate::shell::Shell;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, if who built it said so in the environment.
const COMMIT: Option<&str> = option_env!("KEDGE_COMMIT");

/// `show version`
pub fn version(shell: &Shell, now: Now) -> Answer<'static> {
    let uptime = now.mono.saturating_duration_since(shell.started);
    let since = now.wall.checked_sub(uptime).map_or("-".to_owned(), utc);
    let (starts, commit) = (shell.restart_counter, COMMIT.unwrap_or("unknown"));
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let kernel = kernel();
    let (text_since, text_kernel) = (since.clone(), kernel.clone());
    let text = move || {
        let mut out = format!("Kedge {VERSION}\n");
        Block::default()
            .row("Commit", commit)
            .row("Build", format!("{build}, {}", std::env::consts::ARCH))
            .row("Up", format!("{}, since {text_since}", span(uptime)))
            .row("Restart counter", starts)
            .row("Kernel", text_kernel)
            .write(&mut out);
        out
    };
    let data = move || {
        json!({
            "version": VERSION,
            "commit": COMMIT,
            "build": build,
            "uptime_seconds": uptime.as_secs(),
            "since": since,
            "restart_counter": starts,
            "kernel": kernel,
        })
    };
    Answer::new(text, data)
}

/// `Linux 6.12.0 x86_64`
pub fn kernel() -> String {
    let Ok(name) = uname() else { return "unknown".to_owned() };
    let words = [name.sysname(), name.release(), name.machine()];
    words.map(|word| word.to_string_lossy().into_owned()).join(" ")
}
