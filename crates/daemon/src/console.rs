//! What people and scripts ask over the API: a line becomes a command, a command an answer.

use kedge_api::{Ask, Format, Outcome, Refusal, Reply};
use kedge_config::{BindingFilter, Command, Pipe, parse_command};
use kedge_model::{CustomerId, MnId};
use kedge_sansio::Now;
use serde_json::{Value, json};
use tracing::info;

use crate::anchor::Anchor;
use crate::gateway::Gateway;
use crate::shell::Shell;
use crate::show;

/// An answer in the two forms it is asked for; each is made only if it is.
pub struct Answer<'a> {
    text: Box<dyn FnOnce() -> String + 'a>,
    data: Box<dyn FnOnce() -> Value + 'a>,
}

impl<'a> Answer<'a> {
    /// An answer that is written by one of these.
    pub fn new(text: impl FnOnce() -> String + 'a, data: impl FnOnce() -> Value + 'a) -> Self {
        Self { text: Box::new(text), data: Box::new(data) }
    }
}

/// Carries out a command of the terminal.
pub fn carry_out(shell: &mut Shell, ask: &Ask, now: Now) -> Outcome {
    let Ask::Command { line, format, .. } = ask else {
        return Err(Refusal::new("no command"));
    };
    let request = parse_command(line).map_err(|error| {
        let message = error.to_string().trim_end().to_owned();
        Refusal { column: u32::try_from(error.place.spot.column).ok(), ..Refusal::new(message) }
    })?;
    let answer = command(shell, &request.command, now)?;
    if *format == Format::Json || request.pipes.contains(&Pipe::Json) {
        return Ok(Reply::Data((answer.data)()));
    }
    let text = (answer.text)();
    Ok(Reply::Text(request.pipes.iter().fold(text, |text, pipe| pipe.apply(&text))))
}

fn command<'a>(shell: &'a mut Shell, command: &Command, now: Now) -> Result<Answer<'a>, Refusal> {
    match command {
        Command::ShowRunningConfig => Ok(show::running_config(&shell.config)),
        Command::ShowVersion => Ok(show::version(shell, now)),
        Command::ShowLmaBindings { nai } => {
            Ok(show::lma_bindings(anchor(&shell.anchor)?, subscriber(nai.as_deref())?, now))
        }
        Command::ShowLmaGlobals => {
            Ok(show::lma_globals(anchor(&shell.anchor)?, lma_config(&shell.config)?))
        }
        Command::ShowLmaStatistics => Ok(show::statistics(anchor(&shell.anchor)?.statistics())),
        Command::ShowMagBindings { nai } => {
            let filter = subscriber(nai.as_deref())?;
            Ok(show::mag_bindings(gateway(&shell.gateway)?, filter, now))
        }
        Command::ShowMagGlobals => Ok(show::mag_globals(gateway(&shell.gateway)?)),
        Command::ShowMagStatistics => Ok(show::statistics(gateway(&shell.gateway)?.statistics())),
        Command::ClearLmaBindings(filter) => {
            let filter = match filter {
                BindingFilter::All => None,
                BindingFilter::Nai(nai) => subscriber(Some(nai))?,
            };
            let anchor = shell.anchor.as_mut().ok_or_else(no_anchor)?;
            let lma = anchor.lma_mut();
            let cleared = match &filter {
                None => lma.clear_all(now),
                Some(mn_id) => lma.clear(CustomerId::DEFAULT, mn_id, now),
            };
            anchor.settle();
            info!(cleared, "bindings cleared by an operator");
            if let (Some(mn_id), 0) = (filter, cleared) {
                return Err(Refusal::new(format!("no binding of {mn_id}")));
            }
            Ok(Answer::new(
                move || format!("{cleared} {} cleared\n", plural(cleared, "binding")),
                move || json!({ "cleared": cleared }),
            ))
        }
        Command::ClearLmaStatistics => {
            shell.anchor.as_mut().ok_or_else(no_anchor)?.clear_statistics();
            Ok(done())
        }
        Command::ClearMagStatistics => {
            shell.gateway.as_mut().ok_or_else(no_gateway)?.clear_statistics();
            Ok(done())
        }
    }
}

fn done() -> Answer<'static> {
    Answer::new(String::new, || json!({}))
}

/// The word for this many things.
pub fn plural(count: usize, thing: &str) -> String {
    if count == 1 { thing.to_owned() } else { format!("{thing}s") }
}

fn subscriber(nai: Option<&str>) -> Result<Option<MnId>, Refusal> {
    nai.map(|nai| {
        MnId::nai(nai).ok_or_else(|| Refusal::new("an identifier has 254 octets at most"))
    })
    .transpose()
}

fn anchor(anchor: &Option<Anchor>) -> Result<&Anchor, Refusal> {
    anchor.as_ref().ok_or_else(no_anchor)
}

fn gateway(gateway: &Option<Gateway>) -> Result<&Gateway, Refusal> {
    gateway.as_ref().ok_or_else(no_gateway)
}

fn lma_config(config: &kedge_config::Config) -> Result<&kedge_config::LmaConfig, Refusal> {
    config.lma.as_ref().ok_or_else(no_anchor)
}

fn no_anchor() -> Refusal {
    Refusal::new("this daemon is no anchor: no 'ipv6 mobile pmipv6-lma' is configured")
}

fn no_gateway() -> Refusal {
    Refusal::new("this daemon is no gateway: no 'ipv6 mobile pmipv6-mag' is configured")
}
