//! Operational commands: `show` and `clear`, and what may stand behind `|`.
//!
//! A sister table of the configuration's, read by the same engine: a line becomes a [`Request`],
//! and [`complete`] answers `?` and Tab.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use kedge_grammar::table::{Block, arg_help, last, row, word};
use kedge_grammar::{Args, Hint, Part, Place, Spot, SyntaxFault, Value};

use crate::pipe::{Pattern, Pipe};

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
    /// `show ipv6 mobile pmipv6 lma bindings [nai NAI | mag ID] [detail] [from N]`
    ShowLmaBindings(BindingFilter, Extent),
    /// `show ipv6 mobile pmipv6 lma globals`
    ShowLmaGlobals,
    /// `show ipv6 mobile pmipv6 lma heartbeats`
    ShowLmaHeartbeats,
    /// `show ipv6 mobile pmipv6 lma tunnels`
    ShowLmaTunnels,
    /// `show ipv6 mobile pmipv6 lma statistics mag ID`
    ShowLmaPeerStatistics {
        /// The gateway, by its name or an address.
        mag: String,
    },
    /// `show ipv6 mobile pmipv6 mag bindings [nai NAI] [detail] [from N]`
    ShowMagBindings {
        /// One subscriber only.
        nai: Option<String>,
        /// How much of them.
        extent: Extent,
    },
    /// `show ipv6 mobile pmipv6 {lma | mag} events [last N]` and `… trace nai NAI [last N]`
    ShowEvents {
        /// Whose events.
        role: Role,
        /// One subscriber's only.
        nai: Option<String>,
        /// At most so many.
        last: Option<usize>,
    },
    /// `monitor {bindings | events} [lma | mag] [nai NAI] [since N]`: what has happened since; the
    /// terminal asks again and again.
    Monitor {
        /// Whose events; `None` if there is one role.
        role: Option<Role>,
        /// Only what became of bindings.
        bindings: bool,
        /// One subscriber's only.
        nai: Option<String>,
        /// Those behind this number; without one, there are none yet.
        since: Option<u64>,
    },
    /// `[no] debug ipv6 mobile pmipv6 {lma | mag} {nai NAI | peer ADDRESS}`
    Debug {
        /// Of which role.
        role: Role,
        /// Of whom.
        target: DebugTarget,
        /// It begins, or ends.
        on: bool,
    },
    /// `undebug all`
    UndebugAll,
    /// `show debug`
    ShowDebug,
    /// `capture start [nai NAI | peer ADDRESS] [file NAME] [limit N]`
    CaptureStart {
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
    /// `show ipv6 mobile pmipv6 mag globals`
    ShowMagGlobals,
    /// `show ipv6 mobile pmipv6 mag heartbeats`
    ShowMagHeartbeats,
    /// `show ipv6 mobile pmipv6 mag tunnels`
    ShowMagTunnels,
    /// `show lma-service statistics [name NAME]`, `show ipv6 mobile pmipv6 lma statistics`
    ShowLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
    /// `show mag-service statistics [name NAME]`, `show ipv6 mobile pmipv6 mag statistics`
    ShowMagStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
    },
    /// `clear ipv6 mobile pmipv6 lma bindings {all | nai NAI | mag ID}`
    ClearLmaBindings(BindingFilter),
    /// `clear ipv6 mobile pmipv6 mag bindings {all | nai NAI}`
    ClearMagBindings {
        /// One subscriber's only.
        nai: Option<String>,
    },
    /// `clear lma-service statistics [name NAME]`, `clear ipv6 mobile pmipv6 lma statistics`
    ClearLmaStatistics {
        /// The service, which must be this daemon's.
        name: Option<String>,
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    RunningConfig,
    Version,
    ManagementApi,
    LmaBindings,
    LmaGlobals,
    LmaHeartbeats,
    LmaTunnels,
    LmaPeerStatistics,
    MagBindings,
    MagGlobals,
    MagHeartbeats,
    MagTunnels,
    LmaStatistics,
    MagStatistics,
    ClearLmaBindings,
    ClearMagBindings,
    ClearLmaStatistics,
    ClearMagStatistics,
    LmaEvents,
    MagEvents,
    MonitorBindings,
    MonitorEvents,
    DebugLma,
    DebugMag,
    NoDebugLma,
    NoDebugMag,
    UndebugAll,
    ShowDebug,
    CaptureStart,
    CaptureStop,
    ShowCapture,
    TechSupport,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PipeKey {
    Json,
    Include,
    Exclude,
    Begin,
    Section,
    Count,
    NoMore,
}

const SHOW: Part = word("show", "Show what is configured and what happens");
const CLEAR: Part = word("clear", "End bindings, or set counters back to zero");
const IPV6: Part = word("ipv6", "Internet Protocol version 6");
const MOBILE: Part = word("mobile", "Mobility services");
const PMIPV6: Part = word("pmipv6", "Proxy Mobile IPv6");
const LMA: Part = word("lma", "The local mobility anchor");
const MAG: Part = word("mag", "The mobile access gateway");
const LMA_SERVICE: Part = word("lma-service", "The local mobility anchor");
const MAG_SERVICE: Part = word("mag-service", "The mobile access gateway");
const OF_NODE: Part = word("nai", "Of one subscriber");
const ONE_NODE: Part = arg_help("NAI", Value::Nai, "the subscriber's identifier");
const NAI: &[Part] = &[OF_NODE, ONE_NODE];
const OF_NODES: &[Part] = &[
    word("nai", "Of one subscriber, or of a realm"),
    arg_help("NAI", Value::Nai, "the subscriber's identifier, or @REALM"),
];
const SERVICE: &[Part] = &[
    word("name", "Of one service"),
    arg_help("NAME", Value::Name { max: 125 }, "the service's identifier"),
];
const DETAIL: Part =
    Part::Optional(&[Part::Flag { word: "detail", help: "All there is to say of each" }]);
const FROM: Part = Part::Optional(&[
    word("from", "From one on, where there are more than an answer holds"),
    arg_help(
        "N",
        Value::Integer { min: 1, max: u32::MAX as u64, unit: "" },
        "which one, counted from 1",
    ),
]);
const LAST: Part = Part::Optional(&[
    word("last", "The newest only"),
    arg_help("COUNT", Value::Integer { min: 1, max: 100_000, unit: "" }, "how many at most"),
]);
const SINCE: Part = Part::Optional(&[
    word("since", "Those behind one"),
    arg_help(
        "NUMBER",
        Value::Integer { min: 0, max: u64::MAX, unit: "" },
        "the number of the last that is known",
    ),
]);
const EITHER_ROLE: Part = Part::Optional(&[Part::OneOf(&[
    &[Part::Flag { word: "lma", help: "Of the local mobility anchor" }],
    &[Part::Flag { word: "mag", help: "Of the mobile access gateway" }],
])]);
const OF_PEER: &[Part] = &[
    word("peer", "Messages from and to one peer"),
    Part::OneOf(&[
        &[arg_help("IPV4", Value::Ipv4, "the peer's address")],
        &[arg_help("IPV6", Value::Ipv6, "the peer's address")],
    ]),
];
const TARGET: Part = Part::OneOf(&[NAI, OF_PEER]);
const DEBUG: Part = word("debug", "Show the messages of a subscriber or of a peer");
const NO: Part = word("no", "End it");
const CAPTURE: Part = word("capture", "Signalling messages into a file");
const MONITOR: Part = word("monitor", "What happens, as it happens, until Ctrl-C");
const OF_MAG: &[Part] = &[
    word("mag", "Of one gateway"),
    arg_help("ID", Value::Name { max: 125 }, "the gateway's name, or an address of its"),
];

/// As many words as tell the sections of a configuration apart.
const WORDS: [&str; 6] = ["WORD1", "WORD2", "WORD3", "WORD4", "WORD5", "WORD6"];
const SECTION: &[Part] = &[
    section_word(0),
    Part::Optional(&[
        section_word(1),
        Part::Optional(&[
            section_word(2),
            Part::Optional(&[
                section_word(3),
                Part::Optional(&[section_word(4), Part::Optional(&[section_word(5)])]),
            ]),
        ]),
    ]),
];

const fn section_word(place: usize) -> Part {
    arg_help(WORDS[place], Value::Name { max: 125 }, "the first words of what is wanted")
}

static COMMANDS: Block<Key> = Block {
    name: "commands",
    help: "Commands of the terminal.",
    rows: &[
        row(
            Key::RunningConfig,
            &[SHOW, last("running-config"), Part::Optional(SECTION)],
            "The configuration that holds",
        ),
        row(Key::Version, &[SHOW, last("version")], "The version of this program"),
        row(
            Key::ManagementApi,
            &[SHOW, last("management-api")],
            "Management clients of other hosts",
        ),
        row(
            Key::LmaBindings,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("bindings"),
                Part::Optional(&[Part::OneOf(&[OF_NODES, OF_MAG])]),
                DETAIL,
                FROM,
            ],
            "The anchor's bindings",
        ),
        row(
            Key::LmaGlobals,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("globals")],
            "The anchor's settings and state",
        ),
        row(
            Key::LmaHeartbeats,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("heartbeats")],
            "Whether the gateways live",
        ),
        row(
            Key::LmaStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("statistics")],
            "Every counter of the anchor",
        ),
        row(
            Key::LmaPeerStatistics,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                word("statistics", "Every counter of the anchor"),
                word("mag", "Of one gateway"),
                arg_help(
                    "ID",
                    Value::Name { max: 125 },
                    "the gateway's name, or an address of its",
                ),
            ],
            "What one gateway has sent and was sent",
        ),
        row(
            Key::LmaTunnels,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("tunnels")],
            "The anchor's tunnels to gateways",
        ),
        row(
            Key::MagBindings,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("bindings"), Part::Optional(NAI), DETAIL, FROM],
            "The gateway's bindings",
        ),
        row(
            Key::MagGlobals,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("globals")],
            "The gateway's settings and state",
        ),
        row(
            Key::MagHeartbeats,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("heartbeats")],
            "Whether the anchors live",
        ),
        row(
            Key::MagStatistics,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("statistics")],
            "Every counter of the gateway",
        ),
        row(
            Key::MagTunnels,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("tunnels")],
            "The gateway's tunnels to anchors",
        ),
        row(
            Key::LmaStatistics,
            &[SHOW, LMA_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Every counter of the anchor",
        ),
        row(
            Key::MagStatistics,
            &[SHOW, MAG_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Every counter of the gateway",
        ),
        row(
            Key::ClearLmaBindings,
            &[
                CLEAR,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("bindings"),
                Part::OneOf(&[&[word("all", "Every one")], OF_NODES, OF_MAG]),
            ],
            "End bindings of the anchor",
        ),
        row(
            Key::ClearMagBindings,
            &[
                CLEAR,
                IPV6,
                MOBILE,
                PMIPV6,
                MAG,
                last("bindings"),
                Part::OneOf(&[&[word("all", "Every one")], NAI]),
            ],
            "End bindings of the gateway",
        ),
        row(
            Key::ClearLmaStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, LMA, last("statistics")],
            "Set the anchor's counters back to zero",
        ),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, IPV6, MOBILE, PMIPV6, MAG, last("statistics")],
            "Set the gateway's counters back to zero",
        ),
        row(
            Key::ClearLmaStatistics,
            &[CLEAR, LMA_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Set the anchor's counters back to zero",
        ),
        row(
            Key::ClearMagStatistics,
            &[CLEAR, MAG_SERVICE, last("statistics"), Part::Optional(SERVICE)],
            "Set the gateway's counters back to zero",
        ),
        row(
            Key::LmaEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("events"), LAST],
            "The last events of the anchor",
        ),
        row(
            Key::LmaEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, LMA, last("trace"), OF_NODE, ONE_NODE, LAST],
            "The last events of one subscriber",
        ),
        row(
            Key::DebugLma,
            &[DEBUG, IPV6, MOBILE, PMIPV6, LMA, TARGET],
            "Show the messages of a subscriber or of a peer",
        ),
        row(
            Key::NoDebugLma,
            &[NO, DEBUG, IPV6, MOBILE, PMIPV6, LMA, TARGET],
            "Show them no longer",
        ),
        row(
            Key::NoDebugLma,
            &[word("undebug", "End debugging"), IPV6, MOBILE, PMIPV6, LMA, TARGET],
            "Show them no longer",
        ),
        row(
            Key::MagEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("events"), LAST],
            "The last events of the gateway",
        ),
        row(
            Key::MagEvents,
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("trace"), OF_NODE, ONE_NODE, LAST],
            "The last events of one subscriber",
        ),
        row(
            Key::DebugMag,
            &[DEBUG, IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show the messages of a subscriber or of a peer",
        ),
        row(
            Key::NoDebugMag,
            &[NO, DEBUG, IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show them no longer",
        ),
        row(
            Key::NoDebugMag,
            &[word("undebug", "End debugging"), IPV6, MOBILE, PMIPV6, MAG, TARGET],
            "Show them no longer",
        ),
        row(Key::UndebugAll, &[word("undebug", "End debugging"), last("all")], "All of it"),
        row(Key::UndebugAll, &[NO, DEBUG, last("all")], "All of it"),
        row(Key::ShowDebug, &[SHOW, last("debug")], "Whose messages are shown"),
        row(Key::ShowCapture, &[SHOW, last("capture")], "The capture, running or ended"),
        row(
            Key::TechSupport,
            &[SHOW, last("tech-support")],
            "Everything that an expert asks for, without secrets",
        ),
        row(
            Key::CaptureStart,
            &[
                CAPTURE,
                last("start"),
                Part::Optional(&[TARGET]),
                Part::Optional(&[
                    word("file", "Into a file of this name"),
                    arg_help("FILE", Value::Name { max: 64 }, "its name, in the state directory"),
                ]),
                Part::Optional(&[
                    word("limit", "At most so many packets"),
                    arg_help(
                        "COUNT",
                        Value::Integer { min: 1, max: 1_000_000, unit: "" },
                        "how many; 10000 without it",
                    ),
                ]),
            ],
            "Begin",
        ),
        row(Key::CaptureStop, &[CAPTURE, last("stop")], "End"),
        row(
            Key::MonitorBindings,
            &[MONITOR, last("bindings"), EITHER_ROLE, Part::Optional(NAI), SINCE],
            "What becomes of bindings",
        ),
        row(
            Key::MonitorEvents,
            &[MONITOR, last("events"), EITHER_ROLE, Part::Optional(NAI), SINCE],
            "Every event",
        ),
    ],
};

const PATTERN: Part =
    arg_help("PATTERN", Value::Name { max: 125 }, "a regular expression, to the end or the next |");

static PIPES: Block<PipeKey> = Block {
    name: "pipes",
    help: "What is done with an answer.",
    rows: &[
        row(PipeKey::Json, &[last("json")], "The answer as JSON"),
        row(PipeKey::Include, &[last("include"), PATTERN], "Lines that match"),
        row(PipeKey::Exclude, &[last("exclude"), PATTERN], "Lines that do not match"),
        row(PipeKey::Begin, &[last("begin"), PATTERN], "Lines from the first that matches on"),
        row(
            PipeKey::Section,
            &[last("section"), PATTERN],
            "Lines that match, and what is indented below them",
        ),
        row(PipeKey::Count, &[last("count")], "How many lines there are"),
        row(PipeKey::NoMore, &[last("no-more")], "Without a stop at each page"),
    ],
};

/// Reads one line of the terminal. Words may be abbreviated.
pub fn parse_command(line: &str) -> Result<Request, Box<CommandError>> {
    let segments = segments(line);
    let (command, pipes) = segments.split_first().expect("there is always one");
    let (key, args) = read_segment(&COMMANDS, line, command)?;
    let nai = args.text("NAI").map(str::to_owned);
    let mag = args.text("ID").map(str::to_owned);
    let name = args.text("NAME").map(str::to_owned);
    let filter = |nai: Option<String>, mag: Option<String>| match (nai, mag) {
        (Some(nai), _) => BindingFilter::Nai(nai),
        (None, Some(mag)) => BindingFilter::Mag(mag),
        (None, None) => BindingFilter::All,
    };
    let command = match key {
        Key::RunningConfig => {
            let section = WORDS.iter().map_while(|name| args.text(name).map(str::to_owned));
            Command::ShowRunningConfig { section: section.collect() }
        }
        Key::Version => Command::ShowVersion,
        Key::ManagementApi => Command::ShowManagementApi,
        Key::LmaBindings => Command::ShowLmaBindings(filter(nai, mag), extent(&args)),
        Key::LmaGlobals => Command::ShowLmaGlobals,
        Key::LmaHeartbeats => Command::ShowLmaHeartbeats,
        Key::LmaTunnels => Command::ShowLmaTunnels,
        Key::LmaPeerStatistics => Command::ShowLmaPeerStatistics { mag: mag.unwrap_or_default() },
        Key::MagBindings => Command::ShowMagBindings { nai, extent: extent(&args) },
        Key::LmaEvents | Key::MagEvents => Command::ShowEvents {
            role: if key == Key::LmaEvents { Role::Lma } else { Role::Mag },
            nai,
            last: args.integer("COUNT"),
        },
        Key::MonitorBindings | Key::MonitorEvents => Command::Monitor {
            role: match (args.has("lma"), args.has("mag")) {
                (true, _) => Some(Role::Lma),
                (false, true) => Some(Role::Mag),
                (false, false) => None,
            },
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
            let target = target(&args, nai).expect("the table demands one");
            Command::Debug { role, target, on }
        }
        Key::UndebugAll => Command::UndebugAll,
        Key::ShowDebug => Command::ShowDebug,
        Key::CaptureStart => Command::CaptureStart {
            target: target(&args, nai),
            file: args.text("FILE").map(str::to_owned),
            limit: args.integer("COUNT"),
        },
        Key::CaptureStop => Command::CaptureStop,
        Key::ShowCapture => Command::ShowCapture,
        Key::TechSupport => Command::ShowTechSupport,
        Key::MagGlobals => Command::ShowMagGlobals,
        Key::MagHeartbeats => Command::ShowMagHeartbeats,
        Key::MagTunnels => Command::ShowMagTunnels,
        Key::LmaStatistics => Command::ShowLmaStatistics { name },
        Key::MagStatistics => Command::ShowMagStatistics { name },
        Key::ClearLmaBindings => Command::ClearLmaBindings(filter(nai, mag)),
        Key::ClearMagBindings => Command::ClearMagBindings { nai },
        Key::ClearLmaStatistics => Command::ClearLmaStatistics { name },
        Key::ClearMagStatistics => Command::ClearMagStatistics { name },
    };
    Ok(Request { command, pipes: read_pipes(line, pipes)? })
}

/// The part of a line before its pipes, and its pipes.
pub fn split_pipes(line: &str) -> Result<(&str, Vec<Pipe>), Box<CommandError>> {
    let segments = segments(line);
    let (command, pipes) = segments.split_first().expect("there is always one");
    Ok((&line[command.clone()], read_pipes(line, pipes)?))
}

fn read_pipes(line: &str, segments: &[Range<usize>]) -> Result<Vec<Pipe>, Box<CommandError>> {
    segments.iter().map(|segment| pipe(line, segment)).collect()
}

fn extent(args: &Args) -> Extent {
    Extent { detail: args.has("detail"), from: args.integer("N") }
}

fn target(args: &Args, nai: Option<String>) -> Option<DebugTarget> {
    let ipv4 = args.ipv4("IPV4").map(IpAddr::V4);
    let peer = ipv4.or(args.ipv6("IPV6").map(IpAddr::V6)).map(DebugTarget::Peer);
    nai.map(DebugTarget::Nai).or(peer)
}

/// Reads what stands behind a `|`. An expression is all that follows its command, as it is typed.
fn pipe(line: &str, segment: &Range<usize>) -> Result<Pipe, Box<CommandError>> {
    let text = &line[segment.clone()];
    let typed = text.trim();
    let (verb, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let rest = rest.trim_start();
    let whole = match rest.is_empty() {
        true => read_segment(&PIPES, line, segment),
        // Whether an expression may stand there; of what it looks like, the table knows nothing.
        false => kedge_grammar::read_command(&PIPES, &format!("{verb} x"), "command")
            .or_else(|_| read_segment(&PIPES, line, segment)),
    };
    let (key, _) = whole?;
    let pattern = || {
        let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Pattern::new(quoted.unwrap_or(rest)).map_err(|why| {
            let start = segment.start + text.rfind(rest).unwrap_or(0);
            let before = line[..start].chars().count();
            let spot = Spot { column: before + 1, caret: before, width: rest.chars().count() };
            let place = Place { spot, text: line.into(), ..Place::default() };
            let allowed = vec![Hint::new("PATTERN", &format!("a regular expression: {why}"))];
            let word = Some(rest.to_owned());
            Box::new(CommandError {
                place,
                fault: SyntaxFault::Unexpected { word, allowed, meant: None },
            })
        })
    };
    Ok(match key {
        PipeKey::Json => Pipe::Json,
        PipeKey::Include => Pipe::Include(pattern()?),
        PipeKey::Exclude => Pipe::Exclude(pattern()?),
        PipeKey::Begin => Pipe::Begin(pattern()?),
        PipeKey::Section => Pipe::Section(pattern()?),
        PipeKey::Count => Pipe::Count,
        PipeKey::NoMore => Pipe::NoMore,
    })
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

/// What is typed as one command or one pipe: the parts between `|` outside of quotes.
fn segments(line: &str) -> Vec<Range<usize>> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '|' if !quoted => {
                segments.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.push(start..line.len());
    segments
}

/// Reads one segment with the rest of the line blanked out, so that a message shows the line and
/// its caret is in the right column.
fn read_segment<K: Copy + PartialEq>(
    block: &'static Block<K>,
    line: &str,
    segment: &Range<usize>,
) -> Result<(K, Args), Box<CommandError>> {
    let before = " ".repeat(line[..segment.start].chars().count());
    let text = before + line[segment.clone()].trim_end();
    kedge_grammar::read_command(block, &text, "command").map_err(|error| {
        let (mut place, fault) = *error;
        place.text = line.into();
        Box::new(CommandError { place, fault })
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        parse_command(line).unwrap_or_else(|error| panic!("{error}")).command
    }

    #[test]
    fn commands_may_be_abbreviated_and_have_arguments() {
        let section = |words: &[&str]| {
            let section = words.iter().map(|word| (*word).to_owned()).collect();
            Command::ShowRunningConfig { section }
        };
        assert_eq!(command("sh run"), section(&[]));
        assert_eq!(command("sh run customer A"), section(&["customer", "A"]));
        assert_eq!(command("SHOW Version"), Command::ShowVersion);
        assert_eq!(command("show man"), Command::ShowManagementApi);
        let nai = "mn1@example.com".to_owned();
        assert_eq!(
            command("show ipv6 mobile pmipv6 lma binding nai mn1@example.com"),
            Command::ShowLmaBindings(BindingFilter::Nai(nai), Extent::default())
        );
        for mag in ["mag1", "2001:db8::5", "192.0.2.5"] {
            let line = format!("show ipv6 mobile pmipv6 lma bindings mag {mag}");
            let filter = BindingFilter::Mag(mag.to_owned());
            let shown = Command::ShowLmaBindings(filter.clone(), Extent::default());
            assert_eq!(command(&line), shown);
            let extent = Extent { detail: true, from: Some(1001) };
            let shown = Command::ShowLmaBindings(filter.clone(), extent);
            assert_eq!(command(&format!("{line} detail from 1001")), shown);
            let line = format!("clear ipv6 mobile pmipv6 lma bindings mag {mag}");
            assert_eq!(command(&line), Command::ClearLmaBindings(filter));
        }
        let unnamed = Command::ShowLmaStatistics { name: None };
        assert_eq!(command("show ipv6 mobile pmipv6 lma stat"), unnamed);
        assert_eq!(
            command("show ipv6 mobile pmipv6 lma stat mag mag1"),
            Command::ShowLmaPeerStatistics { mag: "mag1".to_owned() }
        );
        assert_eq!(
            command("clear ipv6 mobile pmipv6 lma bindings all"),
            Command::ClearLmaBindings(BindingFilter::All)
        );
        assert_eq!(
            command("clear ipv6 mob pm lma bind nai @r"),
            Command::ClearLmaBindings(BindingFilter::Nai("@r".to_owned()))
        );
        assert_eq!(
            command("clear ipv6 mobile pmipv6 mag bindings all"),
            Command::ClearMagBindings { nai: None }
        );
        assert_eq!(
            command("clear ipv6 mob pm mag bind nai a@r"),
            Command::ClearMagBindings { nai: Some("a@r".to_owned()) }
        );
        assert_eq!(command("show lma-service statistics"), unnamed);
        assert_eq!(
            command("show mag-service stat name mag1"),
            Command::ShowMagStatistics { name: Some("mag1".to_owned()) }
        );
    }

    #[test]
    fn pipes_follow_each_other_and_quotes_protect_them() {
        let request = parse_command(r#"show version | include "a | b" |count"#).unwrap();
        let pattern = |text: &str| Pattern::new(text).expect("an expression");
        assert_eq!(request.pipes, [Pipe::Include(pattern("a | b")), Pipe::Count]);
        let request = parse_command(r"show version | inc ^ *10\.1 up|exc (a)*! | no-more").unwrap();
        let pipes =
            [Pipe::Include(pattern(r"^ *10\.1 up")), Pipe::Exclude(pattern("(a)*!")), Pipe::NoMore];
        assert_eq!(request.pipes, pipes);
        assert_eq!(parse_command("show version|json").unwrap().pipes, [Pipe::Json]);
    }

    #[test]
    fn a_mistake_behind_a_pipe_has_its_caret_there() {
        let error = parse_command("show version | jsn").unwrap_err();
        let expected = "unknown command 'jsn'\n    show version | jsn\n                   ^^^\n  \
                        did you mean 'json'?\n  \
                        commands here: json, include, exclude, begin, section, count, no-more\n";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn clearing_bindings_without_saying_which_is_incomplete() {
        let error = parse_command("clear ipv6 mobile pmipv6 lma bindings").unwrap_err();
        assert_eq!(
            error.to_string(),
            "incomplete command\n    \
             clear ipv6 mobile pmipv6 lma bindings\n                                          ^\n  \
             to come:\n    all  Every one\n    nai  Of one subscriber, or of a realm\n    \
             mag  Of one gateway\n"
        );
        assert!(parse_command("").is_err());
        assert!(parse_command("|").is_err());
        assert!(parse_command("show version |").is_err());
    }

    #[test]
    fn completion_answers_with_words_and_their_help() {
        let words = |line: &str| -> Vec<String> {
            complete(line, &|_| Vec::new()).into_iter().map(|hint| hint.what).collect()
        };
        assert_eq!(words(""), ["show", "clear", "debug", "no", "undebug", "capture", "monitor"]);
        assert_eq!(words("sh"), ["show"]);
        assert_eq!(
            words("show "),
            [
                "running-config",
                "version",
                "management-api",
                "ipv6",
                "lma-service",
                "mag-service",
                "debug",
                "capture",
                "tech-support"
            ]
        );
        assert_eq!(
            words("show ipv6 mobile pmipv6 lma bindings "),
            ["nai", "mag", "detail", "from", "<cr>", "|"]
        );
        let kinds =
            ["bindings", "globals", "heartbeats", "statistics", "tunnels", "events", "trace"];
        for role in ["lma", "mag"] {
            assert_eq!(words(&format!("show ipv6 mobile pmipv6 {role} ")), kinds);
        }
        assert_eq!(words("show ver"), ["version"]);
        assert_eq!(
            words("show version | "),
            ["json", "include", "exclude", "begin", "section", "count", "no-more"]
        );
        assert_eq!(words("show nothing "), [""; 0]);
    }

    #[test]
    fn every_word_of_the_tables_has_a_help() {
        fn walk(line: &str, depth: usize) {
            for hint in complete(line, &|_| Vec::new()) {
                assert!(!hint.help.is_empty(), "{line}{}", hint.what);
                if depth > 0 && !hint.placeholder && hint.what != "<cr>" {
                    walk(&format!("{line}{} ", hint.what), depth - 1);
                }
            }
        }
        walk("", 9);
    }

    #[test]
    fn an_expression_that_is_none_has_its_caret_below_it() {
        let error = parse_command("show version | include a(b | count").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("a regular expression: unclosed group"), "{text}");
        let caret = format!("    {}^^^", " ".repeat("show version | include ".len()));
        assert!(text.lines().any(|line| line == caret), "{text}");
        assert!(parse_command("show version | include").is_err());
        assert!(parse_command("show version | json x").is_err());
    }

    #[test]
    fn what_is_watched_is_one_subscriber_or_one_peer() {
        let nai = || DebugTarget::Nai("a@r".to_owned());
        for (line, role, target, on) in [
            ("debug ipv6 mobile pmipv6 lma nai a@r", Role::Lma, nai(), true),
            ("no debug ipv6 mobile pmipv6 mag nai a@r", Role::Mag, nai(), false),
            ("undebug ipv6 mobile pmipv6 lma nai a@r", Role::Lma, nai(), false),
            (
                "debug ipv6 mob pm mag peer 2001:db8::1",
                Role::Mag,
                DebugTarget::Peer("2001:db8::1".parse().unwrap()),
                true,
            ),
            (
                "debug ipv6 mob pm lma peer 192.0.2.1",
                Role::Lma,
                DebugTarget::Peer("192.0.2.1".parse().unwrap()),
                true,
            ),
        ] {
            assert_eq!(command(line), Command::Debug { role, target, on }, "{line}");
        }
        assert_eq!(command("undebug all"), Command::UndebugAll);
        assert_eq!(command("no debug all"), Command::UndebugAll);
        assert!(parse_command("debug ipv6 mobile pmipv6 lma").is_err(), "never everybody");
        assert_eq!(
            command("capture start peer 192.0.2.1 file one limit 5"),
            Command::CaptureStart {
                target: Some(DebugTarget::Peer("192.0.2.1".parse().unwrap())),
                file: Some("one".to_owned()),
                limit: Some(5),
            }
        );
        let all = Command::CaptureStart { target: None, file: None, limit: None };
        assert_eq!(command("capture start"), all);
        assert!(parse_command("capture start limit 0").is_err());
    }

    #[test]
    fn events_are_the_last_ones_one_subscribers_or_those_since() {
        assert_eq!(
            command("show ipv6 mobile pmipv6 lma events last 5"),
            Command::ShowEvents { role: Role::Lma, nai: None, last: Some(5) }
        );
        assert_eq!(
            command("show ipv6 mobile pmipv6 mag trace nai a@r"),
            Command::ShowEvents { role: Role::Mag, nai: Some("a@r".to_owned()), last: None }
        );
        assert_eq!(
            command("monitor bindings mag since 17"),
            Command::Monitor { role: Some(Role::Mag), bindings: true, nai: None, since: Some(17) }
        );
        assert_eq!(
            command("mon ev"),
            Command::Monitor { role: None, bindings: false, nai: None, since: None }
        );
    }
}
