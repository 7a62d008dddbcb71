//! The commands that watch: events, `monitor`, `debug` and `capture`.

use std::cell::RefCell;
use std::rc::Rc;

use kedge_api::Refusal;
use kedge_config::{Command, DebugTarget, Role};
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use serde_json::json;
use tracing::info;

use crate::answer::{Answer, done};
use crate::capture::{Capture, USUAL_LIMIT};
use crate::debug::{Target, Whom};
use crate::named::{anchor, customer, gateway, known_customer, subscriber};
use crate::observe::Observer;
use crate::shell::Shell;
use crate::show;
use crate::trace::Wanted;
use crate::words::Kind;

/// `show … events` and `… trace nai NAI`
pub fn events<'a>(
    shell: &'a Shell,
    role: Role,
    customer: Option<&str>,
    nai: Option<&str>,
    last: Option<usize>,
) -> Result<Answer<'a>, Refusal> {
    let customer = of(shell, role, customer)?;
    let mn_id = nai.map(subscriber).transpose()?;
    let usual = if mn_id.is_some() { show::MOST_EVENTS } else { show::USUAL_EVENTS };
    let last = Some(last.unwrap_or(usual).min(show::MOST_EVENTS));
    let wanted = Wanted { customer, mn_id, last, ..Wanted::default() };
    Ok(show::events(observer(shell, role)?, wanted))
}

/// `monitor {bindings | events} …`: what has happened behind a number.
pub fn monitor<'a>(shell: &'a Shell, command: &Command) -> Result<Answer<'a>, Refusal> {
    let Command::Monitor { role, customer, bindings, nai, since } = command else {
        return Ok(done());
    };
    let role = match (role, &shell.anchor, &shell.gateway) {
        (Some(role), ..) => *role,
        (None, Some(_), Some(_)) => {
            let message = "this daemon is an anchor and a gateway: say which".to_owned();
            let allowed = ["lma", "mag"].map(str::to_owned).to_vec();
            return Err(Refusal { message, allowed, ..Refusal::default() });
        }
        (None, None, Some(_)) => Role::Mag,
        (None, ..) => Role::Lma,
    };
    let customer = of(shell, role, customer.as_deref())?;
    let observer = observer(shell, role)?;
    let mn_id: Option<MnId> = nai.as_deref().map(subscriber).transpose()?;
    let kind = bindings.then_some(Kind::Binding);
    let since = Some(since.unwrap_or_else(|| observer.trail.newest()));
    let last = Some(show::MOST_EVENTS);
    Ok(show::events(observer, Wanted { customer, mn_id, kind, since, last }))
}

/// `[no] debug …`
pub fn debug(
    shell: &mut Shell,
    role: Role,
    at: Option<&str>,
    target: Option<&DebugTarget>,
    on: bool,
) -> Result<Answer<'static>, Refusal> {
    let id = of(shell, role, at)?;
    let customer = id.zip(at.map(str::to_owned));
    let whom = target.map_or(Ok(Whom::Everyone), meant)?;
    let target = Target { customer, whom };
    let debug = &mut observer_mut(shell, role)?.debug;
    if on {
        debug.add(target.clone()).map_err(|error| Refusal::new(error.to_string()))?;
        info!("an operator debugs {target}");
    } else if !debug.remove(&target) {
        return Err(Refusal::new(format!("{target} is not debugged")));
    }
    Ok(done())
}

/// `undebug all`
pub fn undebug_all(shell: &mut Shell) -> Answer<'static> {
    let anchor = shell.anchor.as_mut().map(|anchor| anchor.observer_mut());
    let gateway = shell.gateway.as_mut().map(|gateway| gateway.observer_mut());
    let ended: usize = anchor.into_iter().chain(gateway).map(|seen| seen.debug.clear()).sum();
    let said = match ended {
        0 => "nothing was debugged\n".to_owned(),
        _ => format!("{ended} ended\n"),
    };
    Answer::new(move || said, move || json!({ "ended": ended }))
}

/// `capture start …`
pub fn start_capture(
    shell: &mut Shell,
    at: Option<&str>,
    target: Option<&DebugTarget>,
    file: Option<&str>,
    limit: Option<u64>,
    now: Now,
) -> Result<Answer<'static>, Refusal> {
    if shell.capture.as_ref().is_some_and(|capture| capture.borrow().is_running()) {
        return Err(Refusal::new("a capture is running: 'capture stop' ends it"));
    }
    let customer = known_customer(&shell.anchor, at)?.zip(at.map(str::to_owned));
    let target = match (&customer, target) {
        (None, None) => None,
        _ => Some(Target { customer, whom: target.map_or(Ok(Whom::Everyone), meant)? }),
    };
    // Colons are no part of a file's name everywhere.
    let usual = || show::utc(now.wall).replace(':', "");
    let name = file.map_or_else(usual, str::to_owned);
    let limit = limit.unwrap_or(USUAL_LIMIT);
    let capture = Capture::start(&shell.captures, &name, target, limit)
        .map_err(|error| Refusal::new(error.to_string()))?;
    let path = capture.path().to_owned();
    info!(file = %path.display(), "an operator captures signalling");
    let capture = Rc::new(RefCell::new(capture));
    if let Some(anchor) = &mut shell.anchor {
        anchor.observer_mut().capture(capture.clone());
    }
    if let Some(gateway) = &mut shell.gateway {
        gateway.observer_mut().capture(capture.clone());
    }
    shell.capture = Some(capture);
    let said = path.clone();
    Ok(Answer::new(
        move || format!("captures into {}, {limit} packets at most\n", said.display()),
        move || json!({ "file": path, "limit": limit }),
    ))
}

/// `capture stop`
pub fn stop_capture(shell: &mut Shell) -> Result<Answer<'_>, Refusal> {
    let running = shell.capture.as_ref().filter(|capture| capture.borrow().is_running());
    let Some(capture) = running else { return Err(Refusal::new("no capture is running")) };
    capture.borrow_mut().stop("an operator ended it");
    Ok(show::capture(shell))
}

fn meant(target: &DebugTarget) -> Result<Whom, Refusal> {
    Ok(match target {
        DebugTarget::Nai(nai) if nai.starts_with('@') => {
            return Err(Refusal::new("one subscriber, not a realm"));
        }
        DebugTarget::Nai(nai) => Whom::Node(subscriber(nai)?),
        DebugTarget::Peer(address) => Whom::Peer(*address),
    })
}

/// The customer of a name, which is the anchor's.
fn of(shell: &Shell, role: Role, name: Option<&str>) -> Result<Option<CustomerId>, Refusal> {
    match (role, name) {
        (_, None) => Ok(None),
        (Role::Lma, Some(_)) => customer(anchor(&shell.anchor)?, name),
        (Role::Mag, Some(_)) => Err(Refusal::new("a gateway does not tell customers apart")),
    }
}

fn observer(shell: &Shell, role: Role) -> Result<&Observer, Refusal> {
    Ok(match role {
        Role::Lma => anchor(&shell.anchor)?.observer(),
        Role::Mag => gateway(&shell.gateway)?.observer(),
    })
}

fn observer_mut(shell: &mut Shell, role: Role) -> Result<&mut Observer, Refusal> {
    observer(shell, role)?;
    let anchor = shell.anchor.as_mut().map(|anchor| anchor.observer_mut());
    let gateway = shell.gateway.as_mut().map(|gateway| gateway.observer_mut());
    let found = if role == Role::Lma { anchor } else { gateway };
    found.ok_or_else(|| Refusal::new("this daemon has no such role"))
}
