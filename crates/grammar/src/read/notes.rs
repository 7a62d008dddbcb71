//! What a reader has to say.

use crate::diagnostic::{Place, SyntaxFault, SyntaxRemark};

/// What there is to say about a text.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// What is wrong with it, in the order of its lines.
    pub faults: Vec<(Place, SyntaxFault)>,
    /// What else to know, in the order of its lines.
    pub remarks: Vec<(Place, SyntaxRemark)>,
}
