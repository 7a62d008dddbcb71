//! What is known of the commit that is under way.

use std::sync::Arc;

use kedge_api::Call;
use kedge_config::{CommitKind, Config};

use crate::prepared::{Preparing, Removing};

/// Who commits, and why.
pub struct Act {
    /// The user.
    pub by: String,
    /// The reason given.
    pub comment: Option<String>,
    /// FILE says so already.
    pub is_in_file: bool,
    /// What else to say when it is done.
    pub remark: &'static str,
    /// It is what a session has made, which begins again from it.
    pub of_session: bool,
}

/// A commit under way.
pub struct Committing {
    pub(crate) stage: Stage,
    pub(crate) purpose: Purpose,
    /// Who waits for the answer.
    pub(crate) asker: Option<Call>,
}

/// How far it is.
pub enum Stage {
    /// The host is made ready for it.
    Preparing(Arc<Config>, Box<Preparing>),
    /// It is in force, and what it has no place for is removed; then this is said.
    Removing(Removing, String),
}

/// What a commit under way is for.
pub enum Purpose {
    /// To bring what somebody has made into force.
    Commit {
        /// For good, or to be confirmed.
        how: CommitKind,
        /// Who, and why.
        act: Act,
    },
    /// To undo one that was not confirmed in time.
    Undo {
        /// Its number.
        number: u64,
    },
}
