//! The keys: those of Emacs and of routers, Tab and `?` answered by the daemon, and what is pasted.

use std::io::{IsTerminal, stdout};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use kedge_api::Word;
use reedline::{
    ColumnarMenu, Completer, CompletionResult, EditCommand, EditMode, Emacs, KeyCode, KeyModifiers,
    MenuBuilder, PromptEditMode, Reedline, ReedlineEvent, ReedlineMenu, ReedlineRawEvent, Span,
    Suggestion, default_emacs_keybindings,
};

use super::{Shared, lock};
use crate::history::{CTRL_Z, Kept};

/// `?`: the line stays as it is while the help is shown.
pub(crate) const HELP: &str = "help";
/// Lines were pasted; they are in [`Pasted`].
pub(crate) const PASTE: &str = "paste";

const MENU: &str = "words";

/// What was pasted and is not yet taken.
#[derive(Clone, Default)]
pub(crate) struct Pasted(Arc<Mutex<String>>);

impl Pasted {
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line editor that asks the daemon. It keeps the lines that are typed while `commands` holds.
pub(crate) fn editor(session: Shared, pasted: Pasted, commands: Arc<AtomicBool>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
    let host = |command: &str| ReedlineEvent::ExecuteHostCommand(command.to_owned());
    keys.add_binding(KeyModifiers::NONE, KeyCode::Char('?'), host(HELP));
    let end = [EditCommand::MoveToEnd { select: false }, EditCommand::InsertString(CTRL_Z.into())];
    let end = ReedlineEvent::Multiple(vec![ReedlineEvent::Edit(end.into()), ReedlineEvent::Submit]);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('z'), end);
    // A line feed, as a text has it that is typed by a program: the line goes on below, and all
    // of it is run at the next Enter.
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('j'), newline);
    let menu = ColumnarMenu::default().with_name(MENU);
    Reedline::create()
        .with_completer(Box::new(Words(session)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_history(Box::new(Kept::open(commands)))
        .with_ansi_colors(colours())
        .use_bracketed_paste(true)
        .with_edit_mode(Box::new(Keys { emacs: Emacs::new(keys), pasted }))
}

/// Whether the terminal takes colours and the person wants them (<https://no-color.org>).
fn colours() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let dumb = set("TERM").is_none_or(|term| term == "dumb");
    stdout().is_terminal() && set("NO_COLOR").is_none() && !dumb
}

/// The keys of Emacs, but for lines that are pasted: they are run one by one, as on a router,
/// where the editor would make them one.
struct Keys {
    emacs: Emacs,
    pasted: Pasted,
}

impl EditMode for Keys {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        let event = self.emacs.parse_event(event);
        if let ReedlineEvent::Edit(edits) = &event
            && let [EditCommand::InsertString(text)] = edits.as_slice()
            && text.contains('\n')
        {
            let mut pasted = self.pasted.0.lock().unwrap_or_else(PoisonError::into_inner);
            pasted.push_str(text);
            return ReedlineEvent::ExecuteHostCommand(PASTE.to_owned());
        }
        event
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.emacs.edit_mode()
    }
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
