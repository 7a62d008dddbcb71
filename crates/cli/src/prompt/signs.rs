//! What stands before the line that is typed.

use std::borrow::Cow;
use std::fmt;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch};

use crate::session::Session;

/// What stands before the line: `kedge#`, or `kedge(config-pmipv6-lma)#` in the configuration.
pub(crate) struct Sign(Option<String>);

impl Sign {
    pub(crate) fn of(session: &Session) -> Self {
        Self(session.mode().map(str::to_owned))
    }

    /// Whether the configuration is being changed.
    pub(crate) fn configures(&self) -> bool {
        self.0.is_some()
    }
}

/// The prompt as text, for lines that were not typed at it.
impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.render_prompt_left();
        write!(f, "{left}{}", self.render_prompt_indicator(PromptEditMode::Default))
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
pub(crate) struct Bare;

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
pub(crate) struct Question<'a>(pub(crate) &'a str);

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
