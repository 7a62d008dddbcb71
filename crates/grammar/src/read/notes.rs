//! What a reader has to say.

use crate::diagnostic::{SyntaxFault, SyntaxRemark};
use crate::place::Place;

/// A text is read no further when it has this many mistakes, or as many remarks: it is none of this
/// language, and nobody reads more of them.
pub const MOST_NOTES: usize = 5_000;

/// What there is to say about a text.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// What is wrong with it, in the order of its lines.
    pub faults: Vec<(Place, SyntaxFault)>,
    /// What else to know, in the order of its lines.
    pub remarks: Vec<(Place, SyntaxRemark)>,
}
