//! The prompt: lines are read, run one by one, and what comes of each is shown.

mod keys;
mod signs;

use std::collections::VecDeque;
use std::io::{self, Write, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kedge_api::{ClientError, Outcome, Refusal, Reply};
use reedline::{EditCommand, HistoryItem, Prompt, Reedline, Signal};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::complaint::{complain, refuse};
use crate::failure::Failure;
use crate::files;
use crate::history::CTRL_Z;
use crate::monitor;
use crate::screen::Screen;
use crate::session::Session;
use keys::{HELP, PASTE, Pasted};
use signs::{Bare, Question, Sign};

/// The command that leaves the configuration, wherever in it one is.
const END: &str = "end";

/// The conversation, which the editor's menu needs as well.
type Shared = Arc<Mutex<Session>>;

/// Reads and runs commands until the person leaves.
pub(crate) fn run(mut session: Session, screen: &Screen) -> Result<(), Failure> {
    // Without a daemon there is nothing to talk to: say so before the first prompt.
    session.begin()?;
    ignore_interrupts()?;
    let _ahead = TypedAhead::begin()?;
    let session = Arc::new(Mutex::new(session));
    let commands = Arc::new(AtomicBool::new(true));
    let pasted = Pasted::default();
    let editor = keys::editor(Arc::clone(&session), pasted.clone(), Arc::clone(&commands));
    let mut terminal =
        Terminal { editor, pasted, waiting: VecDeque::new(), commands, session, screen };
    while terminal.turn()? {}
    Ok(())
}

/// Ctrl-C at the prompt is a key. While a page or an answer is shown it is a signal, which is
/// for the pager and must not end us.
fn ignore_interrupts() -> io::Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted).map(drop)
}

/// What is typed while a command runs waits in the terminal. Its Enter must be the same one that the
/// editor sees, a carriage return: as a line feed, which the terminal would make of it meanwhile,
/// it would not run the line. Nor does the terminal show it before the editor does: among it are
/// the terminal's own answers to where the cursor is. Dropped, the terminal is as it was.
struct TypedAhead(Termios);

impl TypedAhead {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut modes = before.clone();
        modes.input_modes.remove(InputModes::ICRNL);
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &modes)?;
        Ok(Self(before))
    }
}

impl Drop for TypedAhead {
    fn drop(&mut self) {
        // Nothing more can be done for a terminal that has gone.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

/// A person at a terminal.
struct Terminal<'a> {
    editor: Reedline,
    pasted: Pasted,
    /// Lines that were pasted and are not yet run.
    waiting: VecDeque<String>,
    /// Whether what is typed are commands, and so belongs in the history.
    commands: Arc<AtomicBool>,
    session: Shared,
    screen: &'a Screen,
}

impl Terminal<'_> {
    /// Reads and runs one line, or answers one key; says whether the person stays.
    fn turn(&mut self) -> io::Result<bool> {
        let sign = Sign::of(&lock(&self.session));
        if let Some(line) = self.waiting.pop_front() {
            // As if it had been typed.
            writeln!(stdout(), "{sign}{line}")?;
            return self.run(&line, sign.configures());
        }
        match self.editor.read_line(&sign)? {
            Signal::Success(text) => {
                self.waiting.extend(text.lines().map(str::to_owned));
                let first = self.waiting.pop_front().unwrap_or_default();
                self.run(&first, sign.configures())
            }
            Signal::HostCommand(command) => match &*command {
                HELP => self.help().map(|()| true),
                PASTE => self.take_pasted().map(|()| true),
                _ => Ok(true),
            },
            // As a key of routers, which have none for leaving: out of the configuration first.
            Signal::CtrlD if sign.configures() => self.run_one(END).map(|()| true),
            Signal::CtrlD => Ok(false),
            _ => Ok(true),
        }
    }

    /// Runs a line; says whether the person stays.
    fn run(&mut self, line: &str, configures: bool) -> io::Result<bool> {
        if let Some(typed) = line.trim_end().strip_suffix(CTRL_Z) {
            // What is typed is carried out first.
            if configures && (typed.trim().is_empty() || self.run_plain(typed)?) {
                self.run_one(END)?;
            }
            return Ok(true);
        }
        match line.trim() {
            "" => {}
            "exit" | "quit" | "logout" if !configures => return Ok(false),
            line => self.run_one(line)?,
        }
        // The history is a convenience: that it cannot be written must disturb nobody.
        let _ = self.editor.sync_history();
        Ok(true)
    }

    /// A refused command does not end the conversation, nor does a daemon that is away for a
    /// moment.
    fn run_one(&mut self, line: &str) -> io::Result<()> {
        if monitor::is_asked_for(line) {
            let outcome = monitor::run(line, &mut lock(&self.session));
            return match outcome {
                Ok(outcome) => show(line, Ok(outcome), self.screen).map(drop),
                Err(failure) => {
                    complain(&failure);
                    Ok(())
                }
            };
        }
        let wants_typed = files::wants_typed(line, &lock(&self.session));
        let outcome = if wants_typed {
            let text = self.text()?;
            lock(&self.session).command_with(line, Some(text))
        } else {
            files::run(line, &mut lock(&self.session))
        };
        match outcome {
            Ok(Err(refusal)) if is_about_changes(&refusal) => {
                match self.ask(&Question(&refusal.message))?.as_deref().map(str::trim) {
                    // A commit that is refused leaves the person where they are.
                    Some("yes" | "y") if self.run_plain("commit")? => {
                        self.run_plain(line)?;
                    }
                    Some("no" | "n") => {
                        self.run_plain("abort")?;
                    }
                    _ => {}
                }
                Ok(())
            }
            outcome => show(line, outcome, self.screen).map(drop),
        }
    }

    fn run_plain(&mut self, line: &str) -> io::Result<bool> {
        let outcome = lock(&self.session).command(line);
        show(line, outcome, self.screen)
    }

    /// A text, up to a line with nothing but a dot, or Ctrl-D.
    fn text(&mut self) -> io::Result<String> {
        let mut text = String::new();
        writeln!(stdout(), "the text, then a line with a dot alone, or Ctrl-D:")?;
        loop {
            let line = match self.waiting.pop_front() {
                Some(line) => line,
                None => match self.ask(&Bare)? {
                    Some(line) => line,
                    None if self.waiting.is_empty() => return Ok(text),
                    None => continue,
                },
            };
            if line.trim_end() == "." {
                return Ok(text);
            }
            text.push_str(&line);
            text.push('\n');
        }
    }

    /// What is typed that is no command; nothing when it is broken off, or when lines were
    /// pasted instead.
    fn ask(&mut self, prompt: &dyn Prompt) -> io::Result<Option<String>> {
        self.commands.store(false, Ordering::Relaxed);
        let said = self.editor.read_line(prompt);
        self.commands.store(true, Ordering::Relaxed);
        match said? {
            Signal::Success(line) => Ok(Some(line)),
            Signal::HostCommand(command) if command == PASTE => self.take_pasted().map(|()| None),
            _ => Ok(None),
        }
    }

    /// Pasted lines wait to be run; what is behind the last line's end is left to be edited.
    fn take_pasted(&mut self) -> io::Result<()> {
        let at = self.editor.current_insertion_point();
        let (before, after) = self.editor.current_buffer_contents().split_at(at);
        let whole = format!("{before}{}{after}", self.pasted.take());
        let (lines, rest) = whole.rsplit_once('\n').unwrap_or(("", &whole));
        // Where a carriage return and a line feed end a line, the terminal may have made two of
        // them; an empty line says nothing anyway.
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let line = line.to_owned();
            // What the history refuses to keep is run all the same.
            let _ = self.editor.history_mut().save(HistoryItem::from_command_line(&line));
            self.waiting.push_back(line);
        }
        let rest = EditCommand::InsertString(rest.to_owned());
        self.editor.run_edit_commands(&[EditCommand::Clear, rest]);
        // Each line comes with a prompt of its own, the first in the place of this one.
        write!(stdout(), "\r\x1b[J")
    }

    /// What may stand where the cursor is.
    fn help(&mut self) -> io::Result<()> {
        let at = self.editor.current_insertion_point();
        match lock(&self.session).words(&self.editor.current_buffer_contents()[..at]) {
            Ok(words) if words.is_empty() => writeln!(stdout(), "\n  nothing fits here"),
            Ok(words) => {
                writeln!(stdout())?;
                self.screen.show("?", &Reply::Words(words))
            }
            Err(error) => {
                writeln!(stdout())?;
                complain(&error.into());
                Ok(())
            }
        }
    }
}

/// Shows what came of a command, and says whether it was carried out.
fn show(line: &str, outcome: Result<Outcome, ClientError>, screen: &Screen) -> io::Result<bool> {
    match outcome {
        Ok(Ok(reply)) => return screen.show(line, &reply).map(|()| true),
        Ok(Err(refusal)) => refuse(&refusal),
        Err(error) => complain(&error.into()),
    }
    Ok(false)
}

/// Whether the configuration cannot be left because something in it is not committed: the daemon
/// names the two ways out.
fn is_about_changes(refusal: &Refusal) -> bool {
    refusal.allowed == ["commit", "abort"]
}

/// The session is plain data: a panic has left it whole.
fn lock(session: &Shared) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}
