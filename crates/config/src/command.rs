//! Operational commands: how a line of the terminal becomes what it asks for.
//!
//! A sister table of the configuration's, read by the same engine: a line becomes a [`Request`],
//! and [`complete`] answers `?` and Tab.

mod error;
mod pipes;
mod request;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;

use kedge_grammar::{Args, Hint};

pub use error::CommandError;
pub use pipes::split_pipes;
use pipes::{PIPES, read_pipes, read_segment, segments};
pub use request::{BindingFilter, Command, DebugTarget, Extent, Request, Role};
use table::{COMMANDS, Key};
use words::WORDS;

/// Reads one line of the terminal. Words may be abbreviated.
pub fn parse_command(line: &str) -> Result<Request, Box<CommandError>> {
    let segments = segments(line);
    let (command, pipes) = segments.split_first().expect("there is always one");
    let (key, args) = read_segment(&COMMANDS, line, command)?;
    let nai = args.text("NAI").map(str::to_owned);
    let mag = args.text("ID").map(str::to_owned);
    let name = args.text("NAME").map(str::to_owned);
    let customer = args.text("CUSTOMER").map(str::to_owned);
    let imsi = args.text("IMSI").map(str::to_owned);
    let filter = |nai: Option<String>, mag: Option<String>| {
        let of_node = nai.map(BindingFilter::Nai).or(imsi.map(BindingFilter::Imsi));
        of_node.or(mag.map(BindingFilter::Mag)).unwrap_or(BindingFilter::All)
    };
    let command = match key {
        Key::RunningConfig => {
            let section = WORDS.iter().map_while(|name| args.text(name).map(str::to_owned));
            Command::ShowRunningConfig { section: section.collect() }
        }
        Key::Version => Command::ShowVersion,
        Key::ManagementApi => Command::ShowManagementApi,
        Key::Radius => Command::ShowRadius { customer },
        Key::RadiusAccounting => Command::ShowRadiusAccounting { customer },
        Key::RadiusDeadCriteria => Command::ShowRadiusDeadCriteria,
        Key::ClearRadius => Command::ClearRadiusStatistics { customer },
        Key::LmaBindings => {
            let (filter, extent) = (filter(nai, mag), extent(&args));
            Command::ShowLmaBindings { customer, filter, extent }
        }
        Key::LmaGlobals => Command::ShowLmaGlobals { customer },
        Key::LmaHeartbeats => Command::ShowLmaHeartbeats { customer },
        Key::LmaTunnels => Command::ShowLmaTunnels { customer },
        Key::LmaPeerStatistics => {
            Command::ShowLmaPeerStatistics { mag: mag.unwrap_or_default(), customer }
        }
        Key::LmaLicense => Command::ShowLmaLicense { customer },
        Key::MagBindings => Command::ShowMagBindings { nai, extent: extent(&args) },
        Key::MagLogicalMn => Command::ShowMagLogicalMn { nai },
        Key::LmaEvents | Key::MagEvents => Command::ShowEvents {
            role: if key == Key::LmaEvents { Role::Lma } else { Role::Mag },
            customer,
            nai,
            last: args.integer("COUNT"),
        },
        Key::MonitorBindings | Key::MonitorEvents => Command::Monitor {
            role: match (args.has("lma"), args.has("mag")) {
                (true, _) => Some(Role::Lma),
                (false, true) => Some(Role::Mag),
                (false, false) => None,
            },
            customer,
            bindings: key == Key::MonitorBindings,
            nai,
            since: args.integer("NUMBER"),
        },
        Key::DebugLma | Key::DebugMag | Key::NoDebugLma | Key::NoDebugMag => {
            let role = match key {
                Key::DebugLma | Key::NoDebugLma => Role::Lma,
                _ => Role::Mag,
            };
            let on = matches!(key, Key::DebugLma | Key::DebugMag);
            Command::Debug { role, customer, target: target(&args, nai), on }
        }
        Key::UndebugAll => Command::UndebugAll,
        Key::ShowDebug => Command::ShowDebug,
        Key::CaptureStart => Command::CaptureStart {
            customer,
            target: target(&args, nai),
            file: args.text("FILE").map(str::to_owned),
            limit: args.integer("COUNT"),
        },
        Key::CaptureStop => Command::CaptureStop,
        Key::ShowCapture => Command::ShowCapture,
        Key::TechSupport => Command::ShowTechSupport,
        Key::StandbyService => Command::Unsupported(
            "there is no standby anchor, and so nothing of one to show or to clear",
        ),
        Key::OneLmaService => Command::Unsupported(
            "a daemon has one anchor: 'show lma-service all' and 'show lma-service session' are of it",
        ),
        Key::DebugEverything => Command::Unsupported(
            "not of everybody, which would drown the log: 'debug ipv6 mobile pmipv6 {lma | mag}' \
             takes a subscriber, a peer or a customer; 'monitor events' shows what happens, and \
             'capture start' takes all messages into a file",
        ),
        Key::MagGlobals => Command::ShowMagGlobals,
        Key::MagHeartbeats => Command::ShowMagHeartbeats,
        Key::MagTunnels => Command::ShowMagTunnels,
        Key::LmaStatistics => Command::ShowLmaStatistics { name, customer },
        Key::MagStatistics => Command::ShowMagStatistics { name },
        Key::ClearLmaBindings => Command::ClearLmaBindings { customer, filter: filter(nai, mag) },
        Key::ClearMagBindings => Command::ClearMagBindings { nai },
        Key::ClearLmaStatistics => Command::ClearLmaStatistics { name, customer },
        Key::ClearMagStatistics => Command::ClearMagStatistics { name },
    };
    Ok(Request { command, pipes: read_pipes(line, pipes)? })
}

fn extent(args: &Args) -> Extent {
    Extent { detail: args.has("detail"), from: args.integer("N") }
}

fn target(args: &Args, nai: Option<String>) -> Option<DebugTarget> {
    let ipv4 = args.ipv4("IPV4").map(IpAddr::V4);
    let peer = ipv4.or(args.ipv6("IPV6").map(IpAddr::V6)).map(DebugTarget::Peer);
    nai.map(DebugTarget::Nai).or(peer)
}

/// What may stand where `line` ends: the words that its last word begins, or, behind a blank,
/// everything that may come next. `<cr>` says that the line may end. `names` gives the names of
/// the things of a kind: "node", "customer", "gateway".
pub fn complete(line: &str, names: &dyn Fn(&str) -> Vec<String>) -> Vec<Hint> {
    let segments = segments(line);
    let last = segments.last().map(|range| &line[range.clone()]).unwrap_or_default();
    if segments.len() > 1 {
        return kedge_grammar::complete(&PIPES, last, names);
    }
    let mut hints = kedge_grammar::complete(&COMMANDS, last, names);
    if hints.iter().any(|hint| hint.what == "<cr>") {
        hints.push(Hint::new("|", "Do something with the answer"));
    }
    hints
}
