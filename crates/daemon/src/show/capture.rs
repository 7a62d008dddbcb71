//! `show capture` and `show debug`.

use serde_json::json;

use super::layout::Block;
use crate::answer::Answer;
use crate::capture::Capture;
use crate::shell::Shell;

/// `show capture`
pub fn capture(shell: &Shell) -> Answer<'_> {
    let text = || match &shell.capture {
        Some(capture) => capture_text(&capture.borrow()),
        None => "there has been no capture since the start\n".to_owned(),
    };
    let data = || match &shell.capture {
        Some(capture) => {
            let capture = capture.borrow();
            let (packets, octets) = capture.size();
            json!({
                "running": capture.is_running(),
                "file": capture.path(),
                "of": capture.target().map(ToString::to_string),
                "packets": packets,
                "octets": octets,
                "limit": capture.limit(),
                "failure": capture.failure(),
            })
        }
        None => json!({ "running": false }),
    };
    Answer::new(text, data)
}

/// A capture in a few lines.
pub fn capture_text(capture: &Capture) -> String {
    let (packets, octets) = capture.size();
    let state = match capture.is_running() {
        true => "running".to_owned(),
        false => format!("ended: {}", capture.ended()),
    };
    let of = capture.target().map_or("everybody".to_owned(), ToString::to_string);
    let mut out = "Capture\n".to_owned();
    let mut block = Block::default();
    block.row("State", state).row("File", capture.path().display()).row("Of", of);
    block.row("Packets", format!("{packets} of at most {}", capture.limit()));
    block.row("Octets", octets);
    if let Some(failure) = capture.failure() {
        block.row("Failure", failure);
    }
    block.write(&mut out);
    out
}

/// `show debug`
pub fn debug(shell: &Shell) -> Answer<'_> {
    let lists = || {
        let anchor = shell.anchor.as_ref().map(|anchor| ("lma", anchor.observer()));
        let gateway = shell.gateway.as_ref().map(|gateway| ("mag", gateway.observer()));
        let lists = anchor.into_iter().chain(gateway);
        lists.flat_map(|(role, seen)| seen.debug.targets().iter().map(move |t| (role, t)))
    };
    let text = move || {
        let lines: Vec<String> =
            lists().map(|(role, target)| format!("{role} {target}\n")).collect();
        if lines.is_empty() { "nothing is debugged\n".to_owned() } else { lines.concat() }
    };
    let data = move || {
        let list = lists().map(|(role, target)| json!({ "role": role, "of": target.to_string() }));
        json!({ "debug": list.collect::<Vec<_>>() })
    };
    Answer::new(text, data)
}
