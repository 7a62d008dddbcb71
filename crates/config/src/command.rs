//! Operational commands: what can be asked for, and how a line becomes it.
//!
//! A sister table of the configuration's, read by the same engine: a line becomes a [`Request`],
//! and [`complete`] answers `?` and Tab.

mod pipes;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::net::IpAddr;

use kedge_grammar::{Args, Hint, Place, SyntaxFault};

pub use pipes::split_pipes;
use pipes::{PIPES, read_pipes, read_segment, segments};
use table::{COMMANDS, Key};
use words::WORDS;

use crate::pipe::Pipe;

/// A command and what is done with its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked for.
    pub command: Command,
    /// What is done with the answer, in this order.
    pub pipes: Vec<Pipe>,
}

/// What can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// `show running-config [SECTION]`
    ShowRunningConfig {
        /// The first words of the commands that are wanted, with all that is in their blocks;
        /// none for all.
        section: Vec<String>,
    },
    /// `show version`
    ShowVersion,
    /// `show management-api`
    ShowManagementApi,
    /// `show radius [customer NAME]`
    ShowRadius {
        /// What one customer asks of the servers only.
        customer: Option<String>,
    },
    /// `show radius accounting [customer NAME]`
    ShowRadiusAccounting {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show radius dead-criteria`
    ShowRadiusDeadCriteria,
    /// `clear radius statistics [customer NAME]`
    ClearRadiusStatistics {
        /// What became of one customer's records only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma bindings [customer NAME] [nai NAI | imsi IMSI | mag
    /// ID] [detail] [from N]`, `show lma-service session …`
    ShowLmaBindings {
        /// One customer's only.
        customer: Option<String>,
        /// Which of them.
        filter: BindingFilter,
        /// How much of them.
        extent: Extent,
    },
    /// `show ipv6 mobile pmipv6 lma globals [customer NAME]`, `show lma-service all`
    ShowLmaGlobals {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma heartbeats [customer NAME]`
    ShowLmaHeartbeats {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma tunnels [customer NAME]`
    ShowLmaTunnels {
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma statistics mag ID [customer NAME]`
    ShowLmaPeerStatistics {
        /// The gateway, by its name or an address.
        mag: String,
        /// At one customer only.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 lma statistics license [customer NAME]`
    ShowLmaLicense {
        /// With one customer's part.
        customer: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 mag bindings [nai NAI] [detail] [from N]`
    ShowMagBindings {
        /// One subscriber only.
        nai: Option<String>,
        /// How much of them.
        extent: Extent,
    },
    /// `show ipv6 mobile pmipv6 mag logical-mn [nai NAI]`
    ShowMagLogicalMn {
        /// One node only.
        nai: Option<String>,
    },
    /// `show ipv6 mobile pmipv6 {lma | mag} events [customer NAME] [last N]` and `… trace nai NAI
    /// [customer NAME] [last N]`; customers are the anchor's.
    ShowEvents {
        /// Whose events.
        role: Role,
        /// One customer's only.
        customer: Option<String>,
        /// One subscriber's only.
        nai: Option<String>,
        /// At most so many.
        last: Option<usize>,
    },
    /// `monitor {bindings | events} [lma | mag] [customer NAME] [nai NAI] [since N]`: what has
    /// happened since; the terminal asks again and again.
    Monitor {
        /// Whose events; `None` if there is one role.
        role: Option<Role>,
        /// One customer's only.
        customer: Option<String>,
        /// Only what became of bindings.
        bindings: bool,
        /// One subscriber's only.
        nai: Option<String>,
        /// Those behind this number; without one, there are none yet.
        since: Option<u64>,
    },
    /// `[no] debug ipv6 mobile pmipv6 {lma | mag} {nai NAI | peer ADDRESS}`, of an anchor also
    /// `… lma customer NAME [nai NAI | peer ADDRESS]`
    Debug {
        /// Of which role.
        role: Role,
        /// At one customer only.
        customer: Option<String>,
        /// Of whom; `None` is all of a customer.
        target: Option<DebugTarget>,
        /// It begins, or ends.
        on: bool,
    },
    /// `undebug all`
    UndebugAll,
    /// `show debug`
    ShowDebug,
    /// `capture start [customer NAME] [nai NAI | peer ADDRESS] [file NAME] [limit N]`
    CaptureStart {
        /// At one customer of the anchor only.
        customer: Option<String>,
        /// Of whom; `None` is everybody.
        target: Option<DebugTarget>,
        /// Into which file.
        file: Option<String>,
        /// At most so many packets.
        limit: Option<u64>,
    },
    /// `capture stop`
    CaptureStop,
    /// `show capture`
    ShowCapture,
    /// `show tech-support`
    ShowTechSupport,
    /// A command of the routers that is known and not carried out, and why not.
    Unsupported(&'static str),
    /// `show ipv6 mobile pmipv6 mag globals`
    ShowMagGlobals,
    /// `show ipv6 mobile pmipv6 mag heartbeats`
    ShowMagHeartbeats,
    /// `show ipv6 mobile pmipv6 mag tunnels`
    ShowMagTunnels,
    /// `show lma-service statistics [name NAME] [customer NAME]`, `show ipv6 mobile pmipv6 lma
    /// statistics [global | customer NAME]`
    ShowLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
        /// One customer's only.
        customer: Option<String>,
    },
    /// `show mag-service statistics [name NAME]`, `show ipv6 mobile pmipv6 mag statistics`
    ShowMagStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
    /// `clear ipv6 mobile pmipv6 lma bindings {all | [customer NAME] [nai NAI | imsi IMSI | mag
    /// ID]}`
    ClearLmaBindings {
        /// One customer's only.
        customer: Option<String>,
        /// Which of them.
        filter: BindingFilter,
    },
    /// `clear ipv6 mobile pmipv6 mag bindings {all | nai NAI}`
    ClearMagBindings {
        /// One subscriber's only.
        nai: Option<String>,
    },
    /// `clear lma-service statistics [name NAME] [customer NAME]`, `clear ipv6 mobile pmipv6 lma
    /// statistics [customer NAME]`
    ClearLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
        /// One customer's only.
        customer: Option<String>,
    },
    /// `clear mag-service statistics [name NAME]`, `clear ipv6 mobile pmipv6 mag statistics`
    ClearMagStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
}

/// One of the two things that a daemon can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The anchor.
    Lma,
    /// The gateway.
    Mag,
}

/// Whose messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DebugTarget {
    /// Those that name a subscriber.
    Nai(String),
    /// Those from and to an address.
    Peer(IpAddr),
}

/// How much is shown of bindings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// All there is to say of each, not a line.
    pub detail: bool,
    /// From which one on, counted from 1.
    pub from: Option<usize>,
}

/// Which bindings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BindingFilter {
    /// Every one.
    All,
    /// One subscriber's, or a realm's: `@example.com`.
    Nai(String),
    /// One subscriber's, by the IMSI that its identifier is made of.
    Imsi(String),
    /// One gateway's, by its name or an address.
    Mag(String),
}

/// A line that is no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandError {
    /// Where in the line.
    pub place: Place,
    /// What is wrong.
    pub fault: SyntaxFault,
}

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

/// The message without a file's name: the line is the one just typed.
impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.fault)?;
        self.place.write_excerpt(f)?;
        self.fault.write_advice(f)
    }
}

impl std::error::Error for CommandError {}
