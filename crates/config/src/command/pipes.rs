//! What stands behind `|`: cutting a line into its command and its pipes, and reading a pipe.

use std::ops::Range;

use kedge_grammar::table::{Block, arg_help, last, row};
use kedge_grammar::{Args, Hint, Part, Place, Spot, SyntaxFault, Value};

use super::error::CommandError;
use crate::pipe::{Pattern, Pipe};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PipeKey {
    Json,
    Include,
    Exclude,
    Begin,
    Section,
    Count,
    NoMore,
}

const PATTERN: Part = arg_help(
    "PATTERN",
    Value::Name { max: 125 },
    "a regular expression, to the end or to | and another pipe",
);

pub(super) static PIPES: Block<PipeKey> = Block {
    name: "pipes",
    help: "What is done with an answer.",
    rows: &[
        row(PipeKey::Json, &[last("json")], "The answer as JSON"),
        row(PipeKey::Include, &[last("include"), PATTERN], "Lines that match"),
        row(PipeKey::Exclude, &[last("exclude"), PATTERN], "Lines that do not match"),
        row(PipeKey::Begin, &[last("begin"), PATTERN], "Lines from the first that matches on"),
        row(
            PipeKey::Section,
            &[last("section"), PATTERN],
            "Lines that match, and what is indented below them",
        ),
        row(PipeKey::Count, &[last("count")], "How many lines there are"),
        row(PipeKey::NoMore, &[last("no-more")], "Without a stop at each page"),
    ],
};

/// The part of a line before its pipes, and its pipes.
pub fn split_pipes(line: &str) -> Result<(&str, Vec<Pipe>), Box<CommandError>> {
    let segments = segments(line);
    let (command, pipes) = segments.split_first().expect("there is always one");
    Ok((&line[command.clone()], read_pipes(line, pipes)?))
}

pub(super) fn read_pipes(
    line: &str,
    segments: &[Range<usize>],
) -> Result<Vec<Pipe>, Box<CommandError>> {
    segments.iter().map(|segment| pipe(line, segment)).collect()
}

/// Reads what stands behind a `|`. An expression is all that follows its command, as it is typed.
fn pipe(line: &str, segment: &Range<usize>) -> Result<Pipe, Box<CommandError>> {
    let text = &line[segment.clone()];
    let typed = text.trim();
    let (verb, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let rest = rest.trim_start();
    let whole = match rest.is_empty() {
        true => read_segment(&PIPES, line, segment),
        // Whether an expression may stand there; of what it looks like, the table knows nothing.
        false => kedge_grammar::read_command(&PIPES, &format!("{verb} x"), "command")
            .or_else(|_| read_segment(&PIPES, line, segment)),
    };
    let (key, _) = whole?;
    let pattern = || {
        let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Pattern::new(quoted.unwrap_or(rest)).map_err(|why| {
            let start = segment.start + text.rfind(rest).unwrap_or(0);
            let before = line[..start].chars().count();
            let spot = Spot { column: before + 1, caret: before, width: rest.chars().count() };
            let place = Place { spot, text: line.into(), ..Place::default() };
            let allowed = vec![Hint::new("PATTERN", &format!("a regular expression: {why}"))];
            let word = Some(rest.to_owned());
            Box::new(CommandError {
                place,
                fault: SyntaxFault::Unexpected { word, allowed, meant: None },
            })
        })
    };
    Ok(match key {
        PipeKey::Json => Pipe::Json,
        PipeKey::Include => Pipe::Include(pattern()?),
        PipeKey::Exclude => Pipe::Exclude(pattern()?),
        PipeKey::Begin => Pipe::Begin(pattern()?),
        PipeKey::Section => Pipe::Section(pattern()?),
        PipeKey::Count => Pipe::Count,
        PipeKey::NoMore => Pipe::NoMore,
    })
}

/// What is typed as one command or one pipe: the parts between `|` outside of quotes and of
/// expressions.
pub(super) fn segments(line: &str) -> Vec<Range<usize>> {
    let mut segments = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '|' if !quoted && (segments.is_empty() || !is_in_expression(line, start, at)) => {
                segments.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    segments.push(start..line.len());
    segments
}

/// Whether the `|` at `at` is one of the expression of the pipe that begins at `start`: `include
/// pool|nai`, as on routers. Without blanks around it, it is, unless a pipe follows.
fn is_in_expression(line: &str, start: usize, at: usize) -> bool {
    /// A shorter word is rather one of the expression's.
    const VERB: usize = 3;
    let (before, after) = (&line[start..at], &line[at + 1..]);
    let next = after.split('|').next().unwrap_or_default().trim_end();
    let (verb, rest) = next.split_once(char::is_whitespace).unwrap_or((next, ""));
    let pipe = if rest.trim_start().is_empty() { verb.to_owned() } else { format!("{verb} x") };
    let is_pipe =
        verb.len() >= VERB && kedge_grammar::read_command(&PIPES, &pipe, "command").is_ok();
    let is_glued = !before.ends_with(char::is_whitespace)
        && after.chars().next().is_some_and(|next| !next.is_whitespace());
    is_glued && before.trim_start().contains(char::is_whitespace) && !is_pipe
}

/// Reads one segment with the rest of the line blanked out, so that a message shows the line and
/// its caret is in the right column.
pub(super) fn read_segment<K: Copy + PartialEq>(
    block: &'static Block<K>,
    line: &str,
    segment: &Range<usize>,
) -> Result<(K, Args), Box<CommandError>> {
    let before = " ".repeat(line[..segment.start].chars().count());
    let text = before + line[segment.clone()].trim_end();
    kedge_grammar::read_command(block, &text, "command").map_err(|error| {
        let (mut place, fault) = *error;
        place.text = line.into();
        Box::new(CommandError { place, fault })
    })
}
