//! Commands without a person: from the command line, a file or a pipe. The first one that is
//! refused ends the run, so that a script does not act on what did not happen.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use kedge_api::Outcome;

use crate::failure::Failure;
use crate::files;
use crate::monitor;
use crate::screen::Screen;
use crate::session::Session;

/// Runs the commands of the command line.
pub(crate) fn commands(
    commands: &[String],
    session: &mut Session,
    screen: &Screen,
) -> Result<(), Failure> {
    commands.iter().try_for_each(|command| run(command, None, session, screen))
}

/// Runs the commands of a file.
pub(crate) fn file(path: &Path, session: &mut Session, screen: &Screen) -> Result<(), Failure> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => lines(BufReader::new(file), &name, session, screen),
        Err(error) => Err(Failure::Input { place: name, error }),
    }
}

/// Runs the commands that `input` holds, one a line.
pub(crate) fn lines(
    input: impl BufRead,
    name: &str,
    session: &mut Session,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut lines = input.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let place = format!("{name}:{}", index + 1);
        let line = match line {
            // Some editors begin a file with a byte order mark.
            Ok(line) => line.trim_start_matches('\u{feff}').to_owned(),
            Err(error) => return Err(Failure::Input { place, error }),
        };
        if files::wants_typed(&line, session) {
            let mut text = String::new();
            for (_, line) in lines.by_ref() {
                let line =
                    line.map_err(|error| Failure::Input { place: name.to_owned(), error })?;
                if line.trim_end() == "." {
                    break;
                }
                text.push_str(&line);
                text.push('\n');
            }
            show(&line, session.command_with(&line, Some(text))?, Some(place), screen)?;
        } else if !is_comment(&line) {
            run(&line, Some(place), session, screen)?;
        }
    }
    Ok(())
}

fn run(
    command: &str,
    place: Option<String>,
    session: &mut Session,
    screen: &Screen,
) -> Result<(), Failure> {
    if monitor::is_asked_for(command) {
        return show(command, monitor::run(command, session)?, place, screen);
    }
    show(command, files::run(command, session)?, place, screen)
}

fn show(
    line: &str,
    outcome: Outcome,
    place: Option<String>,
    screen: &Screen,
) -> Result<(), Failure> {
    match outcome {
        Ok(reply) => Ok(screen.show(line, &reply)?),
        Err(refusal) => Err(Failure::Refused { place, refusal }),
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with(['!', '#'])
}
