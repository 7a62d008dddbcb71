//! The process's own flags. The command language is the daemon's.

use std::path::PathBuf;

use clap::Parser;
use kedge_api::{DEFAULT_SOCKET, Format};

/// What the command line says.
pub(crate) struct Args {
    pub(crate) socket: PathBuf,
    pub(crate) format: Format,
    pub(crate) commands: Vec<String>,
    pub(crate) file: Option<PathBuf>,
}

impl Args {
    /// Reads the command line; ends the process with status 2 and the usage when it is wrong.
    pub(crate) fn parse() -> Self {
        let flags = Flags::parse();
        let format = if flags.json { Format::Json } else { Format::Text };
        Self { socket: flags.socket, format, commands: flags.commands, file: flags.file }
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
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_sound() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }
}
