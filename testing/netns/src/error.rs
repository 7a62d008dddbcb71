//! What can go wrong in a lab: a command of the host, a file, or a wait that ran out.

use std::{io, time::Duration};

/// A failure of the lab itself or of something it waited for.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// Network namespaces are made by root only.
    #[error("network namespaces need root: run this with sudo")]
    NotRoot,
    /// A command ran and said no.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command as it would be typed.
        command: String,
        /// Its exit status in words.
        status: String,
        /// What it wrote, errors first.
        output: String,
    },
    /// A program of the host or of the project is not there.
    #[error("{program} not found: {remedy}")]
    Missing {
        /// The program.
        program: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file, a socket or a process could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A condition did not come true in time.
    #[error("waited {limit:?} for {what}; last seen: {last}")]
    Timeout {
        /// The condition.
        what: String,
        /// How long it was given.
        limit: Duration,
        /// What was there instead.
        last: String,
    },
    /// Something answered, but not what a working system answers.
    #[error("{0}")]
    Unexpected(String),
}

/// What every fallible call of the lab returns.
pub type Result<T> = std::result::Result<T, LabError>;

/// Puts the deed before the kernel's reason.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| LabError::Io { what: what(), source: e.into() })
    }
}
