//! What is said about a line that is no command.

use std::fmt;

use kedge_grammar::{Place, SyntaxFault};

/// A line that is no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandError {
    /// Where in the line.
    pub place: Place,
    /// What is wrong.
    pub fault: SyntaxFault,
}

/// The message without a file's name: the line is the one just typed.
impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.fault)?;
        self.place.write_excerpt(f)?;
        self.fault.write_advice(f)
    }
}

impl std::error::Error for CommandError {}
