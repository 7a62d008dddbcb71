//! The language engine: one table gives the parser, completion, errors, rendering and
//! documentation. It knows nothing of mobility.
//!
//! ```text
//!                  Block, Row, Part, Value        the table (`table`, `value`)
//!                            │
//!   text ──lex──► words ──matcher──► Match ──read──► tree of Items ──Section──► typed value
//!                            │                            ▲                         │
//!                            ├─► Hints: `?`, errors       └────────── Writer ◄──────┘
//!                            │                            │
//!                     document: markdown             render: text
//! ```
//!
//! The crate is pure: text in, text out. No input makes it panic; a table that contradicts
//! itself does, and the tests of the table's owner walk every row of it.

mod args;
mod banner;
mod command;
mod complete;
mod diagnostic;
mod diff;
mod document;
mod json;
mod lex;
mod mask;
mod matcher;
mod near;
mod place;
mod read;
mod render;
mod secret;
mod select;
mod spell;
pub mod table;
mod thread;
mod tree;
mod value;

pub use args::Args;
pub use command::{begins_command, read_command};
pub use complete::complete;
pub use diagnostic::{Hint, SyntaxError, SyntaxFault, SyntaxRemark};
pub use diff::{Difference, diff, render_commands, render_diff};
pub use document::document;
pub use json::{JsonError, JsonFault, JsonText, json_schema, read_json, to_json};
pub use lex::without_prompt;
pub use near::near_names;
pub use place::{Elsewhere, Place, Spot};
pub use read::{Editor, MOST_NOTES, Notes, Reading, read};
pub use render::render;
pub use secret::Secret;
pub use select::select;
pub use spell::Keys;
pub use table::{Block, Part, Repeats, Row, Takes};
pub use tree::{Item, Section, Writer};
pub use value::{Datum, Value, is_device};
