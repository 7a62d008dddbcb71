//! `show tech-support`: everything that an expert asks for, in one answer, without secrets.
//!
//! It is what `show` says elsewhere, in sections with a heading each, and what the host is like.
//! Keys are in the configuration as stars, not obfuscated: this text is sent to others. Lists are
//! cut at a length that an answer can bear.

use std::fmt::Write;
use std::fs;

use kedge_api::{Format, Refusal, Reply};
use kedge_config::{BindingFilter, Command, Extent, Role};
use kedge_sansio::Now;
use serde_json::{Map, Value};

use super::events::utc;
use super::version::kernel;
use crate::answer::Answer;
use crate::shell::Shell;

/// Things of one kind that are listed at most.
const MOST: usize = 1_000;
/// Events of a role.
const EVENTS: usize = 1_000;

/// How a command of the terminal is carried out.
type CarryOut = for<'a> fn(&'a mut Shell, &Command, Now) -> Result<Answer<'a>, Refusal>;

/// `show tech-support`
pub fn tech_support(shell: &mut Shell, carry_out: CarryOut, now: Now) -> Answer<'static> {
    let sections = sections(shell, carry_out, now);
    let listed = sections.clone();
    let text = move || {
        let mut out = String::new();
        for (heading, text) in sections {
            let _ = writeln!(out, "======== {heading} ========\n{}\n", text.trim_end());
        }
        out
    };
    let data = move || {
        let sections = listed.into_iter();
        Value::Object(sections.map(|(heading, text)| (heading, text.into())).collect::<Map<_, _>>())
    };
    Answer::new(text, data)
}

fn sections(shell: &mut Shell, carry_out: CarryOut, now: Now) -> Vec<(String, String)> {
    let mut sections = vec![("time".to_owned(), format!("{}\n", utc(now.wall)))];
    let mut commands = vec![
        ("show version", Command::ShowVersion),
        ("show management-api", Command::ShowManagementApi),
        ("show radius", Command::ShowRadius { customer: None }),
        ("show radius accounting", Command::ShowRadiusAccounting { customer: None }),
    ];
    let (events, extent) = (Some(EVENTS), Extent::default());
    if shell.anchor.is_some() {
        let events =
            Command::ShowEvents { role: Role::Lma, customer: None, nai: None, last: events };
        commands.extend([
            ("show ipv6 mobile pmipv6 lma globals", Command::ShowLmaGlobals { customer: None }),
            (
                "show ipv6 mobile pmipv6 lma heartbeats",
                Command::ShowLmaHeartbeats { customer: None },
            ),
            ("show ipv6 mobile pmipv6 lma tunnels", Command::ShowLmaTunnels { customer: None }),
            (
                "show lma-service statistics",
                Command::ShowLmaStatistics { name: None, customer: None },
            ),
            (
                "show ipv6 mobile pmipv6 lma statistics license",
                Command::ShowLmaLicense { customer: None },
            ),
            ("show ipv6 mobile pmipv6 lma events", events),
            (
                "show ipv6 mobile pmipv6 lma bindings",
                Command::ShowLmaBindings { customer: None, filter: BindingFilter::All, extent },
            ),
        ]);
    }
    if shell.gateway.is_some() {
        let events =
            Command::ShowEvents { role: Role::Mag, customer: None, nai: None, last: events };
        commands.extend([
            ("show ipv6 mobile pmipv6 mag globals", Command::ShowMagGlobals),
            ("show ipv6 mobile pmipv6 mag heartbeats", Command::ShowMagHeartbeats),
            ("show ipv6 mobile pmipv6 mag tunnels", Command::ShowMagTunnels),
            ("show ipv6 mobile pmipv6 mag logical-mn", Command::ShowMagLogicalMn { nai: None }),
            ("show mag-service statistics", Command::ShowMagStatistics { name: None }),
            ("show ipv6 mobile pmipv6 mag events", events),
            (
                "show ipv6 mobile pmipv6 mag bindings",
                Command::ShowMagBindings { nai: None, extent },
            ),
        ]);
    }
    commands.extend([("show debug", Command::ShowDebug), ("show capture", Command::ShowCapture)]);
    for (heading, command) in commands {
        let text = said(shell, carry_out, &command, now);
        let text = text.unwrap_or_else(|refusal| refusal.message);
        sections.push((heading.to_owned(), text));
    }
    let rest = [
        ("running configuration", configuration(shell)),
        ("commits", commits(shell)),
        ("what was made in the host", things(shell)),
        ("interfaces of the host", interfaces(shell)),
        ("host", host()),
    ];
    sections.extend(rest.map(|(heading, text)| (heading.to_owned(), text)));
    sections
}

/// What a command shows. Of all bindings that is a part, which takes no long look.
fn said(
    shell: &mut Shell,
    carry_out: CarryOut,
    command: &Command,
    now: Now,
) -> Result<String, Refusal> {
    let mut look = match carry_out(shell, command, now)? {
        Answer::Short { text, .. } => return Ok(text(None)),
        Answer::Long(look) => look(Format::Text),
    };
    while shell.anchor.as_ref().is_some_and(|anchor| !look.go_on(anchor, now)) {}
    match look.finish() {
        Reply::Text(text) => Ok(text),
        Reply::Data(_) | Reply::Words(_) => Ok(String::new()),
    }
}

/// The configuration with stars for its keys.
fn configuration(shell: &Shell) -> String {
    kedge_config::render_masked(&shell.config)
}

fn commits(shell: &Shell) -> String {
    let commits = shell.commits.history.iter().map(|commit| {
        let comment = commit.comment.as_deref().unwrap_or_default();
        format!("{}  {}  {}  {comment}\n", commit.number, commit.at, commit.by)
    });
    commits.collect()
}

fn things(shell: &mut Shell) -> String {
    let things = shell.hosts.ledgers().flat_map(|owned| {
        let of = owned.namespace().name().map_or(String::new(), |name| format!("{name}: "));
        owned.things().map(|thing| format!("{of}{thing}")).collect::<Vec<_>>()
    });
    cut(things.collect())
}

fn interfaces(shell: &mut Shell) -> String {
    let netlink = shell.hosts.own().netlink();
    let addresses = netlink.addresses().unwrap_or_default();
    let links = match netlink.links() {
        Ok(links) => links,
        Err(error) => return format!("{error}\n"),
    };
    let lines = links.into_iter().map(|link| {
        let state = match (link.up, link.running) {
            (true, true) => "up",
            (true, false) => "up, no carrier",
            (false, _) => "down",
        };
        let mut line = format!("{}: {state}, mtu {}", link.name, link.mtu);
        for address in addresses.iter().filter(|address| address.device == link.index) {
            let _ = write!(line, ", {}", address.net);
        }
        line
    });
    cut(lines.collect())
}

/// What the host is: kernel, system, processors, memory, load.
fn host() -> String {
    let mut out = format!("{}\n", kernel());
    let wanted = [
        ("/etc/os-release", &["PRETTY_NAME="][..]),
        ("/proc/meminfo", &["MemTotal:", "MemAvailable:"]),
        ("/proc/loadavg", &[""]),
        ("/proc/uptime", &[""]),
        ("/proc/self/status", &["VmRSS:", "Threads:", "CapEff:"]),
        ("/proc/net/snmp6", &["Ip6InDiscards", "Ip6InTooBigErrors", "Ip6FragFails"]),
    ];
    for (file, beginnings) in wanted {
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter(|line| beginnings.iter().any(|b| line.starts_with(b)));
        for line in lines {
            let _ = writeln!(out, "{file}: {line}");
        }
    }
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = writeln!(out, "processors: {processors}");
    out
}

fn cut(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    let mut out: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    if more > 0 {
        let _ = writeln!(out, "and {more} more");
    }
    out
}
