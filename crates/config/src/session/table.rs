//! The table of the words of a configuration session.

use kedge_grammar::table::{Block, arg_help, flag, last, row, word};
use kedge_grammar::{Part, Row, Value};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Configure,
    Commit,
    Changes,
    Candidate,
    Commits,
    CommitChanges,
    Sessions,
    ClearSession,
    Rollback,
    Load,
    Save,
    Clear,
    Abort,
    End,
    Exit,
    Where,
    Enable,
    Keep,
    Terminal,
    TerminalMonitor,
}

const SHOW: Part = word("show", "Show what is configured and what happens");
const CONFIGURATION: Part = word("configuration", "What a session changes");
const COMMITS: Part = word("commit", "Earlier commits");
const NUMBER: Value = Value::Integer { min: 1, max: u64::MAX, unit: "" };
const ANY: Value = Value::Integer { min: 0, max: u64::MAX, unit: "" };
const COMMENT: &[Part] = &[
    word("comment", "Say why"),
    arg_help("TEXT", Value::Line { max: 125 }, "the reason, to the end of the line"),
];
const FILE: Value = Value::Name { max: 4096 };
const CHECK: &[Part] = &[flag("check", "Say whether it can be done, and what it does")];
const CONFIRMED: &[Part] = &[
    word("confirmed", "Go back unless another commit confirms it in time"),
    arg_help("MINUTES", Value::Integer { min: 1, max: 65_535, unit: "minutes" }, "the time"),
];

const KEEP: &str = "As on routers; here a commit is kept at once";

const LIST: Row<Key> = row(
    Key::Commits,
    &[SHOW, CONFIGURATION, COMMITS, last("list")],
    "The commits that are kept, the newest first",
);
const LIST_CHANGES: Row<Key> = row(
    Key::CommitChanges,
    &[
        SHOW,
        CONFIGURATION,
        COMMITS,
        last("changes"),
        Part::OneOf(&[
            &[arg_help("N", NUMBER, "the commit")],
            &[
                word("since", "Of a commit and all later ones together"),
                arg_help("FIRST", NUMBER, "the first of them"),
            ],
            &[
                word("last", "Of the newest commits together"),
                arg_help("COUNT", NUMBER, "how many of them"),
            ],
        ]),
    ],
    "What commits have changed",
);
const SESSIONS: Row<Key> = row(
    Key::Sessions,
    &[SHOW, CONFIGURATION, last("sessions")],
    "Who is changing the configuration",
);
const CLEAR_SESSION: Row<Key> = row(
    Key::ClearSession,
    &[
        word("clear", "End bindings or a session, or set counters back to zero"),
        word("configuration", "Who is changing it"),
        last("sessions"),
        arg_help("N", ANY, "the session, as 'show configuration sessions' numbers it"),
    ],
    "End somebody's session; what it has not committed is lost",
);
const ROLLBACK: Row<Key> = row(
    Key::Rollback,
    &[
        word("rollback", "Go back"),
        last("configuration"),
        Part::OneOf(&[
            &[
                Part::Optional(&[flag("to", "A word that may stand there")]),
                arg_help("N", NUMBER, "the commit to go back to"),
            ],
            &[
                word("last", "To what held before the last commits"),
                arg_help("COUNT", NUMBER, "how many of them"),
            ],
        ]),
    ],
    "Put an earlier commit's configuration into force",
);
const TERMINAL_WORD: Part = word("terminal", "How answers are shown here, until this is left");
const LINES: Value = Value::Integer { min: 0, max: 512, unit: "" };
const LENGTH: Row<Key> = row(
    Key::Terminal,
    &[TERMINAL_WORD, last("length"), arg_help("LINES", LINES, "lines of a page; 0 for no pages")],
    "When answers are shown in pages",
);
const WIDTH: Row<Key> = row(
    Key::Terminal,
    &[
        TERMINAL_WORD,
        last("width"),
        arg_help("COLUMNS", LINES, "characters of a line; 0 for no limit"),
    ],
    "How wide tables may be",
);
const TERMINAL_MONITOR: Row<Key> = row(
    Key::TerminalMonitor,
    &[TERMINAL_WORD, Part::Optional(&[flag("no", "End it")]), last("monitor")],
    "As on routers; here 'monitor events' does it",
);
const SAVE: Row<Key> = row(
    Key::Save,
    &[last("save"), arg_help("FILE", FILE, "the file")],
    "Write the running configuration into a file",
);

/// What can be asked outside of the configuration.
pub(super) static OUTSIDE: Block<Key> = Block {
    name: "sessions",
    help: "Ways into the configuration.",
    rows: &[
        row(
            Key::Configure,
            &[
                last("configure"),
                Part::Optional(&[Part::OneOf(&[
                    &[flag("exclusive", "Let nobody else commit")],
                    &[flag("terminal", "The same as without it")],
                ])]),
            ],
            "Change the configuration",
        ),
        LIST,
        LIST_CHANGES,
        SESSIONS,
        CLEAR_SESSION,
        ROLLBACK,
        SAVE,
        row(Key::Enable, &[last("enable")], "As on routers; nothing needs it here"),
        row(
            Key::Keep,
            &[last("write"), Part::Optional(&[flag("memory", "The same as without it")])],
            KEEP,
        ),
        row(
            Key::Keep,
            &[last("copy"), word("running-config", KEEP), word("startup-config", KEEP)],
            KEEP,
        ),
        LENGTH,
        WIDTH,
        TERMINAL_MONITOR,
        row(Key::End, &[last("end")], "Nothing is open that it would leave"),
        row(Key::Exit, &[last("exit")], "Leave the terminal"),
    ],
};

/// What can be asked within.
pub(super) static INSIDE: Block<Key> = Block {
    name: "session",
    help: "A session of the configuration.",
    rows: &[
        row(
            Key::Commit,
            &[
                last("commit"),
                Part::Optional(&[Part::OneOf(&[CHECK, CONFIRMED])]),
                Part::Optional(COMMENT),
            ],
            "Put the changes into force",
        ),
        row(Key::Changes, &[SHOW, last("configuration")], "What a session changes"),
        row(Key::Candidate, &[SHOW, CONFIGURATION, last("merge")], "The whole as it would be"),
        LIST,
        LIST_CHANGES,
        SESSIONS,
        ROLLBACK,
        row(
            Key::Load,
            &[
                last("load"),
                arg_help("FILE", FILE, "a file, or terminal for a text that is typed"),
                Part::Optional(&[Part::OneOf(&[
                    &[flag("merge", "Add it to what there is")],
                    &[flag("replace", "Put it in the place of what there is")],
                ])]),
            ],
            "Read a configuration",
        ),
        SAVE,
        row(Key::Clear, &[last("clear")], "Forget the changes"),
        CLEAR_SESSION,
        row(Key::Abort, &[last("abort")], "Forget the changes and leave"),
        row(Key::End, &[last("end")], "Leave the configuration"),
        row(Key::Exit, &[last("exit")], "Leave this mode"),
        row(Key::Where, &[last("pwd")], "Where in the configuration this is"),
    ],
};
