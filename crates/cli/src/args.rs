//! The process's own flags. The command language is the daemon's.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use kedge_api::{DEFAULT_SOCKET, Daemon, Format, Remote};

/// What the command line says.
pub(crate) struct Args {
    pub(crate) daemon: Daemon,
    pub(crate) format: Format,
    pub(crate) work: Work,
}

/// What is to be done.
pub(crate) enum Work {
    /// Commands are read from standard input.
    Read,
    /// These commands are run.
    Run(Vec<String>),
    /// Those of a file are.
    RunFile(PathBuf),
    /// The request for a command is shown.
    ShowRequest(String),
    /// It is sent, and the answer shown as it comes.
    SendRequest(String),
    /// Requests are read from standard input, sent, and the answers shown as they come.
    RelayRequests,
}

impl Args {
    /// Reads the command line; ends the process with status 2 and the usage when it is wrong.
    pub(crate) fn parse() -> Self {
        let flags = Flags::parse();
        let format = if flags.json { Format::Json } else { Format::Text };
        let daemon = match flags.remote {
            // Clap has seen to it that either all three are there or none.
            Some(RemoteFlags { host, ca, token_file }) => {
                Daemon::Remote(Remote { place: host, ca, token: token_file })
            }
            None => Daemon::Local(flags.socket),
        };
        let work = match (flags.api, flags.file) {
            (Some(Task::Api { run, command }), _) => match (command.join(" "), run) {
                (line, _) if line.is_empty() => Work::RelayRequests,
                (line, false) => Work::ShowRequest(line),
                (line, true) => Work::SendRequest(line),
            },
            (None, Some(path)) => Work::RunFile(path),
            (None, None) if flags.commands.is_empty() => Work::Read,
            (None, None) => Work::Run(flags.commands),
        };
        Self { daemon, format, work }
    }
}

/// The terminal of kedged.
///
/// Without -c and -f, commands are read from standard input, a line each; from a terminal, with a
/// prompt. Exit status: 0 all carried out, 1 a command was refused (those after it are not sent),
/// 2 wrong usage or no daemon.
#[derive(Parser)]
#[command(name = "kedge", version)]
struct Flags {
    /// Run a command and leave; may be given several times
    #[arg(short, value_name = "COMMAND", conflicts_with = "file")]
    commands: Vec<String>,

    /// Run the commands of a file; empty lines and lines that start with ! or # are skipped
    #[arg(short, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Answer in JSON, as `| json` at the end of each command does
    #[arg(long)]
    json: bool,

    /// The daemon's socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET, conflicts_with = "host")]
    socket: PathBuf,

    #[command(flatten)]
    remote: Option<RemoteFlags>,

    #[command(subcommand)]
    api: Option<Task>,
}

/// A daemon on another host.
#[derive(clap::Args)]
struct RemoteFlags {
    /// A daemon on another host: its name or address, and the port of its management-api
    #[arg(long, value_name = "HOST:PORT", required = false, requires_all = ["ca", "token_file"])]
    host: String,

    /// The certificates that the daemon's must come from, in PEM
    #[arg(long, value_name = "FILE", required = false, requires = "host")]
    ca: PathBuf,

    /// The file with the token that says who we are; it must be its owner's alone
    #[arg(long, value_name = "FILE", required = false, requires = "host")]
    token_file: PathBuf,
}

#[derive(Subcommand)]
enum Task {
    /// Show the request of a command, as a program would send it to the daemon
    ///
    /// Without a command, requests are read from standard input, a line each, and answered on
    /// standard output, a line each; the first that is refused is the last that is sent.
    Api {
        /// Send it, and show the answer as it comes
        #[arg(long)]
        run: bool,

        /// The command
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_sound() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn another_host_takes_all_three_flags_and_no_socket() {
        let parse = |line: &str| Flags::try_parse_from(line.split(' '));
        assert!(parse("kedge --host h:1 --ca a --token-file t -c x").unwrap().remote.is_some());
        assert!(parse("kedge -c x").unwrap().remote.is_none());
        for wrong in [
            "kedge --host h:1",
            "kedge --host h:1 --ca a",
            "kedge --ca a --token-file t",
            "kedge --socket s --host h:1 --ca a --token-file t",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
