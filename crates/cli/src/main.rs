//! `kedge`, the terminal. It is thin: the daemon parses, completes and renders; here a line is
//! sent as it was typed and the answer printed, on standard output, and nothing else goes there.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | every command was carried out |
//! | 1 | a command was refused; those after it were not sent |
//! | 2 | wrong usage, or no answer from a daemon |

mod args;
mod batch;
mod files;
mod monitor;
mod prompt;
mod screen;
mod session;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;

use args::Args;
use batch::Failure;
use screen::Screen;
use session::Session;

fn main() -> ExitCode {
    let args = Args::parse();
    let screen = Screen::new();
    let mut session = Session::new(args.socket, args.format, screen.width());
    let result = match (args.commands, args.file) {
        (commands, None) if !commands.is_empty() => {
            batch::commands(&commands, &mut session, &screen)
        }
        (_, Some(path)) => batch::file(&path, &mut session, &screen),
        (_, None) if stdin().is_terminal() && stdout().is_terminal() => {
            prompt::run(session, &screen)
        }
        (_, None) => batch::lines(stdin().lock(), "standard input", &mut session, &screen),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::complain(&failure);
            match failure {
                // Whoever reads us has had enough, as `head` does: that is no failure of ours.
                Failure::ReaderGone => ExitCode::SUCCESS,
                Failure::Refused { .. } => ExitCode::from(1),
                Failure::Unanswered(_) | Failure::Input { .. } | Failure::Output(_) => {
                    ExitCode::from(2)
                }
            }
        }
    }
}
