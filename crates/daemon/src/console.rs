//! What people and scripts ask over the API: a line becomes a command, a command an answer.

use std::collections::BTreeSet;

use kedge_api::{Ask, Format, Outcome, Refusal, Reply};
use kedge_config::{BindingFilter, Command, Pipe, parse_command};
use kedge_lma::Lma;
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use kedge_telemetry::Group;
use serde_json::json;
use tracing::info;

use crate::anchor::Anchor;
use crate::answer::{Answer, done, plural};
use crate::imsi::Imsi;
use crate::named::{
    anchor, check_service, customer, gateway, lma_config, no_anchor, no_gateway, no_peer,
    subscriber,
};
use crate::shell::Shell;
use crate::show::{self, Heartbeats, Tunnels, Which};
use crate::watch;

/// Carries out a command of the terminal.
pub fn carry_out(shell: &mut Shell, ask: &Ask, now: Now) -> Outcome {
    let Ask::Command { line, format, width, .. } = ask else {
        return Err(Refusal::new("no command"));
    };
    let request = parse_command(line).map_err(|error| {
        let message = error.to_string().trim_end().to_owned();
        Refusal { column: u32::try_from(error.place.spot.column).ok(), ..Refusal::new(message) }
    })?;
    let answer = command(shell, &request.command, now)?;
    if *format == Format::Json || request.pipes.contains(&Pipe::Json) {
        return Ok(Reply::Data(answer.into_data()));
    }
    let text = answer.into_text(*width);
    let text = request.pipes.iter().fold(text, |text, pipe| pipe.apply(&text));
    Ok(Reply::Text(match width {
        // What is to be pasted somewhere else stays whole.
        Some(width) if !is_for_machines(&request.command) => show::fit(&text, *width),
        _ => text,
    }))
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
        Command::ShowRadius => Ok(show::radius(shell, now)),
        Command::ShowRadiusAccounting => Ok(show::radius_accounting(shell, now)),
        Command::ShowRadiusDeadCriteria => Ok(show::dead_criteria(&shell.aaa, now)),
        Command::ClearRadiusStatistics => {
            shell.aaa.clear_counters();
            Ok(done())
        }
        Command::ShowLmaBindings { customer: of, filter, extent } => {
            let anchor = anchor(&shell.anchor)?;
            let only = customer(anchor, of.as_deref())?;
            Ok(show::lma_bindings(anchor, only, which(anchor, only, filter)?, *extent, now))
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
            let counters = counters.ok_or_else(|| no_peer(mag))?;
            let age = anchor.counted_for(only, now).unwrap_or(uptime);
            Ok(show::statistics(vec![counters], age))
        }
        Command::ShowLmaLicense => {
            let anchor = anchor(&shell.anchor)?;
            Ok(show::license(&lma_config(&shell.config)?.id, anchor.customers().entitlement()))
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
        Command::CaptureStart { target, file, limit } => {
            watch::start_capture(shell, target.as_ref(), file.as_deref(), *limit, now)
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
            known.next().ok_or_else(|| no_peer(id))?;
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
