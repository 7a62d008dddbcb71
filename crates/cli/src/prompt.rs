//! The prompt: line editing and history, Tab and `?` answered by the daemon.

use std::borrow::Cow;
use std::io::{self, Write, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kedge_api::{ClientError, Outcome, Refusal, Word};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span,
    Suggestion, default_emacs_keybindings,
};

use crate::batch::Failure;
use crate::files;
use crate::monitor;
use crate::screen::{Screen, complain, table};
use crate::session::Session;

const MENU: &str = "words";
const HELP: &str = "help";
const END: &str = "end";

/// The conversation, which the editor's menu needs as well.
type Shared = Arc<Mutex<Session>>;

/// Reads and runs commands until the person leaves.
pub(crate) fn run(session: Session, screen: &Screen) -> Result<(), Failure> {
    let session = Arc::new(Mutex::new(session));
    // Without a daemon there is nothing to talk to: say so before the first prompt.
    lock(&session).words("")?;
    let mut editor = editor(Arc::clone(&session));
    loop {
        let sign = Sign::of(&lock(&session));
        match editor.read_line(&sign)? {
            Signal::Success(line) => match line.trim() {
                "" => {}
                "exit" | "quit" | "logout" if !sign.configures() => return Ok(()),
                line => run_one(line, &mut editor, &session, screen)?,
            },
            Signal::HostCommand(command) => match (&*command, sign.configures()) {
                (END, true) => run_one(END, &mut editor, &session, screen)?,
                (END, false) => {}
                _ => {
                    let at = editor.current_insertion_point();
                    help(&editor.current_buffer_contents()[..at], &mut lock(&session))?;
                }
            },
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

/// A refused command does not end the conversation, nor does a daemon that is away for a moment.
fn run_one(line: &str, editor: &mut Reedline, session: &Shared, screen: &Screen) -> io::Result<()> {
    if monitor::is_asked_for(line) {
        return match monitor::run(line, &mut lock(session)) {
            Ok(outcome) => show(Ok(outcome), screen).map(drop),
            Err(failure) => {
                complain(&failure);
                Ok(())
            }
        };
    }
    let screen = &screen.for_line(line);
    let wants_typed = files::wants_typed(line, &lock(session));
    let outcome = match wants_typed {
        true => {
            let text = typed(editor)?;
            lock(session).command_with(line, Some(text))
        }
        false => files::run(line, &mut lock(session)),
    };
    match outcome {
        Ok(Err(refusal)) if is_about_changes(&refusal) => {
            let Signal::Success(answer) = editor.read_line(&Question(&refusal.message))? else {
                return Ok(());
            };
            match answer.trim() {
                // A commit that is refused leaves the person where they are.
                "yes" | "y" if run_plain("commit", session, screen)? => {
                    run_plain(line, session, screen)?;
                }
                "no" | "n" => {
                    run_plain("abort", session, screen)?;
                }
                _ => {}
            }
            Ok(())
        }
        outcome => show(outcome, screen).map(drop),
    }
}

/// A text, up to a line with nothing but a dot, or Ctrl-D.
fn typed(editor: &mut Reedline) -> io::Result<String> {
    let mut text = String::new();
    writeln!(stdout(), "the text, then a line with a dot alone, or Ctrl-D:")?;
    while let Signal::Success(line) = editor.read_line(&Bare)? {
        if line.trim_end() == "." {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn run_plain(line: &str, session: &Shared, screen: &Screen) -> io::Result<bool> {
    let outcome = lock(session).command(line);
    show(outcome, screen)
}

/// Shows what came of a command, and says whether it was carried out.
fn show(outcome: Result<Outcome, ClientError>, screen: &Screen) -> io::Result<bool> {
    match outcome {
        Ok(Ok(reply)) => return screen.show(&reply).map(|()| true),
        Ok(Err(refusal)) => complain(&Failure::Refused { place: None, refusal }),
        Err(error) => complain(&error.into()),
    }
    Ok(false)
}

/// Whether the configuration cannot be left because something in it is not committed: the daemon
/// names the two ways out.
fn is_about_changes(refusal: &Refusal) -> bool {
    refusal.allowed == ["commit", "abort"]
}

fn help(line: &str, session: &mut Session) -> io::Result<()> {
    match session.words(line) {
        Ok(words) if words.is_empty() => writeln!(stdout(), "\n  nothing fits here"),
        Ok(words) => write!(stdout(), "\n{}", table(&words)),
        Err(error) => {
            complain(&error.into());
            Ok(())
        }
    }
}

/// The session is plain data: a panic has left it whole.
fn lock(session: &Shared) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

fn editor(session: Shared) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
    // The line stays as it is while the help is shown.
    let help = ReedlineEvent::ExecuteHostCommand(HELP.to_owned());
    keys.add_binding(KeyModifiers::NONE, KeyCode::Char('?'), help);
    // As on routers.
    let end = ReedlineEvent::ExecuteHostCommand(END.to_owned());
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('z'), end);
    let menu = ColumnarMenu::default().with_name(MENU);
    Reedline::create()
        .with_completer(Box::new(Words(session)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
}

/// The editor's way to ask the daemon.
struct Words(Shared);

impl Completer for Words {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        // A menu may ask for a place beyond the end of the line.
        let line = line.get(..pos).unwrap_or(line);
        // Without an answer there is nothing to offer; Enter and `?` will say why.
        let words = lock(&self.0).words(line).unwrap_or_default();
        CompletionResult::fresh(suggestions(line, &words))
    }
}

/// The words that can be typed, each in the place of the last word of `line`.
fn suggestions(line: &str, words: &[Word]) -> Vec<Suggestion> {
    let start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let literal = words.iter().filter(|word| word.is_literal());
    literal
        .map(|word| Suggestion {
            value: word.word.clone(),
            description: Some(word.help.clone()),
            span: Span::new(start, line.len()),
            append_whitespace: true,
            ..Suggestion::default()
        })
        .collect()
}

/// What stands before the line: `kedge#`, or `kedge(config-pmipv6-lma)#` in the configuration.
struct Sign(Option<String>);

impl Sign {
    fn of(session: &Session) -> Self {
        Self(session.mode().map(str::to_owned))
    }

    fn configures(&self) -> bool {
        self.0.is_some()
    }
}

impl Prompt for Sign {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        match &self.0 {
            None => "kedge".into(),
            Some(mode) => format!("kedge({mode})").into(),
        }
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "# ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!(" search {}: ", search.term).into()
    }
}

/// Nothing before the line: it belongs to a text.
struct Bare;

impl Prompt for Bare {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_history_search_indicator(&self, _: PromptHistorySearch) -> Cow<'_, str> {
        "".into()
    }
}

/// The question what becomes of changes that are not committed.
struct Question<'a>(&'a str);

impl Prompt for Question<'_> {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        self.0.into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "; commit them (yes/no/cancel)? [cancel]: ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_history_search_indicator(&self, _: PromptHistorySearch) -> Cow<'_, str> {
        "".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<Word> {
        [("ipv6", false), ("NAI", true), ("ipv4", false), ("<cr>", false)]
            .map(|(word, placeholder)| Word { word: word.into(), help: "x".into(), placeholder })
            .to_vec()
    }

    #[test]
    fn a_suggestion_replaces_the_word_under_way_and_no_value_is_suggested() {
        let found: Vec<_> = suggestions("show ip", &words())
            .into_iter()
            .map(|suggestion| (suggestion.value, suggestion.span.start, suggestion.span.end))
            .collect();
        assert_eq!(found, [("ipv6".to_owned(), 5, 7), ("ipv4".to_owned(), 5, 7)]);
    }

    #[test]
    fn after_a_blank_a_new_word_begins() {
        assert_eq!(suggestions("show ", &words())[0].span, Span::new(5, 5));
        assert_eq!(suggestions("", &words())[0].span, Span::new(0, 0));
    }
}
