//! `kedge`, the terminal. It is thin: the daemon parses, completes and renders; here a line is
//! sent as it was typed and the answer printed, on standard output, and nothing else goes there.
//!
//! | exit status | meaning |
//! |---|---|
//! | 0 | every command was carried out |
//! | 1 | a command was refused; those after it were not sent |
//! | 2 | wrong usage, or no answer from a daemon |

mod api;
mod args;
mod batch;
mod complaint;
mod failure;
mod files;
mod history;
mod monitor;
mod prompt;
mod screen;
mod session;
mod setting;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;

use args::{Args, Work};
use failure::Failure;
use screen::Screen;
use session::Session;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complaint::complain(&failure);
            match failure {
                // Whoever reads us has had enough, as `head` does: that is no failure of ours.
                Failure::ReaderGone => ExitCode::SUCCESS,
                Failure::Refused { .. } | Failure::Told => ExitCode::from(1),
                Failure::Unanswered(_) | Failure::Input { .. } | Failure::Output(_) => {
                    ExitCode::from(2)
                }
            }
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let Args { daemon, format, work } = args;
    let screen = Screen::new();
    let mut session = Session::new(daemon.clone(), format);
    match work {
        Work::Run(commands) => batch::commands(&commands, &mut session, &screen),
        Work::RunFile(path) => batch::file(&path, &mut session, &screen),
        Work::Read if stdin().is_terminal() && stdout().is_terminal() => {
            prompt::run(session, &screen)
        }
        Work::Read => batch::lines(stdin().lock(), "standard input", &mut session, &screen),
        Work::ShowRequest(line) => api::show(line),
        Work::SendRequest(line) => api::send(line, &daemon),
        Work::RelayRequests => api::relay(&daemon),
    }
}
