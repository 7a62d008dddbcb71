//! Operational commands: `show` and `clear`, and what may stand behind `|`.
//!
//! A sister table of the configuration's, read by the same engine: a line becomes a [`Request`],
//! and [`complete`] answers `?` and Tab.

use std::fmt;
use std::ops::Range;

use kedge_grammar::table::{Block, arg_help, last, row, word};
use kedge_grammar::{Args, Hint, Part, Place, SyntaxFault, Value};

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
    /// `show ipv6 mobile pmipv6 lma bindings [nai NAI | mag ID]`
    ShowLmaBindings(BindingFilter),
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
    /// `show ipv6 mobile pmipv6 mag bindings [nai NAI]`
    ShowMagBindings {
        /// One subscriber only.
        nai: Option<String>,
    },
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

/// What is done with an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pipe {
    /// The answer as JSON.
    Json,
    /// Lines with this text in them.
    Include(String),
    /// Lines without this text in them.
    Exclude(String),
    /// Lines from the first with this text in it on.
    Begin(String),
    /// How many lines there are.
    Count,
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
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PipeKey {
    Json,
    Include,
    Exclude,
    Begin,
    Count,
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
const NAI: &[Part] =
    &[word("nai", "Of one subscriber"), arg_help("NAI", Value::Nai, "the subscriber's identifier")];
const OF_NODES: &[Part] = &[
    word("nai", "Of one subscriber, or of a realm"),
    arg_help("NAI", Value::Nai, "the subscriber's identifier, or @REALM"),
];
const SERVICE: &[Part] = &[
    word("name", "Of one service"),
    arg_help("NAME", Value::Name { max: 125 }, "the service's identifier"),
];
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
            Key::LmaBindings,
            &[
                SHOW,
                IPV6,
                MOBILE,
                PMIPV6,
                LMA,
                last("bindings"),
                Part::Optional(&[Part::OneOf(&[OF_NODES, OF_MAG])]),
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
            &[SHOW, IPV6, MOBILE, PMIPV6, MAG, last("bindings"), Part::Optional(NAI)],
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
    ],
};

const TEXT: Part = arg_help("TEXT", Value::Name { max: 125 }, "text; in double quotes with blanks");

static PIPES: Block<PipeKey> = Block {
    name: "pipes",
    help: "What is done with an answer.",
    rows: &[
        row(PipeKey::Json, &[last("json")], "The answer as JSON"),
        row(PipeKey::Include, &[last("include"), TEXT], "Lines with a text in them"),
        row(PipeKey::Exclude, &[last("exclude"), TEXT], "Lines without a text in them"),
        row(PipeKey::Begin, &[last("begin"), TEXT], "Lines from the first with a text in it on"),
        row(PipeKey::Count, &[last("count")], "How many lines there are"),
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
        Key::LmaBindings => Command::ShowLmaBindings(filter(nai, mag)),
        Key::LmaGlobals => Command::ShowLmaGlobals,
        Key::LmaHeartbeats => Command::ShowLmaHeartbeats,
        Key::LmaTunnels => Command::ShowLmaTunnels,
        Key::LmaPeerStatistics => Command::ShowLmaPeerStatistics { mag: mag.unwrap_or_default() },
        Key::MagBindings => Command::ShowMagBindings { nai },
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
    let pipes = segments.iter().map(|segment| {
        let (key, args) = read_segment(&PIPES, line, segment)?;
        let text = args.text("TEXT").unwrap_or_default().to_owned();
        Ok(match key {
            PipeKey::Json => Pipe::Json,
            PipeKey::Include => Pipe::Include(text),
            PipeKey::Exclude => Pipe::Exclude(text),
            PipeKey::Begin => Pipe::Begin(text),
            PipeKey::Count => Pipe::Count,
        })
    });
    pipes.collect()
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

impl Pipe {
    /// The lines of `text` that this pipe lets through. JSON is made from the answer itself, not
    /// from its text: [`Pipe::Json`] changes nothing here.
    pub fn apply(&self, text: &str) -> String {
        let keep: Vec<&str> = match self {
            Self::Json => return text.to_owned(),
            Self::Count => return format!("{}\n", text.lines().count()),
            Self::Include(part) => text.lines().filter(|line| line.contains(part)).collect(),
            Self::Exclude(part) => text.lines().filter(|line| !line.contains(part)).collect(),
            Self::Begin(part) => text.lines().skip_while(|line| !line.contains(part)).collect(),
        };
        keep.iter().flat_map(|line| [line, "\n"]).collect()
    }
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
        let nai = "mn1@example.com".to_owned();
        assert_eq!(
            command("show ipv6 mobile pmipv6 lma binding nai mn1@example.com"),
            Command::ShowLmaBindings(BindingFilter::Nai(nai))
        );
        for mag in ["mag1", "2001:db8::5", "192.0.2.5"] {
            let line = format!("show ipv6 mobile pmipv6 lma bindings mag {mag}");
            let filter = BindingFilter::Mag(mag.to_owned());
            assert_eq!(command(&line), Command::ShowLmaBindings(filter.clone()));
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
        assert_eq!(request.pipes, [Pipe::Include("a | b".to_owned()), Pipe::Count]);
        assert_eq!(parse_command("show version|json").unwrap().pipes, [Pipe::Json]);
    }

    #[test]
    fn a_mistake_behind_a_pipe_has_its_caret_there() {
        let error = parse_command("show version | jsn").unwrap_err();
        let expected = "unknown command 'jsn'\n    show version | jsn\n                   ^^^\n  \
                        did you mean 'json'?\n  \
                        commands here: json, include, exclude, begin, count\n";
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
        assert_eq!(words(""), ["show", "clear"]);
        assert_eq!(words("sh"), ["show"]);
        assert_eq!(
            words("show "),
            ["running-config", "version", "ipv6", "lma-service", "mag-service"]
        );
        assert_eq!(words("show ipv6 mobile pmipv6 lma bindings "), ["nai", "mag", "<cr>", "|"]);
        let kinds = ["bindings", "globals", "heartbeats", "statistics", "tunnels"];
        for role in ["lma", "mag"] {
            assert_eq!(words(&format!("show ipv6 mobile pmipv6 {role} ")), kinds);
        }
        assert_eq!(words("show ver"), ["version"]);
        assert_eq!(words("show version | "), ["json", "include", "exclude", "begin", "count"]);
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
    fn text_pipes_choose_lines() {
        let text = "one\ntwo\nthree\n";
        assert_eq!(Pipe::Include("t".to_owned()).apply(text), "two\nthree\n");
        assert_eq!(Pipe::Exclude("t".to_owned()).apply(text), "one\n");
        assert_eq!(Pipe::Begin("two".to_owned()).apply(text), "two\nthree\n");
        assert_eq!(Pipe::Count.apply(text), "3\n");
    }
}
