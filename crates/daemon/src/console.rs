//! What people and scripts ask over the API: a line becomes a command, a command an answer.

use std::collections::BTreeSet;

use kedge_api::{Ask, Format, Refusal, Reply, Work};
use kedge_config::{BindingFilter, Command, Pipe, Request, parse_command};
use kedge_lma::Lma;
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use kedge_telemetry::Group;
use serde_json::json;
use tracing::info;

use crate::anchor::Anchor;
use crate::answer::{Answer, Look, done, plural};
use crate::imsi::Imsi;
use crate::listing::{Listing, fitted};
use crate::named::{
    anchor, check_service, customer, gateway, known_customer, lma_config, no_anchor, no_gateway,
    no_peer, subscriber,
};
use crate::shell::Shell;
use crate::show::{self, Bindings, Heartbeats, Tunnels, Which};
use crate::watch;

/// What a command comes to.
pub enum Said {
    /// The answer.
    Now(Reply),
    /// An answer that is made while packets are served.
    Later(Listing),
    /// What becomes of the commit that was begun is the answer.
    WhenCommitted,
    /// The client's own thread has something to do first.
    Errand(Work),
}

/// Carries out a command of the terminal.
pub fn carry_out(shell: &mut Shell, ask: &Ask, now: Now) -> Result<Said, Refusal> {
    let Ask::Command { line, format, width, .. } = ask else {
        return Err(Refusal::new("no command"));
    };
    let Request { command: asked, pipes } = parse_command(line).map_err(|error| {
        let message = error.to_string().trim_end().to_owned();
        Refusal { column: u32::try_from(error.place.spot.column).ok(), ..Refusal::new(message) }
    })?;
    check(&pipes)?;
    let format = if pipes.contains(&Pipe::Json) { Format::Json } else { *format };
    // What is to be pasted somewhere else stays whole.
    let to_fit = width.filter(|_| !is_for_machines(&asked));
    Ok(match (command(shell, &asked, now)?, format) {
        (Answer::Long(look), _) => Said::Later(Listing::new(look(format), pipes, to_fit)),
        (Answer::Short { data, .. }, Format::Json) => Said::Now(Reply::Data(data())),
        (Answer::Short { text, .. }, Format::Text) => {
            Said::Now(Reply::Text(fitted(text(*width), &pipes, to_fit)))
        }
    })
}

/// Refuses what would be passed over in silence: JSON has no lines to choose from.
pub fn check(pipes: &[Pipe]) -> Result<(), Refusal> {
    let of_lines = |pipe: &Pipe| !matches!(pipe, Pipe::Json | Pipe::NoMore);
    match pipes.contains(&Pipe::Json) && pipes.iter().any(of_lines) {
        true => Err(Refusal::new(
            "'| json' goes with '| no-more' alone: it has no lines to choose from",
        )),
        false => Ok(()),
    }
}

/// Whether an answer is a text that something else is to read.
fn is_for_machines(command: &Command) -> bool {
    matches!(command, Command::ShowRunningConfig { .. } | Command::ShowTechSupport)
}

/// The answer to a command.
pub fn command<'a>(
    shell: &'a mut Shell,
    command: &Command,
    now: Now,
) -> Result<Answer<'a>, Refusal> {
    let uptime = now.mono.saturating_duration_since(shell.started);
    match command {
        Command::ShowRunningConfig { section } => show::running_config(&shell.config, section),
        Command::ShowVersion => Ok(show::version(shell, now)),
        Command::ShowManagementApi => Ok(show::management_api(shell)),
        Command::ShowRadius { customer: None } => Ok(show::radius(shell, now)),
        Command::ShowRadius { customer: Some(of) } => {
            let anchor = anchor(&shell.anchor)?;
            let id = customer(anchor, Some(of))?.unwrap_or_default();
            Ok(show::radius_of_customer(shell, anchor, id, now))
        }
        Command::ShowRadiusAccounting { customer: of } => {
            let only = known_customer(&shell.anchor, of.as_deref())?;
            Ok(show::radius_accounting(shell, only, now))
        }
        Command::ShowRadiusDeadCriteria => Ok(show::dead_criteria(&shell.aaa, now)),
        Command::ClearRadiusStatistics { customer: of } => {
            known_customer(&shell.anchor, of.as_deref())?;
            shell.aaa.clear_counters(of.as_deref());
            Ok(done())
        }
        Command::ShowLmaBindings { customer: of, filter, extent } => {
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            let (which, extent) = (which(anchor, only, filter)?, *extent);
            let look = move |format| -> Box<dyn Look> {
                Box::new(Bindings::new(anchor, only, which, extent, format))
            };
            Ok(Answer::Long(Box::new(look)))
        }
        Command::ShowLmaHeartbeats { customer: of } => {
            let anchor = anchor(&shell.anchor)?;
            Ok(Heartbeats::of_anchor(anchor, customer(anchor, of.as_deref())?, now).answer())
        }
        Command::ShowLmaTunnels { customer: of } => {
            let anchor = anchor(&shell.anchor)?;
            Ok(Tunnels::of_anchor(anchor, customer(anchor, of.as_deref())?).answer())
        }
        Command::ShowLmaPeerStatistics { mag, customer: of } => {
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            let known = anchor.machines(only).filter_map(|(_, lma)| lma.peer(mag));
            let counters = known.map(|peer| Group::of(&peer.counters)).reduce(Group::plus);
            let counters = counters.ok_or_else(|| no_peer(anchor, only, mag))?;
            let age = anchor.counted_for(only, now).unwrap_or(uptime);
            Ok(show::statistics(vec![counters], age))
        }
        Command::ShowLmaLicense { customer: of } => {
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            Ok(show::license(&lma_config(&shell.config)?.id, anchor.customers(), only))
        }
        Command::ShowMagHeartbeats => {
            Ok(Heartbeats::of_gateway(gateway(&shell.gateway)?, now).answer())
        }
        Command::ShowMagTunnels => {
            Ok(Tunnels::of_gateway(gateway(&shell.gateway)?, now.mono).answer())
        }
        Command::ShowLmaGlobals { customer: of } => {
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            Ok(show::lma_globals(anchor, lma_config(&shell.config)?, only))
        }
        Command::ShowLmaStatistics { name, customer: of } => {
            check_service(name.as_deref(), &lma_config(&shell.config)?.id)?;
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            let age = anchor.counted_for(only, now).unwrap_or(uptime);
            Ok(show::statistics(anchor.statistics(only), age))
        }
        Command::ShowMagBindings { nai, extent } => {
            let filter = nai.as_deref().map(subscriber).transpose()?;
            Ok(show::mag_bindings(gateway(&shell.gateway)?, filter, *extent, now))
        }
        Command::ShowMagLogicalMn { nai } => {
            let filter = nai.as_deref().map(subscriber).transpose()?;
            Ok(show::logical_mns(gateway(&shell.gateway)?, filter, now))
        }
        Command::ShowMagGlobals => Ok(show::mag_globals(gateway(&shell.gateway)?, now)),
        Command::ShowMagStatistics { name } => {
            let gateway = gateway(&shell.gateway)?;
            check_service(name.as_deref(), &gateway.mag().settings().name)?;
            Ok(show::statistics(gateway.statistics(), gateway.counted_for(now).unwrap_or(uptime)))
        }
        Command::ShowEvents { role, customer, nai, last } => {
            watch::events(shell, *role, customer.as_deref(), nai.as_deref(), *last)
        }
        Command::Monitor { .. } => watch::monitor(shell, command),
        Command::Debug { role, customer, target, on } => {
            watch::debug(shell, *role, customer.as_deref(), target.as_ref(), *on)
        }
        Command::UndebugAll => Ok(watch::undebug_all(shell)),
        Command::ShowDebug => Ok(show::debug(shell)),
        Command::CaptureStart { customer, target, file, limit } => {
            let of = customer.as_deref();
            watch::start_capture(shell, of, target.as_ref(), file.as_deref(), *limit, now)
        }
        Command::CaptureStop => watch::stop_capture(shell),
        Command::ShowCapture => Ok(show::capture(shell)),
        Command::Unsupported(why) => Err(Refusal::new(*why)),
        Command::ShowTechSupport => Ok(show::tech_support(shell, self::command, now)),
        Command::ClearLmaBindings { customer: of, filter } => {
            let anchor = shell.anchor.as_mut().ok_or_else(no_anchor)?;
            let only = customer(anchor, of.as_deref())?;
            let which = which(anchor, only, filter)?;
            let cleared = clear(anchor, only, &which, now)?;
            anchor.settle();
            info!(cleared, "bindings cleared by an operator");
            if let (BindingFilter::Nai(id) | BindingFilter::Imsi(id) | BindingFilter::Mag(id), 0) =
                (filter, cleared)
            {
                return Err(Refusal::new(format!("no binding of {id}")));
            }
            Ok(Answer::new(
                move || format!("{cleared} {} cleared\n", plural(cleared, "binding")),
                move || json!({ "cleared": cleared }),
            ))
        }
        Command::ClearMagBindings { nai } => {
            let node = nai.as_deref().map(subscriber).transpose()?;
            let gateway = shell.gateway.as_mut().ok_or_else(no_gateway)?;
            let mag = gateway.mag_mut();
            let cleared = match &node {
                None => mag.clear_all(now),
                Some(mn_id) => mag.clear(mn_id, now),
            };
            gateway.settle(shell.hosts.own(), now);
            info!(cleared, "bindings cleared by an operator");
            if let (Some(mn_id), 0) = (node, cleared) {
                return Err(Refusal::new(format!("no binding of {mn_id}")));
            }
            Ok(Answer::new(
                move || format!("{cleared} {} cleared\n", plural(cleared, "binding")),
                move || json!({ "cleared": cleared }),
            ))
        }
        Command::ClearLmaStatistics { name, customer: of } => {
            check_service(name.as_deref(), &lma_config(&shell.config)?.id)?;
            let anchor = shell.anchor.as_mut().ok_or_else(no_anchor)?;
            let only = customer(anchor, of.as_deref())?;
            anchor.clear_statistics(only, now);
            Ok(done())
        }
        Command::ClearMagStatistics { name } => {
            let gateway = shell.gateway.as_mut().ok_or_else(no_gateway)?;
            check_service(name.as_deref(), &gateway.mag().settings().name)?;
            gateway.clear_statistics(now);
            Ok(done())
        }
    }
}

/// The anchor's bindings that a filter is for.
fn which(
    anchor: &Anchor,
    only: Option<CustomerId>,
    filter: &BindingFilter,
) -> Result<Which, Refusal> {
    Ok(match filter {
        BindingFilter::All => Which::All,
        BindingFilter::Nai(nai) => match nai.strip_prefix('@') {
            Some(realm) => Which::OfRealm(realm.to_owned()),
            None => Which::OfNode(subscriber(nai)?),
        },
        BindingFilter::Imsi(imsi) => Which::OfImsi(
            Imsi::new(imsi).ok_or_else(|| Refusal::new("an IMSI has 6 to 15 digits"))?,
        ),
        BindingFilter::Mag(id) => {
            let mut known = anchor.machines(only).filter_map(|(_, lma)| lma.peer(id));
            known.next().ok_or_else(|| no_peer(anchor, only, id))?;
            Which::OfPeer(id.clone())
        }
    })
}

/// Ends bindings of one customer or of all. One subscriber is one customer's: where several have
/// it, which one is meant is to be said.
fn clear(
    anchor: &mut Anchor,
    only: Option<CustomerId>,
    which: &Which,
    now: Now,
) -> Result<usize, Refusal> {
    if let Which::OfNode(mn_id) = which {
        let has_it = |(id, lma): &(CustomerId, &Lma)| lma.find(*id, mn_id).next().is_some();
        let of: Vec<CustomerId> = anchor.machines(only).filter(has_it).map(|(id, _)| id).collect();
        if of.len() > 1 {
            let names = of.iter().filter_map(|id| anchor.customer_name(*id).map(str::to_owned));
            let message = format!("several customers have a subscriber {mn_id}: say which");
            return Err(Refusal { message, allowed: names.collect(), ..Refusal::default() });
        }
    }
    let all: Vec<CustomerId> = anchor.machines(only).map(|(id, _)| id).collect();
    let customers = anchor.customers_mut();
    let cleared = all.into_iter().filter_map(|id| {
        customers.with(id, |lma| match which {
            Which::All => lma.clear_all(now),
            Which::OfNode(mn_id) => lma.clear(id, mn_id, now),
            Which::OfRealm(realm) => lma.clear_realm(id, realm, now),
            Which::OfImsi(imsi) => {
                let nodes: BTreeSet<MnId> = imsi.bindings(lma).map(|b| b.mn_id.clone()).collect();
                nodes.iter().map(|mn_id| lma.clear(id, mn_id, now)).sum()
            }
            Which::OfPeer(peer) => lma.clear_peer(peer, now),
        })
    });
    Ok(cleared.sum())
}
