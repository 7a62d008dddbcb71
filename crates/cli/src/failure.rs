//! Why a run of commands ends before its end.

use std::io::{self, ErrorKind};

use kedge_api::{ClientError, Refusal};

/// Why a run ended before its end.
pub(crate) enum Failure {
    /// The daemon refused a command.
    Refused {
        /// `FILE:LINE`, unless the command came from the command line.
        place: Option<String>,
        refusal: Refusal,
    },
    /// A request was refused, and the answer that says so is shown.
    Told,
    /// No daemon, or none that answers.
    Unanswered(ClientError),
    /// The commands could not be read.
    Input { place: String, error: io::Error },
    /// The answer could not be written.
    Output(io::Error),
    /// Nobody reads our standard output any more.
    ReaderGone,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Unanswered(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Output(error),
        }
    }
}
